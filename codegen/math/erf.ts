/**
 * erf for float32: x·p(x²)/q(x²) on |x| ≤ 4, beyond which erf is 1 in float32. The coefficients are those of the
 * rational minimax approximation Eigen and XLA use. The quotient is formed before the product with x, so that
 * denormal x lose nothing.
 */
import type { Expr, ExprPool } from '../expr.ts'
import { Formula } from './build.ts'

const numerator = [
  -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
  -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
]
const denominator = [
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3,
  -1.42647390514189e-2,
]

export function erf(pool: ExprPool, x: Expr): Expr {
  const f = new Formula(pool, x)
  const clamped = f.atLeast(f.atMost(x, 4), -4)
  const square = f.mul(clamped, clamped)
  const ratio = f.div(f.polynomial(square, numerator), f.polynomial(square, denominator))
  return f.atLeast(f.atMost(f.mul(clamped, ratio), 1), -1)
}
