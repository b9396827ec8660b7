/** A call of a program in progress, and what stays of it for the next one. */
import type { Layout } from './layout.ts'
import type { Stores } from './stores.ts'

/** One frame table, and what it says. */
export interface Activation {
  readonly frame: number
  /** Start of the arena it was written for; −1 at first. */
  base: number
  sizes: readonly number[]
  /** Addresses of all buffers, and of the variables by index. */
  readonly addresses: number[]
  readonly variables: number[]
  layout: Layout | undefined
  readonly stores: Stores | undefined
}

/** The number of elements of a buffer now. */
export function elementsIn({ stores }: Activation, layout: Layout | undefined, buffer: number): number {
  const elements = layout?.elements[buffer] ?? 0
  return Number.isNaN(elements) ? (stores?.found.elements(buffer) ?? 0) : elements
}
