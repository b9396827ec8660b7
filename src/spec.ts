/**
 * `tf.spec`: the type of an argument in an input signature.
 */
import type { DType } from '../codegen/dtype.ts'
import { TensorSpec } from '../tracer/trace/spec.ts'

/**
 * Describes an argument: its sizes, null for those that are not known until the call, and its dtype (float32).
 *
 * @throws ValueError for a size that is neither null nor an integer ≥ 0
 * @example
 * const f = tf.function((x: tf.Tensor) => x.sum(), { inputSignature: [tf.spec([null, 3])] })
 * f(tf.ones([2, 3])).item() // 6
 * f(tf.ones([5, 3])).item() // 15
 */
export function spec(
  shape: readonly (number | null)[] | null,
  dtype: DType = 'float32',
  name?: string,
): TensorSpec {
  return new TensorSpec(shape, dtype, name)
}
export type { TensorSpec }
