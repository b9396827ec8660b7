/**
 * What a callback returns: tensors in arrays and plain objects.
 *
 * The tensors are the results of the graph; the structure around them is kept with a slot in the place of each tensor, and
 * filled in again for every call.
 */
import { TraceError } from '../../codegen/errors.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../convert.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { mapTree } from './tree.ts'

/** Stands for the i-th result of the graph in the structure a callback returned. */
class ResultSlot {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}

/** A callback's result, taken apart. */
export interface ResultTree {
  readonly tensors: readonly Tensor[]
  /** Puts the results of a call in the places of the tensors. */
  readonly rebuild: (results: readonly Tensor[]) => unknown
}

/** Takes apart what the callback of `name` returned. Throws TraceError for what is no tensor, constant or structure. */
export function takeApart(result: unknown, name: string): ResultTree {
  if (result instanceof Promise)
    throw new TraceError({
      op: name,
      problem: 'the callback returned a Promise',
      fix: 'async callbacks cannot be traced; await outside.',
    })
  const tensors: Tensor[] = []
  const slots = mapTree(result, (leaf, path) => {
    if (leaf === null || leaf === undefined) return leaf
    const isTensor = leaf instanceof TensorMethods || isTypedArray(leaf)
    if (isTensor || typeof leaf === 'number' || typeof leaf === 'boolean')
      return new ResultSlot(tensors.push(convertToTensor(leaf as TensorLike)) - 1)
    throw new TraceError({
      op: name,
      problem: `it returned a ${describeValue(leaf)}${path === '' ? '' : ` at ${path}`}`,
      fix: 'return tensors, numbers, arrays or plain objects of them, null or undefined.',
    })
  })
  if (slots instanceof ResultSlot) return { tensors, rebuild: (results) => results[slots.index] }
  return {
    tensors,
    rebuild: (results) => mapTree(slots, (leaf) => (leaf instanceof ResultSlot ? results[leaf.index] : leaf)),
  }
}

function describeValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'object'
  return typeof value
}
