/** How often predictions are right: as values, above a threshold, by the best class, among the best k. */
import { ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import {
  argMax,
  cast,
  equal,
  expandDims,
  greater,
  iota,
  less,
  squeeze,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { sameRank } from '../losses/per-sample.ts'
import { knownSize } from '../math/checks.ts'
import { sum } from '../math/reductions.ts'
import { MeanMetricWrapper, type MetricOptions } from './metric.ts'

const asNumbers = (given: TensorLike, op: string): Tensor => cast(convertToTensor(given, { op }), 'float32')

/** 1 where predictions equal labels, 0 elsewhere. */
export function accuracy(labels: TensorLike, predictions: TensorLike): Tensor {
  const [x, y] = sameRank(asNumbers(labels, 'accuracy'), asNumbers(predictions, 'accuracy'))
  return cast(equal(x, y), 'float32')
}

/** 1 where a prediction is above the threshold, 0.5 unless given, just when the label is 1; 0 elsewhere. */
export function binaryAccuracy(labels: TensorLike, predictions: TensorLike, threshold = 0.5): Tensor {
  const op = 'binaryAccuracy'
  const [x, y] = sameRank(asNumbers(labels, op), asNumbers(predictions, op))
  return cast(equal(x, cast(greater(y, threshold), 'float32')), 'float32')
}

/** 1 where the best class of a prediction is that of the one-hot label, 0 elsewhere; the last axis disappears. */
export function categoricalAccuracy(labels: TensorLike, predictions: TensorLike): Tensor {
  const op = 'categoricalAccuracy'
  const [x, y] = [asNumbers(labels, op), asNumbers(predictions, op)]
  return cast(equal(argMax(x, -1), argMax(y, -1)), 'float32')
}

/** The class numbers: `labels` without an axis of size 1 that the predictions do not have. */
function classNumbers(op: string, labels: TensorLike, predictions: Tensor): Tensor {
  const given = convertToTensor(labels, { op, dtype: typeof labels === 'number' ? 'int32' : undefined })
  const column = given.rank === predictions.rank && given.type.shape.at(-1) === 1
  const numbers = cast(column ? squeeze(given, [-1]) : given, 'int32')
  if (numbers.rank === predictions.rank - 1) return numbers
  throw new ShapeError({
    op,
    problem: 'labels must have the shape of predictions without its last axis',
    rows: [
      ['labels', printType(given.type)],
      ['predictions', printType(predictions.type)],
    ],
    fix: 'one class number for each row of predictions.',
  })
}

/** 1 where the best class of a prediction is the label, a class number; 0 elsewhere. */
export function sparseCategoricalAccuracy(labels: TensorLike, predictions: TensorLike): Tensor {
  const op = 'sparseCategoricalAccuracy'
  const y = asNumbers(predictions, op)
  return cast(equal(classNumbers(op, labels, y), argMax(y, -1)), 'float32')
}

/** 1 where fewer than k classes have a higher score than the label, a class number; 0 elsewhere. */
export function sparseTopKCategoricalAccuracy(labels: TensorLike, predictions: TensorLike, k = 5): Tensor {
  const op = 'sparseTopKCategoricalAccuracy'
  const y = asNumbers(predictions, op)
  const numbers = classNumbers(op, labels, y)
  const hit = equal(expandDims(numbers, -1), iota([knownSize(op, y.type, y.rank - 1)], 0))
  const score = sum(where(hit, y, 0), -1, true)
  const better = sum(cast(greater(y, score), 'int32'), -1)
  return cast(less(better, k), 'float32')
}

/** 1 where fewer than k classes have a higher score than that of the one-hot label; 0 elsewhere. */
export function topKCategoricalAccuracy(labels: TensorLike, predictions: TensorLike, k = 5): Tensor {
  return sparseTopKCategoricalAccuracy(
    argMax(asNumbers(labels, 'topKCategoricalAccuracy'), -1),
    predictions,
    k,
  )
}

/** How often predictions equal labels. */
export class Accuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(accuracy, options, 'accuracy')
  }
}

/** How often a prediction is above the threshold, 0.5 unless given, just when the label is 1. */
export class BinaryAccuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions & { readonly threshold?: number } = {}) {
    const { threshold } = options
    super((labels, predictions) => binaryAccuracy(labels, predictions, threshold), options, 'binary_accuracy')
  }
}

/** How often the best class of a prediction is that of the one-hot label. */
export class CategoricalAccuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(categoricalAccuracy, options, 'categorical_accuracy')
  }
}

/**
 * How often the best class of a prediction is the label, a class number.
 *
 * @example
 * const metric = new tf.metrics.SparseCategoricalAccuracy()
 * metric.updateState([1, 0], [[0.1, 0.9], [0.2, 0.8]])
 * metric.result() // 0.5
 */
export class SparseCategoricalAccuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(sparseCategoricalAccuracy, options, 'sparse_categorical_accuracy')
  }
}

/** How often the class of the one-hot label is among the k best, 5 unless given. */
export class TopKCategoricalAccuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions & { readonly k?: number } = {}) {
    const { k } = options
    super(
      (labels, predictions) => topKCategoricalAccuracy(labels, predictions, k),
      options,
      'top_k_categorical_accuracy',
    )
  }
}

/** How often the label, a class number, is among the k best classes, 5 unless given. */
export class SparseTopKCategoricalAccuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions & { readonly k?: number } = {}) {
    const { k } = options
    super(
      (labels, predictions) => sparseTopKCategoricalAccuracy(labels, predictions, k),
      options,
      'sparse_top_k_categorical_accuracy',
    )
  }
}
