/**
 * exp and its family for float32.
 *
 * exp(x) = 2^n · e^r with n the integer nearest to x / ln 2 and |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds x / ln 2 to an
 * integer and leaves it in the low bits of the sum. ln 2 is subtracted in two parts, the first of which has few bits,
 * so that n times it is exact; e^r = 1 + r + r²·p(r) with the coefficients of Cephes' expf. The scale 2^n is applied
 * as two factors, which covers results from the smallest denormal to infinity.
 */
import type { Expr, ExprPool } from '../expr.ts'
import { Formula } from './build.ts'

const rounder = 12582912
const log2OfE = 1.4426950408889634
const ln2High = 0.693145751953125
const ln2Low = 1.4286068203094173e-6
const coefficients = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]
/** The bits of 1: an exponent of 0. */
const one = 0x3f800000

interface Reduced {
  /** n in the low bits. */
  readonly shifted: Expr
  /** e^r − 1. */
  readonly excess: Expr
}

/** Splits x, which must lie in −104 … 89 or be NaN. */
function reduce(f: Formula, x: Expr): Reduced {
  const sum = f.madd(x, log2OfE, rounder)
  const n = f.sub(sum, rounder)
  const r = f.madd(n, -ln2Low, f.madd(n, -ln2High, x))
  return { shifted: f.bits(sum), excess: f.madd(f.polynomial(r, coefficients), f.mul(r, r), r) }
}

/** x·2^n for any n in −252 … 254, as a product of two powers with about half the exponent each. */
function scaleWidely(f: Formula, x: Expr, shifted: Expr): Expr {
  // The low bits hold n: shifted left by 22, and without bit 22, they are the lower half of n as an exponent.
  const half = f.and(f.shiftLeft(shifted, 22), -0x800000)
  const rest = f.subBits(f.shiftLeft(shifted, 23), half)
  return f.mul(f.mul(x, f.float(f.addBits(half, one))), f.float(f.addBits(rest, one)))
}

/** e^x, within 1 ulp for every x. */
export function exp(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { shifted, excess } = reduce(f, f.atLeast(f.atMost(x, 89), -104))
  return scaleWidely(f, f.add(excess, 1), shifted)
}

/** e^x for 0 ≤ x, at most e^88; anything for NaN. */
export function expOfMagnitude(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { shifted, excess } = reduce(f, f.atMost(x, 88))
  return f.float(f.addBits(f.bits(f.add(excess, 1)), f.shiftLeft(shifted, 23)))
}

/**
 * e^x − 1 = 2^n·(e^r − 1) + (2^n − 1), computed at half the scale because 2^128 is not a float32. It has the sign
 * of x, also where x is −0.
 */
export function expm1(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { shifted, excess } = reduce(f, f.atLeast(f.atMost(x, 89), -18))
  const half = f.float(f.addBits(f.shiftLeft(shifted, 23), one - 0x800000))
  const value = f.madd(half, excess, f.sub(half, 0.5))
  return f.withSign(f.add(value, value), x)
}

/**
 * 1 / (1 + e^−x) as e^x / (1 + e^x): neither overflows once x is at most 88, where the quotient is 1, and the left
 * tail keeps its denormals.
 */
export function logistic(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const { shifted, excess } = reduce(f, f.atLeast(f.atMost(x, 88), -104))
  const e = scaleWidely(f, f.add(excess, 1), shifted)
  return f.div(e, f.add(e, 1))
}

/**
 * tanh: x·(1 + x²·p(x²)) below 0.625 (coefficients of Cephes' tanhf), 1 − 2 / (e^2|x| + 1) with the sign of x above.
 */
export function tanh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const square = f.mul(x, x)
  const p = f.polynomial(
    square,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  )
  // As a product, so that −0 stays −0.
  const small = f.mul(f.madd(p, square, 1), x)
  const e = expOfMagnitude(pool, f.add(magnitude, magnitude))
  const large = f.withSign(f.sub(1, f.div(2, f.add(e, 1))), x)
  // NaN compares false and so takes the polynomial, which keeps it.
  return f.select(f.compare('ge', magnitude, 0.625), large, small)
}

/** sinh: an odd polynomial below 1 (coefficients of Cephes' sinhf), (e^|x| − e^−|x|) / 2 above. */
export function sinh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const square = f.mul(x, x)
  const p = f.polynomial(square, [2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1])
  const small = f.madd(f.mul(p, square), x, x)
  const half = halfExp(pool, f, magnitude)
  const large = f.withSign(f.sub(half, f.div(0.25, half)), x)
  return f.select(f.compare('ge', magnitude, 1), large, small)
}

/** (e^x + e^−x) / 2. */
export function cosh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const half = halfExp(pool, f, f.abs(x))
  return f.add(half, f.div(0.25, half))
}

/** e^x / 2 for x ≥ 0, finite a little longer than e^x. */
function halfExp(pool: ExprPool, f: Formula, x: Expr): Expr {
  const root = exp(pool, f.mul(x, 0.5))
  return f.mul(f.mul(root, 0.5), root)
}
