/**
 * Comparison, selection, logic and bits. Only selection has a gradient, and it never takes anything from the branch
 * that was not chosen: where that branch's own gradient is infinite, the selected 0 reaches it, not 0·g.
 */
import { DTypeError } from '../../codegen/errors.ts'
import type { CompareOp } from '../../codegen/expr.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../convert.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { asBool, type BoolTensor, type Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import {
  anything,
  at,
  bitwise,
  demandDType,
  elementwiseShape,
  integral,
  logical,
  onlyGradient,
  operandRows,
  readerAt,
} from './arguments.ts'
import { broadcastTogether, zerosLike } from './broadcast.ts'
import { applyBinary, applyUnary, defineBinary, defineUnary } from './elementwise.ts'
import { mergeShapes } from './sizes.ts'

type CompareAttrs = { readonly op: CompareOp }

const labels: Readonly<Record<CompareOp, string>> = {
  eq: 'equal',
  ne: 'notEqual',
  lt: 'less',
  le: 'lessEqual',
  gt: 'greater',
  ge: 'greaterEqual',
}

const compareOp: OpDefinition<CompareAttrs> = defineOp<CompareAttrs>({
  name: 'compare',
  cost: 1,
  type: (operands, { op }) => {
    const shape = elementwiseShape(labels[op], operands, anything)
    if (at(operands, 0).dtype === 'bool' && op !== 'eq' && op !== 'ne')
      throw new DTypeError({
        op: labels[op],
        problem: 'bool operands have no order',
        rows: operandRows(operands),
        fix: "cast them, e.g. x.cast('int32'), or use logicalAnd and logicalNot.",
      })
    return [{ dtype: 'bool', shape }]
  },
  gradient: 'none',
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const [x, y] = [readerAt(operands, 0).read(index), readerAt(operands, 1).read(index)]
      if (x.dtype !== 'bool') return e.compare(attrs.op, x, y)
      const differ = e.binary('xor', x, y)
      return attrs.op === 'ne' ? differ : e.unary('not', differ)
    },
  },
})

function compare(op: CompareOp, x: TensorLike, y: TensorLike): BoolTensor {
  const tensors = convertTogether(labels[op], [
    ['x', x],
    ['y', y],
  ])
  return asBool(bindOne(compareOp, broadcastTogether(labels[op], tensors), { op }))
}

/**
 * x = y as bool, broadcasting; both of one dtype. NaN equals nothing.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes.
 * @example tf.equal([1, 2], 2) // [false, true]
 */
export function equal(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('eq', x, y)
}

/**
 * x ≠ y as bool, broadcasting; both of one dtype. NaN differs from everything.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes.
 * @example tf.notEqual([1, 2], 2) // [true, false]
 */
export function notEqual(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('ne', x, y)
}

/**
 * x < y as bool, broadcasting; both of one numeric dtype. False with NaN.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.less([1, 2], 2) // [true, false]
 */
export function less(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('lt', x, y)
}

/**
 * x ≤ y as bool, broadcasting; both of one numeric dtype. False with NaN.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.lessEqual([1, 2], 1) // [true, false]
 */
export function lessEqual(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('le', x, y)
}

/**
 * x > y as bool, broadcasting; both of one numeric dtype. False with NaN.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.greater([1, 2], 1) // [false, true]
 */
export function greater(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('gt', x, y)
}

/**
 * x ≥ y as bool, broadcasting; both of one numeric dtype. False with NaN.
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError for different dtypes or bool.
 * @example tf.greaterEqual([1, 2], 2) // [false, true]
 */
export function greaterEqual(x: TensorLike, y: TensorLike): BoolTensor {
  return compare('ge', x, y)
}

const selectOp: OpDefinition = defineOp({
  name: 'select',
  cost: 1,
  type: (operands) => {
    const names = ['condition', 'x', 'y']
    demandDType('where', at(operands, 0), logical, operands, names)
    const dtype = at(operands, 1).dtype
    if (at(operands, 2).dtype !== dtype)
      throw new DTypeError({
        op: 'where',
        problem: 'the branches have different dtypes',
        rows: operandRows(operands, names),
        fix: `cast one of them, e.g. y.cast('${dtype}').`,
      })
    const shape = mergeShapes(
      operands.map((operand) => operand.shape),
      () => ({
        op: 'where',
        problem: 'shapes differ',
        rows: operandRows(operands, names),
        fix: 'reshape an operand.',
      }),
    )
    return [{ dtype, shape }]
  },
  gradient: ({ operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const condition = at(operands, 0)
    return [
      null,
      needed[1] === true ? where(condition, g, zerosLike(g)) : null,
      needed[2] === true ? where(condition, zerosLike(g), g) : null,
    ]
  },
  lower: {
    kind: 'index',
    read: ({ e, operands }, index) =>
      e.select(
        readerAt(operands, 0).read(index),
        readerAt(operands, 1).read(index),
        readerAt(operands, 2).read(index),
      ),
  },
})

/**
 * x where `condition` (bool) holds, else y, elementwise; the three broadcast together, x and y of one dtype (any).
 *
 * @throws ShapeError when the shapes do not broadcast; DTypeError when the condition is not bool or x and y differ.
 * @example tf.where([true, false], [1, 2], 0) // [1, 0]
 */
export function where(condition: TensorLike, x: TensorLike, y: TensorLike): Tensor {
  const chosen = convertToTensor(condition, { op: 'where' })
  const branches = convertTogether('where', [
    ['x', x],
    ['y', y],
  ])
  return bindOne(selectOp, broadcastTogether('where', [chosen, ...branches], ['condition', 'x', 'y']), {})
}

const notOp: OpDefinition = defineUnary({
  name: 'not',
  label: 'not',
  dtypes: bitwise,
  cost: 1,
  lower: (e, x) => e.unary('not', x),
  gradient: 'none',
})

function defineBits(name: 'and' | 'or' | 'xor'): OpDefinition {
  return defineBinary({
    name,
    label: name,
    dtypes: bitwise,
    cost: 1,
    lower: (e, x, y) => e.binary(name, x, y),
    gradient: 'none',
  })
}

const andOp: OpDefinition = defineBits('and')
const orOp: OpDefinition = defineBits('or')
const xorOp: OpDefinition = defineBits('xor')

function defineShift(name: 'shl' | 'shr', label: string): OpDefinition {
  return defineBinary({
    name,
    label,
    dtypes: integral,
    cost: 1,
    lower: (e, x, y) => e.binary(name, x, y),
    gradient: 'none',
  })
}

const shiftLeftOp: OpDefinition = defineShift('shl', 'leftShift')
const shiftRightOp: OpDefinition = defineShift('shr', 'rightShift')

function demandBool(op: string, values: readonly TensorLike[]): Tensor[] {
  const tensors = values.map((value) => convertToTensor(value, { op }))
  const types = tensors.map((tensor) => tensor.type)
  for (const type of types) demandDType(op, type, logical, types)
  return tensors
}

function demandIntegers(op: string, x: TensorLike, y: TensorLike): Tensor[] {
  const tensors = convertTogether(op, [
    ['x', x],
    ['y', y],
  ])
  const types = tensors.map((tensor) => tensor.type)
  for (const type of types) demandDType(op, type, integral, types)
  return tensors
}

/**
 * Not x, for bool, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.logicalNot([true, false]) // [false, true]
 */
export function logicalNot(x: TensorLike): BoolTensor {
  return asBool(bindOne(notOp, demandBool('logicalNot', [x]), {}))
}

/**
 * x and y, for bool, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.logicalAnd([true, false], true) // [true, false]
 */
export function logicalAnd(x: TensorLike, y: TensorLike): BoolTensor {
  return asBool(bindOne(andOp, broadcastTogether('logicalAnd', demandBool('logicalAnd', [x, y])), {}))
}

/**
 * x or y, for bool, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.logicalOr([true, false], false) // [true, false]
 */
export function logicalOr(x: TensorLike, y: TensorLike): BoolTensor {
  return asBool(bindOne(orOp, broadcastTogether('logicalOr', demandBool('logicalOr', [x, y])), {}))
}

/**
 * Either x or y but not both, for bool, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.logicalXor([true, false], true) // [false, true]
 */
export function logicalXor(x: TensorLike, y: TensorLike): BoolTensor {
  return asBool(bindOne(xorOp, broadcastTogether('logicalXor', demandBool('logicalXor', [x, y])), {}))
}

/**
 * The bits of x inverted, for int32 and uint8, in the shape of `x`.
 *
 * @throws DTypeError for other dtypes.
 * @example tf.bitwiseNot(tf.cast([0, 1], 'int32')) // [-1, -2]
 */
export function bitwiseNot(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'bitwiseNot' })
  demandDType('bitwiseNot', tensor.type, integral)
  return applyUnary(notOp, 'bitwiseNot', tensor)
}

/**
 * Bits set in both, for int32 and uint8, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.bitwiseAnd(tf.cast([5, 6], 'int32'), 3) // [1, 2]
 */
export function bitwiseAnd(x: TensorLike, y: TensorLike): Tensor {
  return bindOne(andOp, broadcastTogether('bitwiseAnd', demandIntegers('bitwiseAnd', x, y)), {})
}

/**
 * Bits set in either, for int32 and uint8, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.bitwiseOr(tf.cast([5, 6], 'int32'), 3) // [7, 7]
 */
export function bitwiseOr(x: TensorLike, y: TensorLike): Tensor {
  return bindOne(orOp, broadcastTogether('bitwiseOr', demandIntegers('bitwiseOr', x, y)), {})
}

/**
 * Bits set in one of the two, for int32 and uint8, broadcasting.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.bitwiseXor(tf.cast([5, 6], 'int32'), 3) // [6, 5]
 */
export function bitwiseXor(x: TensorLike, y: TensorLike): Tensor {
  return bindOne(xorOp, broadcastTogether('bitwiseXor', demandIntegers('bitwiseXor', x, y)), {})
}

/**
 * x shifted left by y bits, for int32 and uint8, broadcasting; y is taken modulo 32 and
 * bits beyond the width of the dtype are lost.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.leftShift(tf.cast([1, 3], 'int32'), 2) // [4, 12]
 */
export function leftShift(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(shiftLeftOp, 'leftShift', x, y)
}

/**
 * x shifted right by y bits, for int32 (the sign bit is repeated) and uint8, broadcasting; y is taken modulo 32.
 *
 * @throws DTypeError for other dtypes; ShapeError when the shapes do not broadcast.
 * @example tf.rightShift(tf.cast([-8, 8], 'int32'), 1) // [-4, 4]
 */
export function rightShift(x: TensorLike, y: TensorLike): Tensor {
  return applyBinary(shiftRightOp, 'rightShift', x, y)
}
