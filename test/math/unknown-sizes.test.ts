// Composites traced once with an axis of unknown size give, for every size, what they give eagerly.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const rows = (n: number): tf.Tensor =>
  tf.tensor(
    Array.from({ length: n * 4 }, (_, i) => ((i * 7) % 13) / 4 - 1.5),
    [n, 4],
  )

const composites: Readonly<Record<string, (x: tf.Tensor) => tf.Tensor>> = {
  mean: (x) => tf.mean(x),
  'mean over rows': (x) => tf.mean(x, 0),
  variance: (x) => tf.variance(x, 0, true),
  std: (x) => tf.std(tf.add(x, [1, 2, 3, 4])),
  logSumExp: (x) => tf.logSumExp(x, 0),
  norm: (x) => tf.norm(x, 3),
  softmax: (x) => tf.nn.softmax(x),
  'softmax over rows': (x) => tf.nn.softmax(x, 0),
  logSoftmax: (x) => tf.nn.logSoftmax(x),
  l2Normalize: (x) => tf.nn.l2Normalize(x, 1),
  gelu: (x) => tf.nn.gelu(x),
  sparse: (x) => tf.losses.sparseSoftmaxCrossEntropy(tf.argMax(x, 1), x),
  categorical: (x) => tf.losses.categoricalCrossentropy(tf.nn.softmax(x), x, undefined, { fromLogits: true }),
  tile: (x) => tf.tile(x, [2, 3]),
  repeat: (x) => tf.repeat(x, 2, 0),
  stack: (x) => tf.stack([x, tf.neg(x)], 1),
  pad: (x) =>
    tf.pad(
      x,
      [
        [1, 2],
        [0, 1],
      ],
      9,
    ),
  roll: (x) => tf.roll(x, 1, 1),
  diag: (x) => tf.diag(tf.sum(x, 1)),
  bandPart: (x) => tf.linalg.bandPart(x, 0, 1),
  trace: (x) => tf.linalg.trace(x),
  'every second column': (x) => tf.stridedSlice(x, [0, 3], [0, 0], [1, -2], 3, 3),
  'without the first row': (x) => tf.stridedSlice(x, [1], [0], [1], 0, 1),
  matMul: (x) => tf.matMul(x, x, false, true),
  'batched matMul': (x) => tf.matMul(tf.expandDims(x, 0), tf.ones([3, 4, 2])),
  matVec: (x) => tf.matVec(x, [1, 2, 3, 4]),
  outerProduct: (x) => tf.outerProduct(tf.sum(x, 1), tf.sum(x, 0)),
  oneHot: (x) => tf.oneHot(tf.argMax(x, 1), 4),
  gatherND: (x) =>
    tf.gatherND(
      x,
      tf.tensor(
        [
          [0, 3],
          [1, 1],
        ],
        'int32',
      ),
    ),
  scatter: (x) => tf.tensorScatterAdd(x, tf.tensor([[0], [1], [0]], 'int32'), tf.ones([3, 4])),
  segments: (x) => tf.unsortedSegmentSum(x, tf.argMax(x, 1), 4),
  cumsum: (x) => tf.cumsum(x, 0),
  zerosLike: (x) => tf.add(tf.zerosLike(x), tf.onesLike(x)),
}

describe('with an unknown number of rows', () => {
  for (const [name, composite] of Object.entries(composites))
    it(`${name} is traced once and agrees with eager code`, () => {
      const traced = tf.func((x: tf.Tensor) => composite(x), {
        inputSignature: [tf.spec([null, 4], 'float32')],
      })
      for (const n of [2, 5, 9]) {
        const expected = composite(rows(n))
        const got = traced(rows(n))
        expect(got.shape).toEqual(expected.shape)
        const wanted = expected.data()
        got
          .data()
          .forEach((value, i) => expect(Math.abs(value - (wanted[i] ?? Number.NaN))).toBeLessThan(1e-5))
      }
      expect(traced.traceCount).toBe(1)
    })
})
