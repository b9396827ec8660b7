/**
 * Records: copies of buffers that a loop leaves for a later one, such as its gradient.
 *
 * A record names the record before it, so that a chain of them is a stack; nothing is ever overwritten, so two chains
 * may share their beginning. All lie in one area of memory, which moves when it has to grow: the name of a record is its
 * offset there, and 0 is the empty chain. All end with the call that made them. Compiled code pushes and pops by itself
 * (wasm/record-functions.ts); here is what happens seldom.
 *
 * A merged record stands for the sums of what two chains keep: they are added up when they are popped.
 */
import { byteSize, type DType, type TypedArray } from '../dtype.ts'
import { InternalError, ValueError } from '../errors.ts'
import type { MergeStep, PopStep } from '../program.ts'
import { recordHeaderBytes } from '../wasm/record-functions.ts'
import { allocateBytes, freeBytes, viewAt, views } from './heap.ts'

/** A piece of wasm memory. */
interface Piece {
  readonly address: number
  readonly elements: number
  readonly dtype: DType
  /** Whether it holds the name of a record. */
  readonly isName?: boolean
}

/** Carries out a step that compiled code leaves to JavaScript; `placeOf` says where buffers are. */
export function carryOut(
  step: PopStep | MergeStep,
  records: Records,
  placeOf: (buffer: number) => Piece,
): void {
  const named = (buffer: number): number => views().f64[placeOf(buffer).address / 8] ?? 0
  const given = named(step.record)
  const next =
    step.kind === 'pop'
      ? records.pop(
          given,
          step.values.map((buffer, i) => ({ ...placeOf(buffer), isName: step.names[i] === true })),
        )
      : records.merge(given, named(step.other))
  views().f64[placeOf(step.result).address / 8] = next
}

function bytesOf({ elements, dtype }: Piece): number {
  return elements * byteSize(dtype)
}

/** What is kept from call to call, whether it is used or not. */
const keptBytes = 2 ** 22
const leastBytes = 2 ** 12

export class Records {
  /** Index of the first of the fields: address, bytes used, bytes there are. */
  readonly #fields: number
  readonly #merged = new Map<number, readonly [number, number]>()
  /** Merges what negative numbers name: lists. */
  readonly #mergeLists: (x: number, y: number) => number

  /** `area` is the address of the three fields. */
  constructor(area: number, mergeLists: (x: number, y: number) => number) {
    this.#fields = area / 4
    this.#mergeLists = mergeLists
    views().i32.set([0, recordHeaderBytes, 0], this.#fields)
  }

  get isEmpty(): boolean {
    return this.#used === recordHeaderBytes
  }

  #field(i: number): number {
    return (views().i32[this.#fields + i] ?? 0) >>> 0
  }

  get #address(): number {
    return this.#field(0)
  }

  get #used(): number {
    return this.#field(1)
  }

  /** Forgets all records. Memory stays if much of it was used. */
  clear(): void {
    const [used, capacity] = [this.#used, this.#field(2)]
    if (capacity > keptBytes && used < capacity / 4) this.dispose()
    views().i32[this.#fields + 1] = recordHeaderBytes
    this.#merged.clear()
  }

  /** Frees the memory. */
  dispose(): void {
    if (this.#address !== 0) freeBytes(this.#address)
    views().i32.set([0, recordHeaderBytes, 0], this.#fields)
  }

  /** Makes room for `end` bytes in all. */
  reserve(end: number): void {
    const capacity = this.#field(2)
    if (end <= capacity) return
    const { address, bytes } = allocateOneOf([Math.max(end, 2 * capacity, leastBytes), end])
    const before = this.#address
    views().u8.copyWithin(address, before, before + this.#used)
    if (before !== 0) freeBytes(before)
    views().i32[this.#fields] = address
    views().i32[this.#fields + 2] = bytes
  }

  /** A record that stands for the sums of two chains. */
  #pushMerged(x: number, y: number): number {
    const record = this.#used
    this.reserve(record + recordHeaderBytes)
    views().i32[this.#fields + 1] = record + recordHeaderBytes
    views().f64[(this.#address + record) / 8] = -Infinity
    this.#merged.set(record, [x, y])
    return record
  }

  /** The chain of the sums of two chains. */
  merge(x: number, y: number): number {
    if (x === 0 || y === 0) return x + y
    if (x < 0 && y < 0) return this.#mergeLists(x, y)
    return this.#pushMerged(x, y)
  }

  #popMerged(x: number, y: number, pieces: readonly Piece[]): number {
    const contents = ({ dtype, address, elements }: Piece): TypedArray => viewAt(dtype, address, elements)
    const before = this.pop(x, pieces)
    const first = pieces.map((piece) => contents(piece).slice())
    const other = this.pop(y, pieces)
    pieces.forEach((piece, i) => {
      const added = first[i]
      if (added === undefined) throw new InternalError('a piece of a record is lacking')
      const sum = contents(piece).slice()
      for (let k = 0; k < sum.length; k++) {
        const [a, b] = [added[k] ?? 0, sum[k] ?? 0]
        sum[k] = piece.isName ? this.merge(a, b) : a + b
      }
      // Merging may have made the memory grow.
      contents(piece).set(sum)
    })
    return this.merge(before, other)
  }

  /** Copies a record to memory; returns the name of the one before. The empty chain gives zeros. */
  pop(record: number, pieces: readonly Piece[]): number {
    const merged = this.#merged.get(record)
    if (merged !== undefined) return this.#popMerged(merged[0], merged[1], pieces)
    const memory = views().u8
    let at = this.#address + record + recordHeaderBytes
    for (const piece of pieces) {
      const { address } = piece
      const bytes = bytesOf(piece)
      if (record === 0) memory.fill(0, address, address + bytes)
      else memory.copyWithin(address, at, at + bytes)
      at += bytes
    }
    return record === 0 ? 0 : (views().f64[(this.#address + record) / 8] ?? 0)
  }
}

/** As many bytes as memory has room for, of the numbers given, from the largest to the one that must be. */
function allocateOneOf([bytes, ...fewer]: readonly number[]): {
  readonly address: number
  readonly bytes: number
} {
  if (bytes === undefined) throw new InternalError('no number of bytes was given')
  if (fewer.length === 0) return { address: allocateBytes(bytes), bytes }
  try {
    return { address: allocateBytes(bytes), bytes }
  } catch (error) {
    if (error instanceof ValueError) return allocateOneOf(fewer)
    throw error
  }
}
