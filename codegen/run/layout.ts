/**
 * Addresses in the arena, once sizes are known.
 *
 * Blocks are placed from the largest to the smallest, each in the tightest gap between the blocks already placed that
 * are alive at the same time, or after the last of them. Finding the true optimum is hard; this comes close to the
 * lower bound, the most bytes alive at any step, on the programs that gradients of networks make.
 */
import { byteSize } from '../dtype.ts'
import { mostElements, tooManyElements } from '../limits.ts'
import type { ProgramBuffer, ProgramSpec } from '../program.ts'
import { evaluateSize, printSize, type Size } from '../size.ts'
import { paddedBytes } from './allocator.ts'
import { isFound } from './found.ts'
import type { MemoryPlan } from './plan.ts'

/** A range of steps and how many bytes it needs. */
export interface Lifetime {
  readonly bytes: number
  readonly start: number
  readonly end: number
}

/** Where blocks lie, relative to the start of the arena. */
export interface Packing {
  readonly offsets: readonly number[]
  /** Bytes of arena needed, slack included. */
  readonly bytes: number
}

/** Blocks of this many bytes start on a cache line, like everything the allocator hands out. */
const largeBytes = 1024

/** Places blocks so that those alive at a common step do not overlap; 16 bytes of slack follow each. */
export function packLifetimes(lifetimes: readonly Lifetime[]): Packing {
  const offsets = lifetimes.map(() => 0)
  const order = lifetimes
    .map((_, i) => i)
    .sort((i, j) => (lifetimes[j]?.bytes ?? 0) - (lifetimes[i]?.bytes ?? 0) || i - j)
  /** Placed blocks by offset. */
  const placed: { readonly offset: number; readonly end: number; readonly lifetime: Lifetime }[] = []
  let bytes = 0
  for (const index of order) {
    const lifetime = lifetimes[index]
    if (lifetime === undefined) continue
    const size = paddedBytes(lifetime.bytes)
    const alignment = lifetime.bytes >= largeBytes ? 64 : 16
    let best: number | undefined
    let bestGap = Infinity
    let free = 0
    for (const other of placed) {
      if (other.lifetime.end < lifetime.start || other.lifetime.start > lifetime.end) continue
      const start = Math.ceil(free / alignment) * alignment
      const gap = other.offset - start
      if (gap >= size && gap < bestGap) {
        best = start
        bestGap = gap
      }
      free = Math.max(free, other.end)
    }
    const offset = best ?? Math.ceil(free / alignment) * alignment
    offsets[index] = offset
    bytes = Math.max(bytes, offset + size)
    let at = placed.length
    while (at > 0 && (placed[at - 1]?.offset ?? 0) > offset) at--
    placed.splice(at, 0, { offset, end: offset + size, lifetime })
  }
  return { offsets, bytes }
}

/** The most bytes alive at one step: no packing needs less. */
export function liveLowerBound(lifetimes: readonly Lifetime[]): number {
  const changes = lifetimes.flatMap(({ bytes, start, end }) => [
    { at: start, bytes: paddedBytes(bytes) },
    { at: end + 1, bytes: -paddedBytes(bytes) },
  ])
  // At one step, what dies makes room first.
  changes.sort((x, y) => x.at - y.at || x.bytes - y.bytes)
  let live = 0
  let most = 0
  for (const change of changes) {
    live += change.bytes
    most = Math.max(most, live)
  }
  return most
}

/** A plan with the sizes filled in. */
export interface Layout {
  /** Offset in the arena, one per block of the plan. */
  readonly offsets: readonly number[]
  /** Number of elements, one per buffer of the program. */
  readonly elements: readonly number[]
  readonly arenaBytes: number
}

function valuesOf(spec: ProgramSpec, sizes: readonly number[]): (size: Size) => number {
  const values = new Map(spec.sizes.map((name, i) => [name, sizes[i] ?? 0]))
  return (size) => evaluateSize(size, (name) => values.get(name) ?? 0)
}

/** The number of elements of each buffer: NaN where it is found while the program runs. */
function elementsOf(spec: ProgramSpec, evaluate: (size: Size) => number): number[] {
  return spec.buffers.map(({ elements }) => (isFound(spec, elements) ? Number.NaN : evaluate(elements)))
}

function lifetimesOf(plan: MemoryPlan, evaluate: (size: Size) => number): Lifetime[] {
  return plan.blocks.map(({ bytes, start, end }) => ({ bytes: evaluate(bytes), start, end }))
}

/** The layout for one set of values of the program's size names. */
export function layoutMemory(plan: MemoryPlan, sizes: readonly number[]): Layout {
  const evaluate = valuesOf(plan.spec, sizes)
  const elements = elementsOf(plan.spec, evaluate)
  const large = elements.find((count) => count > mostElements)
  if (large !== undefined) throw tooManyElements('memory', `a value of ${large} elements`)
  const { offsets, bytes } = packLifetimes(lifetimesOf(plan, evaluate))
  return {
    offsets,
    elements,
    arenaBytes: bytes,
  }
}

/** Layouts of the sizes a program was called with lately. */
export class LayoutCache {
  readonly #plan: MemoryPlan
  readonly #limit: number
  readonly #layouts = new Map<string, Layout>()

  constructor(plan: MemoryPlan, limit = 16) {
    this.#plan = plan
    this.#limit = limit
  }

  /** The layout for the sizes, made once. */
  get(sizes: readonly number[]): Layout {
    const key = sizes.join(',')
    const known = this.#layouts.get(key)
    const layout = known ?? layoutMemory(this.#plan, sizes)
    // A map iterates in insertion order: the first entry is the one not used for the longest time.
    this.#layouts.delete(key)
    this.#layouts.set(key, layout)
    for (const oldest of this.#layouts.keys()) {
      if (this.#layouts.size <= this.#limit) break
      this.#layouts.delete(oldest)
    }
    return layout
  }
}

/** How a program uses memory. */
export interface PlanReport {
  readonly name: string
  readonly buffers: readonly {
    readonly name: string
    /** dtype and number of elements: `float32 784*n0`. */
    readonly elements: string
    readonly bytes: number
    /** `arena`, `variable`, `constant` or `nowhere`. */
    readonly place: string
    /** Offset in the arena. */
    readonly offset: number | undefined
    /** First and last step it is alive at. */
    readonly live: readonly [number, number] | undefined
  }[]
  readonly arenaBytes: number
  /** The most bytes alive at one step. */
  readonly liveLowerBound: number
  /** What the buffers in the arena would take without sharing. */
  readonly unsharedBytes: number
  readonly inPlaceCommits: readonly string[]
  /** Bytes of the Variables it reads or writes, and of its constants. */
  readonly variableBytes: number
  readonly constantBytes: number
}

/** Describes a plan for one set of sizes. */
export function planReport(plan: MemoryPlan, sizes: readonly number[]): PlanReport {
  const evaluate = valuesOf(plan.spec, sizes)
  const lifetimes = lifetimesOf(plan, evaluate)
  const packing = packLifetimes(lifetimes)
  const buffers = plan.spec.buffers.map((buffer, i) => {
    const place = plan.places[i] ?? { kind: 'nowhere' }
    const block = place.kind === 'arena' ? place.block : -1
    const lifetime = lifetimes[block]
    return {
      name: buffer.name,
      elements: `${buffer.dtype} ${printSize(buffer.elements)}`,
      bytes: evaluate(buffer.elements) * byteSize(buffer.dtype),
      place: place.kind,
      offset: packing.offsets[block],
      live: lifetime === undefined ? undefined : ([lifetime.start, lifetime.end] as const),
    }
  })
  return {
    name: plan.spec.name,
    buffers,
    arenaBytes: packing.bytes,
    liveLowerBound: liveLowerBound(lifetimes),
    unsharedBytes: buffers.reduce(
      (sum, buffer) => (buffer.place === 'arena' ? sum + paddedBytes(buffer.bytes) : sum),
      0,
    ),
    inPlaceCommits: plan.inPlaceCommits,
    variableBytes: bytesIn(plan, buffers, 'variable'),
    constantBytes: bytesIn(plan, buffers, 'constant'),
  }
}

/** Bytes of the memory that buffers of one place take, each Variable counted once. */
function bytesIn(plan: MemoryPlan, buffers: PlanReport['buffers'], kind: 'variable' | 'constant'): number {
  const bytes = new Map<number, number>()
  plan.places.forEach((place, i) => {
    if (place.kind !== kind) return
    const key = place.kind === 'variable' ? place.index : i
    bytes.set(key, Math.max(bytes.get(key) ?? 0, buffers[i]?.bytes ?? 0))
  })
  return [...bytes.values()].reduce((sum, each) => sum + each, 0)
}

/** One more than the largest index of the buffers with this kind of storage. */
export function countOf(spec: ProgramSpec, kind: 'input' | 'variable'): number {
  return spec.buffers.reduce(
    (count, { storage }) => (storage.kind === kind ? Math.max(count, storage.index + 1) : count),
    0,
  )
}

/** A variable of a program: its elements (undefined when they depend on sizes) and the buffers that lie in it. */
export interface VariablePlace {
  readonly elements: number | undefined
  readonly buffers: readonly number[]
}

/** The variables of a planned program. */
export function variablesOf({ spec, places }: MemoryPlan): VariablePlace[] {
  const variables = Array.from({ length: countOf(spec, 'variable') }, () => ({
    own: undefined as ProgramBuffer | undefined,
    buffers: [] as number[],
  }))
  for (const buffer of spec.buffers)
    if (buffer.storage.kind === 'variable') {
      const variable = variables[buffer.storage.index]
      if (variable !== undefined) variable.own ??= buffer
    }
  places.forEach((place, buffer) => {
    if (place.kind === 'variable') variables[place.index]?.buffers.push(buffer)
  })
  return variables.map(({ own, buffers }) => ({
    elements: typeof own?.elements === 'number' ? own.elements : undefined,
    buffers,
  }))
}

/** Whether two lists hold the same numbers. */
export function sameNumbers(x: readonly number[], y: readonly number[]): boolean {
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}
