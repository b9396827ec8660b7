/**
 * Memory that holds one element becomes a local.
 *
 * An element that is assigned once, before all that reads it, becomes an immutable local there. Another becomes a
 * mutable one, which is declared in the innermost list of statements that has all uses of it. Elements whose content
 * comes from outside are loaded at the beginning of the kernel, and those that are wanted afterwards stored at its end.
 * Before a `fail` the elements that the host quotes are stored where it looks for them.
 */
import { type Buffer, type Expr, type ExprPool, type Local, operandsOf } from '../expr.ts'
import type { Statement } from '../kernel.ts'
import { bodiesOf, expressionsOf, visitExprs, withBodies, withExpressions } from '../schedule/contents.ts'

/** What is known of an element that may live in a local. */
export interface Element {
  /** Whether its content comes from outside the kernel; a number when that is always the same. */
  readonly before: boolean | number
  /** Whether it is read after the kernel. */
  readonly after: boolean
}

/**
 * The statements with the elements in locals.
 *
 * @param elements the buffers of one element that nothing else names, and that may live in locals
 * @param quoted what the host reads when the check with this number fails
 */
export function promoteElements(
  pool: ExprPool,
  statements: readonly Statement[],
  elements: ReadonlyMap<Buffer, Element>,
  quoted: (id: number) => readonly Buffer[],
): readonly Statement[] {
  const uses = new Uses(elements, quoted)
  uses.list(statements, [])
  return new Promotion(pool, elements, quoted, uses).run(statements)
}

type List = readonly Statement[]

/** Where elements are used. */
class Uses {
  readonly #elements: ReadonlyMap<Buffer, Element>
  readonly #quoted: (id: number) => readonly Buffer[]
  /** Elements with a value at the current point, whichever way it was reached. */
  #assigned = new Set<Buffer>()
  /** Elements read where they may not have been assigned since the code around was entered. */
  readonly early: Set<Buffer> = new Set()
  readonly stores: Map<Buffer, number> = new Map()
  /** The innermost list with all uses of an element, and the lists around it. */
  readonly homes: Map<Buffer, readonly List[]> = new Map()

  constructor(elements: ReadonlyMap<Buffer, Element>, quoted: (id: number) => readonly Buffer[]) {
    this.#elements = elements
    this.#quoted = quoted
  }

  list(statements: List, around: readonly List[]): void {
    const outer = this.#assigned
    this.#assigned = new Set(outer)
    const path = [...around, statements]
    for (const statement of statements) this.#statement(statement, path)
    this.#assigned = outer
  }

  #statement(statement: Statement, path: readonly List[]): void {
    if (statement.kind === 'while') {
      const outer = this.#assigned
      this.#assigned = new Set(outer)
      const inside = [...path, statement.test]
      for (const tested of statement.test) this.#statement(tested, inside)
      // The test's values are known in the body, which stands beside it: their home is around both.
      this.#reads([statement.condition], path)
      this.list(statement.body, path)
      this.#assigned = outer
      return
    }
    this.#reads(expressionsOf(statement), path)
    if (statement.kind === 'fail') for (const buffer of this.#quoted(statement.id)) this.#read(buffer, path)
    for (const body of bodiesOf(statement)) this.list(body, path)
    if (statement.kind !== 'store' || !this.#elements.has(statement.buffer)) return
    this.stores.set(statement.buffer, (this.stores.get(statement.buffer) ?? 0) + 1)
    this.#assigned.add(statement.buffer)
    this.#use(statement.buffer, path)
  }

  #reads(exprs: readonly Expr[], path: readonly List[]): void {
    visitExprs(exprs, (expr) => {
      if (expr.kind === 'load' && this.#elements.has(expr.buffer)) this.#read(expr.buffer, path)
    })
  }

  #read(buffer: Buffer, path: readonly List[]): void {
    if (!this.#elements.has(buffer)) return
    if (!this.#assigned.has(buffer)) this.early.add(buffer)
    this.#use(buffer, path)
  }

  #use(buffer: Buffer, path: readonly List[]): void {
    const known = this.homes.get(buffer)
    if (known === undefined) return void this.homes.set(buffer, path)
    let shared = 0
    while (shared < known.length && shared < path.length && known[shared] === path[shared]) shared++
    this.homes.set(buffer, known.slice(0, shared))
  }
}

class Promotion {
  readonly #pool: ExprPool
  readonly #elements: ReadonlyMap<Buffer, Element>
  readonly #quoted: (id: number) => readonly Buffer[]
  readonly #uses: Uses
  readonly #locals = new Map<Buffer, Local>()
  readonly #constants = new Map<Buffer, Expr>()
  readonly #made = new Map<Expr, Expr>()
  /** Mutable locals to be declared in a list, before their first use there. */
  readonly #declarations = new Map<List, Buffer[]>()

  constructor(
    pool: ExprPool,
    elements: ReadonlyMap<Buffer, Element>,
    quoted: (id: number) => readonly Buffer[],
    uses: Uses,
  ) {
    this.#pool = pool
    this.#elements = elements
    this.#quoted = quoted
    this.#uses = uses
  }

  run(statements: readonly Statement[]): readonly Statement[] {
    const before: Statement[] = []
    const after: Statement[] = []
    for (const [buffer, element] of this.#elements) {
      const home = this.#uses.homes.get(buffer)
      if (home === undefined) continue
      const stores = this.#uses.stores.get(buffer) ?? 0
      if (stores === 0 && typeof element.before === 'number') {
        this.#constants.set(buffer, this.#pool.const(buffer.dtype, element.before))
        continue
      }
      const fromOutside = element.before !== false
      // A single assignment that everything else follows; what is stored at the end must be known there.
      const single = stores === 1 && !this.#uses.early.has(buffer) && !element.after && !fromOutside
      const local = this.#pool.local(buffer.dtype, 1, stores > 0 && !single)
      this.#locals.set(buffer, local)
      if (fromOutside) {
        const value = this.#pool.load(buffer, this.#zero())
        before.push({ kind: local.mutable ? 'set' : 'let', local, value })
      } else if (local.mutable) {
        const list = element.after ? statements : (home.at(-1) ?? statements)
        const known = this.#declarations.get(list)
        if (known === undefined) this.#declarations.set(list, [buffer])
        else known.push(buffer)
      }
      if (element.after && stores > 0) after.push(this.#stored(buffer))
    }
    return [...before, ...this.#list(statements), ...after]
  }

  #zero(): Expr {
    return this.#pool.const('int32', 0)
  }

  #stored(buffer: Buffer): Statement {
    return { kind: 'store', buffer, index: this.#zero(), value: this.#valueOf(buffer) }
  }

  #valueOf(buffer: Buffer): Expr {
    const local = this.#locals.get(buffer)
    if (local !== undefined) return this.#pool.localValue(local, [])
    return this.#constants.get(buffer) ?? this.#pool.load(buffer, this.#zero())
  }

  #list(statements: List): readonly Statement[] {
    const waiting = new Set(this.#declarations.get(statements))
    const result: Statement[] = []
    for (const statement of statements) {
      for (const buffer of waiting)
        if (this.#mentions(statement, buffer)) {
          waiting.delete(buffer)
          const local = this.#locals.get(buffer)
          const assigns = statement.kind === 'store' && statement.buffer === buffer
          if (local === undefined || (assigns && !this.#reads(statement, buffer))) continue
          result.push({ kind: 'set', local, value: this.#pool.const(local.dtype, 0) })
        }
      result.push(...this.#statement(statement))
    }
    return result
  }

  #statement(statement: Statement): readonly Statement[] {
    const moved = withBodies(
      withExpressions(statement, (expr) => this.#expr(expr)),
      (body) => this.#list(body),
    )
    if (moved.kind === 'store') {
      const local = this.#locals.get(moved.buffer)
      if (local !== undefined) return [{ kind: local.mutable ? 'set' : 'let', local, value: moved.value }]
    }
    if (moved.kind !== 'fail') return [moved]
    const quoted = this.#quoted(moved.id).filter((buffer) => this.#isKept(buffer))
    return [...quoted.map((buffer) => this.#stored(buffer)), moved]
  }

  /** True when memory does not say what an element is now. */
  #isKept(buffer: Buffer): boolean {
    return this.#locals.has(buffer) && (this.#uses.stores.get(buffer) ?? 0) > 0
  }

  #expr(expr: Expr): Expr {
    const known = this.#made.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr)
    const moved = operands.map((operand) => this.#expr(operand))
    const isElement =
      expr.kind === 'load' && (this.#locals.has(expr.buffer) || this.#constants.has(expr.buffer))
    const made = isElement
      ? this.#valueOf(expr.buffer)
      : moved.every((operand, i) => operand === operands[i])
        ? expr
        : this.#pool.withOperands(expr, moved)
    this.#made.set(expr, made)
    return made
  }

  #reads(statement: Statement, buffer: Buffer): boolean {
    let found = statement.kind === 'fail' && this.#quoted(statement.id).includes(buffer)
    visitExprs(expressionsOf(statement), (expr) => {
      if (expr.kind === 'load' && expr.buffer === buffer) found = true
    })
    return found
  }

  #mentions(statement: Statement, buffer: Buffer): boolean {
    return (
      (statement.kind === 'store' && statement.buffer === buffer) ||
      this.#reads(statement, buffer) ||
      bodiesOf(statement).some((body) => body.some((inner) => this.#mentions(inner, buffer)))
    )
  }
}
