/**
 * What the ops of control flow are: their types, and the records by which a loop hands values to its gradient.
 *
 * `cond` applies one of its two regions to its operands but the first, the predicate. `while` carries its first operands
 * from iteration to iteration and passes the others, which do not change, to both of its regions: the condition, and the
 * body that gives the next carried values. Regions are closed, and in the sizes of the graph around them.
 *
 * `record_push` keeps values in a record before another one and gives its name; `record_pop` gives the values back and
 * the name of the record before. Chains of records are values like others: nothing changes one, and the gradient of one op
 * is the other, where a chain stands for the gradients of what a chain keeps. The name 0 is the empty chain, which
 * holds zeros. `record_merge` gives the chain of the sums of what two chains keep.
 */
import { type DType, isFloating } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { type Size, sizesEqual } from '../../codegen/size.ts'
import type { Graph } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bind, bindOne } from '../trace/bind.ts'
import { filled } from './broadcast.ts'

/** Attributes of `while`: how many of the operands are carried. */
export type WhileAttrs = { readonly carried: number }

/** True for types of one dtype and rank whose sizes may agree. */
export function typesMayAgree(x: TensorType, y: TensorType): boolean {
  return (
    x.dtype === y.dtype &&
    x.shape.length === y.shape.length &&
    x.shape.every((size, axis) => sizesEqual(size, y.shape[axis] ?? -1) !== false)
  )
}

function demandTypes(what: string, given: readonly TensorType[], wanted: readonly TensorType[]): void {
  const fits =
    given.length === wanted.length &&
    given.every((type, i) => {
      const other = wanted[i]
      return other !== undefined && typesMayAgree(type, other)
    })
  if (!fits)
    throw new InternalError(
      `${what}: (${given.map(printType).join(', ')}) where (${wanted.map(printType).join(', ')}) is wanted`,
    )
}

function demandBool(op: string, type: TensorType | undefined): void {
  if (type?.dtype !== 'bool' || type.shape.length > 0)
    throw new InternalError(
      `${op} depends on ${type === undefined ? 'nothing' : printType(type)}, not on bool[]`,
    )
}

const typesOf = (values: readonly { readonly type: TensorType }[]): readonly TensorType[] =>
  values.map(({ type }) => type)

/** The type rule of `cond`. */
export function condTypes(
  [predicate, ...operands]: readonly TensorType[],
  [then, otherwise]: readonly Graph[],
): readonly TensorType[] {
  if (then === undefined || otherwise === undefined) throw new InternalError('cond lacks a region')
  demandBool('cond', predicate)
  demandTypes('cond', operands, typesOf(then.params))
  demandTypes('cond', operands, typesOf(otherwise.params))
  demandTypes('the branches of cond', typesOf(otherwise.results), typesOf(then.results))
  return typesOf(then.results)
}

/** The type rule of `while`. */
export function whileTypes(
  operands: readonly TensorType[],
  { carried }: WhileAttrs,
  [condition, body]: readonly Graph[],
): readonly TensorType[] {
  if (condition === undefined || body === undefined) throw new InternalError('while lacks a region')
  demandTypes('the condition of while', operands, typesOf(condition.params))
  demandTypes('the body of while', operands, typesOf(body.params))
  demandBool('while', condition.results[0]?.type)
  const state = operands.slice(0, carried)
  demandTypes('while', typesOf(body.results), state)
  return state
}

type RecordTypes = readonly {
  readonly dtype: DType
  readonly shape: readonly Size[]
  readonly record?: true
}[]

/** Attributes of `record_pop`: what the record keeps. */
export type PopAttrs = { readonly types: RecordTypes }

const nameType: TensorType = { dtype: 'float64', shape: [], record: true }

const pushOp: OpDefinition = defineOp({
  name: 'record_push',
  type: ([record]) => {
    if (record?.dtype !== 'float64') throw new InternalError('record_push without a record')
    return [nameType]
  },
  gradient: ({ operands: [, ...values], gradients: [gradient] }) => {
    if (gradient === null || gradient === undefined) throw new InternalError('record_push without a gradient')
    const floating = values.filter(({ dtype }) => isFloating(dtype))
    const [before, parts] = popRecord(gradient, typesOf(floating))
    let next = 0
    return [before, ...values.map(({ dtype }) => (isFloating(dtype) ? (parts[next++] ?? null) : null))]
  },
  lower: { kind: 'program' },
  cost: 100,
})

const popOp: OpDefinition<PopAttrs> = defineOp<PopAttrs>({
  name: 'record_pop',
  type: ([record], { types }) => {
    if (record?.dtype !== 'float64') throw new InternalError('record_pop without a record')
    return [nameType, ...types]
  },
  gradient: ({ results: [, ...values], gradients: [before, ...parts] }) => {
    const floating = values.flatMap(({ type }, i) =>
      isFloating(type.dtype) ? [parts[i] ?? zerosOfType(type)] : [],
    )
    return [pushRecord(before ?? noRecord(), floating)]
  },
  lower: { kind: 'program' },
  cost: 100,
})

const mergeOp: OpDefinition = defineOp({
  name: 'record_merge',
  type: () => [nameType],
  gradient: ({ gradients: [gradient] }) => [gradient ?? null, gradient ?? null],
  lower: { kind: 'program' },
  cost: 100,
})

const noneOp: OpDefinition = defineOp({
  name: 'record_none',
  type: () => [nameType],
  gradient: () => [],
  lower: { kind: 'index', read: ({ e }) => e.const('float64', 0) },
  cost: 0,
})

/** The empty chain. */
export function noRecord(): Tensor {
  return bindOne(noneOp, [], {})
}

/** The chain of the sums of what two chains of one kind keep. */
export function mergeRecords(x: Tensor, y: Tensor): Tensor {
  return bindOne(mergeOp, [x, y], {})
}

/** Zeros of a type; of a name of records, the empty chain. */
export function zerosOfType(type: TensorType): Tensor {
  return type.record === true ? noRecord() : filled(type.dtype, type.shape, 0)
}

/** A chain with a record more. */
export function pushRecord(record: Tensor, values: readonly Tensor[]): Tensor {
  return bindOne(pushOp, [record, ...values], {})
}

/** The chain without its last record, and the values that one keeps. */
export function popRecord(
  record: Tensor,
  types: readonly TensorType[],
): readonly [Tensor, readonly Tensor[]] {
  const [before, ...values] = bind(popOp, [record], {
    types: types.map((type) => ({ ...type })),
  })
  if (before === undefined) throw new InternalError('record_pop gave no result')
  return [before, values]
}
