/**
 * Rearrangements whose transpose is of their own kind: reshape, transpose and reverse. The elements stay the same.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import {
  elementCount,
  floorDivideSizes,
  multiplySizes,
  printShape,
  sameShape,
  type Size,
  sizesEqual,
} from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, normaliseAxes, normaliseAxis, onlyGradient, operandRows, readerAt, sizeAt } from './arguments.ts'
import { lastIndex, requireEqual } from './sizes.ts'

type ReshapeAttrs = { readonly shape: Shape }

/**
 * Runs of axes, from the left, whose sizes multiply to the same count on both sides: between [a,b,4] and [a·b,2,2] they
 * are a,b | a·b and 4 | 2,2. Each run is flattened and split on its own, which keeps most indices linear.
 */
function matchingRuns(from: Shape, to: Shape): { from: readonly number[]; to: readonly number[] }[] {
  const runs: { from: number[]; to: number[] }[] = []
  let run: { from: number[]; to: number[] } = { from: [], to: [] }
  let left: Size = 1
  let right: Size = 1
  let i = 0
  let j = 0
  while (i < from.length || j < to.length) {
    if (j >= to.length || (i < from.length && run.from.length <= run.to.length)) {
      left = multiplySizes(left, sizeAt(from, i))
      run.from.push(i++)
    } else {
      right = multiplySizes(right, sizeAt(to, j))
      run.to.push(j++)
    }
    // With numbers on both sides the shorter product grows next; unknown sizes alternate until they agree.
    while (typeof left === 'number' && typeof right === 'number' && left !== right) {
      if (left < right && i < from.length) {
        left = multiplySizes(left, sizeAt(from, i))
        run.from.push(i++)
      } else if (right < left && j < to.length) {
        right = multiplySizes(right, sizeAt(to, j))
        run.to.push(j++)
      } else break
    }
    if (sizesEqual(left, right) === true && left !== 0) {
      runs.push(run)
      run = { from: [], to: [] }
      left = 1
      right = 1
    }
  }
  if (run.from.length + run.to.length > 0) runs.push(run)
  return runs
}

/** The index into `from` of the element that stands at `index` in `to`. */
function reshapedIndex(e: ExprPool, from: Shape, to: Shape, index: readonly Expr[]): Expr[] {
  const result: Expr[] = from.map(() => e.const('int32', 0))
  for (const run of matchingRuns(from, to)) {
    let flat = e.offset(
      run.to.map((axis) => at(index, axis)),
      run.to.map((axis) => sizeAt(to, axis)),
    )
    const wide = run.from.filter((axis) => from[axis] !== 1)
    for (let k = wide.length - 1; k >= 0; k--) {
      const axis = at(wide, k)
      const size = sizeAt(from, axis)
      // An empty axis is never indexed; dividing by its size would not be defined.
      if (size === 0) continue
      result[axis] = k === 0 ? flat : e.indexMod(flat, size)
      if (k > 0) flat = e.indexDivide(flat, size)
    }
  }
  return result
}

const reshapeOp: OpDefinition<ReshapeAttrs> = defineOp<ReshapeAttrs>({
  name: 'reshape',
  cost: 0,
  sizeAttributes: ['shape'],
  type: (operands, { shape }) => {
    const x = at(operands, 0)
    requireEqual(elementCount(x.shape), elementCount(shape), () => ({
      op: 'reshape',
      problem: `the number of elements of ${printShape(x.shape)} and ${printShape(shape)} differs`,
      rows: operandRows(operands),
      fix: 'use -1 for at most one size to have it computed.',
    }))
    return [{ dtype: x.dtype, shape }]
  },
  gradient: ({ operands, gradients }) => [reshape(onlyGradient(gradients), at(operands, 0).type.shape)],
  lower: {
    kind: 'alias',
    read: ({ e, operands, result }, index) => {
      const x = readerAt(operands, 0)
      return x.read(reshapedIndex(e, x.type.shape, result.shape, index))
    },
  },
})

/** Replaces a −1 in a wanted shape by what is left of `count`. */
function inferShape(shape: readonly Size[], x: Tensor): Shape {
  const holes = shape.filter((size) => size === -1).length
  const bad = shape.find((size) => typeof size === 'number' && (size < -1 || !Number.isInteger(size)))
  if (holes > 1 || bad !== undefined)
    throw new ValueError({
      op: 'reshape',
      problem: holes > 1 ? `${printShape(shape)} has more than one -1` : `${String(bad)} is not a size`,
      rows: operandRows([x.type]),
    })
  if (holes === 0) return shape
  const known = elementCount(shape.filter((size) => size !== -1))
  if (known === 0)
    throw new ValueError({
      op: 'reshape',
      problem: `-1 in ${printShape(shape)} is not determined, since another size is 0`,
      rows: operandRows([x.type]),
      fix: 'give every size.',
    })
  const rest = floorDivideSizes(elementCount(x.type.shape), known)
  return shape.map((size) => (size === -1 ? rest : size))
}

/**
 * The elements of `x` in row-major order under another shape. One size may be −1 and is computed. Any dtype.
 *
 * @throws ShapeError when the number of elements differs; ValueError for two −1.
 * @example tf.reshape([1, 2, 3, 4], [2, -1]) // [[1, 2], [3, 4]]
 */
export function reshape(x: TensorLike, shape: readonly Size[]): Tensor {
  const tensor = convertToTensor(x, { op: 'reshape' })
  const wanted = inferShape(shape, tensor)
  return sameShape(tensor.type.shape, wanted) ? tensor : bindOne(reshapeOp, [tensor], { shape: wanted })
}

/**
 * `x` with a new axis of size 1 before `axis`; a negative axis counts from the end of the result. Any dtype.
 *
 * @throws ValueError when `axis` is not in −rank−1 … rank.
 * @example tf.expandDims([1, 2], 0) // [[1, 2]]
 */
export function expandDims(x: TensorLike, axis = 0): Tensor {
  const tensor = convertToTensor(x, { op: 'expandDims' })
  const shape = [...tensor.type.shape]
  shape.splice(normaliseAxis('expandDims', axis, tensor.rank + 1), 0, 1)
  return reshape(tensor, shape)
}

/**
 * `x` without axes of size 1: those named, or all that are known to have size 1. Any dtype.
 *
 * @throws ShapeError when a named axis has another size; ValueError when it is no axis.
 * @example tf.squeeze([[1, 2]], [0]) // [1, 2]
 */
export function squeeze(x: TensorLike, axis?: readonly number[]): Tensor {
  const tensor = convertToTensor(x, { op: 'squeeze' })
  const { shape } = tensor.type
  const dropped =
    axis === undefined || axis.length === 0
      ? shape.flatMap((size, i) => (size === 1 ? [i] : []))
      : normaliseAxes('squeeze', axis, tensor.rank)
  for (const i of dropped)
    requireEqual(sizeAt(shape, i), 1, () => ({
      op: 'squeeze',
      problem: `axis ${i} has not size 1`,
      rows: operandRows([tensor.type]),
      fix: 'squeeze only axes of size 1, or use reshape.',
    }))
  return reshape(
    tensor,
    shape.filter((_, i) => !dropped.includes(i)),
  )
}

type TransposeAttrs = { readonly permutation: readonly number[] }

/** The permutation that undoes another. */
export function invertPermutation(permutation: readonly number[]): number[] {
  const inverse: number[] = permutation.map(() => 0)
  permutation.forEach((axis, i) => (inverse[axis] = i))
  return inverse
}

const transposeOp: OpDefinition<TransposeAttrs> = defineOp<TransposeAttrs>({
  name: 'transpose',
  cost: 0,
  type: (operands, { permutation }) => {
    const x = at(operands, 0)
    if (
      [...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) ||
      permutation.length !== x.shape.length
    )
      throw new ShapeError({
        op: 'transpose',
        problem: `[${permutation.join(',')}] is not a permutation of the axes`,
        rows: operandRows(operands),
        fix: 'name every axis once.',
      })
    return [{ dtype: x.dtype, shape: permutation.map((axis) => sizeAt(x.shape, axis)) }]
  },
  gradient: ({ attrs, gradients }) => [
    transpose(onlyGradient(gradients), invertPermutation(attrs.permutation)),
  ],
  lower: {
    kind: 'index',
    read: ({ attrs, operands }, index) =>
      readerAt(operands, 0).read(invertPermutation(attrs.permutation).map((axis) => at(index, axis))),
  },
})

/**
 * `x` with its axes in another order: axis i of the result is axis `permutation[i]` of `x`. Without a permutation the
 * order is reversed. Any dtype; negative axes count from the end.
 *
 * @throws ShapeError when `permutation` does not name every axis once.
 * @example tf.transpose([[1, 2], [3, 4]]) // [[1, 3], [2, 4]]
 */
export function transpose(x: TensorLike, permutation?: readonly number[] | null): Tensor {
  const tensor = convertToTensor(x, { op: 'transpose' })
  const { rank } = tensor
  const order =
    permutation?.map((axis) => (axis < 0 ? axis + rank : axis)) ??
    Array.from({ length: rank }, (_, i) => rank - 1 - i)
  if (order.length === rank && order.every((axis, i) => axis === i)) return tensor
  return bindOne(transposeOp, [tensor], { permutation: order })
}

type ReverseAttrs = { readonly axes: readonly number[] }

const reverseOp: OpDefinition<ReverseAttrs> = defineOp<ReverseAttrs>({
  name: 'reverse',
  cost: 0,
  type: (operands, { axes }) => {
    const x = at(operands, 0)
    for (const axis of axes) normaliseAxis('reverse', axis, x.shape.length)
    return [x]
  },
  gradient: ({ attrs, gradients }) => [reverse(onlyGradient(gradients), attrs.axes)],
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0)
      return x.read(
        index.map((i, axis) =>
          attrs.axes.includes(axis)
            ? e.linear([{ atom: i, coefficient: -1 }], lastIndex(sizeAt(x.type.shape, axis)))
            : i,
        ),
      )
    },
  },
})

/**
 * `x` with the order of its elements reversed along `axis` (one, several, or all axes). Any dtype.
 *
 * @throws ValueError when an axis does not exist or is named twice.
 * @example tf.reverse([1, 2, 3]) // [3, 2, 1]
 */
export function reverse(x: TensorLike, axis?: number | readonly number[] | null): Tensor {
  const tensor = convertToTensor(x, { op: 'reverse' })
  const axes = normaliseAxes('reverse', axis, tensor.rank).filter((i) => tensor.type.shape[i] !== 1)
  return axes.length === 0 ? tensor : bindOne(reverseOp, [tensor], { axes })
}
