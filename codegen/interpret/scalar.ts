/**
 * The arithmetic of the loop language on JavaScript numbers, bit for bit what wasm computes.
 *
 * float32 results are computed in float64 and rounded once: for + − × ÷ and √ of float32 operands that gives the
 * correctly rounded float32. int32 wraps by `| 0` and `Math.imul`, uint8 by `& 255`; a bool is 0 or 1.
 */
import type { DType } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { BinaryOp, CompareOp, ReduceOp, UnaryOp } from '../expr.ts'
import { erf, logistic, powerInt } from './functions.ts'

export type Unary = (x: number) => number
export type Binary = (x: number, y: number) => number

/** Brings a number computed from values of a dtype back into that dtype. */
export function narrow(dtype: DType): Unary {
  switch (dtype) {
    case 'float32':
      return Math.fround
    case 'float64':
      return (x) => x
    case 'int32':
      return (x) => x | 0
    case 'uint8':
      return (x) => x & 255
    case 'bool':
      return (x) => (x === 0 ? 0 : 1)
  }
}

/** Nearest integer, ties to even; keeps the sign of zero. */
function roundHalfEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x
  const magnitude = Math.abs(x)
  const floor = Math.floor(magnitude)
  const rest = magnitude - floor
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

/** The function a unary op computes on a dtype. */
export function unaryFunction(op: UnaryOp, dtype: DType): Unary {
  if (op === 'not') return dtype === 'bool' ? (x) => 1 - x : dtype === 'uint8' ? (x) => ~x & 255 : (x) => ~x
  const to = narrow(dtype)
  if (op === 'neg') return dtype === 'float32' || dtype === 'float64' ? (x) => -x : (x) => to(0 - x)
  if (op === 'abs') return (x) => to(Math.abs(x))
  const whole = op === 'floor' || op === 'ceil' || op === 'round' || op === 'trunc'
  if (dtype !== 'float32' && dtype !== 'float64') {
    if (whole) return (x) => x
    throw new InternalError(`${op} is not defined on ${dtype}`)
  }
  if (op === 'round') return roundHalfEven
  const exact: Unary = op === 'erf' ? erf : op === 'logistic' ? logistic : Math[op]
  return whole || dtype === 'float64' ? exact : (x) => Math.fround(exact(x))
}

/** The function a binary op computes on a dtype. */
export function binaryFunction(op: BinaryOp, dtype: DType): Binary {
  const to = narrow(dtype)
  const floating = dtype === 'float32' || dtype === 'float64'
  switch (op) {
    case 'add':
      return (x, y) => to(x + y)
    case 'sub':
      return (x, y) => to(x - y)
    case 'mul':
      return floating ? (x, y) => to(x * y) : (x, y) => to(Math.imul(x, y))
    case 'div':
      if (floating) return (x, y) => to(x / y)
      return (x, y) => to(x / checkDivisor(y))
    case 'idiv':
      return (x, y) => to(Math.trunc(x / checkDivisor(y)))
    case 'rem':
      return floating ? (x, y) => x % y : (x, y) => to(x % checkDivisor(y))
    case 'pow':
      return floating ? (x, y) => to(x ** y) : (x, y) => to(powerInt(x, y))
    case 'atan2':
      return (x, y) => to(Math.atan2(x, y))
    case 'max':
      return (x, y) => (x < y || Number.isNaN(y) ? y : x)
    case 'min':
      return (x, y) => (y < x || Number.isNaN(y) ? y : x)
    case 'pmax':
      return (x, y) => (x < y ? y : x)
    case 'pmin':
      return (x, y) => (y < x ? y : x)
    case 'and':
      return (x, y) => x & y
    case 'or':
      return (x, y) => x | y
    case 'xor':
      return (x, y) => x ^ y
    case 'shl':
      return (x, y) => to(x << y)
    case 'shr':
      return (x, y) => x >> y
    case 'shru':
      return (x, y) => to(x >>> y)
    case 'mulhu':
      return (x, y) => Number((BigInt(x >>> 0) * BigInt(y >>> 0)) >> 32n) | 0
  }
}

function checkDivisor(y: number): number {
  if (y === 0) throw new InternalError('an integer division by 0 reached the loops')
  return y
}

/** The function a comparison computes: 1 or 0. */
export function compareFunction(op: CompareOp): Binary {
  switch (op) {
    case 'eq':
      return (x, y) => Number(x === y)
    case 'ne':
      return (x, y) => Number(x !== y)
    case 'lt':
      return (x, y) => Number(x < y)
    case 'le':
      return (x, y) => Number(x <= y)
    case 'gt':
      return (x, y) => Number(x > y)
    case 'ge':
      return (x, y) => Number(x >= y)
  }
}

/** The function that combines two values of a reduction. */
export function combineFunction(op: ReduceOp, dtype: DType): Binary {
  if (dtype === 'bool') return op === 'sum' || op === 'max' || op === 'or' ? (x, y) => x | y : (x, y) => x & y
  return binaryFunction(op === 'sum' ? 'add' : op === 'prod' ? 'mul' : op, dtype)
}

/** Conversion between dtypes: float to integer truncates and saturates (NaN is 0), integer to uint8 wraps. */
export function convertFunction(from: DType, to: DType): Unary {
  if (from === 'float32' || from === 'float64') {
    // `| 0` after clamping: NaN and −0 become 0.
    if (to === 'int32') return (x) => Math.trunc(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x))) | 0
    if (to === 'uint8') return (x) => Math.trunc(Math.max(0, Math.min(255, x))) | 0
  }
  return narrow(to)
}

const words = new DataView(new ArrayBuffer(8))

/** The float32 with the bits of an int32, or the other way round. */
export function bitcastFunction(to: DType): Unary {
  return to === 'float32'
    ? (x) => {
        words.setInt32(0, x)
        return words.getFloat32(0)
      }
    : (x) => {
        words.setFloat32(0, x)
        return words.getInt32(0)
      }
}

/** x·y + z in float32: in one rounding when `fused`, else in two. */
export function madd(fused: boolean): (x: number, y: number, z: number) => number {
  return fused ? fusedMadd : (x, y, z) => Math.fround(Math.fround(x * y) + z)
}

/**
 * The product of two float32 is exact in float64. The sum with z may not be: TwoSum gives its rounding error, and
 * when there is one the sum is *rounded to odd* (of the two float64 around the exact sum, the one whose last bit is 1),
 * after which rounding to float32 cannot be led astray by the first rounding (Boldo and Melquiond, "Emulation of a FMA
 * and correctly rounded sums", 2008).
 */
function fusedMadd(x: number, y: number, z: number): number {
  const product = x * y
  const sum = product + z
  if (!Number.isFinite(sum)) return Math.fround(sum)
  const zPart = sum - product
  const error = product - (sum - zPart) + (z - zPart)
  if (error === 0) return Math.fround(sum)
  words.setFloat64(0, sum)
  const bits = words.getBigInt64(0)
  if ((bits & 1n) === 0n) words.setBigInt64(0, error > 0 === sum > 0 ? bits + 1n : bits - 1n)
  return Math.fround(words.getFloat64(0))
}
