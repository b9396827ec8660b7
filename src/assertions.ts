/**
 * Assertions: `assert`, and comparisons that say what they compared.
 */
import { type Complaint, CheckError, DTypeError } from '../codegen/errors.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../tracer/convert.ts'
import { checkOp, equal, greater, greaterEqual, less, lessEqual, notEqual } from '../tracer/ops/index.ts'
import { printTensorInline } from '../tracer/ops/print-tensor.ts'
import { printType } from '../tracer/ir/type.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { bind, isTracing } from '../tracer/trace/bind.ts'
import { outsideTrace } from '../tracer/trace/modes.ts'
import { all } from './math/index.ts'

/**
 * Throws a CheckError unless `condition` holds, in all elements if it is an array. In a traced function it is checked at
 * every call: what the function did before stays done, what comes after does not happen, and the next call is a new one.
 *
 * @param condition bool
 * @param message what the error says
 * @param data tensors whose values the error quotes
 * @example
 * const loss = tf.scalar(Infinity)
 * tf.assert(loss.isFinite(), 'the loss has exploded', loss) // throws CheckError
 */
export function assert(
  condition: TensorLike,
  message = 'the condition is false',
  ...data: readonly TensorLike[]
): void {
  const tensor = convertToTensor(condition, { op: 'tf.assert' })
  if (tensor.dtype !== 'bool')
    throw new DTypeError({
      op: 'tf.assert',
      problem: `the condition is ${printType(tensor.type)}, not bool`,
      fix: 'compare: tf.assert(x.greater(0)).',
    })
  if (tensor.payload.kind !== 'symbolic' && tensor.elements('tf.assert').every((element) => element !== 0))
    return
  const labels = data.map((_, i) => (data.length === 1 ? 'data' : `data[${i}]`))
  const operands = data.map((entry) => convertToTensor(entry, { op: 'tf.assert' }))
  bind(checkOp, [tensor.rank === 0 ? tensor : all(tensor), ...operands], {
    api: 'tf.assert',
    message,
    labels,
  })
}

type Comparison = (x: TensorLike, y: TensorLike) => Tensor

/**
 * Checks that a comparison holds in all elements. What is known while a function is traced is checked then, once.
 */
function compare(
  api: string,
  relation: string,
  test: Comparison,
  x: TensorLike,
  y: TensorLike,
  message?: string,
): void {
  const operands = convertTogether(api, [
    ['x', x],
    ['y', y],
  ])
  const [left, right] = operands as [Tensor, Tensor]
  const problem = message ?? `x ${relation} y does not hold in all elements`
  const known = operands.every(({ payload }) => payload.kind !== 'symbolic')
  if (!known) {
    bind(checkOp, [all(test(left, right)), left, right], { api, message: problem, labels: ['x', 'y'] })
    return
  }
  if (outsideTrace(() => all(test(left, right)).item()) !== 0) return
  const complaint: Complaint = {
    op: api,
    problem,
    rows: operands.map((operand, i) => [
      i === 0 ? 'x' : 'y',
      printType(operand.type),
      printTensorInline(operand.type, operand.elements(api)),
    ]),
    ...(isTracing() ? { fix: 'both are known while tracing: the function could never run.' } : {}),
  }
  throw new CheckError(complaint)
}

/**
 * Throws a CheckError unless x = y in all elements (broadcast). While tracing: at once when both are constants, at every
 * call otherwise.
 *
 * @throws DTypeError when two tensors have different dtypes, ShapeError when they cannot be broadcast
 */
export function assertEqual(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertEqual', '=', equal, x, y, message)
}

/** Throws a CheckError unless x ≠ y in all elements. See `assertEqual`. */
export function assertNotEqual(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertNotEqual', '≠', notEqual, x, y, message)
}

/** Throws a CheckError unless x < y in all elements. See `assertEqual`. */
export function assertLess(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertLess', '<', less, x, y, message)
}

/** Throws a CheckError unless x ≤ y in all elements. See `assertEqual`. */
export function assertLessEqual(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertLessEqual', '≤', lessEqual, x, y, message)
}

/** Throws a CheckError unless x > y in all elements. See `assertEqual`. */
export function assertGreater(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertGreater', '>', greater, x, y, message)
}

/** Throws a CheckError unless x ≥ y in all elements. See `assertEqual`. */
export function assertGreaterEqual(x: TensorLike, y: TensorLike, message?: string): void {
  compare('assertGreaterEqual', '≥', greaterEqual, x, y, message)
}
