/**
 * Scalar operations. A uint8 is an i32 in 0…255, masked after every operation that can leave that range; a bool is
 * the i32 0 or 1. Functions that wasm does not have are calls of imported host math in float64.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import type { DType } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { BinaryOp, CompareOp, ReduceOp, UnaryOp } from '../expr.ts'
import { floatInstruction } from './float-unary.ts'
import type { FunctionContext } from './function-context.ts'

/** Calls host math for one float value; `operands` have the dtype and so has the result. */
export function callHost(
  context: FunctionContext,
  op: string,
  dtype: DType,
  operands: readonly ExpressionRef[],
): ExpressionRef {
  const { module } = context
  if (dtype === 'int32' || dtype === 'uint8') {
    // Integer powers wrap, which float64 arithmetic cannot tell: the host computes them with 32-bit products.
    if (op !== 'pow') throw new InternalError(`${op} of ${dtype} has no code`)
    const power = module.i32.trunc_s_sat.f64(
      module.call(
        'powInt',
        operands.map((x) => module.f64.convert_s.i32(x)),
        binaryen.f64,
      ),
    )
    return dtype === 'uint8' ? module.i32.and(power, module.i32.const(255)) : power
  }
  const doubles = dtype === 'float32' ? operands.map((x) => module.f64.promote(x)) : operands
  const result = module.call(op, doubles, binaryen.f64)
  return dtype === 'float32' ? module.f32.demote(result) : result
}

export function scalarUnary(
  context: FunctionContext,
  op: UnaryOp,
  dtype: DType,
  x: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { i32 } = module
  if (dtype === 'float32' || dtype === 'float64') {
    const type = dtype === 'float32' ? module.f32 : module.f64
    return floatInstruction(type, op, x) ?? callHost(context, op, dtype, [x])
  }
  switch (op) {
    case 'not':
      return dtype === 'bool' ? i32.eqz(x) : i32.xor(x, i32.const(dtype === 'uint8' ? 255 : -1))
    case 'neg':
      return wrapByte(context, dtype, i32.sub(i32.const(0), x))
    case 'abs': {
      if (dtype !== 'int32') return x
      const { first, again } = context.share(x, binaryen.i32)
      const sign = context.share(i32.shr_s(first, i32.const(31)), binaryen.i32)
      return i32.sub(i32.xor(sign.first, again()), sign.again())
    }
    case 'floor':
    case 'ceil':
    case 'round':
    case 'trunc':
      return x
    default:
      throw new InternalError(`${op} of ${dtype} has no code`)
  }
}

function wrapByte(context: FunctionContext, dtype: DType, value: ExpressionRef): ExpressionRef {
  return dtype === 'uint8' ? context.module.i32.and(value, context.module.i32.const(255)) : value
}

export function scalarBinary(
  context: FunctionContext,
  op: BinaryOp,
  dtype: DType,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { i32 } = module
  if (dtype === 'float32' || dtype === 'float64') {
    const type = dtype === 'float32' ? module.f32 : module.f64
    switch (op) {
      case 'add':
        return type.add(x, y)
      case 'sub':
        return type.sub(x, y)
      case 'mul':
        return type.mul(x, y)
      case 'div':
        return type.div(x, y)
      case 'max':
      case 'min':
      case 'pmax':
      case 'pmin': {
        // By vectors of equal lanes: a choice between two floats in scalars is a branch in machine code, which data
        // without order mispredicts; and the instruction max has an opinion on the sign of zero.
        const vectors = dtype === 'float32' ? module.f32x4 : module.f64x2
        const isMax = op === 'max' || op === 'pmax'
        const a = vectors.splat(x)
        const b = context.share(vectors.splat(y), binaryen.v128)
        const best = (isMax ? vectors.pmax : vectors.pmin)(a, b.first)
        const propagating = op === 'max' || op === 'min'
        const result = propagating ? module.v128.or(best, vectors.ne(b.again(), b.again())) : best
        return vectors.extract_lane(result, 0)
      }
      default:
        return callHost(context, op, dtype, [x, y])
    }
  }
  switch (op) {
    case 'add':
      return wrapByte(context, dtype, i32.add(x, y))
    case 'sub':
      return wrapByte(context, dtype, i32.sub(x, y))
    case 'mul':
      return wrapByte(context, dtype, i32.mul(x, y))
    case 'div':
    case 'idiv':
      return dtype === 'uint8' ? i32.div_u(x, y) : divide(context, x, y)
    case 'rem':
      return dtype === 'uint8' ? i32.rem_u(x, y) : i32.rem_s(x, y)
    case 'max':
    case 'pmax':
      return choose(context, x, y, 'gt_s')
    case 'min':
    case 'pmin':
      return choose(context, x, y, 'lt_s')
    case 'and':
      return i32.and(x, y)
    case 'or':
      return i32.or(x, y)
    case 'xor':
      return i32.xor(x, y)
    case 'shl':
      return wrapByte(context, dtype, i32.shl(x, y))
    case 'shr':
      return i32.shr_s(x, y)
    case 'shru':
      return i32.shr_u(x, y)
    case 'mulhu': {
      const { i64 } = module
      const product = i64.mul(i64.extend_u(x), i64.extend_u(y))
      return i32.wrap(i64.shr_u(product, i64.const(32n)))
    }
    case 'pow':
    case 'atan2':
      return callHost(context, op, dtype, [x, y])
  }
}

function choose(
  context: FunctionContext,
  x: ExpressionRef,
  y: ExpressionRef,
  better: 'gt_s' | 'lt_s',
): ExpressionRef {
  const a = context.share(x, binaryen.i32)
  const b = context.share(y, binaryen.i32)
  const { first, again } = context.share(context.module.i32[better](a.first, b.first), binaryen.i32)
  const { module } = context
  return module.block(null, [module.drop(first), module.select(again(), a.again(), b.again())], binaryen.i32)
}

/** Truncating division; −2³¹ / −1 wraps, where the instruction would trap: the quotient is then taken by 1. */
function divide(context: FunctionContext, x: ExpressionRef, y: ExpressionRef): ExpressionRef {
  const { module } = context
  const { i32 } = module
  if (binaryen.getExpressionId(y) === binaryen.ConstId) {
    const info = binaryen.getExpressionInfo(y)
    if ('value' in info && info.value !== -1) return i32.div_s(x, y)
  }
  const a = context.share(x, binaryen.i32)
  const b = context.share(y, binaryen.i32)
  const overflow = i32.and(i32.eq(a.first, i32.const(-0x80000000)), i32.eq(b.first, i32.const(-1)))
  const local = context.local(binaryen.i32)
  const divisor = module.select(module.local.get(local, binaryen.i32), i32.const(1), b.again())
  return module.block(null, [module.local.set(local, overflow), i32.div_s(a.again(), divisor)], binaryen.i32)
}

export function scalarCompare(
  context: FunctionContext,
  op: CompareOp,
  dtype: DType,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const { module } = context
  if (dtype === 'float32' || dtype === 'float64')
    return (dtype === 'float32' ? module.f32 : module.f64)[op](x, y)
  const { i32 } = module
  switch (op) {
    case 'eq':
      return i32.eq(x, y)
    case 'ne':
      return i32.ne(x, y)
    case 'lt':
      return i32.lt_s(x, y)
    case 'le':
      return i32.le_s(x, y)
    case 'gt':
      return i32.gt_s(x, y)
    case 'ge':
      return i32.ge_s(x, y)
  }
}

export function scalarConvert(
  context: FunctionContext,
  from: DType,
  to: DType,
  x: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { i32, f32, f64 } = module
  const type = from === 'float32' ? f32 : f64
  const floating = from === 'float32' || from === 'float64'
  switch (to) {
    case 'float32':
      return floating ? f32.demote(x) : f32.convert_s.i32(x)
    case 'float64':
      return floating ? f64.promote(x) : f64.convert_s.i32(x)
    case 'bool':
      return floating ? type.ne(x, type.const(0)) : i32.ne(x, i32.const(0))
    case 'int32':
      return from === 'float32' ? i32.trunc_s_sat.f32(x) : from === 'float64' ? i32.trunc_s_sat.f64(x) : x
    case 'uint8': {
      if (from === 'bool') return x
      if (!floating) return i32.and(x, i32.const(255))
      const whole = from === 'float32' ? i32.trunc_u_sat.f32(x) : i32.trunc_u_sat.f64(x)
      const { first, again } = context.share(whole, binaryen.i32)
      const fits = context.share(i32.lt_u(first, i32.const(256)), binaryen.i32)
      return module.block(
        null,
        [module.drop(fits.first), module.select(fits.again(), again(), i32.const(255))],
        binaryen.i32,
      )
    }
  }
}

/** Two scalars combined as a reduction does. */
export function scalarCombine(
  context: FunctionContext,
  op: ReduceOp,
  dtype: DType,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  return scalarBinary(context, op === 'sum' ? 'add' : op === 'prod' ? 'mul' : op, dtype, x, y)
}
