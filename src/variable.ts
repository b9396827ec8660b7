/**
 * `tf.variable`: state that lives across calls.
 */
import type { DType } from '../codegen/dtype.ts'
import { ValueError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'

import { currentTrace, eagerTrace, withTrace } from '../tracer/trace/bind.ts'
import { type DeclaredShape, Variable } from '../tracer/variable.ts'
import { VariableSlice } from '../tracer/variable-slice.ts'

export interface VariableOptions {
  /** For messages and saving; `Variable`, `Variable_1`, … when absent. Need not be unique. */
  readonly name?: string
  /** The dtype JavaScript values take; float32 for numbers when absent. */
  readonly dtype?: DType
  /** Whether tapes watch it and optimizers change it. Default true. */
  readonly trainable?: boolean
  /**
   * Declares sizes as null that assignments may change (`[null, 3]`), or the whole shape as null. Without it the shape
   * is that of the initial value, for good.
   */
  readonly shape?: DeclaredShape
}

/**
 * Makes a variable holding a copy of `initial`: a tensor, another variable, numbers, arrays, or a function that returns one.
 *
 * @throws ValueError without an initial value; DTypeError when the dtype cannot hold it; ShapeError when it does not
 *   have the declared shape
 * @example
 * const v = tf.variable([1, 2], { name: 'v' })
 * v.assignAdd([10, 10])
 * v.array() // [11, 12]
 */
export function variable(initial: TensorLike | (() => TensorLike), options: VariableOptions = {}): Variable {
  if (initial === undefined || initial === null)
    throw new ValueError({
      op: 'tf.variable',
      problem: 'the initial value is missing',
      fix: 'tf.variable(0), or tf.variable(() => tf.zeros([2])).',
    })
  const { dtype, ...rest } = options
  const trace = currentTrace()
  const given = withTrace(trace.deferred === true ? trace : eagerTrace(), () =>
    convertToTensor(typeof initial === 'function' ? initial() : initial, { dtype, op: 'tf.variable' }),
  )
  const tensor = dtype === undefined || given.dtype === dtype ? given : given.cast(dtype)
  return new Variable(tensor, rest)
}

export { type DeclaredShape, Variable, VariableSlice }
