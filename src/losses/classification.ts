/** Losses on classes and distributions; per-sample.ts says how they are weighted and reduced. */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize } from '../math/checks.ts'
import {
  add,
  div,
  equal,
  log,
  logicalOr,
  maximum,
  mul,
  neg,
  where,
  square,
  sub,
} from '../../tracer/ops/index.ts'
import { clipByValue } from '../math/arithmetic.ts'
import { all, max, mean, sum } from '../math/reductions.ts'
import {
  sigmoidCrossEntropyWithLogits,
  softmaxCrossEntropyWithLogits,
  sparseSoftmaxCrossEntropyWithLogits,
} from '../nn/softmax.ts'
import { align, epsilon, type LossOptions, reduceLosses } from './per-sample.ts'

export interface CrossentropyOptions extends LossOptions {
  /** Predictions are logits rather than probabilities; default false. */
  readonly fromLogits?: boolean
  /** Mixes labels with the uniform distribution; 0 (default) to 1. */
  readonly labelSmoothing?: number
  /** The axis of the classes, for `categoricalCrossentropy`; default −1. */
  readonly axis?: number
}

/** Mean of predictions − labels·log(predictions + 1e-7). */
export function poisson(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('poisson', labels, predictions)
  return reduceLosses('poisson', mean(sub(y, mul(x, log(add(y, epsilon)))), -1), sampleWeight, options)
}

/** Σ labels·log(labels / predictions) over the last axis, both kept in [1e-7, 1]; mean over samples. */
export function klDivergence(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('klDivergence', labels, predictions)
  const p = clipByValue(x, epsilon, 1)
  const q = clipByValue(y, epsilon, 1)
  return reduceLosses('klDivergence', sum(mul(p, log(div(p, q))), -1), sampleWeight, options)
}

/** Labels 0 and 1 become −1 and 1 when there are no others. */
function signedLabels(labels: Tensor): Tensor {
  const binary = all(logicalOr(equal(labels, 0), equal(labels, 1)))
  return where(binary, sub(mul(labels, 2), 1), labels)
}

/** Mean of max(1 − labels·predictions, 0) for labels −1 and 1 (or 0 and 1). */
export function hinge(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('hinge', labels, predictions)
  const margin = maximum(sub(1, mul(signedLabels(x), y)), 0)
  return reduceLosses('hinge', mean(margin, -1), sampleWeight, options)
}

/** Mean of max(1 − labels·predictions, 0)² for labels −1 and 1 (or 0 and 1). */
export function squaredHinge(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('squaredHinge', labels, predictions)
  const margin = maximum(sub(1, mul(signedLabels(x), y)), 0)
  return reduceLosses('squaredHinge', mean(square(margin), -1), sampleWeight, options)
}

/** max(best wrong score − right score + 1, 0) for one-hot labels; mean over samples. */
export function categoricalHinge(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: LossOptions = {},
): Tensor {
  const [x, y] = align('categoricalHinge', labels, predictions)
  const right = sum(mul(x, y), -1)
  const wrong = max(mul(sub(1, x), y), -1)
  return reduceLosses('categoricalHinge', maximum(add(sub(wrong, right), 1), 0), sampleWeight, options)
}

/** Mean of −z·log(p) − (1−z)·log(1−p), with p kept 1e-7 away from 0 and 1; or the stable form on logits. */
export function binaryCrossentropy(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: CrossentropyOptions = {},
): Tensor {
  const [given, y] = align('binaryCrossentropy', labels, predictions)
  const smoothing = smoothingOf('binaryCrossentropy', options)
  const x = smoothing === 0 ? given : add(mul(given, 1 - smoothing), 0.5 * smoothing)
  let each: Tensor
  if (options.fromLogits === true) each = sigmoidCrossEntropyWithLogits(x, y)
  else {
    const p = clipByValue(y, epsilon, 1 - epsilon)
    each = neg(add(mul(x, log(p)), mul(sub(1, x), log(sub(1, p)))))
  }
  return reduceLosses('binaryCrossentropy', mean(each, -1), sampleWeight, options)
}

/** −Σ labels·log(p) over the classes, p normalised to sum 1 and kept 1e-7 away from 0 and 1; or from logits. Mean over samples. */
export function categoricalCrossentropy(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: CrossentropyOptions = {},
): Tensor {
  const op = 'categoricalCrossentropy'
  const [given, y] = align(op, labels, predictions)
  const axis = normaliseAxis(op, options.axis ?? -1, y.rank)
  const smoothing = smoothingOf(op, options)
  const x = smoothing === 0 ? given : add(mul(given, 1 - smoothing), smoothing / knownSize(op, y.type, axis))
  let each: Tensor
  if (options.fromLogits === true) each = softmaxCrossEntropyWithLogits(x, y, axis)
  else {
    const p = clipByValue(div(y, sum(y, axis, true)), epsilon, 1 - epsilon)
    each = neg(sum(mul(x, log(p)), axis))
  }
  return reduceLosses(op, each, sampleWeight, options)
}

/** The share of smoothing. Throws ValueError outside [0, 1]. */
export function smoothingOf(op: string, options: CrossentropyOptions): number {
  const smoothing = options.labelSmoothing ?? 0
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new ValueError({ op, problem: `labelSmoothing is ${smoothing}`, fix: 'use a number from 0 to 1.' })
  return smoothing
}

/**
 * Mean over all rows of the cross entropy of the distributions `labels` under softmax(logits), over the last axis.
 * Throws ShapeError when the shapes differ, DTypeError when the dtypes do.
 */
export function softmaxCrossEntropy(labels: TensorLike, logits: TensorLike): Tensor {
  return mean(softmaxCrossEntropyWithLogits(labels, logits))
}

/**
 * Mean over all rows of the cross entropy of the classes `labels` (int32) under softmax(logits), over the last axis.
 * Throws ShapeError when the shapes do not fit, DTypeError for labels that are not int32.
 */
export function sparseSoftmaxCrossEntropy(labels: TensorLike, logits: TensorLike): Tensor {
  return mean(sparseSoftmaxCrossEntropyWithLogits(labels, logits))
}

/**
 * Mean over all elements of the cross entropy of independent labels in [0, 1] under sigmoid(logits).
 * Throws ShapeError when the shapes differ, DTypeError when the dtypes do.
 */
export function sigmoidCrossEntropy(labels: TensorLike, logits: TensorLike): Tensor {
  return mean(sigmoidCrossEntropyWithLogits(labels, logits))
}
