// Convolutions and pooling against loops: random shapes, strides, dilations, paddings, groups and layouts, in every
// dtype, eagerly and traced with sizes left open; gradients against central differences in float64.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]

/** Deterministic numbers, small integers on request. */
function values(count: number, seed: number, whole = false): number[] {
  let state = seed * 2654435761 + 97
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    const x = state / 2 ** 30
    return whole ? Math.round(3 * x) : x
  })
}

const count = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1)

function numbersOf(x: tf.Tensor): number[] {
  return [x.array() as Nested].flat(Infinity as 1).map(Number)
}

function expectClose(
  actual: tf.Tensor,
  shape: readonly number[],
  expected: readonly number[],
  within: number,
): void {
  expect(actual.shape).toEqual(shape)
  const got = numbersOf(actual)
  expect(got.length).toBe(expected.length)
  let worst = 0
  got.forEach((x, i) => (worst = Math.max(worst, Math.abs(x - expected[i]!))))
  expect(worst).toBeLessThanOrEqual(within)
}

interface Case {
  readonly batch: number
  readonly size: readonly [number, number]
  readonly inner: number
  readonly groups: number
  readonly perGroup: number
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  readonly pad: 'same' | 'valid' | readonly [number, number, number, number]
}

const pairOf = (least: number, most: number): fc.Arbitrary<readonly [number, number]> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
const amount = fc.integer({ min: 0, max: 3 })

const cases: fc.Arbitrary<Case> = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  size: pairOf(5, 8),
  inner: fc.integer({ min: 1, max: 5 }),
  groups: fc.integer({ min: 1, max: 2 }),
  perGroup: fc.integer({ min: 1, max: 9 }),
  kernel: pairOf(1, 3),
  strides: pairOf(1, 3),
  dilations: pairOf(1, 2),
  pad: fc.oneof(
    fc.constant('same' as const),
    fc.constant('valid' as const),
    fc.tuple(amount, amount, amount, amount),
  ),
})

/** First position and number of windows along an axis, as TensorFlow documents them. */
function windowsOf(c: Case, d: 0 | 1): { readonly low: number; readonly count: number } {
  const [n, s] = [c.size[d], c.strides[d]]
  const reach = (c.kernel[d] - 1) * c.dilations[d] + 1
  if (c.pad === 'same') {
    const windows = Math.ceil(n / s)
    return { low: Math.floor(Math.max((windows - 1) * s + reach - n, 0) / 2), count: windows }
  }
  const [low, high] = c.pad === 'valid' ? [0, 0] : [c.pad[2 * d]!, c.pad[2 * d + 1]!]
  return { low, count: Math.floor((n + low + high - reach) / s) + 1 }
}

/** x is [batch, height, width, groups·inner], w [kernel, kernel, inner, groups·perGroup]. */
function naive(c: Case, x: readonly number[], w: readonly number[]): { shape: number[]; data: number[] } {
  const [rows, columns] = [windowsOf(c, 0), windowsOf(c, 1)]
  const channels = c.groups * c.inner
  const filters = c.groups * c.perGroup
  const data: number[] = []
  for (let b = 0; b < c.batch; b++)
    for (let i = 0; i < rows.count; i++)
      for (let j = 0; j < columns.count; j++)
        for (let f = 0; f < filters; f++) {
          let sum = 0
          for (let ki = 0; ki < c.kernel[0]; ki++)
            for (let kj = 0; kj < c.kernel[1]; kj++) {
              const y = i * c.strides[0] + ki * c.dilations[0] - rows.low
              const z = j * c.strides[1] + kj * c.dilations[1] - columns.low
              if (y < 0 || z < 0 || y >= c.size[0] || z >= c.size[1]) continue
              for (let k = 0; k < c.inner; k++) {
                const channel = Math.floor(f / c.perGroup) * c.inner + k
                const at = ((b * c.size[0] + y) * c.size[1] + z) * channels + channel
                sum += x[at]! * w[((ki * c.kernel[1] + kj) * c.inner + k) * filters + f]!
              }
            }
          data.push(sum)
        }
  return { shape: [c.batch, rows.count, columns.count, filters], data }
}

function padOf({ pad }: Case): tf.Padding {
  return typeof pad === 'string'
    ? pad
    : [
        [0, 0],
        [pad[0], pad[1]],
        [pad[2], pad[3]],
        [0, 0],
      ]
}

function run(c: Case, x: tf.Tensor, w: tf.Tensor): tf.Tensor {
  return tf.conv2d(x, w, c.strides, padOf(c), 'NHWC', c.dilations)
}

const shapesOf = (c: Case): { x: number[]; w: number[] } => ({
  x: [c.batch, ...c.size, c.groups * c.inner],
  w: [...c.kernel, c.inner, c.groups * c.perGroup],
})

describe('conv2d against loops', () => {
  for (const dtype of ['float32', 'float64', 'int32'] as const)
    it(`${dtype}, eager, and channels first`, () => {
      fc.assert(
        fc.property(cases, (c) => {
          const shapes = shapesOf(c)
          const whole = dtype === 'int32'
          const [x, w] = [values(count(shapes.x), 1, whole), values(count(shapes.w), 2, whole)]
          const expected = naive(c, x, w)
          const within = dtype === 'float32' ? 2e-4 : dtype === 'float64' ? 1e-11 : 0
          const [input, filter] = [tf.tensor(x, shapes.x, dtype), tf.tensor(w, shapes.w, dtype)]
          expectClose(run(c, input, filter), expected.shape, expected.data, within)
          const pads = padOf(c)
          const first = tf.conv2d(
            tf.transpose(input, [0, 3, 1, 2]),
            filter,
            c.strides,
            typeof pads === 'object' ? pads.slice(1, 3) : pads,
            'NCHW',
            c.dilations,
          )
          expectClose(tf.transpose(first, [0, 2, 3, 1]), expected.shape, expected.data, within)
        }),
        { numRuns: 25 },
      )
    })

  it('traced, with batch and space left open', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (c, space) => {
        const shapes = shapesOf(c)
        const [x, w] = [values(count(shapes.x), 3), values(count(shapes.w), 4)]
        const expected = naive(c, x, w)
        const open = space ? [null, null, null, shapes.x[3]!] : [null, ...shapes.x.slice(1)]
        const f = tf.function((input: tf.Tensor, filter: tf.Tensor) => run(c, input, filter), {
          inputSignature: [tf.spec(open), tf.spec(shapes.w)],
        })
        expectClose(f(tf.tensor(x, shapes.x), tf.tensor(w, shapes.w)), expected.shape, expected.data, 2e-4)
      }),
      { numRuns: 25 },
    )
  })

  it('adds a bias and takes relu in the same step', () => {
    const [x, w, b] = [values(2 * 6 * 5 * 3, 5), values(9 * 3 * 10, 6), values(10, 7)]
    const f = tf.function((input: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
      tf.conv2d(input, filter, 1, 'same').add(bias).relu(),
    )
    const operands = [tf.tensor(x, [2, 6, 5, 3]), tf.tensor(w, [3, 3, 3, 10]), tf.tensor(b)] as const
    const c: Case = {
      batch: 2,
      size: [6, 5],
      inner: 3,
      groups: 1,
      perGroup: 10,
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pad: 'same',
    }
    const { shape, data } = naive(c, x, w)
    const expected = data.map((sum, i) => Math.max(0, sum + b[i % 10]!))
    expectClose(f(...operands), shape, expected, 1e-4)
    expect(tf.debug.show(f, 'fused')).toContain('fused_conv %input, %filter, %bias')
    expect(tf.debug.show(f, 'fused')).not.toContain('fusion')
  })

  it('a filter of one element is a matrix product', () => {
    const f = tf.function((x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x, w, 1, 'same'))
    const [x, w] = [values(2 * 3 * 4 * 5, 8), values(30, 9)]
    const c: Case = {
      batch: 2,
      size: [3, 4],
      inner: 5,
      groups: 1,
      perGroup: 6,
      kernel: [1, 1],
      strides: [1, 1],
      dilations: [1, 1],
      pad: 'same',
    }
    const { shape, data } = naive(c, x, w)
    expectClose(f(tf.tensor(x, [2, 3, 4, 5]), tf.tensor(w, [1, 1, 5, 6])), shape, data, 1e-4)
    expect(tf.debug.show(f, 'trace')).toContain('dot')
  })

  it('takes images without a batch, and empty batches', () => {
    const w = tf.tensor(values(9 * 2 * 3, 1), [3, 3, 2, 3])
    const x = tf.tensor(values(5 * 5 * 2, 2), [5, 5, 2])
    expect(tf.conv2d(x, w, 1, 'same').shape).toEqual([5, 5, 3])
    expect(numbersOf(tf.conv2d(x, w, 1, 'same'))).toEqual(
      numbersOf(tf.conv2d(tf.expandDims(x, 0), w, 1, 'same')),
    )
    expect(tf.conv2d(tf.zeros([0, 5, 5, 2]), w, 1, 'same').shape).toEqual([0, 5, 5, 3])
    const gradient = tf.grad((v: tf.Tensor) => tf.conv2d(tf.zeros([0, 5, 5, 2]), v, 1, 'same').sum())(w)
    expect(numbersOf(gradient).every((g) => g === 0)).toBe(true)
  })
})

/** The gradient of f at x by central differences, f giving a number. */
function differences(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): number[] {
  const at = numbersOf(x)
  const step = 1e-5
  return at.map((_, i) => {
    const moved = (by: number): number =>
      f(
        tf.tensor(
          at.map((value, k) => (k === i ? value + by : value)),
          x.shape as number[],
          'float64',
        ),
      ).item()
    return (moved(step) - moved(-step)) / (2 * step)
  })
}

function expectGradients(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): void {
  // Weights make every element count differently; the square makes the second order depend on the first.
  const weigh = (y: tf.Tensor): tf.Tensor =>
    y
      .mul(tf.tensor(values(y.size, 11), y.shape as number[], 'float64'))
      .square()
      .sum()
  const scalar = (v: tf.Tensor): tf.Tensor => weigh(f(v))
  const first = tf.grad(scalar)
  expectClose(first(x), x.shape as number[], differences(scalar, x), 1e-4)
  const direction = tf.tensor(values(x.size, 12), x.shape as number[], 'float64')
  const along = (v: tf.Tensor): tf.Tensor => first(v).mul(direction).sum()
  expectClose(tf.grad(along)(x), x.shape as number[], differences(along, x), 1e-3)
}

describe('gradients against central differences, twice', () => {
  const image = (shape: number[]): tf.Tensor => tf.tensor(values(count(shape), 21), shape, 'float64')
  const other = (shape: number[]): tf.Tensor => tf.tensor(values(count(shape), 22), shape, 'float64')
  const x = image([1, 4, 5, 2])
  const w = image([2, 3, 2, 3])
  const paddings: readonly tf.Padding[] = [
    'same',
    'valid',
    [
      [1, 0],
      [2, 1],
    ],
  ]
  for (const pad of paddings)
    it(`conv2d, ${JSON.stringify(pad)}`, () => {
      expectGradients((v) => tf.conv2d(v, other([2, 3, 2, 3]), [2, 1], pad), x)
      expectGradients((v) => tf.conv2d(other([1, 4, 5, 2]), v, [1, 2], pad), w)
    })
  it('conv2d with dilations, and in groups', () => {
    expectGradients((v) => tf.conv2d(v, other([2, 2, 2, 3]), 1, 'same', 'NHWC', 2), x)
    expectGradients((v) => tf.conv2d(other([1, 4, 5, 2]), v, 1, 'same', 'NHWC', [1, 2]), w)
    expectGradients((v) => tf.conv2d(v, other([2, 2, 1, 4]), 1, 'same'), x)
    expectGradients((v) => tf.conv2d(other([1, 3, 4, 2]), v, 2, 'same'), image([2, 2, 1, 4]))
  })
  it('depthwise, transposed, three axes', () => {
    expectGradients((v) => tf.depthwiseConv2d(v, other([2, 2, 2, 2]), 1, 'same'), x)
    expectGradients((v) => tf.depthwiseConv2d(other([1, 4, 4, 2]), v, 2, 'valid'), image([2, 2, 2, 2]))
    expectGradients((v) => tf.conv2dTranspose(v, other([3, 2, 3, 2]), [1, 8, 10, 3], 2, 'same'), x)
    expectGradients(
      (v) => tf.conv2dTranspose(other([1, 2, 2, 2]), v, [1, 4, 3, 2], 2, 'same'),
      image([2, 2, 2, 2]),
    )
    expectGradients((v) => tf.conv3d(v, other([2, 1, 2, 1, 2]), 1, 'same'), image([1, 2, 3, 3, 1]))
  })
  it('pooling', () => {
    const y = image([1, 5, 5, 2])
    for (const pad of ['same', 'valid'] as const) {
      expectGradients((v) => tf.avgPool(v, 2, 2, pad), y)
      expectGradients((v) => tf.avgPool(v, [3, 2], [1, 2], pad), y)
      expectGradients((v) => tf.maxPool(v, 2, 2, pad), y)
      expectGradients((v) => tf.maxPool(v, [2, 3], [2, 1], pad), y)
      expectGradients((v) => tf.maxPool(v, 2, 3, pad), y)
    }
    expectGradients((v) => tf.maxPool(v, 5, 1, 'valid'), image([1, 6, 6, 1]))
    expectGradients((v) => tf.avgPool(v, 5, 1, 'same'), image([1, 6, 6, 1]))
  })
})

describe('pooling', () => {
  it('propagates NaN and ignores padding', () => {
    const x = tf.tensor([1, Number.NaN, -3, -4, -5, -6, -7, -8, -9], [3, 3, 1])
    expect(numbersOf(tf.maxPool(x, 2, 1, 'same'))).toEqual([
      Number.NaN,
      Number.NaN,
      -3,
      -4,
      -5,
      -6,
      -7,
      -8,
      -9,
    ])
    expect(
      numbersOf(
        tf.maxPool(x, [5, 5], 3, [
          [2, 2],
          [2, 2],
        ]),
      ),
    ).toEqual([Number.NaN])
    const gradient = tf.grad((v: tf.Tensor) => tf.maxPool(v, 3, 3, 'valid').sum())(x)
    expect(numbersOf(gradient)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0])
  })
  it('gives the gradient of a tie to the first', () => {
    const x = tf.tensor([0, 0, 0, 0, -Infinity, -Infinity, -Infinity, -Infinity], [4, 2, 1])
    const gradient = tf.grad((v: tf.Tensor) => tf.maxPool(v, 2, 2, 'valid').sum())(x)
    expect(numbersOf(gradient)).toEqual([1, 0, 0, 0, 1, 0, 0, 0])
    const padded = tf.grad((v: tf.Tensor) => tf.maxPool(v, 2, 2, 1).sum())(tf.fill([1, 1, 1], -Infinity))
    expect(numbersOf(padded)).toEqual([1])
  })
  it('pools integers, sequences and volumes', () => {
    expect(numbersOf(tf.maxPool(tf.tensor([1, -2, 3, 4], [2, 2, 1], 'int32'), 2, 2, 'same'))).toEqual([4])
    expect(numbersOf(tf.pool(tf.tensor([1, 5, 2, 4], [4, 1]), [2], 'avg', 'valid', 2, 1))).toEqual([1.5, 4.5])
    expect(numbersOf(tf.pool(tf.ones([2, 2, 2, 1]), [2, 2, 2], 'max', 'valid'))).toEqual([1])
  })
  it('has chained methods', () => {
    const x = tf.tensor([1, 2, 3, 4], [2, 2, 1])
    expect(numbersOf(x.maxPool(2, 1, 'valid'))).toEqual([4])
    expect(numbersOf(x.avgPool(2, 1, 'valid'))).toEqual([2.5])
    expect(numbersOf(x.pool(2, 'max', 'valid'))).toEqual([4])
    expect(numbersOf(x.conv2d(tf.ones([2, 2, 1, 1]), 1, 'valid'))).toEqual([10])
    expect(numbersOf(x.depthwiseConv2d(tf.ones([2, 2, 1, 1]), 1, 'valid'))).toEqual([10])
    expect(numbersOf(x.separableConv2d(tf.ones([2, 2, 1, 1]), tf.fill([1, 1, 1, 1], 2), 1, 'valid'))).toEqual(
      [20],
    )
    expect(numbersOf(x.conv2dTranspose(tf.ones([1, 1, 1, 1]), [2, 2, 1], 1, 'valid'))).toEqual([1, 2, 3, 4])
    expect(numbersOf(tf.tensor([1, 2, 3], [3, 1]).conv1d(tf.ones([2, 1, 1]), 1, 'valid'))).toEqual([3, 5])
  })
})

describe('what is refused', () => {
  const x = tf.zeros([1, 5, 5, 3])
  const w = tf.zeros([3, 3, 3, 4])
  const message = (f: () => unknown): string => {
    try {
      f()
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`
    }
    return 'no error'
  }
  it('names the operands and says what to do', () => {
    expect(message(() => tf.conv2d(x, tf.zeros([3, 3, 2, 4]), 1, 'same'))).toMatch(
      /^ShapeError: conv2d: x has 3 channels and the filter 2\n {2}x {7}f32\[1,5,5,3\]\n {2}filter {2}f32\[3,3,2,4\]\n[\s\S]*Fix: the filter needs the channels of x/,
    )
    expect(message(() => tf.conv2d(x, tf.zeros([3, 3, 1, 4]), 1, 'same'))).toMatch(
      /4 filters do not fall into 3 groups/,
    )
    expect(message(() => tf.conv2d(x, tf.zeros([7, 3, 3, 4]), 1, 'valid'))).toMatch(
      /^ShapeError: conv2d: a window of 7 does not fit into axis 1 of size 5\n[\s\S]*Fix: use a smaller window/,
    )
    expect(message(() => tf.conv2d(x, tf.zeros([0, 3, 3, 4]), 1, 'same'))).toMatch(
      /windows are empty along axis 1/,
    )
    expect(message(() => tf.conv2d(x, tf.zeros([3, 3, 3]), 1, 'same'))).toMatch(/filter rank 4/)
    expect(message(() => tf.conv2d(x, w.cast('float64'), 1, 'same'))).toMatch(/^DTypeError/)
    expect(message(() => tf.conv2d(x.cast('bool'), w.cast('bool'), 1, 'same'))).toMatch(/^DTypeError/)
    expect(message(() => tf.conv2d(x, w, 0, 'same'))).toMatch(/^ValueError: conv2d: strides is 0/)
    expect(message(() => tf.conv2d(x, w, [1, 1.5], 'same'))).toMatch(/strides is \[1,1\.5\]/)
    expect(message(() => tf.conv2d(x, w, 1, 'full' as 'same'))).toMatch(/the padding is "full"/)
    expect(
      message(() =>
        tf.conv2d(x, w, 1, [
          [1, 1],
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
      ),
    ).toMatch(/the padding is/)
    expect(message(() => tf.conv2d(x, w, 1, -1))).toMatch(/the padding is -1/)
    expect(message(() => tf.conv2d(x, w, 1, 'same', 'CHWN' as 'NHWC'))).toMatch(/data format is "CHWN"/)
    expect(message(() => tf.conv2dTranspose(x, tf.zeros([3, 3, 4, 3]), [1, 9, 9, 4], 1, 'same'))).toMatch(
      /a convolution from \[1,9,9,4\] gives \[1,9,9,3\], not the shape of x/,
    )
    expect(message(() => tf.maxPool(x, 6, 1, 'valid'))).toMatch(
      /^ShapeError: maxPool: a window of 6 does not fit/,
    )
    expect(message(() => tf.avgPool(x.cast('int32'), 2, 1, 'valid'))).toMatch(/^DTypeError: avgPool/)
    expect(message(() => tf.pool(x, [2, 2], 'sum' as 'max', 'valid'))).toMatch(/'avg' or 'max'/)
    expect(message(() => tf.depthwiseConv2d(x, tf.zeros([3, 3, 2, 4]), 1, 'same'))).toMatch(
      /numbers of channels differ/,
    )
  })
  it('sizes that do not fit in memory, and goes on', () => {
    expect(message(() => tf.conv2d(x, w, 1, 2 ** 31 - 2))).toMatch(/^ShapeError: conv2d: the padded axis 1/)
    expect(message(() => tf.conv2d(x, w, 1, 100000))).not.toBe('no error')
    expect(message(() => tf.maxPool(x, 2, 1, 100000))).not.toBe('no error')
    expect(tf.conv2d(x, w, 1, 'same').shape).toEqual([1, 5, 5, 4])
  })
})
