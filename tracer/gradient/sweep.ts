/**
 * The backward sweep: from gradients of the targets to gradients of everything they were computed from.
 *
 * Records are visited last to first; each op's gradient rule turns the gradients of its results into gradients of its
 * operands, which add up where a tensor is used more than once. Only records on a path from a watched tensor exist, so
 * nothing is computed for the others.
 */
import { type DType, isFloating } from '../../codegen/dtype.ts'
import { GradientError, InternalError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import type { Attrs, Graph } from '../ir/graph.ts'
import { printType, type Shape } from '../ir/type.ts'
import type { OpDefinition } from '../op.ts'
import { filled } from '../ops/broadcast.ts'
import { add } from '../ops/arithmetic.ts'
import { mergeRecords } from '../ops/control.ts'
import type { Tensor } from '../tensor.ts'

/** An op applied to something watched. */
export interface TapeRecord {
  readonly op: OpDefinition
  readonly operands: readonly Tensor[]
  readonly attrs: Attrs
  readonly regions: readonly Graph[]
  readonly results: readonly Tensor[]
  /** Which operands a gradient flows to. */
  readonly needed: readonly boolean[]
  readonly host?: unknown
}

/** x + y for two gradients of one tensor. */
export function accumulate(x: Tensor, y: Tensor): Tensor {
  return x.type.record === true ? mergeRecords(x, y) : add(x, y)
}

/** Ones of the tensor's type. */
export function onesLikeTensor(tensor: Tensor): Tensor {
  return filled(tensor.dtype, tensor.type.shape, 1)
}

/** Zeros of a dtype and shape. */
export function zerosLikeTensor({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): Tensor {
  return filled(dtype, shape, 0)
}

/**
 * The gradient of Σ targets·seeds with respect to the tensors that records start from and to those in `sought`. The
 * gradients of the others are let go as soon as they have been handed on.
 */
export function sweep(
  records: readonly TapeRecord[],
  targets: readonly Tensor[],
  seeds: readonly Tensor[],
  sought: ReadonlySet<Tensor>,
): Map<Tensor, Tensor> {
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
    for (const result of record.results) if (!sought.has(result)) gradients.delete(result)
    if (record.op.gradient === 'none') continue
    const parts = record.op.gradient({
      attrs: record.attrs,
      operands: record.operands,
      results: record.results,
      gradients: upstream,
      needed: record.needed,
      regions: record.regions,
      host: record.host,
    })
    if (parts.length !== record.operands.length)
      throw new GradientError({
        op: record.op.name,
        problem: `the gradient gives ${parts.length} values for ${record.operands.length} operands`,
        fix: 'return one gradient (or null) per operand.',
      })
    record.operands.forEach((operand, k) => {
      const part = parts[k]
      if (part === null || part === undefined || record.needed[k] !== true) return
      if (part.dtype !== operand.dtype || !(part.rank === operand.rank && couldBeSame(part, operand)))
        throw new InternalError(
          `the gradient of ${record.op.name} for operand ${k} is ${printType(part.type)}, the operand ${printType(operand.type)}`,
        )
      addTo(operand, part)
    })
  }
  return gradients
}

function couldBeSame(x: Tensor, y: Tensor): boolean {
  return (
    sameShape(x.type.shape, y.type.shape) ||
    x.type.shape.some((size) => typeof size !== 'number') ||
    y.type.shape.some((size) => typeof size !== 'number')
  )
}
