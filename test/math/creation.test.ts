// Making tensors: dtypes by default, edge cases of ranges, and what is refused.
import { describe, expect, it } from 'vitest'
import { eye, fill, linspace, oneHot, ones, range, scalar, tensor, zeros } from '../../src/index.ts'

describe('tensor', () => {
  it('takes a shape, a dtype, or both', () => {
    expect(tensor([1, 2, 3, 4], [2, 2]).array()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(tensor([1, 2], 'int32').dtype).toBe('int32')
    expect(tensor([1, 0], [2, 1], 'bool').array()).toEqual([[true], [false]])
    expect(tensor(new Float64Array([1.5])).dtype).toBe('float64')
  })

  it('packs tensors inside arrays', () => {
    expect(tensor([tensor(1), 2, tensor(3)]).array()).toEqual([1, 2, 3])
  })

  it('copies typed arrays', () => {
    const data = new Float32Array([1])
    const made = tensor(data)
    data[0] = 9
    expect(made.array()).toEqual([1])
  })

  it('refuses ragged arrays, other counts, and values the dtype cannot hold', () => {
    expect(() => tensor([[1], [2, 3]])).toThrow(/ragged/)
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow(/number of elements/)
    expect(() => tensor([1.5], 'int32')).toThrow(/1\.5 is not a 32-bit integer/)
  })

  it('scalar has rank 0', () => {
    expect(scalar(3).shape).toEqual([])
    expect(scalar(true).dtype).toBe('bool')
    expect(scalar(3, 'int32').dtype).toBe('int32')
  })
})

describe('range', () => {
  it('counts int32 unless a bound is no integer or a dtype is given', () => {
    expect(range(3).dtype).toBe('int32')
    expect(range(3).array()).toEqual([0, 1, 2])
    expect(range(1, 4).array()).toEqual([1, 2, 3])
    expect(range(0, 1, 0.25).dtype).toBe('float32')
    expect(range(0, 3, 1, 'float64').dtype).toBe('float64')
  })

  it('may be empty', () => {
    expect(range(0).shape).toEqual([0])
    expect(range(-2).shape).toEqual([0])
    expect(range(3, 0).shape).toEqual([0])
    expect(range(3, 0, -1).array()).toEqual([3, 2, 1])
  })

  it('refuses bounds that are not finite, a step of 0, and absurd lengths', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      expect(() => range(bad)).toThrow(/is (NaN|-?Infinity)/)
      expect(() => range(0, 5, bad)).toThrow(/step is/)
    }
    expect(() => range(0, 5, 0)).toThrow(/step is 0/)
    expect(() => range(0, 1e12)).toThrow(/too many/)
  })
})

describe('filled and patterned', () => {
  it('fills', () => {
    expect(zeros([2]).array()).toEqual([0, 0])
    expect(ones([2, 1], 'int32').array()).toEqual([[1], [1]])
    expect(fill([2], true).dtype).toBe('bool')
    expect(fill([], 2.5).item()).toBe(2.5)
    expect(() => zeros([-1])).toThrow(/-1 is not a size/)
    expect(() => ones([1.5])).toThrow(/1\.5 is not a size/)
    expect(() => fill([1e6, 1e6], 0)).toThrow(/too many elements/)
  })

  it('eye has batches', () => {
    expect(eye(2, 3).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ])
    expect(eye(2, 2, [2]).shape).toEqual([2, 2, 2])
  })

  it('linspace ends exactly', () => {
    const values = linspace(0, 1, 11).data()
    expect(values[10]).toBe(1)
    expect(linspace(2, 5, 1).array()).toEqual([2])
    expect(() => linspace(0, 1, 0)).toThrow(/num is 0/)
  })

  it('oneHot of indices out of range is off', () => {
    expect(oneHot(tensor([0, 2, -1, 3], 'int32'), 3).array()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ])
    expect(oneHot([1], 2, true, false, 'bool').array()).toEqual([[false, true]])
    expect(() => oneHot(tensor([0.5]), 2)).toThrow(/float32 operands/)
  })
})
