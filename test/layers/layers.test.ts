// What all layers share: layers of one's own, weights set and read, freezing, penalties, summaries, names, errors.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { layers } = tf

class Scale extends layers.Layer {
  factor: tf.Variable | undefined
  builds = 0

  constructor(options: tf.layers.LayerOptions = {}) {
    super('scale', options)
  }
  override build(input: tf.layers.InputShape): void {
    this.builds++
    this.factor = this.addWeight('factor', [input.at(-1) ?? 1], 'ones')
    this.addWeight('steps', [], 'zeros', { trainable: false })
  }
  protected override call(x: tf.Tensor): tf.Tensor {
    return x.mul(this.factor ?? 1)
  }
}

/** Two layers in fields, one after the other. */
class Block extends layers.Layer {
  readonly first = layers.dense({ units: 3, name: 'first' })
  readonly second = layers.dense({ units: 2, name: 'second' })

  constructor() {
    super('block')
  }
  protected override call(x: tf.Tensor, training: boolean): tf.Tensor {
    return this.second.apply(this.first.apply(x, { training }))
  }
}

describe('a layer of one’s own', () => {
  it('is built once, for the first input or by build, and finds its output shape by tracing', () => {
    const layer = new Scale({ name: 's' })
    expect(layer.built).toBe(false)
    expect(layer.apply([[1, 2]]).array()).toEqual([[1, 2]])
    layer.apply([[3, 4]])
    layer.build([null, 2])
    expect(layer.builds).toBe(1)
    expect(layer.weights.map(({ name, shape }) => [name, shape])).toEqual([
      ['s/factor', [2]],
      ['s/steps', []],
    ])
    expect(layer.trainableVariables).toHaveLength(1)
    expect(layer.outputShape([null, 2])).toEqual([null, 2])
    const other = new Scale()
    other.build([null, 3])
    other.apply([[1, 2, 3]])
    expect([other.builds, other.countParams()]).toEqual([1, 4])
  })

  it('is as it was when its build throws', () => {
    let fail = true
    class Fragile extends layers.Layer {
      constructor() {
        super('fragile')
      }
      override build(): void {
        this.addWeight('w', [2])
        if (fail) throw new Error('not yet')
      }
      protected override call(x: tf.Tensor): tf.Tensor {
        return x
      }
    }
    const layer = new Fragile()
    expect(() => layer.apply([1, 2])).toThrow(/not yet/)
    expect([layer.built, layer.weights.length]).toEqual([false, 0])
    fail = false
    layer.apply([1, 2])
    expect([layer.built, layer.weights.length]).toEqual([true, 1])
  })

  it('may be made of layers, and trained in one trace', () => {
    const block = new Block()
    const optimizer = tf.optimizers.adam(0.05)
    const [x, y] = [tf.random.uniform([8, 4]), tf.ones([8, 2])]
    const step = tf.function(() =>
      optimizer.minimize(
        () => tf.losses.meanSquaredError(y, block.apply(x, { training: true })),
        () => block.trainableVariables,
      ),
    )
    const losses = Array.from({ length: 50 }, () => step().item())
    expect(losses.at(-1) ?? 1).toBeLessThan((losses[0] ?? 0) / 2)
    expect(step.cacheSize).toBe(1)
    expect([...block.namedVariables.keys()]).toEqual([
      'first/kernel',
      'first/bias',
      'second/kernel',
      'second/bias',
    ])
    expect(layers.sequential([block, layers.dense(1)]).outputShape([null, 4])).toEqual([null, 1])
  })

  it('refuses a second weight of the same name', () => {
    class Twice extends layers.Layer {
      constructor() {
        super('twice')
      }
      override build(): void {
        this.addWeight('w', [2])
        this.addWeight('w', [2])
      }
      protected override call(x: tf.Tensor): tf.Tensor {
        return x
      }
    }
    expect(() => new Twice().apply([1, 2])).toThrow(/it has a weight "w" already/)
  })
})

describe('weights', () => {
  it('are set all or none', () => {
    const layer = layers.dense({ units: 2, inputSize: 3 })
    const before = layer.getWeights().map((weight) => weight.array())
    const kernel = tf.ones([3, 2])
    expect(() => layer.setWeights([kernel])).toThrow(/there are 2 weights, and 1 values are given/)
    expect(() => layer.setWeights([kernel, [1, 2, 3]])).toThrow(/the value's shape is not the variable's/)
    expect(() => layer.setWeights([kernel, tf.zeros([2], 'int32')])).toThrow(/dtype/)
    expect(layer.getWeights().map((weight) => weight.array())).toEqual(before)
    layer.setWeights([kernel, [1, 2]])
    expect(layer.apply([[1, 1, 1]]).array()).toEqual([[4, 5]])
    expect(() => layers.dense(2).setWeights([])).toThrow(/it has no weights before it is built/)
    expect(() => layers.dense(2).countParams()).toThrow(/before it is built/)
  })

  it('are frozen with what they are in', () => {
    const normal = layers.batchNormalization()
    const model = layers.sequential([layers.dense(2), normal])
    model.apply([[1, 2]])
    expect(model.trainableVariables).toHaveLength(4)
    model.trainable = false
    expect([model.trainableVariables.length, normal.trainable]).toEqual([0, false])
    model.apply([[5, 6]], { training: true })
    expect(normal.movingMean.array()).toEqual([0, 0])
    model.trainable = true
    expect(model.trainableVariables).toHaveLength(4)
    expect(layers.dense({ units: 2, inputSize: 2, trainable: false }).trainableVariables).toEqual([])
  })

  it('have penalties, which count in a loss', () => {
    const model = layers.sequential([
      layers.dense({ units: 2, kernelRegularizer: 'l2', biasRegularizer: tf.regularizers.l1(0.5) }),
      layers.dense({ units: 1, kernelRegularizer: tf.regularizers.l1l2({ l1: 0.1, l2: 0.2 }) }),
    ])
    model.build(2)
    model.setWeights([
      [
        [1, 2],
        [3, 4],
      ],
      [-1, 2],
      [[2], [-3]],
      [0],
    ])
    const values = model.losses.map((loss) => loss.item())
    expect(values).toEqual([0.3, 1.5, 0.5 + 0.2 * 13].map((value) => expect.closeTo(value, 5) as number))
    ;(model.layers[1] as tf.layers.Layer).trainable = false
    expect(model.losses).toHaveLength(2)
    const tape = new tf.GradientTape()
    const total = tape.record(() => tf.addN(model.losses))
    const [kernel] = tape.gradient(total, model.trainableVariables)
    expect(kernel?.array()).toEqual([
      [expect.closeTo(0.02, 6), expect.closeTo(0.04, 6)],
      [expect.closeTo(0.06, 6), expect.closeTo(0.08, 6)],
    ])
  })
})

describe('summary', () => {
  it('is a table of layers, shapes and parameters', () => {
    const model = layers.sequential(
      [
        layers.dense({ units: 3, name: 'hidden' }),
        layers.batchNormalization({ name: 'normal' }),
        layers.dense({ units: 1000, name: 'out' }),
      ],
      { name: 'net' },
    )
    let text = ''
    const sink = (line: string): void => {
      text += line
    }
    model.summary({ sink })
    expect(text).toContain('? (unbuilt)')
    text = ''
    model.build(4)
    model.summary({ sink })
    expect(text).toBe(
      [
        'Model: "net"',
        '┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓',
        '┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃',
        '┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩',
        '│ hidden (Dense)                  │ (null, 3)              │            15 │',
        '├─────────────────────────────────┼────────────────────────┼───────────────┤',
        '│ normal (BatchNormalization)     │ (null, 3)              │            12 │',
        '├─────────────────────────────────┼────────────────────────┼───────────────┤',
        '│ out (Dense)                     │ (null, 1000)           │         4,000 │',
        '└─────────────────────────────────┴────────────────────────┴───────────────┘',
        ' Total params: 4,027 (15.73 KB)',
        ' Trainable params: 4,021 (15.71 KB)',
        ' Non-trainable params: 6 (24.00 B)',
      ].join('\n'),
    )
  })
})

describe('errors name the layer', () => {
  it('for a wrong rank', () => {
    expect(() => layers.lstm({ units: 2, name: 'memory' }).apply([[1, 2]])).toThrow(
      /memory: the input must have 3 axes \[batch, time, features\], and has 2/,
    )
    expect(() => layers.conv2d({ filters: 2, kernelSize: 3, name: 'c' }).apply(tf.ones([4, 4, 1]))).toThrow(
      /c: the input must have 4 axes \[batch, height, width, channels\], and has 3/,
    )
    expect(() => layers.maxPooling1d({ name: 'p' }).apply(tf.ones([4, 4]))).toThrow(
      /p: the input must have 3 axes/,
    )
    expect(() =>
      layers.multiHeadAttention({ numHeads: 1, keyDim: 2, name: 'a' }).apply(tf.ones([2, 2])),
    ).toThrow(/a: the input must have 3 axes/)
    expect(() => layers.globalMaxPooling2d({ name: 'g' }).apply(tf.ones([2, 2]))).toThrow(
      /g: the input must have 4/,
    )
  })

  it('for sizes that do not fit', () => {
    const memory = layers.gru({ units: 2, name: 'm' })
    memory.apply(tf.ones([1, 2, 3]))
    expect(() => memory.apply(tf.ones([1, 2, 4]))).toThrow(/m: axis -1 of the input must be 3, and is 4/)
    expect(() => memory.apply(tf.ones([1, 2, 3]), { initialState: [tf.ones([1, 3])] })).toThrow(
      /m: initialState must be 1 of shape \[1, ?2\]/,
    )
    expect(() => memory.apply(tf.ones([1, 2, 3]), { mask: [[true]] })).toThrow(/m: the mask is bool\[1,1\]/)
    const conv = layers.conv1d({ filters: 2, kernelSize: 2, name: 'c' })
    conv.apply(tf.ones([1, 3, 2]))
    expect(() => conv.apply(tf.ones([1, 3, 3]))).toThrow(/c: axis -1 of the input must be 2, and is 3/)
    expect(() => layers.reshape([5], { name: 'r' }).apply(tf.ones([2, 3]))).toThrow(/r: \[3\] has 3 elements/)
    expect(() => layers.groupNormalization({ groups: 2, name: 'n' }).apply(tf.ones([2, 3]))).toThrow(
      /n: 3 channels cannot be divided into 2 groups/,
    )
    expect(() => layers.embedding({ inputDim: 3, outputDim: 2 }).apply([[3]])).toThrow(tf.CheckError)
  })

  it('for options', () => {
    expect(() => layers.lstm({ units: 0 })).toThrow(/units is 0/)
    expect(() => layers.simpleRNN({ units: 2, dropout: 2 })).toThrow(/dropout is 2/)
    expect(() => layers.conv2d({ filters: 2, kernelSize: [1, 2, 3] })).toThrow(/kernelSize is \[1,2,3\]/)
    expect(() => layers.conv2d({ filters: 2, kernelSize: 2, strides: 2, dilationRate: 2 })).toThrow(
      /both above 1/,
    )
    expect(() => layers.conv2d({ filters: 2, kernelSize: 2, padding: 'causal' })).toThrow(
      /padding is "causal"/,
    )
    expect(() => layers.permute([1, 1])).toThrow(/the axes are \[1, 1\]/)
    expect(() => layers.bidirectional(layers.gru({ units: 1 }), layers.gru({ units: 1 }))).toThrow(
      /goBackwards/,
    )
    expect(() => layers.dense({ units: 1, kernelInitializer: 'nope' as 'ones', inputSize: 1 })).toThrow(
      /"nope" names no initializer/,
    )
  })
})

describe('recurrent layers', () => {
  it('are one loop of a compiled function, for any number of steps', () => {
    const layer = layers.lstm({ units: 4, returnSequences: true })
    const f = tf.function((x: tf.Tensor) => layer.apply(x), { inputSignature: [tf.spec([null, null, 3])] })
    layer.apply(tf.ones([1, 1, 3]))
    for (const [batch, time] of [
      [2, 3],
      [1, 7],
    ] as const) {
      const x = tf.random.normal([batch, time, 3])
      const [got, wanted] = [f(x), layer.apply(x)]
      expect(got.shape).toEqual([batch, time, 4])
      expect(got.sub(wanted).abs().max().item()).toBeLessThan(1e-6)
    }
    expect(f.traceCount).toBe(1)
    expect(tf.debug.show(f, 'trace').match(/ = while /g)).toHaveLength(1)
  })

  it('drop in training only, the same features at every step', () => {
    const layer = layers.simpleRNN({
      units: 50,
      activation: 'linear',
      dropout: 0.5,
      seed: 1,
      returnSequences: true,
      kernelInitializer: 'identity',
      recurrentInitializer: 'zeros',
    })
    const x = tf.ones([1, 2, 50])
    expect(new Set(layer.apply(x).data())).toEqual(new Set([1]))
    const [first, second] = tf.unstack(layer.apply(x, { training: true }), 1)
    expect(new Set(first?.data())).toEqual(new Set([0, 2]))
    expect(second?.array()).toEqual(first?.array())
  })

  it('take an embedding’s mask', () => {
    const embedding = layers.embedding({ inputDim: 5, outputDim: 2, maskZero: true })
    const layer = layers.gru({ units: 3 })
    const [short, padded] = [[[1, 2]], [[1, 2, 0, 0]]]
    const mask = embedding.computeMask(padded)
    expect(mask?.array()).toEqual([[true, true, false, false]])
    const wanted = layer.apply(embedding.apply(short)).array()
    expect(layer.apply(embedding.apply(padded), mask === undefined ? {} : { mask }).array()).toEqual(wanted)
  })
})

describe('initializers', () => {
  it('orthogonal makes orthonormal rows or columns', () => {
    for (const shape of [
      [5, 3],
      [3, 5],
      [2, 3, 4],
    ]) {
      const w = tf.initializers
        .orthogonal({ seed: 3, gain: 2 })(shape)
        .reshape([-1, shape.at(-1) ?? 1])
      const [rows = 1, columns = 1] = w.shape
      const product = rows < columns ? tf.matMul(w, w, false, true) : tf.matMul(w, w, true)
      expect(
        product
          .sub(tf.eye(Math.min(rows, columns)).mul(4))
          .abs()
          .max()
          .item(),
      ).toBeLessThan(1e-5)
    }
    expect(() => tf.initializers.orthogonal()([3])).toThrow(/fewer than two axes/)
  })

  it('go by name', () => {
    expect(tf.initializers.get('ones')([2]).array()).toEqual([1, 1])
    expect(tf.initializers.get('identity')([2, 3]).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ])
    expect(() => tf.initializers.get('nope' as 'ones')).toThrow(/"nope" names no initializer/)
    expect(
      tf.activations
        .get('relu')(tf.tensor([-1, 1]))
        .array(),
    ).toEqual([0, 1])
    expect(() => tf.activations.get('nope' as 'relu')).toThrow(/"nope" names no activation/)
  })
})
