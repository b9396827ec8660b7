/**
 * All functions that have been traced again, held weakly, and the functions traced while another one is.
 */
import type { Place } from './cause.ts'
import { byCost } from './describe.ts'
import type { Retrace } from './message.ts'
import { recreations } from './recreated.ts'

/** What can tell its causes. */
export interface Explaining {
  ownCauses(): Retrace[]
}

const known = new Set<WeakRef<Explaining>>()
const forgotten = new FinalizationRegistry<WeakRef<Explaining>>((reference) => known.delete(reference))

/** Keeps a function in mind as long as it lives. */
export function register(explaining: Explaining): void {
  const reference = new WeakRef(explaining)
  known.add(reference)
  forgotten.register(explaining, reference)
}

/** Every cause of every function that is still there, the dearest first. */
export function allRetraces(): Retrace[] {
  const own = [...known].flatMap((reference) => reference.deref()?.ownCauses() ?? [])
  return [...own, ...recreations()].sort(byCost)
}

/** Functions traced again while another was being traced, until that one reports its own trace. */
let nested = new Map<string, number>()

export function noteNested(name: string): void {
  nested.set(name, (nested.get(name) ?? 0) + 1)
}

/** The functions that a trace that has just been made is to answer for; none for a nested one. */
export function takeNested(outer: Place): ReadonlyMap<string, number> {
  const taken = nested
  if (outer !== undefined || taken.size === 0) return new Map()
  nested = new Map()
  return taken
}
