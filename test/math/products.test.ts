// Matrix products against three nested loops in float64, over transposes and broadcast batches.
import { describe, expect, it } from 'vitest'
import { dot, matMul, matVec, outerProduct, tensor } from '../../src/index.ts'

function numbers(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7 + seed * 13) % 11) - 5)
}

/** a·b with batch shapes broadcast, computed element by element. */
function reference(
  a: readonly number[],
  shapeA: readonly number[],
  b: readonly number[],
  shapeB: readonly number[],
  transposeA: boolean,
  transposeB: boolean,
): { shape: number[]; data: number[] } {
  const batchRank = Math.max(shapeA.length, shapeB.length) - 2
  const batchOf = (shape: readonly number[]): number[] => [
    ...Array.from({ length: batchRank - (shape.length - 2) }, () => 1),
    ...shape.slice(0, -2),
  ]
  const [batchA, batchB] = [batchOf(shapeA), batchOf(shapeB)]
  const batch = batchA.map((size, i) => Math.max(size, batchB[i] ?? 1))
  const [a0 = 0, a1 = 0] = shapeA.slice(-2)
  const [b0 = 0, b1 = 0] = shapeB.slice(-2)
  const rows = transposeA ? a1 : a0
  const inner = transposeA ? a0 : a1
  const columns = transposeB ? b0 : b1
  const data: number[] = []
  const total = batch.reduce((x, y) => x * y, 1)
  for (let n = 0; n < total; n++) {
    const index: number[] = []
    for (let axis = batchRank - 1, rest = n; axis >= 0; axis--) {
      index[axis] = rest % (batch[axis] ?? 1)
      rest = Math.floor(rest / (batch[axis] ?? 1))
    }
    const offset = (sizes: readonly number[]): number =>
      sizes.reduce((flat, size, axis) => flat * size + (size === 1 ? 0 : (index[axis] ?? 0)), 0)
    const fromA = offset(batchA) * a0 * a1
    const fromB = offset(batchB) * b0 * b1
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let sum = 0
        for (let k = 0; k < inner; k++)
          sum +=
            (a[fromA + (transposeA ? k * a1 + i : i * a1 + k)] ?? 0) *
            (b[fromB + (transposeB ? j * b1 + k : k * b1 + j)] ?? 0)
        data.push(sum)
      }
  }
  return { shape: [...batch, rows, columns], data }
}

const batches: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[2], []],
  [[], [3]],
  [[2], [2]],
  [[1], [3]],
  [[3], [1]],
  [
    [2, 1],
    [1, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 1]],
  [
    [1, 1],
    [2, 2],
  ],
]

describe('matMul', () => {
  for (const [batchA, batchB] of batches)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        it(`batches [${batchA.join(',')}] and [${batchB.join(',')}], transposed ${transposeA} and ${transposeB}`, () => {
          const shapeA = [...batchA, ...(transposeA ? [4, 2] : [2, 4])]
          const shapeB = [...batchB, ...(transposeB ? [3, 4] : [4, 3])]
          const a = numbers(
            shapeA.reduce((x, y) => x * y, 1),
            1,
          )
          const b = numbers(
            shapeB.reduce((x, y) => x * y, 1),
            2,
          )
          const expected = reference(a, shapeA, b, shapeB, transposeA, transposeB)
          const got = matMul(tensor(a, shapeA), tensor(b, shapeB), transposeA, transposeB)
          expect(got.shape).toEqual(expected.shape)
          expect(Array.from(got.data())).toEqual(expected.data)
        })

  it('names both operands when contracted sizes differ', () => {
    const a = tensor(numbers(6, 1), [2, 3])
    const b = tensor(numbers(8, 1), [4, 2])
    expect(() => matMul(a, b)).toThrow(
      /^matMul: contracted sizes differ\n {2}a {2}f32\[2,3\] {2}axis 1 is 3\n {2}b {2}f32\[4,2\] {2}axis 0 is 4\n/,
    )
  })

  it('refuses vectors, batches that do not broadcast, and mixed dtypes', () => {
    const matrix = tensor(numbers(4, 1), [2, 2])
    expect(() => matMul(tensor([1, 2]), matrix)).toThrow(/a must have at least 2 axes/)
    expect(() => matMul(tensor(numbers(8, 1), [2, 2, 2]), tensor(numbers(12, 1), [3, 2, 2]))).toThrow(
      /batch sizes do not broadcast/,
    )
    expect(() => matMul(matrix, tensor([1, 2, 3, 4], [2, 2], 'int32'))).toThrow(/different dtypes/)
  })
})

describe('vectors', () => {
  it('dot contracts the last axis with the first', () => {
    expect(dot([1, 2, 3], [4, 5, 6]).item()).toBe(32)
    expect(dot(tensor([1, 2, 3, 4], [2, 2]), [1, 10]).array()).toEqual([21, 43])
    expect(() => dot(1, [1])).toThrow(/at least 1 axes/)
    expect(() => dot([1, 2], [1, 2, 3])).toThrow(/contracted sizes differ/)
  })

  it('matVec takes batches and a transposed matrix', () => {
    const a = tensor(numbers(12, 3), [2, 3, 2])
    const x = [2, -1]
    const rows = numbers(12, 3)
    const expected = Array.from({ length: 6 }, (_, i) => (rows[2 * i] ?? 0) * 2 - (rows[2 * i + 1] ?? 0))
    expect(Array.from(matVec(a, x).data())).toEqual(expected)
    expect(matVec(tensor([1, 2, 3, 4, 5, 6], [2, 3]), [1, 1], true).array()).toEqual([5, 7, 9])
  })

  it('outerProduct wants vectors', () => {
    expect(outerProduct([1, 2], [3, 4, 5]).array()).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ])
    expect(() => outerProduct(1, [1])).toThrow(/rank 1/)
  })
})
