/**
 * Draws from a list of classes: a uniform number is looked up among the running sums of the probabilities. As in
 * TensorFlow the sums and the number are float64.
 */
import { ShapeError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { demandDType, floating, sizeAt } from '../../tracer/ops/arguments.ts'
import {
  cast,
  cumsum,
  exp,
  expandDims,
  lessEqual,
  minimum,
  mul,
  reduceMax,
  reduceSum,
  sizeOf,
  sliceAxis,
  sub,
} from '../../tracer/ops/index.ts'
import { lastIndex } from '../../tracer/ops/sizes.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireCount } from '../math/checks.ts'
import { type BitSource, unitNumbers } from './distributions.ts'

/** int32[batch, count]: class i with probability softmax(logits)[i]. */
export function categoricalNumbers(draw: BitSource, op: string, logits: TensorLike, count: number): Tensor {
  const scores = convertToTensor(logits, { op })
  demandDType(op, scores.type, floating)
  requireCount(op, 'the count', count)
  if (scores.rank !== 2 || scores.shape[1] === 0)
    throw new ShapeError({
      op,
      problem: 'logits are [batch, classes], with at least one class',
      rows: [['logits', printType(scores.type)]],
      fix: 'use expandDims(logits, 0) for a single row.',
    })
  const [batch, classes] = [sizeAt(scores.type.shape, 0), sizeAt(scores.type.shape, 1)]
  const wide = cast(scores, 'float64')
  const sums = cumsum(exp(sub(wide, expandDims(reduceMax(wide, [1]), 1))), 1)
  const total = sliceAxis(sums, 1, lastIndex(classes), 1)
  const wanted = mul(unitNumbers(draw, [batch, count], 'float64'), total)
  const below = reduceSum(cast(lessEqual(expandDims(sums, 1), expandDims(wanted, 2)), 'int32'), [2])
  return minimum(below, sub(sizeOf(scores, 1), 1))
}
