/** Checks of arguments that many composites share, with the messages users see. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { printType, type TensorType } from '../../tracer/ir/type.ts'
import { demandDType, floating, sizeAt } from '../../tracer/ops/arguments.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'

/** `x` as a float32 or float64 tensor. Throws DTypeError otherwise. */
export function requireFloating(op: string, x: TensorLike, name = 'x'): Tensor {
  const tensor = convertToTensor(x, { op })
  demandDType(op, tensor.type, floating, [tensor.type], [name])
  return tensor
}

/** `x` as an int32 tensor; JavaScript numbers become int32. Throws DTypeError otherwise. */
export function requireInteger(op: string, x: TensorLike, name: string): Tensor {
  const tensor = convertToTensor(x, { op, dtype: 'int32' })
  demandDType(
    op,
    tensor.type,
    { dtypes: ['int32'], fix: `cast it first: ${name}.cast('int32').` },
    [tensor.type],
    [name],
  )
  return tensor
}

/** The size of an axis as a number. Throws ShapeError when it is not known while tracing. */
export function knownSize(op: string, type: TensorType, axis: number): number {
  const size = sizeAt(type.shape, axis)
  if (typeof size !== 'number')
    throw new ShapeError({
      op,
      problem: `the size of axis ${axis} must be known while tracing`,
      rows: [['x', printType(type)]],
      fix: 'give the axis a size in the signature.',
    })
  return size
}

/** `count` when it is an integer of at least `least`. Throws ValueError otherwise. */
export function requireCount(op: string, name: string, count: number, least = 0): number {
  if (!Number.isInteger(count) || count < least || count > 0x7fffffff)
    throw new ValueError({ op, problem: `${name} is ${count}`, fix: `use an integer of at least ${least}.` })
  return count
}
