// checkNumerics, and the mode in which the result of every op is checked.
import { afterEach, describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

afterEach(() => tf.config.disableCheckNumerics())

describe('checkNumerics', () => {
  test('row 264: fails with the message and what was found, passes everything else on', () => {
    const f = tf.function((x: tf.Tensor) => tf.checkNumerics(x.log(), 'bad').mul(2), { onRetrace: 'off' })
    expect(f(tf.tensor(1)).item()).toBe(0)
    expect(() => f(tf.tensor(-1))).toThrow(
      /checkNumerics: bad : Tensor had NaN values\n {2}at check-numerics\.test\.ts:\d+/,
    )
    expect(() => f(tf.tensor(0))).toThrow('bad : Tensor had Inf values')
    expect(f(tf.tensor(1)).item()).toBe(0)
    expect(() =>
      f(
        tf.tensor([
          [1, 2, 0],
          [1, 1, -1],
        ]),
      ),
    ).toThrow('bad : Tensor had Inf and NaN values')
    expect(f(tf.zeros([0])).size).toBe(0)
  })

  test('row 264: eagerly, in float64, with unknown sizes and when the result is unused', () => {
    expect(tf.checkNumerics([1, 2], 'm').array()).toEqual([1, 2])
    expect(() => tf.checkNumerics([1, NaN], 'm')).toThrow('m : Tensor had NaN values')
    expect(() => tf.checkNumerics(tf.tensor([Infinity, NaN], 'float64'), 'm')).toThrow('Inf and NaN')
    expect(() => tf.checkNumerics(tf.tensor([1], 'int32'), 'm')).toThrow(tf.DTypeError)
    const f = tf.function(
      (x: tf.Tensor) => {
        tf.checkNumerics(x, 'unused')
        return x.sum()
      },
      { inputSignature: [tf.spec([null, null], 'float64')] },
    )
    expect(f(tf.ones([3, 5], 'float64')).item()).toBe(15)
    const bad = tf.tensor(
      [
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, -Infinity],
      ],
      'float64',
    )
    expect(() => f(bad)).toThrow('unused : Tensor had Inf values')
  })

  test('the gradient passes, and is checked too', () => {
    const f = (x: tf.Tensor): tf.Tensor => tf.checkNumerics(x.mul(3), 'm').sqrt()
    expect(tf.grad(f)(3).item()).toBeCloseTo(0.5, 6)
    expect(tf.grad(tf.function(f))(3).item()).toBeCloseTo(0.5, 6)
    expect(() => tf.grad(f)(0)).toThrow('m (in its gradient) : Tensor had Inf values')
    expect(() => tf.grad(tf.function(f))(0)).toThrow('m (in its gradient) : Tensor had Inf values')
  })
})

describe('enableCheckNumerics', () => {
  test('row 264: names the op and the line of the first NaN, eagerly and in traced functions', () => {
    let line = ''
    const body = (x: tf.Tensor): tf.Tensor => {
      const y = x.sub(2)
      const [z, { stack }] = [y.log(), new Error('here')]
      line = /check-numerics\.test\.ts:(\d+)/.exec(stack ?? '')?.[1] ?? ''
      return z.mul(2).add(1)
    }
    const before = tf.function((x: tf.Tensor) => body(x), { onRetrace: 'off' })
    before(tf.tensor([3]))
    tf.config.enableCheckNumerics()
    const during = tf.function((x: tf.Tensor) => body(x), { onRetrace: 'off' })
    const expected = new RegExp(
      `log: its result had NaN values\\n  result  f32\\[1\\]\\n  at check-numerics\\.test\\.ts:${line}:`,
    )
    expect(() => body(tf.tensor([1]))).toThrow(expected)
    expect(during(tf.tensor([3])).array()).toEqual([1])
    expect(() => during(tf.tensor([1]))).toThrow(expected)
    expect(() => before(tf.tensor([1]))).toThrow(expected)
    tf.config.disableCheckNumerics()
    expect(during(tf.tensor([1])).array()).toEqual([NaN])
    expect(before(tf.tensor([1])).array()).toEqual([NaN])
    expect([before.traceCount, during.traceCount]).toEqual([2, 2])
    expect(body(tf.tensor([1])).array()).toEqual([NaN])
  })

  test('gradients and training steps work under it', () => {
    tf.config.enableCheckNumerics()
    const w = tf.variable([1, 2])
    const step = tf.function((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => tf.softmax(x.mul(w)).log().sum())
      w.assignSub(tape.gradient(loss, w)?.mul(0.1) ?? 0)
      return loss
    })
    expect(Number.isFinite(step(tf.tensor([1, 2])).item())).toBe(true)
    expect(() => step(tf.tensor([1, Infinity]))).toThrow(tf.CheckError)
    expect(w.array()).not.toContain(NaN)
  })
})
