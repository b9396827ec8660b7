/**
 * Slots: storage of values that outlive a call, within a budget.
 *
 * A slot is in wasm memory while it is being used and may be moved out of it, to a garbage-collected typed array held
 * by its record, when the slots in memory exceed the budget; the next use brings it back. The least recently used go
 * first; those pinned by a running program stay. A record does not know its owner, and the set of resident slots holds
 * records only while they are in memory: what has been moved out is reachable from its owner alone and goes with it,
 * so that even a loop in which no finalizer gets to run cannot fill the memory with slots nobody can reach.
 */
import { allocate, byteSize, type DType, type TypedArray } from '../dtype.ts'
import { InternalError, TraceError } from '../errors.ts'
import { allocateBytes, freeBytes, installRelief, viewAt } from './heap.ts'
import { carve } from './slabs.ts'

/** Where the content of a variable lies. Made by `allocateSlot`; only this file writes to it. */
export interface Slot {
  readonly dtype: DType
  elements: number
  /** Address in wasm memory, 0 when the content is not there. */
  address: number
  /** The content while it is not in wasm memory; undefined there means zeros. */
  evicted: TypedArray | undefined
  /** Number of running programs that use the address. */
  pins: number
  /** Larger for more recent uses. */
  lastUse: number
  released: boolean
}

const defaultBudget = 2 ** 30

let budget = defaultBudget
let clock = 0
let residentBytes = 0
const resident = new Set<Slot>()

const registry = new FinalizationRegistry<Slot>(releaseSlot)

installRelief(() => {
  const before = residentBytes
  evictDownTo(residentBytes / 2)
  return residentBytes < before
})

/** Sets how many bytes of wasm memory slots may take together (1 GiB by default); undefined restores the default. */
export function setSlotBudget(bytes: number | undefined): void {
  budget = bytes ?? defaultBudget
  makeRoom(0)
}

/** A new slot of zeros. It takes memory when it is first used. */
export function allocateSlot(dtype: DType, elements: number): Slot {
  return { dtype, elements, address: 0, evicted: undefined, pins: 0, lastUse: 0, released: false }
}

/** The content, copied. */
export function readSlot(slot: Slot): TypedArray {
  checkAlive(slot)
  const copy = carve(slot.dtype, slot.elements)
  if (slot.address !== 0) copy.set(viewAt(slot.dtype, slot.address, slot.elements))
  else if (slot.evicted !== undefined) copy.set(slot.evicted)
  return copy
}

/** Replaces the content by `data`, which has the slot's dtype and number of elements. */
export function writeSlot(slot: Slot, data: TypedArray): void {
  checkAlive(slot)
  if (data.length !== slot.elements)
    throw new InternalError(`${data.length} elements were written to a slot of ${slot.elements}`)
  if (slot.address === 0) place(slot)
  slot.lastUse = ++clock
  viewAt(slot.dtype, slot.address, slot.elements).set(data)
}

/** Gives the slot another number of elements. What it holds then is arbitrary. Throws TraceError while a program uses it. */
export function resizeSlot(slot: Slot, elements: number): void {
  checkAlive(slot)
  if (slot.elements === elements) return
  if (slot.pins > 0)
    throw new TraceError({
      op: 'assign',
      problem: `a variable of ${slot.elements} elements cannot get ${elements} while a running function uses it`,
      fix: 'assign it after the function has returned.',
    })
  if (slot.address !== 0) forget(slot)
  slot.evicted = undefined
  slot.elements = elements
}

/** The address of the content, brought back to wasm memory if need be. Valid until the next allocation, or unpinning. */
export function slotAddress(slot: Slot): number {
  if (slot.address === 0) bringBack(slot)
  slot.lastUse = ++clock
  return slot.address
}

/** Keeps the slot where it is until `unpinSlot` has been called as often as this. Returns its address. */
export function pinSlot(slot: Slot): number {
  if (slot.address === 0) bringBack(slot)
  slot.lastUse = ++clock
  slot.pins++
  return slot.address
}

/** Undoes one `pinSlot`. */
export function unpinSlot(slot: Slot): void {
  slot.pins--
}

/** Frees the storage. The slot must not be used again; releasing it twice does nothing. */
export function releaseSlot(slot: Slot): void {
  if (slot.released) return
  if (slot.pins > 0) throw new InternalError('a slot was released while a program used it')
  slot.released = true
  slot.evicted = undefined
  if (slot.address !== 0) forget(slot)
}

/** Frees the slot when `owner` has been collected. The slot must not reference the owner. */
export function ownSlot(owner: object, slot: Slot): void {
  registry.register(owner, slot, slot)
}

/** Number of slots in wasm memory and the bytes of their elements. */
export function slotStatistics(): {
  readonly slots: number
  readonly bytes: number
  readonly budget: number
} {
  return { slots: resident.size, bytes: residentBytes, budget }
}

/** Moves the content of all slots out of wasm memory. None may be pinned. */
export function evictSlots(): void {
  evictDownTo(0)
  // Slots of no elements take no bytes, but have an address.
  for (const slot of resident) slot.address = 0
  resident.clear()
}

function bytesOf(slot: Slot): number {
  return slot.elements * byteSize(slot.dtype)
}

function checkAlive(slot: Slot): void {
  if (slot.released) throw new InternalError('a slot was used after it was released')
}

function bringBack(slot: Slot): void {
  checkAlive(slot)
  const content = slot.evicted
  place(slot)
  const view = viewAt(slot.dtype, slot.address, slot.elements)
  if (content === undefined) view.fill(0)
  else view.set(content)
}

/** Gives the slot an address; what was there is arbitrary. */
function place(slot: Slot): void {
  const bytes = bytesOf(slot)
  makeRoom(bytes)
  slot.address = allocateBytes(bytes)
  slot.evicted = undefined
  residentBytes += bytes
  resident.add(slot)
}

function forget(slot: Slot): void {
  freeBytes(slot.address)
  slot.address = 0
  residentBytes -= bytesOf(slot)
  resident.delete(slot)
}

function makeRoom(bytes: number): void {
  // A little more than necessary, so that the ordering below is not done for every slot that comes.
  if (residentBytes + bytes > budget) evictDownTo(Math.max(0, budget - bytes) * (7 / 8))
}

function evictDownTo(bytes: number): void {
  const candidates = [...resident].filter((slot) => slot.pins === 0).sort((a, b) => a.lastUse - b.lastUse)
  for (const slot of candidates) {
    if (residentBytes <= bytes) return
    const copy = allocate(slot.dtype, slot.elements)
    copy.set(viewAt(slot.dtype, slot.address, slot.elements))
    forget(slot)
    slot.evicted = copy
  }
}
