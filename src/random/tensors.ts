/**
 * Tensors of random numbers, by the names and arguments that tfjs gives them. A `seed` gives the same numbers every time;
 * without one they are drawn as the functions of `tf.random` draw.
 */
import type { DType } from '../../codegen/dtype.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { expandDims, log, squeeze } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { wordsOfSeed } from './generator.ts'
import * as random from './index.ts'

/**
 * Uniform numbers in [minval, maxval), float32 unless a dtype is given.
 *
 * @throws ValueError for a bad shape, a seed that is no integer or minval ≥ maxval, DTypeError for uint8 and bool.
 * @example tf.randomUniform([2], 0, 1, 'float32', 42).equal(tf.randomUniform([2], 0, 1, 'float32', 42)) // [true, true]
 */
export function randomUniform(
  shape: readonly Size[],
  minval = 0,
  maxval = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return seed === undefined
    ? random.uniform(shape, minval, maxval, dtype)
    : random.statelessUniform(shape, wordsOfSeed('randomUniform', seed), minval, maxval, dtype)
}

/** Uniform integers in [minval, maxval), int32. Throws as `randomUniform` does. */
export function randomUniformInt(
  shape: readonly Size[],
  minval: number,
  maxval: number,
  seed?: number,
): Tensor {
  return randomUniform(shape, minval, maxval, 'int32', seed)
}

/** Normal numbers, float32 or float64. Throws ValueError for a bad shape or seed, DTypeError for other dtypes. */
export function randomNormal(
  shape: readonly Size[],
  mean = 0,
  stdDev = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return seed === undefined
    ? random.normal(shape, mean, stdDev, dtype)
    : random.statelessNormal(shape, wordsOfSeed('randomNormal', seed), mean, stdDev, dtype)
}

/** Normal numbers of mean 0 and deviation 1. Throws as `randomNormal` does. */
export function randomStandardNormal(
  shape: readonly Size[],
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return randomNormal(shape, 0, 1, dtype, seed)
}

/** Normal numbers within two deviations of the mean. Throws as `randomNormal` does. */
export function truncatedNormal(
  shape: readonly Size[],
  mean = 0,
  stdDev = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return seed === undefined
    ? random.truncatedNormal(shape, mean, stdDev, dtype)
    : random.statelessTruncatedNormal(shape, wordsOfSeed('truncatedNormal', seed), mean, stdDev, dtype)
}

/**
 * Numbers of the gamma distribution of shape `alpha` and rate `beta`, float32 or float64.
 *
 * @throws ValueError for a bad shape or seed and parameters that are not above 0, DTypeError for other dtypes.
 */
export function randomGamma(
  shape: readonly Size[],
  alpha: TensorLike,
  beta: TensorLike = 1,
  dtype: DType = 'float32',
  seed?: number,
): Tensor {
  return seed === undefined
    ? random.gamma(shape, alpha, beta, dtype)
    : random.statelessGamma(shape, wordsOfSeed('randomGamma', seed), alpha, beta, dtype)
}

/**
 * `numSamples` classes drawn for each row of logits, or of probabilities when `normalized`: [batch, classes] gives
 * int32[batch, numSamples], and [classes] gives int32[numSamples].
 *
 * @throws ShapeError for another rank, ValueError for a bad count or seed.
 */
export function multinomial(
  logits: TensorLike,
  numSamples: number,
  seed?: number,
  normalized = false,
): Tensor {
  const given = convertToTensor(logits, { op: 'multinomial' })
  const scores = normalized ? log(given) : given
  const rows = scores.rank === 1 ? expandDims(scores, 0) : scores
  const drawn =
    seed === undefined
      ? random.categorical(rows, numSamples)
      : random.statelessCategorical(rows, numSamples, wordsOfSeed('multinomial', seed))
  return scores.rank === 1 ? squeeze(drawn, [0]) : drawn
}
