/** Values that come from nothing: constants, counters along an axis, and the size of an axis. */
import { allocate, type DType } from '../../codegen/dtype.ts'
import { ShapeError } from '../../codegen/errors.ts'
import { elementCount, printShape, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Shape } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { type Tensor, tensorOf } from '../tensor.ts'
import { bindOne, isTracing } from '../trace/bind.ts'
import { at, demandDType, normaliseAxis, numeric, readerAt, sizeAt } from './arguments.ts'

/** `values` in row-major order, one per element. */
export type ConstantAttrs = {
  readonly dtype: DType
  readonly shape: Shape
  readonly values: readonly number[]
}

const constantOp: OpDefinition<ConstantAttrs> = defineOp<ConstantAttrs>({
  name: 'constant',
  cost: 0,
  type: (_operands, { dtype, shape, values }) => {
    if (elementCount(shape) !== values.length)
      throw new ShapeError({
        op: 'constant',
        problem: `${values.length} values do not fill the shape ${printShape(shape)}`,
        fix: 'give one value per element.',
      })
    return [{ dtype, shape }]
  },
  gradient: () => [],
  lower: {
    kind: 'index',
    // Meant for a few values: the lowering of programs places longer constants in memory.
    read: ({ e, attrs: { dtype, values, shape } }, index) => {
      const flat = e.offset(index, shape)
      return values.reduceRight(
        (rest, value, i) =>
          i === values.length - 1
            ? rest
            : e.select(e.compare('eq', flat, e.const('int32', i)), e.const(dtype, value), rest),
        e.const(dtype, values.at(-1) ?? 0),
      )
    },
  },
})

/**
 * A constant tensor: a node while tracing, plain data in eager code.
 *
 * @throws ShapeError when the number of values does not fit the shape.
 * @example constant('float32', [2], [1, 2]) // [1, 2]
 */
export function constant(dtype: DType, shape: Shape, values: readonly number[]): Tensor {
  const attrs = { dtype, shape, values }
  if (isTracing()) return bindOne(constantOp, [], attrs)
  constantOp.type([], attrs, [])
  const data = allocate(dtype, values.length)
  data.set(values)
  return tensorOf(dtype, shape, data)
}

/** A scalar of the given dtype holding `value`, without a node: it becomes a constant where it meets a graph. */
export function scalarTensor(dtype: DType, value: number): Tensor {
  const data = allocate(dtype, 1)
  data[0] = value
  return tensorOf(dtype, [], data)
}

/** The elements count up from 0 along `axis`. */
export type IotaAttrs = { readonly shape: Shape; readonly axis: number; readonly dtype: DType }

const iotaOp: OpDefinition<IotaAttrs> = defineOp<IotaAttrs>({
  name: 'iota',
  cost: 0,
  sizeAttributes: ['shape'],
  type: (_operands, { shape, axis, dtype }) => {
    normaliseAxis('iota', axis, shape.length)
    const type = { dtype, shape }
    demandDType('iota', type, numeric)
    return [type]
  },
  gradient: () => [],
  lower: { kind: 'index', read: ({ e, attrs }, index) => e.convert(at(index, attrs.axis), attrs.dtype) },
})

/**
 * A tensor of `shape` whose elements are their own index along `axis`.
 *
 * @throws ValueError when the axis does not exist; DTypeError for bool.
 * @example iota([3], 0, 'int32') // [0, 1, 2]
 */
export function iota(shape: Shape, axis = 0, dtype: DType = 'int32'): Tensor {
  return bindOne(iotaOp, [], { shape, axis: normaliseAxis('iota', axis, shape.length), dtype })
}

type SizeOfAttrs = { readonly axis: number }

const sizeOfOp: OpDefinition<SizeOfAttrs> = defineOp<SizeOfAttrs>({
  name: 'size_of',
  cost: 0,
  type: (operands, { axis }) => {
    normaliseAxis('sizeOf', axis, at(operands, 0).shape.length)
    return [{ dtype: 'int32', shape: [] }]
  },
  gradient: 'none',
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }) => e.size(sizeAt(readerAt(operands, 0).type.shape, attrs.axis)),
  },
})

/** A size of the graph as an int32 scalar. */
export function sizeValue(size: Size): Tensor {
  return bindOne(sizeValueOp, [], { size })
}

/** What `size_of` becomes once the tensor whose size it is no longer matters: a size of the graph as a scalar. */
const sizeValueOp: OpDefinition<{ readonly size: Size }> = defineOp<{ readonly size: Size }>({
  name: 'size_value',
  cost: 0,
  type: () => [{ dtype: 'int32', shape: [] }],
  gradient: 'none',
  lower: { kind: 'index', read: ({ e, attrs }) => e.size(attrs.size) },
})

/**
 * The size of an axis as an int32 scalar: the way to compute with a size that is not known while tracing.
 *
 * @throws ValueError when the axis does not exist.
 * @example tf.sizeOf([1, 2, 3], 0) // 3
 */
export function sizeOf(x: TensorLike, axis = 0): Tensor {
  const tensor = convertToTensor(x, { op: 'sizeOf' })
  const along = normaliseAxis('sizeOf', axis, tensor.rank)
  const size = sizeAt(tensor.type.shape, along)
  return typeof size === 'number' ? scalarTensor('int32', size) : bindOne(sizeOfOp, [tensor], { axis: along })
}
