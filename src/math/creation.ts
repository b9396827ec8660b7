/**
 * Making tensors: from JavaScript values, filled, counted, and in the image of others.
 *
 * Filled and counted tensors are broadcasts and formulas rather than data, so inside a traced function they take no
 * memory and fold into what uses them.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { elementCount, printShape, type Size } from '../../codegen/size.ts'
import { convertToTensor, isTypedArray, requireDType, type TensorLike } from '../../tracer/convert.ts'
import { demandDType, integral, normaliseAxis } from '../../tracer/ops/arguments.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { currentTrace } from '../../tracer/trace/bind.ts'
import { type SizeLike, sizesOf } from '../../tracer/trace/content-size.ts'
import { requireCount } from './checks.ts'
import {
  add,
  broadcastTo,
  cast,
  equal,
  expandDims,
  filled,
  iota,
  less,
  mul,
  reshape,
  where,
} from '../../tracer/ops/index.ts'

/** Bytes of the longest tensor the library makes: sizes and offsets are 32-bit integers. */
const longest = 0x7fffffff

/**
 * A tensor of JavaScript values: a number, a boolean, nested arrays of them (tensors inside are stacked), or a typed
 * array, which is copied. Without a dtype numbers are float32, booleans bool, and typed arrays have their own.
 *
 * @throws ShapeError for ragged arrays or a shape of another number of elements, DTypeError for values the dtype cannot
 * hold, ValueError for anything that is no number.
 * @example tf.tensor([1, 2, 3, 4], [2, 2]) // [[1, 2], [3, 4]]
 */
export function tensor(values: TensorLike, dtype?: DType): Tensor
export function tensor(values: TensorLike, shape?: readonly number[], dtype?: DType): Tensor
export function tensor(values: TensorLike, shapeOrDType?: readonly number[] | DType, dtype?: DType): Tensor {
  const wanted = typeof shapeOrDType === 'string' ? shapeOrDType : dtype
  const made = convertToTensor(values, { op: 'tensor', dtype: wanted })
  const typed = wanted !== undefined && made.dtype !== wanted ? cast(made, wanted) : made
  const built = inGraph(typed)
  return shapeOrDType === undefined || typeof shapeOrDType === 'string' ? built : reshape(built, shapeOrDType)
}

/** A tensor of rank 0. Throws ValueError for anything but a number or boolean, DTypeError for a value the dtype cannot hold. */
export function scalar(value: number | boolean, dtype?: DType): Tensor {
  if (typeof value !== 'number' && typeof value !== 'boolean')
    throw new ValueError({
      op: 'scalar',
      problem: 'the value is neither a number nor a boolean',
      fix: 'use tensor(values).',
    })
  return inGraph(convertToTensor(value, { op: 'scalar', dtype }))
}

/** In graph mode constants are part of the graph too, so that they can be fetched and fed. */
function inGraph(constant: Tensor): Tensor {
  const trace = currentTrace()
  return trace.deferred === true ? trace.lift(constant) : constant
}

function requireShape(op: string, given: readonly SizeLike[]): readonly Size[] {
  const shape = sizesOf(op, given)
  const bad = shape.find((size) => typeof size === 'number' && (!Number.isInteger(size) || size < 0))
  const count = elementCount(shape)
  if (bad !== undefined || (typeof count === 'number' && count > longest))
    throw new ValueError({
      op,
      problem:
        bad === undefined ? `${printShape(shape)} has too many elements` : `${String(bad)} is not a size`,
      fix: 'use integers ≥ 0 whose product is below 2³¹.',
    })
  return shape
}

/** `shape` filled with one value. The dtype is the value's own (float32, bool) unless given. Throws ValueError for a bad shape. */
export function fill(shape: readonly SizeLike[], value: number | boolean | Tensor, dtype?: DType): Tensor {
  return broadcastTo(convertToTensor(value, { op: 'fill', dtype }), requireShape('fill', shape))
}

/**
 * `shape` filled with 0; float32 unless a dtype is given. A size may be an int32 scalar Variable: a traced function then
 * follows its content without being traced again. Throws ValueError for a bad shape.
 */
export function zeros(shape: readonly SizeLike[], dtype: DType = 'float32'): Tensor {
  requireDType('zeros', dtype)
  return filled(dtype, requireShape('zeros', shape), 0)
}

/** `shape` filled with 1; float32 unless a dtype is given. Throws ValueError for a bad shape. */
export function ones(shape: readonly SizeLike[], dtype: DType = 'float32'): Tensor {
  requireDType('ones', dtype)
  return filled(dtype, requireShape('ones', shape), 1)
}

/**
 * start, start + step, … up to but without stop: `range(stop)` or `range(start, stop, step)`. int32 unless a dtype is
 * given or a bound is not an integer (then float32). A step away from `stop` gives no elements.
 *
 * @throws ValueError for bounds that are not finite, a step of 0, or 2³¹ elements and more.
 * @example tf.range(3) // [0, 1, 2]
 */
export function range(stop: number): Tensor
export function range(start: number, stop: number, step?: number, dtype?: DType): Tensor
export function range(startOrStop: number, stopOrNothing?: number, step = 1, dtype?: DType): Tensor {
  const start = stopOrNothing === undefined ? 0 : startOrStop
  const stop = stopOrNothing ?? startOrStop
  const bounds: readonly (readonly [string, number])[] = [
    ['start', start],
    ['stop', stop],
    ['step', step],
  ]
  for (const [name, value] of bounds)
    if (!Number.isFinite(value))
      throw new ValueError({ op: 'range', problem: `${name} is ${value}`, fix: 'use finite numbers.' })
  if (step === 0) throw new ValueError({ op: 'range', problem: 'step is 0', fix: 'use a step other than 0.' })
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (count > longest)
    throw new ValueError({
      op: 'range',
      problem: `${count} elements are too many`,
      fix: 'use fewer than 2³¹.',
    })
  const type = dtype ?? (bounds.every(([, value]) => Number.isInteger(value)) ? 'int32' : 'float32')
  const counted = iota([count], 0, type)
  const scaled = step === 1 ? counted : mul(counted, step)
  return start === 0 ? scaled : add(scaled, start)
}

/**
 * `num` numbers evenly spaced from `start` to `stop`, both included; float32.
 *
 * @throws ValueError when `num` is not a positive integer or a bound is not finite.
 */
export function linspace(start: number, stop: number, num: number): Tensor {
  requireCount('linspace', 'num', num, 1)
  if (!Number.isFinite(start) || !Number.isFinite(stop))
    throw new ValueError({
      op: 'linspace',
      problem: `the bounds are ${start} and ${stop}`,
      fix: 'use finite numbers.',
    })
  if (num === 1) return fill([1], start)
  const i = iota([num], 0, 'int32')
  const inner = add(mul(cast(i, 'float32'), (stop - start) / (num - 1)), start)
  // The last one is `stop` itself, free of rounding.
  return where(less(i, num - 1), inner, stop)
}

/**
 * Ones on the diagonal of the last two axes, zeros elsewhere; float32 unless a dtype is given.
 *
 * @throws ValueError when a size is not an integer ≥ 0.
 * @example tf.eye(2) // [[1, 0], [0, 1]]
 */
export function eye(
  numRows: number,
  numColumns: number = numRows,
  batchShape: readonly number[] = [],
  dtype: DType = 'float32',
): Tensor {
  requireCount('eye', 'numRows', numRows)
  requireCount('eye', 'numColumns', numColumns)
  const shape = [numRows, numColumns]
  const diagonal = cast(equal(iota(shape, 0, 'int32'), iota(shape, 1, 'int32')), dtype)
  return batchShape.length === 0
    ? diagonal
    : broadcastTo(diagonal, requireShape('eye', [...batchShape, ...shape]))
}

/**
 * `onValue` where the position along a new axis of size `depth` is the index, `offValue` elsewhere. An index outside
 * 0 … depth−1 is off everywhere. The new axis is the last unless `axis` says otherwise; float32 unless a dtype is given.
 *
 * @throws ValueError when `depth` is not an integer ≥ 0, DTypeError for indices that are not integers.
 * @example tf.oneHot([1, 0], 3) // [[0, 1, 0], [1, 0, 0]]
 */
export function oneHot(
  indices: TensorLike,
  depth: number,
  onValue: number | boolean = 1,
  offValue: number | boolean = 0,
  dtype: DType = 'float32',
  axis = -1,
): Tensor {
  const at = convertToTensor(indices, { op: 'oneHot', dtype: isTypedArray(indices) ? undefined : 'int32' })
  demandDType('oneHot', at.type, integral, [at.type], ['indices'])
  requireCount('oneHot', 'depth', depth)
  const place = normaliseAxis('oneHot', axis, at.rank + 1)
  const shape = at.type.shape.map((): Size => 1)
  shape.splice(place, 0, depth)
  // Compared as int32: a depth beyond 255 is no uint8.
  const hit = equal(expandDims(cast(at, 'int32'), place), iota(shape, place, 'int32'))
  if (onValue === 1 && offValue === 0) return cast(hit, dtype)
  return where(
    hit,
    convertToTensor(onValue, { op: 'oneHot', dtype }),
    convertToTensor(offValue, { op: 'oneHot', dtype }),
  )
}
