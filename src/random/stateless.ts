/**
 * Random numbers that depend on their seed alone: the same seed gives the same numbers, always.
 *
 * The seed, two integers, is itself sent through Philox, so that neighbouring seeds give unrelated keys. The constants
 * and the places of the words are those of TensorFlow's stateless ops with the Philox algorithm, whose values are met.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sliceAxis } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  argsort,
  broadcastTo,
  constant,
  equal,
  gather,
  iota,
  less,
  randomBits,
  reshape,
  rightShift,
  stack,
  where,
} from '../../tracer/ops/index.ts'
import { categoricalNumbers } from './categorical.ts'
import {
  bernoulliNumbers,
  type BitSource,
  normalNumbers,
  truncatedNormalNumbers,
  uniformNumbers,
} from './distributions.ts'
import { exponentialNumbers, gammaNumbers } from './gamma.ts'

const seedKey = [0x3ec8f720, 0x02461e29]

function bitsOfSeed(op: string, seed: TensorLike): BitSource {
  const words = convertToTensor(seed, { op, dtype: 'int32' })
  if (words.dtype !== 'int32' || words.rank !== 1 || words.shape[0] !== 2)
    throw new ShapeError({
      op,
      problem: 'a stateless seed is two 32-bit integers',
      rows: [['seed', printType(words.type)]],
      fix: 'pass [a, b], or an int32 tensor of shape [2].',
    })
  // Each integer as two words, the low one first: the high one repeats the sign.
  const column = broadcastTo(reshape(words, [2, 1]), [2, 2])
  const isLow = equal(iota([2, 2], 1, 'int32'), 0)
  const wide = reshape(where(isLow, column, rightShift(column, 31)), [4])
  const mixed = randomBits(constant('int32', [2], seedKey), wide, [4])
  const counter = where(less(iota([4], 0, 'int32'), 2), 0, mixed)
  const key = sliceAxis(mixed, 0, 0, 2)
  return (shape) => randomBits(key, counter, shape)
}

/**
 * Uniform numbers in [min, max), 0 and 1 unless given, determined by the seed: two integers, or int32[2].
 *
 * @throws ShapeError for another seed, ValueError for a bad shape or min ≥ max, DTypeError for uint8 and bool.
 * @example tf.random.statelessUniform([2], [1, 2]) // [0.84406, 0.192045]
 */
export function statelessUniform(
  shape: readonly Size[],
  seed: TensorLike,
  min: TensorLike = 0,
  max?: TensorLike,
  dtype: DType = 'float32',
): Tensor {
  return uniformNumbers(bitsOfSeed('statelessUniform', seed), 'statelessUniform', shape, min, max, dtype)
}

/**
 * Normal numbers determined by the seed: two integers, or int32[2].
 *
 * @throws ShapeError for another seed, ValueError for a bad shape, DTypeError for dtypes that are not floating.
 * @example tf.random.statelessNormal([2], [1, 2]) // [0.54411, 0.20738]
 */
export function statelessNormal(
  shape: readonly Size[],
  seed: TensorLike,
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  return normalNumbers(bitsOfSeed('statelessNormal', seed), 'statelessNormal', shape, mean, std, dtype)
}

/** Normal numbers within 2·std of the mean, determined by the seed. Throws as `statelessNormal` does. */
export function statelessTruncatedNormal(
  shape: readonly Size[],
  seed: TensorLike,
  mean: TensorLike = 0,
  std: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  return truncatedNormalNumbers(
    bitsOfSeed('statelessTruncatedNormal', seed),
    'statelessTruncatedNormal',
    shape,
    mean,
    std,
    dtype,
  )
}

/** True with the given probability, determined by the seed. Throws as `Generator.bernoulli` does, ShapeError for another seed. */
export function statelessBernoulli(
  shape: readonly Size[],
  seed: TensorLike,
  probability: TensorLike = 0.5,
  dtype: DType = 'bool',
): Tensor {
  const op = 'statelessBernoulli'
  return bernoulliNumbers(bitsOfSeed(op, seed), op, shape, probability, dtype)
}

/** Exponential numbers determined by the seed. Throws as `Generator.exponential` does, ShapeError for another seed. */
export function statelessExponential(
  shape: readonly Size[],
  seed: TensorLike,
  rate: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  const op = 'statelessExponential'
  return exponentialNumbers(bitsOfSeed(op, seed), op, shape, rate, dtype)
}

/** Numbers of the gamma distribution determined by the seed. Throws as `Generator.gamma` does, ShapeError for another seed. */
export function statelessGamma(
  shape: readonly Size[],
  seed: TensorLike,
  alpha: TensorLike,
  beta: TensorLike = 1,
  dtype: DType = 'float32',
): Tensor {
  const op = 'statelessGamma'
  return gammaNumbers(bitsOfSeed(op, seed), op, shape, alpha, beta, dtype)
}

/**
 * `count` draws of classes for each row of logits, determined by the seed: int32[batch, count].
 *
 * @throws as `Generator.categorical` does, ShapeError for another seed
 * @example tf.random.statelessCategorical(tf.log([[0.2, 0.3, 0.5]]), 4, [1, 2]) // [[2, 2, 0, 2]]
 */
export function statelessCategorical(logits: TensorLike, count: number, seed: TensorLike): Tensor {
  const op = 'statelessCategorical'
  return categoricalNumbers(bitsOfSeed(op, seed), op, logits, count)
}

/** The rows of `x` in an order determined by the seed. Throws ValueError for a scalar, ShapeError for another seed. */
export function statelessShuffle(x: TensorLike, seed: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'statelessShuffle' })
  const [count] = tensor.type.shape
  if (count === undefined)
    throw new ValueError({
      op: 'statelessShuffle',
      problem: 'a scalar has no rows',
      fix: 'pass rank 1 or more.',
    })
  return gather(tensor, argsort(bitsOfSeed('statelessShuffle', seed)([count], [count])))
}

/**
 * `count` new seeds, int32[count, 2], that have nothing in common with each other.
 *
 * @throws ShapeError for a seed that is not two integers, ValueError for a count that is no integer ≥ 1
 * @example tf.random.split([1, 2]) // [[1105988140, 1738052849], [-335576002, 370444179]]
 */
export function split(seed: TensorLike, count = 2): Tensor {
  if (!Number.isInteger(count) || count < 1)
    throw new ValueError({ op: 'split', problem: `the count is ${count}`, fix: 'use an integer ≥ 1.' })
  return bitsOfSeed('split', seed)([count, 2], [count, 2])
}

/**
 * A new seed, int32[2], of a seed and an integer, such as the number of a step.
 *
 * @throws ShapeError for a seed that is not two integers
 * @example tf.random.foldIn([1, 2], 7) // [1105988140, 7]
 */
export function foldIn(seed: TensorLike, data: TensorLike): Tensor {
  const word = reshape(bitsOfSeed('foldIn', seed)([1], [1]), [])
  return stack([word, convertToTensor(data, { op: 'foldIn', dtype: 'int32' })])
}
