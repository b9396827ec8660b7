/**
 * Writing the vector form of a loop body.
 *
 * A body is written for several adjacent vectors ("copies") at once: each statement becomes one statement per copy, so
 * that for a store all loads stand first, then the arithmetic of all copies, then the stores. Copy u covers the
 * indices axis + u·lanes … axis + (u+1)·lanes − 1. What does not vary with the axis is computed once: splats that need
 * nothing from inside the loop are bound before it, others before the statement that uses them.
 */
import type { Expr, ExprPool, Local } from '../expr.ts'
import { operandsOf } from '../expr.ts'
import { InternalError } from '../errors.ts'
import type { Let, Loop, Statement } from '../kernel.ts'
import type { Size } from '../size.ts'
import { expressionCopier, nodesOf } from './rewrite.ts'
import { strideOf, type VectorPlan } from './vector-analysis.ts'

/** Splats bound before the loop, shared by the loops of one chain. */
export class LoopInvariants {
  readonly statements: Let[] = []
  readonly #bound = new Map<Expr, Expr>()
  readonly #pool: ExprPool
  readonly #plan: VectorPlan

  constructor(pool: ExprPool, plan: VectorPlan) {
    this.#pool = pool
    this.#plan = plan
  }

  /** The splat of a value as a local bound before the loop, or undefined when it has to be computed inside. */
  splat(expr: Expr): Expr | undefined {
    const known = this.#bound.get(expr)
    if (known !== undefined) return known
    if (!this.#movable(expr)) return undefined
    const { lanes } = this.#plan
    const local = this.#pool.local(expr.dtype, lanes)
    this.statements.push({ kind: 'let', local, value: this.#pool.splat(expr, lanes) })
    const use = this.#pool.localValue(local, expr.axes)
    this.#bound.set(expr, use)
    return use
  }

  /** A division by a size stays inside: the loop may not run exactly because that size is 0. */
  #movable(expr: Expr): boolean {
    const { assigned, innerAxes } = this.#plan
    if (readsGuarded(expr, this.#plan)) return false
    for (const node of nodesOf([expr])) {
      if (node.kind === 'axis' && innerAxes.has(node.axis)) return false
      if (node.kind === 'local' && assigned.has(node.local)) return false
      if (node.kind === 'binary' && (node.op === 'idiv' || node.op === 'rem') && node.y.kind !== 'const')
        return false
    }
    return true
  }
}

/** True when the value may be evaluated only where the select around it takes it. */
function readsGuarded(expr: Expr, plan: VectorPlan): boolean {
  if (plan.guarded.size === 0) return false
  for (const node of nodesOf([expr])) if (plan.guarded.has(node)) return true
  return false
}

/** Writes the body of `plan`'s loop for `copies` vectors per iteration; accumulators are given, one per copy. */
export class VectorBody {
  readonly #pool: ExprPool
  readonly #plan: VectorPlan
  readonly #copies: number
  readonly #invariants: LoopInvariants
  readonly #accumulators: ReadonlyMap<Local, readonly Local[]>
  /** Vector locals standing for the body's own varying locals, one per copy. */
  readonly #vectors = new Map<Local, readonly Local[]>()
  /** Scalar locals standing for the body's own locals that do not vary. */
  readonly #scalars = new Map<Local, Local>()

  constructor(
    pool: ExprPool,
    plan: VectorPlan,
    copies: number,
    invariants: LoopInvariants,
    accumulators: ReadonlyMap<Local, readonly Local[]>,
  ) {
    this.#pool = pool
    this.#plan = plan
    this.#copies = copies
    this.#invariants = invariants
    this.#accumulators = accumulators
    for (const local of plan.own) {
      if (plan.variesLocal(local))
        this.#vectors.set(
          local,
          Array.from({ length: copies }, () => pool.local(local.dtype, plan.lanes, local.mutable)),
        )
      else this.#scalars.set(local, pool.local(local.dtype, 1, local.mutable))
    }
  }

  /** The vector form of statements of the loop. */
  write(statements: readonly Statement[]): readonly Statement[] {
    const result: Statement[] = []
    for (const statement of statements) this.#statement(statement, result)
    return result
  }

  #statement(statement: Statement, result: Statement[]): void {
    switch (statement.kind) {
      case 'loop': {
        const scalar = this.#scalarCopier(0)
        const loop: Loop = {
          ...statement,
          from: scalar(statement.from),
          to: scalar(statement.to),
          body: this.write(statement.body),
        }
        result.push(loop)
        return
      }
      case 'let':
      case 'set': {
        const targets = this.#accumulators.get(statement.local) ?? this.#vectors.get(statement.local)
        if (targets === undefined) {
          const local = this.#scalars.get(statement.local) ?? statement.local
          result.push({ ...statement, local, value: this.#scalarCopier(0)(statement.value) })
          return
        }
        const writer = new StatementWriter(this, result, false)
        const values = this.#each((copy) => writer.value(statement.value, copy))
        values.forEach((value, copy) => result.push({ ...statement, local: localAt(targets, copy), value }))
        return
      }
      case 'store': {
        const writer = new StatementWriter(this, result, this.#copies > 1)
        const { buffer } = statement
        let values = this.#plan.varies(statement.value)
          ? this.#each((copy) => writer.value(statement.value, copy))
          : this.#each(() => writer.splat(statement.value))
        if (this.#copies > 1) values = values.map((value) => writer.bind(value))
        values.forEach((value, copy) =>
          result.push({ kind: 'store', buffer, index: this.#scalarCopier(copy)(statement.index), value }),
        )
        return
      }
      case 'if':
      case 'while':
      case 'fail':
        throw new InternalError('a loop with a condition inside was taken for a vector loop')
    }
  }

  #each(make: (copy: number) => Expr): readonly Expr[] {
    return Array.from({ length: this.#copies }, (_, copy) => make(copy))
  }

  #copiers = new Map<number, (expr: Expr) => Expr>()
  #scalarCopier(copy: number): (expr: Expr) => Expr {
    let copier = this.#copiers.get(copy)
    if (copier === undefined) {
      const { axis } = this.#plan.loop
      const index = this.#pool.indexAdd(this.#pool.index(axis), copy * this.#plan.lanes)
      copier = expressionCopier(this.#pool, { axes: new Map([[axis, index]]), locals: this.#scalars })
      this.#copiers.set(copy, copier)
    }
    return copier
  }

  // --- what StatementWriter asks ---

  get pool(): ExprPool {
    return this.#pool
  }
  get plan(): VectorPlan {
    return this.#plan
  }
  get invariants(): LoopInvariants {
    return this.#invariants
  }
  /** A scalar at the first lane of a copy. */
  scalar(expr: Expr, copy: number): Expr {
    return this.#scalarCopier(copy)(expr)
  }
  vectorLocal(local: Local, copy: number): Local {
    const targets = this.#accumulators.get(local) ?? this.#vectors.get(local)
    if (targets === undefined) throw new InternalError(`local ${local.id} has no vector form`)
    return localAt(targets, copy)
  }
}

function localAt(locals: readonly Local[], copy: number): Local {
  const local = locals[copy]
  if (local === undefined) throw new InternalError(`there is no copy ${copy} of a local`)
  return local
}

/** Vector values within one statement: shared nodes are made once per copy, bound values land before the statement. */
class StatementWriter {
  readonly #body: VectorBody
  readonly #before: Statement[]
  readonly #bindLoads: boolean
  readonly #memo = new Map<number, Map<Expr, Expr>>()
  readonly #splats = new Map<Expr, Expr>()

  constructor(body: VectorBody, before: Statement[], bindLoads: boolean) {
    this.#body = body
    this.#before = before
    this.#bindLoads = bindLoads
  }

  /** Binds a value to a local before the statement; constants and locals stay as they are. */
  bind(value: Expr): Expr {
    if (value.kind === 'const' || value.kind === 'local') return value
    const local = this.#body.pool.local(value.dtype, value.lanes)
    this.#before.push({ kind: 'let', local, value })
    return this.#body.pool.localValue(local, value.axes)
  }

  /** A value that does not vary with the axis, in every lane. */
  splat(expr: Expr): Expr {
    const { pool, plan, invariants } = this.#body
    if (expr.kind === 'const') return pool.const(expr.dtype, expr.value, plan.lanes)
    const known = this.#splats.get(expr) ?? invariants.splat(expr)
    if (known !== undefined) return known
    const value = pool.splat(this.#body.scalar(expr, 0), plan.lanes)
    const made = readsGuarded(expr, plan) ? value : this.bind(value)
    this.#splats.set(expr, made)
    return made
  }

  /** The lanes of a value for one copy. */
  value(expr: Expr, copy: number): Expr {
    if (!this.#body.plan.varies(expr)) return this.splat(expr)
    let memo = this.#memo.get(copy)
    if (memo === undefined) {
      memo = new Map()
      this.#memo.set(copy, memo)
    }
    const known = memo.get(expr)
    if (known !== undefined) return known
    const made = this.#make(expr, copy)
    memo.set(expr, made)
    return made
  }

  #make(expr: Expr, copy: number): Expr {
    const { pool, plan } = this.#body
    const { axis } = plan.loop
    switch (expr.kind) {
      case 'axis':
        return this.#ramp(expr, 1, copy)
      case 'local':
        return pool.localValue(this.#body.vectorLocal(expr.local, copy), expr.axes)
      case 'linear': {
        const stride = strideOf(expr, axis, plan.varies)
        return stride === undefined ? this.#sum(expr, copy) : this.#ramp(expr, stride, copy)
      }
      case 'load': {
        const adjacent = strideOf(expr.index, axis, plan.varies) === 1
        const load = adjacent
          ? pool.load(expr.buffer, this.#body.scalar(expr.index, copy), plan.lanes)
          : pool.load(expr.buffer, this.value(expr.index, copy), plan.lanes)
        return this.#bindLoads && !plan.guarded.has(expr) ? this.bind(load) : load
      }
      default:
        return pool.withOperands(
          expr,
          operandsOf(expr).map((operand) => this.value(operand, copy)),
        )
    }
  }

  #ramp(expr: Expr, step: Size, copy: number): Expr {
    const { pool, plan } = this.#body
    return pool.ramp(this.#body.scalar(expr, copy), pool.size(step), plan.lanes)
  }

  /** An index sum some of whose terms are computed per lane. */
  #sum(expr: Expr & { readonly kind: 'linear' }, copy: number): Expr {
    const { pool, plan } = this.#body
    const fixed = expr.terms.filter(({ atom }) => !plan.varies(atom))
    let sum = this.splat(pool.linear(fixed, expr.constant))
    for (const { atom, coefficient } of expr.terms) {
      if (!plan.varies(atom)) continue
      const x = this.value(atom, copy)
      const term = coefficient === 1 ? x : pool.binary('mul', x, this.splat(pool.size(coefficient)))
      sum = sum.kind === 'const' && sum.value === 0 ? term : pool.binary('add', sum, term)
    }
    return sum
  }
}
