/** What all reductions share: `axes` are removed from the shape, and an element of the result runs over them. */
import type { Expr, ReduceOp } from '../../codegen/expr.ts'
import type { Shape } from '../ir/type.ts'
import type { LowerContext } from '../op.ts'
import { normaliseAxis, readerAt, sizeAt } from './arguments.ts'
import { axisName } from './lowering.ts'

export type ReduceAttrs = { readonly axes: readonly number[] }

/** The shape without the reduced axes. */
export function reducedShape(op: string, shape: Shape, axes: readonly number[]): Shape {
  for (const axis of axes) normaliseAxis(op, axis, shape.length)
  return shape.filter((_, axis) => !axes.includes(axis))
}

/** An element of a reduction in index notation. */
export function readReduction(
  op: ReduceOp,
  context: LowerContext<ReduceAttrs>,
  index: readonly Expr[],
): Expr {
  const { e, attrs, operands } = context
  const x = readerAt(operands, 0)
  const over = attrs.axes.map((axis) => e.axis(`r${axisName(axis)}`, sizeAt(x.type.shape, axis)))
  let next = 0
  const full = x.type.shape.map((_, axis) => {
    const reduced = over[attrs.axes.indexOf(axis)]
    return reduced === undefined ? index[next++] : e.index(reduced)
  })
  return e.reduce(
    op,
    over.filter((axis) => axis.extent !== 1),
    x.read(full.filter((i) => i !== undefined)),
  )
}
