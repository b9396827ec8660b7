/** Callbacks that write files: checkpoints and tables of the logs. They write at once, so that `fit` need not wait. */
import type * as FileSystem from 'node:fs'
import { ValueError } from '../../codegen/errors.ts'
import { encodeCheckpoint } from '../io/checkpoint.ts'
import { Callback, type Logs } from './callback.ts'
import { MonitorCallback, type MonitorOptions } from './monitor.ts'

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Saves only when the number watched is better than ever. Default false. */
  readonly saveBestOnly?: boolean
  /** 'epoch', or a number of batches after which to save. Default 'epoch'. */
  readonly saveFrequency?: 'epoch' | number
  /** What has to be beaten for the first save, with `saveBestOnly`. */
  readonly initialValueThreshold?: number
}

/** Where a checkpoint goes: a path, in which `{epoch}` (from 1) and `{name}` of the logs are filled in, or a function. */
export type CheckpointTarget = string | ((bytes: Uint8Array, epoch: number, logs: Logs) => void)

/**
 * Saves the model and its optimizer as a checkpoint. It is read back by
 * `tf.io.loadCheckpoint(path, { model, optimizer: model.optimizer })`. Files are replaced as a whole. Outside Node, give a
 * function that takes the bytes.
 *
 * @example
 * const model = tf.layers.sequential([tf.layers.dense({ units: 1, inputSize: 1 })])
 * model.compile({ optimizer: 'adam', loss: 'mse' })
 * const saved: number[] = []
 * const keep = new tf.callbacks.ModelCheckpoint((_bytes, epoch) => saved.push(epoch), { monitor: 'loss' })
 * model.fit(tf.ones([4, 1]), tf.ones([4]), { epochs: 2, verbose: 0, callbacks: keep })
 * saved // [0, 1]
 */
export class ModelCheckpoint extends MonitorCallback {
  readonly #target: CheckpointTarget
  readonly #options: ModelCheckpointOptions
  #epoch = 0
  #batches = 0

  constructor(target: CheckpointTarget, options: ModelCheckpointOptions = {}) {
    super(options, options.minDelta ?? 0)
    this.#target = target
    this.#options = options
    this.best = options.initialValueThreshold
    const { saveFrequency = 'epoch' } = options
    if (saveFrequency !== 'epoch' && !(Number.isInteger(saveFrequency) && saveFrequency >= 1))
      throw new ValueError({
        op: 'ModelCheckpoint',
        problem: `saveFrequency is ${String(saveFrequency)}`,
        fix: `use 'epoch' or a number of batches of at least 1.`,
      })
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch
  }
  override onTrainBatchEnd(_batch: number, logs: Logs): void {
    const { saveFrequency = 'epoch' } = this.#options
    if (saveFrequency === 'epoch' || ++this.#batches < saveFrequency) return
    this.#batches = 0
    this.#save(this.#epoch, logs)
  }
  override onEpochEnd(epoch: number, logs: Logs): void {
    if ((this.#options.saveFrequency ?? 'epoch') === 'epoch') this.#save(epoch, logs)
  }

  #save(epoch: number, logs: Logs): void {
    if (this.#options.saveBestOnly === true) {
      const value = this.monitored(logs)
      if (value === undefined || !this.isBetter(value, this.best)) return
      this.best = value
    }
    const bytes = encodeCheckpoint({ model: this.model, optimizer: this.model.optimizer })
    if (typeof this.#target === 'string') replaceFileNow(filledIn(this.#target, epoch, logs), bytes)
    else this.#target(bytes, epoch, logs)
  }
}

export interface CSVLoggerOptions {
  /** Default a comma. */
  readonly separator?: string
  /** Whether to go on with a file that exists. Default false. */
  readonly append?: boolean
}

/** Writes the logs of each epoch as a line of a file, the names on the first. Node only. */
export class CSVLogger extends Callback {
  readonly #path: string
  readonly #options: CSVLoggerOptions
  #names: readonly string[] | undefined

  constructor(path: string, options: CSVLoggerOptions = {}) {
    super()
    this.#path = path
    this.#options = options
  }

  override onTrainBegin(): void {
    const files = fileSystem('CSVLogger')
    const { append = false, separator = ',' } = this.#options
    this.#names = undefined
    if (!append || !files.existsSync(this.#path)) files.writeFileSync(this.#path, '')
    else {
      const [header = ''] = files.readFileSync(this.#path, 'utf8').split('\n')
      if (header !== '') this.#names = header.split(separator).slice(1)
    }
  }
  override onEpochEnd(epoch: number, logs: Logs): void {
    const { separator = ',' } = this.#options
    const files = fileSystem('CSVLogger')
    if (this.#names === undefined) {
      this.#names = Object.keys(logs)
      files.appendFileSync(this.#path, `${['epoch', ...this.#names].join(separator)}\n`)
    }
    const values = this.#names.map((name) => logs[name] ?? 'NA')
    files.appendFileSync(this.#path, `${[epoch, ...values].join(separator)}\n`)
  }
}

function fileSystem(op: string): typeof FileSystem {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function')
    throw new ValueError({
      op,
      problem: 'there is no file system here',
      fix: 'use a ModelCheckpoint with a function, or a callback of your own.',
    })
  return process.getBuiltinModule('node:fs')
}

function filledIn(path: string, epoch: number, logs: Logs): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'epoch') return String(epoch + 1)
    const value = logs[name]
    if (value !== undefined) return value.toFixed(4)
    throw new ValueError({
      op: 'ModelCheckpoint',
      problem: `the path has {${name}}, and the logs have no ${name}`,
      fix: `use epoch or one of ${Object.keys(logs).join(', ')}.`,
    })
  })
}

/** Writes beside the file and renames, so that whoever reads it finds the old one or the new one. */
function replaceFileNow(path: string, bytes: Uint8Array): void {
  const files = fileSystem('ModelCheckpoint')
  const beside = `${path}.${process.pid}.${Date.now()}.partial`
  try {
    const file = files.openSync(beside, 'wx')
    try {
      files.writeFileSync(file, bytes)
      files.fsyncSync(file)
    } finally {
      files.closeSync(file)
    }
    files.renameSync(beside, path)
  } catch (error) {
    files.rmSync(beside, { force: true })
    throw error
  }
}
