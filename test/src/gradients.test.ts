// grad, grads, valueAndGrad, valueAndGrads: signatures, nesting, weights.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'
import { arrays, bodies } from '../support/settings.ts'

describe.each(bodies)('derivatives of functions, in $setting', ({ run }) => {
  test('grad, with and without weights', () => {
    const square = (x: tf.Tensor): tf.Tensor => x.mul(x)
    expect(run(() => tf.grad(square)(3)).item()).toBe(6)
    expect(run(() => tf.grad(square)([1, 2])).array()).toEqual([2, 4])
    expect(run(() => tf.grad(square)([1, 2], [10, 100])).array()).toEqual([20, 400])
    expect(() => run(() => tf.grad(square)([1, 2], [10]))).toThrow(tf.ShapeError)
  })

  test('grads takes the arguments as a list', () => {
    const f = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => x.mul(y)
    expect(arrays(run(() => tf.grads(f)([2, 3])))).toEqual([3, 2])
    expect(arrays(run(() => tf.grads(f)([2, 3], 10)))).toEqual([30, 20])
    const x = tf.tensor(3)
    expect(arrays(run(() => tf.grads(f)([x, x])))).toEqual([3, 3])
  })

  test('valueAndGrad and valueAndGrads', () => {
    const { value, grad } = run(() => tf.valueAndGrad((x) => x.mul(x))(3))
    expect([value.item(), grad.item()]).toEqual([9, 6])
    const both = run(() => tf.valueAndGrads((x, y) => x.mul(y).mul(y))([2, 3]))
    expect([both.value.item(), ...arrays(both.grads)]).toEqual([18, 9, 12])
  })

  test('they nest', () => {
    const cube = (x: tf.Tensor): tf.Tensor => x.mul(x).mul(x)
    expect(run(() => tf.grad(tf.grad(cube))(2)).item()).toBe(12)
    expect(run(() => tf.grad(tf.grad(tf.grad(cube)))(2)).item()).toBe(6)
    const traced = tf.function(cube)
    expect(run(() => tf.grad(tf.grad(traced))(2)).item()).toBe(12)
  })

  test('a tensor reached by a closure is a constant; independence gives zeros', () => {
    const c = tf.tensor([3])
    expect(run(() => tf.grad((x) => x.mul(c))(c)).array()).toEqual([3])
    expect(run(() => tf.grad(() => tf.tensor(1))([1, 2])).array()).toEqual([0, 0])
  })

  test('of a variable at its present value, seen by a tape around', () => {
    const v = tf.variable(3)
    const got = run(() => {
      const tape = new tf.GradientTape()
      const d = tape.record(() => tf.grad((x) => x.mul(x).mul(x))(v))
      return [d, tape.gradient(d, v)]
    })
    expect(arrays(got)).toEqual([27, 18])
  })

  test('integers have no derivatives', () => {
    expect(() => run(() => tf.grad((x) => x)(tf.tensor([1], 'int32')))).toThrow(tf.DTypeError)
  })
})
