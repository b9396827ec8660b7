/** The cross entropy of class numbers, with probabilities or logits. */
import { ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import { cast, expandDims, log, notEqual, squeeze, transpose, where } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { clipByValue } from '../math/arithmetic.ts'
import { requireFloating } from '../math/checks.ts'
import { sparseSoftmaxCrossEntropyWithLogits } from '../nn/softmax.ts'
import { epsilon, type LossOptions, reduceLosses } from './per-sample.ts'

export interface SparseCrossentropyOptions extends LossOptions {
  /** Predictions are logits rather than probabilities; default false. */
  readonly fromLogits?: boolean
  /** A class whose samples count as a loss of 0, for which the number need not be a class at all; default none. */
  readonly ignoreClass?: number
  /** The axis of the classes; default −1. */
  readonly axis?: number
}

/**
 * −log of the probability of each label, a class number; probabilities are kept 1e-7 away from 0 and 1 and normalised, or
 * follow from logits. `labels` has the shape of `predictions` without the axis of the classes, or with 1 there.
 *
 * @throws CheckError for a label that is no class, ShapeError when the shapes do not fit
 * @example
 * tf.losses.sparseCategoricalCrossentropy([1, 0], [[0.25, 0.75], [0.5, 0.5]]) // ≈ 0.4904
 */
export function sparseCategoricalCrossentropy(
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options: SparseCrossentropyOptions = {},
): Tensor {
  const op = 'sparseCategoricalCrossentropy'
  const y = requireFloating(op, predictions, 'predictions')
  const axis = normaliseAxis(op, options.axis ?? -1, y.rank)
  const given = convertToTensor(labels, { op, dtype: 'int32' })
  const column = given.rank === y.rank && given.type.shape[axis] === 1
  const classes = cast(column ? squeeze(given, [axis]) : given, 'int32')
  if (classes.rank !== y.rank - 1)
    throw new ShapeError({
      op,
      problem: 'labels must have the shape of predictions without the axis of the classes',
      rows: [
        ['labels', printType(given.type)],
        ['predictions', printType(y.type)],
      ],
      fix: 'one label for each row of predictions; one-hot labels go to categoricalCrossentropy.',
    })
  const { ignoreClass, fromLogits = false } = options
  const counted = ignoreClass === undefined ? undefined : notEqual(classes, ignoreClass)
  const known = counted === undefined ? classes : where(counted, classes, 0)
  const scored = counted === undefined ? y : where(expandDims(counted, axis), y, 0)
  const scores = fromLogits ? scored : log(clipByValue(scored, epsilon, 1 - epsilon))
  const others = scores.type.shape.map((_, i) => i).filter((i) => i !== axis)
  const each = sparseSoftmaxCrossEntropyWithLogits(
    known,
    axis === y.rank - 1 ? scores : transpose(scores, [...others, axis]),
  )
  return reduceLosses(
    op,
    counted === undefined ? each : where(counted, each, 0),
    sampleWeight,
    options,
    counted,
  )
}
