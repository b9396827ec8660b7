/**
 * Reductions other than the sum: product, maximum, minimum, and, or. `axes` are removed; wrappers that keep them
 * reshape.
 */
import type { ReduceOp } from '../../codegen/expr.ts'
import { elementCount } from '../../codegen/size.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { at, type DTypeFamily, demandDType, logical, numeric, onlyGradient } from './arguments.ts'
import { div, mul } from './arithmetic.ts'
import { applyReduction, reduceSum, unreduce, zerosLike } from './broadcast.ts'
import { cast } from './cast.ts'
import { cumprod } from './cumulative.ts'
import { equal, where } from './logical.ts'
import { invertPermutation, reshape, transpose } from './movement.ts'
import { readReduction, reducedShape, type ReduceAttrs } from './reduction.ts'

export { reduceSum } from './broadcast.ts'

type ReduceGradient = (g: Tensor, x: Tensor, result: Tensor, axes: readonly number[]) => Tensor

function defineReduction(
  op: ReduceOp,
  label: string,
  family: DTypeFamily,
  gradient: ReduceGradient | 'none',
): OpDefinition<ReduceAttrs> {
  return defineOp<ReduceAttrs>({
    name: `reduce_${op}`,
    cost: 100,
    type: (operands, { axes }) => {
      const x = at(operands, 0)
      demandDType(label, x, family)
      return [{ dtype: x.dtype, shape: reducedShape(label, x.shape, axes) }]
    },
    gradient:
      gradient === 'none'
        ? 'none'
        : ({ attrs, operands, results, gradients }) => [
            gradient(onlyGradient(gradients), at(operands, 0), at(results, 0), attrs.axes),
          ],
    lower: { kind: 'index', read: (context, index) => readReduction(op, context, index) },
  })
}

/** All that reach the extreme share its gradient equally. */
function shareAmongTies(g: Tensor, x: Tensor, result: Tensor, axes: readonly number[]): Tensor {
  const ties = equal(x, unreduce(result, x.type.shape, axes))
  const share = div(g, reduceSum(cast(ties, x.dtype), axes))
  return where(ties, unreduce(share, x.type.shape, axes), zerosLike(x))
}

/** Each element's gradient is the product of all others: of those before it times those after it. No division by 0. */
function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  const { shape } = x.type
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
  const permutation = [...kept, ...axes]
  const moved = transpose(x, permutation)
  const sizes = moved.type.shape
  const flat = reshape(moved, [...sizes.slice(0, kept.length), elementCount(sizes.slice(kept.length))])
  const last = kept.length
  const others = mul(cumprod(flat, last, true, false), cumprod(flat, last, true, true))
  return transpose(reshape(others, sizes), invertPermutation(permutation))
}

const prodOp: OpDefinition<ReduceAttrs> = defineReduction('prod', 'prod', numeric, (g, x, _result, axes) =>
  mul(unreduce(g, x.type.shape, axes), productOfOthers(x, axes)),
)
const maxOp: OpDefinition<ReduceAttrs> = defineReduction('max', 'max', numeric, shareAmongTies)
const minOp: OpDefinition<ReduceAttrs> = defineReduction('min', 'min', numeric, shareAmongTies)
const andOp: OpDefinition<ReduceAttrs> = defineReduction('and', 'all', logical, 'none')
const orOp: OpDefinition<ReduceAttrs> = defineReduction('or', 'any', logical, 'none')

/**
 * Product over `axes` (counted from the front, ascending), which are removed; numeric dtypes, integers wrap. Of nothing
 * it is 1. The gradient is right with any number of zeros.
 *
 * @throws DTypeError for bool; ValueError when an axis does not exist.
 * @example reduceProd(tf.tensor([[1, 2], [3, 4]]), [0]) // [3, 8]
 */
export function reduceProd(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(prodOp, x, axes)
}

/**
 * Maximum over `axes` (counted from the front, ascending), which are removed; numeric dtypes. NaN if there is a NaN; of
 * nothing −∞, or the least integer. Ties share the gradient equally.
 *
 * @throws DTypeError for bool; ValueError when an axis does not exist.
 * @example reduceMax(tf.tensor([[1, 4], [3, 2]]), [0]) // [3, 4]
 */
export function reduceMax(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(maxOp, x, axes)
}

/**
 * Minimum over `axes` (counted from the front, ascending), which are removed; numeric dtypes. NaN if there is a NaN; of
 * nothing +∞, or the greatest integer. Ties share the gradient equally.
 *
 * @throws DTypeError for bool; ValueError when an axis does not exist.
 * @example reduceMin(tf.tensor([[1, 4], [3, 2]]), [0]) // [1, 2]
 */
export function reduceMin(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(minOp, x, axes)
}

/**
 * Whether all are true over `axes` (counted from the front, ascending), which are removed; of nothing true.
 *
 * @throws DTypeError for other dtypes than bool; ValueError when an axis does not exist.
 * @example reduceAnd(tf.tensor([[true, false], [true, true]]), [0]) // [true, false]
 */
export function reduceAnd(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(andOp, x, axes)
}

/**
 * Whether any is true over `axes` (counted from the front, ascending), which are removed; of nothing false.
 *
 * @throws DTypeError for other dtypes than bool; ValueError when an axis does not exist.
 * @example reduceOr(tf.tensor([[true, false], [true, false]]), [0]) // [true, false]
 */
export function reduceOr(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(orOp, x, axes)
}
