// Strided slices of a vector against stepping through a JavaScript array, for all bounds and strides in a range.
import { describe, expect, it } from 'vitest'
import { stridedSlice, tensor } from '../../src/index.ts'

const vector = [10, 11, 12, 13, 14]

/** What Python's x[begin:end:stride] gives; undefined bounds are left out. */
function reference(begin: number | undefined, end: number | undefined, stride: number): number[] {
  const n = vector.length
  const clamp = (value: number): number => {
    const counted = value < 0 ? value + n : value
    return stride > 0 ? Math.min(Math.max(counted, 0), n) : Math.min(Math.max(counted, -1), n - 1)
  }
  const first = begin === undefined ? (stride > 0 ? 0 : n - 1) : clamp(begin)
  const last = end === undefined ? (stride > 0 ? n : -1) : clamp(end)
  const result: number[] = []
  for (let i = first; stride > 0 ? i < last : i > last; i += stride) result.push(vector[i] ?? Number.NaN)
  return result
}

describe('stridedSlice', () => {
  it('agrees with stepping through an array', () => {
    const x = tensor(vector)
    for (const stride of [1, 2, 3, -1, -2, -7])
      for (const begin of [undefined, -7, -5, -2, 0, 1, 4, 5, 9])
        for (const end of [undefined, -7, -4, -1, 0, 3, 5, 9]) {
          const got = stridedSlice(
            x,
            [begin ?? 0],
            [end ?? 0],
            [stride],
            begin === undefined ? 1 : 0,
            end === undefined ? 1 : 0,
          )
          expect(got.array(), `[${begin}:${end}:${stride}]`).toEqual(reference(begin, end, stride))
        }
  })

  it('puts new axes, whole axes and single elements where the masks say', () => {
    const x = tensor(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    )
    // x[None, 1, ..., 0:2]
    const got = stridedSlice(x, [0, 1, 0, 0], [0, 0, 0, 2], [1, 1, 1, 1], 0, 0, 4, 1, 2)
    expect(got.shape).toEqual([1, 3, 2])
    expect(Array.from(got.data())).toEqual([12, 13, 16, 17, 20, 21])
    expect(stridedSlice(x, [-1], [0], [1], 0, 0, 0, 0, 1).shape).toEqual([3, 4])
  })

  it('refuses what makes no sense', () => {
    const x = tensor(vector)
    expect(() => stridedSlice(x, [0], [1, 2], [1])).toThrow(/1, 2 and 1 entries/)
    expect(() => stridedSlice(x, [0], [1], [0])).toThrow(/a stride is 0/)
    expect(() => stridedSlice(x, [0, 0], [1, 1], [1, 1])).toThrow(/2 entries for 1 axes/)
    expect(() => stridedSlice(x, [5], [0], [1], 0, 0, 0, 0, 1)).toThrow(/index 5 of axis 0 is out of bounds/)
    expect(() => stridedSlice(x, [0, 0], [0, 0], [1, 1], 0, 0, 3)).toThrow(/two ellipses/)
  })
})
