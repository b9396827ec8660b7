// The model learns, repeats itself bit for bit, is traced once, and does traced what it does eagerly.
import { expect, test } from 'vitest'

import {
  type Batch,
  batchesOf,
  loadDigits,
  pick,
  pixelsPerImage,
  type Samples,
} from '../../examples/mnist/data.ts'
import { type Classifier, createClassifier } from '../../examples/mnist/model.ts'
import { test as testClassifier, timeEagerSteps, train } from '../../examples/mnist/train.ts'
import * as tf from '../../src/index.ts'

const { training, heldBack } = loadDigits(0)

function first(samples: Samples, count: number): Samples {
  return pick(
    samples,
    Int32Array.from({ length: count }, (_, i) => i),
  )
}

test.each([0, 2])('five epochs teach it to read 93 of 100 digits it has not seen: seed %i', (seed) => {
  const digits = seed === 0 ? { training, heldBack } : loadDigits(seed)
  const classifier = createClassifier(seed)
  const { losses, stepTimes } = train(classifier, digits.training, { epochs: 5, seed })
  const result = testClassifier(classifier, digits.heldBack)
  expect(result.accuracy).toBeGreaterThanOrEqual(0.93)
  expect(losses).toEqual(losses.toSorted((x, y) => y - x))
  expect(stepTimes.length).toBe(5 * 63)
  expect(classifier.trainStep.traceCount).toBe(1)
  expect(classifier.classify.traceCount).toBe(1)
})

test('the same seed gives the same losses and predictions, another seed others', () => {
  // 300 = 2 × 128 + 44: a short batch is among them.
  const few = first(training, 300)
  const outcome = (seed: number): { losses: readonly number[]; mistakes: unknown; traces: number } => {
    const classifier = createClassifier(seed)
    const { losses } = train(classifier, few, { epochs: 3, seed })
    const { mistakes } = testClassifier(classifier, heldBack)
    return { losses, mistakes, traces: classifier.trainStep.traceCount }
  }
  const once = outcome(1)
  expect(outcome(1)).toEqual(once)
  expect(once.traces).toBe(1)
  expect(outcome(2).losses).not.toEqual(once.losses)
})

function stepsOf(
  step: Classifier['trainStep']['fn'],
  batches: readonly Batch[],
): { loss: number; correct: number }[] {
  return batches.map((batch) => {
    const { loss, correct } = step(
      tf.tensor(batch.images, [batch.count, pixelsPerImage]),
      tf.tensor(batch.labels),
    )
    return { loss: loss.item(), correct: correct.item() }
  })
}

test('traced steps are the eager ones, and the first loss is what the probabilities say', () => {
  const batches = [...batchesOf(first(training, 300), 128, 0, 1)]
  const traced = stepsOf(createClassifier(0).trainStep, batches)
  const eager = stepsOf(createClassifier(0).trainStep.fn, batches)
  traced.forEach(({ loss, correct }, i) => {
    expect(Math.abs(loss - (eager[i]?.loss ?? NaN))).toBeLessThan(1e-5 * loss)
    expect(correct).toBe(eager[i]?.correct)
  })
  // Before the first step nothing is learned: the probabilities, and from them the loss, by the classifier.
  const [batch] = batches
  if (batch === undefined) throw new Error('no batch')
  const probabilities = createClassifier(0)
    .classify(tf.tensor(batch.images, [batch.count, pixelsPerImage]))
    .data()
  let loss = 0
  batch.labels.forEach((label, i) => (loss -= Math.log(probabilities[10 * i + label] ?? NaN) / batch.count))
  expect(traced[0]?.loss).toBeCloseTo(loss, 5)
})

test('measuring eager steps leaves a classifier in use as it is', () => {
  const few = first(training, 200)
  const classifier = createClassifier(0)
  const before = testClassifier(classifier, few)
  expect(timeEagerSteps(few, 0, 3).length).toBe(3)
  expect(testClassifier(classifier, few)).toEqual(before)
})

test('mistakes come with the surest first', () => {
  const { mistakes, accuracy, count } = testClassifier(createClassifier(0), heldBack)
  expect(accuracy).toBe((count - mistakes.length) / count)
  expect(mistakes.length).toBeGreaterThan(1000) // it has learned nothing
  mistakes.forEach(({ index, label, predicted, probability }, i) => {
    expect(label).toBe(heldBack.labels[index])
    expect(predicted).not.toBe(label)
    expect(probability).toBeLessThanOrEqual(mistakes[i - 1]?.probability ?? 1)
  })
})
