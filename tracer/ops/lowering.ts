/**
 * Pieces that several lowerings share: nests of loops, clamped indices, and the search for a bad element that fallible
 * ops check.
 *
 * Every load a lowering writes must be inside its buffer, also in the branch of a select that is not taken: a program
 * may evaluate both. So indices that come from data are clamped, and what a clamped load gives is then not used.
 */
import type { Axis, Expr, ExprPool } from '../../codegen/expr.ts'
import type { Statement } from '../../codegen/kernel.ts'
import { isStaticShape, type Size } from '../../codegen/size.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import { lastIndex } from './sizes.ts'

const letters = ['i', 'j', 'k', 'l', 'm', 'n', 'o', 'p']

/** A name for the axis of a dimension. */
export function axisName(dimension: number): string {
  return letters[dimension] ?? `d${dimension}`
}

/** `body` inside a loop per axis, the first one outermost. */
export function loopNest(
  e: ExprPool,
  axes: readonly Axis[],
  body: readonly Statement[],
): readonly Statement[] {
  return axes.reduceRight<readonly Statement[]>(
    (inner, axis) => [
      { kind: 'loop', axis, from: e.const('int32', 0), to: e.size(axis.extent), step: 1, body: inner },
    ],
    body,
  )
}

/** An index that comes from data, moved into 0 … size−1 (0 for an empty axis). */
export function clampIndex(e: ExprPool, index: Expr, size: Size): Expr {
  return e.binary('max', e.binary('min', index, e.size(lastIndex(size))), e.const('int32', 0))
}

/** True where 0 ≤ index < size. */
export function insideRange(e: ExprPool, index: Expr, size: Size): Expr {
  return e.binary('and', e.compare('ge', index, e.const('int32', 0)), e.compare('lt', index, e.size(size)))
}

const codeOfFirst = 2147483647

/** 0 when no element of `shape` is bad; otherwise a code from which `badPosition` gives the first bad one. */
export function firstBad(e: ExprPool, shape: Shape, bad: (index: readonly Expr[]) => Expr): Expr {
  if (shape.includes(0)) return e.const('int32', 0)
  const axes = shape.map((size, d) => e.axis(axisName(d), size))
  const index = axes.map((axis) => e.index(axis))
  const code = e.linear([{ atom: e.offset(index, shape), coefficient: -1 }], codeOfFirst)
  const worst = e.reduce(
    'max',
    axes.filter((axis) => axis.extent !== 1),
    e.select(bad(index), code, e.const('int32', 0)),
  )
  return e.binary('max', worst, e.const('int32', 0))
}

/** The row-major position that `firstBad` found. */
export function badPosition(code: number): number {
  return codeOfFirst - code
}

/** A row-major position as an index: `[1,2]`, or the bare position when the shape has unknown sizes. */
export function positionText(position: number, type: TensorType | undefined): string {
  if (type === undefined || !isStaticShape(type.shape)) return `[${position}]`
  const index: number[] = []
  let rest = position
  for (let d = type.shape.length - 1; d >= 0; d--) {
    const size = type.shape[d] ?? 1
    index.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return `[${index.join(',')}]`
}

/** ` = 7`, the element at a position, where its operand's data can be had; else nothing. */
export function elementText(data: ArrayLike<number>, position: number): string {
  const element = data[position]
  return element === undefined ? '' : ` = ${element}`
}
