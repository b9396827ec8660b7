/**
 * Replaces float32 transcendental functions by arithmetic of the loop language (codegen/math), for scalars and
 * vectors alike, so that they vectorise and the interpreter computes the very same bits. What has no expansion stays
 * and is called in the host.
 */
import { type Expr, type ExprPool, operandsOf, type UnaryOp } from '../expr.ts'
import type { Kernel } from '../kernel.ts'
import { erf } from '../math/erf.ts'
import { cosh, exp, expm1, logistic, sinh, tanh } from '../math/exp.ts'
import { acos, acosh, asin, asinh, atan, atanh } from '../math/inverse.ts'
import { log, log1p } from '../math/log.ts'
import { cos, sin, tan } from '../math/trigonometric.ts'
import { mapStatements } from './rewrite.ts'

type Expansion = (pool: ExprPool, x: Expr) => Expr

/** The float32 functions that have an expansion. */
export const mathExpansions: Readonly<Partial<Record<UnaryOp, Expansion>>> = {
  exp,
  expm1,
  log,
  log1p,
  tanh,
  logistic,
  sinh,
  cosh,
  erf,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  asinh,
  acosh,
  atanh,
}

/** The kernel with every float32 function that has an expansion expanded. */
export function expandMath(pool: ExprPool, kernel: Kernel): Kernel {
  const made = new Map<Expr, Expr>()
  const expand = (expr: Expr): Expr => {
    const known = made.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr)
    const expanded = operands.map(expand)
    let result = operands.every((operand, i) => operand === expanded[i])
      ? expr
      : pool.withOperands(expr, expanded)
    if (result.kind === 'unary' && result.dtype === 'float32')
      result = mathExpansions[result.op]?.(pool, result.x) ?? result
    made.set(expr, result)
    return result
  }
  return { ...kernel, body: mapStatements(kernel.body, expand) }
}
