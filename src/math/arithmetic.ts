/**
 * Elementwise functions composed of the primitive ones. All of them fuse into one kernel with what surrounds them, and
 * broadcast as their parts do.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { InternalError, ShapeError, ValueError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import {
  abs,
  add,
  cast,
  div,
  equal,
  floor,
  greater,
  less,
  logicalAnd,
  maximum,
  minimum,
  mul,
  notEqual,
  sqrt,
  square,
  sub,
  truncatedDivWithin,
  truncatedModWithin,
  where,
} from '../../tracer/ops/index.ts'
import type { BoolTensor, Tensor } from '../../tracer/tensor.ts'
import { requireFloating } from './checks.ts'

/** Two operands of one dtype. */
function pair(op: string, x: TensorLike, y: TensorLike): readonly [Tensor, Tensor] {
  const [left, right] = convertTogether(op, [
    ['x', x],
    ['y', y],
  ])
  if (left === undefined || right === undefined) throw new InternalError(`${op} takes two operands`)
  return [left, right]
}

/** 1 / √x; floating. Throws DTypeError for other dtypes. */
export function rsqrt(x: TensorLike): Tensor {
  return div(1, sqrt(requireFloating('rsqrt', x)))
}

/** 1 / x; floating. Throws DTypeError for other dtypes. */
export function reciprocal(x: TensorLike): Tensor {
  return div(1, requireFloating('reciprocal', x))
}

/** (x − y)², broadcasting; numeric, integers wrap. Throws ShapeError when the shapes do not broadcast, DTypeError when the dtypes differ. */
export function squaredDifference(x: TensorLike, y: TensorLike): Tensor {
  return square(sub(...pair('squaredDifference', x, y)))
}

/** True where two numbers have different signs; zero counts as positive. */
function signsDiffer(x: Tensor, y: Tensor): Tensor {
  return notEqual(less(x, 0), less(y, 0))
}

/**
 * ⌊x / y⌋, broadcasting; numeric, in the dtype of the operands. For floats the quotient is rounded before it is
 * floored. No gradient.
 *
 * @throws CheckError for an integer divisor 0, ShapeError when the shapes do not broadcast, DTypeError when the dtypes differ.
 * @example tf.floorDiv(-7, 2) // -4
 */
export function floorDiv(x: TensorLike, y: TensorLike): Tensor {
  const [left, right] = pair('floorDiv', x, y)
  if (isFloating(left.dtype)) return floor(div(left, right))
  const quotient = truncatedDivWithin('floorDiv', left, right)
  if (left.dtype === 'uint8') return quotient
  const inexact = notEqual(mul(quotient, right), left)
  return where(logicalAnd(inexact, signsDiffer(left, right)), sub(quotient, 1), quotient)
}

/**
 * x − y·⌊x / y⌋, the remainder with the sign of the divisor, broadcasting; numeric. (JavaScript's % has the sign of the
 * dividend: truncatedMod.)
 *
 * @throws CheckError for an integer divisor 0, ShapeError when the shapes do not broadcast, DTypeError when the dtypes differ.
 * @example tf.mod(-7, 3) // 2
 */
export function mod(x: TensorLike, y: TensorLike): Tensor {
  const [left, right] = pair('mod', x, y)
  const remainder = truncatedModWithin('mod', left, right)
  if (left.dtype === 'uint8') return remainder
  return where(
    logicalAnd(notEqual(remainder, 0), signsDiffer(remainder, right)),
    add(remainder, right),
    remainder,
  )
}

/** x / y, but 0 where y is 0, whatever x is; floating, broadcasting. Both gradients are 0 there. */
export function divNoNan(x: TensorLike, y: TensorLike): Tensor {
  const [left, right] = pair('divNoNan', x, y)
  requireFloating('divNoNan', left)
  const zero = equal(right, 0)
  return div(where(zero, 0, left), where(zero, 1, right))
}

/**
 * x limited to [min, max], the bounds numbers or tensors that broadcast; numeric. NaN stays NaN. A value equal to a
 * bound passes its gradient to x.
 *
 * @throws ValueError when both bounds are numbers and min > max, ShapeError when the shapes do not broadcast,
 * DTypeError when the dtypes differ.
 */
export function clipByValue(x: TensorLike, min: TensorLike, max: TensorLike): Tensor {
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    throw new ValueError({
      op: 'clipByValue',
      problem: `the lower bound ${min} is above the upper bound ${max}`,
      fix: 'swap the bounds.',
    })
  const tensor = convertToTensor(x, { op: 'clipByValue' })
  return minimum(maximum(tensor, min), max)
}

/**
 * The sum of tensors of one shape and dtype; numeric, integers wrap.
 *
 * @throws ValueError for an empty list, ShapeError and DTypeError when the tensors differ.
 */
export function addN(tensors: readonly TensorLike[]): Tensor {
  const list = convertTogether(
    'addN',
    tensors.map((entry, i) => [`[${i}]`, entry] as const),
  )
  const [first, ...others] = list
  if (first === undefined)
    throw new ValueError({
      op: 'addN',
      problem: 'the list of tensors is empty',
      fix: 'pass at least one tensor.',
    })
  for (const other of others)
    if (
      other.rank !== first.rank ||
      other.type.shape.some((size, i) => sizesEqual(size, sizeAt(first.type.shape, i)) === false)
    )
      throw new ShapeError({
        op: 'addN',
        problem: 'the tensors have different shapes',
        rows: list.map((entry, i) => [`[${i}]`, printType(entry.type)]),
        fix: 'nothing is broadcast here; use add.',
      })
  return others.reduce((total: Tensor, other) => add(total, other), first)
}

/** 1 where x > 0, else 0, in the dtype of x; numeric. No gradient. */
export function step(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'step' })
  return cast(greater(tensor, 0), tensor.dtype)
}

/** True where x is NaN; floating → bool. Throws DTypeError for other dtypes. */
export function isNaN(x: TensorLike): BoolTensor {
  const tensor = requireFloating('isNaN', x)
  return notEqual(tensor, tensor)
}

/** True where x is ∞ or −∞; floating → bool. Throws DTypeError for other dtypes. */
export function isInf(x: TensorLike): BoolTensor {
  return equal(abs(requireFloating('isInf', x)), Number.POSITIVE_INFINITY)
}

/** True where x is neither infinite nor NaN; floating → bool. Throws DTypeError for other dtypes. */
export function isFinite(x: TensorLike): BoolTensor {
  return less(abs(requireFloating('isFinite', x)), Number.POSITIVE_INFINITY)
}
