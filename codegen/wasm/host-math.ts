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
const nearNumerator = [
  0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694,
]
const nearDenominator = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171]
const middleNumerator = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001,
  881.952221241769, 1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
]
const middleDenominator = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
]
const farNumerator = [
  0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
  0.0006587491615298378,
]
const farDenominator = [
  1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
]

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
