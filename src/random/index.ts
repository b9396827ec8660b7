/**
 * `tf.random`: seeded random numbers.
 *
 * The functions without a generator or a seed of their own draw from sequences that `setSeed` starts: in eager code from
 * one they share, in a traced function each from its own (sequences.ts). A generator has its place in a Variable that
 * anyone may hold, save and share; it draws the same numbers eagerly and traced. Stateless functions depend on their seed
 * alone.
 */
import type { DType } from '../../codegen/dtype.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { sequenceFor } from './sequences.ts'

export { Generator, generator, globalGenerator as getGlobalGenerator } from './generator.ts'
export { setSeed } from './sequences.ts'
export {
  foldIn,
  split,
  statelessBernoulli,
  statelessCategorical,
  statelessExponential,
  statelessGamma,
  statelessNormal,
  statelessShuffle,
  statelessTruncatedNormal,
  statelessUniform,
} from './stateless.ts'

/**
 * Uniform numbers in [min, max); see `Generator.uniform`. With a `seed`, draws with that seed repeat after `setSeed`, and
 * in every trace of a function.
 *
 * @throws as `Generator.uniform`, and ValueError for a seed that is no integer
 * @example
 * tf.random.setSeed(1)
 * const a = tf.random.uniform([2], 0, 1, 'float32', 5)
 * tf.random.setSeed(1)
 * a.equal(tf.random.uniform([2], 0, 1, 'float32', 5)) // [true, true]
 */
export function uniform(
  shape: readonly Size[],
  min: TensorLike = 0,
  max?: TensorLike,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return sequenceFor('uniform', dtype, seed).uniform(shape, min, max, dtype)
}

/** Normal numbers; see `Generator.normal`, and `uniform` for the seed. */
export function normal(
  shape: readonly Size[],
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return sequenceFor('normal', dtype, seed).normal(shape, mean, std, dtype)
}

/** Normal numbers within 2·std of the mean; see `Generator.truncatedNormal`, and `uniform` for the seed. */
export function truncatedNormal(
  shape: readonly Size[],
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return sequenceFor('truncatedNormal', dtype, seed).truncatedNormal(shape, mean, std, dtype)
}

/** True with the given probability; see `Generator.bernoulli`, and `uniform` for the seed. */
export function bernoulli(
  shape: readonly Size[],
  probability: TensorLike = 0.5,
  dtype: DType = 'bool',
  seed?: number,
): Tensor {
  return sequenceFor('bernoulli', dtype, seed).bernoulli(shape, probability, dtype)
}

/** Exponential numbers; see `Generator.exponential`, and `uniform` for the seed. */
export function exponential(
  shape: readonly Size[],
  rate: TensorLike = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return sequenceFor('exponential', dtype, seed).exponential(shape, rate, dtype)
}

/** Numbers of the gamma distribution; see `Generator.gamma`, and `uniform` for the seed. */
export function gamma(
  shape: readonly Size[],
  alpha: TensorLike,
  beta: TensorLike = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return sequenceFor('gamma', dtype, seed).gamma(shape, alpha, beta, dtype)
}

/** `count` draws of classes for each row of logits; see `Generator.categorical`, and `uniform` for the seed. */
export function categorical(logits: TensorLike, count: number, seed?: number): Tensor {
  return sequenceFor('categorical', 'int32', seed).categorical(logits, count)
}

/** The numbers 0 … count−1 in random order; see `Generator.permutation`, and `uniform` for the seed. */
export function permutation(count: Size, seed?: number): Tensor {
  return sequenceFor('permutation', 'int32', seed).permutation(count)
}

/** The rows of `x` in random order; see `Generator.shuffle`, and `uniform` for the seed. */
export function shuffle(x: TensorLike, seed?: number): Tensor {
  const tensor = convertToTensor(x, { op: 'shuffle' })
  return sequenceFor('shuffle', tensor.dtype, seed).shuffle(tensor)
}
