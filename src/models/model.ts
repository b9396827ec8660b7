/**
 * Models: layers that know how to be trained. `tf.layers.sequential` gives one, and subclasses of `Model` are others.
 *
 * `fit`, `evaluate` and `predict` compute at once and return when they are done; `await` does no harm. What has to wait
 * (datasets that load, callbacks that return promises) takes `fitAsync`, `evaluateAsync` and `predictAsync`, which also let
 * other work of the thread have its turn.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Logs, TrainedModel } from '../callbacks/callback.ts'
import type { History } from '../callbacks/history.ts'
import type { Traced } from '../function.ts'
import { Layer, type LayerOptions } from '../layers/layer.ts'
import { get as lossOf } from '../losses/by-name.ts'
import { get as metricOf } from '../metrics/by-name.ts'
import type { Metric } from '../metrics/metric.ts'
import { get as optimizerOf } from '../optimizers/by-name.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import { type BatchDataset, type ClassWeights, isDataset, samplesOf, weighted } from './batches.ts'
import { type Loop, runAsync, runNow } from './loop.ts'
import {
  type CompileOptions,
  type EvaluateOptions,
  evaluationOf,
  type FitOptions,
  type PredictOptions,
  predictionOf,
  trainingOf,
} from './options.ts'
import { Steps } from './steps.ts'
import { evaluation, trainingLoop } from './training.ts'

/**
 * A layer that can be trained. One of one's own overrides `call`, and makes its layers in its constructor.
 *
 * @example
 * class Net extends tf.Model {
 *   readonly hidden = tf.layers.dense({ units: 8, activation: 'relu' })
 *   readonly output = tf.layers.dense(1)
 *   constructor() { super('net') }
 *   protected override call(x: tf.Tensor) { return this.output.apply(this.hidden.apply(x)) }
 * }
 * const model = new Net()
 * model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] })
 * const history = model.fit(tf.ones([10, 3]), tf.ones([10]), { batchSize: 4, epochs: 2, verbose: 0 })
 * Object.keys(history.history) // ['loss', 'mae']
 * model.trainFunction.traceCount // 1
 */
export abstract class Model extends Layer implements TrainedModel {
  #steps: Steps = new Steps(this, undefined)
  #training = false

  /** @param kind for the name, when the options have none: `net` gives `net`, `net_1`, … */
  constructor(kind: string = 'model', options: LayerOptions = {}) {
    super(kind, options)
  }

  /**
   * Says how the model is trained and what is measured. Names are those of `tf.optimizers.get`, `tf.losses.get` and
   * `tf.metrics.get`; `'accuracy'` is that of the labels' kind, told by the shapes.
   *
   * @throws ValueError for an unknown name, listing those known; the model stays as it was
   */
  compile(options: CompileOptions): void {
    const metrics = [...(options.metrics ?? [])]
    const weightedMetrics = [...(options.weightedMetrics ?? [])]
    for (const each of [...metrics, ...weightedMetrics]) if (typeof each === 'string') metricOf(each)
    const compiled = {
      optimizer: optimizerOf(options.optimizer ?? 'rmsprop'),
      loss: lossOf(options.loss),
      metrics,
      weightedMetrics,
    }
    this.#refuseWhileTraining('compile')
    this.#steps = new Steps(this, compiled)
  }

  /** That of `compile`. */
  get optimizer(): Optimizer {
    return this.#compiled('optimizer').compiled!.optimizer
  }
  /** Those of `compile`, without the loss; none before the first batch. */
  get metrics(): readonly Metric[] {
    return this.#steps.metrics
  }
  /** The traced step of `fit` and `trainOnBatch`. */
  get trainFunction(): Traced<(x: Tensor, y: Tensor, weights?: Tensor, mask?: Tensor) => readonly Tensor[]> {
    return this.#steps.trainFunction
  }
  /** The traced step of `evaluate`, of validation and of `testOnBatch`. */
  get testFunction(): Traced<(x: Tensor, y: Tensor, weights?: Tensor, mask?: Tensor) => readonly Tensor[]> {
    return this.#steps.testFunction
  }
  /** The traced step of `predict`. */
  get predictFunction(): Traced<(x: Tensor) => Tensor> {
    return this.#steps.predictFunction
  }

  /** Set by callbacks: the training ends. */
  stopTraining: boolean = false

  /**
   * Trains the model: `fit(x, y, options)`, or `fit(dataset, options)` for a dataset of batches `[x, y]` or
   * `[x, y, sampleWeight]`. Batch sizes may differ: the step is traced once.
   *
   * @throws ValueError before `compile`, for bad options and for data without labels; ShapeError when there are not as many
   *   labels as inputs, or the loss does not take them. The model then has the weights of the last step done.
   * @example
   * const model = tf.layers.sequential([tf.layers.dense({ units: 1, kernelInitializer: 'zeros' })])
   * model.compile({ optimizer: tf.optimizers.sgd(0.1), loss: 'mse' })
   * const { history } = model.fit([[1], [2], [3]], [2, 4, 6], { epochs: 50, shuffle: false, verbose: 0 })
   * history['loss']?.length // 50
   */
  fit(x: TensorLike, y: TensorLike, options?: FitOptions): History
  fit(dataset: BatchDataset, options?: FitOptions): History
  fit(x: TensorLike | BatchDataset, y?: TensorLike | FitOptions, options?: FitOptions): History {
    return runNow('fit', this.#fit(x, y, options))
  }

  /** As `fit`, for what has to wait: async datasets, callbacks that return promises. */
  fitAsync(x: TensorLike, y: TensorLike, options?: FitOptions): Promise<History>
  fitAsync(dataset: BatchDataset, options?: FitOptions): Promise<History>
  async fitAsync(
    x: TensorLike | BatchDataset,
    y?: TensorLike | FitOptions,
    options?: FitOptions,
  ): Promise<History> {
    return runAsync(this.#fit(x, y, options))
  }

  /**
   * Loss and metrics on data, by name. Throws as `fit`.
   *
   * @example
   * const model = tf.layers.sequential([tf.layers.dense({ units: 1, kernelInitializer: 'ones' })])
   * model.compile({ loss: 'mse', metrics: ['mae'] })
   * model.evaluate([[1], [2]], [2, 4])['mae'] // 1.5
   */
  evaluate(x: TensorLike, y: TensorLike, options?: EvaluateOptions): Logs
  evaluate(dataset: BatchDataset, options?: EvaluateOptions): Logs
  evaluate(x: TensorLike | BatchDataset, y?: TensorLike | EvaluateOptions, options?: EvaluateOptions): Logs {
    return runNow('evaluate', this.#evaluate(x, y, options))
  }

  /** As `evaluate`, for what has to wait. */
  evaluateAsync(x: TensorLike, y: TensorLike, options?: EvaluateOptions): Promise<Logs>
  evaluateAsync(dataset: BatchDataset, options?: EvaluateOptions): Promise<Logs>
  async evaluateAsync(
    x: TensorLike | BatchDataset,
    y?: TensorLike | EvaluateOptions,
    options?: EvaluateOptions,
  ): Promise<Logs> {
    return runAsync(this.#evaluate(x, y, options))
  }

  /** The model's outputs for inputs, or for a dataset of batches of which the first entry counts. */
  predict(x: TensorLike | BatchDataset, options: PredictOptions = {}): Tensor {
    return runNow('predict', predictionOf(this.#steps, x, options, this.expectedDtype))
  }
  /** As `predict`, for what has to wait. */
  async predictAsync(x: TensorLike | BatchDataset, options: PredictOptions = {}): Promise<Tensor> {
    return runAsync(predictionOf(this.#steps, x, options, this.expectedDtype))
  }

  /** One step of training on one batch; gives loss and metrics of this batch. Throws as `fit`. */
  trainOnBatch(
    x: TensorLike,
    y: TensorLike,
    options: { readonly sampleWeight?: TensorLike; readonly classWeight?: ClassWeights } = {},
  ): Logs {
    const steps = this.#compiled('trainOnBatch')
    const samples = samplesOf('trainOnBatch', x, y, options.sampleWeight, this.expectedDtype)
    steps.begin()
    steps.reset()
    return steps.train({ ...weighted('trainOnBatch', samples, options.classWeight), mask: undefined })()
  }

  /** Loss and metrics of one batch. Throws as `fit`. */
  testOnBatch(x: TensorLike, y: TensorLike, options: { readonly sampleWeight?: TensorLike } = {}): Logs {
    const steps = this.#compiled('testOnBatch')
    const samples = samplesOf('testOnBatch', x, y, options.sampleWeight, this.expectedDtype)
    steps.begin()
    steps.reset()
    return steps.test({ ...samples, mask: undefined })()
  }

  /** The model's output for one batch, by the traced step of `predict`. */
  predictOnBatch(x: TensorLike): Tensor {
    this.#steps.begin()
    return this.#steps.predict(samplesOf('predictOnBatch', x, undefined, undefined, this.expectedDtype).x)
  }

  #compiled(op: string): Steps {
    if (this.#steps.compiled !== undefined) return this.#steps
    throw new ValueError({
      op,
      problem: `${this.name} has not been compiled`,
      fix: `call model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] }) first.`,
    })
  }

  #refuseWhileTraining(op: string): void {
    if (!this.#training) return
    throw new ValueError({
      op,
      problem: `${this.name} is being trained`,
      fix: 'await the fitAsync that is under way, or set model.stopTraining = true.',
    })
  }

  *#fit(
    x: TensorLike | BatchDataset,
    y: TensorLike | FitOptions | undefined,
    given: FitOptions | undefined,
  ): Loop<History> {
    const steps = this.#compiled('fit')
    const [labels, options] = argumentsOf(x, y, given)
    const training = trainingOf(x, labels, options, this.expectedDtype)
    this.#refuseWhileTraining('fit')
    this.#training = true
    try {
      return yield* trainingLoop(this, steps, training)
    } finally {
      this.#training = false
    }
  }

  *#evaluate(
    x: TensorLike | BatchDataset,
    y: TensorLike | EvaluateOptions | undefined,
    given: EvaluateOptions | undefined,
  ): Loop<Logs> {
    const steps = this.#compiled('evaluate')
    const [labels, options] = argumentsOf(x, y, given)
    const { what, callbacks, verbose } = evaluationOf('evaluate', x, labels, options, this.expectedDtype)
    return yield* evaluation(this, steps, what, callbacks, verbose)
  }
}

/** Labels and options: after a dataset come options. */
function argumentsOf<O extends object>(
  x: TensorLike | BatchDataset,
  y: TensorLike | O | undefined,
  options: O | undefined,
): readonly [TensorLike | undefined, O | undefined] {
  return isDataset(x) ? [undefined, (y as O | undefined) ?? options] : [y as TensorLike | undefined, options]
}
