/**
 * The training workloads: their data and the numbers every library uses.
 *
 * Each is one mini-batch that is trained on again and again, so that the loss after a given number of steps depends on
 * nothing but the arithmetic, and can be compared between libraries.
 */
import { generator, uniform } from './random.ts'

/** A two-layer perceptron: x·w1 + b1, an activation, ·w2 + b2, a loss. Matrices are row-major. */
export interface Perceptron {
  readonly batch: number
  readonly inputs: number
  readonly hidden: number
  readonly outputs: number
  readonly rate: number
  readonly x: Float32Array
  /** One-hot rows for several outputs, 0 or 1 for one. */
  readonly y: Float32Array
  readonly w1: Float32Array
  readonly b1: Float32Array
  readonly w2: Float32Array
  readonly b2: Float32Array
}

function perceptron(
  [batch, inputs, hidden, outputs]: readonly [number, number, number, number],
  rate: number,
  label: (row: number, x: Float32Array) => number,
): Perceptron {
  const next = generator(2463534242)
  const x = uniform(next, batch * inputs, 1)
  const y = new Float32Array(batch * outputs)
  for (let row = 0; row < batch; row++) {
    const value = label(row, x)
    if (outputs === 1) y[row] = value
    else y[row * outputs + value] = 1
  }
  return {
    batch,
    inputs,
    hidden,
    outputs,
    rate,
    x,
    y,
    w1: uniform(next, inputs * hidden, Math.sqrt(6 / (inputs + hidden))),
    b1: new Float32Array(hidden),
    w2: uniform(next, hidden * outputs, Math.sqrt(6 / (hidden + outputs))),
    b2: new Float32Array(outputs),
  }
}

/** 784-128-10 with relu and softmax cross-entropy, batch 128: the size of the usual first network for digits. */
export function digits(): Perceptron {
  return perceptron([128, 784, 128, 10], 0.05, (row) => (row * 7) % 10)
}

/**
 * Adam's rate for `digits`, and its epsilon; its decays are 0.9 and 0.999. The libraries do not agree on whether epsilon
 * comes before the correction of the bias or after: this one is too small to matter.
 */
export const adamRate = 0.0002
export const adamEpsilon = 1e-10

/** 2-16-1 with tanh and sigmoid cross-entropy, batch 32: which quadrants have coordinates of the same sign. */
export function quadrants(): Perceptron {
  return perceptron([32, 2, 16, 1], 0.1, (row, x) => ((x[2 * row] ?? 0) * (x[2 * row + 1] ?? 0) > 0 ? 1 : 0))
}

/** Logistic regression: sigmoid cross-entropy of x·w + b. */
export interface Logistic {
  readonly batch: number
  readonly features: number
  readonly rate: number
  readonly x: Float32Array
  readonly y: Float32Array
  readonly w: Float32Array
  readonly b: Float32Array
}

/** Batch 32, 10 features. */
export function logistic(): Logistic {
  const next = generator(88675123)
  const [batch, features] = [32, 10]
  const x = uniform(next, batch * features, 1)
  const y = Float32Array.from({ length: batch }, (_, row) => ((x[row * features] ?? 0) > 0 ? 1 : 0))
  return { batch, features, rate: 0.1, x, y, w: uniform(next, features, 0.1), b: new Float32Array(1) }
}

/** Two vectors to add. */
export function vectors(size: number): { readonly x: Float32Array; readonly y: Float32Array } {
  const next = generator(521288629)
  return { x: uniform(next, size, 1), y: uniform(next, size, 1) }
}
