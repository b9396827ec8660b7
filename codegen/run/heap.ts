/**
 * The one WebAssembly memory of the process, and who holds which bytes of it.
 *
 * All compiled modules import this memory. It is created when this file is loaded, small, and grows only from here:
 * compiled code never grows it. A shared one takes its place when there are to be threads (run/threads.ts), and the other
 * way around: that begins a new *generation*, and addresses of an old one mean nothing any more. Growing detaches the old `ArrayBuffer`, so nobody keeps a typed array over the memory;
 * `views()` gives the current ones, which are made again whenever the memory has grown.
 */
import type { DType, TypedArray } from '../dtype.ts'
import { ValueError } from '../errors.ts'
import { Allocator, paddedBytes } from './allocator.ts'

const pageBytes = 65536
/** 4 GiB: as far as 32-bit addresses reach. */
const mostPages = 65536
const initialPages = 64
/** The first bytes are never handed out, so that address 0 can mean "nowhere". */
const reservedBytes = 1024
/** Growth doubles the memory until it adds this much at a time. */
const largestGrowthPages = 4096

/** The memory every compiled module imports as `env.memory`. */
export let memory: WebAssembly.Memory = new WebAssembly.Memory({
  initial: initialPages,
  maximum: mostPages,
})
/** Counts the memories there have been before this one. */
export let memoryGeneration = 0
let maximumPages = mostPages

/** Typed arrays over the whole memory. Valid until the memory grows; never keep them. */
export interface Views {
  readonly f32: Float32Array<ArrayBuffer>
  readonly f64: Float64Array<ArrayBuffer>
  readonly i32: Int32Array<ArrayBuffer>
  readonly u8: Uint8Array<ArrayBuffer>
}

function makeViews(): Views {
  const { buffer } = memory
  return {
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
    i32: new Int32Array(buffer),
    u8: new Uint8Array(buffer),
  }
}

let current = makeViews()
let allocator = new Allocator(reservedBytes)
allocator.extend(initialPages * pageBytes)

/**
 * A shared memory, or undefined where there can be none. A system may refuse to set so many addresses aside: then it gets
 * smaller.
 */
export function makeSharedMemory():
  | { readonly made: WebAssembly.Memory; readonly pages: number }
  | undefined {
  for (let pages = mostPages; pages >= mostPages / 8; pages /= 2)
    try {
      return { made: new WebAssembly.Memory({ initial: initialPages, maximum: pages, shared: true }), pages }
    } catch {
      continue
    }
  return undefined
}

/** Puts another memory, with nothing in it, in the place of this one; without `next` one that is not shared. */
export function replaceMemory(next?: { readonly made: WebAssembly.Memory; readonly pages: number }): void {
  memory = next?.made ?? new WebAssembly.Memory({ initial: initialPages, maximum: mostPages })
  maximumPages = next?.pages ?? mostPages
  memoryGeneration++
  current = makeViews()
  allocator = new Allocator(reservedBytes)
  allocator.extend(initialPages * pageBytes)
}

let relieve: () => boolean = () => false

/** Installs what is asked for memory when it cannot grow: true when something was freed. */
export function installRelief(free: () => boolean): void {
  relieve = free
}

/** Typed arrays over the whole memory, made again after it has grown. */
export function views(): Views {
  return current
}

/** The elements at `address`, as a view that dies when the memory grows. */
export function viewAt(dtype: DType, address: number, elements: number): TypedArray {
  const { buffer } = current.u8
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer, address, elements)
    case 'float64':
      return new Float64Array(buffer, address, elements)
    case 'int32':
      return new Int32Array(buffer, address, elements)
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer, address, elements)
  }
}

/**
 * The address of `bytes` bytes of the memory: a multiple of 16 (of 64 from 1 KiB on), followed by at least 16 bytes
 * that belong to nobody else. The content is arbitrary.
 *
 * @throws ValueError when the memory cannot hold them.
 */
export function allocateBytes(bytes: number): number {
  for (;;) {
    const address = allocator.allocate(bytes)
    if (address !== undefined) return address
    if (!grow(bytes) && !relieve())
      throw new ValueError({
        op: 'memory',
        problem: `${bytes} more bytes do not fit: WebAssembly memory ends at 4 GiB, and ${allocator.bytesInUse} bytes of ${memory.buffer.byteLength} are in use`,
        fix: 'use smaller batches, or drop references to variables and functions that are no longer needed.',
      })
  }
}

/** Gives back what `allocateBytes` gave. */
export function freeBytes(address: number): void {
  allocator.free(address)
}

/** Makes room for `bytes` bytes: geometrically while that works, else just enough. */
function grow(bytes: number): boolean {
  const pages = memory.buffer.byteLength / pageBytes
  // 64: alignment may skip the start of the new block.
  const needed = Math.ceil((paddedBytes(bytes) + 64 - allocator.freeAtEnd) / pageBytes)
  const geometric = Math.min(Math.max(needed, Math.min(pages, largestGrowthPages)), maximumPages - pages)
  for (const more of [geometric, needed]) {
    if (more < needed || pages + more > maximumPages) continue
    try {
      memory.grow(more)
    } catch {
      continue // The system has not so much: try with less.
    }
    current = makeViews()
    allocator.extend(memory.buffer.byteLength)
    return true
  }
  return false
}

/** What the memory holds. */
export interface MemoryStatistics {
  /** Bytes handed out, padding included. */
  readonly bytesInUse: number
  /** Size of the memory. It never shrinks. */
  readonly bytesReserved: number
  /** The most bytes ever in use. */
  readonly highWater: number
  /** Number of allocations made since the start of the process. */
  readonly allocations: number
}

/** What the memory holds now. */
export function memoryStatistics(): MemoryStatistics {
  return {
    bytesInUse: allocator.bytesInUse,
    bytesReserved: memory.buffer.byteLength,
    highWater: allocator.highWater,
    allocations: allocator.allocations,
  }
}
