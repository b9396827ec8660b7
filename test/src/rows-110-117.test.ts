// Variables created inside traced functions: rows 110–117 of the inventory that was executed on TensorFlow 2.21.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

describe('rows 110–117', () => {
  test('row 110: allowed on the first call, which runs the callback twice', () => {
    let v: tf.Variable | undefined
    let runs = 0
    const f = tf.function((x: tf.Tensor) => {
      runs++
      v ??= tf.variable(2)
      return v.mul(x)
    })
    expect([f(tf.tensor(3)).item(), f(tf.tensor(4)).item()]).toEqual([6, 8])
    expect([runs, f.traceCount, f.cacheSize]).toEqual([2, 2, 1])
  })
  test('row 111: creating on every call is refused', () => {
    const f = tf.function(() => tf.variable(1).mul(2), { name: 'maker' })
    expect(() => f()).toThrow(/maker creates the variable .* on every call[\s\S]*rows-110-117\.test\.ts/)
    expect(f.cacheSize).toBe(0)
  })
  test('row 112: creating on a later call is refused', () => {
    let v: tf.Variable | undefined
    const f = tf.function((x: tf.Tensor, create: boolean) => {
      if (create) v ??= tf.variable(1)
      return v === undefined ? x : v.mul(x)
    })
    f(tf.tensor(1), false)
    expect(() => f(tf.tensor(1), true)).toThrow(/not its first/)
    expect(f.cacheSize).toBe(1)
  })
  test('row 113: a second optimizer in one function is refused, and says so', () => {
    const w = tf.variable(1, { name: 'w' })
    const step = tf.function((x: tf.Tensor, optimizer: tf.optimizers.Optimizer) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => w.mul(x))
      optimizer.applyGradients([[tape.gradient(loss, w), w]])
      return loss
    })
    step(tf.tensor(1), tf.optimizers.adam(0.1))
    expect(() => step(tf.tensor(1), tf.optimizers.adam(0.1))).toThrow(/build/)
  })
  test('row 114: initial values may depend on the arguments of the first call', () => {
    let v: tf.Variable | undefined
    const f = tf.function((x: tf.Tensor) => (v ??= tf.variable(x.mul(2))).value())
    expect([f(tf.tensor(3)).item(), f(tf.tensor(5)).item(), v?.item()]).toEqual([6, 6, 6])
  })
  test('row 115: initial values may be made by a function', () => {
    let v: tf.Variable | undefined
    const f = tf.function(() => (v ??= tf.variable(() => tf.ones([2]))).value())
    expect(f().array()).toEqual([1, 1])
  })
  test('row 116: creation in a nested function works through the outer one', () => {
    let v: tf.Variable | undefined
    let created = 0
    const inner = tf.function((x: tf.Tensor) => {
      v ??= (created++, tf.variable(3))
      return v.mul(x)
    })
    const outer = tf.function((x: tf.Tensor) => inner(x).add(1))
    expect([outer(tf.tensor(2)).item(), outer(tf.tensor(3)).item(), created]).toEqual([7, 10, 1])
  })
  test('row 117: layers build on the first call, without a retrace being reported', () => {
    const layer = tf.layers.dense(3)
    const f = tf.function((x: tf.Tensor) => layer.apply(x))
    tf.expectNoRetrace(() => {
      expect(f(tf.ones([2, 4])).shape).toEqual([2, 3])
      f(tf.ones([2, 4]))
    })
    expect(f.cacheSize).toBe(1)
  })
})
