/**
 * Kernels that move or add up a million elements: how fast memory is gone through.
 *
 * Operands and results are Variables, so that no copy in or out is in the times.
 */
import { generator, uniform } from './random.ts'

export const kernelNames = ['sum', 'max', 'transpose', 'gather', 'concat'] as const
export type KernelName = (typeof kernelNames)[number]

/** A matrix of a million elements, and rows to gather from it. */
export interface KernelData {
  readonly rows: number
  readonly columns: number
  readonly x: Float32Array
  readonly indices: Int32Array
}

/** Neither side is a power of two, at which every line of a column would share one place in the cache. */
export function kernelData(): KernelData {
  const [rows, columns] = [1008, 1040]
  const next = generator(69069)
  const indices = Int32Array.from(
    { length: rows },
    () => Math.floor(Math.abs(uniform(next, 1, rows)[0] ?? 0)) % rows,
  )
  return { rows, columns, x: uniform(next, rows * columns, 1), indices }
}
