/** Where the extreme of an axis stands. Integer results: no gradient. */
import { ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, demandDType, normaliseAxis, numeric, operandRows, readerAt, sizeAt } from './arguments.ts'

type ArgReduceAttrs = { readonly axis: number }

function defineArgReduce(op: 'max' | 'min', label: string): OpDefinition<ArgReduceAttrs> {
  return defineOp<ArgReduceAttrs>({
    name: `arg_${op}`,
    cost: 100,
    type: (operands, { axis }) => {
      const x = at(operands, 0)
      demandDType(label, x, numeric)
      normaliseAxis(label, axis, x.shape.length)
      if (x.shape[axis] === 0)
        throw new ShapeError({
          op: label,
          problem: `axis ${axis} is empty, so no element of it is the ${op === 'max' ? 'largest' : 'smallest'}`,
          rows: operandRows(operands),
          fix: 'give the axis at least one element.',
        })
      return [{ dtype: 'int32', shape: x.shape.filter((_, i) => i !== axis) }]
    },
    gradient: 'none',
    lower: {
      kind: 'index',
      read: ({ e, attrs, operands }, index) => {
        const x = readerAt(operands, 0)
        const over = e.axis('r', sizeAt(x.type.shape, attrs.axis))
        const full = [...index]
        full.splice(attrs.axis, 0, e.index(over))
        return e.argReduce(op, over, x.read(full))
      },
    },
  })
}

const argMaxOp: OpDefinition<ArgReduceAttrs> = defineArgReduce('max', 'argMax')
const argMinOp: OpDefinition<ArgReduceAttrs> = defineArgReduce('min', 'argMin')

function applyArgReduce(
  op: OpDefinition<ArgReduceAttrs>,
  label: string,
  x: TensorLike,
  axis: number,
): Tensor {
  const tensor = convertToTensor(x, { op: label })
  return bindOne(op, [tensor], { axis: normaliseAxis(label, axis, tensor.rank) })
}

/**
 * The int32 index of the largest element along `axis`, which is removed: the first one at ties; NaN is never chosen (an
 * axis of NaN gives 0). Numeric dtypes; no gradient.
 *
 * @throws ShapeError when the axis is empty; ValueError when it does not exist; DTypeError for bool.
 * @example tf.argMax([1, 3, 3]) // 1
 */
export function argMax(x: TensorLike, axis = 0): Tensor {
  return applyArgReduce(argMaxOp, 'argMax', x, axis)
}

/**
 * The int32 index of the smallest element along `axis`, which is removed: the first one at ties; NaN is never chosen (an
 * axis of NaN gives 0). Numeric dtypes; no gradient.
 *
 * @throws ShapeError when the axis is empty; ValueError when it does not exist; DTypeError for bool.
 * @example tf.argMin([2, 1, 1]) // 1
 */
export function argMin(x: TensorLike, axis = 0): Tensor {
  return applyArgReduce(argMinOp, 'argMin', x, axis)
}
