// Loops that store along one axis and load along another: worked through in blocks, and right for every shape.
import { describe, expect, test } from 'vitest'
import type { DType } from '../../../codegen/dtype.ts'
import { ExprPool } from '../../../codegen/expr.ts'
import { vectorizeLoops } from '../../../codegen/passes/vectorize.ts'
import { schedule } from '../../../codegen/schedule.ts'
import { parseKernel } from '../../../codegen/text/parse.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import * as tf from '../../../src/index.ts'

function transposeKernel(rows: number, columns: number): string {
  const pool = new ExprPool()
  const [i, j] = [pool.axis('i', rows), pool.axis('j', columns)]
  const [x, y] = [pool.buffer('x', 'float32', rows * columns), pool.buffer('y', 'float32', rows * columns)]
  const [a, b] = [pool.index(i), pool.index(j)]
  const value = pool.load(x, pool.offset([b, a], [columns, rows]))
  const root = { buffer: y, axes: [i, j], index: pool.offset([a, b], [rows, columns]), value }
  const kernel = vectorizeLoops(pool, schedule(pool, 'turn', [root]))
  const text = printKernel(kernel)
  expect(printKernel(parseKernel(text).kernel)).toBe(text)
  return text
}

describe('blocks', () => {
  test('four by four: four loads, two rounds of interleaving, four stores', () => {
    const text = transposeKernel(4, 4)
    expect(text.match(/load4/g)?.length).toBe(4)
    expect(text.match(/interleave/g)?.length).toBe(8)
    expect(text.match(/store4/g)?.length).toBe(4)
    expect(text).not.toMatch(/\bload x|\bstore y/)
  })

  test('whole lines of a large result are written at once', () => {
    const text = transposeKernel(128, 256)
    expect(text).toContain('for j in 0..256 step 16 {\n    for i in 0..128 step 4 {')
    expect(text.match(/store4/g)?.length).toBe(16)
  })

  test('few columns are gone through within a block of rows', () => {
    expect(transposeKernel(4096, 12)).toContain('for i in 0..4096 step 4 {\n    for j<12> in 0..8 step 8 {')
  })

  test('edges are loops over elements, and fewer rows than lanes are no blocks', () => {
    expect(transposeKernel(6, 6).match(/\bstore y/g)?.length).toBe(2)
    expect(transposeKernel(3, 64)).not.toContain('interleave')
  })
})

const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool']
const shapes: readonly (readonly number[])[] = [
  [4, 4],
  [16, 16],
  [7, 21],
  [33, 70],
  [100, 10],
  [3, 50],
  [5, 17, 6],
  [2, 16, 9, 8],
  [0, 8],
]

/** Every permutation of 0 … n−1 but the identity. */
function permutations(n: number): readonly (readonly number[])[] {
  const all = (rest: readonly number[]): readonly (readonly number[])[] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((head) => all(rest.filter((d) => d !== head)).map((tail) => [head, ...tail]))
  return all(Array.from({ length: n }, (_, d) => d)).slice(1)
}

/** Elements of the transpose, one at a time. */
function turned(data: readonly number[], shape: readonly number[], permutation: readonly number[]): number[] {
  const strides = shape.map((_, d) => shape.slice(d + 1).reduce((x, y) => x * y, 1))
  const result: number[] = []
  const visit = (depth: number, at: number): void => {
    const d = permutation[depth]
    if (d === undefined) result.push(data[at] ?? NaN)
    else for (let i = 0; i < (shape[d] ?? 0); i++) visit(depth + 1, at + i * (strides[d] ?? 0))
  }
  visit(0, 0)
  return result
}

describe('values', () => {
  for (const dtype of dtypes)
    test(`${dtype}, known and unknown sizes`, () => {
      for (const shape of shapes)
        for (const permutation of permutations(shape.length)) {
          const count = shape.reduce((x, y) => x * y, 1)
          const data = Array.from({ length: count }, (_, i) =>
            dtype === 'bool' ? ((i * 7) % 3) % 2 : (i * 37) % 251,
          )
          const x = tf
            .tensor(data, 'int32')
            .cast(dtype)
            .reshape([...shape])
          const expected = turned(data, shape, permutation)
          const body = (t: tf.Tensor): tf.Tensor => t.transpose([...permutation])
          const known = tf.function(body, { onRetrace: 'off' })
          const open = tf.function(body, {
            inputSignature: [
              tf.spec(
                shape.map(() => null),
                dtype,
              ),
            ],
          })
          expect([...known(x).cast('int32').data()]).toEqual(expected)
          expect([...open(x).cast('int32').data()]).toEqual(expected)
        }
    })

  test('with arithmetic on both sides, broadcasts, indices and a mask', () => {
    const [rows, columns] = [37, 22]
    const x = tf
      .range(0, rows * columns)
      .cast('float32')
      .reshape([rows, columns])
    const y = tf
      .range(0, rows * columns)
      .cast('float32')
      .mul(0.5)
      .reshape([columns, rows])
    const row = tf.range(0, rows).cast('float32')
    const column = tf.range(0, columns).cast('float32').reshape([columns, 1])
    const f = tf.function((p: tf.Tensor, q: tf.Tensor, r: tf.Tensor, c: tf.Tensor) => {
      const sum = p.mul(2).transpose().add(q).mul(r).sub(c)
      return [tf.where(q.greater(60), sum, p.transpose()), sum.add(p.transpose())]
    })
    const [chosen, second] = f(x, y, row, column)
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < rows; j++) {
        const [p, q] = [j * columns + i, (i * rows + j) * 0.5]
        const sum = (2 * p + q) * j - i
        expect(chosen?.data()[i * rows + j]).toBe(q > 60 ? sum : p)
        expect(second?.data()[i * rows + j]).toBe(sum + p)
      }
  })
})
