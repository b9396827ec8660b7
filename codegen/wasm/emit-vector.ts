/**
 * Vector operations. float32, int32 and uint8 lanes take four bytes each (uint8 as an int in 0…255), float64 lanes
 * eight. A value of two 4-byte lanes occupies the low half of the vector. A bool is a mask as wide as its lanes:
 * 4 × 32 bits or 2 × 64 bits. What SIMD lacks is done lane by lane with the scalar emitter.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import type { DType } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { BinaryOp, CompareOp, Lanes, ReduceOp, UnaryOp } from '../expr.ts'
import { callHost, scalarBinary, scalarCombine } from './emit-scalar.ts'
import { floatInstruction } from './float-unary.ts'
import { type FunctionContext, wasmType } from './function-context.ts'

/** One lane of a vector, as a scalar of the dtype. */
export function extractLane(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  vector: ExpressionRef,
  lane: number,
): ExpressionRef {
  const { module } = context
  switch (dtype) {
    case 'float32':
      return module.f32x4.extract_lane(vector, lane)
    case 'float64':
      return module.f64x2.extract_lane(vector, lane)
    case 'bool':
      return module.i32.and(
        module.i32x4.extract_lane(vector, lanes === 2 ? lane * 2 : lane),
        module.i32.const(1),
      )
    case 'int32':
    case 'uint8':
      return module.i32x4.extract_lane(vector, lane)
  }
}

/** The scalar in every lane. */
export function splat(context: FunctionContext, dtype: DType, lanes: Lanes, x: ExpressionRef): ExpressionRef {
  const { module } = context
  switch (dtype) {
    case 'float32':
      return module.f32x4.splat(x)
    case 'float64':
      return module.f64x2.splat(x)
    case 'int32':
    case 'uint8':
      return module.i32x4.splat(x)
    case 'bool': {
      const mask = module.i32x4.neg(module.i32x4.splat(x))
      return lanes === 2 ? module.i64x2.extend_low_i32x4_s(mask) : mask
    }
  }
}

/** The lanes of the first or second half of both vectors, alternating. Lanes of two 4-byte values lie in the low half. */
export function interleave(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  half: 'low' | 'high',
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const bytes = dtype === 'float64' || (dtype === 'bool' && lanes === 2) ? 8 : 4
  const start = half === 'low' ? 0 : lanes / 2
  const mask = Array.from({ length: 16 }, (_, byte) => {
    const lane = Math.floor(byte / bytes) % lanes
    return (lane % 2) * 16 + (start + (lane >> 1)) * bytes + (byte % bytes)
  })
  return context.module.i8x16.shuffle(x, y, mask)
}

/** A vector whose lanes are computed one after the other; `lane` is called in order. */
export function fromLanes(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  lane: (lane: number) => ExpressionRef,
): ExpressionRef {
  const { module } = context
  let vector = splat(context, dtype, lanes, lane(0))
  for (let i = 1; i < lanes; i++) {
    if (dtype === 'float32') vector = module.f32x4.replace_lane(vector, i, lane(i))
    else if (dtype === 'float64') vector = module.f64x2.replace_lane(vector, i, lane(i))
    else if (dtype !== 'bool') vector = module.i32x4.replace_lane(vector, i, lane(i))
    else {
      const mask = module.i32.sub(module.i32.const(0), lane(i))
      vector =
        lanes === 4
          ? module.i32x4.replace_lane(vector, i, mask)
          : module.i64x2.replace_lane(vector, i, module.i64.extend_s(mask))
    }
  }
  return vector
}

/** Applies a scalar function to the lanes of its operands, which must be evaluated in the order given. */
function laneByLane(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  operands: readonly ExpressionRef[],
  apply: (operands: readonly ExpressionRef[]) => ExpressionRef,
): ExpressionRef {
  const { module } = context
  const locals = operands.map((operand) => {
    const local = context.local(binaryen.v128)
    return { local, set: module.local.set(local, operand) }
  })
  const vector = fromLanes(context, dtype, lanes, (lane) =>
    apply(
      locals.map(({ local }) =>
        extractLane(context, dtype, lanes, module.local.get(local, binaryen.v128), lane),
      ),
    ),
  )
  return module.block(null, [...locals.map(({ set }) => set), vector], binaryen.v128)
}

function wrapBytes(context: FunctionContext, dtype: DType, value: ExpressionRef): ExpressionRef {
  return dtype === 'uint8' ? context.module.v128.and(value, context.vectorConstant('uint8', 255)) : value
}

export function vectorUnary(
  context: FunctionContext,
  op: UnaryOp,
  dtype: DType,
  lanes: Lanes,
  x: ExpressionRef,
): ExpressionRef {
  const { module } = context
  if (dtype === 'float32' || dtype === 'float64') {
    const type = dtype === 'float32' ? module.f32x4 : module.f64x2
    return (
      floatInstruction(type, op, x) ??
      laneByLane(context, dtype, lanes, [x], (operands) => callHost(context, op, dtype, operands))
    )
  }
  switch (op) {
    case 'not':
      if (dtype === 'uint8') return module.v128.xor(x, context.vectorConstant('uint8', 255))
      return module.v128.not(x)
    case 'neg':
      return wrapBytes(context, dtype, module.i32x4.neg(x))
    case 'abs':
      return dtype === 'int32' ? module.i32x4.abs(x) : x
    case 'floor':
    case 'ceil':
    case 'round':
    case 'trunc':
      return x
    default:
      throw new InternalError(`${op} of ${dtype} has no code`)
  }
}

export function vectorBinary(
  context: FunctionContext,
  op: BinaryOp,
  dtype: DType,
  lanes: Lanes,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { v128 } = module
  if (op === 'and') return v128.and(x, y)
  if (op === 'or') return v128.or(x, y)
  if (op === 'xor') return v128.xor(x, y)
  if (dtype === 'bool') {
    if (op === 'max') return v128.or(x, y)
    if (op === 'min') return v128.and(x, y)
    throw new InternalError(`${op} of bool has no code`)
  }
  if (dtype === 'float32' || dtype === 'float64') {
    const type = dtype === 'float32' ? module.f32x4 : module.f64x2
    switch (op) {
      case 'add':
        return type.add(x, y)
      case 'sub':
        return type.sub(x, y)
      case 'mul':
        return type.mul(x, y)
      case 'div':
        return type.div(x, y)
      case 'pmax':
        return type.pmax(x, y)
      case 'pmin':
        return type.pmin(x, y)
      case 'max':
      case 'min': {
        // pmax and pmin keep a NaN in x only. Where y is a NaN, y ≠ y sets every bit, which is a NaN too. The
        // instruction max gets this right by itself but costs several times as much.
        const a = context.share(x, binaryen.v128)
        const b = context.share(y, binaryen.v128)
        return v128.or(
          (op === 'max' ? type.pmax : type.pmin)(a.first, b.first),
          type.ne(b.again(), b.again()),
        )
      }
      default:
        return laneByLane(context, dtype, lanes, [x, y], (operands) => callHost(context, op, dtype, operands))
    }
  }
  const { i32x4 } = module
  switch (op) {
    case 'add':
      return wrapBytes(context, dtype, i32x4.add(x, y))
    case 'sub':
      return wrapBytes(context, dtype, i32x4.sub(x, y))
    case 'mul':
      return wrapBytes(context, dtype, i32x4.mul(x, y))
    case 'max':
    case 'pmax':
      return i32x4.max_s(x, y)
    case 'min':
    case 'pmin':
      return i32x4.min_s(x, y)
    case 'mulhu': {
      if (dtype === 'uint8') return context.vectorConstant('int32', 0)
      const a = context.share(x, binaryen.v128)
      const b = context.share(y, binaryen.v128)
      const low = module.i64x2.extmul_low_i32x4_u(a.first, b.first)
      const high = module.i64x2.extmul_high_i32x4_u(a.again(), b.again())
      return module.i8x16.shuffle(low, high, [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31])
    }
    default:
      return laneByLane(context, dtype, lanes, [x, y], ([a, b]) =>
        scalarBinary(context, op, dtype, a ?? 0, b ?? 0),
      )
  }
}

/** A shift of every lane by the same scalar count. */
export function vectorShift(
  context: FunctionContext,
  op: 'shl' | 'shr' | 'shru',
  dtype: DType,
  x: ExpressionRef,
  count: ExpressionRef,
): ExpressionRef {
  const { i32x4 } = context.module
  if (op === 'shl') return wrapBytes(context, dtype, i32x4.shl(x, count))
  return op === 'shr' ? i32x4.shr_s(x, count) : i32x4.shr_u(x, count)
}

/** A comparison of lanes; the mask is as wide as a bool of that many lanes. */
export function vectorCompare(
  context: FunctionContext,
  op: CompareOp,
  dtype: DType,
  lanes: Lanes,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const { module } = context
  if (dtype === 'float64') return module.f64x2[op](x, y)
  if (dtype === 'bool') {
    // True is −1 and false 0, so that the order of the masks as integers is the reverse.
    const type = lanes === 2 ? module.i64x2 : module.i32x4
    if (op === 'eq' || op === 'ne') return type[op](x, y)
    const reversed = { lt: 'gt_s', le: 'ge_s', gt: 'lt_s', ge: 'le_s' } as const
    return type[reversed[op]](x, y)
  }
  const mask =
    dtype === 'float32'
      ? module.f32x4[op](x, y)
      : op === 'eq' || op === 'ne'
        ? module.i32x4[op](x, y)
        : module.i32x4[`${op}_s`](x, y)
  return lanes === 2 ? module.i64x2.extend_low_i32x4_s(mask) : mask
}

/** The mask of two 64-bit lanes as two 32-bit lanes. */
function narrowMask(context: FunctionContext, mask: ExpressionRef): ExpressionRef {
  const { first, again } = context.share(mask, binaryen.v128)
  return context.module.i8x16.shuffle(first, again(), [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11])
}

export function vectorSelect(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  condition: ExpressionRef,
  x: ExpressionRef,
  y: ExpressionRef,
): ExpressionRef {
  const narrow = lanes === 2 && dtype !== 'float64' && dtype !== 'bool'
  return context.module.v128.bitselect(x, y, narrow ? narrowMask(context, condition) : condition)
}

export function vectorConvert(
  context: FunctionContext,
  from: DType,
  to: DType,
  lanes: Lanes,
  x: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { v128, i32x4, f32x4, f64x2 } = module
  if (to === 'bool') return vectorCompare(context, 'ne', from, lanes, x, context.vectorConstant(from, 0))
  if (from === 'bool') {
    const wide = lanes === 2 && to !== 'float64' ? narrowMask(context, x) : x
    return v128.and(wide, context.vectorConstant(to, 1))
  }
  switch (to) {
    case 'float32':
      return from === 'float64' ? f32x4.demote_f64x2_zero(x) : f32x4.convert_i32x4_s(x)
    case 'float64':
      return from === 'float32' ? f64x2.promote_low_f32x4(x) : f64x2.convert_low_i32x4_s(x)
    case 'int32':
      if (from === 'float32') return i32x4.trunc_sat_f32x4_s(x)
      return from === 'float64' ? i32x4.trunc_sat_f64x2_s_zero(x) : x
    case 'uint8': {
      if (from === 'int32') return wrapBytes(context, 'uint8', x)
      const whole = from === 'float32' ? i32x4.trunc_sat_f32x4_u(x) : i32x4.trunc_sat_f64x2_u_zero(x)
      return i32x4.min_u(whole, context.vectorConstant('int32', 255))
    }
  }
}

/** All lanes combined: (l0∘l2)∘(l1∘l3), or l0∘l1. */
export function horizontal(
  context: FunctionContext,
  op: ReduceOp,
  dtype: DType,
  lanes: Lanes,
  vector: ExpressionRef,
): ExpressionRef {
  const { module } = context
  if (dtype === 'bool') {
    if (op === 'or' || op === 'max') return module.v128.any_true(vector)
    return lanes === 2 ? module.i64x2.all_true(vector) : module.i32x4.all_true(vector)
  }
  const local = context.local(binaryen.v128)
  const whole = (): ExpressionRef => module.local.get(local, binaryen.v128)
  if ((op === 'max' || op === 'min') && (dtype === 'float32' || dtype === 'float64')) {
    // Folded in half as a vector: lanes i and i + lanes/2, then what is left of them.
    const fold = (by: number): ExpressionRef => {
      const mask = Array.from({ length: 16 }, (_, byte) => (byte + by) % 16)
      return vectorBinary(context, op, dtype, lanes, whole(), module.i8x16.shuffle(whole(), whole(), mask))
    }
    const width = dtype === 'float32' ? 4 : 8
    const folds = lanes === 2 ? [width] : [8, 4]
    return module.block(
      null,
      [
        module.local.set(local, vector),
        ...folds.map((by) => module.local.set(local, fold(by))),
        extractLane(context, dtype, lanes, whole(), 0),
      ],
      wasmType(dtype, 1),
    )
  }
  const lane = (i: number): ExpressionRef => extractLane(context, dtype, lanes, whole(), i)
  const combine = (x: ExpressionRef, y: ExpressionRef): ExpressionRef =>
    scalarCombine(context, op, dtype, x, y)
  const value =
    lanes === 2 ? combine(lane(0), lane(1)) : combine(combine(lane(0), lane(2)), combine(lane(1), lane(3)))
  return module.block(null, [module.local.set(local, vector), value], wasmType(dtype, 1))
}
