/**
 * The ledger of one traced function: what it was traced for, why it was traced again, and what that has cost.
 *
 * The function reports every trace it makes (`traced`) and counts its calls (`called`). On a trace that is not the first
 * the ledger finds the nearest remembered signature, files the retrace under its cause, tells the listeners, and shows
 * a message when the cause is due one. Nothing is done on a call that finds its trace. Signatures and fingerprints of
 * graphs are remembered, the last hundred or so; graphs, tensors and key objects are not held.
 */
import { SignatureError } from '../../../codegen/errors.ts'
import type { Entry } from '../argument.ts'
import { addTimes, Cause, type MutableTimes, placeText, totalOf } from './cause.ts'
import { byCost, describeCause } from './describe.ts'
import type { Difference, Mode, Remembered } from './difference.ts'
import type { LedgerOptions, TraceAttempt, TraceEvent } from './event.ts'
import {
  type Finding,
  findingOf,
  keyedSignature,
  readLines,
  type TraceRecord,
  type UnreadMiss,
} from './finding.ts'
import { digestOf, likeness } from './graph-digest.ts'
import { layOut, plainText, type Retrace, type RetraceMessage, type Standing } from './message.ts'
import { hasListeners, measureStages, showRetraces, tellListeners } from './output.ts'
import { type Definition, definitionAt, type Member, nextCreation } from './recreated.ts'
import { type Explaining, noteNested, register, takeNested } from './registry.ts'
import { fixesFor } from './remedy.ts'

const mostRecords = 128
const mostCauses = 24
const noTime = { trace: 0, compile: 0 }

export class RetraceLedger implements Member, Explaining {
  readonly name: string
  readonly created: number = nextCreation()
  readonly #options: LedgerOptions
  readonly #records: TraceRecord[] = []
  readonly #causes = new Map<string, Cause>()
  /** The most recent miss of each cause. */
  readonly #misses = new Map<Cause, UnreadMiss>()
  #definition: Definition | undefined
  #registered = false
  #traces = 0
  #held = 0
  #calls = 0
  /** Retraces of its own, what they cost, and the calls before the first of them. */
  #retraces = 0
  readonly #lost: MutableTimes = { trace: 0, compile: 0, assemble: 0 }
  #lostBytes = 0
  #callsBefore: number | undefined
  /** Set while a call that traced has not been counted yet; its stages so far in milliseconds. */
  #tracing = false
  #unfinished = 0
  /** Wall time of calls that traced, and of the others as far as they were timed. */
  #missTime = 0
  #hitTime = 0
  #hits = 0
  #timedHits = 0
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

  /**
   * With `onRetrace: 'error'`, throws SignatureError when a trace for this signature would be a retrace; asked before
   * the callback runs. Otherwise does nothing.
   */
  refuse(attempt: TraceAttempt): void {
    if (!this.#refuses(attempt) || this.#records.length === 0) return
    const finding = this.#find(attempt, { kind: 'retrace' })
    if (finding !== undefined) throw this.#error(finding, attempt)
  }

  /**
   * Takes note of a trace, before it is put into the cache. Throws SignatureError for a retrace with
   * `onRetrace: 'error'`, and forgets the trace: the same call will throw again.
   */
  traced(event: TraceEvent): void {
    measureStages(this.name, event.milliseconds)
    this.#tracing = true
    this.#unfinished += totalOf(event.milliseconds)
    if (this.#options.kind === 'gradient variant') return
    const innerFunctions = takeNested(event.outer)
    const finding = event.kind === 'creation' ? undefined : this.#find(event, event)
    if (finding !== undefined && this.#refuses(event)) throw this.#error(finding, event)
    const record: TraceRecord = { ...keyedSignature(event), digest: digestOf(event.graph), cleared: false }
    this.#remember(record, event)
    if (finding !== undefined) this.#file(finding, record, event, innerFunctions)
    else if (
      this.#traces === 1 &&
      event.kind !== 'creation' &&
      this.#options.kind !== 'method' &&
      event.outer === undefined
    ) {
      this.#definition = definitionAt(this.definedAt, this.#options.sourceText)
      this.#definition?.join(this, {
        ...event,
        key: record.key,
        digest: record.digest,
        shows: this.#options.onRetrace !== 'off',
      })
    }
  }

  /** The causes of this function's retraces, the dearest first, and of its being made again and again. */
  explain(): Retrace[] {
    return [...this.ownCauses(), ...[this.#definition?.explain() ?? []].flat()].sort(byCost)
  }

  /** The causes of this function's retraces. */
  ownCauses(): Retrace[] {
    return [...this.#causes.values()].map((cause) => this.#describe(cause))
  }

  /** The message about all that is known, due or not; undefined when there were no retraces. */
  report(): string | undefined {
    const causes = this.ownCauses()
    return causes.length === 0 ? undefined : plainText(this.#message(causes))
  }

  /** The function's wall time as far as it is known, in milliseconds. */
  get wallTime(): number {
    const perHit = this.#timedHits === 0 ? 0 : this.#hitTime / this.#timedHits
    return this.#missTime + this.#unfinished + perHit * this.#hits
  }

  /** Calls, one in progress included. */
  get calls(): number {
    return this.#calls + (this.#tracing ? 1 : 0)
  }

  get definedAt(): string | undefined {
    return placeText(this.#options.definedAt)
  }

  #refuses({ outer }: TraceAttempt): boolean {
    return this.#options.onRetrace === 'error' && outer === undefined
  }

  #find(attempt: TraceAttempt, event: Pick<TraceEvent, 'kind' | 'reason'>): Finding | undefined {
    return this.#records.length === 0
      ? undefined
      : findingOf(this.#records, keyedSignature(attempt), event, this.#options.kind === 'method')
  }

  #remember(record: TraceRecord, event: TraceEvent): void {
    this.#held = event.held
    this.#lastEntries = record.entries
    this.#lastMode = record.mode
    // The second pass is the trace that counts.
    if (event.kind === 'creation' && this.#records.at(-1)?.key === record.key) this.#records.pop()
    else this.#traces++
    this.#records.push(record)
    if (this.#records.length > mostRecords) this.#records.shift()
  }

  #file(
    finding: Finding,
    record: TraceRecord,
    event: TraceEvent,
    innerFunctions: ReadonlyMap<string, number>,
  ): void {
    const { milliseconds, wasmBytes, outer } = event
    const [cause, differences] = this.#causeOf(finding.differences, outer !== undefined)
    const place = outer ?? event.callSite
    cause.add(
      differences,
      milliseconds,
      wasmBytes,
      place,
      finding.before && likeness(finding.before.digest, record.digest),
    )
    if (finding.modes !== undefined) cause.addModes(finding.modes.before, finding.modes.after)
    for (const [name, count] of innerFunctions)
      cause.alsoTraced.set(name, (cause.alsoTraced.get(name) ?? 0) + count)
    for (const [path, line] of Object.entries(event.readAt ?? readLines(finding, record)))
      if (cause.paths.has(path)) cause.readAt.set(path, line)
    this.#misses.set(cause, { finding, milliseconds, place })
    if (outer === undefined) {
      this.#callsBefore ??= this.#calls
      this.#retraces++
      addTimes(this.#lost, milliseconds)
      this.#lostBytes += wasmBytes
    } else noteNested(this.name)
    if (!this.#registered) register(this)
    this.#registered = true
    if (hasListeners()) tellListeners(this.#describe(cause))
    if (this.#options.onRetrace !== 'off' && cause.isDue(this.#share(cause.total))) this.#show()
  }

  /** The cause of these differences, and what it is told of them. */
  #causeOf(differences: readonly Difference[], nested: boolean): [Cause, readonly Difference[]] {
    const key = causeKey(differences, nested)
    const known = this.#causes.get(key)
    if (known !== undefined) return [known, differences]
    if (this.#causes.size < mostCauses) {
      const cause = new Cause(differences, nested)
      this.#causes.set(key, cause)
      return [cause, differences]
    }
    // Past many causes the rest are one, by the names of what differed last: the message stays short.
    const text = `${differences.length} paths, ${differences[0]?.path ?? ''} among them`
    const rest: readonly Difference[] = [
      { path: 'other paths', kind: 'various', before: undefined, after: undefined, text },
    ]
    const restKey = causeKey(rest, nested)
    const cause = this.#causes.get(restKey) ?? new Cause(rest, nested)
    this.#causes.set(restKey, cause)
    return [cause, rest]
  }

  #show(): void {
    const causes = [...this.#causes.values()].filter((cause) => !cause.nested)
    showRetraces(this.#message(causes.map((cause) => this.#describe(cause))))
    for (const cause of causes) if (cause.isDue(this.#share(cause.total))) cause.shown()
  }

  #message(causes: readonly Retrace[]): RetraceMessage {
    return layOut(this.#standing(), causes)
  }

  #standing(): Standing {
    const blamed = new Set(
      [...this.#causes.values()].flatMap((cause) => [...cause.paths.keys(), ...cause.alsoChanged.keys()]),
    )
    const texts = new Map(this.#records[0]?.entries.map(({ path, text }) => [path, text]))
    const same = this.#lastEntries.filter(
      ({ path, type, text }) => type.kind !== 'structure' && !blamed.has(path) && texts.get(path) === text,
    )
    const settings = Object.entries(this.#lastMode).filter(([name]) => !blamed.has(name))
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
        ...settings.map(([name, value]) => `${name} ${value}`),
      ],
    }
  }

  /** The part of the function's time that is `milliseconds`. */
  #share(milliseconds: number): number | undefined {
    const wall = this.wallTime
    return wall > 0 ? Math.min(1, milliseconds / wall) : undefined
  }

  #describe(cause: Cause, signatures: readonly Remembered[] = this.#records): Retrace {
    const { name, definedAt } = this
    const { kind, hasInputSignature = false, reducesRetracing = false } = this.#options
    const isMethod = kind === 'method'
    const fixes = fixesFor(cause, {
      name,
      definedAt,
      isMethod,
      hasInputSignature,
      reducesRetracing,
      signatures,
      traces: this.#traces,
    })
    return describeCause(cause, {
      name,
      definedAt,
      fixes,
      last: this.#misses.get(cause),
      share: this.#share(cause.total),
      traces: this.#traces,
    })
  }

  #error(finding: Finding, attempt: TraceAttempt): SignatureError {
    const cause = new Cause(finding.differences, false)
    cause.add(finding.differences, noTime, 0, undefined, undefined)
    if (finding.modes !== undefined) cause.addModes(finding.modes.before, finding.modes.after)
    const { paths, alsoChanged, fixes, definedAt } = this.#describe(cause, [
      ...this.#records,
      keyedSignature(attempt),
    ])
    const site = placeText(attempt.callSite)
    return new SignatureError({
      op: `tf.function ${this.name}`,
      problem: `it would be traced again${definedAt === undefined ? '' : `; defined at ${definedAt}`}`,
      rows: [
        ...paths.map(({ path, pattern, note }) => [path, pattern, note]),
        ...alsoChanged.map(({ path, pattern }) => [path, pattern, 'changed as well']),
      ],
      fix: `${fixes.map(({ text }) => text.replace(/^or /, '')).join(', or ')}.`,
      ...(site === undefined ? {} : { site }),
    })
  }
}

function causeKey(differences: readonly Difference[], nested: boolean): string {
  const parts = differences.map(({ path, kind }) => `${kind} ${path}`).sort()
  return `${nested ? 'nested ' : ''}${parts.join('|')}`
}
