/**
 * Taking tensors apart and putting them together: split, tile, mirror padding, roll, grids, diagonals.
 *
 * All of it is composed of slices, concatenations, broadcasts and reshapes, whose gradients are each other.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { elementCount, multiplySizes, printShape, printSize, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import {
  broadcastAlong,
  concat,
  equal,
  gather,
  iota,
  padWith,
  reshape,
  reverse,
  sliceAxis,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize, requireCount } from './checks.ts'

/**
 * The slices of `x` along `axis`, each without it.
 *
 * @throws ValueError for a scalar or a bad axis, ShapeError when the size is not known while tracing.
 */
export function unstack(x: TensorLike, axis = 0): Tensor[] {
  const tensor = convertToTensor(x, { op: 'unstack' })
  const along = normaliseAxis('unstack', axis, tensor.rank)
  const rest = tensor.type.shape.filter((_, i) => i !== along)
  return Array.from({ length: knownSize('unstack', tensor.type, along) }, (_, i) =>
    reshape(sliceAxis(tensor, along, i, 1), rest),
  )
}

/**
 * `x` cut along `axis` into that many equal parts, or into parts of the given sizes (one may be −1: the rest).
 *
 * @throws ShapeError when the parts do not make up the axis, ValueError for a bad axis or count.
 */
export function split(x: TensorLike, numOrSizeSplits: number | readonly number[], axis = 0): Tensor[] {
  const tensor = convertToTensor(x, { op: 'split' })
  const along = normaliseAxis('split', axis, tensor.rank)
  const size = knownSize('split', tensor.type, along)
  const rows = [['x', printType(tensor.type), `axis ${along} is ${size}`]]
  let sizes: readonly number[]
  if (typeof numOrSizeSplits === 'number') {
    const parts = requireCount('split', 'the number of parts', numOrSizeSplits, 1)
    if (size % parts !== 0)
      throw new ShapeError({
        op: 'split',
        problem: `${size} is not divisible into ${parts} equal parts`,
        rows,
        fix: 'give a list of sizes.',
      })
    sizes = Array.from({ length: parts }, () => size / parts)
  } else {
    const given = numOrSizeSplits.filter((part) => part !== -1)
    const rest = size - given.reduce((a, b) => a + b, 0)
    sizes = numOrSizeSplits.map((part) => (part === -1 ? rest : part))
    if (
      numOrSizeSplits.length - given.length > 1 ||
      sizes.some((part) => !Number.isInteger(part) || part < 0) ||
      sizes.reduce((a, b) => a + b, 0) !== size
    )
      throw new ShapeError({
        op: 'split',
        problem: `the sizes [${numOrSizeSplits.join(', ')}] do not make up the axis`,
        rows,
        fix: 'the sizes must add up to the axis; one may be -1.',
      })
  }
  let at = 0
  return sizes.map((part) => {
    const piece = sliceAxis(tensor, along, at, part)
    at += part
    return piece
  })
}

/**
 * `x` repeated `reps[i]` times along axis i, as a whole.
 *
 * @throws ValueError when there is not one count ≥ 0 per axis.
 * @example tf.tile([1, 2], [2]) // [1, 2, 1, 2]
 */
export function tile(x: TensorLike, reps: readonly number[]): Tensor {
  const tensor = convertToTensor(x, { op: 'tile' })
  const { shape } = tensor.type
  if (reps.length !== tensor.rank)
    throw new ValueError({
      op: 'tile',
      problem: `${reps.length} counts for ${tensor.rank} axes`,
      rows: [
        ['x', printType(tensor.type)],
        ['reps', `[${reps.join(', ')}]`],
      ],
      fix: 'give one count per axis.',
    })
  for (const count of reps) requireCount('tile', 'a count', count)
  // A new axis before each repeated one holds the copies; merging the two gives the result.
  const wide: Size[] = []
  const axes: number[] = []
  shape.forEach((size, i) => {
    if (reps[i] !== 1) wide.push(reps[i] ?? 1)
    axes.push(wide.length)
    wide.push(size)
  })
  return reshape(
    broadcastAlong(tensor, wide, axes),
    shape.map((size, i) => multiplySizes(size, reps[i] ?? 1)),
  )
}

/**
 * Each element of `x` repeated in place along `axis`: `repeats` times, or `repeats[i]` times the i-th. Without an axis
 * `x` is flattened first.
 *
 * @throws ValueError for a negative or missing count.
 * @example tf.repeat([1, 2], 2) // [1, 1, 2, 2]
 */
export function repeat(x: TensorLike, repeats: number | readonly number[], axis?: number): Tensor {
  const given = convertToTensor(x, { op: 'repeat' })
  const tensor = axis === undefined ? reshape(given, [-1]) : given
  const along = normaliseAxis('repeat', axis ?? 0, tensor.rank)
  const { shape } = tensor.type
  if (typeof repeats === 'number') {
    requireCount('repeat', 'the count', repeats)
    const wide = shape.flatMap((size, i) => (i === along ? [size, repeats] : [size]))
    const copies = broadcastAlong(
      tensor,
      wide,
      shape.map((_, i) => (i > along ? i + 1 : i)),
    )
    return reshape(
      copies,
      shape.map((size, i) => (i === along ? multiplySizes(size, repeats) : size)),
    )
  }
  const size = knownSize('repeat', tensor.type, along)
  if (repeats.length !== size)
    throw new ValueError({
      op: 'repeat',
      problem: `${repeats.length} counts for ${size} elements`,
      rows: [['x', printType(tensor.type)]],
      fix: 'give one count per element of the axis.',
    })
  const positions = repeats.flatMap((count, i) =>
    Array.from({ length: requireCount('repeat', 'a count', count) }, () => i),
  )
  return gather(tensor, Int32Array.from(positions), { axis: along })
}

/**
 * `x` with elements of one value around it: `paddings[i]` is how many go before and after axis i. Any dtype.
 *
 * @throws ValueError when an amount is negative or there is not one pair per axis.
 * @example tf.pad([1, 2], [[1, 0]]) // [0, 1, 2]
 */
export function pad(
  x: TensorLike,
  paddings: readonly (readonly [number, number])[],
  constantValue: number | boolean = 0,
): Tensor {
  const tensor = convertToTensor(x, { op: 'pad' })
  const odd = paddings.find((pair) => pair.length !== 2)
  if (paddings.length !== tensor.rank || odd !== undefined)
    throw new ValueError({
      op: 'pad',
      problem:
        odd === undefined
          ? `${paddings.length} pairs for ${tensor.rank} axes`
          : `[${odd.join(',')}] is not a pair of amounts`,
      rows: [['x', printType(tensor.type)]],
      fix: 'give one pair per axis.',
    })
  for (const amount of paddings.flat()) requireCount('pad', 'an amount of padding', amount)
  const value = convertToTensor(constantValue, { op: 'pad', dtype: tensor.dtype })
  const low = paddings.map(([before]) => before)
  const high = paddings.map(([, after]) => after)
  return padWith(tensor, { low, high, interior: low.map(() => 0) }, value)
}

/** How mirror padding treats the edge: `reflect` leaves it out of the mirror image, `symmetric` repeats it. */
export type MirrorMode = 'reflect' | 'symmetric'

/**
 * `x` continued by its mirror image: `paddings[i]` is how many elements go before and after axis i.
 *
 * @throws ValueError when a padding is negative or longer than the mirror image, or there is not one pair per axis.
 * @example tf.mirrorPad([1, 2, 3], [[2, 0]], 'reflect') // [3, 2, 1, 2, 3]
 */
export function mirrorPad(
  x: TensorLike,
  paddings: readonly (readonly [number, number])[],
  mode: MirrorMode,
): Tensor {
  const tensor = convertToTensor(x, { op: 'mirrorPad' })
  if (mode !== 'reflect' && mode !== 'symmetric')
    throw new ValueError({
      op: 'mirrorPad',
      problem: `"${String(mode)}" is no mode`,
      fix: `use 'reflect' or 'symmetric'.`,
    })
  if (paddings.length !== tensor.rank)
    throw new ValueError({
      op: 'mirrorPad',
      problem: `${paddings.length} pairs for ${tensor.rank} axes`,
      rows: [['x', printType(tensor.type)]],
      fix: 'give one pair per axis.',
    })
  const skip = mode === 'reflect' ? 1 : 0
  return paddings.reduce((inner: Tensor, [before, after], axis): Tensor => {
    if (before === 0 && after === 0) return inner
    const size = knownSize('mirrorPad', tensor.type, axis)
    for (const amount of [before, after])
      if (!Number.isInteger(amount) || amount < 0 || amount > size - skip)
        throw new ValueError({
          op: 'mirrorPad',
          problem: `${amount} elements of padding for axis ${axis}`,
          rows: [['x', printType(tensor.type), `axis ${axis} is ${size}`]],
          fix: `use 0 to ${size - skip} in the mode '${mode}'.`,
        })
    const parts = [inner]
    if (before > 0) parts.unshift(reverse(sliceAxis(inner, axis, skip, before), axis))
    if (after > 0) parts.push(reverse(sliceAxis(inner, axis, size - after - skip, after), axis))
    return concat(parts, axis)
  }, tensor)
}

/**
 * `x` with its elements moved `shift` places along an axis, those pushed over the end coming in at the front. Lists of
 * shifts and axes apply one after another.
 *
 * @throws ValueError when the lists differ in length or an axis does not exist.
 * @example tf.roll([1, 2, 3], 1, 0) // [3, 1, 2]
 */
export function roll(
  x: TensorLike,
  shift: number | readonly number[],
  axis: number | readonly number[],
): Tensor {
  const tensor = convertToTensor(x, { op: 'roll' })
  const shifts = typeof shift === 'number' ? [shift] : shift
  const axes = typeof axis === 'number' ? [axis] : axis
  if (shifts.length !== axes.length || shifts.some((entry) => !Number.isInteger(entry)))
    throw new ValueError({
      op: 'roll',
      problem: `the shifts [${shifts.join(', ')}] do not go with the axes [${axes.join(', ')}]`,
      fix: 'give one integer per axis.',
    })
  return axes.reduce((rolled: Tensor, entry, i): Tensor => {
    const along = normaliseAxis('roll', entry, tensor.rank)
    const size = knownSize('roll', tensor.type, along)
    const places = size === 0 ? 0 : (((shifts[i] ?? 0) % size) + size) % size
    if (places === 0) return rolled
    return concat(
      [sliceAxis(rolled, along, size - places, places), sliceAxis(rolled, along, 0, size - places)],
      along,
    )
  }, tensor)
}

/**
 * Coordinate grids of vectors: result i holds the i-th vector along axis i, repeated along the others. With `'xy'` (the
 * default) the first two axes are swapped, as for x and y of a picture; `'ij'` keeps them.
 *
 * @throws ShapeError for tensors of rank above 1, ValueError for another indexing.
 */
export function meshgrid(tensors: readonly TensorLike[], indexing: 'xy' | 'ij' = 'xy'): Tensor[] {
  if (indexing !== 'xy' && indexing !== 'ij')
    throw new ValueError({
      op: 'meshgrid',
      problem: `"${String(indexing)}" is no indexing`,
      fix: `use 'xy' or 'ij'.`,
    })
  const list = tensors.map((entry) => convertToTensor(entry, { op: 'meshgrid' }))
  for (const [i, entry] of list.entries())
    if (entry.rank > 1)
      throw new ShapeError({
        op: 'meshgrid',
        problem: `the tensor ${i} is no vector`,
        rows: [[`[${i}]`, printType(entry.type)]],
        fix: 'reshape it to [-1].',
      })
  const place = (i: number): number => (indexing === 'xy' && list.length > 1 && i < 2 ? 1 - i : i)
  const shape: Size[] = list.map(() => 1)
  list.forEach((entry, i) => (shape[place(i)] = elementCount(entry.type.shape)))
  return list.map((entry, i) => broadcastAlong(reshape(entry, [-1]), shape, [place(i)]))
}

/**
 * `x` on the diagonal of a tensor with its axes twice, zeros elsewhere: a vector of n becomes an n×n matrix. Any dtype.
 *
 * @example tf.diag([1, 2]) // [[1, 0], [0, 2]]
 */
export function diag(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'diag' })
  const { shape } = tensor.type
  const count = elementCount(shape)
  const square: readonly Size[] = [count, count]
  const flat = broadcastAlong(reshape(tensor, [count]), square, [0])
  const zero = convertToTensor(0, { dtype: tensor.dtype })
  return reshape(where(equal(iota(square, 0), iota(square, 1)), flat, zero), [...shape, ...shape])
}

/**
 * The common shape of two, counted from the last axis, sizes equal or 1.
 *
 * @throws ShapeError when they do not broadcast.
 * @example tf.broadcastShapes([2, 1], [3]) // [2, 3]
 */
export function broadcastShapes(x: readonly number[], y: readonly number[]): readonly number[] {
  const rank = Math.max(x.length, y.length)
  return Array.from({ length: rank }, (_, axis) => {
    const a = x[axis - rank + x.length] ?? 1
    const b = y[axis - rank + y.length] ?? 1
    if (a !== b && a !== 1 && b !== 1)
      throw new ShapeError({
        op: 'broadcastShapes',
        problem: 'the shapes do not broadcast',
        rows: [
          ['x', printShape(x)],
          ['y', printShape(y), `${printSize(a)} and ${printSize(b)} differ`],
        ],
        fix: 'sizes must be equal or 1, counted from the last axis.',
      })
    return a === 1 ? b : a
  })
}
