/**
 * Why a trace is being made: which remembered trace is nearest, and what differs from it.
 */
import { type Place, placeText, type StageTimes, totalOf } from './cause.ts'
import {
  type Difference,
  differencesBetween,
  isFunctionType,
  type Mode,
  modeChanges,
  nearest,
  notesOn,
  type Remembered,
  type RetraceKind,
} from './difference.ts'
import type { TraceAttempt, TraceEvent } from './event.ts'
import { type GraphDigest, partingLine } from './graph-digest.ts'
import type { Miss } from './message.ts'

/** A signature with a text that is equal for equal ones. */
export interface KeyedSignature extends Remembered {
  readonly key: string
}

/** A trace as it is remembered. */
export interface TraceRecord extends KeyedSignature {
  readonly digest: GraphDigest
  /** Dropped on request since. */
  cleared: boolean
}

export interface Finding {
  readonly differences: readonly Difference[]
  readonly before: TraceRecord | undefined
  /** Settings before and now, where they differ. */
  readonly modes: { readonly before: Mode; readonly after: Mode } | undefined
}

export function keyedSignature({ signature: { entries }, mode = {} }: TraceAttempt): KeyedSignature {
  const settings = Object.entries(mode).map(([name, value]) => `${name}=${value}`)
  const key = `${entries.map(({ path, text }) => `${path}:${text}`).join(';')}|${settings.join(';')}`
  return { entries, mode, notes: notesOn(entries), key }
}

/** Why `now` is traced, given the traces so far, oldest first; undefined for a first trace. */
export function findingOf(
  records: readonly TraceRecord[],
  now: KeyedSignature,
  event: Pick<TraceEvent, 'kind' | 'reason'>,
  isMethod: boolean,
): Finding | undefined {
  const again = records.findLast((record) => record.key === now.key)
  if (event.kind === 'specialised') return assumption(again ?? nearest(records, now), now, event.reason)
  if (again !== undefined) {
    const text = again.cleared ? 'cleared' : 'full'
    return {
      before: again,
      modes: undefined,
      differences: [circumstance('traces held', again.cleared ? 'cache cleared' : 'cache evicted', text)],
    }
  }
  // Traces of other objects that a method was called on are not this one's.
  const self = receiverOf(now)
  const before = nearest(isMethod ? records.filter((record) => receiverOf(record) === self) : records, now)
  if (before === undefined) return undefined
  const differences = differencesBetween(before, now)
  // There is none to be found: then the last was keyed by an object that is gone, or it really is the first.
  if (event.kind === 'first' && !(differences.length > 0 && differences.every(mayBeGone))) return undefined
  const changed = modeChanges(before.mode, now.mode)
  const modes = changed.length === 0 ? undefined : { before: before.mode, after: now.mode }
  if (differences.length > 0 || modes === undefined) return { before, modes, differences }
  return { before, modes, differences: changed.map(({ path }) => circumstance(path, 'mode')) }
}

function assumption(
  before: TraceRecord | undefined,
  now: KeyedSignature,
  reason: string | undefined,
): Finding {
  const others =
    before === undefined ? [] : differencesBetween(before, now).filter(({ kind }) => kind !== 'shape')
  return {
    before,
    modes: undefined,
    differences: [...others, circumstance('sizes', 'size assumption', reason ?? 'differ')],
  }
}

/**
 * Lines where constants that differ first mattered: where the graphs part. With several constants that have changed
 * only those are told apart that are in the graph as numbers.
 */
export function readLines(
  { before, differences }: Finding,
  now: TraceRecord,
): Readonly<Record<string, string>> {
  if (before === undefined) return {}
  const constants = differences.filter(({ kind }) => kind === 'constant')
  const isOnly = constants.length === 1 && differences.length === 1
  return Object.fromEntries(
    constants.flatMap(({ path, after }) => {
      const value = after?.type.kind === 'constant' ? after.type.value : undefined
      const number = typeof value === 'number' ? value : undefined
      if (!isOnly && number === undefined) return []
      const line = partingLine(before.digest.trail, now.digest.trail, isOnly ? undefined : number)
      return line === undefined ? [] : [[path, line] as const]
    }),
  )
}

/** A difference that is in no argument. */
function circumstance(path: string, kind: RetraceKind, text?: string): Difference {
  return { path, kind, before: undefined, after: undefined, text }
}

function receiverOf({ entries }: Remembered): string | undefined {
  return entries.find(({ path }) => path === 'this')?.text
}

function mayBeGone({ path, before, after }: Difference): boolean {
  if (path === 'this' || before?.type.kind !== 'object' || after?.type.kind !== 'object') return false
  return (
    isFunctionType(before.type) ||
    before.type.label === after.type.label ||
    before.type.object.deref() === undefined
  )
}

/** A miss before it is put into words. */
export interface UnreadMiss {
  readonly finding: Finding
  readonly milliseconds: StageTimes
  readonly place: Place
}

export function missOf({ finding: { differences, modes }, milliseconds, place }: UnreadMiss): Miss {
  const settings =
    modes === undefined
      ? []
      : modeChanges(modes.before, modes.after).map((change) => ({ ...change, kind: 'mode' as const }))
  const changes = differences
    .filter(({ kind }) => kind !== 'mode')
    .map(({ path, kind, before, after, text }) => ({
      path,
      kind,
      before: before?.text ?? 'absent',
      after: text ?? after?.text ?? 'absent',
    }))
  return {
    changes: [...changes, ...settings],
    callSite: placeText(place),
    milliseconds: totalOf(milliseconds),
  }
}
