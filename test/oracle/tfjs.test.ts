// Values against TensorFlow.js's plain JavaScript backend, on random data: an implementation that shares nothing with
// this one. Special values, conventions at kinks and gradients are the golden data's business.
import * as tfjs from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

beforeAll(async () => {
  await tfjs.setBackend('cpu')
  await tfjs.ready()
})

/** Numbers in (−1, 1), the same in every run. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state / 0x3fffffff - 1
  })
}

type Shape = number[]

interface Case {
  readonly name: string
  readonly shapes: readonly Shape[]
  readonly ours: (x: tf.Tensor, ...others: tf.Tensor[]) => tf.Tensor
  readonly theirs: (...xs: tfjs.Tensor[]) => tfjs.Tensor
  /** Moves the inputs to where the function is defined. */
  readonly domain?: (x: number) => number
}

const positive = (x: number): number => Math.abs(x) + 0.1

const cases: readonly Case[] = [
  {
    name: 'add, broadcasting',
    shapes: [[3, 1], [4]],
    ours: (x, y) => x.add(y!),
    theirs: (x, y) => tfjs.add(x!, y!),
  },
  {
    name: 'mul',
    shapes: [
      [2, 5],
      [2, 5],
    ],
    ours: (x, y) => x.mul(y!),
    theirs: (x, y) => tfjs.mul(x!, y!),
  },
  {
    name: 'div',
    shapes: [[7], [7]],
    ours: (x, y) => x.div(y!),
    theirs: (x, y) => tfjs.div(x!, y!),
    domain: positive,
  },
  {
    name: 'pow',
    shapes: [[6], [6]],
    ours: (x, y) => x.pow(y!),
    theirs: (x, y) => tfjs.pow(x!, y!),
    domain: positive,
  },
  { name: 'exp', shapes: [[9]], ours: (x) => x.exp(), theirs: (x) => tfjs.exp(x!) },
  { name: 'log', shapes: [[9]], ours: (x) => x.log(), theirs: (x) => tfjs.log(x!), domain: positive },
  { name: 'tanh', shapes: [[9]], ours: (x) => x.tanh(), theirs: (x) => tfjs.tanh(x!) },
  { name: 'sigmoid', shapes: [[9]], ours: (x) => x.sigmoid(), theirs: (x) => tfjs.sigmoid(x!) },
  { name: 'softplus', shapes: [[9]], ours: (x) => x.softplus(), theirs: (x) => tfjs.softplus(x!) },
  { name: 'relu', shapes: [[9]], ours: (x) => x.relu(), theirs: (x) => tfjs.relu(x!) },
  { name: 'sum over an axis', shapes: [[3, 4, 5]], ours: (x) => x.sum(1), theirs: (x) => tfjs.sum(x!, 1) },
  { name: 'mean', shapes: [[3, 4]], ours: (x) => x.mean(), theirs: (x) => tfjs.mean(x!) },
  { name: 'max over an axis', shapes: [[3, 17]], ours: (x) => x.max(1), theirs: (x) => tfjs.max(x!, 1) },
  { name: 'logSumExp', shapes: [[3, 17]], ours: (x) => x.logSumExp(1), theirs: (x) => tfjs.logSumExp(x!, 1) },
  { name: 'softmax', shapes: [[4, 10]], ours: (x) => x.softmax(), theirs: (x) => tfjs.softmax(x!) },
  { name: 'logSoftmax', shapes: [[4, 10]], ours: (x) => x.logSoftmax(), theirs: (x) => tfjs.logSoftmax(x!) },
  {
    name: 'matMul',
    shapes: [
      [5, 7],
      [7, 6],
    ],
    ours: (x, y) => x.matMul(y!),
    theirs: (x, y) => tfjs.matMul(x!, y!),
  },
  {
    name: 'matMul, transposed',
    shapes: [
      [7, 5],
      [6, 7],
    ],
    ours: (x, y) => x.matMul(y!, true, true),
    theirs: (x, y) => tfjs.matMul(x!, y!, true, true),
  },
  {
    name: 'transpose',
    shapes: [[2, 3, 4]],
    ours: (x) => x.transpose([2, 0, 1]),
    theirs: (x) => tfjs.transpose(x!, [2, 0, 1]),
  },
  {
    name: 'slice',
    shapes: [[5, 6]],
    ours: (x) => x.slice([1, 2], [3, 2]),
    theirs: (x) => tfjs.slice(x!, [1, 2], [3, 2]),
  },
  {
    name: 'concat',
    shapes: [
      [2, 3],
      [2, 4],
    ],
    ours: (x, y) => tf.concat([x, y!], 1),
    theirs: (x, y) => tfjs.concat([x!, y!], 1),
  },
  { name: 'cumsum', shapes: [[3, 8]], ours: (x) => tf.cumsum(x, 1), theirs: (x) => tfjs.cumsum(x!, 1) },
  {
    name: 'a network',
    shapes: [[6, 5], [5, 7], [7], [7, 3]],
    ours: (x, w1, b, w2) => x.matMul(w1!).add(b!).tanh().matMul(w2!).softmax().square().sum(),
    theirs: (x, w1, b, w2) => {
      const hidden = tfjs.tanh(tfjs.add(tfjs.matMul(x!, w1!), b!))
      return tfjs.sum(tfjs.square(tfjs.softmax(tfjs.matMul(hidden, w2!))))
    },
  },
]

function expectClose(ours: tf.Tensor, theirs: tfjs.Tensor): void {
  expect(ours.shape).toEqual(theirs.shape)
  const [x, y] = [ours.data(), theirs.dataSync()]
  for (let i = 0; i < x.length; i++)
    expect(Math.abs(Number(x[i]) - Number(y[i]))).toBeLessThan(2e-5 * (1 + Math.abs(Number(y[i]))))
}

describe.each(cases)('$name', ({ shapes, ours, theirs, domain }) => {
  const data = shapes.map((shape, i) =>
    numbers(
      shape.reduce((a, b) => a * b, 1),
      17 * i + 3,
    ).map(domain ?? ((x) => x)),
  )
  const own = (): tf.Tensor[] => shapes.map((shape, i) => tf.tensor(data[i]!, shape))
  const other = (): tfjs.Tensor[] => shapes.map((shape, i) => tfjs.tensor(data[i]!, shape))

  it('has the same values, eager and traced', () => {
    const [x, ...others] = own()
    const expected = theirs(...other())
    expectClose(ours(x!, ...others), expected)
    expectClose(tf.function(ours)(x!, ...others), expected)
  })
})
