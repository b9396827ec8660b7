/**
 * Sizes that a program finds while it runs, and the memory of the buffers that depend on them.
 *
 * Such a buffer gets memory of its own once the last of its sizes is known, and keeps it for later calls as long as it is
 * large enough; after a call no more than a few megabytes stay. What it held before its sizes were found anew is gone.
 */
import { byteSize } from '../dtype.ts'
import type { ProgramSpec } from '../program.ts'
import { evaluateSize, namesOfSize, type Size } from '../size.ts'
import { allocateBytes, freeBytes } from './heap.ts'

/** What stays allocated between calls. */
const keptBytes = 2 ** 22

/** True when the number of elements is found while the program runs. */
export function isFound(spec: ProgramSpec, elements: Size): boolean {
  if (typeof elements === 'number' || spec.found === undefined || spec.found.length === 0) return false
  const names = namesOfSize(elements)
  return spec.found.some((name) => names.has(name))
}

interface Area {
  address: number
  bytes: number
}

/** The found sizes of one activation of a program. */
export class FoundSizes {
  readonly #spec: ProgramSpec
  readonly #values = new Map<string, number>()
  readonly #areas = new Map<number, Area>()
  /** For each size, the buffers that depend on it. */
  readonly #dependents = new Map<string, readonly number[]>()
  #call: (name: string) => number = () => 0

  constructor(spec: ProgramSpec) {
    this.#spec = spec
    for (const name of spec.found ?? [])
      this.#dependents.set(
        name,
        spec.buffers.flatMap(({ elements, storage }, i) =>
          storage.kind !== 'variable' && namesOfSize(elements).has(name) ? [i] : [],
        ),
      )
  }

  /** A call begins; `sizeOf` gives the sizes that it came with. */
  begin(sizeOf: (name: string) => number): void {
    this.#call = sizeOf
    this.#values.clear()
  }

  evaluate(size: Size): number {
    return evaluateSize(size, (name) => this.#values.get(name) ?? this.#call(name))
  }

  valueOf(name: string): number | undefined {
    return this.#values.get(name)
  }

  elements(buffer: number): number {
    return this.evaluate(this.#spec.buffers[buffer]?.elements ?? 0)
  }

  /** Gives sizes their values; `moved` is told of new addresses of buffers. */
  bind(
    sizes: readonly (readonly [name: string, value: number])[],
    moved: (buffer: number, address: number) => void,
  ): void {
    const buffers = new Set<number>()
    for (const [name, value] of sizes) {
      this.#values.set(name, value)
      for (const buffer of this.#dependents.get(name) ?? []) buffers.add(buffer)
    }
    for (const buffer of buffers) {
      const bytes = this.elements(buffer) * byteSize(this.#spec.buffers[buffer]?.dtype ?? 'float64')
      const area = this.#areas.get(buffer)
      if (area !== undefined && area.bytes >= bytes) continue
      if (area !== undefined) freeBytes(area.address)
      // A size that grows from time to time shall not have to be moved each time.
      const room = Math.max(64, area === undefined ? bytes : Math.max(bytes, Math.ceil(1.5 * area.bytes)))
      this.#areas.delete(buffer)
      const address = allocateBytes(room)
      this.#areas.set(buffer, { address, bytes: room })
      moved(buffer, address)
    }
  }

  /** A call has ended: frees what is more than may stay. */
  end(): void {
    let kept = 0
    for (const [buffer, { address, bytes }] of this.#areas) {
      kept += bytes
      if (kept <= keptBytes) continue
      kept -= bytes
      freeBytes(address)
      this.#areas.delete(buffer)
    }
  }

  /** Frees all. */
  dispose(): void {
    for (const { address } of this.#areas.values()) freeBytes(address)
    this.#areas.clear()
  }
}
