/** Stopping when there is nothing more to gain, or nothing left to lose. The rules are Keras's. */
import type { Tensor } from '../../tracer/tensor.ts'
import { Callback, type Logs } from './callback.ts'
import { MonitorCallback, type MonitorOptions } from './monitor.ts'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which to stop. Default 0. */
  readonly patience?: number
  /** What has to be reached for an improvement to start the count of epochs anew. */
  readonly baseline?: number
  /** Whether the model ends with the weights of the best epoch. Default false. */
  readonly restoreBestWeights?: boolean
  /** Epochs at the beginning that do not count. Default 0. */
  readonly startFromEpoch?: number
  /** 1 prints what it does. Default 0. */
  readonly verbose?: 0 | 1
}

/**
 * Stops the training when a number has not improved for `patience` epochs. `minDelta` is 0 unless given.
 *
 * @throws ValueError when it is not known whether the number should rise or fall
 * @example
 * const model = tf.layers.sequential([tf.layers.dense({ units: 1, inputSize: 1 })])
 * model.compile({ optimizer: tf.optimizers.sgd(0), loss: 'mse' })
 * const stop = new tf.callbacks.EarlyStopping({ monitor: 'loss', patience: 2 })
 * model.fit(tf.ones([4, 1]), tf.ones([4]), { epochs: 10, verbose: 0, callbacks: stop })
 * stop.stoppedEpoch // 2
 */
export class EarlyStopping extends MonitorCallback {
  /** The epoch after which the training was stopped; 0 when it was not. */
  stoppedEpoch = 0
  bestEpoch = 0
  #wait = 0
  #bestWeights: readonly Tensor[] | undefined
  readonly #options: EarlyStoppingOptions

  constructor(options: EarlyStoppingOptions = {}) {
    super(options, options.minDelta ?? 0)
    this.#options = options
  }

  override onTrainBegin(): void {
    this.stoppedEpoch = 0
    this.bestEpoch = 0
    this.best = undefined
    this.#wait = 0
    this.#bestWeights = undefined
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { patience = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = this.#options
    const value = this.monitored(logs)
    if (value === undefined || epoch < startFromEpoch) return
    if (restoreBestWeights && this.#bestWeights === undefined) this.#keep(epoch)
    this.#wait += 1
    if (this.isBetter(value, this.best)) {
      this.best = value
      if (restoreBestWeights) this.#keep(epoch)
      this.bestEpoch = epoch
      if (baseline === undefined || this.isBetter(value, baseline)) this.#wait = 0
      return
    }
    if (this.#wait < patience || epoch === 0) return
    this.stoppedEpoch = epoch
    this.model.stopTraining = true
  }

  override onTrainEnd(): void {
    const print = this.#options.verbose === 1
    // oxlint-disable-next-line no-console -- asked for
    if (print && this.stoppedEpoch > 0) console.log(`Epoch ${this.stoppedEpoch + 1}: early stopping`)
    if (this.#bestWeights === undefined) return
    // oxlint-disable-next-line no-console -- asked for
    if (print) console.log(`Restoring the weights of the best epoch: ${this.bestEpoch + 1}`)
    this.model.setWeights(this.#bestWeights)
  }

  #keep(epoch: number): void {
    this.bestEpoch = epoch
    this.#bestWeights = this.model.getWeights()
  }
}

/** Stops the training, with a warning, after a batch whose loss is no finite number. */
export class TerminateOnNaN extends Callback {
  override onTrainBatchEnd(batch: number, logs: Logs): void {
    if (Number.isFinite(logs['loss'])) return
    // oxlint-disable-next-line no-console -- it says why the training ends
    console.warn(`Batch ${batch}: the loss is ${logs['loss']}, terminating training`)
    this.model.stopTraining = true
  }
}
