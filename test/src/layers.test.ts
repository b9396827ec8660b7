// tf.layers: shapes, values, variables in order, training, errors; eagerly and traced.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { layers } = tf

function close(values: readonly number[], digits = 5): number[] {
  return values.map((value) => expect.closeTo(value, digits) as number)
}

describe('dense', () => {
  it('computes activation(x·kernel + bias)', () => {
    const layer = layers.dense({ units: 2, activation: 'relu', inputSize: 3 })
    layer.kernel.assign([
      [1, -1],
      [2, 0],
      [0, 3],
    ])
    layer.bias.assign([0.5, -4])
    expect(
      layer
        .apply([
          [1, 2, 3],
          [-1, -1, 0],
        ])
        .array(),
    ).toEqual([
      [5.5, 4],
      [0, 0],
    ])
    expect(
      tf
        .function((x: tf.Tensor) => layer.apply(x))(tf.tensor([[1, 2, 3]]))
        .array(),
    ).toEqual([[5.5, 4]])
  })

  it('is built by its first input: glorotUniform kernel, zero bias, in this order', () => {
    const layer = layers.dense({ units: 3, name: 'first' })
    expect(layer.built).toBe(false)
    expect(() => layer.kernel).toThrow(/no kernel before it is built/)
    expect(layer.apply(tf.ones([2, 4])).shape).toEqual([2, 3])
    expect(layer.trainableVariables.map((each) => [each.name, each.shape])).toEqual([
      ['first/kernel', [4, 3]],
      ['first/bias', [3]],
    ])
    expect(layer.kernel.abs().max().item()).toBeLessThanOrEqual(Math.sqrt(6 / 7))
    expect(layer.bias.array()).toEqual([0, 0, 0])
    expect(layers.dense({ units: 3, useBias: false, inputSize: 4 }).variables).toHaveLength(1)
  })

  it('maps the last axis of any rank from 2 on', () => {
    const layer = layers.dense({ units: 3, inputSize: 4 })
    const x = tf.random.normal([2, 5, 4])
    const y = layer.apply(x)
    expect(y.shape).toEqual([2, 5, 3])
    expect(Array.from(y.data())).toEqual(close(Array.from(layer.apply(x.reshape([10, 4])).data())))
  })

  it('refuses inputs and activations that do not fit', () => {
    const layer = layers.dense({ units: 3, inputSize: 4, name: 'd' })
    expect(() => layer.apply(tf.ones([2, 5]))).toThrow(/d: axis -1 of the input must be 4, and is 5/)
    expect(() => layers.dense(3).apply(tf.ones([4]))).toThrow(/at least 2 axes, and has 1/)
    expect(() => layers.dense({ units: 3, activation: 'nope' as 'relu' })).toThrow(
      /"nope" names no activation function/,
    )
    expect(() => layers.dense({ units: 3, activation: 'toString' as 'relu' })).toThrow(
      /names no activation function/,
    )
    expect(() => layers.dense(0)).toThrow(/units is 0/)
  })

  it('is built inside a traced function, once, and captured', () => {
    const layer = layers.dense(3)
    const f = tf.function((x: tf.Tensor) => layer.apply(x))
    const first = f(tf.ones([2, 4])).array()
    expect(f(tf.ones([2, 4])).array()).toEqual(first)
    layer.kernel.assign(tf.zeros([4, 3]))
    expect(f(tf.ones([2, 4])).array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
    expect(f.cacheSize).toBe(1)
    expect(layer.variables).toHaveLength(2)
  })

  it('has gradients in the order of its variables', () => {
    const layer = layers.dense({ units: 2, inputSize: 3 })
    const x = tf.tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const tape = new tf.GradientTape()
    const loss = tape.record(() => layer.apply(x).sum())
    const [kernel, bias] = tape.gradient(loss, layer.trainableVariables)
    expect(kernel?.array()).toEqual([
      [5, 5],
      [7, 7],
      [9, 9],
    ])
    expect(bias?.array()).toEqual([2, 2])
  })
})

describe('dropout', () => {
  it('is the identity unless training, when it scales what is left', () => {
    const layer = layers.dropout(0.25)
    const x = tf.ones([1000])
    expect(layer.apply(x).array()).toEqual(x.array())
    const dropped = Array.from(layer.apply(x, { training: true }).data())
    expect(new Set(dropped)).toEqual(new Set([0, Math.fround(1 / 0.75)]))
    const zeros = dropped.filter((value) => value === 0).length
    expect(Math.abs(zeros - 250)).toBeLessThan(4 * Math.sqrt(1000 * 0.25 * 0.75))
    expect(new Set(layers.dropout(0.5).apply(x, { training: true }).data())).toEqual(new Set([0, 2]))
  })

  it('drops others on every call of one trace, and passes gradients to what it kept', () => {
    const layer = layers.dropout(0.5, { seed: 3 })
    const f = tf.function((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch(x)
        return layer.apply(x, { training: true })
      })
      return [y, tape.gradient(y, x) ?? tf.zeros([100])]
    })
    const [first, gradient] = f(tf.ones([100]))
    expect(gradient?.array()).toEqual(first?.array())
    expect(f(tf.ones([100]))[0]?.array()).not.toEqual(first?.array())
    expect(f.traceCount).toBe(1)
    const same = layers.dropout(0.5, { seed: 3 })
    expect(same.apply(tf.ones([100]), { training: true }).array()).toEqual(first?.array())
  })

  it('takes rates from 0 to 1', () => {
    expect(layers.dropout(0).apply([1, 2], { training: true }).array()).toEqual([1, 2])
    expect(layers.dropout(1).apply([1, 2], { training: true }).array()).toEqual([0, 0])
    expect(() => layers.dropout(1.5)).toThrow(/the rate is 1.5/)
  })

  it('makes two traces for training true and false', () => {
    const layer = layers.dropout(0.5)
    const f = tf.function((x: tf.Tensor, options: { training: boolean }) => layer.apply(x, options), {
      onRetrace: 'off',
    })
    for (const training of [true, false, true]) f(tf.ones([2]), { training })
    expect(f.traceCount).toBe(2)
  })
})

describe('batch normalisation', () => {
  it('uses moving statistics, which training moves', () => {
    const layer = layers.batchNormalization()
    const x = tf.tensor([[1], [3]])
    expect(Array.from(layer.apply(x).data())).toEqual(close([1, 3].map((value) => value / Math.sqrt(1.001))))
    const normal = 1 / Math.sqrt(1.001)
    expect(Array.from(layer.apply(x, { training: true }).data())).toEqual(close([-normal, normal]))
    expect(layer.movingMean.array()).toEqual(close([0.02]))
    expect(layer.movingVariance.array()).toEqual(close([1]))
    expect(layer.trainableVariables).toEqual([layer.gamma, layer.beta])
    expect(layer.nonTrainableVariables).toEqual([layer.movingMean, layer.movingVariance])
  })

  it('moves them in traces, and not when frozen', () => {
    const layer = layers.batchNormalization({ momentum: 0.5 })
    const f = tf.function((x: tf.Tensor) => layer.apply(x, { training: true }))
    for (let i = 0; i < 2; i++) f(tf.tensor([[2], [4]]))
    expect(layer.movingMean.array()).toEqual([2.25])
    layer.trainable = false
    layer.apply([[100], [100]], { training: true })
    expect(layer.movingMean.array()).toEqual([2.25])
    expect(layer.trainableVariables).toEqual([])
  })
})

describe('sequential', () => {
  it('chains layers, their shapes and their variables', () => {
    const model = layers.sequential([
      layers.flatten(),
      layers.dense({ units: 5, activation: 'tanh', name: 'a' }),
      layers.activation('relu'),
      layers.dense({ units: 2, name: 'b' }),
    ])
    model.build([null, 3, 4])
    expect(model.variables.map((each) => [each.name, each.shape])).toEqual([
      ['a/kernel', [12, 5]],
      ['a/bias', [5]],
      ['b/kernel', [5, 2]],
      ['b/bias', [2]],
    ])
    expect(model.outputShape([null, 3, 4])).toEqual([null, 2])
    expect(model.apply(tf.ones([7, 3, 4])).shape).toEqual([7, 2])
    const f = tf.function((x: tf.Tensor) => model.apply(x), { inputSignature: [tf.spec([null, 3, 4])] })
    expect([1, 6].map((n) => f(tf.ones([n, 3, 4])).shape)).toEqual([
      [1, 2],
      [6, 2],
    ])
    expect(f.traceCount).toBe(1)
    expect(() => layers.sequential([])).toThrow(/there are no layers/)
  })

  it('learns: one trace, and the loss goes down', () => {
    tf.random.setSeed(1)
    const model = layers.sequential([
      layers.dense({ units: 16, activation: 'relu' }),
      layers.dropout(0.1),
      layers.dense(1),
    ])
    const optimizer = tf.optimizers.adam(0.05)
    const x = tf.random.uniform([64, 2], -1, 1)
    const y = x.slice([0, 0], [-1, 1]).mul(x.slice([0, 1], [-1, 1]))
    const step = tf.function((inputs: tf.Tensor, labels: tf.Tensor) =>
      optimizer.minimize(
        () => tf.losses.meanSquaredError(labels, model.apply(inputs, { training: true })),
        () => model.trainableVariables,
      ),
    )
    const losses = Array.from({ length: 200 }, () => step(x, y).item())
    expect(losses.at(-1) ?? 1).toBeLessThan((losses[0] ?? 0) / 4)
    expect(step.cacheSize).toBe(1)
    expect(optimizer.iterations.item()).toBe(200)
  })
})

describe('modules', () => {
  class Inner extends layers.Module {
    w = tf.variable(1, { name: 'w' })
    frozen = tf.variable(1, { name: 'frozen', trainable: false })
  }
  class Outer extends layers.Module {
    x = tf.variable(1, { name: 'x' })
    list = [
      tf.variable(1, { name: 'l0' }),
      {
        b: tf.variable(1, { name: 'lb' }),
        2: tf.variable(1, { name: 'l2' }),
        a: tf.variable(1, { name: 'la' }),
      },
    ]
    inner = new Inner()
    again = this.x
    self = this
  }

  it('find their variables in the sorted order of names, each once', () => {
    const outer = new Outer()
    expect(outer.variables.map((each) => each.name)).toEqual(['x', 'frozen', 'w', 'l0', 'l2', 'la', 'lb'])
    expect(outer.nonTrainableVariables.map((each) => each.name)).toEqual(['frozen'])
  })

  it('freeze with what is inside them', () => {
    const outer = new Outer()
    outer.inner.trainable = false
    expect(outer.trainableVariables.map((each) => each.name)).toEqual(['x', 'l0', 'l2', 'la', 'lb'])
    const model = layers.sequential([
      layers.dense({ units: 1, inputSize: 1 }),
      layers.dense({ units: 1, inputSize: 1 }),
    ])
    if (model.layers[0] !== undefined) model.layers[0].trainable = false
    expect(model.trainableVariables).toHaveLength(2)
    expect(model.nonTrainableVariables).toHaveLength(2)
  })
})
