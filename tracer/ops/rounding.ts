/** Rounding to integers and the sign: piecewise constant, so no gradient flows (sign gives zeros, as TensorFlow does). */
import { isInteger } from '../../codegen/dtype.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { floating, numeric } from './arguments.ts'
import { zerosLike } from './broadcast.ts'
import { applyUnary, defineUnary } from './elementwise.ts'

function defineRounding(name: 'floor' | 'ceil' | 'round' | 'trunc'): OpDefinition {
  return defineUnary({
    name,
    label: name,
    dtypes: floating,
    cost: 1,
    lower: (e, x) => e.unary(name, x),
    gradient: 'none',
  })
}

const floorOp: OpDefinition = defineRounding('floor')
const ceilOp: OpDefinition = defineRounding('ceil')
const roundOp: OpDefinition = defineRounding('round')
const truncOp: OpDefinition = defineRounding('trunc')

/** Integers are rounded already. */
function applyRounding(op: OpDefinition, x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: op.name })
  return isInteger(tensor.dtype) ? tensor : applyUnary(op, op.name, tensor)
}

/**
 * The largest integers ≤ x, in the dtype and shape of `x`; −0 stays, integers are returned as they are. No gradient.
 *
 * @throws DTypeError for bool.
 * @example tf.floor([1.5, -1.5]) // [1, -2]
 */
export function floor(x: TensorLike): Tensor {
  return applyRounding(floorOp, x)
}

/**
 * The smallest integers ≥ x, in the dtype and shape of `x`; −0 stays, integers are returned as they are. No gradient.
 *
 * @throws DTypeError for bool.
 * @example tf.ceil([1.5, -1.5]) // [2, -1]
 */
export function ceil(x: TensorLike): Tensor {
  return applyRounding(ceilOp, x)
}

/**
 * The nearest integers, halves to the even one, in the dtype and shape of `x`; integers are returned as they are. No
 * gradient.
 *
 * @throws DTypeError for bool.
 * @example tf.round([0.5, 1.5, 2.5]) // [0, 2, 2]
 */
export function round(x: TensorLike): Tensor {
  return applyRounding(roundOp, x)
}

/**
 * `x` rounded toward zero, in the dtype and shape of `x`; integers are returned as they are. No gradient.
 *
 * @throws DTypeError for bool.
 * @example tf.trunc([1.5, -1.5]) // [1, -1]
 */
export function trunc(x: TensorLike): Tensor {
  return applyRounding(truncOp, x)
}

const signOp: OpDefinition = defineUnary({
  name: 'sign',
  label: 'sign',
  dtypes: numeric,
  cost: 1,
  lower: (e, x) => {
    const zero = e.const(x.dtype, 0)
    const positive = e.select(e.compare('gt', x, zero), e.const(x.dtype, 1), x)
    // What is neither above nor below zero is its own sign: 0, −0 and NaN.
    return x.dtype === 'uint8' ? positive : e.select(e.compare('lt', x, zero), e.const(x.dtype, -1), positive)
  },
  gradient: (g) => zerosLike(g),
})

/**
 * −1, 0 or 1 by the sign of each element, in the dtype and shape of `x`; NaN stays NaN. The gradient is 0.
 *
 * @throws DTypeError for bool.
 * @example tf.sign([-2, 0, 3]) // [-1, 0, 1]
 */
export function sign(x: TensorLike): Tensor {
  return applyUnary(signOp, 'sign', x)
}
