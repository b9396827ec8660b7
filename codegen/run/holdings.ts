/**
 * The memory a program holds, and its end: freed when the program is disposed, or once it has been collected.
 */
import { allocateBytes, freeBytes, memoryGeneration } from './heap.ts'
import type { Stores } from './stores.ts'

/** Does not reference the program, so that that can be collected. */
export interface Holdings {
  readonly addresses: number[]
  readonly stores: Stores[]
  /** What else is to be done at the end. */
  readonly forget: (() => void)[]
  /** The memory the addresses are of. */
  readonly generation: number
  disposed: boolean
}

function free(holdings: Holdings): void {
  if (holdings.disposed) return
  holdings.disposed = true
  for (const forget of holdings.forget) forget()
  if (holdings.generation !== memoryGeneration) return
  for (const stores of holdings.stores) stores.dispose()
  for (const address of holdings.addresses) freeBytes(address)
}

const registry = new FinalizationRegistry<Holdings>(free)

/** The holdings of `owner`, none so far. */
export function holdingsOf(owner: object): Holdings {
  const holdings: Holdings = {
    addresses: [],
    stores: [],
    forget: [],
    generation: memoryGeneration,
    disposed: false,
  }
  registry.register(owner, holdings, holdings)
  return holdings
}

/** Memory that is held from now on. */
export function hold(holdings: Holdings, bytes: number): number {
  const address = allocateBytes(bytes)
  holdings.addresses.push(address)
  return address
}

/** Frees all. Doing so twice does nothing. */
export function release(holdings: Holdings): void {
  registry.unregister(holdings)
  free(holdings)
}
