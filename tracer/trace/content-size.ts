/**
 * Variables as sizes: `tf.zeros([n])` for an int32 scalar Variable n.
 *
 * In eager code the size is what the Variable holds. In a trace it is a name, which gets the Variable's content at the
 * beginning of every call, before the program runs; so the Variable must not have been assigned in the trace before.
 */
import { readSlot } from '../../codegen/run/memory.ts'
import { DTypeError, ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { printType } from '../ir/type.ts'
import { Variable } from '../variable.ts'
import { currentTrace } from './bind.ts'

/** A size of a shape as users may give it. */
export type SizeLike = Size | Variable

/** The shape with Variables replaced by the sizes they stand for. Throws DTypeError for one that is no int32 scalar. */
export function sizesOf(op: string, shape: readonly SizeLike[]): readonly Size[] {
  if (!shape.some((size) => size instanceof Variable)) return shape as readonly Size[]
  return shape.map((size) => (size instanceof Variable ? sizeFrom(op, size) : size))
}

function sizeFrom(op: string, variable: Variable): Size {
  if (variable.dtype !== 'int32' || variable.rank !== 0)
    throw new DTypeError({
      op,
      problem: `the variable ${variable.name} is ${printType(variable.type)}, which is no size`,
      fix: "use an int32 scalar: tf.variable(3, { dtype: 'int32' }).",
    })
  return contentOf(op, variable) ?? 0
}

/** The content of a Variable as a size of the current trace. */
export function contentOf(op: string, variable: Variable | undefined): Size | undefined {
  return variable && (currentTrace().contentSize?.(variable) ?? storedSize(op, variable))
}

/** What the Variable holds now, as a size. Throws ValueError when that is negative. */
export function storedSize(op: string, variable: Variable): number {
  const size = readSlot(variable.slot)[0] ?? 0
  if (size < 0)
    throw new ValueError({
      op,
      problem: `the variable ${variable.name} is used as a size and holds ${size}`,
      fix: 'assign a number of at least 0.',
    })
  return size
}
