/**
 * Whether a step may store its result over one of its operands.
 */
import type { Buffer } from '../expr.ts'
import type { GemmStep, KernelStep } from '../program.ts'
import { multiplySizes, sizesEqual } from '../size.ts'
import { overwriting } from './overwrite.ts'

/** The step for use with `result` lying where the buffers `operands` lie, or undefined when that would be wrong. */
export function overwritingStep(
  step: KernelStep | GemmStep,
  operands: ReadonlySet<number>,
  result: number,
): KernelStep | GemmStep | undefined {
  if (step.kind === 'gemm') return gemmMayOverwrite(step, operands) ? step : undefined
  const bound = (indices: ReadonlySet<number>): Set<Buffer> =>
    new Set(step.kernel.buffers.filter((_, i) => indices.has(step.buffers[i] ?? -1)))
  const kernel = overwriting(step.pool, step.kernel, bound(operands), bound(new Set([result])))
  if (kernel === undefined) return undefined
  return kernel === step.kernel ? step : { ...step, kernel }
}

/** A matrix product may lie over nothing but its start values, and those only in the layout of the result. */
function gemmMayOverwrite(step: GemmStep, operands: ReadonlySet<number>): boolean {
  if (operands.has(step.a.buffer) || operands.has(step.b.buffer)) return false
  const { init } = step
  if (init === undefined || !operands.has(init.buffer)) return true
  const matrix = multiplySizes(step.rows, step.columns)
  return (
    sizesEqual(init.rowStride, step.columns) === true &&
    (step.batch === 1 || sizesEqual(init.batchStride, matrix) === true)
  )
}
