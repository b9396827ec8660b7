/**
 * Which byte ranges are taken: a best-fit allocator that knows addresses only, never the memory itself.
 *
 * Blocks tile the range it manages. Each is linked to its neighbours by address, so that a freed block merges with
 * free ones beside it, and free blocks are also linked into bins by the power of two of their size: an allocation
 * looks at a few blocks of its own bin and else takes the head of a larger bin. Nothing is written into the managed
 * memory, so a stray store cannot corrupt the allocator.
 */
import { InternalError } from '../errors.ts'

interface Block {
  address: number
  bytes: number
  free: boolean
  /** Neighbours by address. */
  before: Block | undefined
  after: Block | undefined
  /** Neighbours in the bin, while free. */
  previousFree: Block | undefined
  nextFree: Block | undefined
}

/** Every block's address and size is a multiple of this. */
const granule = 16
/** Bytes that belong to a block past what was asked for: vector code may read or write up to 15 bytes past an end. */
export const slackBytes = 16
/** Blocks of at least this many bytes start on a cache line. */
const largeBytes = 1024
const largeAlignment = 64
/** How many blocks of the bin of its own size an allocation looks at before it takes a larger one. */
const searchLimit = 16

/** A byte count rounded up to a multiple of 16, plus the slack: what a block of `bytes` bytes takes. */
export function paddedBytes(bytes: number): number {
  return Math.ceil(bytes / granule) * granule + slackBytes
}

function binOf(bytes: number): number {
  return Math.floor(Math.log2(bytes / granule))
}

/** Hands out ranges of [start, end); `extend` moves the end. */
export class Allocator {
  #bins: (Block | undefined)[] = []
  #taken = new Map<number, Block>()
  #last: Block | undefined
  #end: number
  /** Bytes in taken blocks, slack included. */
  bytesInUse = 0
  /** Most bytes ever in use. */
  highWater = 0
  /** Number of allocations made so far. */
  allocations = 0

  /** An allocator of nothing that `extend` will give memory from `start` on. `start` is a multiple of 64. */
  constructor(start: number) {
    this.#end = start
  }

  /** One past the last byte managed. */
  get end(): number {
    return this.#end
  }
  /** The bytes at the end of the range that are free: what an extension need not add. */
  get freeAtEnd(): number {
    return this.#last?.free === true ? this.#last.bytes : 0
  }

  /** Adds the bytes up to `end`. */
  extend(end: number): void {
    const bytes = end - this.#end
    if (bytes <= 0) return
    const block: Block = {
      address: this.#end,
      bytes,
      free: false,
      before: this.#last,
      after: undefined,
      previousFree: undefined,
      nextFree: undefined,
    }
    if (this.#last !== undefined) this.#last.after = block
    this.#last = block
    this.#end = end
    this.#release(block)
  }

  /** The address of a free range of `bytes` bytes and its slack, or undefined when the range managed has none. */
  allocate(bytes: number): number | undefined {
    const needed = paddedBytes(bytes)
    const alignment = bytes >= largeBytes ? largeAlignment : granule
    const found = this.#find(needed, alignment)
    if (found === undefined) return undefined
    this.#unlink(found)
    let block = found
    const lead = leadOf(block, alignment)
    if (lead > 0) {
      block = this.#split(found, lead)
      this.#link(found)
    }
    if (block.bytes > needed) this.#link(this.#split(block, needed))
    block.free = false
    this.#taken.set(block.address, block)
    this.bytesInUse += block.bytes
    this.highWater = Math.max(this.highWater, this.bytesInUse)
    this.allocations++
    return block.address
  }

  /** Gives a range back. */
  free(address: number): void {
    const block = this.#taken.get(address)
    if (block === undefined) throw new InternalError(`no block was allocated at address ${address}`)
    this.#taken.delete(address)
    this.bytesInUse -= block.bytes
    this.#release(block)
  }

  /** Taken and free blocks in the order of their addresses, for tests. */
  *blocks(): Generator<{ readonly address: number; readonly bytes: number; readonly free: boolean }> {
    let block = this.#last
    while (block?.before !== undefined) block = block.before
    for (; block !== undefined; block = block.after) yield block
  }

  #find(needed: number, alignment: number): Block | undefined {
    const fits = (block: Block): boolean => block.bytes >= needed + leadOf(block, alignment)
    const own = binOf(needed)
    let best: Block | undefined
    let looked = 0
    for (
      let block = this.#bins[own];
      block !== undefined && looked < searchLimit;
      block = block.nextFree, looked++
    )
      if (fits(block) && (best === undefined || block.bytes < best.bytes)) best = block
    if (best !== undefined) return best
    for (let bin = own + 1; bin < this.#bins.length; bin++)
      for (let block = this.#bins[bin]; block !== undefined; block = block.nextFree)
        if (fits(block)) return block
    // What the search limit left out, rather than growing the memory.
    for (let block = this.#bins[own]; block !== undefined; block = block.nextFree)
      if (fits(block)) return block
    return undefined
  }

  /** Cuts `block` to its first `bytes` bytes; the result is the rest, in no bin. */
  #split(block: Block, bytes: number): Block {
    const rest: Block = {
      address: block.address + bytes,
      bytes: block.bytes - bytes,
      free: false,
      before: block,
      after: block.after,
      previousFree: undefined,
      nextFree: undefined,
    }
    if (rest.after !== undefined) rest.after.before = rest
    else this.#last = rest
    block.after = rest
    block.bytes = bytes
    return rest
  }

  /** Marks a block free, merged with its free neighbours. */
  #release(block: Block): void {
    let merged = block
    const { before, after } = block
    if (before?.free === true) {
      this.#unlink(before)
      this.#absorb(before, block)
      merged = before
    }
    if (after?.free === true) {
      this.#unlink(after)
      this.#absorb(merged, after)
    }
    this.#link(merged)
  }

  #absorb(block: Block, after: Block): void {
    block.bytes += after.bytes
    block.after = after.after
    if (after.after !== undefined) after.after.before = block
    else this.#last = block
  }

  #link(block: Block): void {
    const bin = binOf(block.bytes)
    while (this.#bins.length <= bin) this.#bins.push(undefined)
    const head = this.#bins[bin]
    block.free = true
    block.previousFree = undefined
    block.nextFree = head
    if (head !== undefined) head.previousFree = block
    this.#bins[bin] = block
  }

  #unlink(block: Block): void {
    if (block.previousFree !== undefined) block.previousFree.nextFree = block.nextFree
    else this.#bins[binOf(block.bytes)] = block.nextFree
    if (block.nextFree !== undefined) block.nextFree.previousFree = block.previousFree
    block.previousFree = undefined
    block.nextFree = undefined
    block.free = false
  }
}

/** Bytes to skip so that a range taken from `block` is aligned. */
function leadOf(block: Block, alignment: number): number {
  return Math.ceil(block.address / alignment) * alignment - block.address
}
