/**
 * Vectorise: loops whose iterations run as the lanes of SIMD vectors.
 *
 * Which loop of a nest: the innermost one when its loads lie next to each other along it; otherwise the loop around
 * it, with the inner loop kept and its accumulators made vectors (column sums, small products). One source loop
 * becomes a chain over the same axis, each part starting where the one before it ended:
 *
 *     several vectors per iteration  →  one vector per iteration  →  one element per iteration
 *
 * Parts that a known extent makes empty are left out. Accumulators start from the identity of their operation in each
 * vector, are added up pairwise and then across the lanes, and the result joins the value the scalar accumulator had
 * before the loop. The order of a reduction therefore depends on extents alone.
 */
import { InternalError } from '../errors.ts'
import type { BinaryOp, Expr, ExprPool, Local, ReduceOp } from '../expr.ts'
import type { Kernel, Let, Loop, Statement } from '../kernel.ts'
import { bodiesOf, withBodies } from '../schedule/contents.ts'
import { identityOf } from '../schedule/reduction.ts'
import { floorDivideSizes, multiplySizes, printSize, type Size, sizesEqual } from '../size.ts'
import { assignedLocals, withBody } from './rewrite.ts'
import { planTranspose, writeTransposed } from './transpose.ts'
import { planVectorLoop, type VectorPlan } from './vector-analysis.ts'
import { LoopInvariants, VectorBody } from './vector-body.ts'

/** Rewrites every loop that gains from it into vector loops and a scalar rest. */
export function vectorizeLoops(pool: ExprPool, kernel: Kernel): Kernel {
  return new Vectorizer(pool).kernel(kernel)
}

class Vectorizer {
  readonly #pool: ExprPool
  /** Ends of vector loops over sizes with names, bound once at the top of the kernel. */
  readonly #ends = new Map<string, Expr>()
  readonly #top: Let[] = []

  constructor(pool: ExprPool) {
    this.#pool = pool
  }

  kernel(kernel: Kernel): Kernel {
    const body = this.#list(kernel.body, new Set())
    return withBody(kernel, [...this.#top, ...body])
  }

  #list(statements: readonly Statement[], before: ReadonlySet<Local>): readonly Statement[] {
    const declared = new Set(before)
    const result: Statement[] = []
    for (const statement of statements) {
      if (statement.kind === 'loop') result.push(...this.#loop(statement, declared))
      else result.push(withBodies(statement, (body) => this.#list(body, declared)))
      for (const local of assignedLocals([statement])) declared.add(local)
    }
    return result
  }

  #loop(loop: Loop, declared: ReadonlySet<Local>): readonly Statement[] {
    const transposed = planTranspose(this.#pool, loop, declared)
    if (transposed !== undefined)
      return writeTransposed(this.#pool, transposed, declared, (size) => this.#end(size))
    const innermost = !loop.body.some((statement) => bodiesOf(statement).length > 0)
    if (innermost || !this.#insideIsBetter(loop.body, declared)) {
      const plan = planVectorLoop(this.#pool, loop, declared)
      if (plan !== undefined) return this.#vectorize(plan)
    }
    return innermost ? [loop] : [{ ...loop, body: this.#list(loop.body, declared) }]
  }

  /** True when every innermost loop can be vectorised itself without gathers. */
  #insideIsBetter(statements: readonly Statement[], before: ReadonlySet<Local>): boolean {
    const declared = new Set(before)
    for (const statement of statements) {
      if (statement.kind === 'while') return true
      if (statement.kind === 'if' && !this.#insideIsBetter(statement.body, declared)) return false
      if (statement.kind === 'loop') {
        if (statement.body.some((inner) => inner.kind === 'loop')) {
          if (!this.#insideIsBetter(statement.body, declared)) return false
        } else {
          const plan = planVectorLoop(this.#pool, statement, declared)
          if (plan === undefined || plan.gathers > 0) return false
        }
      }
      for (const local of assignedLocals([statement])) declared.add(local)
    }
    return true
  }

  #vectorize(plan: VectorPlan): readonly Statement[] {
    const { loop, lanes } = plan
    const { extent } = loop.axis
    const copies = copiesFor(plan)
    const invariants = new LoopInvariants(this.#pool, plan)
    const accumulators = new Map<Local, readonly Local[]>()
    for (const local of plan.accumulators.keys())
      accumulators.set(
        local,
        Array.from({ length: copies }, () => this.#pool.local(local.dtype, lanes, true)),
      )

    const loops: Loop[] = []
    let reached: Size = 0
    for (const count of copies > 1 && wantsSingles(plan) ? [copies, 1] : [copies]) {
      const step = lanes * count
      const end = multiplySizes(step, floorDivideSizes(extent, step))
      if (sizesEqual(end, reached) === true) continue
      const body = new VectorBody(this.#pool, plan, count, invariants, accumulators).write(loop.body)
      // A rest of known length may be unrolled away, so a loop of known length says where it ends itself.
      const to = typeof end === 'number' ? this.#pool.const('int32', end) : loop.to
      loops.push({ ...loop, from: this.#end(reached), to, step, body })
      reached = end
    }
    const rest: readonly Loop[] =
      sizesEqual(reached, extent) === true ? [] : [{ ...loop, from: this.#end(reached) }]
    return [
      ...invariants.statements,
      ...this.#starts(plan, accumulators),
      ...loops,
      ...this.#joins(plan, accumulators),
      ...rest,
    ]
  }

  /** Where a part of the chain ends, as the `from` of the next. */
  #end(size: Size): Expr {
    if (typeof size === 'number') return this.#pool.const('int32', size)
    const key = printSize(size)
    let use = this.#ends.get(key)
    if (use === undefined) {
      const local = this.#pool.local('int32')
      this.#top.push({ kind: 'let', local, value: this.#pool.size(size) })
      use = this.#pool.localValue(local, [])
      this.#ends.set(key, use)
    }
    return use
  }

  #starts(plan: VectorPlan, accumulators: ReadonlyMap<Local, readonly Local[]>): readonly Statement[] {
    const result: Statement[] = []
    for (const [local, { op }] of plan.accumulators)
      for (const vector of accumulators.get(local) ?? [])
        result.push({
          kind: 'set',
          local: vector,
          value: this.#pool.const(local.dtype, identityOf(op, local.dtype), plan.lanes),
        })
    return result
  }

  #joins(plan: VectorPlan, accumulators: ReadonlyMap<Local, readonly Local[]>): readonly Statement[] {
    const result: Statement[] = []
    for (const [local, { op, self }] of plan.accumulators) {
      const combine = combiner[op]
      let vectors: readonly Expr[] = (accumulators.get(local) ?? []).map((vector) =>
        this.#pool.localValue(vector, self.axes),
      )
      while (vectors.length > 1) {
        const half = vectors.length / 2
        vectors = vectors.slice(0, half).map((x, i) => this.#pool.binary(combine, x, vectors[half + i] ?? x))
      }
      const all = vectors[0]
      if (all === undefined) throw new InternalError('an accumulator has no vectors')
      result.push({
        kind: 'set',
        local,
        value: this.#pool.binary(combine, self, this.#pool.horizontal(op, all)),
      })
    }
    return result
  }
}

const combiner: Readonly<Record<ReduceOp, BinaryOp>> = {
  sum: 'add',
  prod: 'mul',
  max: 'max',
  min: 'min',
  and: 'and',
  or: 'or',
}

/**
 * Most vector operations in a body that is written for two adjacent vectors. What comes of expanded math functions is long
 * chains, two of which fill each other's waiting times, or become one where the engine joins adjacent vectors.
 */
const mostPairedOperations = 256
/** Most vector operations in all copies of a body that holds loops of its own. */
const mostOuterOperations = 320

/**
 * Vectors per iteration. Reductions need several accumulators to hide the latency of adding, and inner loops are worth
 * several columns per pass; elsewhere two adjacent vectors are enough. Large bodies are not repeated.
 */
function copiesFor(plan: VectorPlan): number {
  const { operations, innerOperations, lanes } = plan
  const { extent } = plan.loop.axis
  const chains = plan.outer || plan.accumulators.size > 0
  // What is outside the inner loops is repeated once per copy: it only has to stay within reason.
  const fits = (copies: number): boolean => !plan.outer || operations * copies <= mostOuterOperations
  const most = chains
    ? innerOperations <= 8
      ? 4
      : innerOperations <= 24
        ? 2
        : 1
    : operations <= mostPairedOperations
      ? 2
      : 1
  const options = [4, 2, 1].filter(
    (copies) => copies <= most && fits(copies) && (typeof extent !== 'number' || copies * lanes <= extent),
  )
  const exact = options.find(
    (copies) =>
      copies > 1 &&
      sizesEqual(multiplySizes(copies * lanes, floorDivideSizes(extent, copies * lanes)), extent) === true,
  )
  return exact ?? options[0] ?? 1
}

/** Whether a loop of single vectors follows that of several: where it saves enough scalar steps for its size. */
function wantsSingles(plan: VectorPlan): boolean {
  return typeof plan.loop.axis.extent === 'number' || plan.operations <= 16
}
