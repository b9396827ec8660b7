/**
 * Records: copies of buffers that a loop leaves for a later one, such as its gradient.
 *
 * A record names the record before it, so that a chain of them is a stack; nothing is ever overwritten, so two chains
 * may share their beginning. The name of a record is its position in one growing array, and 0 is the empty chain. All
 * end with the call that made them.
 */
import { views } from './heap.ts'

/** A piece of wasm memory. */
export interface Piece {
  readonly address: number
  readonly bytes: number
}

const headerBytes = 8
/** What is kept from call to call. */
const keptBytes = 2 ** 22

export class Records {
  #bytes = new Uint8Array(2 ** 12)
  #header = new Float64Array(this.#bytes.buffer)
  #used = headerBytes

  /** Forgets all records. */
  clear(): void {
    this.#used = headerBytes
    if (this.#bytes.length > keptBytes) this.#resize(2 ** 12)
  }

  /** A new record before `previous`; returns its name. */
  push(previous: number, pieces: readonly Piece[]): number {
    let bytes = headerBytes
    for (const piece of pieces) bytes += piece.bytes
    const record = this.#used
    const end = Math.ceil((record + bytes) / headerBytes) * headerBytes
    if (end > this.#bytes.length) this.#resize(Math.max(end, 2 * this.#bytes.length))
    this.#used = end
    this.#header[record / headerBytes] = previous
    const memory = views().u8
    let at = record + headerBytes
    for (const { address, bytes: count } of pieces) {
      this.#bytes.set(memory.subarray(address, address + count), at)
      at += count
    }
    return record
  }

  /** Copies a record to memory; returns the name of the one before. The empty chain gives zeros. */
  pop(record: number, pieces: readonly Piece[]): number {
    const memory = views().u8
    let at = record + headerBytes
    for (const { address, bytes } of pieces) {
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
