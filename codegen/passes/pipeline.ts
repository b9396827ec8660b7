/**
 * The loop passes, in order. Each takes a kernel and returns one that means the same.
 *
 * What constants decide goes first. Index sums are written out in full first, because merging and vectorising loops look at strides. Math functions
 * become arithmetic while everything is scalar, so that each expansion is written once. Short loops are unrolled last,
 * when the vector loops exist.
 */
import type { ExprPool } from '../expr.ts'
import type { Kernel } from '../kernel.ts'
import { sizeNamesOf } from '../schedule/contents.ts'
import { collapseLoops } from './collapse.ts'
import { expandMath } from './expand-math.ts'
import { inlineIndices } from './inline-indices.ts'
import { simplify } from './simplify.ts'
import { unrollLoops } from './unroll.ts'
import { vectorizeLoops } from './vectorize.ts'

/** A loop pass: a kernel in, an equivalent kernel out. */
export type KernelPass = (pool: ExprPool, kernel: Kernel) => Kernel

/** Every loop pass by name, in the order they run. */
export const kernelPasses: readonly (readonly [string, KernelPass])[] = [
  ['simplify', simplify],
  ['inlineIndices', inlineIndices],
  ['collapse', collapseLoops],
  ['expandMath', expandMath],
  ['vectorize', vectorizeLoops],
  ['unroll', unrollLoops],
]

/**
 * Runs every pass. `check` is called with the kernel before the first pass and after each one; tests verify there.
 */
export function optimizeKernel(
  pool: ExprPool,
  kernel: Kernel,
  check: (kernel: Kernel, after: string) => void = () => undefined,
): Kernel {
  check(kernel, 'schedule')
  const optimized = kernelPasses.reduce((current, [name, pass]) => {
    const next = pass(pool, current)
    check(next, name)
    return next
  }, kernel)
  // A vector of scattered positions needs the size of the buffer it reads from.
  const sizes = sizeNamesOf(optimized.body)
  return sizes.every((name) => optimized.sizes.includes(name)) ? optimized : { ...optimized, sizes }
}
