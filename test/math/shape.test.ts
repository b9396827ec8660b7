// Taking apart and putting together, against the same done on JavaScript arrays.
import { describe, expect, it } from 'vitest'
import {
  broadcastShapes,
  diag,
  meshgrid,
  mirrorPad,
  pad,
  range,
  repeat,
  reshape,
  roll,
  split,
  tile,
  unstack,
} from '../../src/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'

const matrix = (rows: number, columns: number): Tensor => reshape(range(rows * columns), [rows, columns])

describe('split and unstack', () => {
  it('cut into equal parts, given sizes, and a rest', () => {
    expect(split(matrix(2, 6), 3, 1).map((part) => part.array())).toEqual([
      [
        [0, 1],
        [6, 7],
      ],
      [
        [2, 3],
        [8, 9],
      ],
      [
        [4, 5],
        [10, 11],
      ],
    ])
    expect(split(range(7), [2, -1, 1]).map((part) => part.array())).toEqual([[0, 1], [2, 3, 4, 5], [6]])
    expect(() => split(range(7), 2)).toThrow(/7 is not divisible into 2 equal parts/)
    expect(() => split(range(7), [2, 2])).toThrow(/do not make up the axis/)
    expect(() => split(range(7), [-1, -1])).toThrow(/do not make up the axis/)
  })

  it('unstack drops the axis', () => {
    expect(unstack(matrix(2, 3), 1).map((part) => part.array())).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ])
    expect(() => unstack(1)).toThrow(/axis 0/)
  })
})

describe('tile and repeat', () => {
  it('tile copies the whole', () => {
    for (const [a, b] of [
      [1, 1],
      [2, 3],
      [3, 1],
      [0, 2],
    ] as const) {
      const got = tile(matrix(2, 3), [a, b])
      expect(got.shape).toEqual([2 * a, 3 * b])
      expect(Array.from(got.data())).toEqual(
        Array.from({ length: 2 * a }, (_, i) =>
          Array.from({ length: 3 * b }, (_unused, j) => (i % 2) * 3 + (j % 3)),
        ).flat(),
      )
    }
    expect(() => tile(matrix(2, 3), [2])).toThrow(/1 counts for 2 axes/)
  })

  it('repeat copies each element', () => {
    expect(repeat(matrix(2, 2), 2).array()).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
    expect(repeat(matrix(2, 2), 2, 1).array()).toEqual([
      [0, 0, 1, 1],
      [2, 2, 3, 3],
    ])
    expect(repeat(matrix(2, 2), [0, 3], 0).array()).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
    ])
    expect(() => repeat(range(3), [1, 2], 0)).toThrow(/2 counts for 3 elements/)
    expect(() => repeat(range(3), -1)).toThrow(/the count is -1/)
  })
})

describe('padding', () => {
  it('pads with a value of the dtype', () => {
    const got = pad(
      matrix(1, 2),
      [
        [1, 0],
        [0, 2],
      ],
      9,
    )
    expect(got.dtype).toBe('int32')
    expect(got.array()).toEqual([
      [9, 9, 9, 9],
      [0, 1, 9, 9],
    ])
    expect(() =>
      pad(range(2), [
        [0, 0],
        [0, 0],
      ]),
    ).toThrow(/2 pairs for 1 axes/)
    expect(() => pad(range(2), [[-1, 0]])).toThrow(/an amount of padding is -1/)
    expect(() => pad(range(2), [[1, 0]], 0.5)).toThrow(/0\.5/)
  })

  it('mirrors as far as there is something to mirror', () => {
    expect(mirrorPad(range(3), [[2, 2]], 'reflect').array()).toEqual([2, 1, 0, 1, 2, 1, 0])
    expect(mirrorPad(range(3), [[3, 1]], 'symmetric').array()).toEqual([2, 1, 0, 0, 1, 2, 2])
    expect(() => mirrorPad(range(3), [[3, 0]], 'reflect')).toThrow(/use 0 to 2 in the mode 'reflect'/)
    expect(() => mirrorPad(range(3), [[0, 4]], 'symmetric')).toThrow(/use 0 to 3/)
  })
})

describe('the rest', () => {
  it('rolls by any shift', () => {
    for (const shift of [-7, -5, -1, 0, 1, 4, 5, 13]) {
      const expected = Array.from({ length: 5 }, (_, i) => (((i - shift) % 5) + 5) % 5)
      expect(roll(range(5), shift, 0).array(), `${shift}`).toEqual(expected)
    }
    expect(() => roll(range(5), [1, 2], [0])).toThrow(/do not go with/)
  })

  it('makes grids and diagonals', () => {
    const [x, y] = meshgrid([range(2), range(3)])
    expect(x?.array()).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ])
    expect(y?.array()).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    expect(() => meshgrid([matrix(2, 2)])).toThrow(/the tensor 0 is no vector/)
    expect(diag(matrix(1, 2)).shape).toEqual([1, 2, 1, 2])
    expect(Array.from(diag(matrix(1, 2)).data())).toEqual([0, 0, 0, 1])
  })

  it('broadcasts shapes', () => {
    expect(broadcastShapes([2, 1], [3])).toEqual([2, 3])
    expect(broadcastShapes([], [0, 1])).toEqual([0, 1])
    expect(() => broadcastShapes([2], [3])).toThrow(/2 and 3 differ/)
  })
})
