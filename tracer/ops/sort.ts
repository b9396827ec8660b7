/**
 * The order that sorts rows: a stable merge sort from the bottom up, as one kernel.
 *
 * Runs of 1, 2, 4, … elements are merged from one half of the result into the other, keys and positions together, so
 * the result is its own scratch memory: for each row, four stretches of its length hold keys, keys, positions and
 * positions. The first half is begun with when the number of passes is even, so that the last pass ends there.
 *
 * Keys are read once and compared as integers where that is possible: the bits of a float32 order like integers once the
 * lower ones of negative numbers are inverted. Inverting all of them reverses the order. NaN comes last in both
 * directions, and zeros of either sign are equal. Keys of float64 stay floats.
 */
import type { Axis, Expr, ExprPool } from '../../codegen/expr.ts'
import type { Statement } from '../../codegen/kernel.ts'
import { multiplySizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, normaliseAxis, readerAt, sizeAt } from './arguments.ts'
import { cast } from './cast.ts'
import { clampIndex, loopNest } from './lowering.ts'
import { invertPermutation, reshape, transpose } from './movement.ts'
import { sliceAxis } from './slice.ts'

type SortAttrs = { readonly descending: boolean }

/** Stretches of a row of the result. */
const stretches = 4
const firstOfPositions = 2
const largestInteger = 0x7fffffff

/** The key of an element; of integers and of float32 an int32 that grows in the wanted order. */
function keyOf(e: ExprPool, x: Expr, descending: boolean): Expr {
  if (x.dtype === 'float64') return x
  const directed = (key: Expr): Expr => (descending ? e.unary('not', key) : key)
  if (x.dtype !== 'float32') return directed(x.dtype === 'int32' ? x : e.convert(x, 'int32'))
  const zero = e.const('float32', 0)
  const bits = e.bitcast(e.select(e.compare('eq', x, zero), zero, x), 'int32')
  const sign = e.binary('shr', bits, e.const('int32', 31))
  const ordered = e.binary('xor', bits, e.binary('and', sign, e.const('int32', largestInteger)))
  return e.select(e.compare('ne', x, x), e.const('int32', largestInteger), directed(ordered))
}

/** True when the right key goes before the left one, which stood before it. */
function goesBefore(e: ExprPool, right: Expr, left: Expr, descending: boolean): Expr {
  if (right.dtype !== 'float64') return e.compare('lt', right, left)
  const leftIsNaN = e.binary('and', e.compare('ne', left, left), e.compare('eq', right, right))
  return e.binary('or', e.compare(descending ? 'gt' : 'lt', right, left), leftIsNaN)
}

/** int32 locals of a kernel that are assigned again and again. */
class Counters {
  readonly #e: ExprPool
  readonly #row: Axis
  constructor(e: ExprPool, row: Axis) {
    this.#e = e
    this.#row = row
  }
  make(): { readonly value: Expr; readonly set: (value: Expr) => Statement } {
    const local = this.#e.local('int32', 1, true)
    return {
      value: this.#e.localValue(local, [this.#row]),
      set: (value) => ({ kind: 'set', local, value }),
    }
  }
}

const sortOrderOp: OpDefinition<SortAttrs> = defineOp<SortAttrs>({
  name: 'sort_order',
  cost: 100,
  type: (operands) => {
    const x = at(operands, 0)
    const [rows, size] = [sizeAt(x.shape, 0), sizeAt(x.shape, 1)]
    return [{ dtype: x.dtype === 'float64' ? 'float64' : 'int32', shape: [rows, stretches, size] }]
  },
  gradient: 'none',
  lower: {
    kind: 'loops',
    build: ({ e, attrs: { descending }, operands, output, result, axis }) => {
      const x = readerAt(operands, 0)
      const size = sizeAt(x.type.shape, 1)
      const row = axis('row', sizeAt(x.type.shape, 0))
      const counters = new Counters(e, row)
      const [from, width, low, middle, high] = [0, 0, 0, 0, 0].map(() => counters.make()) as [C, C, C, C, C]
      const [left, right, out] = [0, 0, 0].map(() => counters.make()) as [C, C, C]
      const int = (value: number): Expr => e.const('int32', value)
      const count = e.size(size)
      const sum = (a: Expr, b: Expr): Expr => e.binary('add', a, b)
      const place = (stretch: number, half: Expr, index: Expr): Expr =>
        sum(e.offset([e.index(row), int(stretch), index], result.shape), half)
      const load = (stretch: number, index: Expr): Expr =>
        e.load(output, place(stretch, from.value, clampIndex(e, index, size)))
      const store = (stretch: number, half: Expr, index: Expr, value: Expr): Statement => ({
        kind: 'store',
        buffer: output,
        index: place(stretch, half, index),
        value,
      })
      const other = e.binary('sub', count, from.value)
      const upTo = (end: Expr): Expr => e.binary('min', end, count)
      const isNarrow = e.compare('lt', width.value, count)
      const twice = width.set(sum(width.value, width.value))
      const each = axis('i', size)
      const key = e.local(result.dtype)
      const [leftKey, rightKey, takesRight] = [e.local(result.dtype), e.local(result.dtype), e.local('bool')]
      const local = (of: typeof key): Expr => e.localValue(of, [row])
      const isRight = local(takesRight)
      const one = (condition: Expr): Expr => e.select(condition, int(1), int(0))
      const merge: Statement[] = [
        { kind: 'let', local: leftKey, value: load(0, left.value) },
        { kind: 'let', local: rightKey, value: load(0, right.value) },
        {
          kind: 'let',
          local: takesRight,
          value: e.binary(
            'and',
            e.compare('lt', right.value, high.value),
            e.binary(
              'or',
              e.compare('ge', left.value, middle.value),
              goesBefore(e, local(rightKey), local(leftKey), descending),
            ),
          ),
        },
        store(0, other, out.value, e.select(isRight, local(rightKey), local(leftKey))),
        store(
          firstOfPositions,
          other,
          out.value,
          load(firstOfPositions, e.select(isRight, right.value, left.value)),
        ),
        left.set(sum(left.value, one(e.unary('not', isRight)))),
        right.set(sum(right.value, one(isRight))),
        out.set(sum(out.value, int(1))),
      ]
      const pairs: Statement[] = [
        middle.set(upTo(sum(low.value, width.value))),
        high.set(upTo(sum(middle.value, width.value))),
        left.set(low.value),
        right.set(middle.value),
        out.set(low.value),
        { kind: 'while', test: [], condition: e.compare('lt', out.value, high.value), body: merge },
        low.set(high.value),
      ]
      return loopNest(
        e,
        [row],
        [
          from.set(int(0)),
          width.set(int(1)),
          { kind: 'while', test: [], condition: isNarrow, body: [from.set(other), twice] },
          ...loopNest(
            e,
            [each],
            [
              { kind: 'let', local: key, value: keyOf(e, x.read([e.index(row), e.index(each)]), descending) },
              store(0, from.value, e.index(each), e.localValue(key, [row, each])),
              store(firstOfPositions, from.value, e.index(each), e.convert(e.index(each), result.dtype)),
            ],
          ),
          width.set(int(1)),
          {
            kind: 'while',
            test: [],
            condition: isNarrow,
            body: [
              low.set(int(0)),
              { kind: 'while', test: [], condition: e.compare('lt', low.value, count), body: pairs },
              from.set(other),
              twice,
            ],
          },
        ],
      )
    },
  },
})

type C = ReturnType<Counters['make']>

/** The axes of a tensor of this rank with `axis` moved to the end. */
export function axisLast(rank: number, axis: number): number[] {
  return [...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis), axis]
}

/**
 * The int32 positions along `axis` of the elements of `x` (any dtype) in ascending or descending order, in the shape of
 * `x`; those of equal elements stay in order, and NaN comes last. No gradient.
 *
 * @throws ValueError when the axis does not exist.
 * @example tf.argsort([3, 1, 2]) // [1, 2, 0]
 */
export function argsort(x: TensorLike, axis = -1, descending = false): Tensor {
  const tensor = convertToTensor(x, { op: 'argsort' })
  const last = normaliseAxis('argsort', axis, tensor.rank)
  const order = axisLast(tensor.rank, last)
  const moved = transpose(tensor, order)
  const shape = moved.type.shape
  const size = sizeAt(shape, shape.length - 1)
  const rows = reshape(moved, [multiplySizes(...shape.slice(0, -1)), size])
  const sorted = bindOne(sortOrderOp, [rows], { descending })
  const positions = cast(sliceAxis(sorted, 1, firstOfPositions, 1), 'int32')
  return transpose(reshape(positions, shape), invertPermutation(order))
}
