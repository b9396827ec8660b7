/**
 * What a kernel mentions: its buffers in order of first use and the size names its code needs. Both become parameters
 * of the compiled function, so passes that add or drop code call these again.
 */
import { type Buffer, type Expr, type Local, operandsOf } from '../expr.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { addSizes, multiplySizes, namesOfSize, type Size } from '../size.ts'

/** Calls `visit` once per node reachable from the expressions, operands before users. `seen` may be shared between calls. */
export function visitExprs(
  roots: readonly Expr[],
  visit: (expr: Expr) => void,
  seen: Set<Expr> = new Set(),
): void {
  for (const root of roots) {
    if (seen.has(root)) continue
    seen.add(root)
    visitExprs(operandsOf(root), visit, seen)
    visit(root)
  }
}

/** The expressions a statement evaluates itself, in order of evaluation; those of nested statements are not included. */
export function expressionsOf(statement: Statement): readonly Expr[] {
  switch (statement.kind) {
    case 'loop':
      return [statement.from, statement.to]
    case 'let':
    case 'set':
      return [statement.value]
    case 'store':
      return [statement.index, statement.value]
    case 'if':
    case 'while':
      return [statement.condition]
    case 'fail':
      return [statement.value]
  }
}

/** The lists of statements inside a statement, in order of evaluation. */
export function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.kind) {
    case 'loop':
      return [statement.body]
    case 'if':
      return statement.otherwise === undefined ? [statement.body] : [statement.body, statement.otherwise]
    case 'while':
      return [statement.test, statement.body]
    default:
      return []
  }
}

/** The statement with the lists of statements inside it changed; itself when there are none. */
export function withBodies(
  statement: Statement,
  change: (statements: readonly Statement[]) => readonly Statement[],
): Statement {
  switch (statement.kind) {
    case 'loop':
      return { ...statement, body: change(statement.body) }
    case 'if': {
      const body = change(statement.body)
      const { otherwise } = statement
      return otherwise === undefined
        ? { ...statement, body }
        : { ...statement, body, otherwise: change(otherwise) }
    }
    case 'while': {
      const test = change(statement.test)
      return { ...statement, test, body: change(statement.body) }
    }
    default:
      return statement
  }
}

/** The statement with the expressions it evaluates itself changed. */
export function withExpressions(statement: Statement, change: (expr: Expr) => Expr): Statement {
  switch (statement.kind) {
    case 'loop':
      return { ...statement, from: change(statement.from), to: change(statement.to) }
    case 'let':
    case 'set':
    case 'fail':
      return { ...statement, value: change(statement.value) }
    case 'store':
      return { ...statement, index: change(statement.index), value: change(statement.value) }
    case 'if':
    case 'while':
      return { ...statement, condition: change(statement.condition) }
  }
}

/** Calls `visit` for every statement, outer before inner, in program order. */
export function visitStatements(
  statements: readonly Statement[],
  visit: (statement: Statement) => void,
): void {
  for (const statement of statements) {
    visit(statement)
    for (const body of bodiesOf(statement)) visitStatements(body, visit)
  }
}

/** Every buffer loaded or stored, in order of first use. */
export function buffersOf(statements: readonly Statement[]): readonly Buffer[] {
  const buffers = new Set<Buffer>()
  const seen = new Set<Expr>()
  visitStatements(statements, (statement) => {
    const load = (expr: Expr): void => {
      if (expr.kind === 'load') buffers.add(expr.buffer)
    }
    visitExprs(expressionsOf(statement), load, seen)
    if (statement.kind === 'store') buffers.add(statement.buffer)
  })
  return [...buffers]
}

/** Every size name the code uses (loop bounds, index arithmetic, size values), in order of first use. */
export function sizeNamesOf(statements: readonly Statement[]): readonly string[] {
  const names = new Set<string>()
  const seen = new Set<Expr>()
  visitStatements(statements, (statement) => {
    visitExprs(
      expressionsOf(statement),
      (expr) => {
        if (expr.kind === 'size') namesOfSize(expr.size, names)
        // A load at scattered positions is kept inside its buffer by the buffer's size.
        if (expr.kind === 'load' && expr.index.lanes > 1) namesOfSize(expr.buffer.elements, names)
        if (expr.kind === 'linear') {
          for (const term of expr.terms) namesOfSize(term.coefficient, names)
          namesOfSize(expr.constant, names)
        }
      },
      seen,
    )
  })
  return [...names]
}

/** A kernel whose buffers and sizes are exactly those its body uses. */
export function makeKernel(name: string, body: readonly Statement[]): Kernel {
  return { name, buffers: buffersOf(body), sizes: sizeNamesOf(body), body }
}

/** What running a statement changes: buffers stored to and mutable locals assigned, nested statements included. */
export function writesOf(statement: Statement): {
  readonly buffers: ReadonlySet<Buffer>
  readonly locals: ReadonlySet<Local>
} {
  const buffers = new Set<Buffer>()
  const locals = new Set<Local>()
  visitStatements([statement], (inner) => {
    if (inner.kind === 'store') buffers.add(inner.buffer)
    if (inner.kind === 'set') locals.add(inner.local)
  })
  return { buffers, locals }
}

/** Innermost iterations of one run of the statements, at least 1; those of a `while` count once. */
export function iterationsOf(statements: readonly Statement[]): Size {
  const loops = statements.flatMap((statement) => {
    if (statement.kind !== 'loop') return bodiesOf(statement).map(iterationsOf)
    // The parts of a loop split over one axis together run its extent; each counts for itself, which is enough.
    const { from, to } = statement
    const constant = from.kind === 'const' && to.kind === 'const' ? to.value - from.value : undefined
    return [multiplySizes(constant ?? statement.axis.extent, iterationsOf(statement.body))]
  })
  return loops.length === 0 ? 1 : addSizes(...loops)
}
