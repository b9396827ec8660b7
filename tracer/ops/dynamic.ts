/**
 * Slices whose place is a value: dynamicSlice and its transpose, dynamicUpdate. The starts are int32 scalars, one per
 * axis, and are checked when the program runs.
 */
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import type { Expr, ExprPool } from '../../codegen/expr.ts'
import { printShape, type Size, subtractSizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape, TensorType } from '../ir/type.ts'
import { defineOp, type OperandReader, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, onlyGradient, operandRows, readerAt, sizeAt } from './arguments.ts'
import { zerosLike } from './broadcast.ts'
import { axisName, elementText, loopNest } from './lowering.ts'

/** `inside`: whoever made the starts knows that they need no check. */
type DynamicSliceAttrs = { readonly sizes: readonly Size[]; readonly inside?: boolean }

/** Checks that a part of shape `sizes` can lie in `x`, and that there is an int32 scalar per axis. */
function demandPart(
  op: string,
  operands: readonly TensorType[],
  sizes: Shape,
  starts: readonly TensorType[],
): void {
  const { shape } = at(operands, 0)
  const tooLong = sizes.some((size, axis) => {
    const slack = subtractSizes(shape[axis] ?? 0, size)
    return typeof slack === 'number' && slack < 0
  })
  if (sizes.length !== shape.length || starts.length !== shape.length || tooLong)
    throw new ShapeError({
      op,
      problem: `a part of shape ${printShape(sizes)} with ${starts.length} starts does not fit`,
      rows: operandRows(operands.slice(0, operands.length - starts.length), ['x', 'update']),
      fix: 'give a size and a start per axis, sizes no larger than those of x.',
    })
  for (const start of starts)
    if (start.dtype !== 'int32' || start.shape.length !== 0)
      throw new DTypeError({
        op,
        problem: 'starts must be int32 scalars',
        rows: operandRows([start], ['start']),
        fix: "cast it, e.g. start.cast('int32').",
      })
}

/** Starts moved so that the part lies inside; for starts that pass the check, or need none, what was given. */
function clampStarts(
  e: ExprPool,
  shape: Shape,
  sizes: Shape,
  starts: readonly OperandReader[],
  inside = false,
): Expr[] {
  return starts.map((start, axis) => {
    if (inside) return start.read([])
    const slack = subtractSizes(sizeAt(shape, axis), sizeAt(sizes, axis))
    return slack === 0
      ? e.const('int32', 0)
      : e.binary('max', e.binary('min', start.read([]), e.size(slack)), e.const('int32', 0))
  })
}

/** Refuses starts that put the part outside; the code is 1 + the axis. */
function startCheck<A extends DynamicSliceAttrs | DynamicUpdateAttrs>(
  op: string,
  first: number,
  sizesOf: (attrs: A, operands: readonly TensorType[]) => Shape,
): NonNullable<OpDefinition<A>['check']> {
  return {
    code: ({ e, attrs, operands }) => {
      if (attrs.inside === true) return e.const('int32', 0)
      const sizes = sizesOf(
        attrs,
        operands.map((operand) => operand.type),
      )
      const { shape } = readerAt(operands, 0).type
      return shape.reduceRight<Expr>(
        (code, size, axis) => {
          const start = readerAt(operands, first + axis).read([])
          const slack = e.size(subtractSizes(size, sizeAt(sizes, axis)))
          const outside = e.binary(
            'or',
            e.compare('lt', start, e.const('int32', 0)),
            e.compare('gt', start, slack),
          )
          return e.select(outside, e.const('int32', axis + 1), code)
        },
        e.const('int32', 0),
      )
    },
    message: (attrs, operands, code, read) => ({
      op,
      problem: `the start of axis ${code - 1}${elementText(read(first + code - 1), 0)} puts a part of shape ${printShape(sizesOf(attrs, operands))} outside`,
      rows: operandRows(operands.slice(0, 1)),
      fix: 'keep 0 ≤ start ≤ size − length of the part, e.g. with tf.clipByValue.',
    }),
  }
}

const dynamicSliceOp: OpDefinition<DynamicSliceAttrs> = defineOp<DynamicSliceAttrs>({
  name: 'dynamic_slice',
  cost: 1,
  sizeAttributes: ['sizes'],
  type: (operands, { sizes }) => {
    demandPart('dynamicSlice', operands, sizes, operands.slice(1))
    return [{ dtype: at(operands, 0).dtype, shape: sizes }]
  },
  gradient: ({ attrs, operands, gradients }) => {
    const starts = operands.slice(1)
    const update = attrs.inside === true ? updateInside : dynamicUpdate
    return [update(zerosLike(at(operands, 0)), onlyGradient(gradients), starts), ...starts.map(() => null)]
  },
  check: startCheck<DynamicSliceAttrs>('dynamicSlice', 1, (attrs) => attrs.sizes),
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0)
      const starts = clampStarts(e, x.type.shape, attrs.sizes, operands.slice(1), attrs.inside)
      return x.read(index.map((i, axis) => e.indexAdd(i, at(starts, axis))))
    },
  },
})

type DynamicUpdateAttrs = { readonly inside?: boolean }

const dynamicUpdateOp: OpDefinition<DynamicUpdateAttrs> = defineOp<DynamicUpdateAttrs>({
  name: 'dynamic_update',
  cost: 100,
  type: (operands) => {
    const [x, update] = [at(operands, 0), at(operands, 1)]
    if (x.dtype !== update.dtype)
      throw new DTypeError({
        op: 'dynamicUpdate',
        problem: 'the update has another dtype',
        rows: operandRows([x, update], ['x', 'update']),
        fix: `cast it: update.cast('${x.dtype}').`,
      })
    demandPart('dynamicUpdate', operands, update.shape, operands.slice(2))
    return [x]
  },
  gradient: ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const update = at(operands, 1)
    const [replace, part] =
      attrs.inside === true ? [updateInside, sliceInside] : [dynamicUpdate, dynamicSlice]
    const starts = operands.slice(2)
    return [
      needed[0] === true ? replace(g, zerosLike(update), starts) : null,
      needed[1] === true ? part(g, starts, update.type.shape) : null,
      ...starts.map(() => null),
    ]
  },
  check: startCheck<DynamicUpdateAttrs>('dynamicUpdate', 2, (_attrs, operands) => at(operands, 1).shape),
  lower: {
    kind: 'loops',
    build: ({ e, attrs, operands, result, output, axis }) => {
      const [x, update] = [readerAt(operands, 0), readerAt(operands, 1)]
      const starts = clampStarts(e, result.shape, update.type.shape, operands.slice(2), attrs.inside)
      const copied = result.shape.map((size, d) => axis(axisName(d), size))
      const source = copied.map((a) => e.index(a))
      const written = update.type.shape.map((size, d) => axis(axisName(d), size))
      const index = written.map((a) => e.index(a))
      const target = index.map((i, d) => e.indexAdd(i, at(starts, d)))
      return [
        ...loopNest(e, copied, [
          { kind: 'store', buffer: output, index: e.offset(source, result.shape), value: x.read(source) },
        ]),
        ...loopNest(e, written, [
          { kind: 'store', buffer: output, index: e.offset(target, result.shape), value: update.read(index) },
        ]),
      ]
    },
  },
})

function startTensors(op: string, starts: readonly TensorLike[]): Tensor[] {
  return starts.map((start) => convertToTensor(start, { op, dtype: 'int32' }))
}

/**
 * The part of `x` (any dtype) that has shape `sizes` and starts at `starts`, one int32 scalar per axis.
 *
 * @throws CheckError when the part is not inside; ShapeError when sizes and axes do not fit; DTypeError for float starts.
 * @example dynamicSlice([1, 2, 3, 4], [tf.scalar(1, 'int32')], [2]) // [2, 3]
 */
export function dynamicSlice(x: TensorLike, starts: readonly TensorLike[], sizes: readonly Size[]): Tensor {
  const tensor = convertToTensor(x, { op: 'dynamicSlice' })
  return bindOne(dynamicSliceOp, [tensor, ...startTensors('dynamicSlice', starts)], { sizes })
}

/**
 * `x` (any dtype) with the part that starts at `starts`, one int32 scalar per axis, replaced by `update`.
 *
 * @throws CheckError when the part is not inside; ShapeError when it cannot be; DTypeError for different dtypes.
 * @example dynamicUpdate([1, 2, 3, 4], [8, 9], [tf.scalar(1, 'int32')]) // [1, 8, 9, 4]
 */
export function dynamicUpdate(x: TensorLike, update: TensorLike, starts: readonly TensorLike[]): Tensor {
  const tensor = convertToTensor(x, { op: 'dynamicUpdate' })
  const part = convertToTensor(update, { op: 'dynamicUpdate', dtype: tensor.dtype })
  return bindOne(dynamicUpdateOp, [tensor, part, ...startTensors('dynamicUpdate', starts)], {})
}

/** `dynamicSlice` for starts that are known to put the part inside. */
export function sliceInside(x: Tensor, starts: readonly Tensor[], sizes: readonly Size[]): Tensor {
  return bindOne(dynamicSliceOp, [x, ...starts], { sizes, inside: true })
}

/** `dynamicUpdate` for starts that are known to put the part inside. */
export function updateInside(x: Tensor, update: Tensor, starts: readonly Tensor[]): Tensor {
  return bindOne(dynamicUpdateOp, [x, update, ...starts], { inside: true })
}
