/**
 * Windows of pooling: what an op says of them, their elements, and the window that covers an element. Small windows are
 * written out, large ones are loops.
 */
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { ShapeError } from '../../codegen/errors.ts'
import { multiplySizes, type Size } from '../../codegen/size.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import type { LowerContext, OperandReader } from '../op.ts'
import { at, demandDType, numeric, operandRows, readerAt, sizeAt } from './arguments.ts'
import { axisName, clampIndex } from './lowering.ts'
import { isInside, placeOf } from './window-place.ts'

/** Lists have one entry per axis of space. */
export type PoolAttrs = {
  /** The axes of space. */
  readonly axes: readonly number[]
  /** Sizes of a window. */
  readonly windows: readonly number[]
  readonly strides: readonly number[]
  /** How many positions of the first window lie before the input. */
  readonly low: readonly Size[]
  /** How many windows there are; for `unpool`, the sizes of what the windows lie in. */
  readonly sizes: readonly Size[]
  readonly kernelDilations: readonly number[]
  readonly inputDilations: readonly number[]
}

/** Windows of more elements are loops. */
export const mostUnrolled = 16

export function demandWindows(op: string, operands: readonly TensorType[], attrs: PoolAttrs): TensorType {
  const x = at(operands, 0)
  demandDType(op, x, numeric, operands)
  const rank = attrs.axes.length
  const { windows, strides, kernelDilations, inputDilations } = attrs
  const fits =
    [windows, strides, attrs.low, attrs.sizes, kernelDilations, inputDilations].every(
      (list) => list.length === rank,
    ) &&
    attrs.axes.every((axis) => axis >= 0 && axis < x.shape.length) &&
    [...windows, ...strides, ...kernelDilations, ...inputDilations].every(
      (step) => Number.isInteger(step) && step >= 1,
    )
  if (!fits)
    throw new ShapeError({
      op,
      problem: 'windows, strides and dilations do not fit the axes',
      rows: operandRows(operands),
      fix: 'give every list one entry of at least 1 per axis of space.',
    })
  return x
}

/** A shape with other sizes of the axes of space. */
export function withSizes(shape: Shape, { axes }: PoolAttrs, sizes: readonly Size[]): Shape {
  return shape.map((size, axis) => (axes.includes(axis) ? at(sizes, axes.indexOf(axis)) : size))
}

export function elementsOf(windows: readonly number[]): number {
  return windows.reduce((product, size) => product * size, 1)
}

/** The place in a window of its element number `flat`. */
function unflatten(windows: readonly number[], flat: number): number[] {
  const place: number[] = []
  let rest = flat
  for (let d = windows.length - 1; d >= 0; d--) {
    place.unshift(rest % at(windows, d))
    rest = Math.floor(rest / at(windows, d))
  }
  return place
}

/** An element of a window, and when it is one of the input's: undefined for always. */
export interface Element {
  readonly value: Expr
  readonly condition: Expr | undefined
}

/** The element at place `k` of the window at `index`. */
export function elementOf(
  e: ExprPool,
  x: OperandReader,
  attrs: PoolAttrs,
  index: readonly Expr[],
  k: readonly Expr[],
): Element {
  const place = [...index]
  let condition: Expr | undefined
  attrs.axes.forEach((axis, d) => {
    const size = sizeAt(x.type.shape, axis)
    const position = e.linear(
      [
        { atom: at(index, axis), coefficient: at(attrs.strides, d) },
        { atom: at(k, d), coefficient: at(attrs.kernelDilations, d) },
      ],
      multiplySizes(-1, at(attrs.low, d)),
    )
    const found = placeOf(e, position, {
      size,
      inside: isInside(attrs, d, size, at(attrs.windows, d)),
      dilation: at(attrs.inputDilations, d),
    })
    place[axis] = found.index
    condition = both(e, condition, found.condition)
  })
  return { value: x.read(place), condition }
}

export function both(e: ExprPool, x: Expr | undefined, y: Expr | undefined): Expr | undefined {
  return x === undefined ? y : y === undefined ? x : e.binary('and', x, y)
}

export function orElse(e: ExprPool, { value, condition }: Element, otherwise: Expr): Expr {
  return condition === undefined ? value : e.select(condition, value, otherwise)
}

export function constantPlace(e: ExprPool, windows: readonly number[], flat: number): Expr[] {
  return unflatten(windows, flat).map((k) => e.const('int32', k))
}

/** All elements of a window combined by `op`, what lies outside counting as `outside`. */
export function combine(
  { e, attrs, operands }: LowerContext<PoolAttrs>,
  index: readonly Expr[],
  op: 'add' | 'max',
  outside: Expr,
): Expr {
  const x = readerAt(operands, 0)
  const count = elementsOf(attrs.windows)
  if (count <= mostUnrolled)
    return Array.from({ length: count }, (_, flat) =>
      orElse(e, elementOf(e, x, attrs, index, constantPlace(e, attrs.windows, flat)), outside),
    ).reduce((sum, element) => e.binary(op, sum, element))
  const over = attrs.windows.map((size, d) => e.axis(`r${axisName(d)}`, size))
  const element = elementOf(
    e,
    x,
    attrs,
    index,
    over.map((axis) => e.index(axis)),
  )
  return e.reduce(
    op === 'add' ? 'sum' : 'max',
    over.filter((axis) => axis.extent !== 1),
    orElse(e, element, outside),
  )
}

/**
 * The only window that can cover the element at `index`, for windows no longer than the stride, and when it does. `shape`
 * is that of one number per window.
 */
export function coveringWindow(
  e: ExprPool,
  index: readonly Expr[],
  attrs: PoolAttrs,
  shape: Shape,
): { readonly place: Expr[]; readonly condition: Expr | undefined; readonly k: readonly Expr[] } {
  const place = [...index]
  const k: Expr[] = []
  let condition: Expr | undefined
  attrs.axes.forEach((axis, d) => {
    const count = sizeAt(shape, axis)
    const stride = at(attrs.strides, d)
    const low = at(attrs.low, d)
    const position = e.indexAdd(at(index, axis), low)
    const window = e.indexDivide(position, stride)
    const within = e.indexMod(position, stride)
    k.push(within)
    const most = e.upperBound(position)
    if (typeof most === 'number' && typeof count === 'number' && Math.floor(most / stride) < count)
      place[axis] = window
    else {
      place[axis] = clampIndex(e, window, count)
      condition = both(e, condition, e.compare('lt', window, e.size(count)))
    }
    const size = at(attrs.windows, d)
    if (size < stride) condition = both(e, condition, e.compare('lt', within, e.const('int32', size)))
  })
  return { place, condition, k }
}
