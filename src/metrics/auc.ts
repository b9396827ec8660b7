/**
 * The area under a curve through the decisions at many thresholds: true against false positive rate (ROC), or precision
 * against recall (PR), whose interpolation is that of Davis & Goadrich (2006): true positives are linear in positives.
 */
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import {
  ceil,
  expandDims,
  greaterEqual,
  greater,
  log,
  logicalAnd,
  sigmoid,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireCount } from '../math/checks.ts'
import { add, clipByValue, divNoNan, maximum, minimum, mul } from '../math/index.ts'
import { sum } from '../math/reductions.ts'
import { ConfusionMetric } from './confusion.ts'
import type { MetricOptions } from './metric.ts'

export interface AUCOptions extends MetricOptions {
  /** How many thresholds, evenly from 0 to 1. Default 200. */
  readonly numThresholds?: number
  /** Thresholds between 0 and 1, in the place of even ones. */
  readonly thresholds?: readonly number[]
  /** Default ROC. */
  readonly curve?: 'ROC' | 'PR'
  /** How the curve runs between thresholds: in between, at the lower end, or at the higher. Default interpolation. */
  readonly summationMethod?: 'interpolation' | 'minoring' | 'majoring'
  /** Whether predictions are logits. Default false. */
  readonly fromLogits?: boolean
}

/** Just outside [0, 1], so that the first threshold is below all predictions and the last above. */
const margin = 1e-7

function thresholdsOf(op: string, { numThresholds = 200, thresholds }: AUCOptions): readonly number[] {
  if (thresholds !== undefined) {
    if (thresholds.every((each) => each >= 0 && each <= 1))
      return [-margin, ...thresholds.toSorted((a, b) => a - b), 1 + margin]
    throw new ValueError({ op, problem: 'a threshold is not from 0 to 1', fix: 'use numbers from 0 to 1.' })
  }
  requireCount(op, 'numThresholds', numThresholds, 2)
  const between = Array.from({ length: numThresholds - 2 }, (_, i) => (i + 1) / (numThresholds - 1))
  return [-margin, ...between, 1 + margin]
}

/**
 * The area under the curve.
 *
 * @example
 * const metric = new tf.metrics.AUC({ numThresholds: 3 })
 * metric.updateState([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
 * metric.result() // 0.75
 */
export class AUC extends ConfusionMetric {
  readonly #options: AUCOptions

  constructor(options: AUCOptions = {}) {
    const { name, dtype } = options
    const kept = { ...(name === undefined ? {} : { name }), ...(dtype === undefined ? {} : { dtype }) }
    const cells = ['truePositives', 'falsePositives', 'trueNegatives', 'falseNegatives'] as const
    super('auc', cells, kept, thresholdsOf('AUC', options))
    const { curve = 'ROC', summationMethod = 'interpolation' } = options
    if (
      !['ROC', 'PR'].includes(curve) ||
      !['interpolation', 'minoring', 'majoring'].includes(summationMethod)
    )
      throw new ValueError({
        op: this.name,
        problem: `the curve is "${curve}" and the summation "${summationMethod}"`,
        fix: 'use ROC or PR, and interpolation, minoring or majoring.',
      })
    this.#options = options
  }

  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    const given = this.required(predictions)
    const { fromLogits = false } = this.#options
    super.update(labels, fromLogits ? sigmoid(this.tensorOf(given)) : given, sampleWeight)
  }

  protected override decide(predictions: Tensor): Tensor {
    if (this.#options.thresholds !== undefined) return super.decide(predictions)
    // Between which two even thresholds a prediction lies follows from rounding up, as exactly as the division goes.
    const last = this.thresholds.length - 1
    const place = maximum(sub(ceil(mul(clipByValue(predictions, 0, 1), last)), 1), 0)
    const numbers = convertToTensor(
      this.thresholds.map((_, i) => i),
      { dtype: this.dtype },
    )
    return greaterEqual(expandDims(place, 0), expandDims(numbers, 1))
  }

  override result(): Tensor {
    const { curve = 'ROC', summationMethod = 'interpolation' } = this.#options
    const right = this.cell('truePositives').value()
    const wrong = this.cell('falsePositives').value()
    if (curve === 'PR' && summationMethod === 'interpolation') return this.#interpolated(right, wrong)
    const recall = divNoNan(right, add(right, this.cell('falseNegatives')))
    const [x, y] =
      curve === 'ROC'
        ? [divNoNan(wrong, add(wrong, this.cell('trueNegatives'))), recall]
        : [recall, divNoNan(right, add(right, wrong))]
    const [left, next] = this.#neighbours(y)
    const heights =
      summationMethod === 'interpolation'
        ? mul(add(left, next), 0.5)
        : summationMethod === 'minoring'
          ? minimum(left, next)
          : maximum(left, next)
    return sum(mul(sub(...this.#neighbours(x)), heights))
  }

  /** The values at all thresholds but the last, and at all but the first. */
  #neighbours(values: Tensor): readonly [Tensor, Tensor] {
    const count = this.thresholds.length - 1
    return [values.slice([0], [count]), values.slice([1], [count])]
  }

  #interpolated(right: Tensor, wrong: Tensor): Tensor {
    const [rightHere, rightNext] = this.#neighbours(right)
    const [here, next] = this.#neighbours(add(right, wrong))
    const missedNext = this.#neighbours(this.cell('falseNegatives').value())[1]
    const gained = sub(rightHere, rightNext)
    const slope = divNoNan(gained, maximum(sub(here, next), 0))
    const intercept = sub(rightNext, mul(slope, next))
    const both = logicalAnd(greater(here, 0), greater(next, 0))
    const ratio = where(both, divNoNan(here, maximum(next, 0)), 1)
    const area = mul(slope, add(gained, mul(intercept, log(ratio))))
    return sum(divNoNan(area, maximum(add(rightNext, missedNext), 0)))
  }
}
