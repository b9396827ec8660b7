/**
 * Records: copies of buffers that a loop leaves for a later one, such as its gradient.
 *
 * A record names the record before it, so that a chain of them is a stack; nothing is ever overwritten, so two chains
 * may share their beginning. The name of a record is its position in one growing array, and 0 is the empty chain. All
 * end with the call that made them.
 *
 * A merged record stands for the sums of what two chains keep: they are added up when they are popped.
 */
import { byteSize, type DType, type TypedArray } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { MergeStep, PopStep, PushStep } from '../program.ts'
import { viewAt, views } from './heap.ts'

/** A piece of wasm memory. */
interface Piece {
  readonly address: number
  readonly elements: number
  readonly dtype: DType
  /** Whether it holds the name of a record. */
  readonly isName?: boolean
}

/** Carries out a step that makes or takes apart a record; `placeOf` says where buffers are. */
export function carryOut(
  step: PushStep | PopStep | MergeStep,
  records: Records,
  placeOf: (buffer: number) => Piece,
): void {
  const named = (buffer: number): number => views().f64[placeOf(buffer).address / 8] ?? 0
  const given = named(step.record)
  const next =
    step.kind === 'push'
      ? records.push(given, step.values.map(placeOf))
      : step.kind === 'pop'
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

const headerBytes = 8
/** What is kept from call to call. */
const keptBytes = 2 ** 22

export class Records {
  #bytes = new Uint8Array(2 ** 12)
  #header = new Float64Array(this.#bytes.buffer)
  #used = headerBytes
  readonly #merged = new Map<number, readonly [number, number]>()

  /** Forgets all records. */
  clear(): void {
    this.#used = headerBytes
    this.#merged.clear()
    if (this.#bytes.length > keptBytes) this.#resize(2 ** 12)
  }

  /** A new record before `previous`; returns its name. */
  push(previous: number, pieces: readonly Piece[]): number {
    let bytes = headerBytes
    for (const piece of pieces) bytes += bytesOf(piece)
    const record = this.#used
    const end = Math.ceil((record + bytes) / headerBytes) * headerBytes
    if (end > this.#bytes.length) this.#resize(Math.max(end, 2 * this.#bytes.length))
    this.#used = end
    this.#header[record / headerBytes] = previous
    const memory = views().u8
    let at = record + headerBytes
    for (const piece of pieces) {
      const { address } = piece
      const count = bytesOf(piece)
      this.#bytes.set(memory.subarray(address, address + count), at)
      at += count
    }
    return record
  }

  /** The chain of the sums of two chains. */
  merge(x: number, y: number): number {
    if (x === 0 || y === 0) return x + y
    const record = this.push(x, [])
    this.#merged.set(record, [x, y])
    return record
  }

  #popMerged(x: number, y: number, pieces: readonly Piece[]): number {
    const contents = ({ dtype, address, elements }: Piece): TypedArray => viewAt(dtype, address, elements)
    const before = this.pop(x, pieces)
    const first = pieces.map((piece) => contents(piece).slice())
    const other = this.pop(y, pieces)
    pieces.forEach((piece, i) => {
      const sum = contents(piece)
      const added = first[i]
      if (added === undefined) throw new InternalError('a piece of a record is lacking')
      for (let k = 0; k < sum.length; k++) {
        const [a, b] = [added[k] ?? 0, sum[k] ?? 0]
        sum[k] = piece.isName ? this.merge(a, b) : a + b
      }
    })
    return this.merge(before, other)
  }

  /** Copies a record to memory; returns the name of the one before. The empty chain gives zeros. */
  pop(record: number, pieces: readonly Piece[]): number {
    const merged = this.#merged.get(record)
    if (merged !== undefined) return this.#popMerged(merged[0], merged[1], pieces)
    const memory = views().u8
    let at = record + headerBytes
    for (const piece of pieces) {
      const { address } = piece
      const bytes = bytesOf(piece)
      if (record === 0) memory.fill(0, address, address + bytes)
      else memory.set(this.#bytes.subarray(at, at + bytes), address)
      at += bytes
    }
    return record === 0 ? 0 : (this.#header[record / headerBytes] ?? 0)
  }

  #resize(bytes: number): void {
    const before = this.#bytes
    this.#bytes = new Uint8Array(Math.ceil(bytes / headerBytes) * headerBytes)
    this.#bytes.set(before.subarray(0, Math.min(this.#used, bytes)))
    this.#header = new Float64Array(this.#bytes.buffer)
  }
}
