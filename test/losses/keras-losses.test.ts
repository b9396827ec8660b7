// Every loss, as object and function, and every regularizer against Keras 3.15 on TensorFlow 2.21: values in each way of
// reducing, and gradients with respect to the predictions; eagerly and traced. Names and bad labels.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]

interface Case {
  readonly name: string
  readonly make: string
  readonly options: object
  readonly labels: Nested
  readonly predictions: Nested
  readonly weights?: readonly number[]
  readonly value: Nested
  readonly gradient: Nested
}

interface RegularizerCase {
  readonly name: string
  readonly make: string
  readonly options: unknown
  readonly w: Nested
  readonly value: number
}

const file = new URL('../golden-data/keras-losses.json', import.meta.url)
const data = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly Case[]
  readonly regularizers: readonly RegularizerCase[]
}

function expectClose(got: ArrayLike<number>, wanted: unknown, what: string): void {
  const expected = [wanted].flat(Infinity).map(Number)
  expect(got.length, what).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs((got[i] ?? NaN) - value), `${what}[${i}]: ${got[i]}, not ${value}`).toBeLessThan(
      2e-6 + 1e-5 * Math.abs(value),
    )
}

describe('losses give what Keras gives', () => {
  for (const each of data.cases)
    it(`${each.name}`, () => {
      const Class = Reflect.get(tf.losses, each.make) as new (options: object) => tf.losses.Loss
      const loss = new Class(each.options)
      const labels = each.labels as number[]
      const predictions = tf.tensor(each.predictions as number[])
      const f = (p: tf.Tensor): (tf.Tensor | null)[] => {
        const tape = new tf.GradientTape()
        const value = tape.record(() => {
          tape.watch(p)
          return loss.apply(labels, p, each.weights)
        })
        const total = tape.record(() => value.sum())
        return [value, tape.gradient(total, p)]
      }
      for (const run of [f, tf.function(f)]) {
        const [value, gradient] = run(predictions)
        expectClose(value?.data() ?? [], each.value, 'value')
        expectClose(gradient?.data() ?? [], each.gradient, 'gradient')
      }
    })
})

describe('regularizers give what Keras gives', () => {
  for (const each of data.regularizers)
    it(`${each.name}`, () => {
      const make = Reflect.get(tf.regularizers, each.make) as (
        options: unknown,
      ) => tf.regularizers.Regularizer
      expect(make(each.options)(tf.tensor(each.w as number[])).item()).toBeCloseTo(each.value, 5)
    })

  it('go by name, and complain', () => {
    expect(
      tf.regularizers
        .get('l2')(tf.tensor([3, 4]))
        .item(),
    ).toBeCloseTo(0.25, 6)
    expect(() => tf.regularizers.get('l3' as 'l2')).toThrow(/"l3" names no regularizer/)
    expect(() => tf.regularizers.l1(-1)).toThrow(/the strength is -1/)
  })
})

describe('labels that are no classes', () => {
  const logits = [[1, 2, 3]]
  for (const labels of [[3], [-1]])
    it(`${labels[0]} of 3 classes`, () => {
      const losses = [
        () => tf.losses.sparseCategoricalCrossentropy(labels, logits, undefined, { fromLogits: true }),
        () => tf.losses.sparseSoftmaxCrossEntropy(labels, logits),
        () => tf.sparseSoftmaxCrossEntropyWithLogits(labels, logits),
      ]
      for (const loss of losses) expect(loss).toThrow(/a label is not one of the 3 classes/)
      const w = tf.variable(logits)
      const optimizer = tf.optimizers.sgd(0.1)
      const step = tf.function((y: tf.Tensor) =>
        optimizer.minimize(() => tf.losses.sparseSoftmaxCrossEntropy(y, w), [w]),
      )
      expect(() => step(tf.tensor(labels, 'int32'))).toThrow(/a label is not one of the 3 classes/)
      expect(w.array()).toEqual(logits)
      expect(step(tf.tensor([2], 'int32')).item()).toBeCloseTo(0.40760597, 5)
      expect(w.array()).not.toEqual(logits)
      expect(step.traceCount).toBe(1)
    })
})

describe('losses by name', () => {
  it('have their defaults, and functions of their own are averaged', () => {
    expect(
      tf.losses
        .get('mse')
        .apply([[0, 0]], [[1, 3]])
        .item(),
    ).toBe(5)
    expect(
      tf.losses
        .get('huber')
        .apply([[0]], [[3]])
        .item(),
    ).toBe(2.5)
    expect(
      tf.losses
        .get((x, y) => tf.sub(x, y).abs().mean(-1))
        .apply(
          [
            [0, 0],
            [0, 0],
          ],
          [
            [1, 3],
            [1, 1],
          ],
        ) // prettier-ignore
        .item(),
    ).toBe(1.5)
    const loss = new tf.losses.Hinge({ name: 'mine' })
    expect(tf.losses.get(loss)).toBe(loss)
    expect(loss.name).toBe('mine')
    expect(() => tf.losses.get('nope' as 'mse')).toThrow(/"nope" names no loss/)
  })
})
