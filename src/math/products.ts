/**
 * Products of matrices and vectors, in terms of the general `dot`, which pairs axes of its operands. Transposed operands
 * and broadcast batch axes are a matter of which axes are paired: nothing is transposed or repeated in memory.
 */
import { InternalError, ShapeError } from '../../codegen/errors.ts'
import { printSize, type Size, sizesEqual } from '../../codegen/size.ts'
import { convertTogether, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import { dot as pairedDot } from '../../tracer/ops/dot.ts'
import { expandDims, mul, reshape, transpose } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'

function operands(op: string, a: TensorLike, b: TensorLike, nameOfB = 'b'): readonly [Tensor, Tensor] {
  const [x, y] = convertTogether(op, [
    ['a', a],
    [nameOfB, b],
  ])
  if (x === undefined || y === undefined) throw new InternalError(`${op} takes two operands`)
  return [x, y]
}

/** Complains in the name of `op` when two paired sizes can never be equal. */
function requirePair(
  op: string,
  problem: string,
  a: Tensor,
  axisA: number,
  b: Tensor,
  axisB: number,
  fix: string,
  nameOfB = 'b',
): void {
  const x = sizeAt(a.type.shape, axisA)
  const y = sizeAt(b.type.shape, axisB)
  if (sizesEqual(x, y) !== false) return
  throw new ShapeError({
    op,
    problem,
    rows: [
      ['a', printType(a.type), `axis ${axisA} is ${printSize(x)}`],
      [nameOfB, printType(b.type), `axis ${axisB} is ${printSize(y)}`],
    ],
    fix,
  })
}

function requireRank(
  op: string,
  tensors: readonly (readonly [name: string, tensor: Tensor, least: number, most: number])[],
  fix: string,
): void {
  if (tensors.every(([, tensor, least, most]) => tensor.rank >= least && tensor.rank <= most)) return
  throw new ShapeError({
    op,
    problem: tensors
      .map(
        ([name, , least, most]) =>
          `${name} must have ${least === most ? `rank ${least}` : `at least ${least} axes`}`,
      )
      .join(' and '),
    rows: tensors.map(([name, tensor]) => [name, printType(tensor.type), `rank ${tensor.rank}`]),
    fix,
  })
}

/** Where the axes of an operand go: one place in the result per batch axis it really has. */
interface BatchedOperand {
  /** Without batch axes of size 1 that the other operand repeats. */
  readonly tensor: Tensor
  /** For each kept batch axis, its place among the batch axes of the result. */
  readonly places: readonly number[]
}

/** Drops the batch axes of size 1 where the other operand has another size. */
function dropRepeated(x: Tensor, other: Tensor, batchRank: number): BatchedOperand {
  const own = x.rank - 2
  const places: number[] = []
  const shape: Size[] = []
  for (let axis = 0; axis < own; axis++) {
    const place = axis + batchRank - own
    const size = sizeAt(x.type.shape, axis)
    const theirs = other.type.shape[place - batchRank + other.rank - 2]
    const repeated = size === 1 && place - batchRank + other.rank - 2 >= 0 && theirs !== 1
    if (repeated) continue
    places.push(place)
    shape.push(size)
  }
  return { tensor: places.length === own ? x : reshape(x, [...shape, ...x.type.shape.slice(-2)]), places }
}

/**
 * The matrix product over the last two axes: a[…, i, k] · b[…, k, j] summed over k. The axes before them are batches and
 * broadcast. `transposeA` and `transposeB` swap the last two axes of an operand first. Numeric dtypes, the same for
 * both; integers wrap.
 *
 * @throws ShapeError when an operand is no matrix, the contracted sizes differ or the batches do not broadcast;
 * DTypeError for different dtypes or bool.
 * @example tf.matMul([[1, 2]], [[3], [4]]) // [[11]]
 */
export function matMul(a: TensorLike, b: TensorLike, transposeA = false, transposeB = false): Tensor {
  const [left, right] = operands('matMul', a, b)
  requireRank(
    'matMul',
    [
      ['a', left, 2, Infinity],
      ['b', right, 2, Infinity],
    ],
    'use matVec or dot for vectors, or expandDims.',
  )
  const fix = 'transpose b, or contract another axis.'
  requirePair(
    'matMul',
    'contracted sizes differ',
    left,
    left.rank - (transposeA ? 2 : 1),
    right,
    right.rank - (transposeB ? 1 : 2),
    fix,
  )
  const batchRank = Math.max(left.rank, right.rank) - 2
  for (let back = 3; back <= Math.min(left.rank, right.rank); back++) {
    const [x, y] = [sizeAt(left.type.shape, left.rank - back), sizeAt(right.type.shape, right.rank - back)]
    if (x !== 1 && y !== 1)
      requirePair(
        'matMul',
        'batch sizes do not broadcast',
        left,
        left.rank - back,
        right,
        right.rank - back,
        'batch sizes must be equal or 1.',
      )
  }
  const x = dropRepeated(left, right, batchRank)
  const y = dropRepeated(right, left, batchRank)
  const shared = x.places.filter((place) => y.places.includes(place))
  const product = pairedDot(x.tensor, y.tensor, {
    contractA: [x.tensor.rank - (transposeA ? 2 : 1)],
    contractB: [y.tensor.rank - (transposeB ? 1 : 2)],
    batchA: shared.map((place) => x.places.indexOf(place)),
    batchB: shared.map((place) => y.places.indexOf(place)),
  })
  // The product's axes: shared batches, a's own batches and row, b's own batches and column.
  const order = [
    ...shared,
    ...x.places.filter((place) => !shared.includes(place)),
    batchRank,
    ...y.places.filter((place) => !shared.includes(place)),
    batchRank + 1,
  ]
  return transpose(
    product,
    Array.from(order, (_, place) => order.indexOf(place)),
  )
}

/**
 * The last axis of a times the first of b, summed: the inner product of vectors, matrix times vector, matrix times
 * matrix. Numeric dtypes, the same for both.
 *
 * @throws ShapeError for scalars or when the two sizes differ; DTypeError for different dtypes or bool.
 * @example tf.dot([1, 2], [3, 4]) // 11
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands('dot', a, b)
  requireRank(
    'dot',
    [
      ['a', x, 1, Infinity],
      ['b', y, 1, Infinity],
    ],
    'use mul for scalars.',
  )
  requirePair(
    'dot',
    'contracted sizes differ',
    x,
    x.rank - 1,
    y,
    0,
    'the last axis of a must match the first of b.',
  )
  return pairedDot(x, y, { contractA: [x.rank - 1], contractB: [0], batchA: [], batchB: [] })
}

/**
 * The matrix of all products a[i]·b[j] of two vectors. Numeric dtypes, the same for both.
 *
 * @throws ShapeError for anything but vectors; DTypeError for different dtypes or bool.
 */
export function outerProduct(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = operands('outerProduct', a, b)
  requireRank(
    'outerProduct',
    [
      ['a', x, 1, 1],
      ['b', y, 1, 1],
    ],
    'reshape them to [-1].',
  )
  return mul(expandDims(x, 1), expandDims(y, 0))
}

/**
 * Matrices times vectors: a[…, i, k] · x[…, k] summed over k, batches broadcasting. Numeric dtypes, the same for both.
 *
 * @throws ShapeError when a is no matrix or x no vector, or the sizes differ; DTypeError for different dtypes or bool.
 */
export function matVec(a: TensorLike, x: TensorLike, transposeA = false): Tensor {
  const [matrix, vector] = operands('matVec', a, x, 'x')
  requireRank(
    'matVec',
    [
      ['a', matrix, 2, Infinity],
      ['x', vector, 1, Infinity],
    ],
    'use matMul for two matrices, dot for two vectors.',
  )
  requirePair(
    'matVec',
    'contracted sizes differ',
    matrix,
    matrix.rank - (transposeA ? 2 : 1),
    vector,
    vector.rank - 1,
    'the vector needs one element per column.',
    'x',
  )
  const product = matMul(matrix, expandDims(vector, -1), transposeA)
  return reshape(product, product.type.shape.slice(0, -1))
}
