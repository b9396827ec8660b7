/**
 * `tf.function`: the callable around a traced function, for callbacks, methods and decorators.
 *
 * A method is traced once per object: the decorator gives each instance a bound function of its own, made when it is
 * first asked for and held by the instance itself, so that it can be detached (`const { step } = trainer`) and goes when
 * the instance goes.
 */
import { SignatureError } from '../codegen/errors.ts'
import { ConcreteFunction } from '../tracer/trace/concrete.ts'
import { type FunctionOptions, TracedFunction } from '../tracer/trace/traced-function.ts'

type Callback = (...args: never[]) => unknown

/** One trace of a function, callable. */
export type Concrete = ((...args: unknown[]) => unknown) &
  Pick<ConcreteFunction, 'inputs' | 'outputs' | 'variables' | 'trainableVariables' | 'captures' | 'graph'>

/** A callback, traced: called like the callback, and able to say what it has traced. */
export type Traced<F extends Callback> = F & {
  /** How many times the callback has run to be traced. */
  readonly traceCount: number
  /** How many traces are held. */
  readonly cacheSize: number
  /** The callback itself; calling it runs eagerly. */
  readonly fn: F
  /** The trace for arguments like these (tensors, specs, constants), made if need be and not run. */
  concrete(...args: unknown[]): Concrete
  /** The traces held, oldest first. */
  readonly concreteFunctions: readonly Concrete[]
  /** Forgets all traces; the next call traces again and may create Variables. */
  clearCache(): void
}

/** What a standard decorator is told of what it decorates. */
interface DecoratorContext {
  readonly kind: string
  readonly name: string | symbol
  readonly private?: boolean
  addInitializer(initializer: (this: object) => void): void
}

/** Turns a method, getter or function-valued field into a traced one: `@tf.func` or `@tf.func({ … })`. */
export interface TraceDecorator {
  <F extends Callback>(value: F, context: DecoratorContext): F
  (value: undefined, context: DecoratorContext): <F extends Callback>(initial: F) => F
  /** The legacy form, of `experimentalDecorators`. */
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor
}

const machinery = new WeakMap<object, TracedFunction>()
const concretes = new WeakMap<ConcreteFunction, Concrete>()

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
export function traceFunction<K extends string, O extends { readonly [key in K]: Callback }>(
  object: O,
  method: K,
  options?: FunctionOptions,
): Traced<O[K]>
export function traceFunction<F extends Callback>(value: F, context: DecoratorContext): F
export function traceFunction(
  value: undefined,
  context: DecoratorContext,
): <F extends Callback>(initial: F) => F
export function traceFunction(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor,
): PropertyDescriptor
export function traceFunction(options: FunctionOptions): TraceDecorator
export function traceFunction(first: unknown, second?: unknown, third?: unknown): unknown {
  if (isContext(second)) return decorate(first, second, {})
  if (isDescriptor(third) && (typeof second === 'string' || typeof second === 'symbol'))
    return decorateLegacy(second, third, {})
  if (typeof second === 'string' && first !== null && typeof first === 'object')
    return ofMethod(first, second, (third ?? {}) as FunctionOptions)
  if (typeof first === 'function') return wrap(first as Callback, (second ?? {}) as FunctionOptions)
  if (first !== null && typeof first === 'object' && second === undefined)
    return decoratorWith(first as FunctionOptions)
  // Anything else is refused by the machinery, which says why.
  return wrap(first as Callback, {})
}

/** For the library's own use: what is behind a traced function. */
export function machineryOf(f: object): TracedFunction | undefined {
  return machinery.get(f)
}

function wrap(callback: Callback, options: FunctionOptions, self?: object): Traced<Callback> {
  const known = machinery.get(callback)
  if (known !== undefined && Object.keys(options).length === 0) return callback as Traced<Callback>
  const original = known === undefined ? callback : known.callback
  const traced = new TracedFunction(original, options, self)
  const call = function (this: unknown, ...args: unknown[]): unknown {
    return traced.call(self ?? this, args)
  }
  const callable: unknown = Object.defineProperties(call, {
    name: { value: traced.name },
    length: { value: original.length },
    traceCount: { get: () => traced.traceCount },
    cacheSize: { get: () => traced.cacheSize },
    fn: { value: original },
    concrete: { value: (...args: unknown[]) => concreteCallable(traced.concrete(self, args)) },
    concreteFunctions: { get: () => traced.concreteFunctions.map(concreteCallable) },
    clearCache: { value: () => traced.clearCache() },
  })
  machinery.set(call, traced)
  return callable as Traced<Callback>
}

/** The callable around a concrete function; the same one each time. */
function concreteCallable(concrete: ConcreteFunction): Concrete {
  const known = concretes.get(concrete)
  if (known !== undefined) return known
  const call = (...args: unknown[]): unknown => concrete.call(args)
  const callable: unknown = Object.defineProperties(call, {
    name: { value: concrete.name },
    inputs: { get: () => concrete.inputs },
    outputs: { get: () => concrete.outputs },
    variables: { get: () => concrete.variables },
    trainableVariables: { get: () => concrete.trainableVariables },
    captures: { get: () => concrete.captures },
    graph: { get: () => concrete.graph },
    toString: { value: () => concrete.toString() },
  })
  concretes.set(concrete, callable as Concrete)
  return callable as Concrete
}

function ofMethod(object: object, method: string, options: FunctionOptions): Traced<Callback> {
  const callback: unknown = Reflect.get(object, method)
  if (typeof callback !== 'function')
    throw new SignatureError({
      op: 'tf.function',
      problem: `${method} of ${object.constructor?.name ?? 'the object'} is not a method`,
      fix: `pass the name of a method, or a callback.`,
    })
  return wrap(callback as Callback, { name: method, ...options }, object)
}

function decoratorWith(options: FunctionOptions): TraceDecorator {
  const decorator: unknown = (first: unknown, second: unknown, third: unknown): unknown => {
    if (isContext(second)) return decorate(first, second, options)
    if (isDescriptor(third)) return decorateLegacy(second as string | symbol, third, options)
    return wrap(first as Callback, options)
  }
  return decorator as TraceDecorator
}

function decorate(value: unknown, context: DecoratorContext, options: FunctionOptions): unknown {
  const named = { name: String(context.name), ...options }
  switch (context.kind) {
    case 'method': {
      const method = value as Callback
      // A private method cannot be replaced on the instance; it is one function that tells objects apart by `this`.
      if (context.private === true) return perObject(method, named)
      context.addInitializer(function () {
        defineBound(this, context.name, method, named)
      })
      return method
    }
    case 'getter':
      return perObject(value as Callback, named)
    case 'field':
      return (initial: Callback) => wrap(initial, named)
    default:
      throw new SignatureError({
        op: 'tf.func',
        problem: `it cannot decorate a ${context.kind}`,
        fix: 'use it on a method, a getter or a field that holds a function.',
      })
  }
}

function decorateLegacy(
  key: string | symbol,
  descriptor: PropertyDescriptor,
  options: FunctionOptions,
): PropertyDescriptor {
  const named = { name: String(key), ...options }
  const { get, value } = descriptor as { get?: Callback; value?: unknown }
  if (get !== undefined) return { ...descriptor, get: perObject(get, named) as () => unknown }
  return {
    configurable: true,
    enumerable: descriptor.enumerable ?? false,
    get(this: object) {
      return defineBound(this, key, value as Callback, named)
    },
  }
}

/** Gives an object its own bound, traced method. */
function defineBound(
  object: object,
  key: string | symbol,
  method: Callback,
  options: FunctionOptions,
): unknown {
  const bound = wrap(method, options, object)
  Object.defineProperty(object, key, { value: bound, configurable: true, writable: true })
  return bound
}

/** A function that calls the traced function of the object it is called on. */
function perObject(method: Callback, options: FunctionOptions): Callback {
  const bound = new WeakMap<object, Traced<Callback>>()
  return function (this: object, ...args: never[]): unknown {
    let traced = bound.get(this)
    if (traced === undefined) bound.set(this, (traced = wrap(method, options, this)))
    return traced(...args)
  }
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

export type { FunctionOptions }
