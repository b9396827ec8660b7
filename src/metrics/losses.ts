/** Losses as metrics: their means over all samples, and some errors that are metrics only. */
import type { TensorLike } from '../../tracer/convert.ts'
import { cast, div, neg, square, sub } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import * as losses from '../losses/index.ts'
import { align, type LossOptions } from '../losses/per-sample.ts'
import { add, broadcastTo, expandDims, isInf, mean, mul, sqrt, sum, where } from '../math/index.ts'
import { convertToTensor } from '../../tracer/convert.ts'
import { MeanMetricWrapper, Metric, type MetricOptions } from './metric.ts'

/** One value for each sample of a loss. */
function each<Options extends LossOptions>(
  loss: losses.LossFunction<Options>,
  options?: Options,
): (labels: TensorLike, predictions: TensorLike) => Tensor {
  return (labels, predictions) =>
    loss(labels, predictions, undefined, { ...options, reduction: 'none' } as Options & { reduction: 'none' })
}

/** Mean of (labels − predictions)². */
export class MeanSquaredError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.meanSquaredError), options, 'mean_squared_error')
  }
}

/** The root of the mean of (labels − predictions)². */
export class RootMeanSquaredError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(
      (labels, predictions) => square(sub(...align('rootMeanSquaredError', labels, predictions))),
      options,
      'root_mean_squared_error',
    )
  }
  override result(): Tensor {
    return sqrt(super.result())
  }
}

/** Mean of |labels − predictions|. */
export class MeanAbsoluteError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.meanAbsoluteError), options, 'mean_absolute_error')
  }
}

/** 100 · mean of |labels − predictions| / |labels|. */
export class MeanAbsolutePercentageError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.meanAbsolutePercentageError), options, 'mean_absolute_percentage_error')
  }
}

/** Mean of the squared difference of logarithms. */
export class MeanSquaredLogarithmicError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.meanSquaredLogarithmicError), options, 'mean_squared_logarithmic_error')
  }
}

/** Mean of the cosine of the angle between labels and predictions: 1 for the same direction. */
export class CosineSimilarity extends MeanMetricWrapper {
  constructor(options: MetricOptions & { readonly axis?: number } = {}) {
    const { axis = -1 } = options
    const loss = each(losses.cosineSimilarity, { axis })
    super((labels, predictions) => neg(loss(labels, predictions)), options, 'cosine_similarity')
  }
}

/** Mean of log(cosh(error)). */
export class LogCoshError extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.logCosh), options, 'logcosh')
  }
}

/** Mean of predictions − labels·log(predictions). */
export class Poisson extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.poisson), options, 'poisson')
  }
}

/** Mean of Σ labels·log(labels / predictions). */
export class KLDivergence extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.klDivergence), options, 'kl_divergence')
  }
}

/** Mean of max(1 − labels·predictions, 0). */
export class Hinge extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.hinge), options, 'hinge')
  }
}

/** Mean of max(1 − labels·predictions, 0)². */
export class SquaredHinge extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.squaredHinge), options, 'squared_hinge')
  }
}

/** Mean of max(best wrong score − right score + 1, 0). */
export class CategoricalHinge extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    super(each(losses.categoricalHinge), options, 'categorical_hinge')
  }
}

/** Mean binary cross entropy. */
export class BinaryCrossentropy extends MeanMetricWrapper {
  constructor(options: MetricOptions & Omit<losses.CrossentropyOptions, 'axis' | 'reduction'> = {}) {
    const { fromLogits = false, labelSmoothing = 0 } = options
    super(each(losses.binaryCrossentropy, { fromLogits, labelSmoothing }), options, 'binary_crossentropy')
  }
}

/** Mean cross entropy of one-hot labels. */
export class CategoricalCrossentropy extends MeanMetricWrapper {
  constructor(options: MetricOptions & Omit<losses.CrossentropyOptions, 'reduction'> = {}) {
    const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options
    const loss = each(losses.categoricalCrossentropy, { fromLogits, labelSmoothing, axis })
    super(loss, options, 'categorical_crossentropy')
  }
}

/** Mean cross entropy of class numbers. */
export class SparseCategoricalCrossentropy extends MeanMetricWrapper {
  constructor(options: MetricOptions & { readonly fromLogits?: boolean; readonly axis?: number } = {}) {
    const { fromLogits = false, axis = -1 } = options
    const loss = each(losses.sparseCategoricalCrossentropy, { fromLogits, axis })
    super(loss, options, 'sparse_categorical_crossentropy')
  }
}

export interface R2Options extends MetricOptions {
  /** How the scores of several outputs become one; null keeps them apart. Default uniformAverage. */
  readonly classAggregation?: 'uniformAverage' | 'varianceWeightedAverage' | null
}

/** 1 − Σ (labels − predictions)² / Σ (labels − their mean)², for each output of [batch, outputs]. */
export class R2Score extends Metric {
  readonly #aggregation: 'uniformAverage' | 'varianceWeightedAverage' | null
  #sums: Readonly<Record<'squares' | 'sum' | 'residual' | 'count', Variable>> | undefined

  constructor(options: R2Options = {}) {
    super('r2_score', options)
    this.#aggregation = options.classAggregation === undefined ? 'uniformAverage' : options.classAggregation
  }
  override result(): Tensor {
    if (this.#sums === undefined) return convertToTensor(0)
    const { squares, sum: total, residual, count } = this.#sums
    const spread = sub(squares, mul(total, div(total, count)))
    const raw = sub(1, div(residual, spread))
    const scores = where(isInf(raw), 0, raw)
    if (this.#aggregation === null) return scores
    if (this.#aggregation === 'uniformAverage') return mean(scores)
    return div(sum(mul(spread, scores)), sum(spread))
  }
  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    const [x, y] = align('r2Score', labels, this.required(predictions))
    const outputs = x.type.shape[1]
    const shape = [typeof outputs === 'number' ? outputs : 1]
    this.#sums ??= {
      squares: this.addVariable('squared_sum', shape),
      sum: this.addVariable('sum', shape),
      residual: this.addVariable('residual', shape),
      count: this.addVariable('count', shape),
    }
    const given = sampleWeight === undefined ? convertToTensor(1) : this.tensorOf(sampleWeight)
    const weights = broadcastTo(given.rank === 1 ? expandDims(given, 1) : given, x.type.shape)
    const weighted = mul(x, weights)
    const { squares, sum: total, residual, count } = this.#sums
    squares.assign(add(squares, cast(sum(mul(x, weighted), 0), this.dtype)))
    total.assign(add(total, cast(sum(weighted, 0), this.dtype)))
    residual.assign(add(residual, cast(sum(mul(square(sub(x, y)), weights), 0), this.dtype)))
    count.assign(add(count, cast(sum(weights, 0), this.dtype)))
  }
}
