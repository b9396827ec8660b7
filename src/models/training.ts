/**
 * The loops of training and evaluation: epochs, batches, callbacks, progress.
 *
 * Nothing is read back from a step unless a callback has a hook for the ends of batches, or the progress bar is due. When
 * a step or a callback throws, the loop ends as it is: the model has the weights of the last step that was finished.
 */
import { ValueError } from '../../codegen/errors.ts'
import {
  Callback,
  type Done,
  type Logs,
  type TrainedModel,
  type TrainingParameters,
} from '../callbacks/callback.ts'
import { History } from '../callbacks/history.ts'
import { type Count, requireCount } from '../data/counts.ts'
import type { Batch, Batches } from './batches.ts'
import { type Loop, settled } from './loop.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Steps } from './steps.ts'

export interface Evaluation {
  readonly batches: Batches
  /** How many of them to take; all when undefined. */
  readonly limit: number | undefined
}

export interface Training extends Evaluation {
  readonly epochs: number
  readonly initialEpoch: number
  readonly verbose: 0 | 1 | 2
  readonly callbacks: readonly Callback[]
  readonly validation: Evaluation | undefined
  readonly validationFrequency: number
}

/** What each callback does at a moment. */
function* runHooks(callbacks: readonly Callback[], hook: (callback: Callback) => Done): Loop<void> {
  for (const callback of callbacks) yield* settled(hook(callback))
}

/** The callbacks that have a hook of their own: the others need no logs. */
function having(
  callbacks: readonly Callback[],
  name: 'onTrainBatchEnd' | 'onTestBatchEnd',
): readonly Callback[] {
  return callbacks.filter((callback) => callback[name] !== Callback.prototype[name])
}

/** The batches of several epochs, of which each takes a part or all. */
class Feed {
  readonly #batches: Batches
  readonly #limit: number | undefined
  #iterator: Iterator<Batch> | AsyncIterator<Batch> | undefined

  constructor(op: string, { batches, limit }: Evaluation) {
    if (limit !== undefined) requireCount(op, 'the number of steps', limit, 1)
    if (batches.count === Infinity && limit === undefined)
      throw new ValueError({
        op,
        problem: 'the dataset has no end',
        fix: `say how many batches are taken: ${op === 'fit' ? 'stepsPerEpoch' : 'steps'}; or use dataset.take(n).`,
      })
    this.#batches = batches
    this.#limit = limit
  }

  get steps(): Count {
    return this.#limit ?? this.#batches.count
  }

  /** The next batch of an epoch that has had `step`; undefined at its end. */
  *next(step: number): Loop<Batch | undefined> {
    if (this.#limit !== undefined && step >= this.#limit) return undefined
    this.#iterator ??= this.#batches.pass()
    let next = yield* settled(this.#iterator.next())
    if (next.done === true && this.#limit !== undefined) {
      // The epoch is longer than what is left of the data, which starts again.
      this.#iterator = this.#batches.pass()
      next = yield* settled(this.#iterator.next())
    }
    if (next.done !== true) return next.value
    this.#iterator = undefined
    return undefined
  }

  /** Lets the source clean up. */
  *close(): Loop<void> {
    const iterator = this.#iterator
    this.#iterator = undefined
    if (iterator !== undefined) yield* settled(iterator.return?.())
  }
}

function noBatches(op: string): ValueError {
  return new ValueError({
    op,
    problem: 'there are no batches',
    fix: 'give it data; a batch may not be dropped if it is the only one.',
  })
}

export function* trainingLoop(model: TrainedModel, steps: Steps, training: Training): Loop<History> {
  const { epochs, initialEpoch, verbose, callbacks, validation, validationFrequency } = training
  const feed = new Feed('fit', training)
  const validationFeed = validation === undefined ? undefined : new Feed('evaluate', validation)
  const parameters: TrainingParameters = { epochs, steps: feed.steps, verbose }
  const history = new History(parameters)
  const bar = verbose === 0 ? undefined : new ProgressBar(verbose)
  const readers = having(callbacks, 'onTrainBatchEnd')
  for (const callback of callbacks) callback.setModel(model, parameters)
  model.stopTraining = false
  steps.begin()
  try {
    yield* runHooks(callbacks, (each) => each.onTrainBegin({}))
    let logs: Logs = {}
    for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
      steps.reset()
      yield* runHooks(callbacks, (each) => each.onEpochBegin(epoch, {}))
      bar?.begin(`Epoch ${epoch + 1}/${epochs}`)
      let read: (() => Logs) | undefined
      let step = 0
      while (!model.stopTraining) {
        const batch = yield* feed.next(step)
        if (batch === undefined) break
        yield* runHooks(callbacks, (each) => each.onTrainBatchBegin(step, {}))
        read = steps.train(batch)
        step++
        bar?.update(step, feed.steps, read)
        if (readers.length > 0) {
          const seen = read()
          yield* runHooks(readers, (each) => each.onTrainBatchEnd(step - 1, seen))
        }
        yield undefined
      }
      if (read === undefined && !model.stopTraining) throw noBatches('fit')
      logs = read?.() ?? {}
      if (validationFeed !== undefined && (epoch + 1) % validationFrequency === 0) {
        const results = yield* evaluationLoop(steps, validationFeed, callbacks)
        for (const [name, value] of Object.entries(results)) logs[`val_${name}`] = value
      }
      bar?.finish(step, feed.steps, logs)
      yield* runHooks(callbacks, (each) => each.onEpochEnd(epoch, logs))
      history.add(epoch, logs)
    }
    const { trainableVariables } = model
    if (history.epoch.length > 0 && trainableVariables.length > 0)
      model.optimizer.finalizeVariableValues(trainableVariables)
    yield* runHooks(callbacks, (each) => each.onTrainEnd(logs))
    return history
  } finally {
    bar?.interrupt()
    yield* feed.close()
    if (validationFeed !== undefined) yield* validationFeed.close()
  }
}

/** Evaluation by itself. */
export function* evaluation(
  model: TrainedModel,
  steps: Steps,
  what: Evaluation,
  callbacks: readonly Callback[],
  verbose: 0 | 1 | 2,
): Loop<Logs> {
  const feed = new Feed('evaluate', what)
  for (const callback of callbacks) callback.setModel(model, { epochs: 1, steps: feed.steps, verbose })
  steps.begin()
  try {
    return yield* evaluationLoop(steps, feed, callbacks, verbose === 0 ? undefined : new ProgressBar(verbose))
  } finally {
    yield* feed.close()
  }
}

function* evaluationLoop(
  steps: Steps,
  feed: Feed,
  callbacks: readonly Callback[],
  bar?: ProgressBar,
): Loop<Logs> {
  const readers = having(callbacks, 'onTestBatchEnd')
  steps.reset()
  yield* runHooks(callbacks, (each) => each.onTestBegin({}))
  bar?.begin()
  let read: (() => Logs) | undefined
  let step = 0
  for (;;) {
    const batch = yield* feed.next(step)
    if (batch === undefined) break
    yield* runHooks(callbacks, (each) => each.onTestBatchBegin(step, {}))
    read = steps.test(batch)
    step++
    bar?.update(step, feed.steps, read)
    if (readers.length > 0) {
      const seen = read()
      yield* runHooks(readers, (each) => each.onTestBatchEnd(step - 1, seen))
    }
    yield undefined
  }
  if (read === undefined) throw noBatches('evaluate')
  const logs = read()
  bar?.finish(step, feed.steps, logs)
  yield* runHooks(callbacks, (each) => each.onTestEnd(logs))
  return logs
}

/** Outputs for all batches; `keep` takes the rows of a batch that are real. */
export function* predictions<R>(
  steps: Steps,
  what: Evaluation,
  keep: (batch: Batch, output: ReturnType<Steps['predict']>) => R,
): Loop<R[]> {
  const feed = new Feed('predict', what)
  steps.begin()
  const results: R[] = []
  try {
    for (;;) {
      const batch = yield* feed.next(results.length)
      if (batch === undefined) break
      results.push(keep(batch, steps.predict(batch.x)))
      yield undefined
    }
  } finally {
    yield* feed.close()
  }
  if (results.length === 0) throw noBatches('predict')
  return results
}
