/** Normalisations of vectors along an axis. */
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { AxisArgument } from '../../tracer/tensor-methods.ts'
import { requireFloating } from '../math/checks.ts'
import { maximum, mul, square } from '../../tracer/ops/index.ts'
import { rsqrt } from '../math/arithmetic.ts'
import { sum } from '../math/reductions.ts'

/**
 * x / √max(Σ x², epsilon) over the axes (all elements by default); floating, same shape. Where epsilon is the larger,
 * the divisor is constant and passes no gradient. Throws DTypeError, and ValueError for a missing axis.
 */
export function l2Normalize(x: TensorLike, axis: AxisArgument = null, epsilon = 1e-12): Tensor {
  const tensor = requireFloating('l2Normalize', x)
  return mul(tensor, rsqrt(maximum(sum(square(tensor), axis, true), epsilon)))
}
