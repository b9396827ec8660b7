/** Normalisations with given statistics, and by neighbouring channels. */
import { ShapeError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import { add, div, mul, pow, sliceAxis, square, sub } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { rsqrt } from '../math/arithmetic.ts'
import { requireCount, requireFloating } from '../math/checks.ts'
import { pad } from '../math/shape.ts'

/**
 * (x − mean) / √(variance + epsilon) · scale + offset; mean, variance, offset and scale broadcast to `x`. Floating.
 * Ioffe & Szegedy (2015). The layer `tf.layers.batchNormalization` keeps the statistics.
 *
 * @throws DTypeError for integers, ShapeError when the shapes do not broadcast.
 * @example tf.batchNorm([1, 3], 2, 1, 0, 10, 0) // [-10, 10]
 */
export function batchNorm(
  x: TensorLike,
  mean: TensorLike,
  variance: TensorLike,
  offset: TensorLike = 0,
  scale: TensorLike = 1,
  varianceEpsilon = 0.001,
): Tensor {
  const tensor = requireFloating('batchNorm', x)
  const factor = mul(rsqrt(add(requireFloating('batchNorm', variance, 'variance'), varianceEpsilon)), scale)
  return add(mul(sub(tensor, mean), factor), offset)
}

/**
 * x / (bias + alpha·Σ x²)^beta, the sum over the channels (last axis) up to `depthRadius` away; floating.
 * Krizhevsky et al. (2012).
 *
 * @throws ShapeError for a scalar, ValueError for a bad radius, DTypeError for integers.
 * @example tf.localResponseNormalization([[[[3, 4]]]], 1, 0, 1, 0.5) // [[[[0.6, 0.8]]]]
 */
export function localResponseNormalization(
  x: TensorLike,
  depthRadius = 5,
  bias = 1,
  alpha = 1,
  beta = 0.5,
): Tensor {
  const op = 'localResponseNormalization'
  const tensor = requireFloating(op, x)
  requireCount(op, 'depthRadius', depthRadius)
  if (tensor.rank === 0)
    throw new ShapeError({
      op,
      problem: 'a scalar has no channels',
      rows: [['x', printType(tensor.type)]],
      fix: 'pass [batch, height, width, channels].',
    })
  const last = tensor.rank - 1
  const channels = sizeAt(tensor.type.shape, last)
  const margins = tensor.shape.map((_, d): [number, number] =>
    d === last ? [depthRadius, depthRadius] : [0, 0],
  )
  const padded = pad(square(tensor), margins)
  let total = sliceAxis(padded, last, 0, channels)
  for (let i = 1; i <= 2 * depthRadius; i++) total = add(total, sliceAxis(padded, last, i, channels))
  return div(tensor, pow(add(mul(total, alpha), bias), beta))
}
