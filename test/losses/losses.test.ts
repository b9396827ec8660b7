// What the goldens do not say about losses: reductions, labels of another dtype or rank, and what is refused.
import { describe, expect, it } from 'vitest'
import { losses, tensor } from '../../src/index.ts'

const labels = [
  [0, 1],
  [1, 0],
]
const predictions = [
  [0.5, 0.5],
  [1, 0.5],
]

describe('losses', () => {
  it('reduce to the mean, the sum, or not at all', () => {
    const each = [0.25, 0.125]
    expect(losses.meanSquaredError(labels, predictions, undefined, { reduction: 'none' }).array()).toEqual(
      each,
    )
    expect(losses.meanSquaredError(labels, predictions, undefined, { reduction: 'sum' }).item()).toBe(0.375)
    expect(losses.meanSquaredError(labels, predictions).item()).toBe(0.1875)
  })

  it('weigh samples without changing the divisor', () => {
    expect(losses.meanSquaredError(labels, predictions, [0, 4]).item()).toBe(0.25)
    expect(losses.meanSquaredError(labels, predictions, [[0], [4]]).item()).toBe(0.25)
  })

  it('take integer labels and an axis of size 1 too many', () => {
    expect(losses.meanSquaredError(tensor([0, 1], 'int32'), tensor([[0.5], [0.5]])).item()).toBe(0.25)
    expect(losses.binaryCrossentropy(tensor([true, false]), tensor([0.5, 0.5])).item()).toBeCloseTo(
      Math.LN2,
      6,
    )
  })

  it('refuse shapes that do not fit and bad options', () => {
    expect(() => losses.meanSquaredError([1, 2, 3], [1, 2])).toThrow(
      /labels and predictions have different shapes/,
    )
    expect(() => losses.meanSquaredError([1], tensor([1], 'int32'))).toThrow(/int32/)
    expect(() => losses.binaryCrossentropy([1], [0.5], undefined, { labelSmoothing: 2 })).toThrow(
      /labelSmoothing is 2/,
    )
  })

  it('on logits give one number', () => {
    const logits = [
      [1, 2],
      [3, 1],
    ]
    const rows = [Math.log1p(Math.exp(-1)), Math.log1p(Math.exp(-2))]
    const expected = ((rows[0] ?? 0) + (rows[1] ?? 0)) / 2
    expect(losses.softmaxCrossEntropy(labels, logits).item()).toBeCloseTo(expected, 6)
    expect(losses.sparseSoftmaxCrossEntropy(tensor([1, 0], 'int32'), logits).item()).toBeCloseTo(expected, 6)
    expect(losses.sigmoidCrossEntropy([[0]], [[0]]).item()).toBeCloseTo(Math.LN2, 6)
  })
})
