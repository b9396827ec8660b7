// Small trainings against Keras 3.15 on TensorFlow 2.21: the same initial weights, no shuffling; losses and metrics of
// every epoch, validation, class and sample weights, penalties, batch normalisation, callbacks; final weights,
// evaluation and predictions. Each training has one trace although its last batch is smaller.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

interface Case {
  readonly name: string
  readonly kind: string
  readonly optimizer: string
  readonly options: Readonly<Record<string, number>>
  readonly loss: string
  readonly metrics: readonly tf.metrics.MetricName[]
  readonly weightedMetrics: readonly tf.metrics.MetricName[]
  readonly fit: Omit<tf.FitOptions, 'sampleWeight' | 'callbacks'> & {
    readonly sampleWeight?: true
    readonly holdOut?: number
  }
  readonly callbacks: readonly (readonly [string, Readonly<Record<string, unknown>>])[]
  readonly epoch: readonly number[]
  readonly history: Readonly<Record<string, readonly number[]>>
  readonly weights: readonly (readonly number[])[]
  readonly evaluate: Readonly<Record<string, number>>
  readonly predict: readonly number[]
  readonly iterations: number
}
type Rows = readonly (number | readonly number[])[]

interface File {
  readonly x: readonly (readonly number[])[]
  readonly sampleWeight: readonly number[]
  readonly weights: Readonly<Record<'k1' | 'b1' | 'k3' | 'b3' | 'k1o' | 'b1o', Rows>>
  readonly y: Readonly<Record<string, Rows>>
  readonly cases: readonly Case[]
}
const url = new URL('../golden-data/fit.json', import.meta.url)
const file = JSON.parse(readFileSync(url, 'utf8')) as File

const { dense } = tf.layers

function modelOf({ kind }: Case): tf.layers.Sequential {
  const has = (word: string): boolean => kind.split(' ').includes(word)
  const classes = has('sparse') || has('onehot') || has('logits')
  const activation = has('logits') || has('regression') ? 'linear' : has('binary') ? 'sigmoid' : 'softmax'
  const model = tf.layers.sequential([
    dense({
      units: 5,
      activation: 'tanh',
      ...(has('l2') ? { kernelRegularizer: tf.regularizers.l2(0.01) } : {}),
    }),
    ...(has('bn') ? [tf.layers.batchNormalization({ momentum: 0.9 })] : []),
    dense({ units: classes ? 3 : 1, activation }),
  ])
  model.build(4)
  const { k1, b1, k3, b3, k1o, b1o } = file.weights
  const statistics = has('bn') ? [tf.ones([5]), tf.zeros([5]), tf.zeros([5]), tf.ones([5])] : []
  model.setWeights([k1, b1, ...statistics, ...(classes ? [k3, b3] : [k1o, b1o])])
  return model
}

function optimizerOf({ optimizer, options: { learningRate, ...options } }: Case): tf.optimizers.Optimizer {
  const make = Reflect.get(tf.optimizers, optimizer) as (
    rate: number,
    options: object,
  ) => tf.optimizers.Optimizer
  return make(learningRate ?? NaN, options)
}

function callbackOf([kind, options]: readonly [string, object]): tf.callbacks.Callback {
  if (kind === 'LearningRateScheduler')
    return new tf.callbacks.LearningRateScheduler((epoch, rate) => (epoch > 1 ? rate * 0.5 : rate))
  return kind === 'EarlyStopping'
    ? new tf.callbacks.EarlyStopping(options)
    : new tf.callbacks.ReduceLROnPlateau(options)
}

function expectClose(got: ArrayLike<number> | undefined, wanted: readonly number[], what: string): void {
  expect(got?.length, what).toBe(wanted.length)
  wanted.forEach((value, i) =>
    expect(Math.abs((got?.[i] ?? NaN) - value), `${what}[${i}]: ${got?.[i]}, not ${value}`).toBeLessThan(
      2e-5 + 2e-5 * Math.abs(value),
    ),
  )
}

describe('trainings go as in Keras', () => {
  for (const each of file.cases)
    it(`${each.name}`, () => {
      const { holdOut = 0, sampleWeight: isWeighted, ...options } = each.fit
      const model = modelOf(each)
      model.compile({
        optimizer: optimizerOf(each),
        loss:
          each.loss === 'logits'
            ? new tf.losses.SparseCategoricalCrossentropy({ fromLogits: true })
            : (each.loss as tf.losses.LossName),
        metrics: each.metrics,
        weightedMetrics: each.weightedMetrics,
      })
      const [word = ''] = each.kind.split(' ')
      const y = file.y[word] as number[]
      const end = file.x.length - holdOut
      const weights = isWeighted === true ? { sampleWeight: file.sampleWeight } : {}
      const { epoch, history } = model.fit(file.x.slice(0, end), y.slice(0, end), {
        ...options,
        ...(holdOut > 0 ? { validationData: [file.x.slice(end), y.slice(end)] } : {}),
        ...(isWeighted === true ? { sampleWeight: file.sampleWeight.slice(0, end) } : {}),
        callbacks: each.callbacks.map(callbackOf),
        shuffle: false,
        verbose: 0,
      })
      expect(epoch).toEqual(each.epoch)
      expect(Object.keys(history).toSorted()).toEqual(Object.keys(each.history).toSorted())
      for (const [name, values] of Object.entries(each.history))
        expectClose(
          history[name]?.filter((value) => !Number.isNaN(value)),
          values,
          name,
        )
      expect(model.trainFunction.traceCount).toBe(1)
      expect(model.testFunction.traceCount).toBe('val_loss' in history ? 1 : 0)
      model
        .getWeights()
        .forEach((weight, i) => expectClose(weight.data(), each.weights[i] ?? [], `weight ${i}`))
      expect(model.optimizer.iterations.item()).toBe(each.iterations)
      const evaluated = model.evaluate(file.x, y, { batchSize: 8, ...weights })
      expect(Object.keys(evaluated).toSorted()).toEqual(Object.keys(each.evaluate).toSorted())
      for (const [name, value] of Object.entries(each.evaluate))
        expectClose([evaluated[name] ?? NaN], [value], name)
      expectClose(model.predict(file.x, { batchSize: 5 }).data(), each.predict, 'predictions')
      expect(model.testFunction.traceCount).toBeLessThanOrEqual('val_loss' in history && isWeighted ? 2 : 1)
      expect(model.predictFunction.traceCount).toBe(1)
    })

  it('in every training of the file', () => {
    expect(file.cases.length).toBeGreaterThan(22)
  })
})
