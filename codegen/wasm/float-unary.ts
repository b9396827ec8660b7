/**
 * The float functions that are one instruction, the same for scalars and vectors.
 */
import type { UnaryOp } from '../expr.ts'
import type { ExpressionRef } from './binaryen.ts'

/** The part of binaryen's `f32`, `f64`, `f32x4` and `f64x2` that they have in common. */
interface FloatInstructions {
  neg(x: ExpressionRef): ExpressionRef
  abs(x: ExpressionRef): ExpressionRef
  floor(x: ExpressionRef): ExpressionRef
  ceil(x: ExpressionRef): ExpressionRef
  nearest(x: ExpressionRef): ExpressionRef
  trunc(x: ExpressionRef): ExpressionRef
  sqrt(x: ExpressionRef): ExpressionRef
}

/** The instruction for `op`, or undefined when there is none and it takes a function. */
export function floatInstruction(
  type: FloatInstructions,
  op: UnaryOp,
  x: ExpressionRef,
): ExpressionRef | undefined {
  switch (op) {
    case 'neg':
      return type.neg(x)
    case 'abs':
      return type.abs(x)
    case 'floor':
      return type.floor(x)
    case 'ceil':
      return type.ceil(x)
    case 'round':
      return type.nearest(x)
    case 'trunc':
      return type.trunc(x)
    case 'sqrt':
      return type.sqrt(x)
    default:
      return undefined
  }
}
