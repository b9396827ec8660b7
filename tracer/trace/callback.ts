/**
 * What is checked of a callback itself: that it can be traced, and what its parameters make of a call.
 */
import { TraceError } from '../../codegen/errors.ts'
import { constantText } from './identity.ts'
import type { ParameterList } from './parameters.ts'

/** Throws TraceError for what is no callback, or one that does not run from beginning to end. */
export function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function')
    throw new TraceError({
      op: 'tf.function',
      problem: `${constantText(callback)} is not a function`,
      fix: 'pass the callback to trace.',
    })
  if (['AsyncFunction', 'GeneratorFunction', 'AsyncGeneratorFunction'].includes(callback.constructor.name))
    throw new TraceError({
      op: 'tf.function',
      problem: 'async and generator callbacks cannot be traced',
      fix: 'await outside, and trace synchronous code.',
    })
}

/** What the console says, once per function, of calls that do not do what they seem to. */
export class ParameterWarnings {
  #warned = false

  /** Of arguments beyond the callback's parameters, which do nothing. */
  ofExtra(name: string, { parameters, beyond }: ParameterList, count: number): void {
    if (this.#warned || beyond !== 'ignored' || count <= parameters.length) return
    this.#warned = true
    const names = parameters.map((parameter, i) => parameter.name ?? `args[${i}]`)
    console.warn(
      `tf.function ${name}: it has ${parameters.length} parameter${parameters.length === 1 ? '' : 's'} (${names.join(', ')}) and was called with ${count} arguments; those beyond are ignored and select no trace.`,
    )
  }

  /** Of a default that is computed at every call, and has been computed for the trace only. */
  ofComputed(name: string, { parameters }: ParameterList, args: readonly unknown[]): void {
    if (this.#warned) return
    const frozen = parameters.find(({ computed }, i) => computed !== undefined && args[i] === undefined)
    if (frozen === undefined) return
    this.#warned = true
    console.warn(
      `tf.function ${name}: the default of ${frozen.name ?? 'a parameter'}, ${frozen.computed}, was computed when the function was traced and stays what it was then; pass the value, or read it with tf.live.`,
    )
  }
}
