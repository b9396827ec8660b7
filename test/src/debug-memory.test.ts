// What tf.debug.memory says of a call, against sums by hand; and that the arena comes close to the values alive in it.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'
import { fusedPrograms } from '../support/fused-programs.ts'

/** LeNet's layers and one step of gradient descent. */
function lenetStep(): object {
  const glorot = tf.initializers.glorotUniform({ seed: 1 })
  const variable = (shape: readonly number[]): tf.Variable => tf.variable(glorot([...shape], 'float32'))
  const [k1, k2, w1, w2] = [
    variable([5, 5, 1, 8]),
    variable([5, 5, 8, 16]),
    variable([784, 32]),
    variable([32, 10]),
  ] as const
  const biases = [8, 16, 32, 10].map((size) => tf.variable(tf.zeros([size])))
  const [b1, b2, b3, b4] = biases as [tf.Variable, tf.Variable, tf.Variable, tf.Variable]
  const variables = [k1, k2, w1, w2, ...biases]
  const step = tf.function((x: tf.Tensor, y: tf.Tensor) => {
    const tape = new tf.GradientTape()
    const loss = tape.record(() => {
      const first = tf.maxPool(tf.conv2d(x, k1, 1, 'same').add(b1).relu(), 2, 2, 'valid')
      const second = tf.maxPool(tf.conv2d(first, k2, 1, 'same').add(b2).relu(), 2, 2, 'valid')
      const hidden = second.reshape([-1, 784]).matMul(w1).add(b3).relu()
      return tf.losses.sparseSoftmaxCrossEntropy(y, hidden.matMul(w2).add(b4))
    })
    const gradients = tape.gradient(loss, variables)
    variables.forEach((each, i) => {
      const gradient = gradients[i]
      if (gradient != null) each.assignSub(gradient.mul(0.01))
    })
    return loss
  })
  step(tf.ones([16, 28, 28, 1]), tf.zeros([16], 'int32'))
  return step
}

describe('the arena is at most 1.3 times what is alive at once', () => {
  test.each([
    ...fusedPrograms.filter(({ name }) => /^(mlp|transformer|lstm|softmax|layer-norm)/.test(name)),
    { name: 'lenet', make: lenetStep },
  ])('$name', ({ make }) => {
    const { arena, lowerBound, unshared, peak, variables, constants } = tf.debug.memory(make())
    expect(lowerBound).toBeGreaterThan(0)
    expect(arena).toBeGreaterThanOrEqual(lowerBound)
    expect(arena).toBeLessThanOrEqual(1.3 * lowerBound)
    expect(unshared).toBeGreaterThanOrEqual(lowerBound)
    expect(peak).toBe(arena + variables + constants)
  })
})

describe('debug.memory', () => {
  test('a softmax needs its argument and its result: the exponentials wait in the result', () => {
    const f = tf.function((x: tf.Tensor) => tf.softmax(x))
    f(tf.ones([64, 16]))
    const { values, arena, lowerBound, variables, constants } = tf.debug.memory(f)
    expect(values.map(({ type, bytes }) => [type, bytes])).toEqual([
      ['float32 1024', 4096],
      ['float32 1024', 4096],
    ])
    expect(lowerBound).toBeGreaterThanOrEqual(8192)
    expect(arena).toBeLessThan(8192 + 256)
    expect([variables, constants]).toEqual([0, 0])
  })

  test('a chain of formulas is computed in place', () => {
    const f = tf.function((x: tf.Tensor) => tf.cumsum(tf.cumsum(x.exp()).tanh()))
    f(tf.ones([1024]))
    const { arena, unshared } = tf.debug.memory(f)
    expect(arena).toBeLessThan(3 * 4096)
    expect(unshared).toBeGreaterThan(3 * 4096)
  })

  test('Variables are counted once, and those written in place are named', () => {
    const v = tf.variable(tf.ones([100]), { name: 'v' })
    const f = tf.function((x: tf.Tensor) => void v.assign(v.mul(2).add(x)))
    f(tf.ones([100]))
    const { variables, inPlace } = tf.debug.memory(f)
    expect(variables).toBe(400)
    expect(inPlace).toEqual(['v'])
  })

  test('open sizes are those of the latest call, or as given', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2), { inputSignature: [tf.spec([null])] })
    f(tf.ones([1000]))
    f(tf.ones([2000]))
    expect(tf.debug.memory(f).values[0]?.bytes).toBe(8000)
    expect(tf.debug.memory(f, { n0: 10 }).values[0]?.bytes).toBe(40)
    expect(tf.debug.memory(f.concrete(tf.spec([null])), { n0: 5 }).values[0]?.bytes).toBe(20)
  })

  test('what is no traced function, or has no such size, is told', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2), { inputSignature: [tf.spec([null])] })
    expect(() => tf.debug.memory(f)).toThrow(/has no trace/)
    expect(() => tf.debug.memory(() => 1)).toThrow(/has no trace/)
    f(tf.ones([3]))
    expect(() => tf.debug.memory(f, { batch: 3 })).toThrow(/no open size batch/)
    expect(() => tf.debug.memory(f, {})).toThrow(/n0 is missing/)
    expect(() => tf.debug.memory(f, { n0: -1 })).toThrow(/n0 is -1/)
  })
})
