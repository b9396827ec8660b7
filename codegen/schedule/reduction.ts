/**
 * Reductions: their identities, the statement that takes one more element, and the axes they run over.
 *
 * Ops make a fresh axis for every reduction, so "sum of x" and "sum of x²" run over two axes that mean the same.
 * `unifyReductions` gives reductions of equal extent and equal nesting height the same axes: equal reductions become one
 * node and different ones can share a loop. The height (how many reductions are nested in the body) keeps an outer
 * reduction from capturing the axis of an inner one, and makes two reductions over the same axes independent.
 */
import type { DType } from '../dtype.ts'
import {
  type ArgReduceExpr,
  type Axis,
  type Expr,
  type ExprPool,
  type Local,
  type ReduceExpr,
  type ReduceOp,
  operandsOf,
} from '../expr.ts'
import type { Statement } from '../kernel.ts'
import { printSize } from '../size.ts'

/** The value a reduction of no elements has. */
export function identityOf(op: ReduceOp, dtype: DType): number {
  switch (op) {
    case 'sum':
    case 'or':
      return 0
    case 'prod':
    case 'and':
      return 1
    case 'max':
      return dtype === 'int32' ? -(2 ** 31) : dtype === 'uint8' || dtype === 'bool' ? 0 : -Infinity
    case 'min':
      return dtype === 'int32' ? 2 ** 31 - 1 : dtype === 'uint8' ? 255 : dtype === 'bool' ? 1 : Infinity
  }
}

/** accumulator ∘ x. On truth values max is `or` and min is `and`. */
export function combine(pool: ExprPool, op: ReduceOp, x: Expr, y: Expr): Expr {
  if (x.dtype === 'bool') return pool.binary(op === 'or' || op === 'max' || op === 'sum' ? 'or' : 'and', x, y)
  switch (op) {
    case 'sum':
      return pool.binary('add', x, y)
    case 'prod':
      return pool.binary('mul', x, y)
    default:
      return pool.binary(op, x, y)
  }
}

/** The axes a reduction loops over; axes of extent 1 have only index 0. */
export function loopAxes(reduction: ReduceExpr | ArgReduceExpr): readonly Axis[] {
  const over = reduction.kind === 'reduce' ? reduction.over : [reduction.over]
  return over.filter((axis) => axis.extent !== 1)
}

/** A reduction being computed: what to do before the loop and in it, and the expression that then stands for it. */
export interface Accumulator {
  readonly before: readonly Statement[]
  /** The statements for one more element; `body` is the element, evaluated. */
  readonly update: (body: Expr) => readonly Statement[]
  readonly result: Expr
}

/** Accumulators for one reduction. `reduction.axes` are the axes its result varies with. */
export function accumulate(pool: ExprPool, reduction: ReduceExpr | ArgReduceExpr): Accumulator {
  if (reduction.kind === 'argReduce') return accumulateIndex(pool, reduction)
  const local = pool.local(reduction.dtype, 1, true)
  const result = pool.localValue(local, reduction.axes)
  return {
    before: [assign(local, pool.const(reduction.dtype, identityOf(reduction.op, reduction.dtype)))],
    update: (body) => [assign(local, combine(pool, reduction.op, result, body))],
    result,
  }
}

/**
 * The index of the first extreme. For floats the best value starts as NaN and an element is taken when it is a number
 * and not on the wrong side of the best: a comparison with the initial NaN is false, so the first number always enters,
 * also when it is an infinity, and NaN never does.
 */
function accumulateIndex(pool: ExprPool, reduction: ArgReduceExpr): Accumulator {
  const { op, over } = reduction
  const floating = reduction.body.dtype === 'float32' || reduction.body.dtype === 'float64'
  const dtype = floating ? reduction.body.dtype : 'int32'
  const best = pool.local(dtype, 1, true)
  const position = pool.local('int32', 1, true)
  const bestValue = pool.localValue(best, reduction.axes)
  const result = pool.localValue(position, reduction.axes)
  return {
    before: [
      assign(best, pool.const(dtype, floating ? NaN : identityOf(op, dtype))),
      assign(position, pool.const('int32', 0)),
    ],
    update: (body) => {
      const converted = pool.local(dtype)
      const value = body.dtype === dtype ? body : pool.localValue(converted, body.axes)
      const condition = floating
        ? pool.binary(
            'and',
            pool.unary('not', pool.compare(op === 'max' ? 'le' : 'ge', value, bestValue)),
            pool.compare('eq', value, value),
          )
        : pool.compare(op === 'max' ? 'gt' : 'lt', value, bestValue)
      const taken = pool.local('bool')
      const take = pool.localValue(taken, condition.axes)
      return [
        ...(body.dtype === dtype
          ? []
          : [{ kind: 'let' as const, local: converted, value: pool.convert(body, dtype) }]),
        { kind: 'let', local: taken, value: condition },
        assign(position, pool.select(take, pool.index(over), result)),
        assign(best, pool.select(take, value, bestValue)),
      ]
    },
    result,
  }
}

function assign(local: Local, value: Expr): Statement {
  return { kind: 'set', local, value }
}

/** The expressions with the axes of their reductions replaced by shared ones. */
export function unifyReductions(pool: ExprPool, exprs: readonly Expr[]): readonly Expr[] {
  const shared = new Map<string, Axis>()
  const rewritten = new Map<Expr, { readonly expr: Expr; readonly height: number }>()
  const sharedAxis = (axis: Axis, height: number, position: number): Axis => {
    const key = `${printSize(axis.extent)} ${height} ${position}`
    let found = shared.get(key)
    if (found === undefined) shared.set(key, (found = pool.axis(axis.name, axis.extent)))
    return found
  }
  const rewrite = (expr: Expr): { readonly expr: Expr; readonly height: number } => {
    const known = rewritten.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr).map(rewrite)
    let height = Math.max(0, ...operands.map((operand) => operand.height))
    let made =
      operands.length === 0
        ? expr
        : pool.withOperands(
            expr,
            operands.map((operand) => operand.expr),
          )
    if (made.kind === 'reduce' || made.kind === 'argReduce') {
      height++
      const old = loopAxes(made)
      const over = old.map((axis, position) => sharedAxis(axis, height, position))
      const body = substituteAxes(pool, made.body, new Map(old.map((axis, i) => [axis, over[i] ?? axis])))
      const first = over[0]
      if (first === undefined) made = made.kind === 'reduce' ? body : pool.const('int32', 0)
      else
        made =
          made.kind === 'reduce' ? pool.reduce(made.op, over, body) : pool.argReduce(made.op, first, body)
    }
    const result = { expr: made, height }
    rewritten.set(expr, result)
    return result
  }
  return exprs.map((expr) => rewrite(expr).expr)
}

/** The expression with every use of an axis replaced by another axis. */
export function substituteAxes(pool: ExprPool, expr: Expr, replacement: ReadonlyMap<Axis, Axis>): Expr {
  const done = new Map<Expr, Expr>()
  const visit = (node: Expr): Expr => {
    if (!node.axes.some((axis) => replacement.has(axis))) return node
    let made = done.get(node)
    if (made === undefined) {
      made =
        node.kind === 'axis'
          ? pool.index(replacement.get(node.axis) ?? node.axis)
          : pool.withOperands(node, operandsOf(node).map(visit))
      done.set(node, made)
    }
    return made
  }
  return visit(expr)
}
