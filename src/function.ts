/**
 * `tf.function`: the callable around a traced function.
 */
import type { GraphFunction } from '../tracer/trace/graph-function.ts'
import { type FunctionOptions, TracedFunction } from '../tracer/trace/traced-function.ts'

/** A callback, traced: called like the callback, and able to say what it has traced. */
export type Traced<F extends (...args: never[]) => unknown> = F & {
  /** How many times the callback has run to be traced. */
  readonly traceCount: number
  /** How many traces are held. */
  readonly cacheSize: number
  /** The callback itself; calling it runs eagerly. */
  readonly fn: F
}

const machinery = new WeakMap<object, TracedFunction>()

/**
 * Makes a callback fast: its first call with arguments of some types runs it once with symbolic tensors, records what
 * it does as a graph, and compiles that to WebAssembly; further calls with arguments of those types run the compiled
 * code and not the callback. Tensors are told apart by dtype and shape, numbers and other constants by value. Variables
 * the callback uses are captured by reference: assignments in it change them, and are seen by the next call.
 *
 * @param callback synchronous; takes and returns tensors, constants, arrays and plain objects of them
 * @throws TraceError for async callbacks, and while tracing for what cannot be traced (reading a symbolic tensor)
 * @example
 * const w = tf.variable([1, 2])
 * const step = tf.function((x: tf.Tensor) => { w.assignSub(x.mul(0.1)); return w.sum() })
 * step(tf.tensor([10, 10])).item() // 1
 * step(tf.tensor([10, 10])).item() // -1
 * step.traceCount // 1
 */
export function traceFunction<F extends (...args: never[]) => unknown>(
  callback: F,
  options: FunctionOptions = {},
): Traced<F> {
  const known = machinery.get(callback)
  if (known !== undefined && Object.keys(options).length === 0) return callback as Traced<F>
  const original = known === undefined ? callback : (known.callback as F)
  const traced = new TracedFunction(original, options)
  const call = function (this: unknown, ...args: unknown[]): unknown {
    return traced.call(this, args)
  }
  const callable: unknown = Object.defineProperties(call, {
    name: { value: traced.name },
    length: { value: original.length },
    traceCount: { get: () => traced.traceCount },
    cacheSize: { get: () => traced.cacheSize },
    fn: { value: original },
  })
  machinery.set(call, traced)
  return callable as Traced<F>
}

/** For the library's own use: what is behind a traced function. */
export function machineryOf(f: object): TracedFunction | undefined {
  return machinery.get(f)
}

export type { FunctionOptions, GraphFunction }
