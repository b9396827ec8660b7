/**
 * Single operations on arrays: matrix products, a chain of elementwise functions, softmax cross-entropy with its gradient;
 * and a perceptron with two large hidden layers.
 */
import { generator, uniform } from './random.ts'

/** Two square matrices, row-major. */
export interface Matrices {
  readonly size: number
  readonly a: Float32Array
  readonly b: Float32Array
}

export function matrices(size: number): Matrices {
  const next = generator(1013904223)
  return { size, a: uniform(next, size * size, 1), b: uniform(next, size * size, 1) }
}

/** y = tanh(scale·x + shift)·σ(x) − x² for a million numbers. */
export interface Elements {
  readonly x: Float32Array
  readonly scale: number
  readonly shift: number
}

export function elements(): Elements {
  return { x: uniform(generator(1664525), 1_000_000, 3), scale: 1.5, shift: 0.25 }
}

/** Logits and one-hot rows. */
export interface Classes {
  readonly batch: number
  readonly classes: number
  readonly logits: Float32Array
  readonly labels: Float32Array
}

export function classes(): Classes {
  const [batch, count] = [128, 1000]
  const labels = new Float32Array(batch * count)
  for (let row = 0; row < batch; row++) labels[row * count + ((row * 37) % count)] = 1
  return { batch, classes: count, logits: uniform(generator(22695477), batch * count, 4), labels }
}

/** Layers of relu and one of logits, softmax cross-entropy, Adam. */
export interface DeepPerceptron {
  readonly batch: number
  readonly x: Float32Array
  /** One-hot rows. */
  readonly y: Float32Array
  readonly layers: readonly {
    readonly inputs: number
    readonly outputs: number
    readonly w: Float32Array
    readonly b: Float32Array
  }[]
}

/** 784-1024-1024-10, batch 256. */
export function largeDigits(): DeepPerceptron {
  const next = generator(69069)
  const [batch, sizes] = [256, [784, 1024, 1024, 10]]
  const x = uniform(next, batch * 784, 1)
  const y = new Float32Array(batch * 10)
  for (let row = 0; row < batch; row++) y[row * 10 + ((row * 7) % 10)] = 1
  const layers = sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i] ?? 0
    const scale = Math.sqrt(6 / (inputs + outputs))
    return { inputs, outputs, w: uniform(next, inputs * outputs, scale), b: new Float32Array(outputs) }
  })
  return { batch, x, y, layers }
}

/** One number for an array, in which a wrong element shows: the mean of the magnitudes. */
export function magnitude(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i] ?? 0)
  return sum / values.length
}
