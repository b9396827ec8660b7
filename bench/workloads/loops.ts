/**
 * The workloads that are loops over small values: what they compute, and with which numbers.
 */
import { generator, uniform } from './random.ts'

/** Iterations of the scalar loop x ← x·3/4 + 1/4 from x = 0, which counts them in an integer. */
export const scalarIterations = 1_000_000

/** Steps of the leapfrog integrator for a Gaussian of `size` dimensions with a dense precision matrix, row-major. */
export interface Leapfrog {
  readonly size: number
  readonly steps: number
  readonly stepSize: number
  readonly precision: Float32Array
  readonly position: Float32Array
  readonly momentum: Float32Array
}

/** Ten steps in ten dimensions. */
export function leapfrog(): Leapfrog {
  const next = generator(362436069)
  const size = 10
  const factor = uniform(next, size * size, 0.3)
  const precision = new Float32Array(size * size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      let sum = i === j ? 1 : 0
      for (let k = 0; k < size; k++) sum += (factor[i * size + k] ?? 0) * (factor[j * size + k] ?? 0)
      precision[i * size + j] = sum
    }
  const [position, momentum] = [uniform(next, size, 1), uniform(next, size, 1)]
  return { size, steps: 10, stepSize: 0.1, precision, position, momentum }
}
