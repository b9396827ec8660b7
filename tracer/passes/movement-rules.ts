/**
 * Rewrites of movement: identities go, and two moves of a kind become one.
 *
 * A broadcast of one element stays one through any other movement. An axis of size 1 may be reduced away or moved
 * freely, so reductions over such axes and transposes of them are reshapes, which cost nothing even in memory. A float
 * sum over axes of size 1 stays a sum: it turns −0 into 0.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { addSizes, multiplySizes, printShape, sameShape, type Size, sizesEqual } from '../../codegen/size.ts'
import {
  axesAttr,
  type Match,
  operandAt,
  operandFrom,
  type Rule,
  type RuleTable,
  sizesAttr,
} from './rules.ts'

/** The operand, when nothing changes its shape (and the op is known not to move elements then). */
const sameShapeAsOperand: Rule = ({ node, type }) =>
  sameShape(operandAt(node, 0).type.shape, type.shape) ? operandAt(node, 0) : undefined

/** reshape(reshape(x)) is one reshape. */
const reshapeOfReshape: Rule = (match) => {
  const x = operandFrom(match, 0, 'reshape')?.operands[0]
  return x === undefined ? undefined : match.build('reshape', [x], { shape: match.type.shape })
}

/** A rearranged broadcast of one element is a broadcast of it. */
const movedScalar: Rule = (match) => {
  const inner = operandFrom(match, 0, 'broadcast')
  if (inner === undefined || operandAt(inner, 0).type.shape.length > 0) return undefined
  return match.build('broadcast', [operandAt(inner, 0)], { shape: match.type.shape, axes: [] })
}

/** broadcast(broadcast(x)) is one broadcast. */
const broadcastOfBroadcast: Rule = (match) => {
  const inner = operandFrom(match, 0, 'broadcast')
  if (inner === undefined) return undefined
  const outerAxes = axesAttr(match.node, 'axes')
  const axes = axesAttr(inner, 'axes').map((axis) => outerAxes[axis] ?? -1)
  return match.build('broadcast', [operandAt(inner, 0)], { shape: match.type.shape, axes })
}

/**
 * For a reshape that only inserts axes of size 1, the axes of its result that the operand's axes became. An axis of
 * size 1 of the operand may be any of them.
 */
function insertedOnes(from: readonly Size[], to: readonly Size[]): number[] | undefined {
  const axes: number[] = []
  to.forEach((size, axis) => {
    const wanted = from[axes.length]
    if (wanted !== undefined && sizesEqual(size, wanted) === true) axes.push(axis)
    else if (size !== 1) axes.push(-1)
  })
  return axes.length === from.length && !axes.includes(-1) ? axes : undefined
}

/** A broadcast of a reshape that inserts axes of size 1 broadcasts the reshape's operand. */
const broadcastOfExpansion: Rule = (match) => {
  const inner = operandFrom(match, 0, 'reshape')
  if (inner === undefined) return undefined
  const x = operandAt(inner, 0)
  const inserted = insertedOnes(x.type.shape, operandAt(match.node, 0).type.shape)
  if (inserted === undefined) return undefined
  const outerAxes = axesAttr(match.node, 'axes')
  const axes = inserted.map((axis) => outerAxes[axis] ?? -1)
  return match.build('broadcast', [x], { shape: match.type.shape, axes })
}

const identityTranspose: Rule = ({ node }) =>
  axesAttr(node, 'permutation').every((axis, i) => axis === i) ? operandAt(node, 0) : undefined

/** transpose(transpose(x)) is one transpose. */
const transposeOfTranspose: Rule = (match) => {
  const inner = operandFrom(match, 0, 'transpose')
  if (inner === undefined) return undefined
  const first = axesAttr(inner, 'permutation')
  const permutation = axesAttr(match.node, 'permutation').map((axis) => first[axis] ?? -1)
  return match.build('transpose', [operandAt(inner, 0)], { permutation })
}

/** A transpose that keeps the order of all axes but those of size 1 is a reshape. */
const transposeOfOnes: Rule = (match) => {
  const { shape } = operandAt(match.node, 0).type
  const moving = axesAttr(match.node, 'permutation').filter((axis) => shape[axis] !== 1)
  const inOrder = moving.every((axis, i) => i === 0 || axis > (moving[i - 1] ?? -1))
  return inOrder ? match.build('reshape', [operandAt(match.node, 0)], { shape: match.type.shape }) : undefined
}

/** A slice of everything. */
const wholeSlice: Rule = ({ node, type }) => {
  const whole =
    sameShape(operandAt(node, 0).type.shape, type.shape) &&
    sizesAttr(node, 'starts').every((start) => start === 0) &&
    sizesAttr(node, 'strides').every((stride) => stride === 1)
  return whole ? operandAt(node, 0) : undefined
}

/** A slice of a slice is one slice. */
const sliceOfSlice: Rule = (match) => {
  const inner = operandFrom(match, 0, 'slice')
  if (inner === undefined) return undefined
  const innerStarts = sizesAttr(inner, 'starts')
  const innerStrides = sizesAttr(inner, 'strides')
  const starts = sizesAttr(match.node, 'starts').map((start, axis) =>
    addSizes(innerStarts[axis] ?? 0, multiplySizes(start, innerStrides[axis] ?? 1)),
  )
  const strides = sizesAttr(match.node, 'strides').map((stride, axis) =>
    multiplySizes(stride, innerStrides[axis] ?? 1),
  )
  return match.build('slice', [operandAt(inner, 0)], { ...match.node.attrs, starts, strides })
}

const padByNothing: Rule = ({ node }) => {
  const padding = [...sizesAttr(node, 'low'), ...sizesAttr(node, 'high'), ...sizesAttr(node, 'interior')]
  return padding.every((size) => size === 0) ? operandAt(node, 0) : undefined
}

const concatOfOne: Rule = ({ node }) => (node.operands.length === 1 ? operandAt(node, 0) : undefined)

const reverseOfNothing: Rule = ({ node }) => {
  const { shape } = operandAt(node, 0).type
  return axesAttr(node, 'axes').every((axis) => shape[axis] === 1) ? operandAt(node, 0) : undefined
}

/** Reversing twice leaves the axes that only one of the two reversed. */
const reverseOfReverse: Rule = (match) => {
  const inner = operandFrom(match, 0, 'reverse')
  if (inner === undefined) return undefined
  const [first, second] = [axesAttr(inner, 'axes'), axesAttr(match.node, 'axes')]
  const axes = [
    ...first.filter((axis) => !second.includes(axis)),
    ...second.filter((axis) => !first.includes(axis)),
  ]
  return match.build('reverse', [operandAt(inner, 0)], { axes: axes.sort((a, b) => a - b) })
}

/** A reduction over axes that all have size 1 takes each element as it is. */
function reduceOfOnes(exact: (match: Match) => boolean): Rule {
  return (match) => {
    const x = operandAt(match.node, 0)
    const ones = axesAttr(match.node, 'axes').every((axis) => x.type.shape[axis] === 1)
    if (!ones || x.type.dtype !== match.type.dtype || !exact(match)) return undefined
    return printShape(x.type.shape) === printShape(match.type.shape)
      ? x
      : match.build('reshape', [x], { shape: match.type.shape })
  }
}

/** The size of an axis does not depend on the elements, so it need not wait for them. */
const sizeAlone: Rule = (match) => {
  const size = operandAt(match.node, 0).type.shape[Number(match.node.attrs['axis'])]
  if (size === undefined) return undefined
  return typeof size === 'number'
    ? match.build('constant', [], { ...match.type, values: [size] })
    : match.build('size_value', [], { size })
}

const always = (): boolean => true
/** Over no axes nothing is added to anything; over one element of a float, 0 is. */
const sumsExactly = (match: Match): boolean =>
  !isFloating(match.type.dtype) || axesAttr(match.node, 'axes').length === 0

export const movementRules: RuleTable = {
  reshape: [sameShapeAsOperand, reshapeOfReshape, movedScalar],
  broadcast: [sameShapeAsOperand, broadcastOfBroadcast, broadcastOfExpansion],
  transpose: [identityTranspose, transposeOfTranspose, movedScalar, transposeOfOnes],
  slice: [wholeSlice, sliceOfSlice, movedScalar],
  pad: [padByNothing],
  concat: [concatOfOne],
  reverse: [reverseOfNothing, reverseOfReverse, movedScalar],
  reduce_sum: [reduceOfOnes(sumsExactly)],
  reduce_prod: [reduceOfOnes(always)],
  reduce_max: [reduceOfOnes(always)],
  reduce_min: [reduceOfOnes(always)],
  reduce_and: [reduceOfOnes(always)],
  reduce_or: [reduceOfOnes(always)],
  size_of: [sizeAlone],
}
