/**
 * An element of a node's result, by the op's own lowering: the one step from which fusion is composed.
 */
import { type Expr, ExprPool } from '../../codegen/expr.ts'
import { InternalError } from '../../codegen/errors.ts'
import { elementCount } from '../../codegen/size.ts'
import type { Node, Value } from '../ir/graph.ts'
import { type LowerContext, opNamed } from '../op.ts'
import { type DotAttrs, dotRead } from '../ops/dot.ts'

/** Gives the element of a value at an index. */
export type ValueReader = (value: Value, index: readonly Expr[]) => Expr

/** The context an op's lowering runs in, with `read` behind its operands. */
export function lowerContext(pool: ExprPool, node: Node, read: ValueReader): LowerContext {
  // A node that only checks has no result; the type of what it checks stands in.
  const shown = node.results[0] ?? node.operands[0]
  if (shown === undefined) throw new InternalError(`${node.op} has no result`)
  return {
    e: pool,
    attrs: node.attrs,
    result: shown.type,
    operands: node.operands.map((value) => ({
      type: value.type,
      read: (index: readonly Expr[]) => read(value, index),
    })),
  }
}

/** True when the op says what one element of its result is, so that it can be fused. */
export function hasElements(node: Node): boolean {
  const { kind } = opNamed(node.op).lower
  return kind === 'index' || kind === 'alias' || kind === 'contraction'
}

/** The element of `node`'s result at `index`. Throws InternalError for ops that are no formula per element. */
export function readElement(pool: ExprPool, node: Node, index: readonly Expr[], read: ValueReader): Expr {
  const { lower } = opNamed(node.op)
  const context = lowerContext(pool, node, read)
  switch (lower.kind) {
    case 'index':
    case 'alias':
      return lower.read(context, index)
    case 'contraction':
      return dotRead(context as LowerContext<DotAttrs>, index)
    case 'loops':
    case 'program':
      throw new InternalError(`${node.op} is no formula per element`)
  }
}

/** An element of a value of which nothing but its type is known, for running a lowering only to look at its result. */
export function probeLoad(pool: ExprPool, value: Value, index: readonly Expr[]): Expr {
  const { dtype, shape } = value.type
  return pool.load(pool.buffer('probe', dtype, elementCount(shape)), pool.offset(index, shape))
}

/** True when the node, or one inside its regions, may fail at run time. */
export function mayFail(node: Node): boolean {
  return canFail(node) || node.regions.some((region) => region.nodes.some(mayFail))
}

/** True for a node that calls back to JavaScript that may do anything, or has such a node inside. */
export function callsHost(node: Node): boolean {
  return node.op === 'host_call' || node.regions.some((region) => region.nodes.some(callsHost))
}

const failing = new WeakMap<Node, boolean>()

/**
 * True when the node may fail at run time. An op that can fail for some dtypes or attributes says that a node cannot by
 * a failure code that is the constant 0.
 */
export function canFail(node: Node): boolean {
  const { check } = opNamed(node.op)
  if (check === undefined) return false
  let answer = failing.get(node)
  if (answer === undefined) {
    const pool = new ExprPool()
    const code = check.code(lowerContext(pool, node, (value, index) => probeLoad(pool, value, index)))
    answer = !(code.kind === 'const' && code.value === 0)
    failing.set(node, answer)
  }
  return answer
}
