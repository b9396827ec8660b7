/**
 * The traced steps behind `fit`, `evaluate` and `predict`.
 *
 * A step is one call of a compiled function: the model, the loss with the penalties of weights, the gradients, the
 * optimizer's update, batch statistics, and the metrics, whose sums are Variables. It is traced for an open batch size,
 * so the last batch of an epoch, which is smaller, needs no second trace. Before, the model is traced once without being
 * run: that builds its layers, tells what `'accuracy'` stands for, and makes the Variables of metrics and optimizer, so
 * that the step creates none.
 *
 * With the mask of a padded batch, only real rows count: in the mean of the loss, in the metrics, in the number of samples.
 */
import { ValueError } from '../../codegen/errors.ts'
import { isFloating } from '../../codegen/dtype.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { type Concrete, type Traced, traceFunction } from '../function.ts'
import type { Layer } from '../layers/layer.ts'
import { modulesOf } from '../layers/module.ts'
import type { Loss } from '../losses/loss.ts'
import { get as metricOf, type MetricLike } from '../metrics/by-name.ts'
import { Mean, type Metric } from '../metrics/metric.ts'
import { cast, expandDims, mul, sizeOf } from '../../tracer/ops/index.ts'
import { add, addN, div } from '../math/index.ts'
import { sum } from '../math/reductions.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import { spec, type TensorSpec } from '../spec.ts'
import type { Batch } from './batches.ts'
import type { Logs } from '../callbacks/callback.ts'

/** What `compile` was given. */
export interface Compiled {
  readonly optimizer: Optimizer
  readonly loss: Loss
  readonly metrics: readonly MetricLike[]
  readonly weightedMetrics: readonly MetricLike[]
}

type StepFunction = (x: Tensor, y: Tensor, weights?: Tensor, mask?: Tensor) => readonly Tensor[]
type PredictFunction = (x: Tensor) => Tensor

interface NamedMetric {
  readonly name: string
  readonly metric: Metric
  readonly weighted: boolean
}

/** Traces for batches of some types, by those types. */
class OpenTraces<F extends (...args: never[]) => unknown> {
  readonly traced: Traced<F>
  readonly #byTypes = new Map<string, Concrete<F>>()

  constructor(f: F) {
    // That data with and without weights have traces of their own is as it must be.
    this.traced = traceFunction(f, { onRetrace: 'off' })
  }

  /** The trace for tensors like these, of any batch size; `first` is called before one is made. */
  for(tensors: readonly (Tensor | undefined)[], first: () => void): Concrete<F> {
    const key = tensors
      .map((each) => (each === undefined ? '' : `${each.dtype}${each.shape.slice(1).join()}`))
      .join('|')
    const known = this.#byTypes.get(key)
    if (known !== undefined) return known
    first()
    const made = this.traced.concrete(
      ...tensors.map((each) => (each === undefined ? undefined : openSpec(each))),
    )
    this.#byTypes.set(key, made)
    return made
  }
}

function openSpec(tensor: Tensor): TensorSpec {
  return spec([null, ...tensor.shape.slice(1)], tensor.dtype)
}

/** The steps of a model. */
export class Steps {
  readonly compiled: Compiled | undefined
  readonly #model: Layer
  readonly #lossMean = new Mean({ name: 'loss' })
  #metrics: readonly NamedMetric[] | undefined
  #names: readonly string[] = ['loss']
  #trainability = ''
  #train: OpenTraces<StepFunction>
  #test: OpenTraces<StepFunction>
  #predict: OpenTraces<PredictFunction>

  constructor(model: Layer, compiled: Compiled | undefined) {
    this.#model = model
    this.compiled = compiled
    this.#train = this.#newTrain()
    this.#test = this.#newTest()
    this.#predict = this.#newPredict()
  }

  get trainFunction(): Traced<StepFunction> {
    return this.#train.traced
  }
  get testFunction(): Traced<StepFunction> {
    return this.#test.traced
  }
  get predictFunction(): Traced<PredictFunction> {
    return this.#predict.traced
  }
  /** The metrics without the loss; known once a batch has been seen. */
  get metrics(): readonly Metric[] {
    return (this.#metrics ?? []).map(({ metric }) => metric)
  }

  /** Before a training, an evaluation: when layers have been frozen or thawed since, the steps are traced anew. */
  begin(): void {
    const parts = [...modulesOf(this.#model), ...this.#model.variables]
    const trainability = parts.map(({ trainable }) => (trainable ? '1' : '0')).join('')
    if (this.#trainability !== '' && this.#trainability !== trainability && this.#model.built) {
      this.#train = this.#newTrain()
      this.#test = this.#newTest()
      this.#predict = this.#newPredict()
    }
    this.#trainability = this.#model.built ? trainability : ''
  }

  /** Forgets what loss and metrics have seen. */
  reset(): void {
    this.#lossMean.resetState()
    for (const { metric } of this.#metrics ?? []) metric.resetState()
  }

  /** One step of training; gives loss and metrics since the last reset. */
  train(batch: Batch): () => Logs {
    return this.#run(this.#train, batch, true)
  }
  /** The same without learning. */
  test(batch: Batch): () => Logs {
    return this.#run(this.#test, batch, false)
  }
  /** What the model gives for inputs. */
  predict(x: Tensor): Tensor {
    const trace = this.#predict.for([x], () => this.#build(x))
    return trace(x)
  }

  #run(traces: OpenTraces<StepFunction>, { x, y, weights, mask }: Batch, learns: boolean): () => Logs {
    if (y === undefined)
      throw new ValueError({
        op: this.#model.name,
        problem: 'there are no labels',
        fix: 'pass y, or a dataset of [x, y].',
      })
    const tensors = [x, y, weights, mask]
    const trace = traces.for(tensors, () => this.#prepare(x, y, learns))
    const results = trace(...tensors)
    return () => logsOf(this.#names, results)
  }

  #newTrain(): OpenTraces<StepFunction> {
    const step: StepFunction = (x, y, weights, mask) => {
      const { optimizer } = this.#requireCompiled()
      let results: readonly Tensor[] = []
      const loss = (): Tensor => {
        const predictions = this.#model.apply(this.#input(x), { training: true })
        const value = this.#loss(y, predictions, weights, mask)
        results = [value, predictions]
        return value
      }
      if (this.#model.built && this.#model.trainableVariables.length === 0) loss()
      else optimizer.minimize(loss, () => this.#model.trainableVariables)
      const [value, predictions] = results as readonly [Tensor, Tensor]
      return this.#count(x, y, predictions, value, weights, mask)
    }
    return new OpenTraces(named(step, `${this.#model.name}_train_step`))
  }

  #newTest(): OpenTraces<StepFunction> {
    const step: StepFunction = (x, y, weights, mask) => {
      const predictions = this.#model.apply(this.#input(x), { training: false })
      return this.#count(x, y, predictions, this.#loss(y, predictions, weights, mask), weights, mask)
    }
    return new OpenTraces(named(step, `${this.#model.name}_test_step`))
  }

  #newPredict(): OpenTraces<PredictFunction> {
    const step = (x: Tensor): Tensor => this.#model.apply(this.#input(x), { training: false })
    return new OpenTraces(named(step, `${this.#model.name}_predict_step`))
  }

  /** Numbers of other dtypes, such as the bytes of an image, take that of a model of floating-point numbers. */
  #input(x: Tensor): Tensor {
    const wanted = this.#model.expectedDtype
    return x.dtype !== wanted && isFloating(wanted) ? cast(x, wanted) : x
  }

  /** The mean over real samples, and the penalties. */
  #loss(y: Tensor, predictions: Tensor, weights: Tensor | undefined, mask: Tensor | undefined): Tensor {
    const { loss } = this.#requireCompiled()
    const value = loss.apply(y, predictions, maskedWeights(predictions, weights, mask))
    const scaled =
      mask === undefined || !isMean(loss)
        ? value
        : mul(value, div(cast(sizeOf(mask, 0), value.dtype), sum(cast(mask, value.dtype))))
    const penalties = this.#model.losses
    return penalties.length === 0 ? scaled : add(scaled, cast(addN(penalties), scaled.dtype))
  }

  /** Adds a batch to loss and metrics, and gives what they are now. */
  #count(
    x: Tensor,
    y: Tensor,
    predictions: Tensor,
    loss: Tensor,
    weights: Tensor | undefined,
    mask: Tensor | undefined,
  ): readonly Tensor[] {
    const samples = mask === undefined ? cast(sizeOf(x, 0), 'float32') : sum(cast(mask, 'float32'))
    this.#lossMean.updateState(loss, samples)
    const metrics = this.#metrics ?? []
    for (const { metric, weighted } of metrics)
      metric.updateState(y, predictions, maskedWeights(predictions, weighted ? weights : undefined, mask))
    return [this.#lossMean.result(), ...metrics.map(({ metric }) => metric.result())]
  }

  #requireCompiled(): Compiled {
    if (this.compiled !== undefined) return this.compiled
    throw new ValueError({
      op: this.#model.name,
      problem: 'the model has not been compiled',
      fix: `call model.compile({ optimizer: 'adam', loss: 'mse' }) before it is trained or evaluated.`,
    })
  }

  /** Builds the model for inputs like these, without running it. */
  #build(x: Tensor): void {
    if (this.#model.built && this.#trainability !== '') return
    traceFunction((input: Tensor) => this.#model.apply(this.#input(input))).concrete(openSpec(x))
    this.begin()
  }

  /** Makes all that the steps need; they create no Variables then. */
  #prepare(x: Tensor, y: Tensor, learns: boolean): void {
    const { optimizer, metrics, weightedMetrics } = this.#requireCompiled()
    let found = this.#metrics
    const dry = (input: Tensor, labels: Tensor): readonly Tensor[] => {
      const predictions = this.#model.apply(this.#input(input))
      const shapes = { labels: labels.type.shape, predictions: predictions.type.shape }
      // It is traced a second time if it has made Variables.
      found ??= [
        ...metrics.map((like) => namedMetric(like, shapes, false)),
        ...weightedMetrics.map((like) => namedMetric(like, shapes, true)),
      ]
      for (const { metric } of found) metric.updateState(labels, predictions)
      return [predictions]
    }
    traceFunction(dry).concrete(openSpec(x), openSpec(y))
    const variables = this.#model.trainableVariables
    if (learns && variables.length > 0) optimizer.build(variables)
    this.#metrics ??= withOwnNames(found ?? [])
    this.#names = ['loss', ...this.#metrics.map(({ name }) => name)]
    if (this.#trainability === '') this.begin()
  }
}

/** Weights of samples, 0 for rows that are not real. */
function maskedWeights(
  predictions: Tensor,
  weights: Tensor | undefined,
  mask: Tensor | undefined,
): Tensor | undefined {
  if (mask === undefined) return weights
  let real = cast(mask, isFloating(predictions.dtype) ? predictions.dtype : 'float32')
  if (weights === undefined) return real
  while (real.rank < weights.rank) real = expandDims(real, -1)
  return mul(cast(weights, real.dtype), real)
}

function isMean({ reduction }: Loss): boolean {
  return reduction === 'mean' || reduction === 'sum_over_batch_size'
}

function namedMetric(
  like: MetricLike,
  shapes: { readonly labels: Tensor['type']['shape']; readonly predictions: Tensor['type']['shape'] },
  weighted: boolean,
): NamedMetric {
  const metric = metricOf(like, shapes)
  return { name: typeof like === 'string' ? like : metric.name, metric, weighted }
}

/** Second metrics of a name get a number. */
function withOwnNames(metrics: readonly NamedMetric[]): readonly NamedMetric[] {
  const seen = new Map<string, number>([['loss', 1]])
  return metrics.map((each) => {
    const count = seen.get(each.name) ?? 0
    seen.set(each.name, count + 1)
    return count === 0 ? each : { ...each, name: `${each.name}_${count}` }
  })
}

/** Results by name; those of several numbers as `name_0`, `name_1`, … */
function logsOf(names: readonly string[], results: readonly Tensor[]): Logs {
  const logs: Logs = {}
  results.forEach((result, i) => {
    const name = names[i] ?? String(i)
    if (result.rank === 0) logs[name] = result.item()
    else result.data().forEach((value, j) => (logs[`${name}_${j}`] = value))
  })
  return logs
}

function named<F extends (...args: never[]) => unknown>(f: F, name: string): F {
  return Object.defineProperty(f, 'name', { value: name })
}
