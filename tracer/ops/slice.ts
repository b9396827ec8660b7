/**
 * Slices and padding, each other's transposes.
 *
 * A slice takes, along every axis, `sizes` elements from `starts` at distance `strides` (which may be negative). Padding
 * puts `low` and `high` elements around an operand and `interior` ones between its neighbours; negative `low` or `high`
 * cut elements off. Starts and sizes that are not known yet are compared with the operand when the program runs.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import type { Expr } from '../../codegen/expr.ts'
import { addSizes, multiplySizes, printShape, type Size, subtractSizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, normaliseAxis, onlyGradient, operandRows, readerAt, sizeAt } from './arguments.ts'
import { sub } from './arithmetic.ts'
import { broadcastAlong, reduceSum, zerosLike } from './broadcast.ts'
import { scalarTensor } from './create.ts'
import { clampIndex, insideRange } from './lowering.ts'
import { reshape, reverse } from './movement.ts'
import { lastIndex } from './sizes.ts'

/** Per axis: first element, number of elements, distance between them. */
export type SliceAttrs = {
  readonly starts: readonly Size[]
  readonly sizes: readonly Size[]
  readonly strides: readonly number[]
}

/** Index of the last element taken along an axis. */
function lastTaken(attrs: SliceAttrs, axis: number): Size {
  return addSizes(
    at(attrs.starts, axis),
    multiplySizes(at(attrs.strides, axis), lastIndex(at(attrs.sizes, axis))),
  )
}

/** Why a slice does not fit an axis of known size; undefined when it does, or when that is not known. */
function sliceFault(attrs: SliceAttrs, axis: number, size: Size): string | undefined {
  const start = at(attrs.starts, axis)
  const count = at(attrs.sizes, axis)
  if (count === 0) return undefined
  if (typeof count === 'number' && count < 0) return `size ${count} along axis ${axis} is negative`
  const last = lastTaken(attrs, axis)
  for (const index of [start, last])
    if (typeof index === 'number' && (index < 0 || (typeof size === 'number' && index >= size)))
      return `index ${index} of axis ${axis} is out of bounds: the axis has size ${String(size)}`
  return undefined
}

const sliceOp: OpDefinition<SliceAttrs> = defineOp<SliceAttrs>({
  name: 'slice',
  cost: 0,
  sizeAttributes: ['starts', 'sizes'],
  type: (operands, attrs) => {
    const x = at(operands, 0)
    const lengths = [attrs.starts, attrs.sizes, attrs.strides].map((list) => list.length)
    const fault = lengths.some((length) => length !== x.shape.length)
      ? `${lengths.join(', ')} starts, sizes and strides were given for ${x.shape.length} axes`
      : x.shape.map((size, axis) => sliceFault(attrs, axis, size)).find((text) => text !== undefined)
    if (fault !== undefined || attrs.strides.includes(0))
      throw new ShapeError({
        op: 'slice',
        problem: fault ?? 'a stride is 0',
        rows: [
          ...operandRows(operands),
          ['starts', printShape(attrs.starts)],
          ['sizes', printShape(attrs.sizes)],
        ],
        fix: 'slice inside the tensor.',
      })
    return [{ dtype: x.dtype, shape: attrs.sizes }]
  },
  gradient: ({ attrs, operands, gradients }) => {
    const x = at(operands, 0)
    if (attrs.sizes.includes(0)) return [zerosLike(x)]
    const backwards = attrs.strides.flatMap((stride, axis) => (stride < 0 ? [axis] : []))
    const low = attrs.starts.map((start, axis) =>
      at(attrs.strides, axis) > 0 ? start : lastTaken(attrs, axis),
    )
    const high = x.type.shape.map((size, axis) =>
      subtractSizes(
        lastIndex(size),
        at(attrs.strides, axis) > 0 ? lastTaken(attrs, axis) : at(attrs.starts, axis),
      ),
    )
    const interior = attrs.strides.map((stride) => Math.abs(stride) - 1)
    return [padWith(reverse(onlyGradient(gradients), backwards), { low, high, interior }, 0)]
  },
  check: {
    // What the type rule could not decide, because a size has no number yet: an axis is named by the code.
    code: ({ e, attrs, operands }) => {
      const { shape } = readerAt(operands, 0).type
      let code = e.const('int32', 0)
      shape.forEach((size, axis) => {
        const count = at(attrs.sizes, axis)
        if (count === 0) return
        const nonEmpty = e.compare('gt', e.size(count), e.const('int32', 0))
        for (const index of [at(attrs.starts, axis), lastTaken(attrs, axis)]) {
          if (typeof index === 'number' && typeof size === 'number') continue
          if (subtractSizes(lastIndex(size), index) === 0) continue
          const inside = insideRange(e, e.size(index), size)
          code = e.select(e.binary('and', nonEmpty, e.unary('not', inside)), e.const('int32', axis + 1), code)
        }
      })
      return code
    },
    message: (attrs, operands, code) => ({
      problem: `the slice reaches out of axis ${code - 1}`,
      rows: [
        ...operandRows(operands),
        ['starts', printShape(attrs.starts)],
        ['sizes', printShape(attrs.sizes)],
      ],
      fix: 'slice inside the tensor.',
    }),
  },
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) =>
      readerAt(operands, 0).read(
        index.map((i, axis) =>
          e.linear([{ atom: i, coefficient: at(attrs.strides, axis) }], at(attrs.starts, axis)),
        ),
      ),
  },
})

/** A slice given in full; a slice of everything is `x` itself. */
export function sliceWithStrides(x: Tensor, attrs: SliceAttrs): Tensor {
  const whole = attrs.sizes.every(
    (size, axis) =>
      attrs.starts[axis] === 0 &&
      attrs.strides[axis] === 1 &&
      subtractSizes(size, sizeAt(x.type.shape, axis)) === 0,
  )
  return whole && attrs.sizes.length === x.rank ? x : bindOne(sliceOp, [x], attrs)
}

/**
 * The part of `x` that starts at `begin` and has `size`: one number per axis, or fewer (a number is the first axis), the
 * remaining axes being taken whole. A negative begin counts from the end; a size of −1 reaches to the end. Any dtype.
 *
 * @throws ShapeError when the part is not inside `x`; ValueError when there are more numbers than axes.
 * @example tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, 2]) // [[2, 3], [5, 6]]
 */
export function slice(
  x: TensorLike,
  begin: number | readonly Size[],
  size: number | readonly Size[] = -1,
): Tensor {
  const tensor = convertToTensor(x, { op: 'slice' })
  const { starts, sizes } = placeOfSlice(tensor.type, begin, size)
  return sliceWithStrides(tensor, { starts, sizes, strides: starts.map(() => 1) })
}

/** Where the part is that `slice` takes: starts and sizes, one per axis. Throws like it. */
export function placeOfSlice(
  type: TensorType,
  begin: number | readonly Size[],
  size: number | readonly Size[],
): { readonly starts: readonly Size[]; readonly sizes: readonly Size[] } {
  const rank = type.shape.length
  const begins = typeof begin === 'number' ? [begin] : begin
  const wanted = typeof size === 'number' ? [size] : size
  if (begins.length > rank || (wanted.length > rank && rank > 0))
    throw new ValueError({
      op: 'slice',
      problem: `${Math.max(begins.length, wanted.length)} numbers were given for ${rank} axes`,
      rows: operandRows([type]),
    })
  const starts = type.shape.map((whole, axis) => {
    const start = begins[axis] ?? 0
    return typeof start === 'number' && start < 0 ? addSizes(whole, start) : start
  })
  const sizes = type.shape.map((whole, axis) => {
    const count = wanted[axis] ?? -1
    return count === -1 ? subtractSizes(whole, at(starts, axis)) : count
  })
  return { starts, sizes }
}

/** Part of one axis: `size` elements from `start`, the other axes whole. */
export function sliceAxis(x: Tensor, axis: number, start: Size, size: Size, stride = 1): Tensor {
  const { shape } = x.type
  return sliceWithStrides(x, {
    starts: shape.map((_, i) => (i === axis ? start : 0)),
    sizes: shape.map((whole, i) => (i === axis ? size : whole)),
    strides: shape.map((_, i) => (i === axis ? stride : 1)),
  })
}

/**
 * Element `index` of `x` along `axis`, without that axis. A negative index counts from the end. Any dtype.
 *
 * @throws ShapeError when the index is out of bounds; ValueError when `x` has no such axis.
 * @example tf.at([[1, 2], [3, 4]], -1) // [3, 4]
 */
export function elementAt(x: TensorLike, index: number, axis = 0): Tensor {
  const tensor = convertToTensor(x, { op: 'at' })
  const from = normaliseAxis('at', axis, tensor.rank)
  const start = placeOfElement(tensor.type, index, from)
  return reshape(
    sliceAxis(tensor, from, start, 1),
    tensor.type.shape.filter((_, i) => i !== from),
  )
}

/** The start along `axis` of element `index`. Throws like `elementAt`. */
export function placeOfElement(type: TensorType, index: number, axis: number): Size {
  const size = sizeAt(type.shape, axis)
  if (!Number.isInteger(index))
    throw new ValueError({ op: 'at', problem: `${index} is not an index`, fix: 'use an integer.' })
  const start = index < 0 ? addSizes(size, index) : index
  if (typeof start === 'number' && (start < 0 || (typeof size === 'number' && start >= size)))
    throw new ShapeError({
      op: 'at',
      problem: `index ${index} of axis ${axis} is out of bounds: the axis has size ${String(size)}`,
      rows: operandRows([type]),
      fix: 'use an index inside the tensor; negative ones count from the end.',
    })
  return start
}

/** Per axis: elements before, after, and between neighbours. */
export type PadAttrs = {
  readonly low: readonly Size[]
  readonly high: readonly Size[]
  readonly interior: readonly number[]
}

/** The length of an axis after padding. */
function paddedSize(size: Size, low: Size, high: Size, interior: number): Size {
  const spread =
    interior === 0 ? size : size === 0 ? 0 : addSizes(multiplySizes(size, interior + 1), -interior)
  return addSizes(low, spread, high)
}

const padOp: OpDefinition<PadAttrs> = defineOp<PadAttrs>({
  name: 'pad',
  cost: 1,
  sizeAttributes: ['low', 'high'],
  type: (operands, { low, high, interior }) => {
    const x = at(operands, 0)
    const value = at(operands, 1)
    const shape =
      low.length === x.shape.length && high.length === low.length && interior.length === low.length
        ? x.shape.map((size, axis) => paddedSize(size, at(low, axis), at(high, axis), at(interior, axis)))
        : [-1]
    if (
      value.shape.length !== 0 ||
      value.dtype !== x.dtype ||
      shape.some((size) => typeof size === 'number' && size < 0)
    )
      throw new ShapeError({
        op: 'pad',
        problem: 'the padding does not fit the operand',
        rows: [
          ...operandRows(operands, ['x', 'value']),
          ['before', printShape(low)],
          ['after', printShape(high)],
        ],
        fix: 'give two numbers per axis, and a scalar value of the dtype of x.',
      })
    return [{ dtype: x.dtype, shape }]
  },
  gradient: ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const inner = unpad(g, attrs, at(operands, 0).type.shape)
    const all = (tensor: Tensor): Tensor =>
      reduceSum(
        tensor,
        tensor.type.shape.map((_, axis) => axis),
      )
    return [needed[0] === true ? inner : null, needed[1] === true ? sub(all(g), all(inner)) : null]
  },
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0)
      const value = readerAt(operands, 1).read([])
      if (x.type.shape.includes(0)) return value
      const conditions: Expr[] = []
      const inner = index.map((i, axis) => {
        const size = sizeAt(x.type.shape, axis)
        const low = at(attrs.low, axis)
        const step = at(attrs.interior, axis) + 1
        if (low === 0 && attrs.high[axis] === 0 && step === 1) return i
        const shifted = e.indexAdd(i, multiplySizes(-1, low))
        if (step === 1) {
          conditions.push(insideRange(e, shifted, size))
          return clampIndex(e, shifted, size)
        }
        const zero = e.const('int32', 0)
        const counted = e.binary('max', shifted, zero)
        const quotient = e.binary('idiv', counted, e.const('int32', step))
        conditions.push(
          e.binary(
            'and',
            e.binary('and', e.compare('ge', shifted, zero), e.compare('lt', quotient, e.size(size))),
            e.compare('eq', e.binary('rem', counted, e.const('int32', step)), zero),
          ),
        )
        return clampIndex(e, quotient, size)
      })
      return conditions.reduce((result, inside) => e.select(inside, result, value), x.read(inner))
    },
  },
})

/** The transpose of padding: the elements of `padded` that came from the operand, 0 for those that were cut off. */
function unpad(padded: Tensor, { low, high, interior }: PadAttrs, shape: Shape): Tensor {
  if (interior.every((gap) => gap === 0) && !isPositive(low, high))
    return padWith(padded, { low: low.map(negated), high: high.map(negated), interior }, 0)
  const restored = padWith(
    padded,
    { low: low.map(cutOff), high: high.map(cutOff), interior: low.map(() => 0) },
    0,
  )
  return sliceWithStrides(restored, {
    starts: low.map((size) => (typeof size === 'number' ? Math.max(size, 0) : size)),
    sizes: shape,
    strides: interior.map((gap) => gap + 1),
  })
}

function negated(size: Size): Size {
  return multiplySizes(-1, size)
}

/** How many elements a negative amount of padding takes away; amounts without a number yet are not negative. */
function cutOff(size: Size): Size {
  return typeof size === 'number' ? Math.max(0, -size) : 0
}

function isPositive(...amounts: readonly (readonly Size[])[]): boolean {
  return amounts.every((list) => list.every((size) => typeof size !== 'number' || size >= 0))
}

/**
 * `x` with `low` and `high` elements of `value` around it along each axis and `interior` ones between neighbours;
 * negative `low` and `high` cut off. Any dtype; `value` is a scalar of the dtype of `x`.
 *
 * @throws ShapeError when the amounts do not fit.
 * @example padWith(tf.tensor([1, 2]), { low: [1], high: [0], interior: [0] }, 9) // [9, 1, 2]
 */
export function padWith(x: Tensor, attrs: PadAttrs, value: Tensor | number): Tensor {
  if ([attrs.low, attrs.high, attrs.interior].every((list) => list.every((size) => size === 0))) return x
  const filler = typeof value === 'number' ? scalarTensor(x.dtype, value) : value
  if (x.type.shape.includes(0)) {
    const [result] = padOp.type([x.type, filler.type], attrs, [])
    if (result !== undefined) return broadcastAlong(filler, result.shape, [])
  }
  return bindOne(padOp, [x, filler], attrs)
}

/** `x` moved by one place along `axis` (toward higher indices, or lower ones), `value` filling the gap. */
export function shiftByOne(x: Tensor, axis: number, up: boolean, value: number): Tensor {
  const one = (amount: number): Size[] => x.type.shape.map((_, i) => (i === axis ? amount : 0))
  return padWith(
    x,
    { low: one(up ? 1 : -1), high: one(up ? -1 : 1), interior: x.type.shape.map(() => 0) },
    value,
  )
}
