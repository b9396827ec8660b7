/**
 * Arithmetic: add, sub, mul, div, neg, abs and the truncating integer pair idiv and rem. Integers wrap.
 */
import { isInteger } from '../../codegen/dtype.ts'
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../convert.ts'
import type { OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { floating, integral, numeric, operandRows, readerAt } from './arguments.ts'
import { cast } from './cast.ts'
import { applyBinary, applyUnary, defineBinary, defineUnary } from './elementwise.ts'
import { badPosition, firstBad, positionText } from './lowering.ts'
import { sign, trunc } from './rounding.ts'

const negOp: OpDefinition = defineUnary({
  name: 'neg',
  label: 'neg',
  dtypes: numeric,
  cost: 1,
  lower: (e, x) => e.unary('neg', x),
  gradient: (g) => neg(g),
})

/**
 * −x, in the dtype and shape of `x`; integers wrap.
 *
 * @throws DTypeError for bool.
 * @example tf.neg([1, -2]) // [-1, 2]
 */
export function neg(x: TensorLike): Tensor {
  return applyUnary(negOp, 'neg', x)
}

const absOp: OpDefinition = defineUnary({
  name: 'abs',
  label: 'abs',
  dtypes: numeric,
  cost: 1,
  lower: (e, x) => (x.dtype === 'uint8' ? x : e.unary('abs', x)),
  gradient: (g, x) => mul(g, sign(x)),
})

/**
 * |x|, in the dtype and shape of `x`; the smallest int32 wraps to itself. The gradient at 0 is 0.
 *
 * @throws DTypeError for bool.
 * @example tf.abs([1, -2]) // [1, 2]
 */
export function abs(x: TensorLike): Tensor {
  return applyUnary(absOp, 'abs', x)
}

const addOp: OpDefinition = defineBinary({
  name: 'add',
  label: 'add',
  dtypes: numeric,
  cost: 1,
  lower: (e, x, y) => e.binary('add', x, y),
  gradient: { x: (g) => g, y: (g) => g },
})

/**
 * x + y, broadcasting; both of one dtype (numbers take the tensor's), integers wrap.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.add([1, 2], 10) // [11, 12]
 */
export function add(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(addOp, 'add', x, y)
}

const subOp: OpDefinition = defineBinary({
  name: 'sub',
  label: 'sub',
  dtypes: numeric,
  cost: 1,
  lower: (e, x, y) => e.binary('sub', x, y),
  gradient: { x: (g) => g, y: (g) => neg(g) },
})

/**
 * x − y, broadcasting; both of one dtype (numbers take the tensor's), integers wrap.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.sub([1, 2], 10) // [-9, -8]
 */
export function sub(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(subOp, 'sub', x, y)
}

const mulOp: OpDefinition = defineBinary({
  name: 'mul',
  label: 'mul',
  dtypes: numeric,
  cost: 1,
  lower: (e, x, y) => e.binary('mul', x, y),
  gradient: { x: (g, _x, y) => mul(g, y), y: (g, x) => mul(g, x) },
})

/**
 * x · y elementwise, broadcasting; both of one dtype (numbers take the tensor's), integers wrap.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.mul([1, 2], 10) // [10, 20]
 */
export function mul(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(mulOp, 'mul', x, y)
}

const divOp: OpDefinition = defineBinary({
  name: 'div',
  label: 'div',
  dtypes: floating,
  cost: 3,
  lower: (e, x, y) => e.binary('div', x, y),
  gradient: {
    x: (g, _x, y) => div(g, y),
    y: (g, _x, y, z) => mul(g, div(neg(z), y)),
  },
})

/**
 * x / y, broadcasting; both of one dtype (numbers take the tensor's). Division by 0 gives ±∞ or NaN. Integers are
 * converted to float32 first: true division, never truncating (see floorDiv).
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.div([1, 2], 4) // [0.25, 0.5]
 */
export function div(x: TensorLike, y: TensorLike): Tensor {
  const tensors = convertTogether('div', [
    ['x', x],
    ['y', y],
  ])
  const [a = x, b = y] = tensors.map((tensor) => (isInteger(tensor.dtype) ? cast(tensor, 'float32') : tensor))
  return applyBinary(divOp, 'div', a, b)
}

/** An integer divisor that is never 0; the check reports the 0 it replaces. */
function safeDivisor(e: ExprPool, y: Expr): Expr {
  return e.select(e.compare('eq', y, e.const(y.dtype, 0)), e.const(y.dtype, 1), y)
}

/** Refuses an integer divisor 0, in the name of the function that was called: `api`, or `op` itself. */
function divisorCheck(op: string): NonNullable<OpDefinition['check']> {
  return {
    code: ({ e, operands }) => {
      const y = readerAt(operands, 1)
      if (!isInteger(y.type.dtype)) return e.const('int32', 0)
      return firstBad(e, y.type.shape, (index) => e.compare('eq', y.read(index), e.const(y.type.dtype, 0)))
    },
    message: ({ api }, operands, code) => ({
      op: typeof api === 'string' ? api : op,
      problem: `integer division by 0: the divisor is 0 at ${positionText(badPosition(code), operands[1])}`,
      rows: operandRows(operands),
      fix: 'cast to float32 for ±Infinity, or replace zeros in the divisor with tf.where first.',
    }),
  }
}

const idivOp: OpDefinition = defineBinary({
  name: 'idiv',
  label: 'truncatedDiv',
  dtypes: integral,
  cost: 3,
  lower: (e, x, y) => e.binary('idiv', x, safeDivisor(e, y)),
  gradient: 'none',
  check: divisorCheck('truncatedDiv'),
})

/**
 * The quotient of integers rounded toward zero, broadcasting; int32 or uint8, both alike. No gradient.
 *
 * @throws CheckError when a divisor is 0; ShapeError when the shapes do not broadcast; DTypeError for other dtypes.
 * @example tf.truncatedDiv(tf.cast(-7, 'int32'), 2) // -3
 */
export function truncatedDiv(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(idivOp, 'truncatedDiv', x, y)
}

/** `truncatedDiv` as a step of another function, which messages name. */
export function truncatedDivWithin(api: string, x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(idivOp, api, x, y, { api })
}

const remOp: OpDefinition = defineBinary({
  name: 'rem',
  label: 'truncatedMod',
  dtypes: numeric,
  cost: 3,
  lower: (e, x, y) => e.binary('rem', x, isInteger(y.dtype) ? safeDivisor(e, y) : y),
  gradient: {
    x: (g) => g,
    y: (g, x, y) => neg(mul(g, trunc(div(x, y)))),
  },
  check: divisorCheck('truncatedMod'),
})

/**
 * The remainder with the sign of the dividend, as JavaScript's `%`, broadcasting; both of one numeric dtype. See mod
 * for the one with the sign of the divisor.
 *
 * @throws CheckError when an integer divisor is 0; ShapeError when the shapes do not broadcast; DTypeError for bool.
 * @example tf.truncatedMod([-7, 7], 3) // [-1, 1]
 */
export function truncatedMod(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(remOp, 'truncatedMod', x, y)
}

/** `truncatedMod` as a step of another function, which messages name. */
export function truncatedModWithin(api: string, x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(remOp, api, x, y, { api })
}

/**
 * x², in the dtype and shape of `x`; integers wrap.
 *
 * @throws DTypeError for bool.
 * @example tf.square([2, -3]) // [4, 9]
 */
export function square(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'square' })
  return mul(tensor, tensor)
}
