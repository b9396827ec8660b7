// Sorting, searching and choosing: values of TensorFlow 2.21, JavaScript's own sort on random data, gradients, errors.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const x = [
  [3, 1, 2, 1],
  [0, -1, 5, 5],
]

/** Positions in the order of their values, NaN last, equal ones in their own order. */
function naiveOrder(values: readonly number[], descending: boolean): number[] {
  const rank = (i: number): number => values[i] ?? 0
  return values
    .map((_, i) => i)
    .sort((a, b) => {
      const [first, second] = [rank(a), rank(b)]
      if (Number.isNaN(first) || Number.isNaN(second))
        return Number(Number.isNaN(first)) - Number(Number.isNaN(second)) || a - b
      return (descending ? second - first : first - second) || a - b
    })
}

describe('sort and argsort', () => {
  it('give the values of TensorFlow 2.21', () => {
    expect(tf.sort(x).array()).toEqual([
      [1, 1, 2, 3],
      [-1, 0, 5, 5],
    ])
    expect(tf.sort(x, -1, true).array()).toEqual([
      [3, 2, 1, 1],
      [5, 5, 0, -1],
    ])
    expect(tf.argsort(x).array()).toEqual([
      [1, 3, 2, 0],
      [1, 0, 2, 3],
    ])
    expect(tf.argsort(x, -1, true).array()).toEqual([
      [0, 2, 1, 3],
      [2, 3, 0, 1],
    ])
    expect(tf.sort(x, 0).array()).toEqual([
      [0, -1, 2, 1],
      [3, 1, 5, 5],
    ])
  })

  it('agree with a stable sort of every dtype, size and direction, with hidden sizes too', () => {
    const special = [0, -0, NaN, Infinity, -Infinity, 1, 1, -1, NaN, 1e-40, -1e-40, 3, -0, 2]
    for (const dtype of ['float32', 'float64', 'int32', 'uint8', 'bool'] as const)
      for (const size of [0, 1, 2, 3, 7, 8, 9, 100])
        for (const descending of [false, true]) {
          const isFloat = dtype === 'float32' || dtype === 'float64'
          const values = Array.from({ length: size }, (_, i) =>
            isFloat && i < special.length
              ? (special[i] ?? 0)
              : dtype === 'bool'
                ? (i * 7919) % 2
                : ((i * 7919) % 23) - (dtype === 'uint8' ? 0 : 11),
          )
          const tensor = tf.tensor(
            values.map((value) => Math.max(value, dtype === 'uint8' ? 0 : -Infinity)),
            dtype,
          )
          const f = tf.function((of: tf.Tensor) => tf.argsort(of, 0, descending), {
            inputSignature: [tf.spec([null], dtype)],
          })
          const own = [...tensor.data()]
          expect([...tf.argsort(tensor, 0, descending).data()]).toEqual(naiveOrder(own, descending))
          expect([...f(tensor).data()]).toEqual(naiveOrder(own, descending))
        }
  })

  it('sort extremes of integers', () => {
    const values = tf.tensor([5, -(2 ** 31), 2 ** 31 - 1, 0, -1], 'int32')
    expect(tf.sort(values).array()).toEqual([-(2 ** 31), -1, 0, 5, 2 ** 31 - 1])
    expect(tf.sort(values, 0, true).array()).toEqual([2 ** 31 - 1, 5, 0, -1, -(2 ** 31)])
  })

  it('work along every axis, on what is computed, and on large rows', () => {
    const cube = tf.random.statelessUniform([3, 4, 5], [1, 2])
    for (const axis of [0, 1, 2, -2]) {
      const sorted = tf.sort(cube, axis)
      const next = sorted.shape.map((size, d) => (d === (axis + 3) % 3 ? size - 1 : size))
      const from = (start: number): tf.Tensor =>
        sorted.slice(
          next.map((_, d) => (d === (axis + 3) % 3 ? start : 0)),
          next,
        )
      expect(tf.all(from(0).lessEqual(from(1))).array()).toBe(true)
      expect(sorted.sum().item()).toBeCloseTo(cube.sum().item(), 4)
    }
    const large = tf.random.statelessUniform([50_000], [3, 4])
    const f = tf.function((of: tf.Tensor) => tf.sort(of.mul(2).neg()))
    expect([...f(large).data()]).toEqual([...large.mul(2).neg().data()].sort((a, b) => a - b))
  })

  it('send gradients back to where elements came from', () => {
    const gradient = tf.grad((of: tf.Tensor) => tf.sort(of).mul([1, 10, 100]).sum())
    expect(gradient([3, 1, 2]).array()).toEqual([100, 1, 10])
    const best = tf.grad((of: tf.Tensor) => tf.topk(of, 2).values.mul([1, 10]).sum())
    expect(best([3, 1, 5]).array()).toEqual([10, 0, 1])
  })

  it('refuse axes that are not there', () => {
    expect(() => tf.sort([1, 2], 1)).toThrow(/axis 1/)
    expect(() => tf.argsort(3)).toThrow(/axis -1/)
  })
})

describe('topk, inTopK and searchSorted', () => {
  it('give the values of TensorFlow 2.21', () => {
    const { values, indices } = tf.topk(x, 3)
    expect(values.array()).toEqual([
      [3, 2, 1],
      [5, 5, 0],
    ])
    expect(indices.array()).toEqual([
      [0, 2, 1],
      [2, 3, 0],
    ])
    const predictions = (last: number): number[][] => [
      [0.1, 0.8, 0.1],
      [0.3, 0.3, 0.4],
      [last, 1, 2],
    ]
    expect(tf.inTopK(predictions(NaN), [1, 0, 2], 1).array()).toEqual([true, false, false])
    expect(tf.inTopK(predictions(1), [1, 0, 1], 2).array()).toEqual([true, true, true])
    expect(tf.inTopK([[NaN, 1]], [0], 2).array()).toEqual([false])
    const sequence = [[1, 3, 3, 5]]
    const wanted = [[0, 1, 3, 4, 5, 6]]
    expect(tf.searchSorted(sequence, wanted).array()).toEqual([[0, 0, 1, 3, 3, 4]])
    expect(tf.searchSorted(sequence, wanted, 'right').array()).toEqual([[0, 1, 3, 3, 4, 4]])
    expect(tf.lowerBound([1, 2], [2]).array()).toEqual([1])
    expect(tf.upperBound([1, 2], [2]).array()).toEqual([2])
  })

  it('work with hidden sizes', () => {
    const f = tf.function((of: tf.Tensor) => tf.topk(of, 2).indices, {
      inputSignature: [tf.spec([null, null])],
    })
    expect(f(tf.tensor(x)).array()).toEqual([
      [0, 2],
      [2, 3],
    ])
    expect(f(tf.tensor([[1, 2, 3]])).array()).toEqual([[2, 1]])
  })

  it('refuse what does not fit', () => {
    expect(() => tf.topk([1, 2], 3)).toThrow(/k is 3, and there are 2 elements/)
    expect(() => tf.topk(1, 1)).toThrow(/no last axis/)
    expect(() => tf.inTopK([[1, 2]], [0, 1], 1)).toThrow(/predictions are \[batch, classes\]/)
    expect(() => tf.inTopK([[1, 2]], [2], 1)).toThrow(/\[0, 2\)/)
    expect(() => tf.searchSorted([[1, 2]], [1])).toThrow(/all axes but the last must agree/)
  })
})

describe('choosing by values', () => {
  it('unique keeps the first of each', () => {
    const { values, indices } = tf.unique(tf.tensor([4, 1, 4, 2, 1], 'int32'))
    expect([values.array(), indices.array(), values.dtype]).toEqual([[4, 1, 2], [0, 1, 0, 2, 1], 'int32'])
    const columns = tf.unique(
      [
        [1, 2, 1],
        [3, 4, 3],
      ],
      1,
    )
    expect(columns.values.array()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(columns.indices.array()).toEqual([0, 1, 0])
    expect(tf.unique([0, -0, NaN, NaN]).indices.array()).toEqual([0, 0, 1, 2])
    expect(
      tf.unique([
        [1, 2],
        [1, 2],
        [2, 1],
      ]).values.shape,
    ).toEqual([2, 2])
    expect(tf.unique(tf.zeros([0])).values.shape).toEqual([0])
  })

  it('booleanMask, argWhere and setdiff1d', () => {
    const pairs = [
      [1, 2],
      [3, 4],
      [5, 6],
    ]
    expect(tf.booleanMask(pairs, [true, false, true]).array()).toEqual([
      [1, 2],
      [5, 6],
    ])
    expect(tf.booleanMask(pairs, [true, false], 1).array()).toEqual([[1], [3], [5]])
    expect(
      tf
        .booleanMask(pairs, [
          [true, false],
          [true, true],
          [false, false],
        ])
        .array(),
    ).toEqual([1, 3, 4])
    expect(
      tf
        .grad((of: tf.Tensor) => tf.booleanMask(of, [true, false, true]).sum())([1, 2, 3])
        .array(),
    ).toEqual([1, 0, 1])
    expect(tf.argWhere(tf.tensor(pairs).greater(3)).array()).toEqual([
      [1, 1],
      [2, 0],
      [2, 1],
    ])
    expect(tf.argWhere([false]).shape).toEqual([0, 1])
    const [values, positions] = tf.setdiff1d([1, 2, 3, 4, 3], [2, 4])
    expect([values.array(), positions.array()]).toEqual([
      [1, 3, 3],
      [0, 2, 4],
    ])
  })

  it('is for eager code', () => {
    const traced = (body: (of: tf.Tensor) => unknown): (() => unknown) => {
      const f = tf.function((of: tf.Tensor) => body(of))
      return () => f(tf.tensor([1, 2]))
    }
    expect(traced((of) => tf.unique(of).values)).toThrow(/not known while tracing/)
    expect(traced((of) => tf.booleanMask(of, of.greater(1)))).toThrow(/not known while tracing/)
    expect(traced((of) => tf.booleanMask(of, [true, false]))()).toMatchObject({ shape: [1] })
    expect(() => tf.booleanMask([1, 2], [true])).toThrow(/the mask does not have the shape/)
    expect(() => tf.argWhere([1])).toThrow(/f32|float32/)
    expect(() => tf.setdiff1d([[1]], [1])).toThrow(/both must be vectors/)
  })
})
