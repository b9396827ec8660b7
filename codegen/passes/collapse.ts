/**
 * Collapse: fewer, longer loops.
 *
 * A loop over an axis of extent 1 is its body. Two perfectly nested loops over i and j (extents A and B) are one loop
 * over f with extent A·B when every place that mentions either holds i·c·B + j·c, which is f·c: the usual case of
 * elementwise work on dense arrays. Whatever is not in that form (a broadcast along one of the axes, an index that is
 * used as a value) keeps the loops apart. Sizes may be names; the condition is then checked as polynomials.
 */
import type { Axis, Expr, ExprPool, Local } from '../expr.ts'
import { operandsOf } from '../expr.ts'
import type { Kernel, Loop, Statement } from '../kernel.ts'
import { multiplySizes, type Size, sizesEqual } from '../size.ts'
import { expressionsOf, withBodies } from '../schedule/contents.ts'
import {
  assignedLocals,
  copyStatements,
  eachStatement,
  isWholeLoop,
  mapStatements,
  nodesOfStatements,
  substituteAxes,
  withBody,
} from './rewrite.ts'

/** Merges perfect nests and drops loops of extent 1. */
export function collapseLoops(pool: ExprPool, kernel: Kernel): Kernel {
  return withBody(kernel, collapseList(pool, kernel.body, new Set()))
}

function collapseList(
  pool: ExprPool,
  statements: readonly Statement[],
  before: ReadonlySet<Local>,
): readonly Statement[] {
  const declared = new Set(before)
  const result: Statement[] = []
  for (const statement of statements) {
    result.push(...collapseStatement(pool, statement, declared))
    for (const local of assignedLocals([statement])) declared.add(local)
  }
  return result
}

function collapseStatement(
  pool: ExprPool,
  statement: Statement,
  declared: ReadonlySet<Local>,
): readonly Statement[] {
  if (statement.kind !== 'loop') {
    let changed = false
    const inner = withBodies(statement, (body) => {
      const collapsed = collapseList(pool, body, declared)
      changed ||= !sameList(collapsed, body)
      return collapsed
    })
    return [changed ? inner : statement]
  }
  const body = collapseList(pool, statement.body, declared)
  const loop: Loop = sameList(body, statement.body) ? statement : { ...statement, body }
  if (!isWholeLoop(pool, loop)) return [loop]
  if (loop.axis.extent === 1) {
    return copyStatements(
      pool,
      loop.body,
      { axes: new Map([[loop.axis, pool.const('int32', 0)]]), locals: new Map() },
      declared,
    )
  }
  const inner = loop.body[0]
  if (loop.body.length !== 1 || inner?.kind !== 'loop' || !isWholeLoop(pool, inner)) return [loop]
  return [mergeLoops(pool, loop, inner, declared) ?? loop]
}

function sameList(x: readonly Statement[], y: readonly Statement[]): boolean {
  return x.length === y.length && x.every((statement, i) => statement === y[i])
}

/** One loop for the nest, or undefined when the two indices are used apart. */
function mergeLoops(
  pool: ExprPool,
  outer: Loop,
  inner: Loop,
  declared: ReadonlySet<Local>,
): Loop | undefined {
  const i = outer.axis
  const j = inner.axis
  const usesNest = (axes: readonly Axis[]): boolean => axes.includes(i) || axes.includes(j)
  const nodes = nodesOfStatements(inner.body)
  // A bare index may occur only as a term of a sum; the sums themselves are checked against i·c·B + j·c.
  const bare = (expr: Expr): boolean => expr.kind === 'axis' && usesNest([expr.axis])
  for (const node of nodes) {
    if (node.kind === 'linear') {
      if (combinedCoefficient(node, i, j) === undefined) return undefined
    } else if (operandsOf(node).some(bare)) return undefined
  }
  for (const statement of eachStatement(inner.body)) if (expressionsOf(statement).some(bare)) return undefined

  const flat = pool.axis(i.name, multiplySizes(i.extent, j.extent))
  const index = pool.index(flat)
  const locals = new Map<Local, Local>()
  for (const local of assignedLocals(inner.body))
    if (!declared.has(local)) locals.set(local, pool.local(local.dtype, local.lanes, local.mutable))
  const substitution = {
    axes: new Map([
      [i, index],
      [j, index],
    ]),
    locals,
  }

  const copies = new Map<Expr, Expr>()
  const make = (expr: Expr): Expr => {
    if (expr.kind === 'local') {
      const local = locals.get(expr.local)
      return local === undefined ? expr : pool.localValue(local, substituteAxes(expr.axes, substitution))
    }
    if (expr.kind === 'linear') {
      const terms = expr.terms
        .filter(({ atom }) => !(atom.kind === 'axis' && usesNest([atom.axis])))
        .map(({ atom, coefficient }) => ({ atom: copy(atom), coefficient }))
      const coefficient = combinedCoefficient(expr, i, j) ?? 0
      return pool.linear(coefficient === 0 ? terms : [...terms, { atom: index, coefficient }], expr.constant)
    }
    const operands = operandsOf(expr)
    const replaced = operands.map(copy)
    return replaced.every((operand, k) => operand === operands[k]) ? expr : pool.withOperands(expr, replaced)
  }
  const copy = (expr: Expr): Expr => {
    const known = copies.get(expr)
    if (known !== undefined) return known
    const made = make(expr)
    copies.set(expr, made)
    return made
  }
  const body = mapStatements(inner.body, copy, (local) => locals.get(local) ?? local)
  return { kind: 'loop', axis: flat, from: pool.const('int32', 0), to: pool.size(flat.extent), step: 1, body }
}

/** The c of i·c·B + j·c in a sum (0 when neither occurs), or undefined when the sum is not of that form. */
function combinedCoefficient(sum: Expr & { readonly kind: 'linear' }, i: Axis, j: Axis): Size | undefined {
  let ofI: Size = 0
  let ofJ: Size = 0
  for (const { atom, coefficient } of sum.terms) {
    if (atom.kind !== 'axis') continue
    if (atom.axis === i) ofI = coefficient
    if (atom.axis === j) ofJ = coefficient
  }
  return sizesEqual(ofI, multiplySizes(ofJ, j.extent)) === true ? ofJ : undefined
}
