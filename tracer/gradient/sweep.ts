/**
 * The backward sweep: from gradients of the targets to gradients of everything they were computed from.
 *
 * Records are visited last to first; each op's gradient rule turns the gradients of its results into gradients of its
 * operands, which add up where a tensor is used more than once. Only records on a path from a watched tensor exist, so
 * nothing is computed for the others.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { GradientError, InternalError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { convertToTensor } from '../convert.ts'
import type { Attrs, Graph } from '../ir/graph.ts'
import { printType } from '../ir/type.ts'
import type { OpDefinition } from '../op.ts'
import { broadcastTo } from '../ops/broadcast.ts'
import { add } from '../ops/arithmetic.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'

/** An op applied to something watched. */
export interface TapeRecord {
  readonly op: OpDefinition
  readonly operands: readonly Tensor[]
  readonly attrs: Attrs
  readonly regions: readonly Graph[]
  readonly results: readonly Tensor[]
  /** Which operands a gradient flows to. */
  readonly needed: readonly boolean[]
}

/** x + y for two gradients of one tensor. */
export function accumulate(x: Tensor, y: Tensor): Tensor {
  return add(x, y)
}

/** Ones of the tensor's type. */
export function onesLikeTensor(tensor: Tensor | Variable): Tensor {
  return broadcastTo(convertToTensor(1, { dtype: tensor.dtype }), tensor.type.shape)
}

/** Zeros of the tensor's type. */
export function zerosLikeTensor(tensor: Tensor | Variable): Tensor {
  return broadcastTo(convertToTensor(0, { dtype: tensor.dtype }), tensor.type.shape)
}

/** The gradient of Σ targets·seeds with respect to every tensor on the way. */
export function sweep(records: readonly TapeRecord[], targets: readonly Tensor[], seeds: readonly Tensor[]): Map<Tensor, Tensor> {
  const gradients = new Map<Tensor, Tensor>()
  const addTo = (tensor: Tensor, gradient: Tensor): void => {
    const known = gradients.get(tensor)
    gradients.set(tensor, known === undefined ? gradient : accumulate(known, gradient))
  }
  targets.forEach((target, i) => {
    const seed = seeds[i]
    if (seed !== undefined && isFloating(target.dtype)) addTo(target, seed)
  })
  // The list may grow while a persistent tape records its own sweep.
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i]
    if (record === undefined) continue
    const upstream = record.results.map((result) => gradients.get(result) ?? null)
    if (upstream.every((gradient) => gradient === null)) continue
    if (record.op.gradient === 'none') continue
    const parts = record.op.gradient({ attrs: record.attrs, operands: record.operands, results: record.results, gradients: upstream, needed: record.needed, regions: record.regions })
    if (parts.length !== record.operands.length)
      throw new GradientError({ op: record.op.name, problem: `the gradient gives ${parts.length} values for ${record.operands.length} operands`, fix: 'return one gradient (or null) per operand.' })
    record.operands.forEach((operand, k) => {
      const part = parts[k]
      if (part === null || part === undefined || record.needed[k] !== true) return
      if (part.dtype !== operand.dtype || !(part.rank === operand.rank && couldBeSame(part, operand)))
        throw new InternalError(`the gradient of ${record.op.name} for operand ${k} is ${printType(part.type)}, the operand ${printType(operand.type)}`)
      addTo(operand, part)
    })
  }
  return gradients
}

function couldBeSame(x: Tensor, y: Tensor): boolean {
  return sameShape(x.type.shape, y.type.shape) || x.type.shape.some((size) => typeof size !== 'number') || y.type.shape.some((size) => typeof size !== 'number')
}
