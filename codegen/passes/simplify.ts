/**
 * What constants decide is decided now: arithmetic on integers and truth values, comparisons, selects and conditions.
 *
 * An op that divides by an integer guards against 0 whatever the divisor; in most kernels that is a constant, and the
 * guard, together with the check that reports it, goes away here. Floats are folded in comparisons only: what is left
 * of float arithmetic on constants is rare, and its NaNs have payloads.
 */
import { type BinaryExpr, type Expr, type ExprPool, type Local, operandsOf } from '../expr.ts'
import { binaryFunction, compareFunction, convertFunction, unaryFunction } from '../interpret/scalar.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { withBodies, withExpressions } from '../schedule/contents.ts'
import { withBody } from './rewrite.ts'

/** The kernel with scalar constants folded, and without the branches that are never taken. */
export function simplify(pool: ExprPool, kernel: Kernel): Kernel {
  return withBody(kernel, simplifyStatements(pool, kernel.body))
}

/** The statements, simplified; statements that stay the same are the same objects. */
export function simplifyStatements(pool: ExprPool, statements: readonly Statement[]): readonly Statement[] {
  const made = new Map<Expr, Expr>()
  const constants = new Map<Local, Expr>()
  const rewrite = (expr: Expr): Expr => {
    if (expr.kind === 'local') return constants.get(expr.local) ?? expr
    const known = made.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr)
    const rewritten = operands.map(rewrite)
    const same = rewritten.every((operand, i) => operand === operands[i])
    const result = folded(pool, same ? expr : pool.withOperands(expr, rewritten))
    made.set(expr, result)
    return result
  }
  const visit = (list: readonly Statement[]): readonly Statement[] =>
    list.flatMap((statement): readonly Statement[] => {
      let changed = false
      const moved = withExpressions(statement, (expr) => {
        const result = rewrite(expr)
        changed ||= result !== expr
        return result
      })
      if (moved.kind === 'let' && moved.value.kind === 'const') {
        constants.set(moved.local, moved.value)
        return []
      }
      if (moved.kind === 'if' && moved.condition.kind === 'const')
        return visit(moved.condition.value === 0 ? (moved.otherwise ?? []) : moved.body)
      if (moved.kind === 'while' && moved.condition.kind === 'const' && moved.condition.value === 0)
        return visit(moved.test)
      const inner = withBodies(moved, (body) => {
        const visited = visit(body)
        if (visited.length === body.length && visited.every((at, i) => at === body[i])) return body
        changed = true
        return visited
      })
      return [changed ? inner : statement]
    })
  return visit(statements)
}

function isInteger(expr: Expr): boolean {
  return expr.dtype !== 'float32' && expr.dtype !== 'float64'
}

function folded(pool: ExprPool, expr: Expr): Expr {
  if (expr.lanes !== 1) return expr
  switch (expr.kind) {
    case 'unary':
      if (expr.x.kind === 'const' && isInteger(expr.x))
        return pool.const(expr.dtype, unaryFunction(expr.op, expr.dtype)(expr.x.value))
      return expr.op === 'not' && expr.x.kind === 'unary' && expr.x.op === 'not' ? expr.x.x : expr
    case 'compare': {
      const { op, x, y } = expr
      const test = compareFunction(op)
      return mapConstants(pool, x, y, (a, b) => pool.const('bool', test(a, b))) ?? expr
    }
    case 'select':
      if (expr.x.dtype !== 'bool' || expr.x.kind !== 'const' || expr.y.kind !== 'const') return expr
      return expr.x.value === 0 ? pool.unary('not', expr.condition) : expr.condition
    case 'convert':
      return expr.x.kind === 'const'
        ? pool.const(expr.dtype, convertFunction(expr.x.dtype, expr.dtype)(expr.x.value))
        : expr
    case 'binary':
      return isInteger(expr) ? foldedBinary(pool, expr) : expr
    default:
      return expr
  }
}

/** The result of a function of two constants, or of a constant and a choice between two. */
function mapConstants(
  pool: ExprPool,
  x: Expr,
  y: Expr,
  compute: (x: number, y: number) => Expr,
): Expr | undefined {
  if (x.kind === 'const' && y.kind === 'const') return compute(x.value, y.value)
  if (x.kind !== 'select' || y.kind !== 'const') return undefined
  if (x.x.kind !== 'const' || x.y.kind !== 'const') return undefined
  const [whenTrue, whenFalse] = [compute(x.x.value, y.value), compute(x.y.value, y.value)]
  return folded(pool, pool.select(x.condition, whenTrue, whenFalse))
}

function foldedBinary(pool: ExprPool, expr: BinaryExpr): Expr {
  const { op, x, y, dtype } = expr
  const divides = op === 'idiv' || op === 'rem' || op === 'div'
  if (!divides || (y.kind === 'const' && y.value !== 0)) {
    const compute = binaryFunction(op, dtype)
    const result = mapConstants(pool, x, y, (a, b) => pool.const(dtype, compute(a, b)))
    if (result !== undefined) return result
  }
  if (dtype !== 'bool') return expr
  const constant = x.kind === 'const' ? x : y.kind === 'const' ? y : undefined
  const other = constant === x ? y : x
  if (constant === undefined) return expr
  if (op === 'and') return constant.value === 0 ? constant : other
  if (op === 'or') return constant.value === 0 ? other : constant
  if (op !== 'xor') return expr
  return constant.value === 0 ? other : pool.unary('not', other)
}
