/**
 * `tf.config`: what the whole process is set to.
 */
import { setFunctionsRunEagerly } from '../tracer/trace/modes.ts'
import { setCheckNumerics } from '../tracer/trace/numerics.ts'

/** Whether traced functions run their callback eagerly instead of a compiled program. Set by `runFunctionsEagerly`. */
export let functionsRunEagerly: boolean = false

/**
 * Makes traced functions run their callback on every call, eagerly, so that it can be stepped through and tensors can
 * be looked at; `false` goes back to compiled programs, which have been kept.
 *
 * @example
 * tf.config.runFunctionsEagerly(true)
 * tf.config.functionsRunEagerly // true
 * tf.config.runFunctionsEagerly(false)
 */
export function runFunctionsEagerly(on: boolean): void {
  functionsRunEagerly = on
  setFunctionsRunEagerly(on)
}

/**
 * From now on the result of every floating op is checked, in eager code and in traced functions, which are traced anew
 * for it: the first NaN or infinity throws a CheckError that names the op and the line. It costs a pass over every
 * result.
 *
 * @example
 * tf.config.enableCheckNumerics()
 * tf.log(tf.tensor([-1])) // throws CheckError
 * tf.config.disableCheckNumerics()
 */
export function enableCheckNumerics(): void {
  setCheckNumerics(true)
}

/** Ends `enableCheckNumerics`: functions go back to their traces without checks. */
export function disableCheckNumerics(): void {
  setCheckNumerics(false)
}
