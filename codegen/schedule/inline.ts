/**
 * Puts values back where they are used. The scheduler binds every node to a local at the outermost place it can be
 * computed; here a local that serves exactly one statement of its own statement list is written into that statement
 * again. What remains bound is what is worth a local: values that left a loop, and values several statements share.
 *
 * A value is not moved past a store to a buffer it loads, nor past an assignment of a mutable local it reads.
 */
import { type Expr, type ExprPool, type Local, operandsOf } from '../expr.ts'
import type { Let, Statement } from '../kernel.ts'
import {
  bodiesOf,
  expressionsOf,
  visitExprs,
  visitStatements,
  withBodies,
  withExpressions,
  writesOf,
} from './contents.ts'

/** The statements with single-use locals written into their user, and unused locals dropped. */
export function inlineLocals(pool: ExprPool, statements: readonly Statement[]): readonly Statement[] {
  const values = new Map<Local, Expr>()
  const expanded = new Map<Expr, Expr>()
  const expand = (expr: Expr): Expr => {
    let made = expanded.get(expr)
    if (made === undefined) {
      const value = expr.kind === 'local' ? values.get(expr.local) : undefined
      const operands = operandsOf(expr)
      made =
        value !== undefined
          ? expand(value)
          : operands.length === 0
            ? expr
            : pool.withOperands(expr, operands.map(expand))
      expanded.set(expr, made)
    }
    return made
  }
  const visit = (list: readonly Statement[], users: readonly Statement[] = list): readonly Statement[] => {
    const inlined = chooseInlined(users)
    for (const statement of inlined) values.set(statement.local, statement.value)
    return list.flatMap((statement): readonly Statement[] => {
      if (statement.kind === 'let' && inlined.has(statement)) return []
      if (statement.kind !== 'while')
        return [withBodies(withExpressions(statement, expand), (body) => visit(body))]
      // The condition and the body go on where the test ends.
      const { test, condition, body } = statement
      const always = pool.const('bool', 1)
      const tested = visit(test, [
        ...test,
        { kind: 'fail', id: 0, value: condition },
        { kind: 'if', condition: always, body },
      ])
      return [{ ...statement, test: tested, condition: expand(condition), body: visit(body) }]
    })
  }
  return visit(statements)
}

/** The lets of a list that go into the one statement using them (or nowhere, when nothing uses them). */
function chooseInlined(list: readonly Statement[]): ReadonlySet<Let> {
  const users = usersOf(list)
  const writes = list.flatMap((statement, position) =>
    statement.kind === 'let' ? [] : [{ position, ...writesOf(statement) }],
  )
  const inlined = new Set<Let>()
  // Where the value of an inlined let ends up: later lets are decided first, so chains resolve to their last user.
  const target = new Map<number, number>()
  for (let position = list.length - 1; position >= 0; position--) {
    const statement = list[position]
    if (statement?.kind !== 'let') continue
    const targets = new Set([...(users.get(statement.local) ?? [])].map((user) => target.get(user) ?? user))
    const [only] = targets
    if (only === undefined) {
      inlined.add(statement)
      continue
    }
    const user = list[only]
    if (targets.size !== 1 || user === undefined || bodiesOf(user).length > 0) continue
    const reads = readsOf(statement.value)
    const disturbed = writes.some(
      (write) =>
        write.position > position &&
        write.position < only &&
        reads.some((read) =>
          read.kind === 'load'
            ? write.buffers.has(read.buffer)
            : read.kind === 'local' && write.locals.has(read.local),
        ),
    )
    if (disturbed) continue
    inlined.add(statement)
    target.set(position, only)
  }
  return inlined
}

/** The loads and mutable locals an expression reads. */
function readsOf(value: Expr): readonly Expr[] {
  const reads: Expr[] = []
  visitExprs([value], (expr) => {
    if (expr.kind === 'load' || (expr.kind === 'local' && expr.local.mutable)) reads.push(expr)
  })
  return reads
}

/** For each local, the positions of the list whose statement reads it, nested statements included. */
function usersOf(list: readonly Statement[]): ReadonlyMap<Local, ReadonlySet<number>> {
  const users = new Map<Local, Set<number>>()
  list.forEach((statement, position) => {
    const seen = new Set<Expr>()
    visitStatements([statement], (inner) => {
      visitExprs(
        expressionsOf(inner),
        (expr) => {
          if (expr.kind !== 'local') return
          const positions = users.get(expr.local)
          if (positions === undefined) users.set(expr.local, new Set([position]))
          else positions.add(position)
        },
        seen,
      )
    })
  })
  return users
}
