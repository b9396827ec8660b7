/** Dropout as a function: it always drops. The layer `tf.layers.dropout` does so in training only. */
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import { greaterEqual, mul, where, zerosLike } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireFloating } from '../math/checks.ts'
import { sequenceFor } from '../random/sequences.ts'

/**
 * `x` (floating) with each element 0 with probability `rate` and otherwise divided by 1 − rate. `noiseShape`, which
 * broadcasts to the shape of `x`, has 1 for axes along which elements are dropped together. Draws as `tf.random.uniform`
 * does, also with a `seed`.
 *
 * @throws ValueError for a rate outside [0, 1], DTypeError for integers, ShapeError for a noise shape that does not fit.
 * @example tf.dropout([1, 2, 3], 0) // [1, 2, 3]
 */
export function dropout(x: TensorLike, rate: number, noiseShape?: readonly Size[], seed?: number): Tensor {
  const tensor = requireFloating('dropout', x)
  if (!(rate >= 0 && rate <= 1))
    throw new ValueError({ op: 'dropout', problem: `the rate is ${rate}`, fix: 'use a number from 0 to 1.' })
  if (rate === 0) return tensor
  if (rate === 1) return zerosLike(tensor)
  const drawn = sequenceFor('dropout', 'float32', seed).uniform(noiseShape ?? tensor.type.shape)
  return where(greaterEqual(drawn, rate), mul(tensor, 1 / (1 - rate)), 0)
}
