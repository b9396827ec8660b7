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
import type { DType } from './dtype.ts'
import { InternalError } from './errors.ts'
import type { Axis, BinaryOp, Buffer, CompareOp, Expr, Lanes, Local, ReduceOp, UnaryOp } from './expr-node.ts'
import { addSizes, divideExactly, floorDivideSizes, modSizes, multiplySizes, printSize, type Size, sizesEqual, subtractSizes } from './size.ts'

export type * from './expr-node.ts'
export { operandsOf } from './expr-node.ts'

function mergeAxes(operands: readonly Expr[], without: readonly Axis[] = []): readonly Axis[] {
  const first = operands[0]
  if (operands.length === 1 && first !== undefined && without.length === 0) return first.axes
  const all = new Set<Axis>()
  for (const operand of operands) for (const axis of operand.axes) if (!without.includes(axis)) all.add(axis)
  return [...all].sort((a, b) => a.id - b.id)
}

/** Omit over a union, member by member. */
type Fields<T> = T extends Expr ? Omit<T, 'id' | 'axes'> : never

/** Makes and owns the nodes, axes, buffers and locals of one kernel. */
export class ExprPool {
  #nodes = new Map<string, Expr>()
  #nextNode = 0
  #nextAxis = 0
  #nextBuffer = 0
  #nextLocal = 0

  axis(name: string, extent: Size): Axis {
    return { id: this.#nextAxis++, name, extent }
  }
  buffer(name: string, dtype: DType, elements: Size): Buffer {
    return { id: this.#nextBuffer++, name, dtype, elements }
  }
  local(dtype: DType, lanes: Lanes = 1, mutable = false): Local {
    return { id: this.#nextLocal++, dtype, lanes, mutable }
  }

  #intern(key: string, fields: Fields<Expr>, axes: readonly Axis[]): Expr {
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const made = { ...fields, id: this.#nextNode++, axes } as Expr
    this.#nodes.set(key, made)
    return made
  }

  // --- leaves ---

  const(dtype: DType, value: number, lanes: Lanes = 1): Expr {
    const stored = dtype === 'float32' ? Math.fround(value) : dtype === 'int32' ? value | 0 : dtype === 'uint8' ? value & 255 : dtype === 'bool' ? Number(value !== 0) : value
    const text = Object.is(stored, -0) ? '-0' : String(stored)
    return this.#intern(`const ${dtype} ${lanes} ${text}`, { kind: 'const', dtype, lanes, value: stored }, [])
  }
  /** A size as an int32 value. */
  size(size: Size): Expr {
    if (typeof size === 'number') return this.const('int32', size)
    return this.#intern(`size ${printSize(size)}`, { kind: 'size', dtype: 'int32', lanes: 1, size }, [])
  }
  /** The current value of a loop index. An axis of extent 1 is the constant 0. */
  index(axis: Axis): Expr {
    if (axis.extent === 1) return this.const('int32', 0)
    return this.#intern(`axis ${axis.id}`, { kind: 'axis', dtype: 'int32', lanes: 1, axis }, [axis])
  }
  localValue(local: Local, axes: readonly Axis[]): Expr {
    return this.#intern(`local ${local.id}`, { kind: 'local', dtype: local.dtype, lanes: local.lanes, local }, axes)
  }
  load(buffer: Buffer, index: Expr, lanes: Lanes = index.lanes): Expr {
    return this.#intern(`load ${buffer.id} ${index.id} ${lanes}`, { kind: 'load', dtype: buffer.dtype, lanes, buffer, index }, index.axes)
  }

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
    return this.#intern(
      `linear ${key}+${printSize(rest)}`,
      { kind: 'linear', dtype: 'int32', lanes: 1, terms: kept.map(([atom, coefficient]) => ({ atom, coefficient })), constant: rest },
      mergeAxes(kept.map(([atom]) => atom)),
    )
  }
  indexAdd(x: Expr, y: Expr | Size): Expr {
    return typeof y === 'object' && 'kind' in y ? this.linear([{ atom: x, coefficient: 1 }, { atom: y, coefficient: 1 }]) : this.linear([{ atom: x, coefficient: 1 }], y)
  }
  indexScale(x: Expr, by: Size): Expr {
    return this.linear([{ atom: x, coefficient: by }])
  }
  /** ⌊x / by⌋ for x ≥ 0, by > 0. */
  indexDivide(x: Expr, by: Size): Expr {
    const { quotient, remainder } = this.#splitMultiple(x, by)
    return this.linear([{ atom: quotient, coefficient: 1 }, { atom: this.#quotient('idiv', remainder, by), coefficient: 1 }])
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
      if (at === undefined || extent === undefined) throw new InternalError('an index and its shape differ in rank')
      terms.push({ atom: at, coefficient: stride })
      stride = multiplySizes(stride, extent)
    }
    return this.linear(terms)
  }
  /** x = by·quotient + remainder, the parts that divide exactly going to the quotient. */
  #splitMultiple(x: Expr, by: Size): { quotient: Expr; remainder: Expr } {
    const terms = x.kind === 'linear' ? x.terms : x.kind === 'const' || x.kind === 'size' ? [] : [{ atom: x, coefficient: 1 }]
    const constant = x.kind === 'linear' ? x.constant : x.kind === 'const' ? x.value : x.kind === 'size' ? x.size : 0
    const quotient: { atom: Expr; coefficient: Size }[] = []
    const remainder: { atom: Expr; coefficient: Size }[] = []
    for (const term of terms) {
      const exact = divideExactly(term.coefficient, by)
      if (exact === undefined) remainder.push(term)
      else quotient.push({ atom: term.atom, coefficient: exact })
    }
    const exact = divideExactly(constant, by)
    if (exact !== undefined) return { quotient: this.linear(quotient, exact), remainder: this.linear(remainder) }
    const whole = typeof constant === 'number' && typeof by === 'number' ? Math.floor(constant / by) : 0
    return { quotient: this.linear(quotient, whole), remainder: this.linear(remainder, subtractSizes(constant, multiplySizes(whole, by))) }
  }
  #quotient(op: 'idiv' | 'rem', x: Expr, by: Size): Expr {
    if (by === 1) return op === 'idiv' ? this.const('int32', 0) : this.const('int32', 0)
    if (x.kind === 'const' || x.kind === 'size') {
      const value = x.kind === 'const' ? x.value : x.size
      return this.size(op === 'idiv' ? floorDivideSizes(value, by) : modSizes(value, by))
    }
    if (this.isBelow(x, by)) return op === 'idiv' ? this.const('int32', 0) : x
    const y = this.size(by)
    return this.#intern(`binary ${op} ${x.id} ${y.id}`, { kind: 'binary', op, dtype: 'int32', lanes: 1, x, y }, x.axes)
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

  // --- arithmetic ---

  unary(op: UnaryOp, x: Expr): Expr {
    return this.#intern(`unary ${op} ${x.id}`, { kind: 'unary', op, dtype: x.dtype, lanes: x.lanes, x }, x.axes)
  }
  binary(op: BinaryOp, x: Expr, y: Expr): Expr {
    this.#sameKind(op, x, y)
    return this.#intern(`binary ${op} ${x.id} ${y.id}`, { kind: 'binary', op, dtype: x.dtype, lanes: x.lanes, x, y }, mergeAxes([x, y]))
  }
  compare(op: CompareOp, x: Expr, y: Expr): Expr {
    this.#sameKind(op, x, y)
    return this.#intern(`compare ${op} ${x.id} ${y.id}`, { kind: 'compare', op, dtype: 'bool', lanes: x.lanes, x, y }, mergeAxes([x, y]))
  }
  select(condition: Expr, x: Expr, y: Expr): Expr {
    this.#sameKind('select', x, y)
    if (condition.dtype !== 'bool' || condition.lanes !== x.lanes) throw new InternalError('select: the condition must be bool with the lanes of its operands')
    if (condition.kind === 'const') return condition.value !== 0 ? x : y
    if (x === y) return x
    return this.#intern(`select ${condition.id} ${x.id} ${y.id}`, { kind: 'select', dtype: x.dtype, lanes: x.lanes, condition, x, y }, mergeAxes([condition, x, y]))
  }
  convert(x: Expr, dtype: DType): Expr {
    if (x.dtype === dtype) return x
    return this.#intern(`convert ${dtype} ${x.id}`, { kind: 'convert', dtype, lanes: x.lanes, x }, x.axes)
  }
  bitcast(x: Expr, dtype: 'float32' | 'int32'): Expr {
    if (x.dtype === dtype) return x
    return this.#intern(`bitcast ${dtype} ${x.id}`, { kind: 'bitcast', dtype, lanes: x.lanes, x }, x.axes)
  }
  madd(x: Expr, y: Expr, z: Expr): Expr {
    this.#sameKind('madd', x, y)
    this.#sameKind('madd', y, z)
    return this.#intern(`madd ${x.id} ${y.id} ${z.id}`, { kind: 'madd', dtype: x.dtype, lanes: x.lanes, x, y, z }, mergeAxes([x, y, z]))
  }
  reduce(op: ReduceOp, over: readonly Axis[], body: Expr): Expr {
    if (over.length === 0) return body
    return this.#intern(`reduce ${op} ${over.map((axis) => axis.id).join(',')} ${body.id}`, { kind: 'reduce', op, dtype: body.dtype, lanes: 1, over, body }, mergeAxes([body], over))
  }
  argReduce(op: 'max' | 'min', over: Axis, body: Expr): Expr {
    return this.#intern(`argReduce ${op} ${over.id} ${body.id}`, { kind: 'argReduce', op, dtype: 'int32', lanes: 1, over, body }, mergeAxes([body], [over]))
  }

  // --- vectors ---

  splat(x: Expr, lanes: 2 | 4): Expr {
    if (x.kind === 'const') return this.const(x.dtype, x.value, lanes)
    return this.#intern(`splat ${lanes} ${x.id}`, { kind: 'splat', dtype: x.dtype, lanes, x }, x.axes)
  }
  ramp(x: Expr, step: Expr, lanes: 2 | 4): Expr {
    return this.#intern(`ramp ${lanes} ${x.id} ${step.id}`, { kind: 'ramp', dtype: 'int32', lanes, x, step }, mergeAxes([x, step]))
  }
  horizontal(op: ReduceOp, x: Expr): Expr {
    return this.#intern(`horizontal ${op} ${x.id}`, { kind: 'horizontal', op, dtype: x.dtype, lanes: 1, x }, x.axes)
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
        return this.linear(expr.terms.map((term, i) => ({ atom: at(i), coefficient: term.coefficient })), expr.constant)
      case 'load':
        return this.load(expr.buffer, at(0), at(0).lanes > expr.lanes ? at(0).lanes : expr.lanes)
      case 'unary':
        return this.unary(expr.op, at(0))
      case 'binary':
        if (expr.op === 'idiv' && expr.dtype === 'int32' && (at(1).kind === 'const' || at(1).kind === 'size') && at(0).lanes === 1 && this.upperBound(at(0)) !== undefined) return this.indexDivide(at(0), sizeOfExpr(at(1)))
        if (expr.op === 'rem' && expr.dtype === 'int32' && (at(1).kind === 'const' || at(1).kind === 'size') && at(0).lanes === 1 && this.upperBound(at(0)) !== undefined) return this.indexMod(at(0), sizeOfExpr(at(1)))
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
    }
  }

  #sameKind(op: string, x: Expr, y: Expr): void {
    if (x.dtype !== y.dtype || x.lanes !== y.lanes) throw new InternalError(`${op}: operands are ${x.dtype}x${x.lanes} and ${y.dtype}x${y.lanes}`)
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
