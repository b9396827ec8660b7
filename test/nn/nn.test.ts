// Activations and cross entropies: what they refuse, and labels out of range.
import { describe, expect, it } from 'vitest'
import { nn, tensor } from '../../src/index.ts'

describe('activations', () => {
  it('relu and relu6 take integers, the others do not', () => {
    expect(nn.relu(tensor([-1, 9], 'int32')).array()).toEqual([0, 9])
    expect(nn.relu6(tensor([-1, 9], 'int32')).array()).toEqual([0, 6])
    for (const f of [
      nn.elu,
      nn.selu,
      nn.silu,
      nn.softplus,
      nn.gelu,
      nn.mish,
      nn.softmax,
      nn.logSoftmax,
      nn.l2Normalize,
    ])
      expect(() => f(tensor([1], 'int32'))).toThrow(/int32 operands/)
  })

  it('hardSwish, hardTanh and tanhShrink follow their formulas', () => {
    const values = [-4, -3, -1, -0.5, 0, 0.5, 1, 3, 4]
    const x = tensor(values)
    const close = (got: ArrayLike<number>, f: (v: number) => number): void =>
      values.forEach((v, i) => expect(got[i]).toBeCloseTo(f(v), 5))
    close(nn.hardSwish(x).data(), (v) => (v * Math.min(Math.max(v + 3, 0), 6)) / 6)
    close(nn.hardTanh(x).data(), (v) => Math.min(Math.max(v, -1), 1))
    close(nn.tanhShrink(x).data(), (v) => v - Math.tanh(v))
  })
})

describe('cross entropies', () => {
  it('refuse labels that do not fit the logits', () => {
    const logits = [[1, 2, 3]]
    expect(() => nn.sparseSoftmaxCrossEntropyWithLogits(tensor([0.5]), logits)).toThrow(
      /labels are class numbers and must be int32/,
    )
    expect(() => nn.sparseSoftmaxCrossEntropyWithLogits(tensor([0, 1], 'int32'), logits)).toThrow(
      /the shape of logits without its last axis/,
    )
    expect(() => nn.softmaxCrossEntropyWithLogits([[1, 0]], logits)).toThrow(
      /labels and logits have different shapes/,
    )
    expect(() => nn.softmax(logits, 2)).toThrow(/axis 2/)
  })

  it('take byte labels and JavaScript numbers', () => {
    const logits = [[0, 0, 0, 0]]
    for (const labels of [[1], new Uint8Array([1]), new Int32Array([1])])
      expect(nn.sparseSoftmaxCrossEntropyWithLogits(labels, logits).array()).toEqual([
        Math.fround(Math.log(4)),
      ])
  })
})
