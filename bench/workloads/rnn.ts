/**
 * The recurrent network: h ← tanh(h·W + x_t·U) over the rows of x, and its training towards a target.
 */
import { generator, uniform } from './random.ts'

/** A network of one layer and a sequence. Matrices are row-major. */
export interface Recurrent {
  readonly steps: number
  readonly size: number
  readonly rate: number
  readonly x: Float32Array
  readonly w: Float32Array
  readonly u: Float32Array
  readonly target: Float32Array
}

/** 1,000 steps of 64 values. The loss is the mean of the squares of h − target, h being the last one. */
export function recurrent(): Recurrent {
  const next = generator(1812433253)
  const [steps, size] = [1000, 64]
  return {
    steps,
    size,
    rate: 0.1,
    x: uniform(next, steps * size, 1),
    w: uniform(next, size * size, 0.15),
    u: uniform(next, size * size, 0.15),
    target: uniform(next, size, 0.5),
  }
}
