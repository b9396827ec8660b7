// Images, blocks of them, signals and factorizations against values of TensorFlow 2.21.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { image, linalg, signal } = tf

const near = (values: readonly number[], digits = 4): number[] =>
  values.map((value) => expect.closeTo(value, digits) as number)
const flat = (x: tf.Tensor): number[] => [...x.data()]
const small = tf.tensor([1, 2, 3, 4, 7, -2], [1, 2, 3, 1])

describe('resizing', () => {
  it('mixes as TensorFlow does, for the three kinds of places', () => {
    expect(flat(image.resizeBilinear(small, [3, 5], false, true))).toEqual(
      near([1, 1.4, 2, 2.6, 3, 2.5, 3.3, 4.5, 2.1, 0.5, 4, 5.2, 7, 1.6, -2]),
    )
    expect(flat(image.resizeBilinear(small, [3, 5], true))).toEqual(
      near([1, 1.5, 2, 2.5, 3, 2.5, 3.5, 4.5, 2.5, 0.5, 4, 5.5, 7, 2.5, -2]),
    )
    expect(flat(image.resizeBilinear(small, [3, 5]))).toEqual(
      near([1, 1.6, 2.2, 2.8, 3, 3, 4.4, 4.2, 0.8, -0.333333, 4, 5.8, 5.2, -0.2, -2]),
    )
    expect(flat(image.resizeBilinear(small, [4, 2], false, true))).toEqual(
      near([1.25, 2.75, 2.125, 2.125, 3.875, 0.875, 4.75, 0.25]),
    )
    expect(image.resizeBilinear(small.squeeze([0]).cast('int32'), [3, 5]).shape).toEqual([3, 5, 1])
  })

  it('takes the nearest pixel as TensorFlow does', () => {
    expect(flat(image.resizeNearestNeighbor(small, [3, 5]))).toEqual([
      1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 7, 7, -2,
    ])
    expect(flat(image.resizeNearestNeighbor(small, [3, 5], true))).toEqual([
      1, 2, 2, 3, 3, 4, 7, 7, -2, -2, 4, 7, 7, -2, -2,
    ])
    expect(flat(image.resizeNearestNeighbor(small, [4, 4], false, true))).toEqual([
      1, 2, 2, 3, 1, 2, 2, 3, 4, 7, 7, -2, 4, 7, 7, -2,
    ])
  })

  it('has gradients, which add up to the weights of the pixels', () => {
    const gradient = tf.grad((x: tf.Tensor) => image.resizeBilinear(x, [4, 4], true).sum())(
      tf.ones([1, 2, 2, 1]),
    )
    expect(flat(gradient)).toEqual(near([4, 4, 4, 4]))
  })

  it('refuses what does not fit', () => {
    expect(() => image.resizeBilinear([1, 2], [1, 1])).toThrow(
      /images are \[batch, height, width, channels\]/,
    )
    expect(() => image.resizeBilinear(small, [0, 1])).toThrow(/the height is 0/)
    expect(() => image.resizeNearestNeighbor(small, [1, 1], true, true)).toThrow(/cannot both be aligned/)
  })
})

describe('cropAndResize', () => {
  const boxes = [
    [0, 0, 1, 1],
    [0.25, 0.1, 1.2, 0.9],
  ]
  it('mixes and takes the nearest pixel as TensorFlow does', () => {
    expect(flat(image.cropAndResize(small, [...boxes, [1, 1, 0, 0]], [0, 0, 0], [3, 2]))).toEqual(
      near([1, 3, 2.5, 0.5, 4, -2, 2.05, 2.05, 3.665, 0.625, 0, 0, -2, 4, 0.5, 2.5, 3, 1]),
    )
    const nearest = image.cropAndResize(
      small,
      [...boxes, [0.5, 0.5, 0.5, 0.5]],
      [0, 0, 0],
      [3, 1],
      'nearest',
      9,
    )
    expect(flat(nearest)).toEqual([2, 7, 7, 2, 7, 9, 7, 7, 7])
  })

  it('takes images by number, traced with unknown counts', () => {
    const both = tf.concat([small, small.mul(10)], 0)
    const f = tf.function((of: tf.Tensor, owner: tf.Tensor) => image.cropAndResize(both, of, owner, [1, 1]), {
      inputSignature: [tf.spec([null, 4], 'float32'), tf.spec([null], 'int32')],
    })
    const whole = tf.tensor([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ])
    expect(flat(f(whole, tf.tensor([1, 0], 'int32')))).toEqual([10, 1])
    expect(() => f(whole, tf.tensor([1, 2], 'int32'))).toThrow(tf.CheckError)
    expect(() => image.cropAndResize(small, [[1, 2]], [0], [1, 1])).toThrow(/boxes are \[count, 4\]/)
  })
})

describe('pixels and boxes', () => {
  it('flips and changes colours', () => {
    const counted = tf.range(0, 12, 1, 'float32').reshape([1, 2, 2, 3])
    expect(flat(image.rgbToGrayscale(counted))).toEqual(near([0.815, 3.8147, 6.8144, 9.8141], 3))
    expect(image.grayscaleToRGB([[[5]]]).array()).toEqual([[[5, 5, 5]]])
    expect(flat(image.flipLeftRight(small))).toEqual([3, 2, 1, -2, 7, 4])
    expect(flat(image.flipUpDown(small))).toEqual([4, 7, -2, 1, 2, 3])
    expect(() => image.rgbToGrayscale([1, 2])).toThrow(/must have 3 channels/)
  })

  it('drops boxes that overlap, or lowers their scores, as TensorFlow does', () => {
    const boxes = [
      [0, 0, 1, 1],
      [0, 0.1, 1, 1.1],
      [0, -0.1, 1, 0.9],
      [0, 10, 1, 11],
      [0, 10.1, 1, 11.1],
      [0, 100, 1, 101],
    ]
    const scores = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3]
    expect(flat(image.nonMaxSuppression(boxes, scores, 3))).toEqual([3, 0, 5])
    expect(flat(image.nonMaxSuppression(boxes, scores, 3, 0.5, 0.4))).toEqual([3, 0])
    const { selectedIndices, selectedScores } = image.nonMaxSuppressionWithScore(boxes, scores, 6, {
      iouThreshold: 1,
      scoreThreshold: 0,
      softNmsSigma: 0.5,
    })
    expect(flat(selectedIndices)).toEqual([3, 0, 1, 5, 4, 2])
    expect(flat(selectedScores)).toEqual(near([0.95, 0.9, 0.38400355, 0.3, 0.2560026, 0.19697244], 5))
    expect(() => image.nonMaxSuppression([[1, 2]], [1], 1)).toThrow(/boxes are \[count, 4\]/)
    expect(() => image.nonMaxSuppression(boxes, scores, 1, 2)).toThrow(/iouThreshold is 2/)
  })
})

describe('blocks', () => {
  const sixteen = tf.range(1, 17, 1, 'float32')
  it('go to the batch and back', () => {
    const spread = tf.spaceToBatchND(
      sixteen.reshape([1, 4, 4, 1]),
      [2, 2],
      [
        [0, 0],
        [0, 0],
      ],
    )
    expect(flat(spread)).toEqual([1, 3, 9, 11, 2, 4, 10, 12, 5, 7, 13, 15, 6, 8, 14, 16])
    expect(
      flat(
        tf.batchToSpaceND(
          spread,
          [2, 2],
          [
            [0, 0],
            [0, 0],
          ],
        ),
      ),
    ).toEqual(flat(sixteen))
    const six = tf.range(1, 7, 1, 'float32').reshape([1, 2, 3, 1])
    expect(
      flat(
        tf.spaceToBatchND(
          six,
          [2, 2],
          [
            [0, 0],
            [1, 0],
          ],
        ),
      ),
    ).toEqual([0, 2, 1, 3, 0, 5, 4, 6])
    const eight = tf.range(1, 9, 1, 'float32').reshape([4, 1, 2, 1])
    expect(
      flat(
        tf.batchToSpaceND(
          eight,
          [2, 2],
          [
            [0, 0],
            [1, 0],
          ],
        ),
      ),
    ).toEqual([3, 2, 4, 7, 6, 8])
    expect(() =>
      tf.spaceToBatchND(
        six,
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
    ).toThrow(/3 cannot be divided by 2/)
    expect(() => tf.spaceToBatchND(six, [2], [])).toThrow(/1 blocks and 0 margins/)
    expect(() =>
      tf.batchToSpaceND(
        six,
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
    ).toThrow(/1 cannot be divided by 4/)
  })

  it('go to the channels and back', () => {
    const deep = sixteen.reshape([1, 2, 1, 8])
    expect(flat(tf.depthToSpace(deep, 2))).toEqual(flat(sixteen))
    expect(tf.depthToSpace(deep, 2).shape).toEqual([1, 4, 2, 2])
    expect(tf.spaceToDepth(tf.depthToSpace(deep, 2), 2).array()).toEqual(deep.array())
    const wide = tf.range(0, 16).reshape([1, 4, 4, 1])
    expect(tf.spaceToDepth(wide, 2).array()).toEqual([
      [
        [
          [0, 1, 4, 5],
          [2, 3, 6, 7],
        ],
        [
          [8, 9, 12, 13],
          [10, 11, 14, 15],
        ],
      ],
    ])
    expect(() => tf.depthToSpace(wide, 2)).toThrow(/1 cannot be divided by 4/)
  })
})

describe('normalisation', () => {
  it('by neighbouring channels, as TensorFlow does', () => {
    const x = tf.range(1, 9, 1, 'float32').reshape([1, 1, 2, 4])
    expect(flat(tf.localResponseNormalization(x, 1, 1, 0.5, 0.5))).toEqual(
      near([0.53452247, 0.70710677, 0.76200074, 1.0886621, 0.8908708, 0.8017837, 0.8056095, 1.0550088], 5),
    )
  })

  it('with statistics that are given', () => {
    expect(
      flat(
        tf.batchNorm(
          [
            [1, 2],
            [3, 4],
          ],
          [2, 3],
          [1, 4],
          [10, 20],
          [2, 4],
          0,
        ),
      ),
    ).toEqual(near([8, 18, 12, 22]))
    expect(flat(tf.batchNorm([1, 3], 2, 1))).toEqual(near([-0.9995, 0.9995]))
  })

  it('by dropping', () => {
    expect(new Set(flat(tf.dropout(tf.ones([1000]), 0.25)))).toEqual(new Set([0, Math.fround(1 / 0.75)]))
    const columns = tf.dropout(tf.ones([6, 40]), 0.5, [1, 40], 3)
    expect(columns.array()).toEqual(Array.from({ length: 6 }, () => (columns.array() as number[][])[0]))
    expect(flat(tf.dropout([1, 2], 1))).toEqual([0, 0])
    expect(() => tf.dropout([1], -1)).toThrow(/the rate is -1/)
  })
})

describe('signals', () => {
  it('have windows and frames as in TensorFlow', () => {
    expect(flat(signal.hannWindow(5))).toEqual(near([0, 0.5, 1, 0.5, 0]))
    expect(flat(signal.hannWindow(4))).toEqual(near([0, 0.5, 1, 0.5]))
    expect(flat(signal.hammingWindow(5))).toEqual(near([0.08, 0.54, 1, 0.54, 0.08]))
    const seven = tf.range(0, 7, 1, 'float32')
    const frames = [
      [0, 1, 2],
      [2, 3, 4],
      [4, 5, 6],
    ]
    expect(signal.frame(seven, 3, 2).array()).toEqual(frames)
    expect(signal.frame(seven, 3, 2, true).array()).toEqual([...frames, [6, 0, 0]])
    expect(signal.frame([1], 3, 2).shape).toEqual([0, 3])
    expect(() => signal.frame([[1]], 1, 1)).toThrow(/a signal is a vector/)
    expect(() => signal.frame([1], 0, 1)).toThrow(/frameLength is 0/)
  })
})

describe('orthonormal factors', () => {
  it('are those of TensorFlow', () => {
    const [q, r] = linalg.qr([
      [12, -51, 4],
      [6, 167, -68],
      [-4, 24, -41],
    ])
    expect(flat(q)).toEqual(
      near([
        -0.8571428, 0.3942858, 0.3314286, -0.4285714, -0.9028573, -0.0342857, 0.2857143, -0.1714286,
        0.9428571,
      ]),
    )
    expect(flat(r)).toEqual(near([-14, -21, 14, 0, -175, 70, 0, 0, -35], 3))
  })

  it('multiply to the matrix, tall, wide, batched, and singular', () => {
    for (const shape of [
      [5, 3],
      [3, 5],
      [2, 4, 4],
      [1, 1],
    ])
      for (const full of [false, true]) {
        const x = tf.random.statelessNormal(shape, [1, 2], 0, 1, 'float64')
        const [q, r] = linalg.qr(x, full)
        const [m = 0, n = 0] = shape.slice(-2)
        const inner = full ? m : Math.min(m, n)
        expect([q.shape.slice(-2), r.shape.slice(-2)]).toEqual([
          [m, inner],
          [inner, n],
        ])
        expect(tf.matMul(q, r).sub(x).abs().max().item()).toBeLessThan(1e-12)
        expect(
          tf
            .matMul(q, q, true)
            .sub(tf.eye(inner, inner, [], 'float64'))
            .abs()
            .max()
            .item(),
        ).toBeLessThan(1e-12)
      }
    const [q, r] = linalg.qr(tf.zeros([3, 2]))
    expect(flat(q)).toEqual([1, 0, 0, 1, 0, 0])
    expect(flat(r).every((value) => value === 0)).toBe(true)
  })

  it('have gradients', () => {
    const f = (x: tf.Tensor): tf.Tensor => linalg.qr(x)[1].square().sum()
    const x = tf.tensor([1, 2, 3, 5], [2, 2], 'float64')
    // The squares of r add up to those of x, whatever the rotation.
    expect(flat(tf.grad(f)(x))).toEqual(near([2, 4, 6, 10], 8))
  })

  it('come from vectors by Gram and Schmidt', () => {
    expect(
      linalg
        .gramSchmidt([
          [3, 0],
          [1, 2],
        ])
        .array(),
    ).toEqual([
      [1, 0],
      [0, 1],
    ])
    const list = linalg.gramSchmidt([tf.tensor([0, 2]), tf.tensor([1, 1])])
    expect(list.map((x) => x.array())).toEqual([
      [0, 1],
      [1, 0],
    ])
    expect(() => linalg.gramSchmidt([[1], [2]])).toThrow(/no more than they have elements/)
  })
})

describe('random tensors by the names of tfjs', () => {
  it('repeat with a seed, and differ without one', () => {
    const draws = (seed?: number): unknown[] =>
      [
        tf.randomUniform([4], -1, 1, 'float32', seed),
        tf.randomUniformInt([4], 0, 100, seed),
        tf.randomNormal([4], 0, 1, 'float32', seed),
        tf.randomStandardNormal([4], 'float32', seed),
        tf.truncatedNormal([4], 0, 1, 'float32', seed),
        tf.randomGamma([4], 2, 1, 'float32', seed),
        tf.multinomial([0.1, 0.2, 0.3], 20, seed),
      ].map((x) => x.array())
    expect(draws(3)).toEqual(draws(3))
    const [first, second, other] = [draws(), draws(), draws(4)]
    draws(3).forEach((value, i) => {
      expect(value).not.toEqual(other[i])
      expect(first[i]).not.toEqual(second[i])
    })
    const classes = tf.multinomial(
      [
        [0, 1],
        [1, 0],
      ],
      5,
      1,
      true,
    )
    expect(classes.array()).toEqual([
      [1, 1, 1, 1, 1],
      [0, 0, 0, 0, 0],
    ])
    expect(() => tf.randomNormal([2], 0, 1, 'float32', 0.5)).toThrow(/the seed is 0.5/)
  })
})
