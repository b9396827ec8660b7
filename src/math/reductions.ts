/**
 * Reductions over axes: sums, means, extrema, norms, running sums.
 *
 * `axis` is one axis, a list, or null (the default) for all; negative axes count from the end. `keepDims` keeps the
 * reduced axes with size 1. Reducing nothing gives the neutral element: sum 0, prod 1, max −∞, min +∞, any false, all
 * true, mean NaN, logSumExp −∞.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { stopGradient } from '../../tracer/gradient/custom.ts'
import { asBool, type BoolTensor, type Tensor } from '../../tracer/tensor.ts'
import type { AxisArgument } from '../../tracer/tensor-methods.ts'
import { demandDType, logical, normaliseAxes, numeric, sizeAt } from '../../tracer/ops/arguments.ts'
import { requireFloating } from './checks.ts'
import {
  abs,
  add,
  cast,
  div,
  exp,
  log,
  mul,
  pow,
  reduceAnd,
  reduceMax,
  reduceMin,
  reduceOr,
  reduceProd,
  reduceSum,
  reshape,
  sizeOf,
  sqrt,
  square,
  sub,
  truncatedDiv,
  where,
} from '../../tracer/ops/index.ts'
import { isFinite } from './arithmetic.ts'

export type { AxisArgument } from '../../tracer/tensor-methods.ts'

/** Reduces and puts the axes back with size 1 if asked to. */
function reduceOver(
  op: string,
  x: Tensor,
  axis: AxisArgument | undefined,
  keepDims: boolean,
  reduce: (x: Tensor, axes: readonly number[]) => Tensor,
): Tensor {
  const axes = normaliseAxes(op, axis, x.rank)
  const result = axes.length === 0 ? x : reduce(x, axes)
  return keepDims ? reshape(result, keptShape(x.type.shape, axes)) : result
}

/** A shape with 1 in the place of the reduced axes. */
function keptShape(shape: readonly Size[], axes: readonly number[]): readonly Size[] {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
}

function numbers(op: string, x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op })
  demandDType(op, tensor.type, numeric)
  return tensor
}

function truths(op: string, x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op })
  demandDType(op, tensor.type, logical)
  return tensor
}

/** Sum over the axes, in the dtype of x; int32 and uint8 wrap. Throws DTypeError for bool, ValueError for a missing axis. */
export function sum(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  return reduceOver('sum', numbers('sum', x), axis, keepDims, (t, axes) => reduceSum(t, axes))
}

/** Product over the axes, in the dtype of x; int32 and uint8 wrap. Throws DTypeError for bool, ValueError for a missing axis. */
export function prod(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  return reduceOver('prod', numbers('prod', x), axis, keepDims, (t, axes) => reduceProd(t, axes))
}

/** Largest element over the axes; NaN if there is one. Ties share the gradient equally. Throws DTypeError for bool. */
export function max(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  return reduceOver('max', numbers('max', x), axis, keepDims, (t, axes) => reduceMax(t, axes))
}

/** Smallest element over the axes; NaN if there is one. Ties share the gradient equally. Throws DTypeError for bool. */
export function min(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  return reduceOver('min', numbers('min', x), axis, keepDims, (t, axes) => reduceMin(t, axes))
}

/** True where any element over the axes is; bool. Throws DTypeError for other dtypes. */
export function any(x: TensorLike, axis: AxisArgument = null, keepDims = false): BoolTensor {
  return asBool(reduceOver('any', truths('any', x), axis, keepDims, (t, axes) => reduceOr(t, axes)))
}

/** True where all elements over the axes are; bool. Throws DTypeError for other dtypes. */
export function all(x: TensorLike, axis: AxisArgument = null, keepDims = false): BoolTensor {
  return asBool(reduceOver('all', truths('all', x), axis, keepDims, (t, axes) => reduceAnd(t, axes)))
}

/** How many elements a reduction over the axes combines: a number or, while a size is unknown, a tensor of x's dtype. */
function countOver(x: Tensor, axes: readonly number[]): Tensor | number {
  let known = 1
  let unknown: Tensor | undefined
  for (const axis of axes) {
    const size = sizeAt(x.type.shape, axis)
    if (typeof size === 'number') known *= size
    else unknown = unknown === undefined ? sizeOf(x, axis) : mul(unknown, sizeOf(x, axis))
  }
  if (unknown === undefined) return known
  return cast(known === 1 ? unknown : mul(unknown, known), x.dtype)
}

/** Mean over the axes, in the dtype of x; integers truncate toward zero. Throws DTypeError for bool, ValueError for a missing axis. */
export function mean(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  const tensor = numbers('mean', x)
  if (isFloating(tensor.dtype))
    return reduceOver('mean', tensor, axis, keepDims, (t, axes) =>
      div(reduceSum(t, axes), countOver(t, axes)),
    )
  return reduceOver('mean', tensor, axis, keepDims, (t, axes) => {
    const wide = cast(t, 'int32')
    return cast(truncatedDiv(reduceSum(wide, axes), countOver(wide, axes)), t.dtype)
  })
}

/** Mean squared distance from the mean, over the axes; floating. Throws DTypeError for other dtypes. */
export function variance(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  const tensor = requireFloating('variance', x)
  return mean(square(sub(tensor, mean(tensor, axis, true))), axis, keepDims)
}

/** Square root of the variance over the axes; floating. Throws DTypeError for other dtypes. */
export function std(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  return sqrt(variance(requireFloating('std', x), axis, keepDims))
}

/** Mean and variance over the axes in one call; floating. Throws DTypeError for other dtypes. */
export function moments(
  x: TensorLike,
  axis: AxisArgument = null,
  keepDims = false,
): { readonly mean: Tensor; readonly variance: Tensor } {
  const tensor = requireFloating('moments', x)
  return { mean: mean(tensor, axis, keepDims), variance: variance(tensor, axis, keepDims) }
}

/** log Σ eˣ over the axes with the maximum taken out first; floating. Throws DTypeError for other dtypes. */
export function logSumExp(x: TensorLike, axis: AxisArgument = null, keepDims = false): Tensor {
  const tensor = requireFloating('logSumExp', x)
  return reduceOver('logSumExp', tensor, axis, keepDims, (t, axes) => {
    const top = stopGradient(reduceMax(t, axes))
    // An infinite maximum would turn into ∞ − ∞.
    const safe = where(isFinite(top), top, 0)
    const wide = reshape(safe, keptShape(t.type.shape, axes))
    return add(log(reduceSum(exp(sub(t, wide)), axes)), safe)
  })
}

/** The kinds of vector norm: `'euclidean'` (2), 1, ∞, −∞, or any other power. */
export type NormOrder = 'euclidean' | number

/**
 * Vector norm over the axes (all elements by default): (Σ|x|ᵖ)^(1/p), the largest |x| for ∞, the smallest for −∞;
 * floating. Throws DTypeError for other dtypes, ValueError for order 0 or NaN.
 */
export function norm(
  x: TensorLike,
  order: NormOrder = 'euclidean',
  axis: AxisArgument = null,
  keepDims = false,
): Tensor {
  const tensor = requireFloating('norm', x)
  if (order === 'euclidean' || order === 2) return sqrt(sum(square(tensor), axis, keepDims))
  if (order === 1) return sum(abs(tensor), axis, keepDims)
  if (order === Number.POSITIVE_INFINITY) return max(abs(tensor), axis, keepDims)
  if (order === Number.NEGATIVE_INFINITY) return min(abs(tensor), axis, keepDims)
  if (typeof order !== 'number' || Number.isNaN(order) || order === 0)
    throw new ValueError({
      op: 'norm',
      problem: `${String(order)} is no order of a vector norm`,
      fix: `use 'euclidean', 1, 2, Infinity, -Infinity or another number.`,
    })
  return pow(sum(pow(abs(tensor), order), axis, keepDims), 1 / order)
}
