/**
 * `tf.function`: callbacks, methods and decorators, told apart by what is passed.
 *
 * The callable around a traced function is made in callable.ts, methods are bound to their objects in method.ts.
 */
import type { FunctionOptions, TracedFunction } from '../tracer/trace/traced-function.ts'
import { behindOf, type Callback, type Concrete, partial, type Traced, wrap } from './callable.ts'
import { decorate, decorateLegacy, type DecoratorContext, ofMethod, type TraceDecorator } from './method.ts'

/**
 * Makes a callback fast: its first call with arguments of some types runs it once with symbolic tensors, records what
 * it does as a graph, and compiles that to WebAssembly; further calls with arguments of those types run the compiled
 * code and not the callback. Tensors are told apart by dtype and shape, numbers and other constants by value. Variables
 * the callback uses are captured by reference: assignments in it change them, and are seen by the next call.
 *
 * Also `tf.function(object, 'method')`, and a decorator: `@tf.func` before a method, getter or field, or
 * `@tf.func({ … })` with options.
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
export function traceFunction<F extends Callback>(callback: F, options?: FunctionOptions): Traced<F>
export function traceFunction<K extends string | symbol, O extends { readonly [key in K]: Callback }>(
  object: O,
  method: K,
  options?: FunctionOptions,
): Traced<O[K]>
export function traceFunction<F extends Callback>(value: F, context: DecoratorContext): F
export function traceFunction(
  value: undefined,
  context: DecoratorContext,
): <F extends Callback>(initial: F) => F
export function traceFunction<This, F extends Callback>(
  value: ClassAccessorDecoratorTarget<This, F>,
  context: DecoratorContext,
): ClassAccessorDecoratorResult<This, F>
export function traceFunction(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor,
): PropertyDescriptor
export function traceFunction(options: FunctionOptions): TraceDecorator
export function traceFunction(first: unknown, second?: unknown, third?: unknown): unknown {
  if (isContext(second)) return decorate(first, second, {})
  if (typeof second === 'string' || typeof second === 'symbol') {
    if (isDescriptor(third)) return decorateLegacy(second, third, {})
    if (isObject(first)) return ofMethod(first, second, (third ?? {}) as FunctionOptions)
  }
  if (typeof first === 'function') return wrap(first as Callback, (second ?? {}) as FunctionOptions)
  if (isObject(first) && second === undefined) return decoratorWith(first as FunctionOptions)
  // Anything else is refused by the machinery, which says why.
  return wrap(first as Callback, {})
}

/** For the library's own use: what is behind a traced function. */
export function machineryOf(f: object): TracedFunction | undefined {
  return behindOf(f)?.traced
}

function decoratorWith(options: FunctionOptions): TraceDecorator {
  const decorator: unknown = (first: unknown, second: unknown, third: unknown): unknown => {
    if (isContext(second)) return decorate(first, second, options)
    if (isDescriptor(third)) return decorateLegacy(second as string | symbol, third, options)
    return wrap(first as Callback, options)
  }
  return decorator as TraceDecorator
}

function isObject(value: unknown): value is object {
  return value !== null && (typeof value === 'object' || typeof value === 'function')
}

function isContext(value: unknown): value is DecoratorContext {
  return value !== null && typeof value === 'object' && 'kind' in value && 'addInitializer' in value
}

function isDescriptor(value: unknown): value is PropertyDescriptor {
  return (
    value !== null &&
    typeof value === 'object' &&
    ('value' in value || 'get' in value) &&
    'configurable' in value
  )
}

export { partial }
export type { Concrete, FunctionOptions, Traced }
