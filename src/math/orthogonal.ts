/** Orthonormal vectors and the QR decomposition, one column after the other, so that gradients follow by themselves. */
import { ShapeError } from '../../codegen/errors.ts'
import { type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { operandRows } from '../../tracer/ops/arguments.ts'
import {
  broadcastTo,
  div,
  equal,
  greaterEqual,
  iota,
  less,
  mul,
  reduceSum,
  reshape,
  sliceAxis,
  sqrt,
  stack,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize, requireFloating } from './checks.ts'
import { matMul } from './products.ts'

/**
 * The vectors made orthonormal, in order, each by taking away what points in the direction of those before it: a list of
 * vectors as a list, the rows of a matrix as a matrix. Floating.
 *
 * @throws ShapeError for vectors of different sizes, other ranks, or more vectors than they have elements.
 * @example tf.linalg.gramSchmidt([[3, 0], [1, 2]]) // [[1, 0], [0, 1]]
 */
export function gramSchmidt(vectors: readonly Tensor[]): Tensor[]
export function gramSchmidt(vectors: TensorLike): Tensor
export function gramSchmidt(vectors: TensorLike | readonly Tensor[]): Tensor | Tensor[] {
  const op = 'linalg.gramSchmidt'
  const isList =
    Array.isArray(vectors) && vectors.every((each) => typeof each === 'object' && 'dtype' in each)
  const matrix = isList ? stack(vectors as readonly Tensor[]) : requireFloating(op, vectors as TensorLike)
  const count = matrix.rank === 2 ? knownSize(op, matrix.type, 0) : -1
  const length = matrix.rank === 2 ? knownSize(op, matrix.type, 1) : -1
  if (count < 1 || count > length)
    throw new ShapeError({
      op,
      problem: 'the vectors must be rows of a matrix, no more than they have elements',
      rows: operandRows([matrix.type], ['vectors']),
      fix: 'pass [count, length] with count ≤ length.',
    })
  const done: Tensor[] = []
  for (let i = 0; i < count; i++) {
    let vector = reshape(sliceAxis(matrix, 0, i, 1), [length])
    for (const other of done) vector = sub(vector, mul(other, reduceSum(mul(other, vector), [0])))
    done.push(div(vector, sqrt(reduceSum(mul(vector, vector), [0]))))
  }
  return isList ? done : stack(done)
}

/**
 * The factors of matrices [..., m, n] = q·r: q with orthonormal columns, r upper triangular, by Householder's
 * reflections; [..., m, min] and [..., min, n] with min the smaller of m and n, or with `fullMatrices` [..., m, m] and
 * [..., m, n]. Floating; the sizes of the matrices must be known.
 *
 * @throws ShapeError when there are fewer than two axes, DTypeError for integers.
 * @example
 * const [q, r] = tf.linalg.qr([[0, -2], [3, 1]])
 * tf.matMul(q, r).round() // [[0, -2], [3, 1]]
 */
export function qr(x: TensorLike, fullMatrices = false): [q: Tensor, r: Tensor] {
  const op = 'linalg.qr'
  const tensor = requireFloating(op, convertToTensor(x, { op }))
  if (tensor.rank < 2)
    throw new ShapeError({
      op,
      problem: 'a matrix is needed: at least two axes',
      rows: [['x', printType(tensor.type)]],
      fix: 'use expandDims or reshape.',
    })
  const [rows, columns] = [tensor.rank - 2, tensor.rank - 1].map((axis) =>
    knownSize(op, tensor.type, axis),
  ) as [number, number]
  const leading: readonly Size[] = tensor.type.shape.slice(0, -2)
  const row = iota([rows, 1], 0, 'int32')
  const unit = where(equal(iota([rows, rows], 0), iota([rows, rows], 1)), 1, 0).cast(tensor.dtype)
  let r = tensor
  let q = broadcastTo(unit, [...leading, rows, rows])
  const axis = tensor.rank - 2
  for (let k = 0; k < Math.min(rows - 1, columns); k++) {
    const column = where(greaterEqual(row, k), sliceAxis(r, axis + 1, k, 1), 0)
    const norm = sqrt(reduceSum(mul(column, column), [axis])).reshape([...leading, 1, 1])
    const head = sliceAxis(column, axis, k, 1)
    // The reflection takes the column to ∓norm in row k; the sign is the one that cancels nothing.
    const target = where(less(head, 0), norm, mul(norm, -1))
    const v = where(equal(row, k), sub(head, target), column)
    const square = reduceSum(mul(v, v), [axis]).reshape([...leading, 1, 1])
    const scaled = where(equal(square, 0), 0, div(mul(v, 2), where(equal(square, 0), 1, square)))
    r = sub(r, matMul(scaled, matMul(v, r, true)))
    q = sub(q, matMul(matMul(q, v), scaled, false, true))
  }
  const upper = where(less(iota([rows, columns], 1), iota([rows, columns], 0)), 0, r)
  if (fullMatrices || rows <= columns) return [q, upper]
  return [sliceAxis(q, axis + 1, 0, columns), sliceAxis(upper, axis, 0, columns)]
}
