/**
 * Gather and scatter in the forms users know: along an axis, by coordinates, and by segment.
 *
 * The primitive ops index one axis. Coordinates of several axes are flattened into one index first; a coordinate out of
 * range turns into −1, which the primitive refuses like any other index out of range.
 */
import { InternalError, ShapeError, TraceError, ValueError } from '../../codegen/errors.ts'
import { elementCount, multiplySizes, type Size, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType, type Shape } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import {
  add,
  filled,
  gather as gatherAlong,
  greaterEqual,
  less,
  logicalAnd,
  mul,
  onesLike,
  reshape,
  scatterAdd,
  scatterUpdate,
  sizeOf,
  sliceAxis,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize, requireCount, requireInteger } from './checks.ts'

/**
 * The slices of `x` (any dtype) at `indices` (int32) along `axis`: the axis is replaced by the axes of `indices`. With
 * `batchDims` the first axes of both go together. An embedding lookup is axis 0, the default. Gradients of indices that
 * occur more than once add up.
 *
 * @throws CheckError for an index out of range, ShapeError when batch axes differ, ValueError for a missing axis,
 * DTypeError for indices that are not integers.
 * @example tf.gather([10, 20, 30], [2, 0]) // [30, 10]
 */
export function gather(x: TensorLike, indices: TensorLike, axis?: number, batchDims = 0): Tensor {
  return gatherAlong(x, indices, axis === undefined ? { batchDims } : { axis, batchDims })
}

/** A size as a number or, when it is not known yet, as a tensor. */
function sizeOrTensor(x: Tensor, axis: number): number | Tensor {
  const size = sizeAt(x.type.shape, axis)
  return typeof size === 'number' ? size : sizeOf(x, axis)
}

/** The number of coordinates in the last axis of `indices`, checked against the axes of `shape` they index. */
function depthOf(op: string, indices: Tensor, shape: Shape, batchDims: number): number {
  if (indices.rank < 1 + batchDims)
    throw new ShapeError({
      op,
      problem: 'indices need a last axis that holds the coordinates',
      rows: [['indices', printType(indices.type)]],
      fix: 'use expandDims(indices, -1).',
    })
  const depth = knownSize(op, indices.type, indices.rank - 1)
  if (depth < 1 || depth > shape.length - batchDims)
    throw new ShapeError({
      op,
      problem: `${depth} coordinates for ${shape.length - batchDims} axes`,
      rows: [['indices', printType(indices.type)]],
      fix: 'the last axis of indices may be as long as there are axes to index.',
    })
  return depth
}

/** One index for each row of coordinates, which index the axes of `x` from `first` on. */
function flatIndices(x: Tensor, indices: Tensor, first: number, depth: number): Tensor {
  const last = indices.rank - 1
  const shape = indices.type.shape.slice(0, last)
  const coordinate = (i: number): Tensor => reshape(sliceAxis(indices, last, i, 1), shape)
  if (depth === 1) return coordinate(0)
  let flat: Tensor | undefined
  let inside: Tensor | undefined
  for (let i = 0; i < depth; i++) {
    const at = coordinate(i)
    const size = sizeOrTensor(x, first + i)
    const fits = logicalAnd(greaterEqual(at, 0), less(at, size))
    flat = flat === undefined ? at : add(mul(flat, size), at)
    inside = inside === undefined ? fits : logicalAnd(inside, fits)
  }
  if (flat === undefined || inside === undefined) throw new InternalError('there are no coordinates')
  return where(inside, flat, -1)
}

/** `shape` with the axes that coordinates index merged into one. */
function mergedShape(shape: Shape, first: number, depth: number): readonly Size[] {
  return [
    ...shape.slice(0, first),
    multiplySizes(...shape.slice(first, first + depth)),
    ...shape.slice(first + depth),
  ]
}

/**
 * The slices of `x` (any dtype) at coordinates: the last axis of `indices` (int32) holds coordinates of the first axes
 * of `x` (after `batchDims` shared ones), the result has the other axes of `indices` followed by those not indexed.
 *
 * @throws CheckError for coordinates out of range, ShapeError for more coordinates than axes, DTypeError for indices
 * that are not int32.
 * @example tf.gatherND([[1, 2], [3, 4]], [[0, 1], [1, 0]]) // [2, 3]
 */
export function gatherND(x: TensorLike, indices: TensorLike, batchDims = 0): Tensor {
  const tensor = convertToTensor(x, { op: 'gatherND' })
  const at = requireInteger('gatherND', indices, 'indices')
  requireCount('gatherND', 'batchDims', batchDims)
  const depth = depthOf('gatherND', at, tensor.type.shape, batchDims)
  const flat = flatIndices(tensor, at, batchDims, depth)
  return gatherAlong(reshape(tensor, mergedShape(tensor.type.shape, batchDims, depth)), flat, {
    axis: batchDims,
    batchDims,
  })
}

/** Applies a scatter along the merged first axes of `x`. */
function scatterInto(
  op: string,
  x: Tensor,
  indices: TensorLike,
  updates: TensorLike,
  scatter: typeof scatterAdd,
): Tensor {
  const at = requireInteger(op, indices, 'indices')
  const depth = depthOf(op, at, x.type.shape, 0)
  const values = convertToTensor(updates, { op, dtype: x.dtype })
  const expected = [...at.type.shape.slice(0, -1), ...x.type.shape.slice(depth)]
  if (
    values.rank !== expected.length ||
    values.type.shape.some((size, i) => sizesEqual(size, expected[i] ?? -1) === false)
  )
    throw new ShapeError({
      op,
      problem: 'the updates do not fit the indices',
      rows: [
        ['x', printType(x.type)],
        ['indices', printType(at.type)],
        ['updates', printType(values.type), `expected ${printType({ dtype: x.dtype, shape: expected })}`],
      ],
      fix: 'give one update per row of indices.',
    })
  const flat = flatIndices(x, at, 0, depth)
  return reshape(scatter(reshape(x, mergedShape(x.type.shape, 0, depth)), flat, values), x.type.shape)
}

/**
 * Zeros of `shape` with `updates` added at the coordinates in the last axis of `indices` (int32); repeated ones add up.
 * Numeric, in the dtype of the updates.
 *
 * @throws CheckError for coordinates out of range, ShapeError when the shapes do not fit, DTypeError for bool.
 * @example tf.scatterND([[1], [1]], [5, 6], [3]) // [0, 11, 0]
 */
export function scatterND(indices: TensorLike, updates: TensorLike, shape: readonly Size[]): Tensor {
  const values = convertToTensor(updates, { op: 'scatterND' })
  return scatterInto('scatterND', filled(values.dtype, shape, 0), indices, values, scatterAdd)
}

/**
 * `x` with `updates` in the place of its slices at the coordinates in the last axis of `indices` (int32). Where
 * coordinates repeat, the last update wins. Any dtype.
 *
 * @throws CheckError for coordinates out of range, ShapeError when the shapes do not fit, DTypeError when dtypes differ.
 */
export function tensorScatterUpdate(x: TensorLike, indices: TensorLike, updates: TensorLike): Tensor {
  return scatterInto(
    'tensorScatterUpdate',
    convertToTensor(x, { op: 'tensorScatterUpdate' }),
    indices,
    updates,
    scatterUpdate,
  )
}

/**
 * `x` with `updates` added to its slices at the coordinates in the last axis of `indices` (int32); repeated ones add
 * up. Numeric.
 *
 * @throws CheckError for coordinates out of range, ShapeError when the shapes do not fit, DTypeError when dtypes differ.
 */
export function tensorScatterAdd(x: TensorLike, indices: TensorLike, updates: TensorLike): Tensor {
  return scatterInto(
    'tensorScatterAdd',
    convertToTensor(x, { op: 'tensorScatterAdd' }),
    indices,
    updates,
    scatterAdd,
  )
}

/**
 * Sums of the slices of `x` whose segment number is 0, 1, … numSegments − 1; other numbers are dropped, segments
 * without slices are 0. The axes of `segmentIds` (int32) are the first of `x`. Numeric.
 *
 * @throws ShapeError when the axes do not match, ValueError for a bad count, DTypeError for ids that are not int32.
 * @example tf.unsortedSegmentSum([1, 2, 3], [1, 0, 1], 2) // [2, 4]
 */
export function unsortedSegmentSum(x: TensorLike, segmentIds: TensorLike, numSegments: number): Tensor {
  const op = 'unsortedSegmentSum'
  const tensor = convertToTensor(x, { op })
  const ids = requireInteger(op, segmentIds, 'segmentIds')
  requireCount(op, 'numSegments', numSegments)
  const { shape } = tensor.type
  if (
    ids.rank > tensor.rank ||
    ids.type.shape.some((size, i) => sizesEqual(size, sizeAt(shape, i)) === false)
  )
    throw new ShapeError({
      op,
      problem: 'the axes of segmentIds are not the first of x',
      rows: [
        ['x', printType(tensor.type)],
        ['segmentIds', printType(ids.type)],
      ],
      fix: 'give one id per slice.',
    })
  const count = elementCount(ids.type.shape)
  const rest = shape.slice(ids.rank)
  return scatterAdd(
    filled(tensor.dtype, [numSegments, ...rest], 0),
    reshape(ids, [count]),
    reshape(tensor, [count, ...rest]),
    {
      axis: 0,
      outside: 'drop',
    },
  )
}

/** The elements of a tensor whose values decide a shape. Throws TraceError while tracing. */
export function readElements(op: string, x: Tensor, name: string, fix: string): ArrayLike<number> {
  if (x.payload.kind === 'symbolic')
    throw new TraceError({
      op,
      problem: `the shape of the result depends on the values of ${name}, which are not known while tracing`,
      rows: [[name, printType(x.type)]],
      fix,
    })
  return x.elements(op)
}

/**
 * Sums of the slices of `x` with equal segment numbers, which ascend from the first slice to the last; there are as many
 * results as the last number says, plus one. Numeric. The size of the result depends on values: while a function is
 * traced use unsortedSegmentSum.
 *
 * @throws ValueError when the ids do not ascend, TraceError while tracing, ShapeError when the axes do not match.
 * @example tf.segmentSum([1, 2, 3], [0, 0, 2]) // [3, 0, 3]
 */
export function segmentSum(x: TensorLike, segmentIds: TensorLike): Tensor {
  const ids = requireInteger('segmentSum', segmentIds, 'segmentIds')
  if (ids.rank !== 1)
    throw new ShapeError({
      op: 'segmentSum',
      problem: 'segmentIds must be a vector',
      rows: [['segmentIds', printType(ids.type)]],
      fix: 'use unsortedSegmentSum.',
    })
  const values = Array.from(
    readElements('segmentSum', ids, 'segmentIds', 'use unsortedSegmentSum(x, segmentIds, numSegments).'),
  )
  const wrong = values.findIndex((id, i) => id < (values[i - 1] ?? 0))
  if (wrong >= 0)
    throw new ValueError({
      op: 'segmentSum',
      problem: `segmentIds[${wrong}] = ${values[wrong]} is less than ${values[wrong - 1] ?? 0}`,
      fix: 'sort them, or use unsortedSegmentSum.',
    })
  return unsortedSegmentSum(x, ids, (values.at(-1) ?? -1) + 1)
}

/**
 * How often each of 0, 1, 2 … occurs in `x` (int32), or the sums of their weights. The result is as long as the largest
 * value says, but at least `minLength` and at most `maxLength`; larger values are not counted then. int32, or the dtype
 * of the weights. While a function is traced `minLength` and `maxLength` must be given and equal.
 *
 * @throws ValueError for negative values, TraceError while tracing, ShapeError when the weights have another shape.
 * @example tf.bincount([0, 1, 1, 3]) // [1, 2, 0, 1]
 */
export function bincount(
  x: TensorLike,
  weights: TensorLike | null = null,
  minLength = 0,
  maxLength?: number,
): Tensor {
  const values = requireInteger('bincount', x, 'x')
  requireCount('bincount', 'minLength', minLength)
  if (maxLength !== undefined) requireCount('bincount', 'maxLength', maxLength)
  let length = minLength
  if (maxLength === undefined || maxLength > minLength) {
    const elements = readElements('bincount', values, 'x', 'give minLength and maxLength the same value.')
    for (const value of Array.from(elements)) {
      if (value < 0)
        throw new ValueError({ op: 'bincount', problem: `${value} is negative`, fix: 'count values from 0.' })
      length = Math.max(length, Math.min(value + 1, maxLength ?? Infinity))
    }
  }
  const given = weights === null ? onesLike(values) : convertToTensor(weights, { op: 'bincount' })
  return unsortedSegmentSum(given, values, length)
}
