/** Rows of tensors, along axis 0: taken apart without a copy, put together with one. */
import { allocate, type TypedArray } from '../../codegen/dtype.ts'
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { printType } from '../../tracer/ir/type.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1)
}

/** One row; it shares the elements of `tensor`, which never change. */
export function rowOf(tensor: Tensor, i: number): Tensor {
  const shape = tensor.shape.slice(1)
  const size = product(shape)
  return tensorOf(tensor.dtype, shape, tensor.elements('the dataset').subarray(i * size, (i + 1) * size))
}

/** The rows from `start` to before `end`, without a copy. */
export function rowsBetween(tensor: Tensor, start: number, end: number): Tensor {
  const [, ...rest] = tensor.shape
  const size = product(rest)
  const data = tensor.elements('the dataset').subarray(start * size, end * size)
  return tensorOf(tensor.dtype, [end - start, ...rest], data)
}

/** The rows at these positions, copied together. */
export function rowsAt(tensor: Tensor, positions: ArrayLike<number>): Tensor {
  const [, ...rest] = tensor.shape
  const size = product(rest)
  const from = tensor.elements('the dataset')
  const data = allocate(tensor.dtype, positions.length * size)
  for (let i = 0; i < positions.length; i++) {
    const start = (positions[i] ?? 0) * size
    data.set(from.subarray(start, start + size), i * size)
  }
  return tensorOf(tensor.dtype, [positions.length, ...rest], data)
}

/** Tensors of one type as the rows of another, followed by rows of zeros up to `count`. */
export function stackRows(op: string, tensors: readonly Tensor[], count: number, path: string): Tensor {
  const first = tensors[0] as Tensor
  const size = first.size
  const data: TypedArray = allocate(first.dtype, count * size)
  tensors.forEach((tensor, i) => {
    requireSame(op, first, tensor, path)
    data.set(tensor.elements(op), i * size)
  })
  return tensorOf(first.dtype, [count, ...first.shape], data)
}

/** Tensors one after another along axis 0. */
export function joinRows(op: string, tensors: readonly Tensor[]): Tensor {
  const first = tensors[0] as Tensor
  const [, ...rest] = first.shape
  const rows = tensors.reduce((total, tensor) => total + (tensor.shape[0] ?? 0), 0)
  const data: TypedArray = allocate(first.dtype, rows * product(rest))
  let at = 0
  for (const tensor of tensors) {
    if (!sameShape(tensor.shape.slice(1), rest)) throw otherShape(op, first, tensor, '')
    data.set(tensor.elements(op), at)
    at += tensor.size
  }
  return tensorOf(first.dtype, [rows, ...rest], data)
}

function requireSame(op: string, first: Tensor, other: Tensor, path: string): void {
  if (first.dtype !== other.dtype)
    throw new DTypeError({
      op,
      problem: `the elements have different dtypes${path === '' ? '' : ` at ${path}`}`,
      rows: [
        ['one', printType(first.type)],
        ['another', printType(other.type)],
      ],
      fix: 'cast them in a map.',
    })
  if (!sameShape(first.shape, other.shape)) throw otherShape(op, first, other, path)
}

function otherShape(op: string, first: Tensor, other: Tensor, path: string): ShapeError {
  return new ShapeError({
    op,
    problem: `the elements have different shapes${path === '' ? '' : ` at ${path}`}`,
    rows: [
      ['one', printType(first.type)],
      ['another', printType(other.type)],
    ],
    fix: 'bring them to one shape in a map.',
  })
}
