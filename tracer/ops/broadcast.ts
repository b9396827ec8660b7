/**
 * Broadcasting and its transpose, summation.
 *
 * Primitives demand equal shapes. The wrappers of elementwise ops call `broadcastTogether`, which makes NumPy's implicit
 * rule explicit as `broadcast` nodes; the gradient of a broadcast is a sum, so no other gradient undoes broadcasting.
 * A size that is 1 is repeated; a size that is not known yet is taken to be different from 1, and two sizes that cannot
 * be compared yet are taken to be equal (recorded as a guard).
 */
import { allocate, type DType } from '../../codegen/dtype.ts'
import { ShapeError } from '../../codegen/errors.ts'
import { printShape, printSize, sameShape, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { type Tensor, tensorOf } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, demandDType, numeric, onlyGradient, operandRows, readerAt, sizeAt } from './arguments.ts'
import { reshape } from './movement.ts'
import { readReduction, reducedShape, type ReduceAttrs } from './reduction.ts'
import { mergeSizes } from './sizes.ts'

type BroadcastAttrs = {
  readonly shape: Shape
  /** For each operand axis, the result axis it becomes; ascending. */
  readonly axes: readonly number[]
}

const broadcastOp: OpDefinition<BroadcastAttrs> = defineOp<BroadcastAttrs>({
  name: 'broadcast',
  cost: 0,
  sizeAttributes: ['shape'],
  type: (operands, { shape, axes }) => {
    const x = at(operands, 0)
    const complaint = {
      op: 'broadcastTo',
      problem: `the operand does not broadcast to ${printShape(shape)}`,
      rows: operandRows(operands),
      fix: 'sizes must be equal or 1, counted from the last axis.',
    }
    if (
      axes.length !== x.shape.length ||
      axes.some((axis, i) => axis <= (axes[i - 1] ?? -1) || axis >= shape.length)
    )
      throw new ShapeError(complaint)
    const result = [...shape]
    axes.forEach((axis, i) => {
      const size = sizeAt(x.shape, i)
      if (size !== 1) result[axis] = mergeSizes(sizeAt(shape, axis), size, () => complaint)
    })
    return [{ dtype: x.dtype, shape: result }]
  },
  gradient: ({ attrs, operands, results, gradients }) => {
    const { shape } = at(operands, 0).type
    const full = at(results, 0).type.shape
    const repeated = full.flatMap((size, axis) => {
      const from = attrs.axes.indexOf(axis)
      return from < 0 || (shape[from] === 1 && size !== 1) ? [axis] : []
    })
    return [reshape(reduceSum(onlyGradient(gradients), repeated), shape)]
  },
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0)
      return x.read(
        attrs.axes.map((axis, i) => (x.type.shape[i] === 1 ? e.const('int32', 0) : at(index, axis))),
      )
    },
  },
})

/** `x` repeated to `shape`, axis i of `x` becoming axis `axes[i]` (ascending) of the result; sizes must be equal or 1. */
export function broadcastAlong(x: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return sameShape(x.type.shape, shape) ? x : bindOne(broadcastOp, [x], { shape, axes })
}

/**
 * `x` repeated to `shape`: axes are matched from the last one, sizes must be equal or 1, missing axes are added in
 * front. Any dtype.
 *
 * @throws ShapeError when the shapes do not fit.
 * @example tf.broadcastTo([1, 2], [2, 2]) // [[1, 2], [1, 2]]
 */
export function broadcastTo(x: TensorLike, shape: readonly Size[]): Tensor {
  const tensor = convertToTensor(x, { op: 'broadcastTo' })
  const added = shape.length - tensor.rank
  return broadcastAlong(
    tensor,
    shape,
    tensor.type.shape.map((_, i) => i + added),
  )
}

/**
 * The shape that operands broadcast to. Throws ShapeError, in the name of `op`, when they do not fit.
 */
export function broadcastShape(op: string, tensors: readonly Tensor[], names?: readonly string[]): Shape {
  const rank = Math.max(...tensors.map((tensor) => tensor.rank))
  const result: Size[] = []
  for (let axis = 0; axis < rank; axis++) {
    let size: Size = 1
    for (const tensor of tensors) {
      const own = tensor.type.shape[axis - rank + tensor.rank] ?? 1
      if (own === 1) continue
      size =
        size === 1
          ? own
          : mergeSizes(size, own, () => ({
              op,
              problem: 'shapes do not broadcast',
              rows: operandRows(
                tensors.map((t) => t.type),
                names,
              ).map((row, i) => {
                const t = at(tensors, i)
                const own = t.type.shape[axis - rank + t.rank]
                return own === undefined ? row : [...row, `axis ${axis - rank + t.rank} is ${printSize(own)}`]
              }),
              fix: 'sizes must be equal or 1, counted from the last axis; reshape, expandDims or transpose one operand.',
            }))
    }
    result.push(size)
  }
  return result
}

/** Operands broadcast to their common shape. Throws ShapeError, in the name of `op`, when they do not fit. */
export function broadcastTogether(
  op: string,
  tensors: readonly Tensor[],
  names?: readonly string[],
): Tensor[] {
  const first = at(tensors, 0)
  if (tensors.every((tensor) => tensor.type === first.type || sameShape(tensor.type.shape, first.type.shape)))
    return [...tensors]
  const shape = broadcastShape(op, tensors, names)
  return tensors.map((tensor) => {
    const fits =
      tensor.rank === shape.length && tensor.type.shape.every((size, axis) => size !== 1 || shape[axis] === 1)
    return fits ? tensor : broadcastTo(tensor, shape)
  })
}

/** A tensor of `shape` whose elements all are `value`. */
export function filled(dtype: DType, shape: Shape, value: number): Tensor {
  const data = allocate(dtype, 1)
  data[0] = value
  return broadcastAlong(tensorOf(dtype, [], data), shape, [])
}

/**
 * Zeros (false) of the shape and dtype of `x`.
 *
 * @example tf.zerosLike([1, 2]) // [0, 0]
 */
export function zerosLike(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'zerosLike' })
  return filled(tensor.dtype, tensor.type.shape, 0)
}

/**
 * Ones (true) of the shape and dtype of `x`.
 *
 * @example tf.onesLike([1, 2]) // [1, 1]
 */
export function onesLike(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'onesLike' })
  return filled(tensor.dtype, tensor.type.shape, 1)
}

const reduceSumOp: OpDefinition<ReduceAttrs> = defineOp<ReduceAttrs>({
  name: 'reduce_sum',
  cost: 100,
  type: (operands, attrs) => {
    const x = at(operands, 0)
    demandDType('sum', x, numeric)
    return [{ dtype: x.dtype, shape: reducedShape('sum', x.shape, attrs.axes) }]
  },
  gradient: ({ attrs, operands, gradients }) => [
    unreduce(onlyGradient(gradients), at(operands, 0).type.shape, attrs.axes),
  ],
  lower: { kind: 'index', read: (context, index) => readReduction('sum', context, index) },
})

/** A reduced tensor repeated along the axes it was reduced over, back to `shape`. */
export function unreduce(reduced: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return broadcastAlong(
    reduced,
    shape,
    shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis])),
  )
}

/** Applies a reduction op over `axes`, counted from the front and ascending; over none it only checks the dtype. */
export function applyReduction(op: OpDefinition<ReduceAttrs>, x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length > 0) return bindOne(op, [x], { axes })
  op.type([x.type], { axes }, [])
  return x
}

/**
 * Sum over `axes`, which are removed; in the dtype of `x`: float32, float64, or int32 and uint8, which wrap. The sum of
 * nothing is 0.
 *
 * @throws DTypeError for bool; ValueError when an axis does not exist.
 * @example reduceSum(tf.tensor([[1, 2], [3, 4]]), [0]) // [4, 6]
 */
export function reduceSum(x: Tensor, axes: readonly number[]): Tensor {
  return applyReduction(reduceSumOp, x, axes)
}
