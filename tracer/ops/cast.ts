/** Conversions between dtypes: by value (`cast`) and by bits (`bitcast`). */
import { type DType, dtypes, isFloating } from '../../codegen/dtype.ts'
import { DTypeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, onlyGradient, operandRows, readerAt } from './arguments.ts'

type CastAttrs = { readonly dtype: DType }

const castOp: OpDefinition<CastAttrs> = defineOp<CastAttrs>({
  name: 'cast',
  cost: 1,
  type: (operands, { dtype }) => [{ dtype, shape: at(operands, 0).shape }],
  gradient: ({ operands, gradients }) => {
    const x = at(operands, 0)
    const gradient = onlyGradient(gradients)
    return [isFloating(x.dtype) && isFloating(gradient.dtype) ? cast(gradient, x.dtype) : null]
  },
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const x = readerAt(operands, 0).read(index)
      // Through int32, so that 300.0 wraps to 44 as it does from an integer, instead of saturating.
      return e.convert(
        attrs.dtype === 'uint8' && isFloating(x.dtype) ? e.convert(x, 'int32') : x,
        attrs.dtype,
      )
    },
  },
})

/**
 * The values of `x` in another dtype, in the shape of `x`. Float to integer truncates toward zero; NaN gives 0, what is
 * out of range of int32 gives its nearest end, and uint8 keeps the low 8 bits. Anything to bool is `x != 0` (NaN is
 * true); bool to number gives 0 and 1. The gradient flows between float dtypes only.
 *
 * @throws ValueError when `dtype` is not a dtype.
 * @example tf.cast([1.7, -1.7], 'int32') // [1, -1]
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  if (!dtypes.includes(dtype))
    throw new ValueError({
      op: 'cast',
      problem: `"${dtype}" is not a dtype`,
      fix: `use one of ${dtypes.join(', ')}.`,
    })
  const tensor = convertToTensor(x, { op: 'cast' })
  return tensor.dtype === dtype ? tensor : bindOne(castOp, [tensor], { dtype })
}

type BitcastAttrs = { readonly dtype: 'float32' | 'int32' }

const bitcastOp: OpDefinition<BitcastAttrs> = defineOp<BitcastAttrs>({
  name: 'bitcast',
  cost: 0,
  type: (operands, { dtype }) => {
    const x = at(operands, 0)
    if (x.dtype !== 'float32' && x.dtype !== 'int32')
      throw new DTypeError({
        op: 'bitcast',
        problem: `${x.dtype} cannot be reinterpreted`,
        rows: operandRows(operands),
        fix: 'only float32 and int32 share their bits.',
      })
    return [{ dtype, shape: x.shape }]
  },
  gradient: 'none',
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => e.bitcast(readerAt(operands, 0).read(index), attrs.dtype),
  },
})

/**
 * The bits of float32 or int32 elements read as the other dtype, in the shape of `x`. No gradient.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.bitcast(1, 'int32') // 0x3f800000
 */
export function bitcast(x: TensorLike, dtype: 'float32' | 'int32'): Tensor {
  const tensor = convertToTensor(x, { op: 'bitcast' })
  return tensor.dtype === dtype ? tensor : bindOne(bitcastOp, [tensor], { dtype })
}
