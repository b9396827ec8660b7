/**
 * Expressions of the loop language: one scalar (or a few lanes) per node, as a hash-consed graph.
 *
 * Two kinds of code are written in it. *Index notation* says what one element of a result is, in terms of loop axes:
 * `load(x, i*784 + j)`, `reduce(sum, [k], a(i,k)*b(k,j))`; that is what the ops' `lower` rules return. *Kernel
 * statements* (kernel.ts) place such expressions in loops. Scheduling turns the first into the second.
 *
 * Nodes are made by an `ExprPool` only, which returns the same object for the same node: equality is `===`, a shared
 * subexpression is one node, and walking with a `Map<Expr, …>` visits it once. Integer index arithmetic is held in one
 * canonical form, `linear`: Σ atom·coefficient + constant with sizes as coefficients, so that strides, collapsible
 * axes and loop-invariant parts can be read off instead of pattern-matched.
 *
 * Values: float32/float64 by IEEE rules (no flush to zero, no contraction: `madd` is the only fused form and is used by
 * the expansions of math functions); int32 wraps; uint8 wraps to 0…255 after each op; bool is a truth value.
 */
import { InternalError } from './errors.ts'
import type { Expr } from './expr-node.ts'
import { mergeAxes, NodePool } from './node-pool.ts'
import {
  addSizes,
  divideExactly,
  floorDivideSizes,
  modSizes,
  multiplySizes,
  printSize,
  type Size,
  sizesEqual,
  subtractSizes,
} from './size.ts'

export type * from './expr-node.ts'
export { operandsOf } from './expr-node.ts'

/** Makes and owns the nodes, axes, buffers and locals of one kernel. */
export class ExprPool extends NodePool {
  // --- index arithmetic (int32, canonical) ---

  /** Σ atom·coefficient + constant, in canonical form. */
  linear(terms: readonly { readonly atom: Expr; readonly coefficient: Size }[], constant: Size = 0): Expr {
    const merged = new Map<Expr, Size>()
    let rest = constant
    const add = (atom: Expr, coefficient: Size): void => {
      if (atom.kind === 'const') rest = addSizes(rest, multiplySizes(atom.value, coefficient))
      else if (atom.kind === 'size') rest = addSizes(rest, multiplySizes(atom.size, coefficient))
      else if (atom.kind === 'linear') {
        for (const inner of atom.terms) add(inner.atom, multiplySizes(inner.coefficient, coefficient))
        rest = addSizes(rest, multiplySizes(atom.constant, coefficient))
      } else merged.set(atom, addSizes(merged.get(atom) ?? 0, coefficient))
    }
    for (const term of terms) add(term.atom, term.coefficient)
    const kept = [...merged].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => a.id - b.id)
    const only = kept[0]
    if (only === undefined) return this.size(rest)
    if (kept.length === 1 && only[1] === 1 && rest === 0) return only[0]
    const key = kept.map(([atom, coefficient]) => `${atom.id}*${printSize(coefficient)}`).join('+')
    return this.intern(
      `linear ${key}+${printSize(rest)}`,
      {
        kind: 'linear',
        dtype: 'int32',
        lanes: 1,
        terms: kept.map(([atom, coefficient]) => ({ atom, coefficient })),
        constant: rest,
      },
      mergeAxes(kept.map(([atom]) => atom)),
    )
  }
  indexAdd(x: Expr, y: Expr | Size): Expr {
    return typeof y === 'object' && 'kind' in y
      ? this.linear([
          { atom: x, coefficient: 1 },
          { atom: y, coefficient: 1 },
        ])
      : this.linear([{ atom: x, coefficient: 1 }], y)
  }
  indexScale(x: Expr, by: Size): Expr {
    return this.linear([{ atom: x, coefficient: by }])
  }
  /** ⌊x / by⌋ for x ≥ 0, by > 0. */
  indexDivide(x: Expr, by: Size): Expr {
    const { quotient, remainder } = this.#splitMultiple(x, by)
    return this.linear([
      { atom: quotient, coefficient: 1 },
      { atom: this.#quotient('idiv', remainder, by), coefficient: 1 },
    ])
  }
  /** x mod by for x ≥ 0, by > 0. */
  indexMod(x: Expr, by: Size): Expr {
    const { remainder } = this.#splitMultiple(x, by)
    return this.#quotient('rem', remainder, by)
  }
  /** The offset in elements of `index` in a row-major array of shape `shape`. */
  offset(index: readonly Expr[], shape: readonly Size[]): Expr {
    let stride: Size = 1
    const terms: { atom: Expr; coefficient: Size }[] = []
    for (let d = shape.length - 1; d >= 0; d--) {
      const at = index[d]
      const extent = shape[d]
      if (at === undefined || extent === undefined)
        throw new InternalError('an index and its shape differ in rank')
      terms.push({ atom: at, coefficient: stride })
      stride = multiplySizes(stride, extent)
    }
    return this.linear(terms)
  }
  /** x = by·quotient + remainder, the parts that divide exactly going to the quotient. */
  #splitMultiple(x: Expr, by: Size): { quotient: Expr; remainder: Expr } {
    const terms =
      x.kind === 'linear'
        ? x.terms
        : x.kind === 'const' || x.kind === 'size'
          ? []
          : [{ atom: x, coefficient: 1 }]
    const constant =
      x.kind === 'linear' ? x.constant : x.kind === 'const' ? x.value : x.kind === 'size' ? x.size : 0
    const quotient: { atom: Expr; coefficient: Size }[] = []
    const remainder: { atom: Expr; coefficient: Size }[] = []
    for (const term of terms) {
      const exact = divideExactly(term.coefficient, by)
      if (exact === undefined) remainder.push(term)
      else quotient.push({ atom: term.atom, coefficient: exact })
    }
    // What counts down may make the rest negative, and kernels round towards zero: x as a whole is ≥ 0.
    if (!remainder.every(({ coefficient }) => nonNegative(coefficient)))
      return { quotient: this.const('int32', 0), remainder: x }
    const exact = divideExactly(constant, by)
    if (exact !== undefined)
      return { quotient: this.linear(quotient, exact), remainder: this.linear(remainder) }
    const whole = typeof constant === 'number' && typeof by === 'number' ? Math.floor(constant / by) : 0
    return {
      quotient: this.linear(quotient, whole),
      remainder: this.linear(remainder, subtractSizes(constant, multiplySizes(whole, by))),
    }
  }
  #quotient(op: 'idiv' | 'rem', x: Expr, by: Size): Expr {
    if (by === 1) return op === 'idiv' ? this.const('int32', 0) : this.const('int32', 0)
    if (x.kind === 'const' || x.kind === 'size') {
      const value = x.kind === 'const' ? x.value : x.size
      return this.size(op === 'idiv' ? floorDivideSizes(value, by) : modSizes(value, by))
    }
    if (this.isBelow(x, by)) return op === 'idiv' ? this.const('int32', 0) : x
    const y = this.size(by)
    return this.intern(
      `binary ${op} ${x.id} ${y.id}`,
      { kind: 'binary', op, dtype: 'int32', lanes: 1, x, y },
      x.axes,
    )
  }
  /** True when 0 ≤ x < bound is certain for every value of the loop indices in x (coefficients being ≥ 0). */
  isBelow(x: Expr, bound: Size): boolean {
    const most = this.upperBound(x)
    if (most === undefined) return false
    const slack = subtractSizes(bound, most)
    if (typeof slack === 'number') return slack >= 1
    const constant = slack.terms.find((term) => term.atoms.length === 0)?.coefficient ?? 0
    return constant >= 1 && slack.terms.every((term) => term.coefficient > 0)
  }
  /** The largest value of an index expression, when it follows from the extents of its axes and is ≥ 0 throughout. */
  upperBound(x: Expr): Size | undefined {
    switch (x.kind) {
      case 'const':
        return x.value >= 0 ? x.value : undefined
      case 'size':
        return x.size
      case 'axis':
        return addSizes(x.axis.extent, -1)
      case 'binary':
        return x.op === 'rem' && x.y.kind === 'const' && this.upperBound(x.x) !== undefined
          ? x.y.value - 1
          : x.op === 'rem' && x.y.kind === 'size' && this.upperBound(x.x) !== undefined
            ? addSizes(x.y.size, -1)
            : x.op === 'idiv' && (x.y.kind === 'const' || x.y.kind === 'size')
              ? this.#quotientBound(x.x, x.y.kind === 'const' ? x.y.value : x.y.size)
              : undefined
      case 'linear': {
        if (!nonNegative(x.constant)) return undefined
        let most = x.constant
        for (const { atom, coefficient } of x.terms) {
          const inner = this.upperBound(atom)
          if (inner === undefined || !nonNegative(coefficient)) return undefined
          most = addSizes(most, multiplySizes(inner, coefficient))
        }
        return most
      }
      default:
        return undefined
    }
  }
  #quotientBound(x: Expr, by: Size): Size | undefined {
    const most = this.upperBound(x)
    if (most === undefined) return undefined
    const extent = divideExactly(addSizes(most, 1), by)
    return extent === undefined ? floorDivideSizes(most, by) : addSizes(extent, -1)
  }

  // --- rebuilding ---

  /** The node with other operands (in the order of `operandsOf`), made again so that simplifications apply. */
  withOperands(expr: Expr, operands: readonly Expr[]): Expr {
    const at = (i: number): Expr => {
      const operand = operands[i]
      if (operand === undefined) throw new InternalError(`${expr.kind} lacks operand ${i}`)
      return operand
    }
    switch (expr.kind) {
      case 'const':
      case 'size':
      case 'axis':
      case 'local':
        return expr
      case 'linear':
        return this.linear(
          expr.terms.map((term, i) => ({ atom: at(i), coefficient: term.coefficient })),
          expr.constant,
        )
      case 'load':
        return this.load(expr.buffer, at(0), at(0).lanes > expr.lanes ? at(0).lanes : expr.lanes)
      case 'unary':
        return this.unary(expr.op, at(0))
      case 'binary':
        if (
          expr.op === 'idiv' &&
          expr.dtype === 'int32' &&
          (at(1).kind === 'const' || at(1).kind === 'size') &&
          at(0).lanes === 1 &&
          this.upperBound(at(0)) !== undefined
        )
          return this.indexDivide(at(0), sizeOfExpr(at(1)))
        if (
          expr.op === 'rem' &&
          expr.dtype === 'int32' &&
          (at(1).kind === 'const' || at(1).kind === 'size') &&
          at(0).lanes === 1 &&
          this.upperBound(at(0)) !== undefined
        )
          return this.indexMod(at(0), sizeOfExpr(at(1)))
        return this.binary(expr.op, at(0), at(1))
      case 'compare':
        return this.compare(expr.op, at(0), at(1))
      case 'select':
        return this.select(at(0), at(1), at(2))
      case 'convert':
        return this.convert(at(0), expr.dtype)
      case 'bitcast':
        return expr.dtype === 'float32' || expr.dtype === 'int32' ? this.bitcast(at(0), expr.dtype) : expr
      case 'madd':
        return this.madd(at(0), at(1), at(2))
      case 'reduce':
        return this.reduce(expr.op, expr.over, at(0))
      case 'argReduce':
        return this.argReduce(expr.op, expr.over, at(0))
      case 'splat':
        return expr.lanes === 1 ? at(0) : this.splat(at(0), expr.lanes)
      case 'ramp':
        return expr.lanes === 1 ? at(0) : this.ramp(at(0), at(1), expr.lanes)
      case 'horizontal':
        return this.horizontal(expr.op, at(0))
      case 'interleave':
        return this.interleave(expr.half, at(0), at(1))
    }
  }
}

function sizeOfExpr(expr: Expr): Size {
  if (expr.kind === 'const') return expr.value
  if (expr.kind === 'size') return expr.size
  throw new InternalError('not a size')
}

function nonNegative(size: Size): boolean {
  if (typeof size === 'number') return size >= 0
  return size.terms.every((term) => term.coefficient >= 0) || sizesEqual(size, 0) === true
}
