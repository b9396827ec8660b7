// No public function loses a gradient without a word: wherever central differences see a slope, a tape gives it.
import { expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'

type Functions = { readonly [name: string]: unknown }
type Case = readonly [name: string, x: tf.Tensor, f: (x: tf.Tensor) => unknown]

const f64 = (values: number[] | number[][]): tf.Tensor =>
  tf.tensor(
    Float64Array.from(values.flat()),
    Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length],
  )
const vector = f64([0.3, 0.7, 1.2, 0.45])
const other = f64([1.1, 0.4, 0.8, 1.7])
const matrix = f64([
  [0.3, 0.7, 0.2],
  [1.2, 0.45, 0.9],
])
const distribution = f64([
  [0.2, 0.3, 0.5],
  [0.6, 0.3, 0.1],
])
const square = f64([
  [0.3, 0.5],
  [0.7, 1.2],
])

/** What cannot be judged by differences. */
const skipped: ReadonlySet<string> = new Set([
  'stopGradient',
  // Its gradient takes for granted that the labels of an example sum to one, as TensorFlow's does.
  'softmaxCrossEntropyWithLogits',
  'softmaxCrossEntropy',
  // Steps.
  'round',
  'print',
])

function casesOf(functions: Functions): Case[] {
  return Object.entries(functions).flatMap(([name, f]): Case[] => {
    if (typeof f !== 'function' || /^[A-Z]/.test(name) || skipped.has(name)) return []
    const call = (...args: unknown[]): unknown => Reflect.apply(f, undefined, args)
    return [
      [`${name}(v)`, vector, (x) => call(x)],
      [`${name}(v, c)`, vector, (x) => call(x, other)],
      [`${name}(c, v)`, vector, (x) => call(other, x)],
      [`${name}(m)`, matrix, (x) => call(x)],
      [`${name}(m, 1)`, matrix, (x) => call(x, 1)],
      [`${name}(p, m)`, matrix, (x) => call(distribution, x)],
      [`${name}(s)`, square, (x) => call(x)],
    ]
  })
}

/** The floating tensors of a result, each element weighted by its position, summed. */
function total(result: unknown): tf.Tensor {
  const entries =
    result instanceof tf.Tensor ? [result] : Array.isArray(result) ? result : Object.values(result as object)
  const parts = entries
    .filter((entry: unknown) => entry instanceof tf.Tensor)
    .filter((entry) => entry.dtype.startsWith('float'))
    .map((entry) => {
      const weights = tf.range(1, entry.size + 1, 1, 'float32').reshape([...entry.shape])
      return tf.sum(entry.cast('float64').mul(weights.cast('float64')))
    })
  return parts.reduce((x, y) => x.add(y))
}

test('246: no public function silently gives null or another gradient than its slope', () => {
  let judged = 0
  const wrong: string[] = []
  const groups = [tf, tf.nn, tf.losses, tf.linalg] as readonly object[]
  for (const [name, x, f] of groups.flatMap((group) => casesOf(group as Functions))) {
    const tape = new tf.GradientTape()
    let y: tf.Tensor
    try {
      y = tape.record(() => {
        tape.watch(x)
        return total(f(x))
      })
    } catch {
      continue // no such signature
    }
    const gradient = tape.gradient(y, x)
    const at = (i: number, step: number): number => {
      const moved = Float64Array.from(x.data())
      moved[i] = (moved[i] ?? NaN) + step
      return total(f(tf.tensor(moved, [...x.shape]))).item()
    }
    const h = 1e-6
    const slopes = Array.from({ length: x.size }, (_, i) => (at(i, h) - at(i, -h)) / (2 * h))
    if (!slopes.every(Number.isFinite) || slopes.every((slope) => slope === 0)) continue
    judged++
    const got = gradient === null ? [] : [...gradient.data()]
    const differs = slopes.some(
      (slope, i) => !(Math.abs(slope - (got[i] ?? NaN)) <= 1e-4 * Math.max(1, Math.abs(slope))),
    )
    if (differs)
      wrong.push(
        `${name}: slopes ${slopes.join(', ')}, gradient ${gradient === null ? 'null' : got.join(', ')}`,
      )
  }
  expect(wrong).toEqual([])
  expect(judged).toBeGreaterThan(250)
})
