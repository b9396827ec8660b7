/**
 * Rewriting a function with variables outside by the inspector, without any set-up: a new function at every step. The
 * first step finds the scope of this module with the debugger; the others are served by what that gave.
 */
import { closeInspector } from '../../tracer/autograph/inspector.ts'
import * as tf from '../../src/node.ts'
import { convert } from '../../tracer/autograph/convert.ts'

const limit = tf.variable(10)

const fresh =
  () =>
  (x: tf.Tensor): tf.Tensor => {
    let steps = 0
    while (x.less(limit)) {
      if (x.greater(5)) x = x.add(1)
      else x = x.mul(2)
      steps++
    }
    return x.add(steps)
  }

/** Rewrites one function. */
export function convertFresh(): void {
  const fn = fresh()
  if (convert(fn) === fn) throw new Error('the function was not rewritten')
  closeInspector()
}
