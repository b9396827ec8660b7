/**
 * What all losses share, in the manner of Keras 3: `loss(labels, predictions, sampleWeight?, options?)`.
 *
 * Each loss gives one value per sample by reducing the last axis, multiplies it by the sample's weight, and reduces what
 * is left: by default to the mean over all samples (`'sum_over_batch_size'`: weights do not change the divisor). Labels
 * take the dtype of the predictions. When the ranks differ by one because of an axis of size 1, that axis is dropped.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireFloating } from '../math/checks.ts'
import { cast, expandDims, mul, squeeze } from '../../tracer/ops/index.ts'
import { divNoNan } from '../math/arithmetic.ts'
import { mean, sum } from '../math/reductions.ts'

/** What to do with one loss per sample. */
export type LossReduction = 'sum_over_batch_size' | 'mean' | 'mean_with_sample_weight' | 'sum' | 'none'

export interface LossOptions {
  /** Default `'sum_over_batch_size'` or `'mean'`: the mean. `'mean_with_sample_weight'` divides by the sum of weights. */
  readonly reduction?: LossReduction
}

/** Keras's `epsilon()`: probabilities are kept this far from 0 and 1. */
export const epsilon = 1e-7

/** Labels and predictions as tensors of one floating dtype and one rank. */
export function align(
  op: string,
  labels: TensorLike,
  predictions: TensorLike,
): readonly [labels: Tensor, predictions: Tensor] {
  const y = requireFloating(op, predictions, 'predictions')
  const given = convertToTensor(labels, { op, dtype: y.dtype })
  const x = cast(given, y.dtype)
  const [left, right] = sameRank(x, y)
  const fits =
    left.rank === right.rank &&
    left.type.shape.every(
      (size, i) =>
        size === 1 || right.type.shape[i] === 1 || sizesEqual(size, right.type.shape[i] ?? -1) !== false,
    )
  if (!fits)
    throw new ShapeError({
      op,
      problem: 'labels and predictions have different shapes',
      rows: [
        ['labels', printType(given.type)],
        ['predictions', printType(y.type)],
      ],
      fix: 'give both the same shape.',
    })
  return [left, right]
}

/** Drops (or, against a vector, adds) a last axis of size 1 when the ranks differ by one. */
export function sameRank(x: Tensor, y: Tensor): readonly [Tensor, Tensor] {
  if (x.rank === y.rank + 1 && x.type.shape.at(-1) === 1)
    return y.rank === 1 ? [x, expandDims(y, -1)] : [squeeze(x, [-1]), y]
  if (y.rank === x.rank + 1 && y.type.shape.at(-1) === 1)
    return x.rank === 1 ? [expandDims(x, -1), y] : [x, squeeze(y, [-1])]
  return [x, y]
}

/** Weights and reduces one loss per sample; of `counted` samples only, if that is given. */
export function reduceLosses(
  op: string,
  losses: Tensor,
  sampleWeight: TensorLike | undefined,
  options: LossOptions,
  counted?: Tensor,
): Tensor {
  let values = losses
  let weights = counted === undefined ? undefined : cast(counted, losses.dtype)
  if (sampleWeight !== undefined) {
    const given = convertToTensor(sampleWeight, { op, dtype: losses.dtype })
    const [aligned, each] = sameRank(losses, cast(given, losses.dtype))
    values = mul(aligned, each)
    weights = weights === undefined ? each : mul(weights, each)
  }
  const reduction = options.reduction ?? 'sum_over_batch_size'
  switch (reduction) {
    case 'none':
      return values
    case 'sum':
      return sum(values)
    case 'mean':
    case 'sum_over_batch_size':
      return counted === undefined ? mean(values) : divNoNan(sum(values), sum(cast(counted, values.dtype)))
    case 'mean_with_sample_weight':
      return weights === undefined ? mean(values) : divNoNan(sum(values), sum(weights))
    default:
      throw new ValueError({
        op,
        problem: `"${String(reduction)}" is no reduction`,
        fix: `use 'sum_over_batch_size', 'mean_with_sample_weight', 'sum' or 'none'.`,
      })
  }
}
