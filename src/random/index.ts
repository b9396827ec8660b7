/**
 * `tf.random`: seeded random numbers, the same eagerly and traced.
 *
 * The functions without a generator of their own draw from one shared sequence, whose place is a Variable: a traced
 * function draws anew on every call, and after `setSeed` everything repeats, functions traced long ago included. Two
 * differences to TensorFlow: draws of all functions take turns in the one sequence (there, each function starts its own
 * from the global seed), and there are no seeds per op; a generator, or a stateless function, does what they do.
 */
import type { DType } from '../../codegen/dtype.ts'
import type { Size } from '../../codegen/size.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { globalGenerator } from './generator.ts'

export { Generator, generator, globalGenerator as getGlobalGenerator, setSeed } from './generator.ts'
export { statelessNormal, statelessTruncatedNormal, statelessUniform } from './stateless.ts'

/** Uniform numbers in [min, max); see `Generator.uniform`. */
export function uniform(
  shape: readonly Size[],
  min: TensorLike = 0,
  max?: TensorLike,
  dtype: DType = 'float32',
): Tensor {
  return globalGenerator().uniform(shape, min, max, dtype)
}

/** Normal numbers; see `Generator.normal`. */
export function normal(
  shape: readonly Size[],
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  return globalGenerator().normal(shape, mean, std, dtype)
}

/** Normal numbers within 2·std of the mean; see `Generator.truncatedNormal`. */
export function truncatedNormal(
  shape: readonly Size[],
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  return globalGenerator().truncatedNormal(shape, mean, std, dtype)
}

/** True with the given probability; see `Generator.bernoulli`. */
export function bernoulli(
  shape: readonly Size[],
  probability: TensorLike = 0.5,
  dtype: DType = 'bool',
): Tensor {
  return globalGenerator().bernoulli(shape, probability, dtype)
}

/** The numbers 0 … count−1 in random order, in eager code; see `Generator.permutation`. */
export function permutation(count: number): Tensor {
  return globalGenerator().permutation(count)
}

/** The rows of `x` in random order, in eager code; see `Generator.shuffle`. */
export function shuffle(x: TensorLike): Tensor {
  return globalGenerator().shuffle(x)
}
