/**
 * Everything about memory that the rest of the library may use: the wasm memory and its allocator (heap.ts), the
 * storage of variables (slots.ts) and the arrays results are copied to (slabs.ts).
 */
export { allocateBytes, freeBytes, memory, memoryStatistics, viewAt, views } from './heap.ts'
export { carve } from './slabs.ts'
export {
  allocateSlot,
  ownSlot,
  pinSlot,
  readSlot,
  releaseSlot,
  resizeSlot,
  setSlotBudget,
  type Slot,
  slotAddress,
  slotStatistics,
  unpinSlot,
  writeSlot,
} from './slots.ts'
