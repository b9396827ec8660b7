/**
 * Running sums and products along an axis, and the linear recurrence that is the gradient of a running product.
 *
 * With P the running product, dP/dx works out as λ·E, where E is the exclusive running product and λ obeys
 * λ[i] = g[i] + x[i+1]·λ[i+1]: no division, so zeros are no exception. The gradient of a recurrence is a recurrence in
 * the other direction, which makes running products differentiable any number of times.
 */
import type { Axis, Expr } from '../../codegen/expr.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { defineOp, type LowerContext, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import {
  at,
  demandDType,
  elementwiseShape,
  floating,
  normaliseAxis,
  numeric,
  onlyGradient,
  readerAt,
} from './arguments.ts'
import { mul } from './arithmetic.ts'
import { axisName, loopNest } from './lowering.ts'
import { shiftByOne } from './slice.ts'
import { lastIndex } from './sizes.ts'

type CumulativeAttrs = { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean }

/** Loops over all axes, the running one innermost, and the index visited: backwards along it when `reverse`. */
function runningNest(
  { e, result }: LowerContext,
  axis: (name: string, extent: Axis['extent']) => Axis,
  running: number,
  reverse: boolean,
): {
  readonly outer: readonly Axis[]
  readonly inner: Axis
  readonly index: readonly Expr[]
  readonly all: readonly Axis[]
} {
  const all = result.shape.map((size, d) => axis(axisName(d), size))
  const inner = at(all, running)
  const index = all.map((a) =>
    a === inner && reverse
      ? e.linear([{ atom: e.index(a), coefficient: -1 }], lastIndex(a.extent))
      : e.index(a),
  )
  return { outer: all.filter((a) => a !== inner), inner, index, all }
}

function defineCumulative(
  name: string,
  label: string,
  op: 'add' | 'mul',
  gradient: (x: Tensor, g: Tensor, attrs: CumulativeAttrs) => Tensor,
): OpDefinition<CumulativeAttrs> {
  return defineOp<CumulativeAttrs>({
    name,
    cost: 100,
    type: (operands, attrs) => {
      const x = at(operands, 0)
      demandDType(label, x, numeric)
      normaliseAxis(label, attrs.axis, x.shape.length)
      return [x]
    },
    gradient: ({ attrs, operands, gradients }) => [gradient(at(operands, 0), onlyGradient(gradients), attrs)],
    lower: {
      kind: 'loops',
      build: (context) => {
        const { e, attrs, operands, output, result } = context
        const { outer, inner, index, all } = runningNest(context, context.axis, attrs.axis, attrs.reverse)
        const total = e.local(result.dtype, 1, true)
        const value = e.localValue(total, all)
        const start = e.const(result.dtype, op === 'add' ? 0 : 1)
        const store = { kind: 'store', buffer: output, index: e.offset(index, result.shape), value } as const
        const update = {
          kind: 'set',
          local: total,
          value: e.binary(op, value, readerAt(operands, 0).read(index)),
        } as const
        return loopNest(e, outer, [
          { kind: 'set', local: total, value: start },
          ...loopNest(e, [inner], attrs.exclusive ? [store, update] : [update, store]),
        ])
      },
    },
  })
}

const cumulativeSumOp: OpDefinition<CumulativeAttrs> = defineCumulative(
  'cumulative_sum',
  'cumsum',
  'add',
  (_x, g, attrs) => cumsum(g, attrs.axis, attrs.exclusive, !attrs.reverse),
)

const cumulativeProdOp: OpDefinition<CumulativeAttrs> = defineCumulative(
  'cumulative_prod',
  'cumprod',
  'mul',
  (x, g, { axis, exclusive, reverse }) => {
    // An exclusive product is the inclusive one moved by a place, so its gradient moves back.
    const inclusive = exclusive ? shiftByOne(g, axis, reverse, 0) : g
    const before = cumprod(x, axis, true, reverse)
    return mul(before, recurrence(x, inclusive, { axis, reverse: !reverse, own: false }))
  },
)

function applyCumulative(
  op: OpDefinition<CumulativeAttrs>,
  label: string,
  x: TensorLike,
  axis: number,
  exclusive: boolean,
  reverse: boolean,
): Tensor {
  const tensor = convertToTensor(x, { op: label })
  return bindOne(op, [tensor], { axis: normaliseAxis(label, axis, tensor.rank), exclusive, reverse })
}

/**
 * Running sums along `axis`, in the dtype (not bool) and shape of `x`: of the elements up to and including each one, or
 * only those before it when `exclusive`; from the end when `reverse`. Integers wrap.
 *
 * @throws DTypeError for bool; ValueError when the axis does not exist.
 * @example tf.cumsum([1, 2, 3]) // [1, 3, 6]
 */
export function cumsum(x: TensorLike, axis = 0, exclusive = false, reverse = false): Tensor {
  return applyCumulative(cumulativeSumOp, 'cumsum', x, axis, exclusive, reverse)
}

/**
 * Running products along `axis`, in the dtype (not bool) and shape of `x`: of the elements up to and including each
 * one, or only those before it when `exclusive`; from the end when `reverse`. Integers wrap.
 *
 * @throws DTypeError for bool; ValueError when the axis does not exist.
 * @example tf.cumprod([1, 2, 3]) // [1, 2, 6]
 */
export function cumprod(x: TensorLike, axis = 0, exclusive = false, reverse = false): Tensor {
  return applyCumulative(cumulativeProdOp, 'cumprod', x, axis, exclusive, reverse)
}

/**
 * y[i] = b[i] + c·y[p], where p is the place before i in the direction of travel and c is a[i] when `own`, else a[p].
 */
type RecurrenceAttrs = { readonly axis: number; readonly reverse: boolean; readonly own: boolean }

const recurrenceOp: OpDefinition<RecurrenceAttrs> = defineOp<RecurrenceAttrs>({
  name: 'recurrence',
  cost: 100,
  type: (operands, { axis }) => {
    const shape = elementwiseShape('recurrence', operands, floating)
    normaliseAxis('recurrence', axis, shape.length)
    return [{ dtype: at(operands, 0).dtype, shape }]
  },
  gradient: ({ attrs: { axis, reverse, own }, operands, results, gradients, needed }) => {
    const a = at(operands, 0)
    const y = at(results, 0)
    const back = recurrence(a, onlyGradient(gradients), { axis, reverse: !reverse, own: !own })
    const slope = own
      ? () => mul(back, shiftByOne(y, axis, !reverse, 0))
      : () => mul(shiftByOne(back, axis, reverse, 0), y)
    return [needed[0] === true ? slope() : null, needed[1] === true ? back : null]
  },
  lower: {
    kind: 'loops',
    build: (context) => {
      const { e, attrs, operands, output, result } = context
      const { outer, inner, index, all } = runningNest(context, context.axis, attrs.axis, attrs.reverse)
      const carry = e.local(result.dtype, 1, true)
      const carried = e.localValue(carry, all)
      const [a, b] = [readerAt(operands, 0).read(index), readerAt(operands, 1).read(index)]
      const next = e.binary('add', b, attrs.own ? e.binary('mul', a, carried) : carried)
      const y = e.local(result.dtype)
      const value = e.localValue(y, all)
      return loopNest(e, outer, [
        { kind: 'set', local: carry, value: e.const(result.dtype, 0) },
        ...loopNest(
          e,
          [inner],
          [
            { kind: 'let', local: y, value: next },
            { kind: 'store', buffer: output, index: e.offset(index, result.shape), value },
            { kind: 'set', local: carry, value: attrs.own ? value : e.binary('mul', a, value) },
          ],
        ),
      ])
    },
  },
})

/** See `RecurrenceAttrs`; `a` and `b` have one shape and float dtype. */
function recurrence(a: Tensor, b: Tensor, attrs: RecurrenceAttrs): Tensor {
  return bindOne(recurrenceOp, [a, b], attrs)
}
