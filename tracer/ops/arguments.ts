/**
 * Checks that ops share: which dtypes they accept, what an axis argument means, and the operand rows of messages.
 */
import type { DType } from '../../codegen/dtype.ts'
import { DTypeError, InternalError, ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { printType, type Shape, type TensorType } from '../ir/type.ts'
import type { OperandReader } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import type { AxisArgument } from '../tensor-methods.ts'
import { mergeShapes } from './sizes.ts'

/** A family of dtypes an op accepts, and what to do with others. */
export interface DTypeFamily {
  readonly dtypes: readonly DType[]
  readonly fix: string
}

/** Arithmetic: every dtype but bool. */
export const numeric: DTypeFamily = {
  dtypes: ['float32', 'float64', 'int32', 'uint8'],
  fix: "cast to a number first, e.g. x.cast('float32').",
}
/** Roots, exponentials, trigonometry. */
export const floating: DTypeFamily = {
  dtypes: ['float32', 'float64'],
  fix: "cast to a float first, e.g. x.cast('float32').",
}
/** Shifts and truncating division. */
export const integral: DTypeFamily = {
  dtypes: ['int32', 'uint8'],
  fix: "cast to an integer first, e.g. x.cast('int32').",
}
/** Bitwise and, or, xor: on bool they are the logical ones. */
export const bitwise: DTypeFamily = {
  dtypes: ['int32', 'uint8', 'bool'],
  fix: "cast to an integer first, e.g. x.cast('int32').",
}
/** Logic. */
export const logical: DTypeFamily = {
  dtypes: ['bool'],
  fix: "compare first, e.g. x.notEqual(0), or cast to 'bool'.",
}
/** Everything. */
export const anything: DTypeFamily = {
  dtypes: ['float32', 'float64', 'int32', 'uint8', 'bool'],
  fix: '',
}

const defaultNames = ['x', 'y', 'z']

/** Operand rows of a message: name and type. */
export function operandRows(
  operands: readonly TensorType[],
  names: readonly string[] = defaultNames,
): string[][] {
  return operands.map((type, i) => [names[i] ?? `operand ${i}`, printType(type)])
}

/** The i-th entry of a list that is known to have one. */
export function at<T>(list: readonly T[], i: number): T {
  const entry = list[i]
  if (entry === undefined) throw new InternalError(`a list of ${list.length} lacks entry ${i}`)
  return entry
}

/** The size of an axis that is known to exist. */
export function sizeAt(shape: Shape, axis: number): Size {
  return at(shape, axis)
}

/** The reader of operand i. */
export function readerAt(operands: readonly OperandReader[], i: number): OperandReader {
  return at(operands, i)
}

/** The gradient of the only result. */
export function onlyGradient(gradients: readonly (Tensor | null)[]): Tensor {
  const [gradient] = gradients
  if (gradient === undefined || gradient === null)
    throw new InternalError('a gradient rule ran without a gradient')
  return gradient
}

/** Throws DTypeError unless the dtype belongs to the family. */
export function demandDType(
  op: string,
  type: TensorType,
  family: DTypeFamily,
  operands: readonly TensorType[] = [type],
  names: readonly string[] = defaultNames,
): void {
  if (family.dtypes.includes(type.dtype)) return
  throw new DTypeError({
    op,
    problem: `${type.dtype} operands are not supported`,
    rows: operandRows(operands, names),
    fix: family.fix,
  })
}

/** The common shape of operands that must have one dtype of the family and one shape. */
export function elementwiseShape(op: string, operands: readonly TensorType[], family: DTypeFamily): Shape {
  const first = at(operands, 0)
  demandDType(op, first, family, operands)
  for (const operand of operands)
    if (operand.dtype !== first.dtype)
      throw new DTypeError({
        op,
        problem: 'operands have different dtypes',
        rows: operandRows(operands),
        fix: `cast one of them, e.g. y.cast('${first.dtype}').`,
      })
  return mergeShapes(
    operands.map((operand) => operand.shape),
    () => ({
      op,
      problem: 'shapes differ',
      rows: operandRows(operands),
      fix: 'reshape or broadcast one operand.',
    }),
  )
}

/** An axis counted from the front. Throws ValueError when it is no axis of a tensor of this rank. */
export function normaliseAxis(op: string, axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || counted < 0 || counted >= rank)
    throw new ValueError({
      op,
      problem: `axis ${axis} is not an axis of a tensor of rank ${rank}`,
      fix: rank === 0 ? 'a scalar has no axes.' : `use ${-rank} to ${rank - 1}.`,
    })
  return counted
}

/** Axes to work on, counted from the front, ascending: all of them for null or undefined. Throws ValueError on repeats. */
export function normaliseAxes(op: string, axis: AxisArgument | undefined, rank: number): number[] {
  if (axis === null || axis === undefined) return Array.from({ length: rank }, (_, i) => i)
  const axes = (typeof axis === 'number' ? [axis] : axis).map((entry) => normaliseAxis(op, entry, rank))
  if (new Set(axes).size !== axes.length)
    throw new ValueError({
      op,
      problem: `an axis is named twice in [${String(axis)}]`,
      fix: 'name every axis once; negative ones count from the end.',
    })
  return axes.sort((a, b) => a - b)
}
