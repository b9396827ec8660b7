/** Counts of right and wrong decisions at thresholds, and what follows from them: precision, recall, their relatives. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import {
  broadcastTo,
  cast,
  equal,
  expandDims,
  greater,
  iota,
  less,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  reshape,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { sameRank } from '../losses/per-sample.ts'
import { divNoNan, mul } from '../math/index.ts'
import { knownSize } from '../math/checks.ts'
import { sum } from '../math/reductions.ts'
import { Metric, type MetricOptions } from './metric.ts'

/** What is counted. */
export type Cell = 'truePositives' | 'falsePositives' | 'trueNegatives' | 'falseNegatives'

const namesOfCells: Readonly<Record<Cell, string>> = {
  truePositives: 'true_positives',
  falsePositives: 'false_positives',
  trueNegatives: 'true_negatives',
  falseNegatives: 'false_negatives',
}

export interface DecisionOptions extends MetricOptions {
  /** Predictions above a threshold are positive; one or several, from 0 to 1. Default 0.5. */
  readonly thresholds?: number | readonly number[]
}

export interface SelectionOptions extends DecisionOptions {
  /** Count only the k best classes of each prediction as positive. */
  readonly topK?: number
  /** Look at one class only. */
  readonly classId?: number
}

/** Labels as bool, predictions and weights, all flat. */
interface Decisions {
  readonly positive: Tensor
  readonly predictions: Tensor
  readonly weights: Tensor | undefined
}

/** Where a prediction is among the k best of its row; of equal ones the first. */
function amongBest(op: string, y: Tensor, k: number): Tensor {
  const [mine, others] = [expandDims(y, -1), expandDims(y, -2)]
  const numbers = iota([knownSize(op, y.type, y.rank - 1)], 0)
  const earlier = less(expandDims(numbers, 0), expandDims(numbers, 1))
  const before = logicalOr(greater(others, mine), logicalAnd(equal(others, mine), earlier))
  return less(sum(cast(before, 'int32'), -1), k)
}

/** A metric that counts decisions at one or several thresholds. */
export abstract class ConfusionMetric extends Metric {
  protected readonly thresholds: readonly number[]
  readonly #cells = new Map<Cell, Variable>()
  readonly #selection: SelectionOptions

  constructor(
    kind: string,
    cells: readonly Cell[],
    options: SelectionOptions,
    thresholds?: readonly number[],
  ) {
    super(kind, options)
    this.#selection = options
    const given = options.thresholds ?? (options.topK === undefined ? 0.5 : -1e10)
    const chosen = thresholds ?? [given].flat()
    if (thresholds === undefined && options.thresholds !== undefined)
      for (const each of chosen)
        if (!(each >= 0 && each <= 1))
          throw new ValueError({
            op: this.name,
            problem: `a threshold is ${each}`,
            fix: 'use numbers from 0 to 1.',
          })
    this.thresholds = chosen
    for (const cell of cells) this.#cells.set(cell, this.addVariable(namesOfCells[cell], [chosen.length]))
  }

  /** A count for each threshold. */
  protected cell(cell: Cell): Variable {
    const found = this.#cells.get(cell)
    if (found !== undefined) return found
    throw new ValueError({ op: this.name, problem: `it does not count ${cell}` })
  }

  /** A result for each threshold as a scalar when there is one. */
  protected single(results: Tensor): Tensor {
    return this.thresholds.length === 1 ? reshape(results, []) : results
  }

  /** Which predictions count as positive, [thresholds, predictions]. */
  protected decide(predictions: Tensor): Tensor {
    const limits = convertToTensor([...this.thresholds], { dtype: this.dtype })
    return greater(expandDims(predictions, 0), expandDims(limits, 1))
  }

  protected override update(labels: TensorLike, predictions?: TensorLike, sampleWeight?: TensorLike): void {
    const {
      positive,
      predictions: flat,
      weights,
    } = this.#decisions(labels, this.required(predictions), sampleWeight)
    const predicted = this.decide(flat)
    const real = expandDims(positive, 0)
    const truth: Readonly<Record<Cell, () => Tensor>> = {
      truePositives: () => logicalAnd(real, predicted),
      falsePositives: () => logicalAnd(logicalNot(real), predicted),
      trueNegatives: () => logicalAnd(logicalNot(real), logicalNot(predicted)),
      falseNegatives: () => logicalAnd(real, logicalNot(predicted)),
    }
    for (const [cell, variable] of this.#cells) {
      const each = cast(truth[cell](), this.dtype)
      variable.assignAdd(sum(weights === undefined ? each : mul(each, expandDims(weights, 0)), 1))
    }
  }

  #decisions(labels: TensorLike, given: TensorLike, sampleWeight: TensorLike | undefined): Decisions {
    const { topK, classId } = this.#selection
    let [y, x] = sameRank(this.tensorOf(given), this.tensorOf(labels))
    if (x.rank !== y.rank)
      throw new ShapeError({
        op: `${this.name}.updateState`,
        problem: 'labels and predictions have different shapes',
        rows: [
          ['labels', printType(x.type)],
          ['predictions', printType(y.type)],
        ],
        fix: 'give both the same shape.',
      })
    if (topK !== undefined) y = where(amongBest(this.name, y, topK), y, -1e10)
    if (classId !== undefined) {
      const one = (t: Tensor): Tensor =>
        t.slice(
          t.type.shape.map((_, axis) => (axis === t.rank - 1 ? classId : 0)),
          t.type.shape.map((_, axis) => (axis === t.rank - 1 ? 1 : -1)),
        )
      ;[x, y] = [one(x), one(y)]
    }
    let weights: Tensor | undefined
    if (sampleWeight !== undefined) {
      const own = this.tensorOf(sampleWeight)
      const wide = own.rank === y.rank - 1 && own.rank > 0 ? expandDims(own, -1) : own
      weights = reshape(broadcastTo(wide, y.type.shape), [-1])
    }
    return { positive: reshape(notEqual(x, 0), [-1]), predictions: reshape(y, [-1]), weights }
  }
}

/** One of the four counts. */
abstract class Count extends ConfusionMetric {
  readonly #cell: Cell
  constructor(cell: Cell, options: DecisionOptions) {
    super(namesOfCells[cell], [cell], options)
    this.#cell = cell
  }
  override result(): Tensor {
    return this.single(this.cell(this.#cell).value())
  }
}

/** How many positive labels were predicted. */
export class TruePositives extends Count {
  constructor(options: DecisionOptions = {}) {
    super('truePositives', options)
  }
}
/** How many negative labels were predicted to be positive. */
export class FalsePositives extends Count {
  constructor(options: DecisionOptions = {}) {
    super('falsePositives', options)
  }
}
/** How many negative labels were predicted. */
export class TrueNegatives extends Count {
  constructor(options: DecisionOptions = {}) {
    super('trueNegatives', options)
  }
}
/** How many positive labels were predicted to be negative. */
export class FalseNegatives extends Count {
  constructor(options: DecisionOptions = {}) {
    super('falseNegatives', options)
  }
}

/**
 * The share of true ones among the positive predictions.
 *
 * @example
 * const metric = new tf.metrics.Precision()
 * metric.updateState([0, 1, 1, 1], [1, 0, 1, 1])
 * metric.result() // ≈ 0.6667
 */
export class Precision extends ConfusionMetric {
  constructor(options: SelectionOptions = {}) {
    super('precision', ['truePositives', 'falsePositives'], options)
  }
  override result(): Tensor {
    const right = this.cell('truePositives').value()
    return this.single(divNoNan(right, right.add(this.cell('falsePositives'))))
  }
}

/** The share of predicted ones among the positive labels. */
export class Recall extends ConfusionMetric {
  constructor(options: SelectionOptions = {}) {
    super('recall', ['truePositives', 'falseNegatives'], options)
  }
  override result(): Tensor {
    const right = this.cell('truePositives').value()
    return this.single(divNoNan(right, right.add(this.cell('falseNegatives'))))
  }
}
