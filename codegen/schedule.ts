/**
 * Scheduling: from index notation ("element (i, j) of the result is …") to a kernel of loops.
 *
 * Roots run in order; consecutive roots share the loops of their longest common prefix of axes. While the loops around
 * a root are open, each value it needs is computed at the outermost open loop where all that it varies with is known,
 * just before the loop that is open inside: loop-invariant code never enters a loop, and a reduction, whose result
 * varies only with its free axes, becomes loops beside the loops that use it. So softmax is one kernel over rows: for
 * each i a loop for the maximum, one for the sum, and one that stores.
 *
 * Every node first gets a local of its own (so a value is computed once, wherever it is needed again);
 * `inlineLocals` then dissolves the locals that only one statement uses.
 */
import { InternalError } from './errors.ts'
import {
  type ArgReduceExpr,
  type Axis,
  type Buffer,
  type Expr,
  type ExprPool,
  type ReduceExpr,
  operandsOf,
} from './expr.ts'
import type { Kernel, Statement } from './kernel.ts'
import { makeKernel, visitExprs } from './schedule/contents.ts'
import { inlineLocals } from './schedule/inline.ts'
import { accumulate, loopAxes, unifyReductions } from './schedule/reduction.ts'

/** One store: what to compute for every combination of the axes, and where it goes. */
export interface Root {
  readonly buffer: Buffer
  /** Loops around the store, outermost first. */
  readonly axes: readonly Axis[]
  /** Offset in elements. */
  readonly index: Expr
  readonly value: Expr
}

/** A loop being filled (the kernel's body when it has no axis). Statements are appended until the loop is closed. */
interface Block {
  readonly axis: Axis | undefined
  readonly statements: Statement[]
  /** Nodes computed here, and what stands for them. */
  readonly bound: Map<Expr, Expr>
  /** Buffers stored to so far by code inside. */
  readonly stored: Set<Buffer>
  /** For the loops of a reduction: the bodies evaluated inside. Loops of roots find theirs among the roots. */
  readonly bodies: readonly Expr[] | undefined
}

/**
 * The kernel that computes the roots.
 *
 * A root may load what an earlier root stores, as long as the element was stored by an earlier or the same iteration of
 * the loops they share. Throws InternalError when a value varies with an axis that is neither looped nor reduced over.
 */
export function schedule(pool: ExprPool, name: string, roots: readonly Root[]): Kernel {
  const exprs = unifyReductions(
    pool,
    roots.flatMap((root) => [root.index, root.value]),
  )
  const prepared = roots.map((root, i): Root => {
    const axes = root.axes.filter((axis) => axis.extent !== 1)
    return {
      buffer: root.buffer,
      axes,
      index: exprs[2 * i] ?? root.index,
      value: exprs[2 * i + 1] ?? root.value,
    }
  })
  return makeKernel(name, inlineLocals(pool, new Scheduler(pool, prepared).run()))
}

class Scheduler {
  readonly #pool: ExprPool
  readonly #roots: readonly Root[]
  readonly #loads = new Map<Expr, ReadonlySet<Buffer>>()
  readonly #guarded = new Map<Expr, boolean>()
  /** The open loops; level 0 is the kernel's body. */
  #stack: Block[] = [openBlock(undefined)]
  /** The root being scheduled. */
  #current = 0

  constructor(pool: ExprPool, roots: readonly Root[]) {
    this.#pool = pool
    this.#roots = roots
  }

  run(): readonly Statement[] {
    this.#roots.forEach((root, position) => {
      this.#current = position
      let shared = 0
      while (shared < root.axes.length && this.#stack[shared + 1]?.axis === root.axes[shared]) shared++
      this.#closeTo(shared)
      for (const axis of root.axes.slice(shared)) this.#stack.push(openBlock(axis))
      const index = this.#value(root.index)
      const value = this.#value(root.value)
      this.#innermost().statements.push({ kind: 'store', buffer: root.buffer, index, value })
      this.#innermost().stored.add(root.buffer)
      // What was loaded from the buffer may be old now.
      for (const block of this.#stack)
        for (const node of block.bound.keys())
          if (this.#loadsOf(node).has(root.buffer)) block.bound.delete(node)
    })
    this.#closeTo(0)
    return this.#innermost().statements
  }

  #innermost(): Block {
    return this.#at(this.#stack.length - 1)
  }

  #at(level: number): Block {
    const block = this.#stack[level]
    if (block === undefined) throw new InternalError('scheduling lost its place among the loops')
    return block
  }

  /** Closes loops until `level` is the innermost. */
  #closeTo(level: number): void {
    while (this.#stack.length - 1 > level) {
      const block = this.#stack.pop()
      if (block?.axis === undefined) throw new InternalError('scheduling lost its place among the loops')
      const parent = this.#innermost()
      const to = this.#pool.size(block.axis.extent)
      parent.statements.push({
        kind: 'loop',
        axis: block.axis,
        from: this.#pool.const('int32', 0),
        to,
        step: 1,
        body: block.statements,
      })
      for (const buffer of block.stored) parent.stored.add(buffer)
    }
  }

  /** The outermost level where the node can be computed: inside the loops of its axes, and after stores it may read. */
  #levelOf(expr: Expr): number {
    let level = 0
    for (const axis of expr.axes) {
      const found = this.#stack.findIndex((block) => block.axis === axis)
      if (found < 0)
        throw new InternalError(
          `scheduling: a value varies with the axis ${axis.name}, which is not looped over`,
        )
      level = Math.max(level, found)
    }
    const loads = this.#loadsOf(expr)
    for (let deeper = this.#stack.length - 1; deeper > level && loads.size > 0; deeper--)
      for (const buffer of this.#at(deeper).stored) if (loads.has(buffer)) return deeper
    return level
  }

  #loadsOf(expr: Expr): ReadonlySet<Buffer> {
    const known = this.#loads.get(expr)
    if (known !== undefined) return known
    const parts = operandsOf(expr)
      .map((operand) => this.#loadsOf(operand))
      .filter((part) => part.size > 0)
    const first = parts[0]
    let loads: ReadonlySet<Buffer>
    if (expr.kind !== 'load' && parts.length <= 1) loads = first ?? new Set()
    else {
      const merged = new Set(parts.flatMap((part) => [...part]))
      if (expr.kind === 'load') merged.add(expr.buffer)
      loads = merged
    }
    this.#loads.set(expr, loads)
    return loads
  }

  #bound(expr: Expr): Expr | undefined {
    for (let level = this.#stack.length - 1; level >= 0; level--) {
      const found = this.#at(level).bound.get(expr)
      if (found !== undefined) return found
    }
    return undefined
  }

  /**
   * A constant, size, axis, local or index sum of these that stands for the node, computing it first where it belongs.
   * Index sums stay whole at their users, where later passes read strides off them and addresses are formed.
   */
  #value(expr: Expr): Expr {
    if (isTrivial(expr)) return expr
    if (expr.kind === 'linear') return this.#withValues(expr)
    const known = this.#bound(expr)
    if (known !== undefined) return known
    const level = this.#levelOf(expr)
    if (expr.kind === 'reduce' || expr.kind === 'argReduce') {
      this.#reduce(expr, level)
      return this.#at(level).bound.get(expr) ?? this.#value(expr)
    }
    const made = this.#withValues(expr)
    if (isTrivial(made)) return made
    const local = this.#pool.local(made.dtype, made.lanes)
    const value = this.#pool.localValue(local, expr.axes)
    const block = this.#at(level)
    block.statements.push({ kind: 'let', local, value: made })
    block.bound.set(expr, value)
    return value
  }

  #withValues(expr: Expr): Expr {
    const arms = expr.kind === 'select' ? [expr.x, expr.y] : []
    return this.#pool.withOperands(
      expr,
      operandsOf(expr).map((operand) =>
        arms.includes(operand) ? this.#armValue(operand) : this.#value(operand),
      ),
    )
  }

  /**
   * An arm of a select. A load that could lie outside its buffer when the arm is not taken is not moved out of it, nor
   * is what is computed from it.
   */
  #armValue(expr: Expr): Expr {
    if (!this.#needsGuard(expr) || this.#bound(expr) !== undefined) return this.#value(expr)
    return this.#pool.withOperands(
      expr,
      operandsOf(expr).map((operand) => this.#armValue(operand)),
    )
  }

  #needsGuard(expr: Expr): boolean {
    if (expr.kind === 'reduce' || expr.kind === 'argReduce') return false
    let result = this.#guarded.get(expr)
    if (result === undefined) {
      const own = expr.kind === 'load' && !this.#pool.isBelow(expr.index, expr.buffer.elements)
      result = own || operandsOf(expr).some((operand) => this.#needsGuard(operand))
      this.#guarded.set(expr, result)
    }
    return result
  }

  /** Emits the loops of a reduction at `level`, together with others that can run in the same loops. */
  #reduce(reduction: ReduceExpr | ArgReduceExpr, level: number): void {
    const members = this.#companions(reduction, level)
    const opened = this.#stack
    this.#stack = opened.slice(0, level + 1)
    const block = this.#at(level)
    const accumulators = members.map((member) => accumulate(this.#pool, member))
    for (const { before } of accumulators) block.statements.push(...before)
    const bodies = members.map((member) => member.body)
    for (const axis of loopAxes(reduction)) this.#stack.push(openBlock(axis, bodies))
    members.forEach((member, i) => {
      const body = this.#value(member.body)
      const update = accumulators[i]?.update(body) ?? []
      this.#innermost().statements.push(...update)
    })
    this.#closeTo(level)
    members.forEach((member, i) => {
      const result = accumulators[i]?.result
      if (result !== undefined) block.bound.set(member, result)
    })
    this.#stack = opened
  }

  /**
   * The reduction and those that will be needed inside the same block over the same axes. Reductions over the same
   * (unified) axes have the same height, so none of them can depend on another.
   */
  #companions(reduction: ReduceExpr | ArgReduceExpr, level: number): readonly (ReduceExpr | ArgReduceExpr)[] {
    const over = loopAxes(reduction)
    const members: (ReduceExpr | ArgReduceExpr)[] = [reduction]
    const storedBetween = new Set<Buffer>()
    const seen = new Set<Expr>()
    const consider = (expr: Expr): void => {
      // An index search stays apart from sums and maxima, whose loops can be vectorised.
      if ((expr.kind !== 'reduce' && expr.kind !== 'argReduce') || expr.kind !== reduction.kind) return
      if (expr === reduction || this.#bound(expr) !== undefined) return
      const others = loopAxes(expr)
      if (others.length !== over.length || !others.every((axis, i) => axis === over[i])) return
      if (
        !expr.axes.every((axis) => this.#stack.some((block) => block.axis === axis)) ||
        this.#levelOf(expr) !== level
      )
        return
      for (const buffer of this.#loadsOf(expr)) if (storedBetween.has(buffer)) return
      members.push(expr)
    }
    const { bodies } = this.#at(level)
    if (bodies !== undefined) {
      visitExprs(bodies, consider, seen)
      return members
    }
    for (let position = this.#current; position < this.#roots.length; position++) {
      const root = this.#roots[position]
      if (
        root === undefined ||
        !this.#stack.slice(1, level + 1).every((block, i) => block.axis === root.axes[i])
      )
        break
      visitExprs([root.index, root.value], consider, seen)
      storedBetween.add(root.buffer)
    }
    return members
  }
}

function openBlock(axis: Axis | undefined, bodies?: readonly Expr[]): Block {
  return { axis, statements: [], bound: new Map(), stored: new Set(), bodies }
}

/** Free to repeat: nothing is computed from other values. */
function isTrivial(expr: Expr): boolean {
  return expr.kind === 'const' || expr.kind === 'size' || expr.kind === 'axis' || expr.kind === 'local'
}
