/**
 * What all metrics share: sums in Variables that updates add to, from which the result is computed.
 *
 * The Variables are made in eager code, so a traced step captures them by reference: it updates at every call, and the
 * result can be read in between.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { broadcastTo, cast, expandDims } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { eagerTrace, withObservers, withTrace } from '../../tracer/trace/bind.ts'
import type { Variable } from '../../tracer/variable.ts'
import { sameRank } from '../losses/per-sample.ts'
import { divNoNan, mul, onesLike, zeros } from '../math/index.ts'
import { mean, sum } from '../math/reductions.ts'
import { variable } from '../variable.ts'

export interface MetricOptions {
  /** For logs and the names of Variables; the kind of metric when absent. */
  readonly name?: string
  /** The dtype of the sums. Default float32. */
  readonly dtype?: DType
}

/**
 * Base class of metrics. One of one's own makes its sums with `addVariable`, adds to them in `update`, and computes
 * `result` from them.
 *
 * @example
 * class Largest extends tf.metrics.Metric {
 *   readonly #largest = this.addVariable('largest', [])
 *   protected override update(values: tf.TensorLike) {
 *     this.#largest.assign(tf.maximum(this.#largest, tf.max(values)))
 *   }
 *   override result() { return this.#largest.value() }
 * }
 * const metric = new Largest('largest')
 * metric.updateState([1, 5])
 * metric.updateState([3, 2])
 * metric.result() // 5
 */
export abstract class Metric {
  readonly name: string
  readonly dtype: DType
  readonly #variables = new Map<string, Variable>()

  constructor(name: string, options: MetricOptions = {}) {
    this.name = options.name ?? name
    this.dtype = options.dtype ?? 'float32'
  }

  /** The sums, in the order in which they were made. */
  get variables(): readonly Variable[] {
    return [...this.#variables.values()]
  }
  /** The sums by their names. */
  get namedVariables(): ReadonlyMap<string, Variable> {
    return this.#variables
  }

  /** Adds a batch: values and weights, or labels, predictions and weights. Passes no gradient. */
  updateState(first: TensorLike, second?: TensorLike, sampleWeight?: TensorLike): void {
    withObservers([], () => this.update(first, second, sampleWeight))
  }

  /** The metric of all batches since the last reset. */
  abstract result(): Tensor

  /** Forgets all batches. */
  resetState(): void {
    for (const each of this.#variables.values()) each.assign(zeros(each.shape, each.dtype))
  }

  /** Adds a batch and gives the result. */
  apply(first: TensorLike, second?: TensorLike, sampleWeight?: TensorLike): Tensor {
    this.updateState(first, second, sampleWeight)
    return this.result()
  }

  protected abstract update(first: TensorLike, second?: TensorLike, sampleWeight?: TensorLike): void

  /** Makes a sum that starts from 0, and does so again after a reset. */
  protected addVariable(name: string, shape: readonly number[]): Variable {
    const initial = withTrace(eagerTrace(), () => zeros(shape, this.dtype))
    const made = variable(initial, { name: `${this.name}/${name}`, trainable: false })
    this.#variables.set(name, made)
    return made
  }

  /** `predictions` when they are given. */
  protected required(predictions: TensorLike | undefined): TensorLike {
    if (predictions !== undefined) return predictions
    throw new ValueError({
      op: `${this.name}.updateState`,
      problem: 'there are no predictions',
      fix: 'pass labels and predictions.',
    })
  }

  /** A tensor of the metric's dtype. */
  protected tensorOf(given: TensorLike): Tensor {
    return cast(convertToTensor(given, { op: this.name }), this.dtype)
  }
}

/** What of values of several axes and their weights counts for each sample. */
function perSample(values: Tensor, given: Tensor | undefined): readonly [Tensor, Tensor | undefined] {
  const tail = (x: Tensor): Tensor =>
    x.rank > 1
      ? mean(
          x,
          Array.from({ length: x.rank - 1 }, (_, i) => i + 1),
        )
      : x
  if (given === undefined) return [tail(values), undefined]
  const [aligned, weights] = sameRank(values, given)
  const extra = Array.from({ length: aligned.rank }, (_, axis) => axis).slice(weights.rank)
  const reduced = extra.length === 0 ? aligned : mean(aligned, extra)
  const wide = broadcastTo(weights, reduced.type.shape)
  return [tail(mul(reduced, wide)), tail(wide)]
}

/** The sum of all values, each times its weight. */
export class Sum extends Metric {
  readonly #total: Variable

  constructor(options: MetricOptions = {}) {
    super('sum', options)
    this.#total = this.addVariable('total', [])
  }
  override result(): Tensor {
    return this.#total.value()
  }
  protected override update(values: TensorLike, sampleWeight?: TensorLike): void {
    const weights = sampleWeight === undefined ? undefined : this.tensorOf(sampleWeight)
    this.#total.assignAdd(sum(perSample(this.tensorOf(values), weights)[0]))
  }
}

/**
 * The mean of all values, weighted.
 *
 * @example
 * const metric = new tf.metrics.Mean()
 * metric.updateState([1, 3])
 * metric.updateState([5, 7], [1, 0])
 * metric.result() // 3
 */
export class Mean extends Metric {
  readonly #total: Variable
  readonly #count: Variable

  constructor(options: MetricOptions = {}, kind = 'mean') {
    super(kind, options)
    this.#total = this.addVariable('total', [])
    this.#count = this.addVariable('count', [])
  }
  override result(): Tensor {
    return divNoNan(this.#total, this.#count)
  }
  protected override update(values: TensorLike, sampleWeight?: TensorLike): void {
    this.add(this.tensorOf(values), sampleWeight)
  }
  /** Adds values, whose axes after those of the weights are averaged. */
  protected add(values: Tensor, sampleWeight: TensorLike | undefined): void {
    const weights = sampleWeight === undefined ? undefined : this.tensorOf(sampleWeight)
    const [each, of] = perSample(
      values.rank === 0 && weights === undefined ? expandDims(values, 0) : values,
      weights,
    )
    this.#total.assignAdd(sum(each))
    this.#count.assignAdd(sum(of ?? onesLike(each)))
  }
}

/** What gives one value for each sample, or for each element of it. */
export type MetricFunction = (labels: TensorLike, predictions: TensorLike) => Tensor

/** The mean of a function of labels and predictions. */
export class MeanMetricWrapper extends Mean {
  readonly #function: MetricFunction

  constructor(f: MetricFunction, options: MetricOptions = {}, kind: string = f.name) {
    super(options, kind)
    this.#function = f
  }
  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    this.add(cast(this.#function(labels, this.required(predictions)), this.dtype), sampleWeight)
  }
}
