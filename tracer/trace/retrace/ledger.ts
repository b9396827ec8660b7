/**
 * The ledger of one traced function: what it was traced for, why it was traced again, and what that has cost.
 *
 * The function reports every trace it makes (`traced`) and counts its calls (`called`). On a trace that is not the first
 * the ledger finds the nearest remembered signature, files the retrace under its cause, tells the listeners, and shows
 * a message when the cause is due one. Nothing is done on a call that finds its trace. Signatures and fingerprints of
 * graphs are remembered, the last hundred or so; graphs, tensors and key objects are not held.
 */
import type { Entry } from '../argument.ts'
import { SignatureError } from '../../../codegen/errors.ts'
import type { Graph } from '../../ir/graph.ts'
import { addTimes, Cause, type MutableTimes, type Place, placeText, type StageTimes, totalOf } from './cause.ts'
import { type Difference, differencesBetween, isFunctionType, type Mode, modeChanges, nearest, notesOn, type Remembered, type RetraceKind } from './difference.ts'
import { digestOf, type GraphDigest, likeness } from './graph-digest.ts'
import { hasListeners, measureStages, showRetraces, tellListeners } from './output.ts'
import { layOut, type Miss, plainText, type Retrace, type RetraceMessage, type Standing } from './message.ts'
import { Definition, definitionOf, recreatedCauses } from './recreated.ts'
import { fixesFor } from './remedy.ts'

export interface LedgerOptions {
  /** `trainStep`, `Trainer.step`. */
  readonly name: string
  readonly definedAt: Place
  /** The callback's source. */
  readonly sourceText: string
  /** Methods have an object's own traces, and are made once per object by right. Variants made for gradients never count. */
  readonly kind?: 'function' | 'method' | 'gradient variant'
  readonly onRetrace?: 'warn' | 'off' | 'error'
  readonly hasInputSignature?: boolean
  readonly reducesRetracing?: boolean
}

/** A trace that is about to be made. */
export interface TraceAttempt {
  readonly signature: { readonly entries: readonly Entry[] }
  readonly callSite: Place
  /** Settings that select a trace: `{ device: 'wasm', mode: 'traced' }`. */
  readonly mode?: Mode
  /** The eager call that led here, when another function is being traced. */
  readonly outer?: Place
}

/** A trace that was made. */
export interface TraceEvent extends TraceAttempt {
  /**
   * `first`: there was none (for this object, of a method). `creation`: the second pass over a callback that created
   * Variables. `specialised`: sizes that a trace took to be equal are not. `retrace`: any other.
   */
  readonly kind: 'first' | 'creation' | 'retrace' | 'specialised'
  /** As traced, before any pass. */
  readonly graph: Graph
  readonly milliseconds: StageTimes
  readonly wasmBytes: number
  /** Traces the function holds now. */
  readonly held: number
  /** What a specialised trace is made for: `the sizes n0 and n1 are not equal`. */
  readonly reason?: string
  /** Lines where constants first mattered, by path. */
  readonly readAt?: Readonly<Record<string, string>>
}

interface TraceRecord extends Remembered {
  readonly key: string
  readonly digest: GraphDigest | undefined
  cleared: boolean
}

/** Why a trace is being made, when it is not the first. */
interface Finding {
  readonly differences: readonly Difference[]
  readonly before: TraceRecord | undefined
  readonly modes: { readonly before: Mode; readonly after: Mode } | undefined
}

const mostRecords = 128
const mostCauses = 24

const ledgers = new Set<WeakRef<RetraceLedger>>()
const forgotten = new FinalizationRegistry<WeakRef<RetraceLedger>>((ledger) => ledgers.delete(ledger))

export class RetraceLedger {
  readonly name: string
  readonly #options: LedgerOptions
  readonly #records: TraceRecord[] = []
  readonly #causes = new Map<string, Cause>()
  /** The most recent miss of each cause. */
  readonly #misses = new Map<Cause, Miss>()
  #definition: Definition | undefined
  #registered = false
  #traces = 0
  #retraces = 0
  #held = 0
  #calls = 0
  /** Calls before the first retrace. */
  #callsBefore: number | undefined
  /** Set while a call that traced has not been counted yet. */
  #tracing = false
  #unfinished = 0
  /** Wall time of calls that traced, and of the others as far as they were timed. */
  #missTime = 0
  #hitTime = 0
  #hits = 0
  #timedHits = 0
  readonly #lost: MutableTimes = { trace: 0, compile: 0, assemble: 0 }
  #lostBytes = 0
  #lastEntries: readonly Entry[] = []
  #lastMode: Mode = {}

  constructor(options: LedgerOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Counts a call that has ended; `milliseconds` is its wall time, tracing included, when it was taken. */
  called(milliseconds?: number): void {
    this.#calls++
    if (this.#tracing) {
      this.#missTime += milliseconds ?? this.#unfinished
      this.#tracing = false
      this.#unfinished = 0
      return
    }
    this.#hits++
    if (milliseconds === undefined) return
    this.#hitTime += milliseconds
    this.#timedHits++
  }

  /** Notes that the function's traces were dropped on request. */
  cleared(): void {
    for (const record of this.#records) record.cleared = true
    this.#held = 0
  }

  /** With `onRetrace: 'error'`: throws when a trace for this signature would be a retrace. Asked before it is made. */
  refuse(attempt: TraceAttempt): void {
    if (this.#options.onRetrace !== 'error' || attempt.outer !== undefined || this.#records.length === 0) return
    const finding = this.#find('retrace', remembered(attempt), undefined)
    if (finding !== undefined) throw this.#error(finding, attempt)
  }

  /** Takes note of a trace. Throws SignatureError for a retrace with `onRetrace: 'error'`; the trace is then forgotten. */
  traced(event: TraceEvent): void {
    measureStages(this.name, event.milliseconds)
    this.#tracing = true
    this.#unfinished += totalOf(event.milliseconds)
    if (this.#options.kind === 'gradient variant') return
    const now = remembered(event)
    const finding = event.kind === 'creation' ? undefined : this.#find(event.kind, now, event.reason)
    if (finding !== undefined && this.#options.onRetrace === 'error' && event.outer === undefined) throw this.#error(finding, event)
    const record: TraceRecord = { ...now, digest: digestOf(event.graph), cleared: false }
    this.#remember(record, event)
    const innerFunctions = takeNested(event.outer)
    if (finding !== undefined) this.#file(finding, record, event, innerFunctions)
    else if (this.#traces === 1 && this.#options.kind !== 'method' && event.outer === undefined) this.#joinDefinition(record, event)
  }

  /** The causes of this function's retraces, the dearest first. */
  explain(): Retrace[] {
    const own = [...this.#causes.values()].map((cause) => this.#describe(cause))
    const definition = this.#definition?.explain()
    return [...own, ...(definition === undefined ? [] : [definition])].sort((x, y) => y.milliseconds.total - x.milliseconds.total || y.count - x.count)
  }

  /** The same without what it shares with other functions of the same definition. */
  ownCauses(): Retrace[] {
    return [...this.#causes.values()].map((cause) => this.#describe(cause))
  }

  /** Everything known as text, due or not; undefined when there were no retraces. */
  report(): string | undefined {
    const causes = this.ownCauses()
    return causes.length === 0 ? undefined : plainText(this.#message(causes))
  }

  /** The function's wall time as far as it is known, in milliseconds. */
  get wallTime(): number {
    const perHit = this.#timedHits === 0 ? 0 : this.#hitTime / this.#timedHits
    return this.#missTime + this.#unfinished + perHit * this.#hits
  }

  get calls(): number {
    return this.#calls + (this.#tracing ? 1 : 0)
  }

  get definedAt(): string | undefined {
    return placeText(this.#options.definedAt)
  }

  #find(kind: TraceEvent['kind'], now: Remembered & { readonly key: string }, reason: string | undefined): Finding | undefined {
    const again = this.#records.findLast((record) => record.key === now.key)
    if (kind === 'specialised') {
      const before = again ?? nearest(this.#records, now)
      const differences = before === undefined ? [] : differencesBetween(before, now)
      return { before, modes: undefined, differences: [...differences.filter((difference) => difference.kind !== 'shape'), circumstance(reason ?? 'sizes', 'size assumption')] }
    }
    if (again !== undefined) return { before: again, modes: undefined, differences: [circumstance('trace cache', again.cleared ? 'cache cleared' : 'cache evicted')] }
    // Traces of another object that a method was called on are not this one's.
    const self = now.entries.find(({ path }) => path === 'this')?.text
    const records = this.#options.kind === 'method' ? this.#records.filter(({ entries }) => entries.find(({ path }) => path === 'this')?.text === self) : this.#records
    const before = nearest(records, now)
    if (before === undefined) return undefined
    const differences = differencesBetween(before, now)
    // The cache says there was none: then the trace was keyed by an object that is gone, or it is right.
    if (kind === 'first' && !differences.every((difference) => isIdentity(difference) && difference.path !== 'this')) return undefined
    const modes = modeChanges(before.mode, now.mode).length === 0 ? undefined : { before: before.mode, after: now.mode }
    if (differences.length > 0 || modes === undefined) return { before, modes, differences }
    return { before, modes, differences: modeChanges(before.mode, now.mode).map(({ path }) => ({ path, kind: 'mode', before: undefined, after: undefined })) }
  }

  #remember(record: TraceRecord, event: TraceEvent): void {
    this.#held = event.held
    this.#lastEntries = event.signature.entries
    this.#lastMode = record.mode
    // The second pass is the trace that counts.
    if (event.kind === 'creation' && this.#records.at(-1)?.key === record.key) this.#records.pop()
    else this.#traces++
    this.#records.push(record)
    if (this.#records.length > mostRecords) this.#records.shift()
  }

  #file(finding: Finding, record: TraceRecord, event: TraceEvent, innerFunctions: ReadonlyMap<string, number>): void {
    const nested = event.outer !== undefined
    const cause = this.#causeOf(finding.differences, nested)
    const alike = finding.before?.digest === undefined || record.digest === undefined ? undefined : likeness(finding.before.digest, record.digest)
    const place = event.outer ?? event.callSite
    this.#callsBefore ??= this.#calls
    this.#retraces++
    addTimes(this.#lost, event.milliseconds)
    this.#lostBytes += event.wasmBytes
    cause.add(finding.differences, event.milliseconds, event.wasmBytes, place, alike)
    if (finding.modes !== undefined) cause.addModes(finding.modes.before, finding.modes.after)
    for (const [name, count] of innerFunctions) cause.alsoTraced.set(name, (cause.alsoTraced.get(name) ?? 0) + count)
    for (const [path, line] of Object.entries(event.readAt ?? {})) if (cause.paths.has(path)) cause.readAt.set(path, line)
    this.#misses.set(cause, missOf(finding, event.milliseconds, place))
    if (nested) noteNested(this.name)
    this.#register()
    if (hasListeners()) tellListeners(this.#describe(cause))
    if (this.#options.onRetrace !== 'off' && cause.isDue(this.#share(cause.total))) this.#show()
  }

  #causeOf(differences: readonly Difference[], nested: boolean): Cause {
    const key = `${nested ? 'nested ' : ''}${differences.map(({ path, kind }) => `${kind} ${path}`).sort().join('|')}`
    const known = this.#causes.get(key)
    if (known !== undefined) return known
    // Past many causes the rest are one: whatever the paths, the message stays short.
    const full = this.#causes.size >= mostCauses
    const rest = `${nested ? 'nested ' : ''}rest`
    const cause = (full && this.#causes.get(rest)) || new Cause(differences, nested)
    this.#causes.set(full ? rest : key, cause)
    return cause
  }

  #show(): void {
    const causes = [...this.#causes.values()].filter((cause) => !cause.nested)
    const due = causes.filter((cause) => cause.isDue(this.#share(cause.total)))
    showRetraces(this.#message(causes.map((cause) => this.#describe(cause))))
    for (const cause of due) cause.shown()
  }

  #message(causes: readonly Retrace[]): RetraceMessage {
    return layOut(this.#standing(), causes)
  }

  #standing(): Standing {
    const blamed = new Set([...this.#causes.values()].flatMap((cause) => [...cause.paths.keys(), ...cause.alsoChanged.keys()]))
    const same = this.#lastEntries.filter(({ path, type }) => type.kind !== 'structure' && !blamed.has(path))
    const total = totalOf(this.#lost)
    return {
      name: this.name,
      definedAt: this.definedAt,
      retraces: this.#retraces,
      calls: Math.max(this.#retraces, this.calls - (this.#callsBefore ?? 0)),
      milliseconds: { ...this.#lost, total },
      share: this.#share(total),
      wasmBytes: this.#lostBytes,
      tracesHeld: this.#held,
      unchanged: [
        ...same.map(({ path, text }) => (path === 'this' ? `this (${text})` : path)),
        ...Object.entries(this.#lastMode)
          .filter(([name]) => !blamed.has(name))
          .map(([name, value]) => `${name} ${value}`),
      ],
    }
  }

  /** The part of the function's time that is `milliseconds`. */
  #share(milliseconds: number): number | undefined {
    const wall = this.wallTime
    return wall > 0 ? Math.min(1, milliseconds / wall) : undefined
  }

  #describe(cause: Cause): Retrace {
    const fixes = fixesFor(cause, {
      name: this.name,
      isMethod: this.#options.kind === 'method',
      definedAt: this.definedAt,
      signatures: this.#records,
      traces: this.#traces,
      hasInputSignature: this.#options.hasInputSignature ?? false,
      reducesRetracing: this.#options.reducesRetracing ?? false,
    })
    const last = this.#misses.get(cause) ?? { changes: [], callSite: undefined, milliseconds: 0 }
    return describe(cause, { name: this.name, definedAt: this.definedAt, share: this.#share(cause.total), traces: this.#traces, fixes, last })
  }

  #error(finding: Finding, { callSite }: TraceAttempt): SignatureError {
    const cause = new Cause(finding.differences, false)
    const digest = finding.before?.digest
    cause.add(finding.differences, { trace: 0, compile: 0 }, 0, callSite, undefined)
    if (finding.modes !== undefined) cause.addModes(finding.modes.before, finding.modes.after)
    this.#misses.set(cause, missOf(finding, { trace: 0, compile: 0 }, callSite))
    const described = this.#describe(cause)
    this.#misses.delete(cause)
    void digest
    const changes = described.paths.map(({ path, pattern, note }) => [path, pattern, note])
    const site = placeText(callSite)
    const where = this.definedAt === undefined ? '' : ` (defined at ${this.definedAt})`
    return new SignatureError({
      op: `tf.function ${this.name}`,
      problem: `it would be traced again${where}`,
      rows: [...changes, ...described.alsoChanged.map(({ path, pattern }) => [path, pattern, 'changed as well'])],
      fix: `${described.fixes.map(({ text }) => text.replace(/^or /, '')).join('; or ')}.`,
      ...(site === undefined ? {} : { site }),
    })
  }

  #joinDefinition(record: TraceRecord, event: TraceEvent): void {
    this.#definition = definitionOf(this.definedAt, this.#options.sourceText)
    this.#definition?.join(this, { ...event, key: record.key, digest: record.digest, onRetrace: this.#options.onRetrace ?? 'warn' })
  }

  #register(): void {
    if (this.#registered) return
    this.#registered = true
    const reference = new WeakRef<RetraceLedger>(this)
    ledgers.add(reference)
    forgotten.register(this, reference)
  }
}

/** A cause as it is told. */
export function describe(
  cause: Cause,
  about: {
    readonly name: string
    readonly definedAt: string | undefined
    readonly share: number | undefined
    readonly traces: number
    readonly fixes: Retrace['fixes']
    readonly last: Miss
  },
): Retrace {
  const paths = [...cause.paths.values()].map(({ path, kind, pattern, note, dimensions }) => ({ path, kind, pattern, note, dimensions, readAt: cause.readAt.get(path) }))
  return {
    function: about.name,
    definedAt: about.definedAt,
    kind: paths[0]?.kind ?? 'size assumption',
    paths,
    alsoChanged: [...cause.alsoChanged.values()].map(({ path, kind, pattern, note }) => ({ path, kind, pattern, note, dimensions: [] })),
    count: cause.count,
    milliseconds: { ...cause.times, total: cause.total },
    share: about.share,
    wasmBytes: cause.wasmBytes,
    callSites: cause.sites,
    sameGraph: [...cause.likenesses].map(([alike, count]) => ({ likeness: alike, count })),
    fixes: about.fixes,
    tracesMade: about.traces,
    nested: cause.nested,
    alsoTraced: [...cause.alsoTraced].map(([name, count]) => ({ function: name, count })),
    last: about.last,
  }
}

/** Every cause of every function that is still there, the dearest first. */
export function allRetraces(): Retrace[] {
  const own = [...ledgers].flatMap((reference) => reference.deref()?.ownCauses() ?? [])
  return [...own, ...recreatedCauses()].sort((x, y) => y.milliseconds.total - x.milliseconds.total || y.count - x.count)
}

function remembered({ signature: { entries }, mode = {} }: TraceAttempt): Remembered & { readonly key: string } {
  const settings = Object.entries(mode).map(([name, value]) => `${name}=${value}`)
  return { entries, mode, notes: notesOn(entries), key: `${entries.map(({ path, text }) => `${path}:${text}`).join(';')}|${settings.join(';')}` }
}

/** A difference that is in no argument. */
function circumstance(path: string, kind: RetraceKind): Difference {
  return { path, kind, before: undefined, after: undefined }
}

function isIdentity({ before, after }: Difference): boolean {
  return before?.type.kind === 'object' && after?.type.kind === 'object' && (isFunctionType(before.type) || before.type.object.deref() === undefined || before.type.label === after.type.label)
}

function missOf({ differences, modes }: Finding, times: StageTimes, place: Place): Miss {
  const changes = differences.map(({ path, kind, before, after }) => ({ path, kind, before: before?.text ?? 'absent', after: after?.text ?? 'absent' }))
  const settings = modes === undefined ? [] : modeChanges(modes.before, modes.after).map((change) => ({ ...change, kind: 'mode' as const }))
  const blamed = new Set(changes.map(({ path }) => path))
  return {
    changes: [...changes.filter(({ path }) => !settings.some((setting) => setting.path === path)), ...settings.filter(({ path }) => blamed.has(path))],
    callSite: placeText(place),
    milliseconds: totalOf(times),
  }
}

/** Functions traced again while another was being traced, until that one reports its own trace. */
let nestedFunctions = new Map<string, number>()

function noteNested(name: string): void {
  nestedFunctions.set(name, (nestedFunctions.get(name) ?? 0) + 1)
}

function takeNested(outer: Place): ReadonlyMap<string, number> {
  if (outer !== undefined || nestedFunctions.size === 0) return new Map()
  const taken = nestedFunctions
  nestedFunctions = new Map()
  return taken
}
