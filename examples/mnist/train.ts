/**
 * Training and testing a classifier, with the time each step takes.
 */
import * as tf from '../../src/index.ts'
import { type Batch, batchesOf, pixelsPerImage, type Samples } from './data.ts'
import { type Classifier, createClassifier } from './model.ts'
import type { Progress } from './progress.ts'

const batchSize = 128

export interface TrainingOptions {
  readonly epochs: number
  readonly seed: number
  readonly progress?: Progress
}

/** What happened in training: a mean loss per epoch, and milliseconds per step. */
export interface TrainingRecord {
  readonly losses: readonly number[]
  readonly stepTimes: readonly number[]
}

/** Goes through the samples `epochs` times. */
export function train(classifier: Classifier, samples: Samples, options: TrainingOptions): TrainingRecord {
  const { epochs, seed, progress } = options
  const steps = Math.ceil(samples.count / batchSize)
  const losses: number[] = []
  const stepTimes: number[] = []
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const start = performance.now()
    let step = 0
    let seen = 0
    let lossSum = 0
    let correct = 0
    const state = (): Parameters<Progress['update']>[0] => {
      const stepsPerSecond = (1000 * step) / (performance.now() - start)
      return { epoch, epochs, step, steps, loss: lossSum / seen, accuracy: correct / seen, stepsPerSecond }
    }
    for (const batch of batchesOf(samples, batchSize, seed, epoch)) {
      const outcome = timedStep(classifier.trainStep, batch)
      stepTimes.push(outcome.milliseconds)
      step++
      seen += batch.count
      lossSum += outcome.loss * batch.count
      correct += outcome.correct
      progress?.update(state())
    }
    losses.push(lossSum / seen)
    progress?.finish(state())
  }
  return { losses, stepTimes }
}

/**
 * Milliseconds per step when the same callback runs op by op, without tf.function. It trains a classifier of its own,
 * made from the same seed, so that the one in use stays as it is.
 */
export function timeEagerSteps(samples: Samples, seed: number, count: number): readonly number[] {
  const { trainStep } = createClassifier(seed)
  const times: number[] = []
  while (times.length < count)
    for (const batch of batchesOf(samples, batchSize, seed, 1)) {
      if (times.length === count) break
      if (batch.count === batchSize) times.push(timedStep(trainStep.fn, batch).milliseconds)
    }
  return times
}

interface StepOutcome {
  readonly loss: number
  readonly correct: number
  readonly milliseconds: number
}

/** One step, timed from tensors in to numbers out. */
function timedStep(step: Classifier['trainStep']['fn'], batch: Batch): StepOutcome {
  const images = tf.tensor(batch.images, [batch.count, pixelsPerImage])
  const labels = tf.tensor(batch.labels)
  const start = performance.now()
  const results = step(images, labels)
  const loss = results.loss.item()
  const correct = results.correct.item()
  return { loss, correct, milliseconds: performance.now() - start }
}

/** A digit that was taken for another: where it stands among the samples, and how sure the classifier was. */
export interface Mistake {
  readonly index: number
  readonly label: number
  readonly predicted: number
  readonly probability: number
}

export interface TestResult {
  readonly count: number
  readonly accuracy: number
  /** The surest mistake first. */
  readonly mistakes: readonly Mistake[]
}

/** Classifies samples that were not trained on. */
export function test(classifier: Classifier, samples: Samples): TestResult {
  const probabilities = classifier.classify(tf.tensor(samples.images, [samples.count, pixelsPerImage]))
  const predictions = probabilities.argMax(1).data()
  const certainties = probabilities.max(1).data()
  const mistakes = Array.from(samples.labels, (label, index): Mistake => {
    return { index, label, predicted: predictions[index] ?? -1, probability: certainties[index] ?? 0 }
  }).filter(({ label, predicted }) => label !== predicted)
  mistakes.sort((x, y) => y.probability - x.probability)
  return { count: samples.count, accuracy: (samples.count - mistakes.length) / samples.count, mistakes }
}
