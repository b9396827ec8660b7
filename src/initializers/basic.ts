/** Initializers that do not look at the shape: constants, and numbers from one distribution. */
import type { DType } from '../../codegen/dtype.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { fill } from '../math/index.ts'
import { globalGenerator } from '../random/generator.ts'
import { statelessNormal, statelessTruncatedNormal, statelessUniform } from '../random/stateless.ts'

/** Gives the first value of a variable; float32 unless a dtype is given. */
export type Initializer = (shape: readonly number[], dtype?: DType) => Tensor

export interface RandomOptions {
  /** An integer of 32 bits that determines the numbers; without one they come from the shared sequence. */
  readonly seed?: number
}

/** Zeros. */
export function zeros(): Initializer {
  return constant(0)
}

/** Ones. */
export function ones(): Initializer {
  return constant(1)
}

/** `value` everywhere. */
export function constant(value: number): Initializer {
  return (shape, dtype = 'float32') => fill(shape, value, dtype)
}

/** Uniform numbers in [min, max); −0.05 and 0.05 unless given. */
export function randomUniform(
  options: RandomOptions & { readonly min?: number; readonly max?: number } = {},
): Initializer {
  const { seed, min = -0.05, max = 0.05 } = options
  return (shape, dtype = 'float32') =>
    seed === undefined
      ? globalGenerator().uniform(shape, min, max, dtype)
      : statelessUniform(shape, [seed, 0], min, max, dtype)
}

interface NormalOptions extends RandomOptions {
  readonly mean?: number
  readonly std?: number
}

/** Normal numbers; mean 0 and standard deviation 0.05 unless given. */
export function randomNormal(options: NormalOptions = {}): Initializer {
  const { seed, mean = 0, std = 0.05 } = options
  return (shape, dtype = 'float32') =>
    seed === undefined
      ? globalGenerator().normal(shape, mean, std, dtype)
      : statelessNormal(shape, [seed, 0], mean, std, dtype)
}

/** Normal numbers within 2·std of the mean; mean 0 and std 0.05 (before the cut) unless given. */
export function truncatedNormal(options: NormalOptions = {}): Initializer {
  const { seed, mean = 0, std = 0.05 } = options
  return (shape, dtype = 'float32') =>
    seed === undefined
      ? globalGenerator().truncatedNormal(shape, mean, std, dtype)
      : statelessTruncatedNormal(shape, [seed, 0], mean, std, dtype)
}
