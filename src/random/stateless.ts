/**
 * Random numbers that depend on their seed alone: the same seed gives the same numbers, always.
 *
 * The seed, two integers, is itself sent through Philox, so that neighbouring seeds give unrelated keys. The constants
 * and the places of the words are those of TensorFlow's stateless ops with the Philox algorithm, whose values are met.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sliceAxis } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  broadcastTo,
  constant,
  equal,
  iota,
  less,
  randomBits,
  reshape,
  rightShift,
  where,
} from '../../tracer/ops/index.ts'
import { type BitSource, normalNumbers, truncatedNormalNumbers, uniformNumbers } from './distributions.ts'

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
