/**
 * Functions that are made again and again: `tf.function` called in a loop, or in a function that is called in one.
 *
 * Each such object traces once, and none of them is ever traced again, so no single one can tell. Objects are therefore
 * counted by the place and source of their definition. One counts as a re-creation when it was made after another of
 * its definition had been traced: twelve layers that are built first and called then are not.
 */
import { Cause, type Place, type StageTimes } from './cause.ts'
import { describeCause } from './describe.ts'
import type { Finding, UnreadMiss } from './finding.ts'
import { type GraphDigest, likeness, textHash } from './graph-digest.ts'
import { layOut, type Retrace } from './message.ts'
import { hasListeners, showRetraces, tellListeners } from './output.ts'
import { fixesFor } from './remedy.ts'

/** A traced function as its definition sees it. */
export interface Member {
  readonly name: string
  /** Its number among all traced functions made. */
  readonly created: number
  readonly calls: number
  readonly wallTime: number
}

export interface FirstTrace {
  readonly key: string
  readonly digest: GraphDigest
  readonly milliseconds: StageTimes
  readonly wasmBytes: number
  readonly callSite: Place
  readonly shows: boolean
}

/** The second re-creation is the third object. */
const firstShown = 2
const mostKeys = 64
const mostDefinitions = 4096

let creations = 0

/** Numbers a traced function that is being made. */
export function nextCreation(): number {
  return ++creations
}

const definitions = new Map<string, Definition>()

/** The definition at a place; undefined when the place is not known. */
export function definitionAt(definedAt: string | undefined, sourceText: string): Definition | undefined {
  if (definedAt === undefined) return undefined
  const key = `${definedAt}#${sourceText.length}.${textHash(sourceText)}`
  let definition = definitions.get(key)
  if (definition === undefined) {
    if (definitions.size >= mostDefinitions) definitions.clear()
    definitions.set(key, (definition = new Definition(definedAt)))
  }
  return definition
}

export class Definition {
  readonly #definedAt: string
  #cause: Cause | undefined
  #last: UnreadMiss | undefined
  #latest: Member | undefined
  #objects = 0
  /** Objects made so far when the latest was traced. */
  #creations = Infinity
  #digest: GraphDigest | undefined
  readonly #keys = new Set<string>()
  /** Calls and time of all but the latest. */
  #calls = 0
  #wallTime = 0

  constructor(definedAt: string) {
    this.#definedAt = definedAt
  }

  /** Takes in a function that has made its first trace. */
  join(member: Member, trace: FirstTrace): void {
    const again = member.created > this.#creations
    const alike = this.#digest && likeness(this.#digest, trace.digest)
    this.#creations = creations
    this.#calls += this.#latest?.calls ?? 0
    this.#wallTime += this.#latest?.wallTime ?? 0
    this.#latest = member
    this.#digest = trace.digest
    this.#objects++
    if (this.#keys.size < mostKeys) this.#keys.add(trace.key)
    // Closures that do other things are functions of their own.
    if (!again || alike === 'different') return
    const text = `${this.#objects} tf.function objects created at ${this.#definedAt}`
    const finding: Finding = {
      before: undefined,
      modes: undefined,
      differences: [{ path: member.name, kind: 're-created', before: undefined, after: undefined, text }],
    }
    const cause = (this.#cause ??= new Cause(finding.differences, false, firstShown))
    cause.add(finding.differences, trace.milliseconds, trace.wasmBytes, trace.callSite, alike)
    this.#last = { finding, milliseconds: trace.milliseconds, place: trace.callSite }
    if (hasListeners()) tellListeners(this.#describe(cause))
    if (!trace.shows || !cause.isDue(this.#share(cause))) return
    showRetraces(
      layOut(
        {
          name: member.name,
          definedAt: this.#definedAt,
          retraces: this.#objects,
          calls: this.#calls + member.calls,
          objects: this.#objects,
          milliseconds: { ...cause.times, total: cause.total },
          share: this.#share(cause),
          wasmBytes: cause.wasmBytes,
          tracesHeld: undefined,
          unchanged: [],
        },
        [this.#describe(cause)],
      ),
    )
    cause.shown()
  }

  /** The cause, when there were re-creations. */
  explain(): Retrace | undefined {
    return this.#cause && this.#describe(this.#cause)
  }

  #share(cause: Cause): number | undefined {
    const wall = this.#wallTime + (this.#latest?.wallTime ?? 0)
    return wall > 0 ? Math.min(1, cause.total / wall) : undefined
  }

  #describe(cause: Cause): Retrace {
    const name = this.#latest?.name ?? 'anonymous'
    const subject = {
      name,
      definedAt: this.#definedAt,
      isMethod: false,
      signatures: [],
      traces: this.#objects,
      hasInputSignature: false,
      reducesRetracing: false,
    }
    const fixes = fixesFor(cause, subject).map(({ text }) => ({ text, traces: this.#keys.size }))
    return describeCause(cause, {
      name,
      definedAt: this.#definedAt,
      share: this.#share(cause),
      traces: this.#objects,
      fixes,
      last: this.#last,
    })
  }
}

/** What is known of functions made again and again. */
export function recreations(): Retrace[] {
  return [...definitions.values()].flatMap((definition) => definition.explain() ?? [])
}
