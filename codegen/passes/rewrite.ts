/**
 * Copying kernel statements with replacements: what every loop pass is made of.
 *
 * A `Substitution` maps axes to the index expressions that take their place and locals to other locals. Copying a
 * loop body a second time must not define its locals a second time, so `copyStatements` gives every local assigned in
 * the copied statements a new one, unless it is listed as belonging outside (an accumulator set up before the loop).
 * A local's use nodes carry the axes it varies with; in a copy those are the axes of what replaced them.
 */
import type { Axis, Buffer, Expr, ExprPool, Local } from '../expr.ts'
import { operandsOf } from '../expr.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { bodiesOf, expressionsOf, withBodies, withExpressions } from '../schedule/contents.ts'

/** What to replace while copying. Axes and locals not mentioned stay. */
export interface Substitution {
  readonly axes: ReadonlyMap<Axis, Expr>
  readonly locals: ReadonlyMap<Local, Local>
}

/** The axes something varies with after a substitution. */
export function substituteAxes(axes: readonly Axis[], substitution: Substitution): readonly Axis[] {
  if (!axes.some((axis) => substitution.axes.has(axis))) return axes
  const result = new Set<Axis>()
  for (const axis of axes) {
    const replacement = substitution.axes.get(axis)
    if (replacement === undefined) result.add(axis)
    else for (const inner of replacement.axes) result.add(inner)
  }
  return [...result].sort((a, b) => a.id - b.id)
}

/** A function that copies expressions under one substitution, each shared node once. */
export function expressionCopier(pool: ExprPool, substitution: Substitution): (expr: Expr) => Expr {
  const copies = new Map<Expr, Expr>()
  const make = (expr: Expr): Expr => {
    if (expr.kind === 'axis') return substitution.axes.get(expr.axis) ?? expr
    if (expr.kind === 'local') {
      const local = substitution.locals.get(expr.local)
      return local === undefined ? expr : pool.localValue(local, substituteAxes(expr.axes, substitution))
    }
    const operands = operandsOf(expr)
    const replaced = operands.map(copy)
    return replaced.every((operand, i) => operand === operands[i]) ? expr : pool.withOperands(expr, replaced)
  }
  const copy = (expr: Expr): Expr => {
    let result = copies.get(expr)
    if (result === undefined) {
      result = make(expr)
      copies.set(expr, result)
    }
    return result
  }
  return copy
}

/** Copies statements; locals they assign become new ones, but for those in `outside`. */
export function copyStatements(
  pool: ExprPool,
  statements: readonly Statement[],
  substitution: Substitution,
  outside: ReadonlySet<Local>,
): readonly Statement[] {
  const locals = new Map(substitution.locals)
  for (const local of assignedLocals(statements)) {
    if (!outside.has(local) && !locals.has(local))
      locals.set(local, pool.local(local.dtype, local.lanes, local.mutable))
  }
  const copy = expressionCopier(pool, { axes: substitution.axes, locals })
  return mapStatements(statements, copy, (local) => locals.get(local) ?? local)
}

/** The statements with every expression and every assigned local replaced. */
export function mapStatements(
  statements: readonly Statement[],
  expr: (expr: Expr) => Expr,
  assigned: (local: Local) => Local = (local) => local,
): readonly Statement[] {
  return statements.map((statement): Statement => {
    if (statement.kind === 'let' || statement.kind === 'set')
      return { ...statement, local: assigned(statement.local), value: expr(statement.value) }
    return withBodies(withExpressions(statement, expr), (body) => mapStatements(body, expr, assigned))
  })
}

/** Every statement in program order, those inside loops and conditions too. */
export function* eachStatement(statements: readonly Statement[]): Generator<Statement> {
  for (const statement of statements) {
    yield statement
    for (const body of bodiesOf(statement)) yield* eachStatement(body)
  }
}

/** The locals that statements assign, at any depth. */
export function assignedLocals(statements: readonly Statement[]): Set<Local> {
  const result = new Set<Local>()
  for (const statement of eachStatement(statements))
    if (statement.kind === 'let' || statement.kind === 'set') result.add(statement.local)
  return result
}

/** Every node under the expressions, each once. */
export function nodesOf(roots: Iterable<Expr>): Set<Expr> {
  const seen = new Set<Expr>()
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return
    seen.add(expr)
    for (const operand of operandsOf(expr)) visit(operand)
  }
  for (const root of roots) visit(root)
  return seen
}

/** Every node of every expression in the statements. */
export function nodesOfStatements(statements: readonly Statement[]): Set<Expr> {
  const roots: Expr[] = []
  for (const statement of eachStatement(statements)) roots.push(...expressionsOf(statement))
  return nodesOf(roots)
}

/** True for a loop a pass may restructure: from 0 by 1 over the whole extent of its axis. */
export function isWholeLoop(pool: ExprPool, statement: Statement): boolean {
  return (
    statement.kind === 'loop' &&
    statement.step === 1 &&
    statement.from === pool.const('int32', 0) &&
    statement.to === pool.size(statement.axis.extent)
  )
}

/** The kernel with another body, or itself when nothing changed. */
export function withBody(kernel: Kernel, body: readonly Statement[]): Kernel {
  const same =
    body.length === kernel.body.length && body.every((statement, i) => statement === kernel.body[i])
  return same ? kernel : { ...kernel, body }
}

/** The buffers written by the statements, with the index expressions they are written at. */
export function storesOf(statements: readonly Statement[]): Map<Buffer, Set<Expr>> {
  const result = new Map<Buffer, Set<Expr>>()
  for (const statement of eachStatement(statements)) {
    if (statement.kind !== 'store') continue
    const indices = result.get(statement.buffer) ?? new Set<Expr>()
    indices.add(statement.index)
    result.set(statement.buffer, indices)
  }
  return result
}
