/**
 * Taking the time of a program's steps.
 *
 * A call of a program is one call into wasm, so the steps inside it cannot be timed from outside. While a profile is
 * taken, programs run in a variant of their own, made when first needed: a call of the host after each step, which
 * reads the clock. Programs as they are otherwise know nothing of this. The variant has the same frame table, so that
 * it can take the place of the other at any call.
 *
 * A step that calls the host may run other programs meanwhile: their time is theirs, not the step's.
 */
import type { HostStep, ProgramSpec, Step } from '../program.ts'
import { allSteps, listsInside, mapInside } from '../steps.ts'
import type { FrameLayout } from '../wasm/frame.ts'
import { views } from './heap.ts'

/** All calls of a program with the same sizes, from one place. */
export interface ProfiledCalls {
  readonly spec: ProgramSpec
  /** The steps that are timed: those that hold no others. */
  readonly steps: readonly Step[]
  readonly sizes: ReadonlyMap<string, number>
  /** The user's line the call was made from, for programs whose steps know none. */
  readonly site: string | undefined
  /** How often the program was called. */
  calls: number
  /** Per step: how often it ran, and for how many milliseconds. */
  readonly counts: Float64Array
  readonly milliseconds: Float64Array
}

/** A stretch of time on the clock of `performance.now()`. */
export interface ProfiledEvent {
  readonly of: ProfiledCalls
  /** Index of the step; −1 for the whole call. */
  readonly step: number
  readonly start: number
  readonly milliseconds: number
}

/** A call in progress. */
interface Running {
  /** Where its marks begin. */
  readonly first: number
  /** When the latest step ended, and how long calls made since then have taken. */
  last: number
  nested: number
  readonly begun: number
}

/** More events than this are counted but not kept. */
const mostEvents = 200_000
/** Numbers of a mark: step, start, end, milliseconds of its own. */
const markNumbers = 4
/** Numbers of an event: calls, step, start, milliseconds. */
const eventNumbers = 4

/** Numbers one after the other, with room for more: objects would cost more than what is measured. */
class Numbers {
  length = 0
  #values = new Float64Array(4096)

  push(a: number, b: number, c: number, d: number): void {
    if (this.length + 4 > this.#values.length) {
      const grown = new Float64Array(2 * this.#values.length)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.length++] = a
    this.#values[this.length++] = b
    this.#values[this.length++] = c
    this.#values[this.length++] = d
  }

  at(i: number): number {
    return this.#values[i] ?? 0
  }
}

/** What is collected while a profile is taken. */
export class ProgramProfile {
  /** Events that were not kept. */
  dropped = 0
  /** What taking the profile itself has taken. */
  ownMilliseconds = 0
  #calls: ProfiledCalls[] = []
  #known = new Map<ProgramSpec, Map<string, number>>()
  #events = new Numbers()
  readonly #marks = new Numbers()
  readonly #running: Running[] = []
  readonly #siteOf: () => string | undefined
  readonly #clockMs: number

  /** @param siteOf the user's line that is running */
  constructor(siteOf: () => string | undefined) {
    this.#siteOf = siteOf
    this.#clockMs = clockMilliseconds()
  }

  get calls(): readonly ProfiledCalls[] {
    return this.#calls
  }

  /** The first of what happened, in the order in which it ended; the calls of programs before their steps. */
  *events(): Generator<ProfiledEvent> {
    for (let i = 0; i < this.#events.length; i += eventNumbers) {
      const of = this.#calls[this.#events.at(i)]
      const [step, start, milliseconds] = [1, 2, 3].map((k) => this.#events.at(i + k)) as [
        number,
        number,
        number,
      ]
      if (of !== undefined) yield { of, step, start, milliseconds }
    }
  }

  /** Forgets what has been collected. */
  clear(): void {
    this.#calls = []
    this.#known = new Map()
    this.#events = new Numbers()
    this.dropped = 0
    this.ownMilliseconds = 0
  }

  begin(): void {
    const now = performance.now()
    this.#running.push({ first: this.#marks.length, last: now, nested: 0, begun: now })
  }

  mark(step: number): void {
    const end = performance.now()
    const running = this.#running.at(-1)
    if (running === undefined) return
    const own = Math.max(0, end - running.last - running.nested - this.#clockMs)
    this.#marks.push(step, running.last, end, own)
    running.nested = 0
    running.last = performance.now()
    this.ownMilliseconds += running.last - end
  }

  end(spec: ProgramSpec, steps: readonly Step[], sizes: ReadonlyMap<string, number>): void {
    const running = this.#running.pop()
    if (running === undefined) return
    const ended = performance.now()
    const knowsSource = steps.some(({ origin }) => origin !== undefined && origin.sources.length > 0)
    const index = this.#callsOf(spec, steps, sizes, knowsSource ? undefined : this.#siteOf())
    const of = this.#calls[index] as ProfiledCalls
    of.calls++
    this.#keep(index, -1, running.begun, ended - running.begun)
    for (let i = running.first; i < this.#marks.length; i += markNumbers) {
      const [step, start] = [this.#marks.at(i), this.#marks.at(i + 1)]
      of.counts[step] = (of.counts[step] ?? 0) + 1
      of.milliseconds[step] = (of.milliseconds[step] ?? 0) + this.#marks.at(i + 3)
      this.#keep(index, step, start, this.#marks.at(i + 2) - start)
    }
    this.#marks.length = running.first
    const around = this.#running.at(-1)
    const now = performance.now()
    this.ownMilliseconds += now - ended
    // With what this function has taken itself.
    if (around !== undefined) around.nested += now - running.begun
  }

  #keep(index: number, step: number, start: number, milliseconds: number): void {
    if (this.#events.length < mostEvents * eventNumbers) this.#events.push(index, step, start, milliseconds)
    else this.dropped++
  }

  #callsOf(
    spec: ProgramSpec,
    steps: readonly Step[],
    sizes: ReadonlyMap<string, number>,
    site: string | undefined,
  ): number {
    const bySizes = this.#known.get(spec) ?? new Map<string, number>()
    this.#known.set(spec, bySizes)
    const key = `${[...sizes.values()].join()} ${site ?? ''}`
    let index = bySizes.get(key)
    if (index === undefined) {
      const [counts, milliseconds] = [new Float64Array(steps.length), new Float64Array(steps.length)]
      index = this.#calls.push({ spec, steps, sizes, site, calls: 0, counts, milliseconds }) - 1
      bySizes.set(key, index)
    }
    return index
  }
}

/** What reading the clock adds to the time of a step. */
function clockMilliseconds(): number {
  let least = Infinity
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    for (let i = 0; i < 200; i++) performance.now()
    least = Math.min(least, (performance.now() - start) / 200)
  }
  return least
}

/** The profile being taken, if any. */
export let activeProfile: ProgramProfile | undefined

/** Sets the profile being taken; returns the one before, to be set again afterwards. */
export function setActiveProfile(profile: ProgramProfile | undefined): ProgramProfile | undefined {
  const before = activeProfile
  activeProfile = profile
  return before
}

type Main = (frame: number) => void

/** Host calls of this id and above are marks. */
const firstMark = 2 ** 30

/** The planned program with a mark after each step that holds no others, and these steps in the order of their marks. */
export function markedProgram(spec: ProgramSpec): {
  readonly spec: ProgramSpec
  readonly steps: readonly Step[]
} {
  const steps = allSteps(spec.steps).filter((step) => !isControl(step))
  let next = 0
  const mark = (list: readonly Step[]): readonly Step[] =>
    list.flatMap((step): readonly Step[] => {
      if (isControl(step)) return [mapInside(step, mark)]
      const host: HostStep = { kind: 'host', id: firstMark + next++, reads: [], writes: [] }
      return [step, host]
    })
  return { spec: { ...spec, steps: mark(spec.steps) }, steps }
}

function isControl(step: Step): boolean {
  return listsInside(step).length > 0
}

/**
 * The `main` of a planned program that is timed step by step, to be called while there is an active profile.
 *
 * @param host what the program's own host steps call
 * @param compile makes the `main` of a program of the same buffers and sizes, given what its host steps call
 */
export function profiledMain(
  spec: ProgramSpec,
  frame: FrameLayout,
  host: (id: number) => void,
  compile: (spec: ProgramSpec, host: (id: number) => void) => Main,
): Main {
  const names = [...spec.sizes, ...(spec.found ?? [])]
  let variant: { readonly main: Main; readonly steps: readonly Step[] } | undefined
  return (address) => {
    if (variant === undefined) {
      const marked = markedProgram(spec)
      const main = compile(marked.spec, (id) => {
        if (id >= firstMark) activeProfile?.mark(id - firstMark)
        else host(id)
      })
      variant = { main, steps: marked.steps }
    }
    const profile = activeProfile
    profile?.begin()
    try {
      variant.main(address)
    } finally {
      const { i32 } = views()
      const sizes = new Map(names.map((name, i) => [name, i32[(address + (frame.sizes[i] ?? 0)) / 4] ?? 0]))
      profile?.end(spec, variant.steps, sizes)
    }
  }
}
