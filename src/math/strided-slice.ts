/**
 * Slicing as Python spells it, `x[1:6:2, ..., None, -1]`, with its masks as bits of integers: bit i speaks of the i-th
 * entry of begin, end and strides.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { type Size, subtractSizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import { reshape, sliceWithStrides } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize } from './checks.ts'

interface Range {
  readonly start: Size
  readonly size: Size
  readonly stride: number
}

/** The elements a begin, end and stride select of an axis; undefined stands for a masked bound. */
function rangeOf(
  x: Tensor,
  axis: number,
  begin: number | undefined,
  end: number | undefined,
  stride: number,
): Range {
  const whole = sizeAt(x.type.shape, axis)
  if (stride === 1 && end === undefined && (begin ?? 0) >= 0 && typeof whole !== 'number')
    return { start: begin ?? 0, size: subtractSizes(whole, begin ?? 0), stride }
  const size = knownSize('stridedSlice', x.type, axis)
  const [lowest, highest] = stride > 0 ? [0, size] : [-1, size - 1]
  const bound = (value: number | undefined, masked: number): number =>
    value === undefined ? masked : Math.min(Math.max(value < 0 ? value + size : value, lowest), highest)
  const first = bound(begin, stride > 0 ? 0 : size - 1)
  const last = bound(end, stride > 0 ? size : -1)
  const count = Math.max(0, Math.ceil((last - first) / stride))
  return { start: count === 0 ? 0 : first, size: count, stride }
}

/** The one element that a shrunk entry selects. */
function elementOf(x: Tensor, axis: number, index: number): Range {
  const size = sizeAt(x.type.shape, axis)
  const start = index < 0 ? knownSize('stridedSlice', x.type, axis) + index : index
  if (start < 0 || (typeof size === 'number' && start >= size))
    throw new ShapeError({
      op: 'stridedSlice',
      problem: `index ${index} of axis ${axis} is out of bounds`,
      rows: [['x', printType(x.type)]],
      fix: 'use an index inside the axis.',
    })
  return { start, size: 1, stride: 1 }
}

/**
 * The elements of `x` from `begin` to before `end` in steps of `strides`, per axis; negative bounds count from the end,
 * bounds beyond the ends are clamped, negative strides go backwards. Axes that are not mentioned are taken whole.
 *
 * The masks select entries by bits: `beginMask` and `endMask` ignore a bound, `ellipsisMask` stands for as many whole
 * axes as are missing, `newAxisMask` puts in an axis of size 1, and `shrinkAxisMask` takes the single element at `begin`
 * and drops the axis. Any dtype.
 *
 * @throws ValueError for lists of different length, a stride of 0, or two ellipses; ShapeError for too many entries or a
 * shrunk index out of bounds.
 * @example tf.stridedSlice([0, 1, 2, 3, 4], [-1], [0], [-2]) // [4, 2]
 */
export function stridedSlice(
  x: TensorLike,
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[] = begin.map(() => 1),
  beginMask = 0,
  endMask = 0,
  ellipsisMask = 0,
  newAxisMask = 0,
  shrinkAxisMask = 0,
): Tensor {
  const tensor = convertToTensor(x, { op: 'stridedSlice' })
  const { shape } = tensor.type
  if (begin.length !== end.length || begin.length !== strides.length)
    throw new ValueError({
      op: 'stridedSlice',
      problem: `begin, end and strides have ${begin.length}, ${end.length} and ${strides.length} entries`,
      fix: 'give lists of one length.',
    })
  const has = (mask: number, i: number): boolean => (mask & (1 << i)) !== 0
  const ellipses = begin.filter((_, i) => has(ellipsisMask, i)).length
  if (ellipses > 1 || strides.includes(0))
    throw new ValueError({
      op: 'stridedSlice',
      problem: ellipses > 1 ? 'there are two ellipses' : 'a stride is 0',
      fix: ellipses > 1 ? 'use one.' : 'use a positive or negative stride.',
    })
  const consumed = begin.filter((_, i) => !has(ellipsisMask, i) && !has(newAxisMask, i)).length
  if (consumed > tensor.rank)
    throw new ShapeError({
      op: 'stridedSlice',
      problem: `${consumed} entries for ${tensor.rank} axes`,
      rows: [['x', printType(tensor.type)]],
      fix: 'give at most one entry per axis.',
    })
  const ranges: Range[] = []
  const result: Size[] = []
  const takeWhole = (): void => {
    const size = sizeAt(shape, ranges.length)
    ranges.push({ start: 0, size, stride: 1 })
    result.push(size)
  }
  begin.forEach((from, i) => {
    if (has(ellipsisMask, i)) {
      for (let missing = tensor.rank - consumed; missing > 0; missing--) takeWhole()
    } else if (has(newAxisMask, i)) result.push(1)
    else if (has(shrinkAxisMask, i)) ranges.push(elementOf(tensor, ranges.length, from))
    else {
      const range = rangeOf(
        tensor,
        ranges.length,
        has(beginMask, i) ? undefined : from,
        has(endMask, i) ? undefined : end[i],
        strides[i] ?? 1,
      )
      ranges.push(range)
      result.push(range.size)
    }
  })
  while (ranges.length < tensor.rank) takeWhole()
  const taken = sliceWithStrides(tensor, {
    starts: ranges.map((range) => range.start),
    sizes: ranges.map((range) => range.size),
    strides: ranges.map((range) => range.stride),
  })
  return reshape(taken, result)
}
