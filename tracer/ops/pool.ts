/**
 * Pooling: one number per window, axis by axis of space, every other axis for itself.
 *
 * The sum over windows is closed: its gradient is the sum over the windows that cover an element, with stride and
 * dilation of the input exchanged. The maximum's gradient goes to the first element that has it (or is NaN). Which one
 * that is, is an op of its own with an int32 result; sending numbers to those elements (`unpool`) and fetching them from
 * there (`pool_select`) are linear and each other's transposes, so gradients of any order exist.
 *
 * Small windows are written out, large ones are loops. Where windows do not overlap, an element lies in one at most, and
 * the transposes ask only that one.
 */
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { type DType, isFloating } from '../../codegen/dtype.ts'
import { multiplySizes } from '../../codegen/size.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type LowerContext, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, onlyGradient, readerAt, sizeAt } from './arguments.ts'
import { axisName, clampIndex } from './lowering.ts'
import {
  both,
  combine,
  constantPlace,
  coveringWindow,
  demandWindows,
  elementOf,
  elementsOf,
  mostUnrolled,
  orElse,
  type PoolAttrs,
  withSizes,
} from './pool-window.ts'
import { lowFromEnd, placeOf } from './window-place.ts'

export type { PoolAttrs } from './pool-window.ts'

/** The least number of a dtype: what does not count for a maximum. */
function least(e: ExprPool, dtype: DType): Expr {
  return e.const(dtype, isFloating(dtype) ? -Infinity : dtype === 'int32' ? -2147483648 : 0)
}

const poolMaxOp: OpDefinition<PoolAttrs> = defineOp<PoolAttrs>({
  name: 'pool_max',
  cost: 10,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => {
    const x = demandWindows('maxPool', operands, attrs)
    return [{ dtype: x.dtype, shape: withSizes(x.shape, attrs, attrs.sizes) }]
  },
  gradient: ({ attrs, operands, gradients }) => {
    const x = at(operands, 0)
    return [unpool(onlyGradient(gradients), poolIndex(x, attrs), x.type.shape, attrs)]
  },
  lower: {
    kind: 'index',
    read: (context, index) => combine(context, index, 'max', least(context.e, context.result.dtype)),
  },
})

const poolSumOp: OpDefinition<PoolAttrs> = defineOp<PoolAttrs>({
  name: 'pool_sum',
  cost: 10,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => {
    const x = demandWindows('avgPool', operands, attrs)
    return [{ dtype: x.dtype, shape: withSizes(x.shape, attrs, attrs.sizes) }]
  },
  gradient: ({ attrs, operands, gradients }) => [
    poolSum(onlyGradient(gradients), {
      ...attrs,
      strides: attrs.inputDilations,
      inputDilations: attrs.strides,
      low: lowFromEnd(attrs.windows, attrs.kernelDilations, attrs.low),
      sizes: attrs.axes.map((axis) => sizeAt(at(operands, 0).type.shape, axis)),
    }),
  ],
  lower: {
    kind: 'index',
    read: (context, index) => {
      const { e, attrs, operands, result } = context
      const zero = e.const(result.dtype, 0)
      const { windows, strides, kernelDilations, inputDilations } = attrs
      const apart = windows.every(
        (size, d) => strides[d] === 1 && kernelDilations[d] === 1 && size <= at(inputDilations, d),
      )
      if (!apart) return combine(context, index, 'add', zero)
      // A window covers one element of the input at most: the last at or before its end.
      const x = readerAt(operands, 0)
      const low = lowFromEnd(windows, kernelDilations, attrs.low)
      const { place, condition } = coveringWindow(
        e,
        index,
        { ...attrs, strides: inputDilations, low },
        x.type.shape,
      )
      return orElse(e, { value: x.read(place), condition }, zero)
    },
  },
})

/** The int32 number, in row-major order, of the first element of each window that is its maximum, or NaN. */
const poolIndexOp: OpDefinition<PoolAttrs> = defineOp<PoolAttrs>({
  name: 'pool_index',
  cost: 10,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => {
    const x = demandWindows('maxPool', operands, attrs)
    return [{ dtype: 'int32', shape: withSizes(x.shape, attrs, attrs.sizes) }]
  },
  gradient: 'none',
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0)
      const count = elementsOf(attrs.windows)
      const outside = least(e, x.type.dtype)
      if (count > mostUnrolled) {
        const over = e.axis('r', count)
        let rest = e.index(over)
        const k: Expr[] = []
        for (let d = attrs.windows.length - 1; d >= 0; d--) {
          k.unshift(d === 0 ? rest : e.indexMod(rest, at(attrs.windows, d)))
          if (d > 0) rest = e.indexDivide(rest, at(attrs.windows, d))
        }
        return e.argReduce('max', over, orElse(e, elementOf(e, x, attrs, index, k), outside))
      }
      let best: Expr | undefined
      let found: Expr | undefined
      let number = e.const('int32', 0)
      for (let flat = 0; flat < count; flat++) {
        const { value, condition } = elementOf(e, x, attrs, index, constantPlace(e, attrs.windows, flat))
        if (best === undefined) {
          best = orElse(e, { value, condition }, outside)
          found = condition
          continue
        }
        const exceeds = e.compare('gt', value, best)
        let better = isFloating(x.type.dtype)
          ? e.binary(
              'or',
              exceeds,
              e.binary('and', e.compare('ne', value, value), e.compare('eq', best, best)),
            )
          : exceeds
        // The first element there is counts, whatever it is.
        if (found !== undefined) better = e.binary('or', better, e.unary('not', found))
        if (condition !== undefined) better = e.binary('and', better, condition)
        best = e.select(better, value, best)
        number = e.select(better, e.const('int32', flat), number)
        if (found !== undefined)
          found = condition === undefined ? undefined : e.binary('or', found, condition)
      }
      return number
    },
  },
})

function flatNumber(e: ExprPool, windows: readonly number[], k: readonly Expr[]): Expr {
  return e.offset(k, windows)
}

/** Sends each window's number to the element that `number` names: the transpose of `pool_select`. */
const unpoolOp: OpDefinition<PoolAttrs> = defineOp<PoolAttrs>({
  name: 'unpool',
  cost: 10,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => {
    const g = demandWindows('unpool', operands, attrs)
    return [{ dtype: g.dtype, shape: withSizes(g.shape, attrs, attrs.sizes) }]
  },
  gradient: ({ attrs, operands, gradients }) => {
    const [g, number] = [at(operands, 0), at(operands, 1)]
    const sizes = attrs.axes.map((axis) => sizeAt(g.type.shape, axis))
    return [poolSelect(onlyGradient(gradients), number, { ...attrs, sizes }), null]
  },
  lower: { kind: 'index', read: readUnpool },
})

function readUnpool({ e, attrs, operands, result }: LowerContext<PoolAttrs>, index: readonly Expr[]): Expr {
  const [g, number] = [readerAt(operands, 0), readerAt(operands, 1)]
  const { shape } = g.type
  const zero = e.const(result.dtype, 0)
  if (shape.includes(0)) return zero
  const { windows, strides, kernelDilations } = attrs
  const choose = (place: readonly Expr[], k: readonly Expr[], condition: Expr | undefined): Expr => {
    const chosen = e.compare('eq', number.read(place), flatNumber(e, windows, k))
    return e.select(both(e, chosen, condition) ?? chosen, g.read(place), zero)
  }
  if (windows.every((size, d) => kernelDilations[d] === 1 && size <= at(strides, d))) {
    const { place, condition, k } = coveringWindow(e, index, attrs, shape)
    return choose(place, k, condition)
  }
  // Every window that has the element at place k, for all k.
  const contribution = (k: readonly Expr[]): Expr => {
    const place = [...index]
    let condition: Expr | undefined
    attrs.axes.forEach((axis, d) => {
      const position = e.linear(
        [
          { atom: at(index, axis), coefficient: 1 },
          { atom: at(k, d), coefficient: -at(kernelDilations, d) },
        ],
        at(attrs.low, d),
      )
      const found = placeOf(e, position, {
        size: sizeAt(shape, axis),
        inside: false,
        dilation: at(strides, d),
      })
      place[axis] = found.index
      condition = both(e, condition, found.condition)
    })
    return choose(place, k, condition)
  }
  const count = elementsOf(windows)
  if (count <= mostUnrolled)
    return Array.from({ length: count }, (_, flat) => contribution(constantPlace(e, windows, flat))).reduce(
      (sum, term) => e.binary('add', sum, term),
    )
  const over = windows.map((size, d) => e.axis(`r${axisName(d)}`, size))
  return e.reduce(
    'sum',
    over.filter((axis) => axis.extent !== 1),
    contribution(over.map((axis) => e.index(axis))),
  )
}

/** Fetches for each window the element that `number` names; the transpose of `unpool`. */
const poolSelectOp: OpDefinition<PoolAttrs> = defineOp<PoolAttrs>({
  name: 'pool_select',
  cost: 10,
  sizeAttributes: ['low', 'sizes'],
  type: (operands, attrs) => {
    const x = demandWindows('pool_select', operands, attrs)
    return [{ dtype: x.dtype, shape: withSizes(x.shape, attrs, attrs.sizes) }]
  },
  gradient: ({ attrs, operands, gradients }) => {
    const [x, number] = [at(operands, 0), at(operands, 1)]
    return [unpool(onlyGradient(gradients), number, x.type.shape, attrs), null]
  },
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands, result }, index) => {
      const [x, number] = [readerAt(operands, 0), readerAt(operands, 1)]
      if (x.type.shape.includes(0)) return e.const(result.dtype, 0)
      const place = [...index]
      let rest = number.read(index)
      for (let d = attrs.windows.length - 1; d >= 0; d--) {
        const axis = at(attrs.axes, d)
        const size = e.const('int32', at(attrs.windows, d))
        const k = d === 0 ? rest : e.binary('rem', rest, size)
        if (d > 0) rest = e.binary('idiv', rest, size)
        const position = e.linear(
          [
            { atom: at(index, axis), coefficient: at(attrs.strides, d) },
            { atom: k, coefficient: at(attrs.kernelDilations, d) },
          ],
          multiplySizes(-1, at(attrs.low, d)),
        )
        place[axis] = clampIndex(e, position, sizeAt(x.type.shape, axis))
      }
      return x.read(place)
    },
  },
})

/** The sum over windows. Numeric dtypes; integers wrap. */
export function poolSum(x: Tensor, attrs: PoolAttrs): Tensor {
  return bindOne(poolSumOp, [x], attrs)
}

/** The maximum over windows, NaN where there is one. Numeric dtypes. */
export function poolMax(x: Tensor, attrs: PoolAttrs): Tensor {
  return bindOne(poolMaxOp, [x], attrs)
}

function poolIndex(x: Tensor, attrs: PoolAttrs): Tensor {
  return bindOne(poolIndexOp, [x], attrs)
}

function unpool(g: Tensor, number: Tensor, shape: Shape, attrs: PoolAttrs): Tensor {
  return bindOne(unpoolOp, [g, number], { ...attrs, sizes: attrs.axes.map((axis) => sizeAt(shape, axis)) })
}

function poolSelect(x: Tensor, number: Tensor, attrs: PoolAttrs): Tensor {
  return bindOne(poolSelectOp, [x, number], attrs)
}
