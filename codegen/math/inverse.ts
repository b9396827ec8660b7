/**
 * Inverse trigonometric and hyperbolic functions for float32, each computed for |x| and given the sign of x where the
 * function is odd. The polynomials are those of Cephes' atanf and asinf.
 */
import type { Expr, ExprPool } from '../expr.ts'
import { Formula } from './build.ts'
import { log1p } from './log.ts'

const halfPi = Math.PI / 2
const ln2 = Math.LN2
/** Above this, 1 + x² is x² and asinh x = acosh x = log 2x in float32. */
const far = 1e8

/** atan: (|x| − 1) / (|x| + 1) or −1 / |x| brings |x| below tan π/8, for an offset of π/4 or π/2. */
export function atan(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const steep = f.compare('gt', magnitude, 2.414213562373095)
  const medium = f.compare('gt', magnitude, 0.4142135623730951)
  const numerator = f.select(steep, -1, f.select(medium, f.sub(magnitude, 1), magnitude))
  const denominator = f.select(steep, magnitude, f.select(medium, f.add(magnitude, 1), 1))
  const offset = f.select(steep, halfPi, f.select(medium, halfPi / 2, 0))
  const t = f.div(numerator, denominator)
  const square = f.mul(t, t)
  const p = f.polynomial(square, [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1])
  return f.withSign(f.add(f.madd(f.mul(p, square), t, t), offset), x)
}

/** asin of m where m ≤ ½, else of √((1 − m) / 2), which is (π/2 − asin m) / 2; NaN for m > 1. */
function reducedAsin(f: Formula, magnitude: Expr, beyondHalf: Expr): Expr {
  const square = f.select(beyondHalf, f.mul(f.sub(1, magnitude), 0.5), f.mul(magnitude, magnitude))
  const root = f.select(beyondHalf, f.sqrt(square), magnitude)
  const p = f.polynomial(
    square,
    [4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1],
  )
  return f.madd(f.mul(p, square), root, root)
}

export function asin(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const beyondHalf = f.compare('gt', magnitude, 0.5)
  const angle = reducedAsin(f, magnitude, beyondHalf)
  return f.withSign(f.select(beyondHalf, f.madd(angle, -2, halfPi), angle), x)
}

export function acos(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const beyondHalf = f.compare('gt', magnitude, 0.5)
  const angle = reducedAsin(f, magnitude, beyondHalf)
  const double = f.add(angle, angle)
  const outer = f.select(f.compare('lt', x, 0), f.sub(Math.PI, double), double)
  return f.select(beyondHalf, outer, f.sub(halfPi, f.withSign(angle, x)))
}

/** asinh x = log(x + √(x² + 1)) as log1p(x + x² / (1 + √(x² + 1))). */
export function asinh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const isFar = f.compare('gt', magnitude, far)
  const square = f.mul(x, x)
  const near = f.add(magnitude, f.div(square, f.add(f.sqrt(f.add(square, 1)), 1)))
  const value = log1p(pool, f.select(isFar, magnitude, near))
  return f.withSign(f.add(value, f.select(isFar, ln2, 0)), x)
}

/** acosh x = log(x + √(x² − 1)) as log1p(t + √(2t + t²)) with t = x − 1. */
export function acosh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const isFar = f.compare('gt', x, far)
  const t = f.sub(x, 1)
  const near = f.add(t, f.sqrt(f.madd(t, t, f.add(t, t))))
  const value = log1p(pool, f.select(isFar, x, near))
  return f.select(f.compare('lt', x, 1), Number.NaN, f.add(value, f.select(isFar, ln2, 0)))
}

/** atanh x = log((1 + x) / (1 − x)) / 2 as log1p(2x / (1 − x)) / 2. */
export function atanh(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const magnitude = f.abs(x)
  const ratio = f.div(f.add(magnitude, magnitude), f.sub(1, magnitude))
  return f.withSign(f.mul(log1p(pool, ratio), 0.5), x)
}
