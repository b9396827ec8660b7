// Every metric against Keras 3.15 on TensorFlow 2.21, after each batch; eagerly and in a traced step. State, names, and
// metrics of one's own.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]

interface Case {
  readonly name: string
  readonly make: string
  readonly options: object
  readonly batches: readonly (readonly Nested[])[]
  readonly results: readonly Nested[]
}

const file = new URL('../golden-data/keras-metrics.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] }

function metricOf({ make, options }: Case): tf.metrics.Metric {
  const Class = Reflect.get(tf.metrics, make) as new (options: object) => tf.metrics.Metric
  return new Class(options)
}

function expectClose(got: ArrayLike<number>, wanted: unknown, what: string): void {
  const expected = [wanted].flat(Infinity).map(Number)
  expect(got.length, what).toBe(expected.length)
  for (const [i, value] of expected.entries())
    expect(Math.abs((got[i] ?? NaN) - value), `${what}[${i}]: ${got[i]}, not ${value}`).toBeLessThan(
      2e-6 + 1e-5 * Math.abs(value),
    )
}

describe('metrics give what Keras gives', () => {
  for (const each of cases)
    it(`${each.name}`, () => {
      for (const traced of [false, true]) {
        const metric = metricOf(each)
        const update = (...batch: readonly tf.Tensor[]): tf.Tensor => {
          const [first, second, weights] = batch
          metric.updateState(first ?? 0, second, weights)
          return metric.result()
        }
        const run = traced ? tf.function(update, { onRetrace: 'off' }) : update
        const check = (): void =>
          each.batches.forEach((batch, i) => {
            const tensors = batch.map((values) => tf.tensor(values as number[]))
            expectClose(run(...tensors).data(), each.results[i], `result ${i}`)
          })
        check()
        metric.resetState()
        expect(metric.variables.every((variable) => Array.from(variable.data()).every((x) => x === 0))).toBe(
          true,
        )
        check()
      }
    })
})

describe('a metric', () => {
  it('keeps its state in named Variables that a traced step updates', () => {
    const metric = new tf.metrics.Mean({ name: 'loss' })
    expect(metric.variables.map(({ name, trainable }) => [name, trainable])).toEqual([
      ['loss/total', false],
      ['loss/count', false],
    ])
    const step = tf.function((x: tf.Tensor) => metric.updateState(x))
    for (const value of [1, 2, 6]) step(tf.scalar(value))
    expect(metric.result().item()).toBe(3)
    expect(step.traceCount).toBe(1)
    expect(metric.apply([15, 15]).item()).toBeCloseTo(7.8, 5)
  })

  it('goes by name, and accuracy by the shapes', () => {
    const names = [
      [[null, 1], [null, 1], tf.metrics.BinaryAccuracy],
      [[8], [8, 10], tf.metrics.SparseCategoricalAccuracy],
      [[8, 1], [8, 10], tf.metrics.SparseCategoricalAccuracy],
      [[8, 10], [8, 10], tf.metrics.CategoricalAccuracy],
    ] as const
    for (const [labels, predictions, Class] of names) {
      const numbers = (shape: readonly (number | null)[]): number[] => shape.map((size) => size ?? 8)
      const metric = tf.metrics.get('accuracy', {
        labels: numbers(labels),
        predictions: numbers(predictions),
      })
      expect(metric).toBeInstanceOf(Class)
      expect(metric.name).toBe('accuracy')
    }
    expect(tf.metrics.get('mae')).toBeInstanceOf(tf.metrics.MeanAbsoluteError)
    const own = tf.metrics.get((x, y) => tf.sub(x, y).abs())
    expect(own.apply([1, 2], [2, 5]).item()).toBe(2)
    expect(() => tf.metrics.get('nope' as 'mae')).toThrow(/"nope" names no metric/)
  })

  it('complains of missing predictions and bad options, and has changed nothing', () => {
    const metric = new tf.metrics.Precision()
    expect(() => metric.updateState([1, 0])).toThrow(/there are no predictions/)
    expect(() => metric.updateState([[1, 0]], [1, 0, 1])).toThrow(/different shapes/)
    expect(metric.result().item()).toBe(0)
    expect(() => new tf.metrics.Precision({ thresholds: 2 })).toThrow(/a threshold is 2/)
    expect(() => new tf.metrics.AUC({ numThresholds: 1 })).toThrow(/numThresholds is 1/)
    expect(() => new tf.metrics.F1Score().updateState([1], [1])).toThrow(/must be \[batch, classes\]/)
    expect(() => new tf.metrics.SparseCategoricalAccuracy().updateState([[1, 0]], [[1, 0]])).toThrow(
      /labels must have the shape of predictions/,
    )
  })

  it('passes no gradient and is not seen by tapes', () => {
    const w = tf.variable(3)
    const metric = new tf.metrics.Mean()
    const tape = new tf.GradientTape()
    const loss = tape.record(() => {
      const value = w.mul(w)
      metric.updateState(value)
      return value
    })
    expect(tape.gradient(loss, w)?.item()).toBe(6)
    expect(metric.result().item()).toBe(9)
  })
})
