// The scalar operations of the loop language on JavaScript numbers, each rounded to its dtype: the reference that
// naive.ts computes with.
import type { DType } from '../../codegen/dtype.ts'
import type { BinaryOp, CompareOp, ReduceOp, UnaryOp } from '../../codegen/expr.ts'

/** The nearest value of the dtype; integers wrap. */
export function toDType(dtype: DType, value: number): number {
  switch (dtype) {
    case 'float32':
      return Math.fround(value)
    case 'float64':
      return value
    case 'int32':
      return value | 0
    case 'uint8':
      return value & 255
    case 'bool':
      return Number(value !== 0)
  }
}

/** Numeric conversion: floats to integers truncate and saturate, int32 to uint8 wraps, anything to bool is `!= 0`. */
export function convert(value: number, dtype: DType): number {
  if (dtype === 'int32')
    return Number.isNaN(value) ? 0 : Math.trunc(Math.min(Math.max(value, -2147483648), 2147483647)) | 0
  return toDType(dtype, value)
}

/** 2/√π ∫₀ˣ exp(−t²) dt: Taylor series near 0, continued fraction of the complement beyond. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / (a + fraction) / Math.sqrt(Math.PI))
}

function roundHalfEven(x: number): number {
  if (Math.abs(x) >= 2 ** 52) return x
  const below = Math.floor(x)
  const rest = x - below
  const result = rest < 0.5 ? below : rest > 0.5 ? below + 1 : below % 2 === 0 ? below : below + 1
  return result === 0 && (x < 0 || Object.is(x, -0)) ? -0 : result
}

const functions: Readonly<Record<Exclude<UnaryOp, 'not'>, (x: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  trunc: Math.trunc,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  logistic: (x) => 1 / (1 + Math.exp(-x)),
}

/** One operand. */
export function unary(op: UnaryOp, dtype: DType, x: number): number {
  if (op === 'not') return dtype === 'bool' ? 1 - x : toDType(dtype, ~x)
  return toDType(dtype, functions[op](x))
}

/** C's pow, which differs from JavaScript's at base ±1. */
function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1
  return x ** y
}

function extreme(x: number, y: number, larger: boolean): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN
  return larger ? Math.max(x, y) : Math.min(x, y)
}

/** Two operands of one dtype. */
export function binary(op: BinaryOp, dtype: DType, x: number, y: number): number {
  const integer = dtype === 'int32' || dtype === 'uint8'
  const plain = (): number => {
    switch (op) {
      case 'add':
        return x + y
      case 'sub':
        return x - y
      case 'mul':
        return integer ? Math.imul(x, y) : x * y
      case 'div':
        return x / y
      case 'idiv':
        if (y === 0) throw new RangeError('integer division by 0')
        return Math.trunc(x / y)
      case 'rem':
        if (integer && y === 0) throw new RangeError('integer remainder by 0')
        return x % y
      case 'pow':
        return power(x, y)
      case 'atan2':
        return Math.atan2(x, y)
      case 'max':
        return extreme(x, y, true)
      case 'min':
        return extreme(x, y, false)
      case 'pmax':
        return x < y ? y : x
      case 'pmin':
        return y < x ? y : x
      case 'and':
        return x & y
      case 'or':
        return x | y
      case 'xor':
        return x ^ y
      case 'shl':
        return x << y
      case 'shr':
        return x >> y
      case 'shru':
        return x >>> y
      case 'mulhu':
        return Number((BigInt(x >>> 0) * BigInt(y >>> 0)) >> 32n)
    }
  }
  return toDType(dtype, plain())
}

export function compare(op: CompareOp, x: number, y: number): boolean {
  switch (op) {
    case 'eq':
      return x === y
    case 'ne':
      return x !== y
    case 'lt':
      return x < y
    case 'le':
      return x <= y
    case 'gt':
      return x > y
    case 'ge':
      return x >= y
  }
}

/** What a reduction of nothing gives. */
export function reduceStart(op: ReduceOp, dtype: DType): number {
  const floating = dtype === 'float32' || dtype === 'float64'
  switch (op) {
    case 'sum':
    case 'or':
      return 0
    case 'prod':
    case 'and':
      return 1
    case 'max':
      return floating ? -Infinity : dtype === 'uint8' ? 0 : -2147483648
    case 'min':
      return floating ? Infinity : dtype === 'uint8' ? 255 : 2147483647
  }
}
