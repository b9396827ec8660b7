// Kernels of more buffers than a WebAssembly function may have parameters (a thousand): they are read from the frame.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const count = 1003

describe('kernels with a thousand operands', () => {
  it('add up a thousand tensors', () => {
    const add = tf.function((all: tf.Tensor[]) => all.reduce((sum, x) => sum.add(x)))
    const all = Array.from({ length: count }, (_, i) => tf.tensor([i, -2 * i, 1]))
    const sum = (count * (count - 1)) / 2
    expect(add(all).array()).toEqual([sum, -2 * sum, count])
  })

  it('of a size that is open, in loops long enough to run in pieces', () => {
    const dims = tf.function((all: tf.Tensor[]) => all.reduce((sum, x) => sum.add(x)), {
      inputSignature: [Array.from({ length: count }, () => tf.spec([null]))],
    })
    for (const size of [3, 20_000]) {
      const all = Array.from({ length: count }, (_, i) => tf.fill([size], i % 7))
      const expected = all.reduce((sum, _, i) => sum + (i % 7), 0)
      const result = dims(all).data()
      expect(result.length).toBe(size)
      expect(new Set(result)).toEqual(new Set([expected]))
    }
  })

  it('stack a thousand rows, in a trace and outside', () => {
    const rows = Array.from({ length: count }, (_, i) => tf.tensor([i, i + 0.5]))
    const expected = rows.map((_, i) => [i, i + 0.5])
    expect(tf.stack(rows).array()).toEqual(expected)
    expect(
      tf
        .function((all: tf.Tensor[]) => tf.stack(all))(rows)
        .array(),
    ).toEqual(expected)
  })

  it('a loop that JavaScript unrolls over the rows of a tensor', () => {
    const double = tf.function((x: tf.Tensor) => {
      const doubled: tf.Tensor[] = []
      for (const row of x) doubled.push(row.mul(2))
      return tf.stack(doubled)
    })
    const x = tf
      .range(0, 2 * count)
      .cast('float32')
      .reshape([count, 2])
    expect(double(x).array()).toEqual(Array.from({ length: count }, (_, i) => [4 * i, 4 * i + 2]))
  })
})
