// oxlint-disable -- linted by conditions.test.ts with rules of its own
// Tests on tensors, as they are written in functions whose control flow is rewritten. Linters take those on comparisons
// for what they are, and report the ones on tensors themselves: the lines that say so,
// by each of the rules, and no others.
import * as tf from 'tracemill'

export function staged(x: tf.Tensor, mask: tf.BoolTensor, w: tf.Variable): tf.Tensor {
  let y = x
  if (x.greater(0)) y = y.mul(2)
  if (!tf.less(x, 3) && tf.all(mask)) y = y.add(1)
  while (y.sum().less(9).logicalAnd(mask.any())) y = y.add(w.equal(1) ? 1 : 2)
  if (tf.isNaN(y).logicalNot() || y.isFinite()) y = y.neg()
  if (x) y = x // reported
  while (x.add(1)) y = x // reported
  y = w ? y : x // reported
  if (!mask.cast('int32')) y = x // reported
  return tf.where(mask, y, x.greater(0).cast('float32')).mul(x.less(0).sum())
}
