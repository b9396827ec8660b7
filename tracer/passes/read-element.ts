/**
 * An element of a node's result, by the op's own lowering: the one step from which fusion is composed.
 */
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Node, Value } from '../ir/graph.ts'
import { type LowerContext, opNamed } from '../op.ts'
import { type DotAttrs, dotRead } from '../ops/dot.ts'

/** Gives the element of a value at an index. */
export type ValueReader = (value: Value, index: readonly Expr[]) => Expr

/** The context an op's lowering runs in, with `read` behind its operands. */
export function lowerContext(pool: ExprPool, node: Node, read: ValueReader): LowerContext {
  const [result] = node.results
  if (result === undefined) throw new InternalError(`${node.op} has no result`)
  return {
    e: pool,
    attrs: node.attrs,
    result: result.type,
    operands: node.operands.map((value) => ({ type: value.type, read: (index: readonly Expr[]) => read(value, index) })),
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
