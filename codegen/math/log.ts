/**
 * log and its family for float32.
 *
 * x = 2^e · m with m in √½ … √2, read off the bits. With f = m − 1, log(m) = f − f²/2 + f³·p(f) (coefficients of
 * Cephes' logf), and e·ln 2 is added in two parts, the first of which has few bits.
 */
import type { Expr, ExprPool } from '../expr.ts'
import { Formula } from './build.ts'

const coefficients = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]
const ln2High = 0.693359375
const ln2Low = -2.1219444e-4
/** The bits of √½. */
const rootOfHalf = 0x3f3504f3

/** log of x·2^shift for a positive normal x; `rest` is added where it costs no accuracy. */
function logOfNormal(f: Formula, x: Expr, shift: Expr | undefined, rest: Expr | undefined): Expr {
  const bits = f.bits(x)
  const whole = f.shiftRight(f.subBits(bits, rootOfHalf), 23)
  const excess = f.sub(f.float(f.subBits(bits, f.shiftLeft(whole, 23))), 1)
  const exponent = shift === undefined ? f.toFloat(whole) : f.add(f.toFloat(whole), shift)
  const square = f.mul(excess, excess)
  const cube = f.mul(f.mul(f.polynomial(excess, coefficients), excess), square)
  const small = f.madd(square, -0.5, f.madd(exponent, ln2Low, cube))
  return f.madd(exponent, ln2High, f.add(excess, rest === undefined ? small : f.add(small, rest)))
}

/** log, within 1 ulp for every x; −∞ at 0 and NaN below. */
export function log(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  // Denormals are scaled into the normal range first.
  const denormal = f.compare('lt', x, 1.1754943508222875e-38)
  const normal = f.select(denormal, f.mul(x, 8388608), x)
  const finite = logOfNormal(f, normal, f.select(denormal, -23, 0), undefined)
  const positive = f.select(f.compare('lt', x, Infinity), finite, x)
  const orZero = f.select(f.compare('eq', x, 0), -Infinity, positive)
  return f.select(f.compare('lt', x, 0), Number.NaN, orZero)
}

/**
 * log(1 + x) = log(u) + (x − (u − 1)) / u with u = 1 + x rounded: the second term is what the rounding lost. It has
 * the sign of x, also where x is −0.
 */
export function log1p(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const u = f.add(x, 1)
  const lost = f.div(f.sub(x, f.sub(u, 1)), u)
  const finite = f.withSign(logOfNormal(f, u, undefined, lost), x)
  const positive = f.select(f.compare('lt', x, Infinity), finite, x)
  const orZero = f.select(f.compare('eq', u, 0), -Infinity, positive)
  return f.select(f.compare('lt', u, 0), Number.NaN, orZero)
}
