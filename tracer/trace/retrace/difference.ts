/**
 * What differs between two signatures, path by path, and which earlier trace is nearest.
 *
 * The nearest trace is the one with the fewest differing paths, and of those the most recent; the class of a difference
 * plays no part, so a setting that changed long ago is not blamed for an argument that changed now. All differing
 * paths are given, except those that come and go with the array or object they stand in.
 */
import type { ArgumentType, Entry } from '../argument.ts'
import { identityOf } from '../identity.ts'
import { textHash } from './graph-digest.ts'

/** Why a path asks for a trace of its own. Each has its own remedy. */
export type RetraceKind =
  | 'shape'
  | 'rank'
  | 'dtype'
  | 'constant'
  /** Another sort of value: a number where there was a tensor. */
  | 'type'
  | 'object identity'
  /** Another instance with equal fields. */
  | 'equal instance'
  | 'function identity'
  /** Another function with the same source. */
  | 'inline callback'
  | 'structure'
  | 'variable alias'
  | 'variable type'
  /** What the process is set to. */
  | 'mode'
  /** Sizes that a trace took to be equal are not. */
  | 'size assumption'
  | 'cache cleared'
  | 'cache evicted'
  /** The object that keyed the trace is gone. */
  | 'key collected'
  /** The traced function itself is made again and again. */
  | 're-created'
  /** More combinations of paths than are told apart. */
  | 'various'

/** A path whose type is not the nearest trace's; undefined where it was absent. */
export interface Difference {
  readonly path: string
  readonly kind: RetraceKind
  readonly before: Entry | undefined
  readonly after: Entry | undefined
  /** What to say instead, for what is no argument. */
  readonly text?: string | undefined
}

export type Mode = Readonly<Record<string, string>>

/** What is remembered of an object that keys a trace, without holding it: enough to know its likeness again. */
interface ObjectNote {
  readonly fields: readonly string[]
  readonly text: string
}

export type ObjectNotes = ReadonlyMap<string, ObjectNote>

/** A trace's signature as the ledger remembers it. */
export interface Remembered {
  readonly entries: readonly Entry[]
  readonly mode: Mode
  readonly notes: ObjectNotes
}

const mostFields = 32
const noNotes: ObjectNotes = new Map()

/** Notes on the objects and functions among the entries. */
export function notesOn(entries: readonly Entry[]): ObjectNotes {
  let notes: Map<string, ObjectNote> | undefined
  for (const { path, type } of entries) {
    if (type.kind !== 'object') continue
    const object = type.object.deref()
    if (object !== undefined) (notes ??= new Map()).set(path, noteOn(object))
  }
  return notes ?? noNotes
}

function noteOn(object: object): ObjectNote {
  if (typeof object === 'function') {
    const source = Function.prototype.toString.call(object)
    return { fields: [], text: `${source.length}.${textHash(source)}` }
  }
  const fields = Object.keys(object).slice(0, mostFields)
  // Getters are not run: they may do anything.
  const values = fields.map((field) => fieldText(Object.getOwnPropertyDescriptor(object, field)?.value))
  return { fields, text: fields.map((field, i) => `${field}=${values[i]}`).join(';') }
}

function fieldText(value: unknown): string {
  if (value !== null && (typeof value === 'object' || typeof value === 'function'))
    return `#${identityOf(value)}`
  if (typeof value === 'string') return `"${value.length}.${textHash(value)}`
  return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`
}

function fewerDifferences(x: Remembered, y: Remembered, limit: number): number {
  let count = 0
  const { entries } = x
  const others = y.entries
  const aligned =
    entries.length === others.length && entries.every((entry, i) => entry.path === others[i]?.path)
  if (aligned) {
    for (let i = 0; i < entries.length && count < limit; i++)
      if (entries[i]?.text !== others[i]?.text) count++
  } else {
    const texts = new Map(entries.map(({ path, text }) => [path, text]))
    for (const { path, text } of others) {
      if (texts.get(path) !== text) count++
      texts.delete(path)
    }
    count += texts.size
  }
  for (const name in y.mode) if (x.mode[name] !== y.mode[name]) count++
  return count
}

/** The nearest of the remembered traces, given oldest first. */
export function nearest<T extends Remembered>(traces: readonly T[], now: Remembered): T | undefined {
  let best: T | undefined
  let least = Infinity
  for (let i = traces.length - 1; i >= 0 && least > 1; i--) {
    const trace = traces[i]
    if (trace === undefined) continue
    const count = fewerDifferences(trace, now, least)
    if (count < least) {
      least = count
      best = trace
    }
  }
  return best
}

/** The differing paths of the arguments. */
export function differencesBetween(before: Remembered, after: Remembered): readonly Difference[] {
  const old = new Map(before.entries.map((entry) => [entry.path, entry]))
  const found: Difference[] = []
  const note = (path: string, x: Entry | undefined, y: Entry | undefined): void => {
    if (x?.text !== y?.text)
      found.push({ path, kind: kindOf(x, y, before.notes, after.notes), before: x, after: y })
  }
  for (const entry of after.entries) {
    note(entry.path, old.get(entry.path), entry)
    old.delete(entry.path)
  }
  for (const entry of old.values()) note(entry.path, entry, undefined)
  const containers = found.filter(
    ({ before: x, after: y }) => x?.type.kind === 'structure' || y?.type.kind === 'structure',
  )
  return found.filter(
    ({ path, before: x, after: y }) =>
      (x !== undefined && y !== undefined) ||
      !containers.some((container) => path !== container.path && within(path, container.path)),
  )
}

/** The settings that differ. */
export function modeChanges(
  before: Mode,
  after: Mode,
): readonly { readonly path: string; readonly before: string; readonly after: string }[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((path) => before[path] !== after[path])
    .map((path) => ({ path, before: before[path] ?? 'absent', after: after[path] ?? 'absent' }))
}

/** True when `path` is `container` or stands in it. */
export function within(path: string, container: string): boolean {
  if (!path.startsWith(container)) return false
  const next = path[container.length]
  return next === undefined || next === '.' || next === '['
}

function kindOf(
  before: Entry | undefined,
  after: Entry | undefined,
  oldNotes: ObjectNotes,
  newNotes: ObjectNotes,
): RetraceKind {
  if (before === undefined || after === undefined) return 'structure'
  const x = before.type
  const y = after.type
  if (x.kind === 'tensor' && y.kind === 'tensor') {
    if (x.dtype !== y.dtype) return 'dtype'
    return x.shape === null || x.shape.length !== y.shape?.length ? 'rank' : 'shape'
  }
  if (x.kind === 'variable' && y.kind === 'variable')
    return x.alias === y.alias ? 'variable type' : 'variable alias'
  if (x.kind === 'constant' && y.kind === 'constant') return 'constant'
  if (x.kind === 'object' && y.kind === 'object')
    return identityKind(x, y, oldNotes.get(before.path), newNotes.get(after.path))
  return x.kind === 'structure' && y.kind === 'structure' ? 'structure' : 'type'
}

type ObjectType = Extract<ArgumentType, { kind: 'object' }>

function identityKind(
  x: ObjectType,
  y: ObjectType,
  before: ObjectNote | undefined,
  after: ObjectNote | undefined,
): RetraceKind {
  const alike = before !== undefined && after !== undefined && before.text === after.text
  if (isFunctionType(x) && isFunctionType(y)) return alike ? 'inline callback' : 'function identity'
  // An object without fields of its own may keep its state out of sight.
  if (alike && x.label === y.label && after.fields.length > 0) return 'equal instance'
  return x.object.deref() === undefined ? 'key collected' : 'object identity'
}

/** True for the type of an argument that is a function. */
export function isFunctionType(type: ObjectType): boolean {
  return type.label.startsWith('function ') || type.label === 'function'
}
