/**
 * Functions that wasm lacks, in float64. Kernels import them under the module name `math`: every transcendental
 * function of float64, and those of float32 that have no expansion in the loop language (whose operands are widened
 * and whose result is rounded).
 *
 * They follow C where JavaScript differs: `pow(1, y)` is 1 for every y, NaN included, and `pow(-1, ±∞)` is 1.
 */

/**
 * The error function. W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
 * Computation 23 (1969): one rational function for |x| ≤ 0.46875, and two for erfc beyond, times exp(−x²) with x²
 * split so that the exponent is exact.
 */
function erf(x: number): number {
  const y = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (y >= 6) return Math.sign(x)
  if (y <= 0.46875) return x * ratio(y * y, nearNumerator, nearDenominator)
  const scale = expOfMinusSquare(y)
  if (y <= 4) return Math.sign(x) * (1 - scale * ratio(y, middleNumerator, middleDenominator))
  const z = 1 / (y * y)
  const tail = (1 / Math.sqrt(Math.PI) - z * ratio(z, farNumerator, farDenominator)) / y
  return Math.sign(x) * (1 - scale * tail)
}

// Highest power first.
const nearNumerator = [1.85777706184603153e-1, 3.1611237438705656, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3]
const nearDenominator = [1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3]
const middleNumerator = [
  2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
  8.8195222124176909e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
]
const middleDenominator = [
  1, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
  4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
]
const farNumerator = [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4]
const farDenominator = [1, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3]

function polynomial(x: number, coefficients: readonly number[]): number {
  let sum = 0
  for (const coefficient of coefficients) sum = sum * x + coefficient
  return sum
}

function ratio(x: number, numerator: readonly number[], denominator: readonly number[]): number {
  return polynomial(x, numerator) / polynomial(x, denominator)
}

function expOfMinusSquare(y: number): number {
  const rounded = Math.trunc(y * 16) / 16
  return Math.exp(-rounded * rounded) * Math.exp(-(y - rounded) * (y + rounded))
}

function logistic(x: number): number {
  const e = Math.exp(-Math.abs(x))
  return x < 0 ? e / (1 + e) : 1 / (1 + e)
}

function pow(x: number, y: number): number {
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1
  return x ** y
}

/** x^y for 32-bit integers, modulo 2³². A negative power truncates to 0 but for the units 1 and −1. */
function powInt(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0
  let result = 1
  let square = x
  for (let left = y; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = Math.imul(result, square)
    square = Math.imul(square, square)
  }
  return result
}

/** The functions by the names of the loop language's ops; `powInt` is `pow` of integers. */
export const hostMath: Readonly<Record<string, (x: number, y: number) => number>> = {
  exp: (x: number): number => Math.exp(x),
  expm1: (x: number): number => Math.expm1(x),
  log: (x: number): number => Math.log(x),
  log1p: (x: number): number => Math.log1p(x),
  sin: (x: number): number => Math.sin(x),
  cos: (x: number): number => Math.cos(x),
  tan: (x: number): number => Math.tan(x),
  asin: (x: number): number => Math.asin(x),
  acos: (x: number): number => Math.acos(x),
  atan: (x: number): number => Math.atan(x),
  sinh: (x: number): number => Math.sinh(x),
  cosh: (x: number): number => Math.cosh(x),
  tanh: (x: number): number => Math.tanh(x),
  asinh: (x: number): number => Math.asinh(x),
  acosh: (x: number): number => Math.acosh(x),
  atanh: (x: number): number => Math.atanh(x),
  erf,
  logistic,
  pow,
  powInt,
  atan2: (x: number, y: number): number => Math.atan2(x, y),
  rem: (x: number, y: number): number => x % y,
}
