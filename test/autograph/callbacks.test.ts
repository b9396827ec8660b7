// oxlint-disable no-eval -- the scope has to be given
// Functions given by name to methods of arrays and to functions of the library: they are rewritten like those that are called.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/node.ts'

const limit = tf.scalar(0)
const relu = (x: tf.Tensor): tf.Tensor => {
  if (x.greater(limit)) return x
  return limit
}
const addPositive = (sum: tf.Tensor, x: tf.Tensor): tf.Tensor => (x.greater(0) ? sum.add(x) : sum)
const values = tf.tensor([-1, 2, -3, 4])

describe('a callback by its name', () => {
  test.each<readonly [string, (x: tf.Tensor) => tf.Tensor, unknown]>([
    ['map', (x) => tf.stack(tf.unstack(x).map(relu)), [0, 2, 0, 4]],
    ['reduce', (x) => tf.unstack(x).reduce(addPositive, limit), 6],
    [
      'forEach and sort',
      (x) => {
        const all: tf.Tensor[] = []
        const visit = (row: tf.Tensor): void => void all.push(relu(row))
        tf.unstack(x).forEach(visit)
        return tf.stack(all)
      },
      [0, 2, 0, 4],
    ],
    ['tf.mapFn', (x) => tf.mapFn(relu, x), [0, 2, 0, 4]],
    ['tf.foldl', (x) => tf.foldl(addPositive, x, { initializer: tf.scalar(0) }), 6],
    ['tf.scan', (x) => tf.scan(addPositive, x, { initializer: tf.scalar(0) }), [0, 2, 2, 6]],
    [
      'tf.cond',
      (x) =>
        tf.cond(
          x.sum().greater(0),
          () => tf.stack(tf.unstack(x).map(relu)),
          () => x,
        ),
      [0, 2, 0, 4],
    ],
    [
      'in a loop',
      (x) => {
        let y = x
        for (let i = 0; y.sum().less(20); i++) y = tf.mapFn(relu, y.mul(2))
        return y
      },
      [0, 8, 0, 16],
    ],
    [
      'tf.grad',
      (x) => tf.grad((y: tf.Tensor) => tf.unstack(y).map(relu).reduce(addPositive, limit))(x),
      [0, 1, 0, 1],
    ],
  ])('%s', (_, f, expected) => {
    expect(tf.function(f)(values).array()).toEqual(expected)
    expect(
      tf
        .function(f, { scope: (s) => eval(s) as unknown })(values)
        .array(),
    ).toEqual(expected)
  })

  test('keeps its identity elsewhere', () => {
    const f = tf.function((x: tf.Tensor) => {
      const seen = new Set<unknown>([relu])
      const all = [relu]
      if (x.greater(0)) x = x.neg()
      return seen.has(relu) && all.includes(relu) && all.indexOf(relu) === 0 ? x : x.mul(0)
    })
    expect(f(tf.scalar(3)).item()).toBe(-3)
  })
})
