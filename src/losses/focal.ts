/** Losses that dwell on what is hard (Lin et al. 2018), and on how far sets overlap (Dice; Salehi et al. 2017). */
import type { TensorLike } from '../../tracer/convert.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import { add, div, log, mul, neg, pow, sigmoid, sub } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { AxisArgument } from '../../tracer/tensor-methods.ts'
import { clipByValue } from '../math/arithmetic.ts'
import { knownSize } from '../math/checks.ts'
import { mean, sum } from '../math/reductions.ts'
import { softmax } from '../nn/softmax.ts'
import { type CrossentropyOptions, smoothingOf } from './classification.ts'
import { align, epsilon, type LossOptions, reduceLosses } from './per-sample.ts'

export interface FocalOptions extends CrossentropyOptions {
  /** How strongly easy samples are weighted down; default 2. */
  readonly gamma?: number
  /** The weight of class 1 (binary, with `applyClassBalancing`), or of all classes; default 0.25. */
  readonly alpha?: number
}

export interface BinaryFocalOptions extends FocalOptions {
  /** Whether class 1 weighs `alpha` and class 0 1 − `alpha`; default false. */
  readonly applyClassBalancing?: boolean
}

/** Mean of the binary cross entropy times (1 − probability of the label)^gamma. */
export function binaryFocalCrossentropy(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: BinaryFocalOptions = {},
): Tensor {
  const op = 'binaryFocalCrossentropy'
  const [given, y] = align(op, labels, predictions)
  const { gamma = 2, alpha = 0.25, applyClassBalancing = false, fromLogits = false } = options
  const smoothing = smoothingOf(op, options)
  const x = smoothing === 0 ? given : add(mul(given, 1 - smoothing), 0.5 * smoothing)
  const p = fromLogits ? sigmoid(y) : y
  const kept = clipByValue(p, epsilon, 1 - epsilon)
  const entropy = neg(add(mul(x, log(kept)), mul(sub(1, x), log(sub(1, kept)))))
  const right = add(mul(x, p), mul(sub(1, x), sub(1, p)))
  const focal = mul(pow(sub(1, right), gamma), entropy)
  const balance = add(mul(x, alpha), mul(sub(1, x), 1 - alpha))
  return reduceLosses(op, mean(applyClassBalancing ? mul(balance, focal) : focal, -1), sampleWeight, options)
}

/** −Σ labels·alpha·(1 − p)^gamma·log(p) over the classes, p as in `categoricalCrossentropy`; mean over samples. */
export function categoricalFocalCrossentropy(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: FocalOptions = {},
): Tensor {
  const op = 'categoricalFocalCrossentropy'
  const [given, y] = align(op, labels, predictions)
  const { gamma = 2, alpha = 0.25, fromLogits = false } = options
  const axis = normaliseAxis(op, options.axis ?? -1, y.rank)
  const smoothing = smoothingOf(op, options)
  const x =
    smoothing === 0 ? given : add(mul(given, 1 - smoothing), smoothing / knownSize(op, y.type, y.rank - 1))
  const probabilities = fromLogits ? softmax(y, axis) : y
  const p = clipByValue(div(probabilities, sum(probabilities, axis, true)), epsilon, 1 - epsilon)
  const each = mul(mul(pow(sub(1, p), gamma), alpha), mul(neg(x), log(p)))
  return reduceLosses(op, sum(each, axis), sampleWeight, options)
}

export interface OverlapOptions extends LossOptions {
  /** The axes of a set; default all. */
  readonly axis?: AxisArgument
}

/** 1 − 2·Σ labels·predictions / (Σ labels + Σ predictions + 1e-7). */
export function dice(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: OverlapOptions = {},
): Tensor {
  const [x, y] = align('dice', labels, predictions)
  const { axis = null } = options
  const both = sum(mul(x, y), axis)
  const all = add(add(sum(x, axis), sum(y, axis)), epsilon)
  return reduceLosses('dice', sub(1, div(mul(both, 2), all)), sampleWeight, options)
}

export interface TverskyOptions extends OverlapOptions {
  /** The weight of labels that are not predicted; default 0.5. */
  readonly alpha?: number
  /** The weight of predictions that are no labels; default 0.5. */
  readonly beta?: number
}

/** 1 − both / (both + alpha·missed + beta·wrong + 1e-7), sums over the axes. */
export function tversky(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: TverskyOptions = {},
): Tensor {
  const [x, y] = align('tversky', labels, predictions)
  const { axis = null, alpha = 0.5, beta = 0.5 } = options
  const both = sum(mul(x, y), axis)
  const missed = sum(mul(sub(1, y), x), axis)
  const wrong = sum(mul(y, sub(1, x)), axis)
  const all = add(add(add(both, mul(missed, alpha)), mul(wrong, beta)), epsilon)
  return reduceLosses('tversky', sub(1, div(both, all)), sampleWeight, options)
}
