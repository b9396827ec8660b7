// Layers, optimizers, losses and whole programs, one test per row of the behaviours that programs of TensorFlow rely on.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { layers, losses, optimizers } = tf

const near = (values: readonly number[], digits = 5): number[] =>
  values.map((value) => expect.closeTo(value, digits) as number)

describe('layers', () => {
  it('rows 321 and 322: dense is built by its first input, and says what does not fit', () => {
    const layer = layers.dense(3)
    expect(layer.apply(tf.ones([2, 4])).shape).toEqual([2, 3])
    expect(layer.weights.map(({ shape }) => shape)).toEqual([[4, 3], [3]])
    expect(layer.bias?.array()).toEqual([0, 0, 0])
    expect(tf.abs(layer.kernel).max().item()).toBeLessThanOrEqual(Math.sqrt(6 / 7))
    expect(layer.apply(tf.ones([2, 5, 4])).shape).toEqual([2, 5, 3])
    expect(() => layer.apply(tf.ones([2, 5]))).toThrow(/axis -1 of the input must be 4, and is 5/)
    expect(() => layers.dense(3).apply(tf.ones([4]))).toThrow(/at least 2 axes, and has 1/)
    expect(() => layers.dense({ units: 3, activation: 'nope' as 'relu' })).toThrow(
      /"nope" names no activation/,
    )
    layer.setWeights([tf.ones([4, 3]), [1, 2, 3]])
    expect(layer.apply([[1, 2, 3, -10]]).array()).toEqual([[-3, -2, -1]])
  })

  it('row 323: initializers have the limits and deviations of Keras', () => {
    const uniform = tf.initializers.glorotUniform({ seed: 1 })([4, 3])
    expect(uniform.abs().max().item()).toBeLessThanOrEqual(Math.sqrt(6 / 7))
    const conv = tf.initializers.heUniform({ seed: 1 })([3, 3, 8, 64]).abs().max().item()
    const limit = Math.sqrt(6 / (3 * 3 * 8))
    expect(conv).toBeLessThanOrEqual(limit)
    expect(conv).toBeGreaterThan(0.99 * limit)
    const normal = tf.initializers.varianceScaling({ seed: 1, scale: 2, distribution: 'truncatedNormal' })
    const drawn = normal([500, 100])
    expect(drawn.abs().max().item()).toBeLessThanOrEqual(
      (2 * Math.sqrt(2 / 500)) / 0.87962566103423978 + 1e-6,
    )
    expect(tf.std(drawn).item()).toBeCloseTo(Math.sqrt(2 / 500), 3)
  })

  it('rows 324 to 326: batch normalization moves its statistics in training, not when frozen, also in traces', () => {
    const x = tf.tensor([[1], [3]])
    const normal = layers.batchNormalization()
    expect([...normal.apply(x).data()]).toEqual(near([1, 3].map((v) => v / Math.sqrt(1.001))))
    expect([...normal.apply(x, { training: true }).data()]).toEqual(
      near([-1, 1].map((v) => v / Math.sqrt(1.001))),
    )
    expect(normal.movingMean.array()).toEqual(near([0.02]))
    expect(normal.movingVariance.array()).toEqual(near([1]))
    expect(normal.trainableVariables).toHaveLength(2)
    const frozen = layers.batchNormalization()
    frozen.trainable = false
    frozen.apply(x, { training: true })
    expect(frozen.movingMean.array()).toEqual([0])
    const half = layers.batchNormalization({ momentum: 0.5 })
    const step = tf.function((of: tf.Tensor) => half.apply(of, { training: true }))
    step(tf.tensor([[2], [4]]))
    step(tf.tensor([[2], [4]]))
    expect(half.movingMean.array()).toEqual([2.25])
  })

  it('row 327: dropout is the identity unless training', () => {
    const layer = layers.dropout(0.5)
    expect(layer.apply([1, 2]).array()).toEqual([1, 2])
    expect(new Set(layer.apply(tf.ones([100]), { training: true }).data())).toEqual(new Set([0, 2]))
    expect(() => layers.dropout(1.5)).toThrow(/the rate is 1.5/)
  })

  it('rows 328 and 329: training makes two traces, batch sizes one each unless retraces are reduced', () => {
    const layer = layers.dropout(0.5)
    const f = tf.function((x: tf.Tensor, options: { training: boolean }) => layer.apply(x, options))
    for (const training of [true, false, true]) f(tf.ones([2]), { training })
    expect(f.traceCount).toBe(2)
    const dense = layers.dense({ units: 2, inputSize: 4 })
    const count = (reduceRetracing: boolean): number => {
      const g = tf.function((x: tf.Tensor) => dense.apply(x), { reduceRetracing, onRetrace: 'off' })
      for (const rows of [1, 2, 3]) expect(g(tf.ones([rows, 4])).shape).toEqual([rows, 2])
      return g.traceCount
    }
    expect([count(false), count(true)]).toEqual([3, 2])
  })

  it('row 342: gradients follow the order of the variables', () => {
    const layer = layers.dense({ units: 2, inputSize: 3 })
    const tape = new tf.GradientTape()
    const loss = tape.record(() => layer.apply(tf.ones([4, 3])).sum())
    const [kernel, bias] = tape.gradient(loss, layer.trainableVariables)
    expect([kernel?.shape, bias?.array()]).toEqual([
      [3, 2],
      [4, 4],
    ])
  })
})

describe('optimizers', () => {
  const gradients = [0.5, -1, 2]
  const rows: readonly [row: number, name: string, make: () => tf.optimizers.Optimizer, values: number[]][] =
    [
      [330, 'momentum', () => optimizers.sgd(0.1, { momentum: 0.9 }), [0.95, 1.005, 0.8545]],
      [
        330,
        'nesterov',
        () => optimizers.sgd(0.1, { momentum: 0.9, nesterov: true }),
        [0.905, 1.0545, 0.71905],
      ],
      [331, 'adam', () => optimizers.adam(0.1), [0.9000013, 0.9366112, 0.8946458]],
      [332, 'adamw', () => optimizers.adamw(0.1), [0.8996013, 0.9358513, 0.8935117]],
      [333, 'adamax', () => optimizers.adamax(0.1), [0.9, 0.9289474, 0.9011799]],
      [333, 'nadam', () => optimizers.nadam(0.1), [0.8937212, 0.9818875, 0.890661]],
      [334, 'rmsprop', () => optimizers.rmsprop(0.1), [0.6837729, 0.9694871, 0.6894997]],
      [335, 'adagrad', () => optimizers.adagrad(0.1), [0.9154846, 1.0015509, 0.9150833]],
      [335, 'lion', () => optimizers.lion(0.1), [0.9, 1, 0.9]],
    ]
  for (const [row, name, make, values] of rows)
    it(`row ${row}: ${name}`, () => {
      const [w, traced] = [tf.variable(1), tf.variable(1)]
      const [optimizer, other] = [make(), make()]
      const step = tf.function((g: tf.Tensor) => other.applyGradients([[g, traced]]))
      const found = gradients.map((g) => {
        optimizer.applyGradients([[tf.scalar(g), w]])
        step(tf.scalar(g))
        return [w.item(), traced.item()]
      })
      expect(found).toEqual(values.map((value) => near([value, value])))
      expect(step.cacheSize).toBe(1)
    })

  it('row 336: clipping is per variable, joint, or by value, and only one of them', () => {
    const after = (options: tf.optimizers.ClipOptions): unknown[] => {
      const [a, b] = [tf.variable([3, 4]), tf.variable([12])]
      optimizers.sgd(1, options).applyGradients([
        [a.value(), a],
        [b.value(), b],
      ])
      return [a.array(), b.array()]
    }
    expect(after({ globalClipnorm: 6.5 })).toEqual([near([1.5, 2]), near([6])])
    expect(after({ clipnorm: 5 })).toEqual([near([0, 0]), near([7])])
    expect(after({ clipvalue: 1 })).toEqual([[2, 3], [11]])
    expect(() => optimizers.sgd(1, { clipnorm: 1, clipvalue: 1 })).toThrow(/only one of clipnorm/)
  })

  it('row 337: the learning rate is a Variable', () => {
    const w = tf.variable(10)
    const optimizer = optimizers.sgd(0.5)
    const step = tf.function(() => optimizer.applyGradients([[tf.scalar(1), w]]))
    step()
    optimizer.learningRate = 1
    step()
    expect(w.item()).toBe(8.5)
    expect(step.cacheSize).toBe(1)
  })

  it('row 338: no gradients and unknown variables are refused, some missing ones told of', () => {
    const [w, other] = [tf.variable(1, { name: 'w' }), tf.variable(1, { name: 'other' })]
    const optimizer = optimizers.sgd(1)
    expect(() => optimizer.applyGradients([[null, w]])).toThrow(/no gradients provided/)
    optimizer.applyGradients([[tf.scalar(1), w]])
    expect(() => optimizer.applyGradients([[tf.scalar(1), other]])).toThrow(/unknown variable: other/)
    expect([w.item(), other.item()]).toEqual([0, 1])
  })

  it('row 339: a traced step that meets a second new optimizer says which', () => {
    const w = tf.variable(1, { name: 'w' })
    const step = tf.function((optimizer: tf.optimizers.Optimizer) =>
      optimizer.applyGradients([[tf.scalar(1), w]]),
    )
    step(optimizers.adam(0.1))
    expect(() => step(optimizers.adam(0.1))).toThrow(/adam/i)
  })
})

describe('losses and activations', () => {
  it('row 340: losses are means over the batch', () => {
    expect(losses.meanSquaredError([[0, 0]], [[1, 3]]).item()).toBe(5)
    expect(losses.huberLoss([0], [3]).item()).toBe(2.5)
    const logits = [
      [1, 2, 3],
      [1, 2, 3],
    ]
    const row = [0, 1, 2].map((x) => x - Math.log(1 + Math.E + Math.E ** 2))
    expect(
      losses.sparseCategoricalCrossentropy([2, 1], logits, undefined, { fromLogits: true }).item(),
    ).toBeCloseTo(-((row[2] ?? 0) + (row[1] ?? 0)) / 2, 5)
    expect(losses.binaryCrossentropy([1], [0], undefined, { fromLogits: true }).item()).toBeCloseTo(0.6931, 4)
    expect(losses.categoricalCrossentropy([[0, 1]], [[0.2, 0.8]]).item()).toBeCloseTo(0.2231, 4)
  })

  it('row 341: activations have the defaults of Keras', () => {
    const value = (x: tf.Tensor): number => x.item()
    expect(value(tf.gelu(1))).toBeCloseTo(0.84134, 5)
    expect(value(tf.gelu(1, true))).toBeCloseTo(0.84119, 5)
    expect(value(tf.leakyRelu(-1))).toBeCloseTo(-0.2, 6)
    expect(value(tf.elu(-1))).toBeCloseTo(Math.expm1(-1), 6)
    expect(value(tf.hardSigmoid(1))).toBeCloseTo(0.66667, 5)
  })
})

describe('programs', () => {
  it('row 343: what a function returns is a snapshot', () => {
    const v = tf.variable(2)
    const update = tf.function((of: tf.Variable) => of.assignAdd(1).value())
    const first = update(v)
    const between = v.item()
    expect([first.item(), between, update(v).item()]).toEqual([3, 3, 4])
    expect([first.item(), v.item()]).toEqual([3, 4])
  })

  it('row 344: a traced gradient step is traced once', () => {
    const w = tf.variable(2)
    const loss = tf.function(() => w.square())
    const step = tf.function(() => {
      const tape = new tf.GradientTape()
      const value = tape.record(() => loss())
      w.assignSub((tape.gradient(value, w) as tf.Tensor).mul(0.1))
    })
    const weights = Array.from({ length: 5 }, () => {
      step()
      return w.item()
    })
    expect(weights).toEqual(near([1.6, 1.28, 1.024, 0.8192, 0.65536]))
    expect(step.traceCount).toBe(1)
  })

  it('row 345: a gradient sees what a Variable holds now', () => {
    const [x, v] = [tf.scalar(3), tf.variable(5)]
    const tape = new tf.GradientTape()
    const y = tape.record(() => v.mul(x))
    expect((tape.gradient(y, v) as tf.Tensor).item()).toBe(3)
    v.assign(v.item() + 2)
    expect(v.item()).toBe(7)
    v.assignAdd(2)
    expect(v.item()).toBe(9)
  })

  it('row 346: the result of a traced call is an eager tensor', () => {
    const f = tf.function((a: tf.Tensor, b: tf.Tensor) => a.add(b))
    const sum = f(tf.scalar(3), tf.scalar(4))
    expect(tf.add(sum, 1).item()).toBe(8)
    expect([...sum.data()]).toEqual([7])
  })

  it('row 347: a running mean moved by a traced step is seen by the next eager read', () => {
    const mean = tf.variable(0, { trainable: false })
    const step = tf.function((x: tf.Tensor) => {
      mean.assign(mean.mul(0.5).add(x.mean().mul(0.5)))
      return x.sub(mean)
    })
    expect(step(tf.tensor([2, 4])).array()).toEqual([0.5, 2.5])
    expect(mean.item()).toBe(1.5)
    step(tf.tensor([2, 4]))
    expect(mean.item()).toBe(2.25)
  })
})
