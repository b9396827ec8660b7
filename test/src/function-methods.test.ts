// Variables created by a callback, and traces that open up by themselves. Methods, concrete functions and structures are
// in rows-131-158 and rows-251-269.
import { expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

test('a callback may create a Variable on its first call: it runs twice, and once more never', () => {
  let v: tf.Variable | undefined
  let runs = 0
  const f = tf.function((x: tf.Tensor) => {
    runs++
    v ??= tf.variable(x.mul(2))
    return v.mul(x)
  })
  expect([f(tf.tensor(3)).item(), f(tf.tensor(5)).item(), v?.item(), runs, f.traceCount]).toEqual([
    18, 30, 6, 2, 2,
  ])
  expect(() => tf.function(() => tf.variable(1))()).toThrow('on every call')
})

test('reduceRetracing opens the sizes that differ at the second trace', () => {
  const f = tf.function((x: tf.Tensor) => x.sum(), { reduceRetracing: true, onRetrace: 'off' })
  for (const n of [1, 2, 9, 4]) expect(f(tf.ones([n])).item()).toBe(n)
  expect(f.traceCount).toBe(2)
})
