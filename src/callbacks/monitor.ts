/** Callbacks that watch one number and tell whether it gets better. */
import { ValueError } from '../../codegen/errors.ts'
import { Callback, type Logs } from './callback.ts'

export interface MonitorOptions {
  /** The number to watch, by its name in the logs. Default val_loss. */
  readonly monitor?: string
  /** Whether less or more is better. By default losses and errors should fall, and scores such as accuracy rise. */
  readonly mode?: 'auto' | 'min' | 'max'
  /** A change smaller than this is none. */
  readonly minDelta?: number
}

const falling =
  /loss|error|crossentropy|hinge|divergence|poisson|logcosh|^(?:mae|mse|mape|msle|rmse|kld|logCosh)$|false|perplexity/i
const rising = /acc|auc|precision|recall|f1|f_?beta|fscore|iou|r2|cosine|true|score/i

/** What early stopping, plateaus and checkpoints have in common. */
export abstract class MonitorCallback extends Callback {
  readonly monitor: string
  readonly #minDelta: number
  readonly #rises: boolean
  /** The best number so far. */
  protected best: number | undefined

  constructor(options: MonitorOptions, minDelta: number) {
    super()
    this.monitor = options.monitor ?? 'val_loss'
    this.#minDelta = Math.abs(minDelta)
    this.#rises = rises(this.constructor.name, this.monitor, options.mode ?? 'auto')
  }

  /** Whether a number is better than another, or the first. */
  protected isBetter(value: number, than: number | undefined): boolean {
    if (than === undefined) return true
    return this.#rises ? value - this.#minDelta > than : value + this.#minDelta < than
  }

  /** The number watched; a warning and undefined when the logs do not have it. */
  protected monitored(logs: Logs): number | undefined {
    const value = logs[this.monitor]
    if (value === undefined)
      // oxlint-disable-next-line no-console -- the training goes on, so this can only be a warning
      console.warn(
        `${this.constructor.name} watches ${this.monitor}, which is not among ${Object.keys(logs).join(', ')}${this.monitor.startsWith('val_') ? ': pass validationData or validationSplit' : ''}`,
      )
    return value
  }
}

function rises(op: string, monitor: string, mode: 'auto' | 'min' | 'max'): boolean {
  if (mode === 'min' || mode === 'max') return mode === 'max'
  const name = monitor.replace(/^val_/, '')
  if (falling.test(name)) return false
  if (rising.test(name)) return true
  throw new ValueError({
    op,
    problem: `it is not known whether ${monitor} should rise or fall`,
    fix: `say mode: 'max' or mode: 'min'.`,
  })
}
