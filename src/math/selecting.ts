/**
 * What is chosen by values: distinct elements, elements where a condition holds. How many there are depends on the
 * values, so these functions run in eager code; in a traced function mask with `tf.where`, or choose before the call.
 */
import { ShapeError } from '../../codegen/errors.ts'
import { multiplySizes, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { demandDType, logical, normaliseAxis, operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import { constant, gather, reshape, transpose } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { readElements } from './indexing.ts'

const fix = 'do it before the call and pass the result, or mask with tf.where.'

function integers(shape: readonly number[], values: readonly number[]): Tensor {
  return constant('int32', shape, values)
}

/**
 * The distinct slices of `x` (any dtype) along `axis`, in the order of their first occurrence, and for every slice of
 * `x` the int32 position among them. NaN equals nothing, −0 equals 0.
 *
 * @throws TraceError while tracing, ValueError when the axis does not exist.
 * @example
 * const { values, indices } = tf.unique([4, 1, 4, 2, 1])
 * values // [4, 1, 2]
 * indices // [0, 1, 0, 2, 1]
 */
export function unique(x: TensorLike, axis = 0): { readonly values: Tensor; readonly indices: Tensor } {
  const tensor = convertToTensor(x, { op: 'unique' })
  const along = normaliseAxis('unique', axis, tensor.rank)
  const order = [along, ...tensor.shape.map((_, i) => i).filter((i) => i !== along)]
  const moved = transpose(tensor, order)
  const data = readElements('unique', moved, 'x', fix)
  const count = moved.shape[0] ?? 0
  const width = count === 0 ? 0 : data.length / count
  const places = new Map<string, number>()
  const firsts: number[] = []
  const indices = Array.from({ length: count }, (_, i) => {
    const slice = Array.from({ length: width }, (_row, k) => data[i * width + k] ?? 0)
    const key = slice.some(Number.isNaN) ? `NaN ${i}` : slice.join(',')
    let place = places.get(key)
    if (place === undefined) {
      places.set(key, (place = firsts.length))
      firsts.push(i)
    }
    return place
  })
  return {
    values: gather(tensor, integers([firsts.length], firsts), { axis: along }),
    indices: integers([count], indices),
  }
}

/**
 * The elements of the vector `x` that are not in the vector `y`, in their order and with repeats, and their int32
 * positions in `x`.
 *
 * @throws ShapeError for other ranks, DTypeError for different dtypes, TraceError while tracing.
 * @example
 * const [values, positions] = tf.setdiff1d([1, 2, 3, 4], [2, 4])
 * values // [1, 3]
 * positions // [0, 2]
 */
export function setdiff1d(x: TensorLike, y: TensorLike): [values: Tensor, positions: Tensor] {
  const op = 'setdiff1d'
  const own = convertToTensor(x, { op })
  const other = convertToTensor(y, { op, dtype: own.dtype })
  if (own.rank !== 1 || other.rank !== 1)
    throw new ShapeError({
      op,
      problem: 'both must be vectors',
      rows: operandRows([own.type, other.type]),
      fix: 'use reshape(x, [-1]).',
    })
  const without = new Set(Array.from(readElements(op, other, 'y', fix)))
  const kept = Array.from(readElements(op, own, 'x', fix), (value, i) => (without.has(value) ? -1 : i))
  const positions = integers(
    [kept.filter((i) => i >= 0).length],
    kept.filter((i) => i >= 0),
  )
  return [gather(own, positions), positions]
}

/**
 * The coordinates of the elements of `condition` (bool) that are true, in row-major order: int32[count, rank].
 *
 * @throws DTypeError for other dtypes, TraceError while tracing.
 * @example tf.argWhere([[true, false], [false, true]]) // [[0, 0], [1, 1]]
 */
export function argWhere(condition: TensorLike): Tensor {
  const tensor = convertToTensor(condition, { op: 'argWhere' })
  demandDType('argWhere', tensor.type, logical)
  const data = readElements('argWhere', tensor, 'condition', fix)
  const coordinates: number[] = []
  let count = 0
  for (let at = 0; at < data.length; at++) {
    if ((data[at] ?? 0) === 0) continue
    count++
    const own: number[] = []
    let rest = at
    for (let d = tensor.rank - 1; d >= 0; d--) {
      const size = tensor.shape[d] ?? 1
      own.unshift(rest % size)
      rest = Math.floor(rest / size)
    }
    coordinates.push(...own)
  }
  return integers([count, tensor.rank], coordinates)
}

/**
 * The slices of `x` (any dtype) where `mask` (bool) is true: the axes of the mask, which are those of `x` from `axis` on,
 * become one. Gradients go back to where the slices came from.
 *
 * @throws ShapeError when the mask does not fit, DTypeError for a mask that is not bool, TraceError while tracing (the
 *   mask; `x` may be traced).
 * @example tf.booleanMask([[1, 2], [3, 4], [5, 6]], [true, false, true]) // [[1, 2], [5, 6]]
 */
export function booleanMask(x: TensorLike, mask: TensorLike, axis = 0): Tensor {
  const op = 'booleanMask'
  const tensor = convertToTensor(x, { op })
  const chosen = convertToTensor(mask, { op })
  demandDType(op, chosen.type, logical, [tensor.type, chosen.type], ['x', 'mask'])
  const from = normaliseAxis(op, axis, tensor.rank)
  const { shape } = tensor.type
  const fits =
    chosen.rank > 0 &&
    from + chosen.rank <= tensor.rank &&
    chosen.type.shape.every((size, d) => sizesEqual(size, sizeAt(shape, from + d)) !== false)
  if (!fits)
    throw new ShapeError({
      op,
      problem: `the mask does not have the shape of x from axis ${from} on`,
      rows: [
        ['x', printType(tensor.type)],
        ['mask', printType(chosen.type)],
      ],
      fix: 'reshape the mask, or name another axis.',
    })
  const data = Array.from(readElements(op, chosen, 'mask', fix))
  const positions = data.flatMap((value, i) => (value === 0 ? [] : [i]))
  const merged = multiplySizes(...shape.slice(from, from + chosen.rank))
  const flat = reshape(tensor, [...shape.slice(0, from), merged, ...shape.slice(from + chosen.rank)])
  return gather(flat, integers([positions.length], positions), { axis: from })
}
