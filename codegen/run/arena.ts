/**
 * Memory for the temporaries of calls in progress: a stack with one block per depth of nesting.
 *
 * A call at depth 0 always finds its block at the same address, so programs need not fill in addresses anew; a call
 * made by a host callback of a running program gets the block of the next depth. Blocks grow to the largest call made
 * at their depth and stay, so that calls allocate nothing once the sizes have settled.
 */
import { allocateBytes, freeBytes } from './heap.ts'

const addresses: number[] = []
const capacities: number[] = []
let depth = 0

/** Enters a call that needs `bytes` bytes; returns their address. Must be matched by `leaveArena`, also on errors. */
export function enterArena(bytes: number): number {
  const level = depth
  if ((capacities[level] ?? -1) < bytes) growLevel(level, bytes)
  depth = level + 1
  return addresses[level] ?? 0
}

/** Ends the call entered last. */
export function leaveArena(): void {
  depth--
}

/** Forgets the blocks, which were in a memory that has been replaced. No call may be in progress. */
export function forgetArena(): void {
  addresses.length = 0
  capacities.length = 0
}

/** Calls in progress. */
export function arenaDepth(): number {
  return depth
}

function growLevel(level: number, bytes: number): void {
  const before = capacities[level] ?? -1
  // Nothing is alive in the block of a level that is not running, so its content need not move.
  if (before >= 0) freeBytes(addresses[level] ?? 0)
  capacities[level] = -1
  const capacity = Math.max(bytes, Math.min(before * 2, before + 2 ** 26), 4096)
  addresses[level] = allocateBytes(capacity)
  capacities[level] = capacity
}
