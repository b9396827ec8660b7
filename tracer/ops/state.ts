/**
 * Ops that are no formula per element: Variables, captured tensors, calls and fusion groups.
 *
 * While tracing, `read` and `assign` stand in program order. The discharge pass keeps the first `read` of a Variable,
 * turns the others and all `assign`s into data flow, and leaves `commit` nodes where storage is to be overwritten.
 * `read` and `captured` carry the type of what they read, since a type rule sees only attributes; text leaves it out.
 * All of these are lowered by the lowering of programs itself. None has a gradient rule: the tape follows Variables by
 * the values read from them, and calls by their traced gradient.
 */
import type { DType } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { sizesEqual, type Size } from '../../codegen/size.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import { sizeBindings, substituteType } from '../ir/rewrite.ts'
import { printType, type TensorType } from '../ir/type.ts'

/** Attributes of `read`: the capture's name and type. */
export type ReadAttrs = { readonly variable: string; readonly dtype: DType; readonly shape: readonly Size[] }
/** Attributes of `assign` and `commit`: the capture's name. */
export type VariableAttrs = { readonly variable: string }
/** Attributes of `captured`: the capture's name and type. */
export type CapturedAttrs = { readonly name: string; readonly dtype: DType; readonly shape: readonly Size[] }
/** Attributes of `call`: the name of the function called. */
export type CallAttrs = { readonly callee: string }

function arity(op: string, operands: readonly TensorType[], expected: number): void {
  if (operands.length !== expected)
    throw new InternalError(`${op} takes ${expected} operands, not ${operands.length}`)
}

/** The content of a Variable at this place of the program. */
defineOp<ReadAttrs>({
  name: 'read',
  type(operands, attrs) {
    arity('read', operands, 0)
    return [{ dtype: attrs.dtype, shape: attrs.shape }]
  },
  gradient: 'none',
  lower: { kind: 'program' },
  effect: 'read',
  cost: 0,
})

/** From here on in program order, the Variable's content is the operand. */
defineOp<VariableAttrs>({
  name: 'assign',
  type(operands) {
    arity('assign', operands, 1)
    return []
  },
  gradient: 'none',
  lower: { kind: 'program' },
  effect: 'write',
})

/** The Variable's storage is overwritten by the operand here. Made by discharge. */
export const commitOp: OpDefinition<VariableAttrs> = defineOp<VariableAttrs>({
  name: 'commit',
  type(operands) {
    arity('commit', operands, 1)
    return []
  },
  gradient: 'none',
  lower: { kind: 'program' },
  effect: 'write',
})

/** A tensor that the callback closed over: never changes. */
defineOp<CapturedAttrs>({
  name: 'captured',
  type(operands, attrs) {
    arity('captured', operands, 0)
    return [{ dtype: attrs.dtype, shape: attrs.shape }]
  },
  gradient: 'none',
  lower: { kind: 'program' },
  cost: 0,
})

/**
 * Applies the one region to the operands. The region has size names of its own, bound by its parameters' types; its
 * `read`, `assign` and `captured` nodes name captures of the outermost graph.
 */
defineOp<CallAttrs>({
  name: 'call',
  type(operands, attrs, regions) {
    const region = regions[0]
    if (region === undefined || regions.length !== 1)
      throw new InternalError(`call of ${attrs.callee} has ${regions.length} regions`)
    arity(`call of ${attrs.callee}`, operands, region.params.length)
    const bindings = sizeBindings(region.params, operands)
    const bind = (type: TensorType): TensorType => substituteType(type, (name) => bindings.get(name))
    operands.forEach((operand, i) => {
      const param = bind(region.params[i]?.type ?? operand)
      const fits =
        param.dtype === operand.dtype &&
        param.shape.length === operand.shape.length &&
        param.shape.every((size, axis) => sizesEqual(size, operand.shape[axis] ?? -1) !== false)
      if (!fits)
        throw new InternalError(
          `call of ${attrs.callee}: operand ${i} is ${printType(operand)}, not ${printType(param)}`,
        )
    })
    return region.results.map((result) => bind(result.type))
  },
  gradient: 'none',
  lower: { kind: 'program' },
  cost: 100,
})

/** A group of nodes that runs as one kernel: its region, in the sizes of the graph around it. Made by the fuse pass. */
export const fusionOp: OpDefinition = defineOp({
  name: 'fusion',
  type(operands, _attrs, regions) {
    const region = regions[0]
    if (region === undefined || regions.length !== 1)
      throw new InternalError(`a fusion of ${regions.length} regions`)
    arity('fusion', operands, region.params.length)
    return region.results.map((result) => result.type)
  },
  gradient: 'none',
  lower: { kind: 'program' },
  cost: 100,
})
