// Gradients of the primitive ops, first and second order, against central differences in float64; conventions at ties
// and kinks; and gradients with hidden sizes.
import { beforeAll, describe, expect, test } from 'vitest'
import * as ops from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { withTrace } from '../../tracer/trace/bind.ts'
import { naiveTrace, numbers, useTrace } from '../support/naive.ts'
import { differences, gradients } from '../support/sweep.ts'

beforeAll(() => useTrace())

type F = (...inputs: Tensor[]) => Tensor

/** Fixed numbers that look random, between −1 and 1. */
function noise(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed))
}
function noisy(shape: readonly number[], seed = 1, scale = 1, shift = 0): Tensor {
  const count = shape.reduce((a, b) => a * b, 1)
  return numbers(
    'float64',
    shape,
    noise(count, seed).map((x) => x * scale + shift),
  )
}
const i32 = (shape: readonly number[], values: readonly number[]): Tensor => numbers('int32', shape, values)

function expectClose(got: Tensor | null, wanted: ArrayLike<number> | null, tolerance: number): void {
  if (wanted === null) {
    expect(got).toBe(null)
    return
  }
  const data = got === null ? Array.from(wanted, () => 0) : [...got.data()]
  expect(data.length).toBe(wanted.length)
  for (let i = 0; i < wanted.length; i++) {
    const [x, y] = [data[i] ?? NaN, wanted[i] ?? NaN]
    expect(Math.abs(x - y), `element ${i}: ${x} is not ${y}`).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(y)),
    )
  }
}

/** First gradient, and the gradient of Σ gradient·v, for every float input; the first also with hidden sizes. */
function expectGradients(f: F, ...inputs: Tensor[]): void {
  const weights = noisy(f(...inputs).shape, 7)
  const first = gradients(f, inputs, weights)
  differences(f, inputs, weights).forEach((wanted, i) => expectClose(first[i] ?? null, wanted, 2e-7))
  withTrace(naiveTrace(true), () => gradients(f, inputs, weights)).forEach((hidden, i) =>
    expectClose(hidden, first[i]?.data() ?? null, 1e-13),
  )
  inputs.forEach((input, which) => {
    if (input.dtype !== 'float64' || first[which] === null) return
    const gradient: F = (...at) => gradients(f, at, weights)[which] ?? ops.zerosLike(input)
    const v = noisy(input.shape, 9)
    const second = gradients(gradient, inputs, v)
    differences(gradient, inputs, v).forEach((wanted, i) => {
      if (wanted !== null) expectClose(second[i] ?? null, wanted, 2e-6)
    })
  })
}

describe('elementwise', () => {
  const unary: readonly [string, F, number, number][] = [
    ['neg', ops.neg, 2, 0],
    ['abs', ops.abs, 2, 0],
    ['sign', ops.sign, 2, 0],
    ['square', ops.square, 2, 0],
    ['sqrt', ops.sqrt, 0.8, 1],
    ['exp', ops.exp, 1, 0],
    ['expm1', ops.expm1, 1, 0],
    ['log', ops.log, 0.8, 1],
    ['log1p', ops.log1p, 0.8, 0],
    ['sin', ops.sin, 2, 0],
    ['cos', ops.cos, 2, 0],
    ['tan', ops.tan, 1, 0],
    ['asin', ops.asin, 0.9, 0],
    ['acos', ops.acos, 0.9, 0],
    ['atan', ops.atan, 2, 0],
    ['sinh', ops.sinh, 2, 0],
    ['cosh', ops.cosh, 2, 0],
    ['tanh', ops.tanh, 2, 0],
    ['asinh', ops.asinh, 2, 0],
    ['acosh', ops.acosh, 1, 3],
    ['atanh', ops.atanh, 0.9, 0],
    ['erf', ops.erf, 1.5, 0],
    ['sigmoid', ops.sigmoid, 3, 0],
  ]
  test.each(unary)('%s', (_name, f, scale, shift) => expectGradients(f, noisy([5], 1, scale, shift)))
  const binary: readonly [string, F, number][] = [
    ['add', ops.add, 0],
    ['sub', ops.sub, 0],
    ['mul', ops.mul, 0],
    ['div', ops.div, 2],
    ['truncatedMod', ops.truncatedMod, 1.7],
    ['pow', ops.pow, 1.5],
    ['atan2', ops.atan2, 0],
    ['maximum', ops.maximum, 0],
    ['minimum', ops.minimum, 0],
  ]
  test.each(binary)('%s, broadcasting', (_name, f, shift) => {
    expectGradients(f, noisy([2, 3], 1, 1, shift), noisy([3], 2, 1, shift))
    expectGradients(f, noisy([2, 1], 3, 1, shift), noisy([2, 3], 4, 1, shift))
  })
  test('where', () =>
    expectGradients((x, y) => ops.where([[true], [false]], x, y), noisy([2, 3]), noisy([3], 2)))
  test('cast between floats', () => {
    const [gradient] = gradients((x) => ops.cast(x, 'float64'), [numbers('float32', [2], [1, 2])])
    expect(gradient?.dtype).toBe('float32')
    expect(gradients((x) => ops.cast(x, 'int32'), [numbers('float32', [1], [1])])).toEqual([null])
  })
})

describe('conventions', () => {
  const of = (f: F, ...inputs: (readonly number[])[]): (number[] | null)[] =>
    gradients(
      f,
      inputs.map((values) => numbers('float32', [values.length], values)),
    ).map((g) => (g === null ? null : [...g.data()]))
  test('ties and kinks', () => {
    expect(of(ops.maximum, [1, 2], [1, 3])).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(of(ops.minimum, [1, 2], [1, 1])).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(of((x) => ops.reduceMax(x, [0]), [2, 2, 1])).toEqual([[0.5, 0.5, 0]])
    expect(of((x) => ops.reduceMin(x, [0]), [1, 2, 1])).toEqual([[0.5, 0, 0.5]])
    expect(of(ops.abs, [0, -2])).toEqual([[0, -1]])
    expect(of(ops.sign, [0, -2])).toEqual([[0, 0]])
    expect(of(ops.floor, [0.5])).toEqual([null])
    expect(of(ops.sqrt, [0])).toEqual([[Infinity]])
  })
  test('pow', () => {
    expect(of(ops.pow, [0, -2, 0], [2, 3, 0])).toEqual([
      [0, 12, 0],
      [0, 0, 0],
    ])
  })
  test('where leaks nothing from the branch not taken', () => {
    const safeLog: F = (x) => ops.where(ops.greater(x, 0), ops.log(ops.where(ops.greater(x, 0), x, 1)), 0)
    expect(of(safeLog, [0, 2])).toEqual([[0, 0.5]])
    expect(of((x) => ops.where(ops.greater(x, 0), x, ops.add(x, NaN)), [1])).toEqual([[1]])
  })
  test('prod with zeros', () => {
    expect(of((x) => ops.reduceProd(x, [0]), [2, 3, 4])).toEqual([[12, 8, 6]])
    expect(of((x) => ops.reduceProd(x, [0]), [2, 0, 4])).toEqual([[0, 8, 0]])
    expect(of((x) => ops.reduceProd(x, [0]), [0, 0, 4])).toEqual([[0, 0, 0]])
  })
  test('repeated indices add up', () => {
    expect(of((x) => ops.gather(x, [0, 0, 2]), [5, 6, 7])).toEqual([[2, 0, 1]])
  })
})

describe('structure', () => {
  test('movement', () => {
    expectGradients((x) => ops.reshape(x, [3, 2]), noisy([2, 3]))
    expectGradients((x) => ops.transpose(x, [1, 2, 0]), noisy([2, 3, 2]))
    expectGradients((x) => ops.reverse(x, [1]), noisy([2, 3]))
    expectGradients((x) => ops.broadcastTo(x, [2, 2, 3]), noisy([2, 1]))
    expectGradients((x) => ops.broadcastAlong(x, [2, 3, 2], [1]), noisy([3]))
  })
  test('slice and pad', () => {
    expectGradients((x) => ops.slice(x, [1, 0], [2, 2]), noisy([4, 3]))
    expectGradients(
      (x) => ops.sliceWithStrides(x, { starts: [0, 4], sizes: [2, 2], strides: [3, -2] }),
      noisy([6, 5]),
    )
    expectGradients((x) => ops.slice(x, [1], [0]), noisy([3]))
    expectGradients(
      (x, v) => ops.padWith(x, { low: [1, 0], high: [0, 2], interior: [0, 0] }, v),
      noisy([2, 2]),
      noisy([], 3),
    )
    expectGradients(
      (x) => ops.padWith(x, { low: [1, -1], high: [-1, 2], interior: [0, 0] }, 5),
      noisy([3, 3]),
    )
    expectGradients((x) => ops.padWith(x, { low: [2], high: [1], interior: [2] }, 0), noisy([3]))
    expectGradients((x) => ops.padWith(x, { low: [-2], high: [1], interior: [1] }, 0), noisy([4]))
  })
  test('concat and stack', () => {
    expectGradients((x, y) => ops.concat([x, y, x], 1), noisy([2, 1]), noisy([2, 2], 2))
    expectGradients((x, y) => ops.stack([x, y], -1), noisy([2]), noisy([2], 2))
  })
  test('reductions', () => {
    const x = noisy([2, 3, 2], 1, 2)
    expectGradients((t) => ops.square(ops.reduceSum(t, [0, 2])), x)
    expectGradients((t) => ops.reduceMax(t, [1]), x)
    expectGradients((t) => ops.reduceMin(t, [0, 1]), x)
    expectGradients((t) => ops.reduceProd(t, [0, 2]), x)
    expectGradients((t) => ops.reduceProd(t, [0]), numbers('float64', [3], [2, 0, 3]))
    expectGradients((t) => ops.reduceProd(t, [0]), numbers('float64', [3], [0, 0, 3]))
  })
  test('running sums and products', () => {
    for (const exclusive of [false, true])
      for (const backwards of [false, true]) {
        expectGradients((x) => ops.cumsum(x, 1, exclusive, backwards), noisy([2, 3]))
        expectGradients((x) => ops.cumprod(x, 0, exclusive, backwards), noisy([3, 2], 2, 2))
        expectGradients((x) => ops.cumprod(x, 0, exclusive, backwards), numbers('float64', [4], [2, 0, 3, 0]))
      }
  })
  test('gather and scatter', () => {
    const indices = i32([2, 2], [2, 0, 1, 2])
    expectGradients((x) => ops.square(ops.gather(x, indices, { axis: 1 })), noisy([2, 3, 2]))
    expectGradients((x) => ops.gather(x, indices, { axis: 2, batchDims: 1 }), noisy([2, 2, 3]))
    expectGradients((x) => ops.gather(x, [0, -1, 5], { outside: 'drop' }), noisy([3]))
    expectGradients((x, u) => ops.square(ops.scatterAdd(x, [1, 1, 0], u)), noisy([2, 2]), noisy([3, 2], 2))
    expectGradients((x, u) => ops.scatterAdd(x, [1, 4, 0], u, { outside: 'drop' }), noisy([2]), noisy([3], 2))
    expectGradients((x, u) => ops.square(ops.scatterUpdate(x, [2, 0], u)), noisy([3]), noisy([2], 2))
  })
  test('dynamic slices', () => {
    const starts = [i32([], [1]), i32([], [0])]
    expectGradients((x) => ops.square(ops.dynamicSlice(x, starts, [2, 2])), noisy([3, 3]))
    expectGradients((x, u) => ops.square(ops.dynamicUpdate(x, u, starts)), noisy([3, 3]), noisy([2, 2], 2))
  })
  test('dot', () => {
    expectGradients(
      (a, b) => ops.dot(a, b, { contractA: [1], contractB: [0], batchA: [], batchB: [] }),
      noisy([2, 3]),
      noisy([3, 2], 2),
    )
    expectGradients(
      (a, b) => ops.dot(a, b, { contractA: [3, 0], contractB: [1, 2], batchA: [1], batchB: [3] }),
      noisy([2, 2, 3, 2]),
      noisy([2, 2, 2, 2], 2),
    )
    expectGradients(
      (a, b) => ops.dot(a, b, { contractA: [], contractB: [], batchA: [0], batchB: [1] }),
      noisy([2, 2]),
      noisy([3, 2], 2),
    )
  })
})
