// What fit does besides computing: traces, callbacks and their order, datasets, masks, bad input, interruptions.
import { describe, expect, it, vi } from 'vitest'
import * as tf from '../../src/index.ts'

const { dense, sequential } = tf.layers
const { AsyncDataset, Dataset } = tf.data

/** 1 … n as [n, 1], and twice that as [n]. */
function line(n: number): { readonly x: tf.Tensor; readonly y: tf.Tensor } {
  const values = Float32Array.from({ length: n }, (_, i) => (i + 1) / n)
  return { x: tf.tensor(values, [n, 1]), y: tf.tensor(values).mul(2) }
}

function lineModel(rate = 0.1): tf.layers.Sequential {
  const model = sequential([dense({ units: 1, kernelInitializer: 'zeros' })])
  model.compile({ optimizer: tf.optimizers.sgd(rate), loss: 'mse', metrics: ['mae'] })
  return model
}
const silent = { verbose: 0, shuffle: false } as const
const weightsOf = (model: tf.Model): number[] => model.getWeights().flatMap((each) => Array.from(each.data()))

/** Gradient descent on a line, in plain numbers; gives loss and absolute error per epoch. */
function naive(
  n: number,
  size: number,
  epochs: number,
  rate: number,
): { loss: number[]; mae: number[]; w: number; b: number } {
  let [w, b] = [0, 0]
  const result = { loss: [] as number[], mae: [] as number[] }
  for (let epoch = 0; epoch < epochs; epoch++) {
    let [squares, absolute] = [0, 0]
    for (let start = 0; start < n; start += size) {
      const rows = Array.from({ length: Math.min(size, n - start) }, (_, i) => (start + i + 1) / n)
      const errors = rows.map((x) => w * x + b - 2 * x)
      squares += errors.reduce((sum, e) => sum + e * e, 0)
      absolute += errors.reduce((sum, e) => sum + Math.abs(e), 0)
      const dw = errors.reduce((sum, e, i) => sum + 2 * e * (rows[i] ?? 0), 0) / rows.length
      const db = errors.reduce((sum, e) => sum + 2 * e, 0) / rows.length
      w -= rate * dw
      b -= rate * db
    }
    result.loss.push(squares / n)
    result.mae.push(absolute / n)
  }
  return { ...result, w, b }
}

function expectClose(got: readonly number[] | undefined, wanted: readonly number[]): void {
  expect(got?.length).toBe(wanted.length)
  wanted.forEach((value, i) => expect(got?.[i]).toBeCloseTo(value, 5))
}

describe('fit', () => {
  it('goes through batches of all sizes with one trace, as plain numbers do', () => {
    const { x, y } = line(11)
    const wanted = naive(11, 4, 3, 0.1)
    const model = lineModel()
    const { history, epoch } = model.fit(x, y, { ...silent, batchSize: 4, epochs: 3 })
    expect(epoch).toEqual([0, 1, 2])
    expectClose(history['loss'], wanted.loss)
    expectClose(history['mae'], wanted.mae)
    expectClose(weightsOf(model), [wanted.w, wanted.b])
    expect(model.trainFunction.traceCount).toBe(1)
    model.fit(x, y, { ...silent, batchSize: 3, epochs: 1 })
    expect(model.trainFunction.traceCount).toBe(1)
    expect(model.evaluate(x, y, { batchSize: 11 })['loss']).toBeCloseTo(
      model.evaluate(x, y, { batchSize: 2 })['loss'] ?? NaN,
      6,
    )
    expect(model.testFunction.traceCount).toBe(1)
    expect(model.predict(x, { batchSize: 4 }).shape).toEqual([11, 1])
    model.predictOnBatch(x)
    expect(model.predictFunction.traceCount).toBe(1)
  })

  it('calls the model while it is traced, and not for batches', () => {
    let calls = 0
    class Net extends tf.Model {
      readonly inner = dense(1)
      protected override call(x: tf.Tensor): tf.Tensor {
        calls++
        return this.inner.apply(x)
      }
    }
    const model = new Net('net')
    model.compile({ optimizer: 'adam', loss: 'mse' })
    const { x, y } = line(10)
    model.fit(x, y, { ...silent, batchSize: 4, epochs: 1 })
    const traced = calls
    model.fit(x, y, { ...silent, batchSize: 4, epochs: 5 })
    expect(calls).toBe(traced)
    expect(model.trainFunction.traceCount).toBe(1)
  })

  it('gives the same for samples, datasets, padded batches, generators, and what has to wait', async () => {
    const { x, y } = line(10)
    const sampleWeight = Float32Array.from({ length: 10 }, (_, i) => 1 + (i % 3))
    const options = { ...silent, epochs: 2 }
    const fresh = (): tf.layers.Sequential => {
      const model = sequential([
        dense({
          units: 2,
          kernelInitializer: 'ones',
          activation: 'tanh',
          kernelRegularizer: tf.regularizers.l2(0.1),
        }),
        dense({ units: 1, kernelInitializer: 'ones' }),
      ])
      model.compile({
        optimizer: tf.optimizers.adam(0.05),
        loss: 'mse',
        metrics: ['mae'],
        weightedMetrics: ['mse'],
      })
      return model
    }
    const models = Array.from({ length: 5 }, fresh)
    const data = Dataset.fromTensorSlices([x, y, sampleWeight] as const)
    const generated = AsyncDataset.fromGenerator(async function* () {
      for (const batch of data.batch(4)) yield await Promise.resolve(batch)
    })
    const histories = [
      models[0]!.fit(x, y, { ...options, batchSize: 4, sampleWeight }),
      models[1]!.fit(data.batch(4), { epochs: 2, verbose: 0 }),
      models[2]!.fit(data.batch(4, { pad: true }), { epochs: 2, verbose: 0 }),
      await models[3]!.fitAsync(generated.prefetch(1), { epochs: 2, verbose: 0 }),
      await models[4]!.fitAsync(x, y, { ...options, batchSize: 4, sampleWeight }),
    ]
    for (const [i, model] of models.entries()) {
      for (const [name, values] of Object.entries(histories[0]!.history))
        expectClose(histories[i]!.history[name], values)
      expectClose(weightsOf(model), weightsOf(models[0]!))
      expect(model.trainFunction.traceCount, `model ${i}`).toBe(1)
    }
    const model = models[0]!
    const wanted = model.evaluate(x, y, { sampleWeight, batchSize: 10 })
    for (const batches of [data.batch(3), data.batch(4, { pad: true })]) {
      const got = model.evaluate(batches)
      for (const [name, value] of Object.entries(wanted)) expect(got[name], name).toBeCloseTo(value, 5)
      const predicted = model.predict(batches)
      expect(predicted.shape).toEqual([10, 1])
      expectClose(Array.from(predicted.data()), Array.from(model.predict(x).data()))
    }
    expect(await model.evaluateAsync(generated)).toEqual(await model.evaluateAsync(data.batch(4)))
    expect((await model.predictAsync(generated)).array()).toEqual(model.predict(x, { batchSize: 4 }).array())
  })

  it('counts the real rows of padded batches, whatever the loss reduces to', () => {
    const { x, y } = line(7)
    for (const reduction of ['sum', 'sum_over_batch_size', 'mean_with_sample_weight'] as const) {
      const model = sequential([dense({ units: 1, kernelInitializer: 'ones' })])
      model.compile({ loss: new tf.losses.MeanSquaredError({ reduction }) })
      const data = Dataset.fromTensorSlices([x, y] as const)
      const [plain, padded] = [model.evaluate(data.batch(4)), model.evaluate(data.batch(4, { pad: true }))]
      expect(padded['loss'], reduction).toBeCloseTo(plain['loss'] ?? NaN, 5)
    }
  })

  it('shuffles samples with their labels and weights, as tf.random.setSeed says', () => {
    const { x, y } = line(9)
    const orders: number[][] = []
    for (let run = 0; run < 2; run++) {
      tf.random.setSeed(3)
      const order: number[] = []
      class Spy extends tf.losses.Loss {
        protected override call(labels: tf.TensorLike, predictions: tf.TensorLike): tf.Tensor {
          tf.hostCall((values: tf.Tensor) => void order.push(...values.data()), [labels])
          return tf.sub(tf.reshape(labels, [-1]), tf.reshape(predictions, [-1])).square()
        }
      }
      const model = sequential([dense({ units: 1, kernelInitializer: 'zeros' })])
      model.compile({ optimizer: tf.optimizers.sgd(0), loss: new Spy('spy') })
      model.fit(x, y, { batchSize: 4, epochs: 2, verbose: 0 })
      orders.push(order)
    }
    expect(orders[0]).toEqual(orders[1])
    const [first, second] = [orders[0]!.slice(0, 9), orders[0]!.slice(9)]
    expect(first).not.toEqual(second)
    const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
    expect(sorted(first)).toEqual(Array.from(y.data()))
    expect(sorted(second)).toEqual(Array.from(y.data()))
  })

  it('takes steps per epoch from data that goes on', () => {
    const { x, y } = line(10)
    const batches: number[] = []
    const endless = Dataset.fromTensorSlices([x, y] as const)
      .repeat()
      .batch(4)
    const callbacks = { onTrainBatchEnd: (batch: number) => void batches.push(batch) }
    lineModel().fit(endless, { stepsPerEpoch: 3, epochs: 2, verbose: 0, callbacks })
    expect(batches).toEqual([0, 1, 2, 0, 1, 2])
    // Data that ends starts again.
    const seen: number[] = []
    const counted = Dataset.fromTensorSlices([x, y] as const)
      .batch(4)
      .map((batch) => {
        seen.push(batch[0].shape[0] ?? 0)
        return batch
      })
    lineModel().fit(counted, { stepsPerEpoch: 2, epochs: 3, verbose: 0 })
    expect(seen).toEqual([4, 4, 2, 4, 4, 2])
    expect(() => lineModel().fit(endless, { verbose: 0 })).toThrow(/no end[^]*stepsPerEpoch/)
  })

  it('traces anew when layers are frozen, and leaves them alone', () => {
    const { x, y } = line(8)
    const [first, second] = [
      dense({ units: 2, kernelInitializer: 'ones' }),
      dense({ units: 1, kernelInitializer: 'zeros' }),
    ]
    const model = sequential([first, second])
    model.compile({ optimizer: tf.optimizers.sgd(0.05), loss: 'mse' })
    model.fit(x, y, silent)
    const kept = first.getWeights().map((each) => each.array())
    const moved = second.getWeights().map((each) => each.array())
    first.trainable = false
    model.fit(x, y, silent)
    expect(first.getWeights().map((each) => each.array())).toEqual(kept)
    expect(second.getWeights().map((each) => each.array())).not.toEqual(moved)
  })

  it('trains convolutions, recurrent layers and embeddings with one trace, dropout and all', () => {
    const { conv2d, dropout, embedding, flatten, globalAveragePooling1d, lstm, maxPooling2d } = tf.layers
    const ids = tf.tensor(Int32Array.from({ length: 60 }, (_, i) => i % 7)).reshape([10, 6])
    const cases: readonly (readonly [tf.Tensor, readonly tf.layers.Layer[]])[] = [
      [
        tf.ones([10, 6, 6, 1]),
        [conv2d({ filters: 2, kernelSize: 3 }), maxPooling2d(), dropout(0.3), flatten()],
      ],
      [tf.ones([10, 4, 2]), [lstm({ units: 3 }) as tf.layers.Layer]],
      [ids, [embedding({ inputDim: 7, outputDim: 2 }), globalAveragePooling1d()]],
    ]
    const labels = Int32Array.from({ length: 10 }, (_, i) => i % 3)
    for (const [x, layers] of cases) {
      const model = sequential([...layers, dense({ units: 3, activation: 'softmax' })])
      model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
      const { history } = model.fit(x, labels, { ...silent, epochs: 2, batchSize: 4 })
      expect(history['loss']?.every((loss) => Math.abs(loss - Math.log(3)) < 1)).toBe(true)
      expect(model.trainFunction.traceCount).toBe(1)
    }
  })

  it('trains nothing when all is frozen', () => {
    const { x, y } = line(8)
    const model = lineModel()
    model.build(1)
    model.trainable = false
    const before = weightsOf(model)
    const { history } = model.fit(x, y, { ...silent, epochs: 2 })
    expect(weightsOf(model)).toEqual(before)
    expect(history['loss']?.[0]).toBe(history['loss']?.[1])
  })

  it('takes bytes, class numbers in typed arrays, and weights of classes from a dataset', () => {
    const pixels = Uint8Array.from({ length: 24 }, (_, i) => i * 10)
    const labels = Int32Array.from([0, 1, 2, 1, 0, 2])
    const make = (): tf.layers.Sequential => {
      const model = sequential([dense({ units: 3, kernelInitializer: 'zeros', activation: 'softmax' })])
      model.compile({
        optimizer: tf.optimizers.sgd(1e-9),
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['accuracy'],
      })
      return model
    }
    const x = tf.tensor(pixels, [6, 4])
    const classWeight = { 1: 3 }
    const one = make().fit(x, labels, { ...silent, batchSize: 4, classWeight })
    const other = make().fit(Dataset.fromTensorSlices([x, labels] as const).batch(4), {
      verbose: 0,
      classWeight: new Map([[1, 3]]),
    })
    expect(one.history).toEqual(other.history)
    expect(one.history['loss']?.[0]).toBeCloseTo((Math.log(3) * (1 + 3 + 1 + 3 + 1 + 1)) / 6, 2)
  })
})

describe('callbacks', () => {
  it('run in order', () => {
    const said: string[] = []
    const says =
      (name: string) =>
      (...given: readonly unknown[]) => {
        const numbers = given.filter((each) => typeof each === 'number')
        const logs = Object.keys((given.at(-1) ?? {}) as object).join()
        said.push([name, ...numbers, logs].filter((each) => each !== '').join(' '))
      }
    const names = [
      'TrainBegin',
      'TrainEnd',
      'EpochBegin',
      'EpochEnd',
      'TrainBatchBegin',
      'TrainBatchEnd',
      'TestBegin',
      'TestEnd',
      'TestBatchBegin',
      'TestBatchEnd',
    ]
    const hooks = Object.fromEntries(names.map((name) => [`on${name}`, says(name)]))
    const { x, y } = line(6)
    lineModel().fit(x, y, { ...silent, batchSize: 2, validationSplit: 0.34, callbacks: [hooks] })
    expect(said).toEqual([
      'TrainBegin',
      'EpochBegin 0',
      'TrainBatchBegin 0',
      'TrainBatchEnd 0 loss,mae',
      'TrainBatchBegin 1',
      'TrainBatchEnd 1 loss,mae',
      'TestBegin',
      'TestBatchBegin 0',
      'TestBatchEnd 0 loss,mae',
      'TestBatchBegin 1',
      'TestBatchEnd 1 loss,mae',
      'TestEnd loss,mae',
      'EpochEnd 0 loss,mae,val_loss,val_mae',
      'TrainEnd loss,mae,val_loss,val_mae',
    ])
  })

  it('may add to the logs, which the history keeps', () => {
    const { x, y } = line(4)
    const { history } = lineModel().fit(x, y, {
      ...silent,
      epochs: 3,
      callbacks: { onEpochEnd: (epoch, logs) => void (epoch > 0 && (logs['twice'] = 2 * epoch)) },
    })
    expect(history['twice']).toEqual([NaN, 2, 4])
  })

  it('see the logs of the epoch so far', () => {
    const { x, y } = line(6)
    const losses: number[] = []
    const { history } = lineModel(0).fit(x, y, {
      ...silent,
      batchSize: 2,
      callbacks: { onTrainBatchEnd: (_, logs) => void losses.push(logs['loss'] ?? NaN) },
    })
    const squares = Array.from(y.data(), (value) => value ** 2)
    expectClose(
      losses,
      [2, 4, 6].map((n) => squares.slice(0, n).reduce((a, b) => a + b, 0) / n),
    )
    expect(history['loss']?.[0]).toBe(losses.at(-1))
  })

  it('end a training between batches, which leaves what was learned', () => {
    const { x, y } = line(8)
    const model = lineModel()
    const callbacks = {
      onTrainBatchEnd: (batch: number) => void (batch === 1 && (model.stopTraining = true)),
    }
    const { epoch } = model.fit(x, y, { ...silent, batchSize: 2, epochs: 5, callbacks })
    expect(epoch).toEqual([0])
    expect(model.optimizer.iterations.item()).toBe(2)
    expect(model.fit(x, y, { ...silent, batchSize: 2 }).epoch).toEqual([0])
    expect(model.optimizer.iterations.item()).toBe(6)
  })

  it('are awaited by fitAsync, and refused by fit', async () => {
    const { x, y } = line(4)
    const model = lineModel()
    const said: string[] = []
    const callbacks = {
      onEpochEnd: async (epoch: number) => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        said.push(`end ${epoch}`)
      },
      onEpochBegin: (epoch: number) => void said.push(`begin ${epoch}`),
    }
    await model.fitAsync(x, y, { ...silent, epochs: 2, callbacks })
    expect(said).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1'])
    expect(() => model.fit(x, y, { ...silent, callbacks })).toThrow(/promise[^]*fitAsync/)
    expect(model.fit(x, y, silent).epoch).toEqual([0])
  })
})

describe('bad input', () => {
  const { x, y } = line(4)

  it.each([
    [
      'labels of another number',
      () => lineModel().fit(x, [1, 2], silent),
      /as many samples[^]*x\s+f32\[4,1\][^]*y\s+f32\[2\]/,
    ],
    [
      'weights of another number',
      () => lineModel().fit(x, y, { ...silent, sampleWeight: [1] }),
      /sampleWeight\s+f32\[1\]/,
    ],
    ['a scalar', () => lineModel().fit(3, 4, silent), 'no axis of samples'],
    ['a wrong rank', () => lineModel().fit([1, 2], [1, 2], silent), 'at least 2 axes'],
    [
      'labels that do not fit',
      () => lineModel().fit(x, tf.ones([4, 2, 3]), silent),
      /labels and predictions/,
    ],
    ['no labels', () => lineModel().fit(x, undefined as unknown as tf.Tensor, silent), 'no labels'],
    [
      'a dataset without labels',
      () => lineModel().fit(Dataset.fromTensorSlices(x).batch(2), { verbose: 0 }),
      /1 tensor[^]*\[x, y\]/,
    ],
    [
      'a dataset of objects',
      () => lineModel().fit(Dataset.fromTensorSlices({ x, y }).batch(2), { verbose: 0 }),
      /is an object/,
    ],
    [
      'a dataset with nothing in it',
      () => lineModel().fit(Dataset.fromTensorSlices([x, y]).take(0), { verbose: 0 }),
      'no batches',
    ],
    [
      'a dataset and a batch size',
      () => lineModel().fit(Dataset.fromTensorSlices([x, y]).batch(2), { batchSize: 3, verbose: 0 }),
      'batchSize does not go with a dataset',
    ],
    [
      'an async dataset',
      () => lineModel().fit(AsyncDataset.from(Dataset.fromTensorSlices([x, y]).batch(2)), { verbose: 0 }),
      'fitAsync',
    ],
    ['a batch size of 0', () => lineModel().fit(x, y, { ...silent, batchSize: 0 }), 'batchSize is 0'],
    ['half an epoch', () => lineModel().fit(x, y, { ...silent, epochs: 0.5 }), 'epochs is 0.5'],
    [
      'a split that leaves nothing',
      () => lineModel().fit(x, y, { ...silent, validationSplit: 0.99 }),
      'leaves 0 of 4',
    ],
    [
      'two kinds of weights',
      () => lineModel().fit(x, y, { ...silent, sampleWeight: y, classWeight: { 0: 1 } }),
      'weights of classes and weights of samples',
    ],
    [
      'a negative weight',
      () => lineModel().fit(x, y, { ...silent, classWeight: { 1: -1 } }),
      'the weight of class 1 is -1',
    ],
    [
      'validation data that is no pair',
      () => lineModel().fit(x, y, { ...silent, validationData: [x] as unknown as [tf.Tensor, tf.Tensor] }),
      'no pair',
    ],
    ['no compile', () => sequential([dense(1)]).fit(x, y, silent), /has not been compiled[^]*model\.compile/],
    ['no compile, to evaluate', () => sequential([dense(1)]).evaluate(x, y), 'has not been compiled'],
    ['verbosity', () => lineModel().fit(x, y, { verbose: 3 as 2 }), 'verbose is 3'],
    [
      'an unknown optimizer',
      () => lineModel().compile({ optimizer: 'adm' as 'adam', loss: 'mse' }),
      /"adm"[^]*adadelta, adafactor/,
    ],
    ['an unknown loss', () => lineModel().compile({ loss: 'mze' as 'mse' }), /"mze"[^]*binaryCrossentropy/],
    [
      'an unknown metric',
      () => lineModel().compile({ loss: 'mse', metrics: ['acuracy' as 'accuracy'] }),
      /"acuracy"[^]*accuracy, auc/,
    ],
    [
      'a number to watch that may rise or fall',
      () => new tf.callbacks.EarlyStopping({ monitor: 'fun' }),
      /fun should rise or fall[^]*mode/,
    ],
    ['a factor', () => new tf.callbacks.ReduceLROnPlateau({ factor: 1 }), 'factor is 1'],
  ] as const)('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })

  it('changes nothing, and the model goes on', () => {
    const model = lineModel()
    model.fit(x, y, silent)
    const before = weightsOf(model)
    expect(() => model.fit(x, [1, 2], silent)).toThrow('as many samples')
    expect(() => model.fit(tf.ones([4, 3]), y, silent)).toThrow(/axis -1 of the input must be 1/)
    expect(() => model.compile({ loss: 'mze' as 'mse' })).toThrow('mze')
    expect(weightsOf(model)).toEqual(before)
    model.fit(x, y, silent)
    expect(weightsOf(model)).not.toEqual(before)
    expect(model.trainFunction.traceCount).toBeLessThanOrEqual(2)
  })

  it('in a callback or a dataset ends the training after the last step done', () => {
    const model = lineModel()
    const wanted = lineModel()
    const failing = { onTrainBatchEnd: (batch: number) => { if (batch === 1) throw new Error('enough') } } // prettier-ignore
    expect(() => model.fit(x, y, { ...silent, batchSize: 1, callbacks: failing })).toThrow('enough')
    wanted.fit(x.slice([0, 0], [2, 1]), y.slice([0], [2]), { ...silent, batchSize: 1 })
    expect(weightsOf(model)).toEqual(weightsOf(wanted))
    let closed = false
    const source = Dataset.fromGenerator(function* () {
      try {
        yield [x, y]
        throw new Error('cable')
      } finally {
        closed = true
      }
    })
    expect(() => model.fit(source, { verbose: 0 })).toThrow('cable')
    expect(closed).toBe(true)
    expect(model.fit(x, y, silent).epoch).toEqual([0])
    expect(model.predict(x).shape).toEqual([4, 1])
  })

  it('refuses a second training at a time', async () => {
    const model = lineModel()
    const first = model.fitAsync(x, y, {
      ...silent,
      epochs: 3,
      callbacks: { onEpochEnd: () => Promise.resolve() },
    })
    expect(() => model.fit(x, y, silent)).toThrow('is being trained')
    expect(() => model.compile({ loss: 'mse' })).toThrow('is being trained')
    expect((await first).epoch).toEqual([0, 1, 2])
    expect(model.fit(x, y, silent).epoch).toEqual([0])
  })

  it('of losses that become NaN ends the training where that is wished', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const model = lineModel(1e30)
    const { epoch } = model.fit(x, y, {
      ...silent,
      batchSize: 1,
      epochs: 9,
      callbacks: new tf.callbacks.TerminateOnNaN(),
    })
    expect(epoch).toEqual([0])
    expect(warn.mock.calls[0]?.[0]).toMatch(/Batch \d: the loss is (?:NaN|Infinity), terminating/)
    warn.mockRestore()
  })
})

describe('one batch', () => {
  it('is trained on, tested on, predicted', () => {
    const { x, y } = line(5)
    const model = lineModel()
    const wanted = naive(5, 5, 2, 0.1)
    expect(model.trainOnBatch(x, y)['loss']).toBeCloseTo(wanted.loss[0] ?? NaN, 5)
    expect(model.testOnBatch(x, y)['mae']).toBeCloseTo(wanted.mae[1] ?? NaN, 5)
    expect(model.trainOnBatch(x, y)['loss']).toBeCloseTo(wanted.loss[1] ?? NaN, 5)
    expectClose(weightsOf(model), [wanted.w, wanted.b])
    expect(model.predictOnBatch(x).shape).toEqual([5, 1])
    const weighted = model.testOnBatch(x, y, { sampleWeight: [2, 2, 2, 2, 2] })
    expect(weighted['loss']).toBeCloseTo(2 * (model.testOnBatch(x, y)['loss'] ?? NaN), 5)
  })
})
