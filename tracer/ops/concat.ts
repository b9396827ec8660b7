/** Concatenation; its transpose is a slice per operand. Each operand is copied by a loop nest of its own. */
import { DTypeError, ShapeError, ValueError } from '../../codegen/errors.ts'
import { addSizes, type Size, sizesEqual } from '../../codegen/size.ts'
import { printType } from '../ir/type.ts'
import { convertToTensor, convertTogether, grownList, installStack, type TensorLike } from '../convert.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, normaliseAxis, onlyGradient, operandRows, sizeAt } from './arguments.ts'
import { axisName, loopNest } from './lowering.ts'
import { expandDims, transpose } from './movement.ts'
import { sliceAxis } from './slice.ts'
import { mergeSizes } from './sizes.ts'

type ConcatAttrs = { readonly axis: number }

const concatOp: OpDefinition<ConcatAttrs> = defineOp<ConcatAttrs>({
  name: 'concat',
  cost: 100,
  type: (operands, { axis }) => {
    const first = at(operands, 0)
    const complaint = (problem: string): { op: string; problem: string; rows: string[][]; fix: string } => ({
      op: 'concat',
      problem,
      rows: operandRows(
        operands,
        operands.map((_, i) => `[${i}]`),
      ),
      fix: 'reshape or cast the operand that differs.',
    })
    let shape = [...first.shape]
    let length: Size = 0
    for (const operand of operands) {
      if (operand.dtype !== first.dtype) throw new DTypeError(complaint('operands have different dtypes'))
      if (operand.shape.length !== shape.length)
        throw new ShapeError(complaint('operands have different ranks'))
      shape = shape.map((size, d) =>
        d === axis
          ? size
          : mergeSizes(size, sizeAt(operand.shape, d), () => complaint(`sizes of axis ${d} differ`)),
      )
      length = addSizes(length, sizeAt(operand.shape, axis))
    }
    shape[axis] = length
    return [{ dtype: first.dtype, shape }]
  },
  gradient: ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    let start: Size = 0
    return operands.map((operand, i) => {
      const size = sizeAt(operand.type.shape, attrs.axis)
      const from = start
      start = addSizes(start, size)
      return needed[i] === true ? sliceAxis(g, attrs.axis, from, size) : null
    })
  },
  lower: {
    kind: 'loops',
    build: ({ e, attrs, operands, result, output, axis }) => {
      let start: Size = 0
      return operands.flatMap((operand) => {
        const axes = operand.type.shape.map((size, d) => axis(axisName(d), size))
        const index = axes.map((a) => e.index(a))
        const target = index.map((i, d) => (d === attrs.axis ? e.indexAdd(i, start) : i))
        start = addSizes(start, sizeAt(operand.type.shape, attrs.axis))
        return loopNest(e, axes, [
          {
            kind: 'store',
            buffer: output,
            index: e.offset(target, result.shape),
            value: operand.read(index),
          },
        ])
      })
    },
  },
})

function together(op: string, tensors: readonly TensorLike[]): Tensor[] {
  if (tensors.length === 0)
    throw new ValueError({ op, problem: 'there is nothing to join', fix: 'pass at least one tensor.' })
  return convertTogether(
    op,
    tensors.map((tensor, i) => [`[${i}]`, tensor] as const),
  )
}

/**
 * Tensors of one dtype (any) joined along `axis`; the other sizes must be equal.
 *
 * @throws ShapeError when ranks or other sizes differ; DTypeError when dtypes differ; ValueError for an empty list or
 *   an axis that does not exist.
 * @example tf.concat([[1, 2], [3]]) // [1, 2, 3]
 */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  const list = grownList(tensors)
  if (list !== undefined) {
    const joined = list.concat()
    if (normaliseAxis('concat', axis, joined.rank) === 0) return joined
    throw new ValueError({
      op: 'concat',
      problem: `an array that grew in a staged loop is joined along axis 0, not ${axis}`,
      fix: 'transpose the elements first.',
    })
  }
  const operands = together('concat', tensors)
  const first = at(operands, 0)
  const along = normaliseAxis('concat', axis, first.rank)
  return operands.length === 1 ? first : bindOne(concatOp, operands, { axis: along })
}

/**
 * Tensors of one dtype (any) and shape joined along a new axis before `axis`.
 *
 * @throws ShapeError when shapes differ; DTypeError when dtypes differ; ValueError for an empty list or a bad axis.
 * @example tf.stack([[1, 2], [3, 4]]) // [[1, 2], [3, 4]]
 */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  const list = grownList(tensors)?.stack()
  if (list !== undefined) {
    const to = normaliseAxis('stack', axis, list.rank)
    const others = Array.from({ length: list.rank - 1 }, (_, i) => i + 1)
    return to === 0 ? list : transpose(list, [...others.slice(0, to), 0, ...others.slice(to)])
  }
  const operands = together('stack', tensors)
  const first = at(operands, 0)
  const along = normaliseAxis('stack', axis, first.rank + 1)
  for (const operand of operands)
    if (
      operand.rank !== first.rank ||
      operand.shape.some((size, d) => sizesEqual(size, first.shape[d] ?? -1) === false)
    )
      throw new ShapeError({
        op: 'stack',
        problem: 'the tensors have different shapes',
        rows: operands.map((each, i) => [`[${i}]`, printType(each.type)]),
        fix: 'reshape or pad them to one shape, or use concat.',
      })
  return concat(
    operands.map((operand) => expandDims(operand, along)),
    along,
  )
}

installStack((rows, dtype) =>
  stack(dtype === undefined ? rows : rows.map((row) => convertToTensor(row, { dtype }))),
)
