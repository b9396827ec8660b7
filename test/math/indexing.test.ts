// Coordinates, segments and counts: what the goldens leave to the library, above all what is out of range.
import { describe, expect, it } from 'vitest'
import {
  at,
  bincount,
  gather,
  gatherND,
  scatterND,
  segmentSum,
  tensor,
  tensorScatterUpdate,
  unsortedSegmentSum,
} from '../../src/index.ts'

const matrix = tensor([1, 2, 3, 4, 5, 6], [2, 3])

describe('gather', () => {
  it('refuses an index out of range and names its place', () => {
    expect(() => gather([1, 2, 3], [0, 7]).data()).toThrow(/indices\[1\] = 7 is not in \[0, 3\)/)
    expect(() => gather([1, 2, 3], [-1]).data()).toThrow(/indices\[0\] = -1 is not in \[0, 3\)/)
  })

  it('takes rows by number, from the end when negative', () => {
    expect(at(matrix, 1).array()).toEqual([4, 5, 6])
    expect(at(matrix, -2).array()).toEqual([1, 2, 3])
    expect(() => at(matrix, 2)).toThrow(/index 2 of axis 0 is out of bounds/)
    expect(() => at(matrix, -3)).toThrow(/out of bounds/)
    expect(() => at(matrix, 0.5)).toThrow(/0\.5 is not an index/)
  })
})

describe('coordinates', () => {
  it('refuses each coordinate out of range, also one that would land inside', () => {
    expect(gatherND(matrix, tensor([1, 2], [1, 2], 'int32')).array()).toEqual([6])
    // Row 0, column 3 would be row 1, column 0.
    expect(() => gatherND(matrix, tensor([0, 3], [1, 2], 'int32')).data()).toThrow(/not in/)
    expect(() => gatherND(matrix, tensor([2, 0], [1, 2], 'int32')).data()).toThrow(/not in/)
    expect(() => gatherND(matrix, tensor([-1, 0], [1, 2], 'int32')).data()).toThrow(/not in/)
    expect(() => scatterND(tensor([3], [1, 1], 'int32'), [1], [3]).data()).toThrow(
      /indices\[0\] = 3 is not in \[0, 3\)/,
    )
  })

  it('gathers with shared first axes', () => {
    const got = gatherND(matrix, tensor([2, 0], [2, 1], 'int32'), 1)
    expect(got.array()).toEqual([3, 4])
  })

  it('refuses shapes that do not fit', () => {
    expect(() => gatherND(matrix, tensor([0, 0, 0], [1, 3], 'int32'))).toThrow(/3 coordinates for 2 axes/)
    expect(() => gatherND(matrix, tensor([0.5]))).toThrow(/float32 operands/)
    expect(() => tensorScatterUpdate(matrix, tensor([0], [1, 1], 'int32'), [1])).toThrow(
      /the updates do not fit the indices/,
    )
  })
})

describe('segments', () => {
  it('drop what is out of range', () => {
    expect(unsortedSegmentSum([1, 2, 4, 8], tensor([0, -1, 5, 0], 'int32'), 2).array()).toEqual([9, 0])
    expect(() => unsortedSegmentSum([1, 2], tensor([0], 'int32'), 1)).toThrow(/axes of segmentIds/)
  })

  it('must ascend', () => {
    expect(() => segmentSum([1, 2], tensor([1, 0], 'int32'))).toThrow(/segmentIds\[1\] = 0 is less than 1/)
    expect(() => segmentSum([1], tensor([-1], 'int32'))).toThrow(/less than 0/)
    expect(segmentSum(tensor([], [0]), tensor([], [0], 'int32')).shape).toEqual([0])
  })

  it('bincount respects both bounds of the length', () => {
    const x = tensor([0, 5, 1], 'int32')
    expect(bincount(x, null, 0, 3).array()).toEqual([1, 1, 0])
    expect(bincount(x, null, 8).array()).toEqual([1, 1, 0, 0, 0, 1, 0, 0])
    expect(bincount(x, null, 2, 2).array()).toEqual([1, 1])
    expect(() => bincount(tensor([-1], 'int32'))).toThrow(/-1 is negative/)
  })
})
