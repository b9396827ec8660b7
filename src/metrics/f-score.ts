/** The F score, which weighs precision against recall, and the mean overlap of predicted and real classes. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import {
  abs,
  cast,
  div,
  equal,
  expandDims,
  greater,
  greaterEqual,
  iota,
  logicalAnd,
  notEqual,
  reshape,
  sub,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { epsilon } from '../losses/per-sample.ts'
import { requireCount } from '../math/checks.ts'
import { add, divNoNan, matMul, mul } from '../math/index.ts'
import { eye } from '../math/creation.ts'
import { max, mean, sum } from '../math/reductions.ts'
import { Metric, type MetricOptions } from './metric.ts'

export interface FScoreOptions extends MetricOptions {
  /** How the scores of classes become one: of all decisions, their mean, their mean by number of labels; null keeps them apart. Default null. */
  readonly average?: 'micro' | 'macro' | 'weighted' | null
  /** Predictions above it are positive; without one, the best class of each sample is. */
  readonly threshold?: number
}

type Sums = Readonly<Record<'right' | 'wrong' | 'missed' | 'labels', Variable>>

/** (1 + β²)·precision·recall / (β²·precision + recall), for each class of [batch, classes]. */
export class FBetaScore extends Metric {
  readonly #beta: number
  readonly #average: 'micro' | 'macro' | 'weighted' | null
  readonly #threshold: number | undefined
  #sums: Sums | undefined

  constructor(options: FScoreOptions & { readonly beta?: number } = {}, kind = 'fbeta_score') {
    super(kind, options)
    const { beta = 1, average = null, threshold } = options
    if (!(beta > 0))
      throw new ValueError({ op: this.name, problem: `beta is ${beta}`, fix: 'use a number above 0.' })
    if (average !== null && !['micro', 'macro', 'weighted'].includes(average))
      throw new ValueError({
        op: this.name,
        problem: `"${String(average)}" is no way of averaging`,
        fix: 'use micro, macro, weighted or null.',
      })
    this.#beta = beta
    this.#average = average
    this.#threshold = threshold
  }

  override result(): Tensor {
    if (this.#sums === undefined) return convertToTensor(0)
    const { right, wrong, missed, labels } = this.#sums
    const precision = div(right, add(add(right, wrong), epsilon))
    const recall = div(right, add(add(right, missed), epsilon))
    const square = this.#beta ** 2
    const each = mul(
      div(mul(precision, recall), add(add(mul(precision, square), recall), epsilon)),
      1 + square,
    )
    if (this.#average === null) return each
    if (this.#average !== 'weighted') return mean(each)
    return sum(mul(each, div(labels, add(sum(labels), epsilon))))
  }

  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    const [x, y] = [this.tensorOf(labels), this.tensorOf(this.required(predictions))]
    const classes = y.type.shape[1]
    if (x.rank !== 2 || y.rank !== 2 || typeof classes !== 'number')
      throw new ShapeError({
        op: `${this.name}.updateState`,
        problem: 'labels and predictions must be [batch, classes]',
        rows: [
          ['labels', printType(x.type)],
          ['predictions', printType(y.type)],
        ],
        fix: 'use tf.oneHot for class numbers.',
      })
    const shape = this.#average === 'micro' ? [] : [classes]
    this.#sums ??= {
      right: this.addVariable('true_positives', shape),
      wrong: this.addVariable('false_positives', shape),
      missed: this.addVariable('false_negatives', shape),
      labels: this.addVariable('intermediate_weights', shape),
    }
    const best = logicalAnd(greaterEqual(y, max(y, -1, true)), greater(abs(y), 1e-9))
    const chosen = cast(this.#threshold === undefined ? best : greater(y, this.#threshold), this.dtype)
    const weights = sampleWeight === undefined ? undefined : expandDims(this.tensorOf(sampleWeight), 1)
    const total = (values: Tensor): Tensor =>
      sum(weights === undefined ? values : mul(values, weights), this.#average === 'micro' ? null : 0)
    const { right, wrong, missed, labels: count } = this.#sums
    right.assignAdd(total(mul(chosen, x)))
    wrong.assignAdd(total(mul(chosen, sub(1, x))))
    missed.assignAdd(total(mul(sub(1, chosen), x)))
    count.assignAdd(total(x))
  }
}

/**
 * The harmonic mean of precision and recall, for each class.
 *
 * @example
 * const metric = new tf.metrics.F1Score({ threshold: 0.5 })
 * metric.updateState([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0]])
 * metric.result() // ≈ [0.5, 0.8, 0.6667]
 */
export class F1Score extends FBetaScore {
  constructor(options: FScoreOptions = {}) {
    super({ ...options, beta: 1 }, 'f1_score')
  }
}

/** both / (labels + predictions − both) for each class number, averaged over the classes that occur. */
export class MeanIoU extends Metric {
  readonly #classes: number
  readonly #matrix: Variable

  constructor(options: MetricOptions & { readonly numClasses: number }) {
    super('mean_io_u', options)
    this.#classes = requireCount(this.name, 'numClasses', options.numClasses, 1)
    this.#matrix = this.addVariable('total_confusion_matrix', [this.#classes, this.#classes])
  }
  override result(): Tensor {
    const matrix = this.#matrix.value()
    const both = sum(mul(matrix, cast(eye(this.#classes), this.dtype)), 1)
    const all = sub(add(sum(matrix, 0), sum(matrix, 1)), both)
    const occurring = sum(cast(notEqual(all, 0), this.dtype))
    return divNoNan(sum(divNoNan(both, all)), occurring)
  }
  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    const hot = (given: TensorLike): Tensor => {
      const flat = reshape(cast(convertToTensor(given, { op: this.name }), 'int32'), [-1])
      return cast(equal(expandDims(flat, 1), iota([this.#classes], 0)), this.dtype)
    }
    const weights = sampleWeight === undefined ? undefined : reshape(this.tensorOf(sampleWeight), [-1, 1])
    const rows = hot(labels)
    const columns = hot(this.required(predictions))
    this.#matrix.assignAdd(matMul(weights === undefined ? rows : mul(rows, weights), columns, true))
  }
}
