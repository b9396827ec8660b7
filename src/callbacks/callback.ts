/**
 * Callbacks: code that runs between the steps of a training.
 *
 * Epochs and batches count from 0. Logs hold the loss and the metrics: of a batch, what they are over the epoch so far;
 * of an epoch, those and the ones of validation, with `val_` before their names. What a callback adds to the logs of an
 * epoch stands in the history.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import type { Module } from '../layers/module.ts'

/** Numbers by name. */
export type Logs = Record<string, number>

/** What callbacks know of a model that is being trained. */
export interface TrainedModel extends Module {
  readonly optimizer: Optimizer
  /** True makes the training end after the batch, or after the epoch when it is set between epochs. */
  stopTraining: boolean
  getWeights(): Tensor[]
  setWeights(values: readonly TensorLike[]): void
}

/** What a training was asked to do. */
export interface TrainingParameters {
  readonly epochs: number
  /** Batches in an epoch, null when it is not known. */
  readonly steps: number | null
  readonly verbose: 0 | 1 | 2
}

/** What hooks return: nothing, or in `fitAsync` and `evaluateAsync` a promise, which is awaited. */
export type Done = void | PromiseLike<void>

/** The moments at which callbacks run. */
export interface Hooks {
  onTrainBegin(logs: Logs): Done
  onTrainEnd(logs: Logs): Done
  onEpochBegin(epoch: number, logs: Logs): Done
  onEpochEnd(epoch: number, logs: Logs): Done
  onTrainBatchBegin(batch: number, logs: Logs): Done
  onTrainBatchEnd(batch: number, logs: Logs): Done
  onTestBegin(logs: Logs): Done
  onTestEnd(logs: Logs): Done
  onTestBatchBegin(batch: number, logs: Logs): Done
  onTestBatchEnd(batch: number, logs: Logs): Done
}

/**
 * Base class of callbacks; override the hooks of interest.
 *
 * @example
 * class Count extends tf.callbacks.Callback {
 *   batches = 0
 *   override onTrainBatchEnd() { this.batches++ }
 * }
 * const model = tf.layers.sequential([tf.layers.dense(1)])
 * model.compile({ optimizer: 'sgd', loss: 'mse' })
 * const count = new Count()
 * model.fit(tf.ones([10, 2]), tf.ones([10]), { batchSize: 4, verbose: 0, callbacks: count })
 * count.batches // 3
 */
export abstract class Callback implements Hooks {
  #model: TrainedModel | undefined
  #parameters: TrainingParameters = { epochs: 0, steps: null, verbose: 0 }

  /** The model that is being trained. */
  get model(): TrainedModel {
    if (this.#model === undefined)
      throw new ValueError({
        op: this.constructor.name,
        problem: 'it is not part of a training',
        fix: 'pass it to fit: callbacks: [callback].',
      })
    return this.#model
  }
  get parameters(): TrainingParameters {
    return this.#parameters
  }
  /** Called before a training begins. */
  setModel(model: TrainedModel, parameters: TrainingParameters): void {
    this.#model = model
    this.#parameters = parameters
  }

  onTrainBegin(_logs: Logs): Done {}
  onTrainEnd(_logs: Logs): Done {}
  onEpochBegin(_epoch: number, _logs: Logs): Done {}
  onEpochEnd(_epoch: number, _logs: Logs): Done {}
  onTrainBatchBegin(_batch: number, _logs: Logs): Done {}
  onTrainBatchEnd(_batch: number, _logs: Logs): Done {}
  onTestBegin(_logs: Logs): Done {}
  onTestEnd(_logs: Logs): Done {}
  onTestBatchBegin(_batch: number, _logs: Logs): Done {}
  onTestBatchEnd(_batch: number, _logs: Logs): Done {}
}

/** A callback made of functions. */
export class LambdaCallback extends Callback {
  constructor(hooks: Partial<Hooks>) {
    super()
    Object.assign(this, hooks)
  }
}

/** A callback, or an object with some of the hooks. */
export type CallbackLike = Callback | Partial<Hooks>

/** The callback meant. */
export function callbackOf(like: CallbackLike): Callback {
  return like instanceof Callback ? like : new LambdaCallback(like)
}
