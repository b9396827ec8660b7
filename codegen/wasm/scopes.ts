/**
 * Where code of a kernel stands while it is being emitted, and what may be moved out of loops.
 *
 * Loops nest as *scopes*, numbered by depth; depth 0 is the function. A scope collects statements that run before its
 * loop (`before`, once per entry) and at the end of each iteration (`after`), so that emitting an expression deep
 * inside can place its invariant part where it belongs. Within a scope, *blocks* remember which expressions are
 * already in a local; a block's knowledge holds in the blocks inside it.
 *
 * The depth of an expression is the deepest scope it varies with. Whatever reads memory or a mutable local has depth
 * Infinity: it is evaluated exactly where it stands.
 */
import type { ExpressionRef } from './binaryen.ts'
import { type Axis, type Expr, type Local, operandsOf } from '../expr.ts'

export interface Scope {
  readonly depth: number
  /** The loop's axis and step; the function has none. */
  readonly axis: Axis | undefined
  readonly step: number
  readonly before: ExpressionRef[]
  readonly after: ExpressionRef[]
  /** Locals holding addresses, by key. */
  readonly pointers: Map<string, number>
  /** The block of `before`, which is code of the enclosing scope. */
  readonly outside: Block | undefined
}

export interface Block {
  readonly scope: Scope
  readonly parent: Block | undefined
  /** Expressions whose value is in a local. */
  readonly memo: Map<Expr, number>
  /** Addresses in locals. */
  readonly addresses: Map<string, number>
  /** How often expressions that can be kept for the whole block are used in it. */
  counts: ReadonlyMap<Expr, number>
  /** How often the others are used in the current statement. */
  statementCounts: ReadonlyMap<Expr, number>
}

const noCounts: ReadonlyMap<Expr, number> = new Map()

export function makeBlock(scope: Scope, parent: Block | undefined): Block {
  return { scope, parent, memo: new Map(), addresses: new Map(), counts: noCounts, statementCounts: noCounts }
}

export function functionScope(): Scope {
  return {
    depth: 0,
    axis: undefined,
    step: 1,
    before: [],
    after: [],
    pointers: new Map(),
    outside: undefined,
  }
}

/** The depth of expressions under the loops open now. Forgets what it knew whenever a loop opens or closes. */
export class Depths {
  readonly #open = new Map<Axis, number>()
  readonly #defined = new Map<Local, number>()
  readonly #known = new Map<Expr, number>()

  open(axis: Axis, depth: number): void {
    this.#open.set(axis, depth)
    this.#known.clear()
  }
  close(axis: Axis): void {
    this.#open.delete(axis)
    this.#known.clear()
  }
  define(local: Local, depth: number): void {
    if (this.#defined.get(local) === depth) return
    this.#defined.set(local, depth)
    this.#known.clear()
  }

  of(expr: Expr): number {
    const known = this.#known.get(expr)
    if (known !== undefined) return known
    const depth = this.#compute(expr)
    this.#known.set(expr, depth)
    return depth
  }

  #compute(expr: Expr): number {
    switch (expr.kind) {
      case 'axis':
        return this.#open.get(expr.axis) ?? Infinity
      case 'local':
        return expr.local.mutable ? Infinity : (this.#defined.get(expr.local) ?? Infinity)
      case 'load':
        return Infinity
      default:
        return operandsOf(expr).reduce((most, operand) => Math.max(most, this.of(operand)), 0)
    }
  }
}

/** The expressions an expression's code evaluates directly: a scalar index is taken apart into its atoms. */
export function evaluatedOperands(expr: Expr): readonly Expr[] {
  return expr.kind === 'load' ? indexAtoms(expr.index) : operandsOf(expr)
}

/** The parts of an index that address computation evaluates. */
export function indexAtoms(index: Expr): readonly Expr[] {
  if (index.kind === 'linear') return index.terms.map((term) => term.atom)
  if (index.kind === 'ramp') return [...indexAtoms(index.x), index.step]
  return [index]
}

/** Adds to `counts` how often each expression under `roots` is used that `include` accepts. */
export function countUses(
  roots: readonly Expr[],
  include: (expr: Expr) => boolean,
  counts: Map<Expr, number> = new Map(),
): Map<Expr, number> {
  const visited = new Set<Expr>()
  const visit = (expr: Expr): void => {
    if (include(expr)) counts.set(expr, (counts.get(expr) ?? 0) + 1)
    if (visited.has(expr)) return
    visited.add(expr)
    for (const operand of evaluatedOperands(expr)) visit(operand)
  }
  for (const root of roots) visit(root)
  return counts
}
