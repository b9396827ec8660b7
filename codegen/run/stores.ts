/**
 * What a call of a program has besides its buffers: records, lists, and the sizes it finds while it runs.
 */
import type { DType } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { ListStep, MergeStep, PopStep, ProgramSpec, PushStep, Step } from '../program.ts'
import { allSteps } from '../steps.ts'
import { FoundSizes } from './found.ts'
import { views } from './heap.ts'
import { carryOutList, Lists } from './lists.ts'
import { carryOut, Records } from './records.ts'

/** A step that records or lists are used by. */
export type StoreStep = PushStep | PopStep | MergeStep | ListStep

/** The steps of a program that need stores, by kind and id. */
export function storeSteps(spec: ProgramSpec): ReadonlyMap<string, StoreStep> {
  const found = new Map<string, StoreStep>()
  for (const step of allSteps(spec.steps))
    if (isStoreStep(step)) found.set(storeKey(step.kind, step.id), step)
  return found
}

function isStoreStep(step: Step): step is StoreStep {
  return step.kind === 'push' || step.kind === 'pop' || step.kind === 'merge' || step.kind === 'list'
}

function storeKey(kind: StoreStep['kind'], id: number): string {
  return kind === 'list' ? `list ${id}` : `${id}`
}

/** Where buffers are in the call in progress. */
export interface BufferPlaces {
  readonly addressOf: (buffer: number) => number
  readonly elementsOf: (buffer: number) => number
  readonly moved: (buffer: number, address: number) => void
  /** Tells the compiled code a size. */
  readonly setSize: (name: string, value: number) => void
}

/** The stores of one activation of a program. */
export class Stores {
  readonly #spec: ProgramSpec
  /** Known during a call only: what is kept between calls must not keep the program. */
  #places: BufferPlaces | undefined
  readonly records: Records
  readonly #lists: Lists
  readonly found: FoundSizes
  /** Buffers that may hold names of lists. */
  readonly #scalars: readonly number[]

  /** `area` is the address of the fields that say where records are. */
  constructor(spec: ProgramSpec, area: number) {
    this.#spec = spec
    this.#lists = new Lists(
      (x, y) => this.records.merge(x, y),
      () => (this.records.isEmpty ? this.#scalars.map((buffer) => this.#valueOf(buffer)) : undefined),
    )
    this.records = new Records(area, (x, y) => this.#lists.merge(x, y))
    this.found = new FoundSizes(spec)
    this.#scalars = spec.buffers.flatMap(({ dtype, elements }, i) =>
      dtype === 'float64' && elements === 1 ? [i] : [],
    )
  }

  /** A call begins; `sizeOf` gives the sizes that it came with. */
  begin(places: BufferPlaces, sizeOf: (name: string) => number): void {
    this.#places = places
    this.found.begin(sizeOf)
  }

  /** The call has ended. */
  end(): void {
    this.#places = undefined
    this.records.clear()
    this.#lists.clear()
    this.found.end()
  }

  /** Frees what is kept from call to call. */
  dispose(): void {
    this.records.dispose()
    this.found.dispose()
  }

  #valueOf(buffer: number): number {
    return views().f64[(this.#places?.addressOf(buffer) ?? 0) / 8] ?? 0
  }

  carryOut(step: StoreStep): void {
    const places = this.#places
    if (places === undefined) throw new InternalError(`program ${this.#spec.name} is not running`)
    const placeOf = (buffer: number): { address: number; elements: number; dtype: DType } => {
      const dtype = this.#spec.buffers[buffer]?.dtype
      if (dtype === undefined) throw new InternalError(`program ${this.#spec.name} has no buffer ${buffer}`)
      return { address: places.addressOf(buffer), elements: places.elementsOf(buffer), dtype }
    }
    if (step.kind === 'push') throw new InternalError(`program ${this.#spec.name} pushes by itself`)
    if (step.kind !== 'list') return carryOut(step, this.records, placeOf)
    carryOutList(step, this.#lists, {
      placeOf,
      evaluate: (size) => this.found.evaluate(size),
      bind: (sizes) => {
        for (const [name, value] of sizes) places.setSize(name, value)
        this.found.bind(sizes, places.moved)
      },
    })
  }
}
