/**
 * The expressions whose operands are not simply evaluated: loads, whose index becomes an address; gathers, a load per
 * lane; index ramps; divisions by sizes; and the fused multiply-add.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import { byteSize } from '../dtype.ts'
import type { Expr, LoadExpr, MaddExpr, RampExpr } from '../expr.ts'
import { addSizes } from '../size.ts'
import { type AddressHost, emitAddress } from './emit-address.ts'
import { emitLoad } from './emit-memory.ts'
import { fromLanes } from './emit-vector.ts'
import type { FunctionContext } from './function-context.ts'

/** What these need from the expression emitter. */
export interface OperandHost extends AddressHost {
  /** How many conditions around the current point guard loads. */
  readonly guards: number
}

export function emitLoadExpr(host: OperandHost, expr: LoadExpr): ExpressionRef {
  const { context } = host
  const { dtype } = expr
  if (expr.index.lanes === 1)
    return emitLoad(context, dtype, expr.lanes, emitAddress(host, expr.buffer, expr.index))
  const { module } = context
  const { i32, i32x4 } = module
  const bytes = byteSize(dtype)
  if (expr.index.kind === 'ramp' && expr.index.step.kind === 'const' && expr.index.step.value >= 0) {
    const stride = expr.index.step.value * bytes
    const { pointer, offset } = emitAddress(host, expr.buffer, expr.index.x)
    const { first, again } = context.share(pointer, binaryen.i32)
    return fromLanes(context, dtype, expr.lanes, (lane) =>
      emitLoad(context, dtype, 1, { pointer: lane === 0 ? first : again(), offset: offset + lane * stride }),
    )
  }
  let index = host.value(expr.index)
  // Lanes the condition around does not choose may point anywhere.
  if (host.guards > 0 && !host.ranges.isSafe(expr))
    index = i32x4.min_u(index, i32x4.splat(context.size(addSizes(expr.buffer.elements, -1))))
  if (bytes > 1) index = i32x4.shl(index, i32.const(Math.log2(bytes)))
  const { first, again } = context.share(index, binaryen.v128)
  const base = host.parameterOf(expr.buffer)
  return fromLanes(context, dtype, expr.lanes, (lane) => {
    const at = i32x4.extract_lane(lane === 0 ? first : again(), lane)
    return emitLoad(context, dtype, 1, {
      pointer: i32.add(module.local.get(base, binaryen.i32), at),
      offset: 0,
    })
  })
}

export function emitRamp(host: OperandHost, expr: RampExpr): ExpressionRef {
  const { context } = host
  const { i32x4 } = context.module
  const start = i32x4.splat(host.value(expr.x))
  if (expr.step.kind === 'const') {
    const step = expr.step.value
    return i32x4.add(start, context.vectorOfInts(0, step, 2 * step, 3 * step))
  }
  const step = i32x4.splat(host.value(expr.step))
  return i32x4.add(start, i32x4.mul(step, context.vectorOfInts(0, 1, 2, 3)))
}

/**
 * Division of an index by a size. A size that is 0 belongs to a loop that does not run, but the division may run
 * ahead of it, so it divides by 1 then.
 */
export function divideBySize(
  context: FunctionContext,
  op: 'idiv' | 'rem',
  x: ExpressionRef,
  size: ExpressionRef,
): ExpressionRef {
  const { i32 } = context.module
  const { first, again } = context.share(size, binaryen.i32)
  const divisor = i32.add(first, i32.eqz(again()))
  return op === 'idiv' ? i32.div_s(x, divisor) : i32.rem_s(x, divisor)
}

export function emitMadd(host: OperandHost, { x, y, z }: MaddExpr): ExpressionRef {
  const { context, value } = host
  const { module } = context
  if (context.relaxed && x.dtype === 'float32') {
    if (x.lanes !== 1) return module.relaxedMadd(value(x), value(y), value(z))
    // In a vector register too, so that a scalar loop rounds like the vector loop before it.
    const wide = (expr: Expr): ExpressionRef =>
      expr.kind === 'const' ? context.vectorConstant('float32', expr.value) : module.f32x4.splat(value(expr))
    return module.f32x4.extract_lane(module.relaxedMadd(wide(x), wide(y), wide(z)), 0)
  }
  if (x.lanes === 1) {
    const type = x.dtype === 'float32' ? module.f32 : module.f64
    const product = type.mul(value(x), value(y))
    return type.add(product, value(z))
  }
  const type = x.dtype === 'float32' ? module.f32x4 : module.f64x2
  const product = type.mul(value(x), value(y))
  return type.add(product, value(z))
}
