/**
 * Sorting and searching. Everything that sorts gathers by `argsort`, so gradients go back to where elements came from,
 * and elements that are equal keep their order. NaN comes last in both directions.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { multiplySizes, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { demandDType, normaliseAxis, numeric, operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import {
  argsort,
  axisLast,
  cast,
  expandDims,
  gather,
  greater,
  invertPermutation,
  less,
  lessEqual,
  logicalAnd,
  reduceAnd,
  reduceSum,
  reshape,
  sliceAxis,
  transpose,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { isFinite } from './arithmetic.ts'
import { requireCount, requireInteger } from './checks.ts'

/** The elements of each row of `x` (rank 2) at the positions of the same row. */
function takeInRows(x: Tensor, positions: Tensor): Tensor {
  return gather(x, positions, { axis: 1, batchDims: 1 })
}

/**
 * The elements of `x` (any dtype) along `axis` in ascending or descending order, in the shape of `x`; NaN comes last.
 *
 * @throws ValueError when the axis does not exist.
 * @example tf.sort([3, 1, 2]) // [1, 2, 3]
 */
export function sort(x: TensorLike, axis = -1, descending = false): Tensor {
  const tensor = convertToTensor(x, { op: 'sort' })
  const order = axisLast(tensor.rank, normaliseAxis('sort', axis, tensor.rank))
  const moved = transpose(tensor, order)
  const shape = moved.type.shape
  const rows = reshape(moved, [multiplySizes(...shape.slice(0, -1)), sizeAt(shape, shape.length - 1)])
  const sorted = takeInRows(rows, argsort(rows, 1, descending))
  return transpose(reshape(sorted, shape), invertPermutation(order))
}

/**
 * The `k` largest elements along the last axis of `x` (numeric), the largest first, and their int32 positions; of equal
 * elements the first one comes first. They are always sorted; `sorted` is there for callers of other libraries.
 *
 * @throws ShapeError for a scalar, ValueError when k is no integer from 0 to the size of the axis.
 * @example
 * const { values, indices } = tf.topk([1, 5, 3], 2)
 * values // [5, 3]
 * indices // [1, 2]
 */
export function topk(
  x: TensorLike,
  k = 1,
  sorted = true,
): { readonly values: Tensor; readonly indices: Tensor } {
  void sorted
  const tensor = convertToTensor(x, { op: 'topk' })
  demandDType('topk', tensor.type, numeric)
  if (tensor.rank === 0)
    throw new ShapeError({
      op: 'topk',
      problem: 'a scalar has no last axis',
      rows: [['x', printType(tensor.type)]],
      fix: 'pass rank 1 or more.',
    })
  requireCount('topk', 'k', k)
  const { shape } = tensor.type
  const size = sizeAt(shape, shape.length - 1)
  if (typeof size === 'number' && k > size)
    throw new ValueError({
      op: 'topk',
      problem: `k is ${k}, and there are ${size} elements`,
      rows: [['x', printType(tensor.type)]],
      fix: `use at most ${size}.`,
    })
  const rows = reshape(tensor, [multiplySizes(...shape.slice(0, -1)), size])
  const positions = sliceAxis(argsort(rows, 1, true), 1, 0, k)
  const found = [...shape.slice(0, -1), k]
  return { values: reshape(takeInRows(rows, positions), found), indices: reshape(positions, found) }
}

/**
 * Whether the target class is among the `k` largest predictions: predictions are [batch, classes], targets int32[batch];
 * bool[batch]. Classes tied with the k-th count as among them; with a prediction that is not
 * finite none does, as in TensorFlow.
 *
 * @throws ShapeError when the shapes do not fit, CheckError for a target that is no class, ValueError for a bad k.
 * @example tf.inTopK([[0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], [1, 0], 1) // [true, false]
 */
export function inTopK(predictions: TensorLike, targets: TensorLike, k = 1): Tensor {
  const scores = convertToTensor(predictions, { op: 'inTopK' })
  const classes = requireInteger('inTopK', targets, 'targets')
  requireCount('inTopK', 'k', k, 1)
  const fits =
    scores.rank === 2 &&
    classes.rank === 1 &&
    sizesEqual(sizeAt(scores.type.shape, 0), sizeAt(classes.type.shape, 0)) !== false
  if (!fits)
    throw new ShapeError({
      op: 'inTopK',
      problem: 'predictions are [batch, classes] and targets [batch]',
      rows: operandRows([scores.type, classes.type], ['predictions', 'targets']),
      fix: 'reshape them.',
    })
  const own = takeInRows(scores, expandDims(classes, 1))
  const better = reduceSum(cast(greater(scores, own), 'int32'), [1])
  return logicalAnd(less(better, k), reduceAnd(isFinite(scores), [1]))
}

/**
 * Where each of `values` would be put into `sorted`, whose last axis ascends, to keep it so: before equal elements
 * (`'left'`) or behind them (`'right'`). Both have the same leading axes; int32 in the shape of `values`.
 *
 * @throws ShapeError when the leading axes differ, DTypeError when the dtypes do.
 * @example tf.searchSorted([1, 3, 3, 5], [3, 4]) // [1, 3]
 */
export function searchSorted(
  sorted: TensorLike,
  values: TensorLike,
  side: 'left' | 'right' = 'left',
): Tensor {
  const sequence = convertToTensor(sorted, { op: 'searchSorted' })
  const wanted = convertToTensor(values, { op: 'searchSorted', dtype: sequence.dtype })
  const last = sequence.rank - 1
  const fits =
    sequence.rank > 0 &&
    wanted.rank === sequence.rank &&
    sequence.type.shape.every(
      (size, d) => d === last || sizesEqual(size, sizeAt(wanted.type.shape, d)) !== false,
    )
  if (!fits)
    throw new ShapeError({
      op: 'searchSorted',
      problem: 'all axes but the last must agree',
      rows: operandRows([sequence.type, wanted.type], ['sorted', 'values']),
      fix: 'reshape or broadcast one of them.',
    })
  const [all, each] = [expandDims(sequence, last), expandDims(wanted, last + 1)]
  const isBefore = side === 'left' ? less(all, each) : lessEqual(all, each)
  return reduceSum(cast(isBefore, 'int32'), [last + 1])
}

/** `searchSorted` on the left. */
export function lowerBound(sorted: TensorLike, values: TensorLike): Tensor {
  return searchSorted(sorted, values, 'left')
}

/** `searchSorted` on the right. */
export function upperBound(sorted: TensorLike, values: TensorLike): Tensor {
  return searchSorted(sorted, values, 'right')
}
