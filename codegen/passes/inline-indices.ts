/**
 * Index sums written out in full.
 *
 * Scheduling binds the part of an address that a loop does not change before that loop. Which loops there are is about
 * to change, and the passes that change them read strides off the sums; so locals that hold index sums are written back
 * into the loads and stores that use them, and an address like i·128 + j stands in one piece. Whatever no longer varies
 * with the final loops leaves them again when code is emitted.
 */
import { type Expr, type ExprPool, type Local, operandsOf } from '../expr.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { withBodies } from '../schedule/contents.ts'
import { eachStatement, mapStatements, withBody } from './rewrite.ts'

/** Replaces every local whose value is an index sum (or an index, or a size) by that value. */
export function inlineIndices(pool: ExprPool, kernel: Kernel): Kernel {
  const mutable = new Set<Local>()
  for (const statement of eachStatement(kernel.body))
    if (statement.kind === 'set') mutable.add(statement.local)
  const values = new Map<Local, Expr>()
  const copies = new Map<Expr, Expr>()
  const copy = (expr: Expr): Expr => {
    const known = copies.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr)
    const replaced = operands.map(copy)
    const made =
      expr.kind === 'local'
        ? (values.get(expr.local) ?? expr)
        : replaced.every((operand, i) => operand === operands[i])
          ? expr
          : pool.withOperands(expr, replaced)
    copies.set(expr, made)
    return made
  }
  // A let stands before its uses, so its value is known in full when the walk meets a use.
  for (const statement of eachStatement(kernel.body)) {
    if (statement.kind !== 'let') continue
    const value = copy(statement.value)
    if (isIndexSum(value, mutable)) values.set(statement.local, value)
  }
  if (values.size === 0) return kernel
  const drop = (statements: readonly Statement[]): readonly Statement[] =>
    statements
      .filter((statement) => statement.kind !== 'let' || !values.has(statement.local))
      .map((statement) => withBodies(statement, drop))
  return withBody(kernel, mapStatements(drop(kernel.body), copy))
}

function isIndexSum(value: Expr, mutable: ReadonlySet<Local>): boolean {
  if (value.dtype !== 'int32' || value.lanes !== 1) return false
  if (value.kind === 'axis' || value.kind === 'size' || value.kind === 'const') return true
  if (value.kind !== 'linear') return false
  // Moving a load or a mutable local could move it past an assignment; an index divided further is worth its local.
  return value.terms.every(
    ({ atom }) => atom.kind === 'axis' || (atom.kind === 'local' && !mutable.has(atom.local)),
  )
}
