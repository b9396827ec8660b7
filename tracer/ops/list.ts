/**
 * Lists of tensors that a program makes while it runs: what TensorArrays and lists grown in loops are made of.
 *
 * A list is a value, named by a float64 scalar like a chain of records (control.ts): 0 is the empty list, writing gives
 * another list, and the gradient with respect to a list is a list of the gradients of its elements, in which those that
 * are not there count as zeros. So each op's gradient is another one of them, and the gradient of a read puts one element into an
 * empty list. Sums of lists are those of their elements.
 *
 * What is read may have sizes that nobody knows before: `found` names them, and they are in the type of the result.
 */
import { type DType, isFloating } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { newFoundSize } from '../ir/found-sizes.ts'
import type { TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import { at, onlyGradient } from './arguments.ts'
import { noRecord } from './control.ts'
import { scalarTensor, sizeOf } from './create.ts'

/** Attributes of ops that give a value: its type, and the sizes of it that are found there. */
export type ListValueAttrs = {
  readonly dtype: DType
  readonly shape: readonly Size[]
  readonly record: boolean
  readonly found: readonly Size[]
}

const listType: TensorType = { dtype: 'float64', shape: [], record: true }

function demandList(op: string, type: TensorType | undefined): void {
  if (type?.dtype !== 'float64' || type.shape.length > 0) throw new InternalError(`${op} of no list`)
}

function demandIndex(op: string, type: TensorType | undefined): void {
  if (type?.dtype !== 'int32' || type.shape.length > 0)
    throw new InternalError(`${op} without an int32 scalar`)
}

const valueType = ({ dtype, shape, record }: ListValueAttrs): TensorType =>
  record ? { dtype, shape, record } : { dtype, shape }

const common = { lower: { kind: 'program' }, cost: 100 } as const

function attrsOf(type: TensorType, found: readonly Size[] = []): ListValueAttrs {
  return { dtype: type.dtype, shape: type.shape, record: type.record === true, found }
}

const writeOp: OpDefinition = defineOp({
  ...common,
  name: 'list_write',
  type: ([list, index]) => {
    demandList('list_write', list)
    demandIndex('list_write', index)
    return [listType]
  },
  gradient: ({ operands, gradients }) => {
    const [gradient, index, value] = [onlyGradient(gradients), at(operands, 1), at(operands, 2)]
    return [
      eraseElement(gradient, index),
      null,
      isFloating(value.dtype) ? bindOne(readOp, [gradient, index], attrsOf(value.type)) : null,
    ]
  },
})

const eraseOp: OpDefinition = defineOp({
  ...common,
  name: 'list_erase',
  type: ([list, index]) => {
    demandList('list_erase', list)
    demandIndex('list_erase', index)
    return [listType]
  },
  gradient: ({ operands, gradients }) => [eraseElement(onlyGradient(gradients), at(operands, 1)), null],
})

const truncateOp: OpDefinition = defineOp({
  ...common,
  name: 'list_truncate',
  type: ([list, length]) => {
    demandList('list_truncate', list)
    demandIndex('list_truncate', length)
    return [listType]
  },
  gradient: ({ operands, gradients }) => [truncated(onlyGradient(gradients), at(operands, 1)), null],
})

const readOp: OpDefinition<ListValueAttrs> = defineOp<ListValueAttrs>({
  ...common,
  name: 'list_read',
  sizeAttributes: ['shape', 'found'],
  type: ([list, index], attrs) => {
    demandList('list_read', list)
    demandIndex('list_read', index)
    return [valueType(attrs)]
  },
  gradient: ({ operands, gradients }) => [
    writeElement(noRecord(), at(operands, 1), onlyGradient(gradients)),
    null,
  ],
})

const hasOp: OpDefinition = defineOp({
  ...common,
  name: 'list_has',
  type: ([list, index]) => {
    demandList('list_has', list)
    demandIndex('list_has', index)
    return [{ dtype: 'bool', shape: [] }]
  },
  gradient: 'none',
})

const lengthOp: OpDefinition = defineOp({
  ...common,
  name: 'list_length',
  type: ([list]) => {
    demandList('list_length', list)
    return [{ dtype: 'int32', shape: [] }]
  },
  gradient: 'none',
})

const uniformOp: OpDefinition = defineOp({
  ...common,
  name: 'list_uniform',
  type: ([list]) => {
    demandList('list_uniform', list)
    return [{ dtype: 'bool', shape: [] }]
  },
  gradient: 'none',
})

const stackOp: OpDefinition<ListValueAttrs> = defineOp<ListValueAttrs>({
  ...common,
  name: 'list_stack',
  sizeAttributes: ['shape', 'found'],
  type: ([list, count], attrs) => {
    demandList('list_stack', list)
    demandIndex('list_stack', count)
    return [valueType(attrs)]
  },
  gradient: ({ gradients }) => [unstacked(onlyGradient(gradients)), null],
})

const unstackOp: OpDefinition = defineOp({
  ...common,
  name: 'list_unstack',
  type: () => [listType],
  gradient: ({ operands, gradients }) => {
    const x = at(operands, 0)
    return [bindOne(stackOp, [onlyGradient(gradients), sizeOf(x, 0)], attrsOf(x.type))]
  },
})

const concatOp: OpDefinition<ListValueAttrs> = defineOp<ListValueAttrs>({
  ...common,
  name: 'list_concat',
  sizeAttributes: ['shape', 'found'],
  type: ([list, like], attrs) => {
    demandList('list_concat', list)
    demandList('list_concat', like)
    return [valueType(attrs)]
  },
  gradient: ({ operands, gradients }) => [
    bindOne(splitOp, [onlyGradient(gradients), at(operands, 1)], {}),
    null,
  ],
})

const splitOp: OpDefinition = defineOp({
  ...common,
  name: 'list_split',
  type: ([, like]) => {
    demandList('list_split', like)
    return [listType]
  },
  gradient: ({ operands, gradients }) => [
    bindOne(concatOp, [onlyGradient(gradients), at(operands, 1)], attrsOf(at(operands, 0).type)),
    null,
  ],
})

/** True for ops on lists. */
export function isListOp(op: string): boolean {
  return op.startsWith('list_')
}

/** The list with an element set; `index` is an int32 scalar of at least 0. */
export function writeElement(list: Tensor, index: Tensor, value: Tensor): Tensor {
  return bindOne(writeOp, [list, index, value], {})
}

/** The list without an element. */
function eraseElement(list: Tensor, index: Tensor): Tensor {
  return bindOne(eraseOp, [list, index], {})
}

/** The list without the elements from `length` on. */
export function truncated(list: Tensor, length: Tensor): Tensor {
  return bindOne(truncateOp, [list, length], {})
}

/** A type some of whose sizes nobody knows: null. */
export interface OpenType {
  readonly dtype: DType
  readonly shape: readonly (Size | null)[]
  readonly record?: true
}

function withFound({ dtype, shape, record }: OpenType): ListValueAttrs {
  const found: Size[] = []
  const named = shape.map((size) => {
    if (size !== null) return size
    const name = newFoundSize()
    found.push(name)
    return name
  })
  return { dtype, shape: named, record: record === true, found }
}

/** An element of a list; zeros (of no size where it is to be found) when there is none. */
export function readElementAt(list: Tensor, index: Tensor, type: OpenType): Tensor {
  return bindOne(readOp, [list, index], withFound(type))
}

/** Whether there is an element at `index`, a bool scalar. */
export function hasElement(list: Tensor, index: Tensor): Tensor {
  return bindOne(hasOp, [list, index], {})
}

/** One more than the last index, an int32 scalar. */
export function listLength(list: Tensor): Tensor {
  return bindOne(lengthOp, [list], {})
}

/** Whether all elements have one shape, a bool scalar. */
export function isUniform(list: Tensor): Tensor {
  return bindOne(uniformOp, [list], {})
}

/** The first `count` elements stacked, with zeros for those that are not there. */
export function stackList(list: Tensor, count: Tensor, type: OpenType): Tensor {
  return bindOne(stackOp, [list, count], withFound(type))
}

/** The list of what `x` has along axis 0. */
export function unstacked(x: Tensor): Tensor {
  return bindOne(unstackOp, [x], {})
}

/** The elements one after the other along axis 0. */
export function concatList(list: Tensor, type: OpenType): Tensor {
  return bindOne(concatOp, [list, list], withFound(type))
}

/** A tensor of any size as a value of one type, so that branches and iterations may give tensors of different sizes. */
export function boxed(value: Tensor): Tensor {
  return writeElement(noRecord(), scalarTensor('int32', 0), value)
}

/** The tensor in a box. */
export function unboxed(box: Tensor, type: OpenType): Tensor {
  return readElementAt(box, scalarTensor('int32', 0), type)
}
