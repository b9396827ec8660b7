/**
 * What a staged loop may be told from inside: `tf.setLoopOptions`.
 *
 * The loop around the call listens while its body runs; the innermost one is told. A loop that is being staged then
 * knows, and is traced once more with what it was told.
 */
import { TraceError, ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../convert.ts'
import type { Tensor } from '../tensor.ts'
import { isTracing } from './bind.ts'

/** What `tf.setLoopOptions` takes. */
export interface LoopSettings {
  /** The loop ends after so many iterations, even when its test is still true. */
  readonly maximumIterations?: number | Tensor
  /** Variables whose shape changes, as they are when an iteration begins, with null for the sizes that do. */
  readonly shapeInvariants?: readonly (readonly [variable: TensorLike, shape: readonly (number | null)[]])[]
}

let listener: ((settings: LoopSettings) => void) | undefined

/** Runs the body of a loop; `hear` is given what it says about the loop. */
export function hearingOptions<R>(hear: (settings: LoopSettings) => void, body: () => R): R {
  const before = listener
  listener = hear
  try {
    return body()
  } finally {
    listener = before
  }
}

/**
 * Says how the loop around it is to be staged; the first statement of the loop's body. A loop that JavaScript runs ends
 * after `maximumIterations` too, and needs no shape invariants. Where no rewritten loop is around it nothing happens,
 * except while a function is traced.
 *
 * @throws TraceError while a function is traced and no rewritten loop is around it, or when a tensor of `shapeInvariants`
 * is not what a variable of the loop holds when an iteration begins; ValueError for a number of iterations that is
 * negative or no integer
 * @example
 * const doubled = tf.function(
 *   (y: tf.Tensor, k: tf.Tensor): tf.Tensor => {
 *     for (let i = 0; k.greater(i); i++) {
 *       tf.setLoopOptions({ shapeInvariants: [[y, [null]]], maximumIterations: 20 })
 *       y = tf.concat([y, y])
 *     }
 *     return y
 *   },
 *   { scope: (s) => eval(s) },
 * )
 */
export function setLoopOptions(settings: LoopSettings): void {
  const { maximumIterations: most } = settings
  if (typeof most === 'number' && (!Number.isInteger(most) || most < 0))
    throw new ValueError({
      op: 'setLoopOptions',
      problem: `maximumIterations is ${most}`,
      fix: 'give an integer from 0 on.',
    })
  if (listener !== undefined) listener(settings)
  else if (isTracing())
    throw new TraceError({
      op: 'setLoopOptions',
      problem: 'no loop that it could speak of is around it',
      fix: 'call it first in the body of a loop, in a function whose control flow is rewritten; tf.whileLoop takes the options itself.',
    })
}
