/**
 * The operations of the loop language by name, as lists a program can go through: the parser looks calls up here, and
 * tests that must cover every operation iterate. Each list is checked against its type, so a new op cannot be forgotten.
 */
import { dtypeOfShortName } from '../dtype.ts'
import type { BinaryOp, CompareOp, Expr, ExprPool, ReduceOp, UnaryOp } from '../expr.ts'

const unary: Readonly<Record<UnaryOp, true>> = {
  neg: true,
  abs: true,
  floor: true,
  ceil: true,
  round: true,
  trunc: true,
  sqrt: true,
  not: true,
  exp: true,
  expm1: true,
  log: true,
  log1p: true,
  sin: true,
  cos: true,
  tan: true,
  asin: true,
  acos: true,
  atan: true,
  sinh: true,
  cosh: true,
  tanh: true,
  asinh: true,
  acosh: true,
  atanh: true,
  erf: true,
  logistic: true,
}
const binary: Readonly<Record<BinaryOp, true>> = {
  add: true,
  sub: true,
  mul: true,
  div: true,
  idiv: true,
  rem: true,
  pow: true,
  atan2: true,
  max: true,
  min: true,
  pmax: true,
  pmin: true,
  and: true,
  or: true,
  xor: true,
  shl: true,
  shr: true,
  shru: true,
  mulhu: true,
}
const compare: Readonly<Record<CompareOp, true>> = {
  eq: true,
  ne: true,
  lt: true,
  le: true,
  gt: true,
  ge: true,
}
const reduce: Readonly<Record<ReduceOp, true>> = {
  sum: true,
  prod: true,
  max: true,
  min: true,
  and: true,
  or: true,
}

/** True when `name` is a key of the table. */
function has<Name extends string>(table: Readonly<Record<Name, true>>, name: string): name is Name {
  return Object.hasOwn(table, name)
}

/** Every unary op. */
export const unaryOps: readonly UnaryOp[] = Object.keys(unary).filter((name) => has(unary, name))
/** Every binary op. */
export const binaryOps: readonly BinaryOp[] = Object.keys(binary).filter((name) => has(binary, name))
/** Every comparison. */
export const compareOps: readonly CompareOp[] = Object.keys(compare).filter((name) => has(compare, name))
/** Every reduction. */
export const reduceOps: readonly ReduceOp[] = Object.keys(reduce).filter((name) => has(reduce, name))

/** The node of a call written as `name(operands)`, or undefined when there is no such operation. */
export function buildCall(pool: ExprPool, name: string, operands: readonly Expr[]): Expr | undefined {
  const [x, y, z] = operands
  if (x === undefined) return undefined
  if (operands.length === 1) {
    if (has(unary, name)) return pool.unary(name, x)
    if (name === 'splat2' || name === 'splat4') return pool.splat(x, name === 'splat4' ? 4 : 2)
    const [kind, detail = ''] = name.split('.')
    if (kind === 'horizontal' && has(reduce, detail)) return pool.horizontal(detail, x)
    const dtype = dtypeOfShortName(detail)
    if (kind === 'convert' && dtype !== undefined) return pool.convert(x, dtype)
    if (kind === 'bitcast' && (dtype === 'float32' || dtype === 'int32')) return pool.bitcast(x, dtype)
    return undefined
  }
  if (y === undefined) return undefined
  if (operands.length === 2) {
    if (has(binary, name)) return pool.binary(name, x, y)
    if (has(compare, name)) return pool.compare(name, x, y)
    if (name === 'interleave.low' || name === 'interleave.high')
      return pool.interleave(name === 'interleave.low' ? 'low' : 'high', x, y)
    if (name === 'ramp2' || name === 'ramp4') return pool.ramp(x, y, name === 'ramp4' ? 4 : 2)
    return undefined
  }
  if (z === undefined || operands.length !== 3) return undefined
  return name === 'select' ? pool.select(x, y, z) : name === 'madd' ? pool.madd(x, y, z) : undefined
}
