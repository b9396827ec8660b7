/** Losses on real-valued targets; per-sample.ts says how they are weighted and reduced. */
import type { TensorLike } from '../../tracer/convert.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  abs,
  add,
  div,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  square,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import { rsqrt } from '../math/arithmetic.ts'
import { mean, sum } from '../math/reductions.ts'
import { softplus } from '../nn/activations.ts'
import { align, epsilon, type LossOptions, reduceLosses } from './per-sample.ts'

export interface HuberOptions extends LossOptions {
  /** Where the square turns into a line; default 1. */
  readonly delta?: number
}

export interface CosineOptions extends LossOptions {
  /** The axis of the vectors; default −1. */
  readonly axis?: number
}

/** Mean of (labels − predictions)². Throws ShapeError when the shapes do not fit, DTypeError for integer predictions. */
export function meanSquaredError(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('meanSquaredError', labels, predictions)
  return reduceLosses('meanSquaredError', mean(square(sub(x, y)), -1), sampleWeight, options)
}

/** Mean of |labels − predictions|. Throws ShapeError when the shapes do not fit, DTypeError for integer predictions. */
export function meanAbsoluteError(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('meanAbsoluteError', labels, predictions)
  return reduceLosses('meanAbsoluteError', mean(abs(sub(x, y)), -1), sampleWeight, options)
}

/** Half the squared error up to `delta`, delta·(|error| − delta/2) beyond; mean. Huber (1964). */
export function huberLoss(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: HuberOptions = {},
): Tensor {
  const [x, y] = align('huberLoss', labels, predictions)
  const delta = options.delta ?? 1
  const error = sub(y, x)
  const size = abs(error)
  const each = where(
    lessEqual(size, delta),
    mul(square(error), 0.5),
    sub(mul(size, delta), 0.5 * delta * delta),
  )
  return reduceLosses('huberLoss', mean(each, -1), sampleWeight, options)
}

/** Mean of log(cosh(error)) as e + softplus(−2e) − log 2, which does not overflow. */
export function logCosh(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('logCosh', labels, predictions)
  const error = sub(y, x)
  const each = sub(add(error, softplus(mul(error, -2))), Math.LN2)
  return reduceLosses('logCosh', mean(each, -1), sampleWeight, options)
}

/** −cos of the angle between labels and predictions along `axis`; a zero vector counts as 0. Mean over samples. */
export function cosineSimilarity(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: CosineOptions = {},
): Tensor {
  const [x, y] = align('cosineSimilarity', labels, predictions)
  const axis = normaliseAxis('cosineSimilarity', options.axis ?? -1, y.rank)
  const unit = (t: Tensor): Tensor => mul(t, minimum(rsqrt(sum(square(t), axis, true)), 1 / epsilon))
  return reduceLosses('cosineSimilarity', neg(sum(mul(unit(x), unit(y)), axis)), sampleWeight, options)
}

/** 100 · mean of |labels − predictions| / |labels|, the divisor at least 1e-7. */
export function meanAbsolutePercentageError(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('meanAbsolutePercentageError', labels, predictions)
  const share = abs(div(sub(x, y), maximum(abs(x), epsilon)))
  return reduceLosses('meanAbsolutePercentageError', mul(mean(share, -1), 100), sampleWeight, options)
}

/** Mean of (log(1 + predictions) − log(1 + labels))², both at least 1e-7. */
export function meanSquaredLogarithmicError(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('meanSquaredLogarithmicError', labels, predictions)
  const logarithm = (t: Tensor): Tensor => log(add(maximum(t, epsilon), 1))
  const each = mean(square(sub(logarithm(y), logarithm(x))), -1)
  return reduceLosses('meanSquaredLogarithmicError', each, sampleWeight, options)
}
