/** Learning rates that change between epochs. The rules are Keras's. */
import { ValueError } from '../../codegen/errors.ts'
import { Callback, type Logs } from './callback.ts'
import { MonitorCallback, type MonitorOptions } from './monitor.ts'

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by. Default 0.1. */
  readonly factor?: number
  /** Epochs without improvement after which to reduce. Default 10. */
  readonly patience?: number
  /** Epochs after a reduction that do not count. Default 0. */
  readonly cooldown?: number
  /** Where to end. Default 0. */
  readonly minLearningRate?: number
  /** 1 prints what it does. Default 0. */
  readonly verbose?: 0 | 1
}

/**
 * Reduces the learning rate when a number has not improved for `patience` epochs; `minDelta` is 0.0001 unless given. The
 * rate stands in the logs as `learning_rate`.
 *
 * @throws ValueError for a factor of 1 or more; while training, when the learning rate is a schedule
 */
export class ReduceLROnPlateau extends MonitorCallback {
  readonly #options: ReduceLROnPlateauOptions
  #wait = 0
  #cooling = 0

  constructor(options: ReduceLROnPlateauOptions = {}) {
    super(options, options.minDelta ?? 1e-4)
    const { factor = 0.1 } = options
    if (!(factor > 0 && factor < 1))
      throw new ValueError({
        op: 'ReduceLROnPlateau',
        problem: `factor is ${factor}`,
        fix: 'use a number between 0 and 1.',
      })
    this.#options = options
  }

  override onTrainBegin(): void {
    this.best = undefined
    this.#wait = 0
    this.#cooling = 0
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { factor = 0.1, patience = 10, cooldown = 0, minLearningRate = 0, verbose = 0 } = this.#options
    const rate = this.model.optimizer.learningRate
    logs['learning_rate'] = rate.item()
    const value = this.monitored(logs)
    if (value === undefined) return
    if (this.#cooling > 0) {
      this.#cooling -= 1
      this.#wait = 0
    }
    if (this.isBetter(value, this.best)) {
      this.best = value
      this.#wait = 0
      return
    }
    if (this.#cooling > 0) return
    this.#wait += 1
    const old = rate.item()
    if (this.#wait < patience || old <= Math.fround(minLearningRate)) return
    const next = Math.max(old * factor, minLearningRate)
    rate.assign(next)
    // oxlint-disable-next-line no-console -- asked for
    if (verbose === 1) console.log(`Epoch ${epoch + 1}: reducing the learning rate to ${next}`)
    this.#cooling = cooldown
    this.#wait = 0
  }
}

/** Sets the learning rate at the beginning of each epoch to what a function of the epoch and the present rate gives. */
export class LearningRateScheduler extends Callback {
  readonly #schedule: (epoch: number, learningRate: number) => number

  constructor(schedule: (epoch: number, learningRate: number) => number) {
    super()
    this.#schedule = schedule
  }

  override onEpochBegin(epoch: number): void {
    const rate = this.model.optimizer.learningRate
    const next: unknown = this.#schedule(epoch, rate.item())
    if (typeof next !== 'number' || Number.isNaN(next))
      throw new ValueError({
        op: 'LearningRateScheduler',
        problem: `the schedule gives ${String(next)} for epoch ${epoch}`,
        fix: 'return a number.',
      })
    rate.assign(next)
  }
  override onEpochEnd(_epoch: number, logs: Logs): void {
    logs['learning_rate'] = this.model.optimizer.learningRate.item()
  }
}
