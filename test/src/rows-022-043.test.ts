// Eager tensors and dtypes, behaviour by behaviour: rows 22–43 of the inventory that was executed on TensorFlow 2.21.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

const int = (values: number | number[]): tf.Tensor => tf.tensor(values, 'int32')

describe('rows 22–43', () => {
  test('row 22: tensors are immutable', () => {
    const t = tf.tensor([1, 2])
    expect(() => Object.assign(t, { 0: 9 })).toThrow(TypeError)
    expect(t.array()).toEqual([1, 2])
  })
  test('row 23: ragged and mixed arrays are refused with the place', () => {
    expect(() => tf.tensor([[1], [2, 3]])).toThrow(/ragged[\s\S]*\[1\]/)
    expect(() => tf.tensor([1, true])).toThrow(/mixed/)
  })
  test('row 24: arrays with tensors inside are stacked', () => {
    expect(tf.tensor([tf.tensor(1), 2, tf.variable(3)]).array()).toEqual([1, 2, 3])
  })
  test('row 25: nothing is promoted between tensors', () => {
    expect(() => tf.add(int(1), tf.tensor(1))).toThrow(/i32\[\][\s\S]*f32\[\][\s\S]*cast/)
  })
  test('row 26: numbers take the dtype of the tensor they meet', () => {
    expect(tf.add(int(1), 2).dtype).toBe('int32')
    expect(() => tf.add(int(1), 2.5)).toThrow(tf.DTypeError)
    expect(tf.add(tf.tensor(1), true).item()).toBe(2)
  })
  test('row 27: typed arrays take the dtype of the tensor they meet', () => {
    expect(tf.add(tf.tensor([1]), new Float64Array([2])).dtype).toBe('float32')
  })
  test('row 28: / on integers is true division, mod floors, truncatedMod keeps the sign of the dividend', () => {
    const quotient = tf.div(int(7), int(2))
    expect([quotient.dtype, quotient.item()]).toEqual(['float32', 3.5])
    expect(tf.mod(int(-7), int(3)).item()).toBe(2)
    expect(tf.floorDiv(int(-7), int(2)).item()).toBe(-4)
    expect(tf.truncatedMod(int(-7), int(3)).item()).toBe(-1)
  })
  test('row 29: integers wrap, and division by 0 names the op', () => {
    const bytes = (value: number): tf.Tensor => tf.tensor(value, 'uint8')
    expect(tf.add(bytes(200), bytes(100)).item()).toBe(44)
    expect(tf.add(int(2147483647), 1).item()).toBe(-2147483648)
    expect(() => tf.floorDiv(int(1), int(0)).data()).toThrow(tf.CheckError)
    expect(() => tf.floorDiv(int(1), int(0)).data()).toThrow(/^floorDiv: /)
    expect(() => tf.mod(int(1), int(0)).data()).toThrow(/^mod: /)
    expect(() => tf.truncatedMod(int(1), int(0)).data()).toThrow(/^truncatedMod: /)
    expect(tf.div(int(1), int(0)).item()).toBe(Infinity)
  })
  test('row 30: casts truncate, wrap bytes and saturate', () => {
    expect(tf.cast(tf.tensor(300), 'uint8').item()).toBe(44)
    expect(tf.cast(tf.tensor(-1.7), 'int32').item()).toBe(-1)
    expect(tf.cast(tf.tensor(Number.NaN), 'int32').item()).toBe(0)
    expect(tf.cast(tf.tensor(3e10), 'int32').item()).toBe(2147483647)
  })
  test('row 31: round is half to even', () => {
    expect(tf.round([0.5, 1.5, 2.5, -0.5]).array()).toEqual([0, 2, 2, -0])
  })
  test('row 32: integers to a negative power are refused; 0 to the 0 is 1', () => {
    expect(() => tf.pow(int(2), int(-1)).data()).toThrow(tf.CheckError)
    expect(tf.pow(int(0), int(0)).item()).toBe(1)
  })
  test('row 33: argMax gives int32, the first index on ties', () => {
    const index = tf.argMax([1, 3, 3])
    expect([index.dtype, index.item()]).toEqual(['int32', 1])
  })
  test('row 34: the mean of integers truncates toward zero', () => {
    expect(tf.mean(int([-1, -2])).item()).toBe(-1)
    expect(tf.mean(int([1, 2])).dtype).toBe('int32')
  })
  test('row 35: empty reductions', () => {
    const empty = tf.zeros([0])
    expect([tf.sum(empty), tf.prod(empty), tf.max(empty), tf.mean(empty)].map((x) => x.item())).toEqual([
      0,
      1,
      -Infinity,
      Number.NaN,
    ])
  })
  test('row 36: eager scalars convert to numbers, others do not; rows are iterable', () => {
    expect(Number(tf.tensor(2.5))).toBe(2.5)
    expect(() => Number(tf.tensor([1, 2]))).toThrow(tf.TraceError)
    expect(
      [
        ...tf.tensor([
          [1, 2],
          [3, 4],
        ]),
      ].map((row) => row.array()),
    ).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(() => [...tf.tensor(1)]).toThrow(tf.ValueError)
  })
  test('row 37: equality of elements is tf.equal; == between objects is identity', () => {
    const [a, b] = [tf.tensor(1), tf.tensor(1)]
    expect(Object.is(a, b)).toBe(false)
    expect(tf.equal(a, b).array()).toBe(true)
  })
  test('row 38: an index out of range throws', () => {
    expect(() => tf.tensor([1, 2, 3]).at(5)).toThrow(tf.ShapeError)
    expect(tf.tensor([1, 2, 3]).at(-1).item()).toBe(3)
  })
  test('row 39: gather out of range says which index and the bound', () => {
    expect(() => tf.gather([1, 2, 3], tf.tensor([0, 7], 'int32')).data()).toThrow(
      /indices\[1\][\s\S]*7[\s\S]*\[0, 3\)/,
    )
  })
  test('row 40: typed arrays are copied on the way in and out', () => {
    const data = new Float32Array([1])
    const t = tf.tensor(data)
    data[0] = 9
    expect(t.array()).toEqual([1])
    t.data()[0] = 9
    expect(t.array()).toEqual([1])
  })
  test('row 41: defaults: float32, and int32 for range', () => {
    expect([tf.ones([1]), tf.zeros([1]), tf.eye(2), tf.linspace(0, 1, 3)].map(({ dtype }) => dtype)).toEqual(
      Array.from({ length: 4 }, () => 'float32'),
    )
    expect(tf.range(3).dtype).toBe('int32')
  })
  test('row 42: tensors print themselves, symbolic ones with the function', () => {
    expect(String(tf.tensor([1, 2], 'int32'))).toBe('Tensor([1, 2], shape=[2], int32)')
    let text = ''
    tf.function((x: tf.Tensor) => ((text = String(x)), x), { name: 'f' })(tf.ones([2]))
    expect(text).toBe('Tensor(shape=[2], float32, in f)')
    expect(JSON.stringify(tf.tensor([1, 2]))).toBe('[1,2]')
  })
  test('row 43: structures keep their own order of keys', () => {
    const f = tf.function((x: tf.Tensor) => ({ b: x, a: [x, null] }))
    const result = f(tf.tensor(1))
    expect(Object.keys(result)).toEqual(['b', 'a'])
    expect(result.a[1]).toBe(null)
  })
})
