/**
 * Indices of TensorArrays: known ones and those that are tensors of a trace.
 */
import { DTypeError, ShapeError, ValueError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { printType } from '../tracer/ir/type.ts'
import { reshape, sliceAxis } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'

const op = 'tensorArray'

/** The index as a number, where that is known now. */
export function knownIndex(index: TensorLike): number | undefined {
  if (typeof index === 'number') return index
  const tensor = convertToTensor(index, { op: `${op} index` })
  if (tensor.dtype !== 'int32' || tensor.rank !== 0)
    throw new DTypeError({
      op,
      problem: `the index is ${printType(tensor.type)}, not an int32 scalar`,
      fix: "cast it: index.cast('int32').",
    })
  return isTracing() && tensor.payload.kind === 'symbolic' ? undefined : tensor.item()
}

/** The error for an index out of range. */
export function outOfRange(what: string, index: number, size: number): ValueError {
  return new ValueError({
    op: `${op}.${what}`,
    problem: `the index ${index} is out of range: the size is ${size}`,
    fix: 'use an integer from 0 to size − 1, or make the array with dynamicSize: true.',
  })
}

/** A slice along axis 0. */
export function elementAt(tensor: Tensor, index: number): Tensor {
  return reshape(sliceAxis(tensor, 0, index, 1), tensor.type.shape.slice(1))
}

/** Indices one by one. */
export function entriesOf(indices: readonly number[] | Tensor): readonly TensorLike[] {
  if (Array.isArray(indices)) return indices as readonly number[]
  const tensor = indices as Tensor
  const [count, ...others] = tensor.type.shape
  if (typeof count !== 'number' || others.length > 0)
    throw new ShapeError({
      op,
      problem: `the indices are ${printType(tensor.type)}`,
      fix: 'give numbers, or an int32 vector whose length is known.',
    })
  return Array.from({ length: count }, (_, i) => elementAt(tensor, i))
}
