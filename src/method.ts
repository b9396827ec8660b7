/**
 * Traced methods: `@tf.func` in both kinds of decorators, and `tf.function(object, 'method')`.
 *
 * A method is traced once per object: each has a bound function of its own, made when it is first asked for, so that it
 * can be detached (`const { step } = trainer`). It is held by the object (through a WeakMap) and goes when the object
 * goes. Objects that are structures, by `[tf.flatten]()`, are arguments like any other and share their traces.
 *
 * Private fields, `super` and getters need nothing special: the callback is the method itself and runs where it was
 * written.
 */
import { SignatureError } from '../codegen/errors.ts'
import { flatten } from '../tracer/trace/protocol.ts'
import { checkCallback } from '../tracer/trace/callback.ts'
import { type FunctionOptions, TracedFunction } from '../tracer/trace/traced-function.ts'
import { behindOf, type Callback, callableOf, type Traced, wrap } from './callable.ts'

/** What a standard decorator is told of what it decorates. */
export interface DecoratorContext {
  readonly kind: string
  readonly name: string | symbol
  readonly static?: boolean
  readonly private?: boolean
  addInitializer(initializer: (this: object) => void): void
}

/** Turns a method, getter or function-valued field into a traced one: `@tf.func` or `@tf.func({ … })`. */
export interface TraceDecorator {
  <F extends Callback>(value: F, context: DecoratorContext): F
  (value: undefined, context: DecoratorContext): <F extends Callback>(initial: F) => F
  <This, F extends Callback>(
    value: ClassAccessorDecoratorTarget<This, F>,
    context: DecoratorContext,
  ): ClassAccessorDecoratorResult<This, F>
  /** The legacy form, of `experimentalDecorators`. */
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor
}

/** A method of an object, by its name. */
export function ofMethod(
  object: object,
  method: string | symbol,
  options: FunctionOptions,
): Traced<Callback> {
  const callback: unknown = Reflect.get(object, method)
  if (typeof callback !== 'function')
    throw new SignatureError({
      op: 'tf.function',
      problem: `${String(method)} of ${nameOf(object)} is not a method`,
      fix: 'pass the name of a method, or a callback. A field cannot be decorated with experimentalDecorators: write field = tf.function(…).',
    })
  const known = behindOf(callback)
  if (known !== undefined && known.self === object && Object.keys(options).length === 0)
    return callback as Traced<Callback>
  const named = { name: String(method), ...options }
  return flatten in object
    ? callableOf({
        traced: new TracedFunction(known?.traced.callback ?? (callback as Callback), named),
        self: object,
        bound: known?.bound ?? [],
      })
    : wrap(callback as Callback, named, object)
}

function nameOf(object: object): string {
  return typeof object === 'function' ? object.name : (object.constructor?.name ?? 'the object')
}

/** What a standard decorator puts in the place of what it decorates. */
export function decorate(value: unknown, context: DecoratorContext, options: FunctionOptions): unknown {
  const { kind, name } = context
  const named = { name: String(name), ...options }
  switch (kind) {
    case 'method': {
      const functionOf = perObject(value as Callback, named)
      const method = forwarding(functionOf, value as Callback)
      // A private method is found by nothing but its name; the others are bound, so that they can be detached.
      if (context.private !== true)
        context.addInitializer(function () {
          // A method of a subclass, or another decorator, goes first.
          if (Reflect.get(this, name) !== method) return
          if (context.static === true)
            Object.defineProperty(this, name, boundProperty(name, functionOf, false))
          else
            Object.defineProperty(this, name, { value: functionOf(this), configurable: true, writable: true })
        })
      return method
    }
    case 'getter':
      return forwarding(perObject(value as Callback, named), value as Callback)
    case 'field':
      return (initial: Callback) => wrap(initial, named)
    case 'accessor':
      return { init: (initial: Callback) => wrap(initial, named) }
    default:
      throw new SignatureError({
        op: 'tf.func',
        problem: `it cannot decorate a ${kind}`,
        fix: 'use it on a method, a getter or a field that holds a function.',
      })
  }
}

/** What a decorator of `experimentalDecorators` puts in the place of a method or getter. */
export function decorateLegacy(
  key: string | symbol,
  descriptor: PropertyDescriptor,
  options: FunctionOptions,
): PropertyDescriptor {
  const named = { name: String(key), ...options }
  const { get, value } = descriptor as { get?: Callback; value?: unknown }
  if (get !== undefined && boundGetters.has(get)) return descriptor
  if (get !== undefined)
    return { ...descriptor, get: forwarding(perObject(get, named), get) as () => unknown }
  return boundProperty(key, perObject(value as Callback, named), descriptor.enumerable ?? false)
}

/** The getters of methods that are traced already. */
const boundGetters = new WeakSet<object>()

/** A property that gives each object its bound function, and may be assigned. */
function boundProperty(
  key: string | symbol,
  functionOf: (self: unknown) => Callback,
  enumerable: boolean,
): PropertyDescriptor {
  const get = function (this: object): Callback {
    return functionOf(this)
  }
  boundGetters.add(get)
  return {
    configurable: true,
    enumerable,
    get,
    set(this: object, value: unknown) {
      Object.defineProperty(this, key, { value, configurable: true, enumerable, writable: true })
    },
  }
}

/** A method that calls the function of the object it is called on. */
function forwarding(functionOf: (self: unknown) => Callback, method: Callback): Callback {
  const forward = function (this: unknown, ...args: never[]): unknown {
    return functionOf(this)(...args)
  }
  return Object.defineProperties(forward, {
    name: { value: method.name },
    length: { value: method.length },
  })
}

/** Gives the traced function of each object. Throws TraceError for methods that cannot be traced. */
function perObject(method: Callback, options: FunctionOptions): (self: unknown) => Traced<Callback> {
  checkCallback(method)
  const bound = new WeakMap<object, Traced<Callback>>()
  let shared: TracedFunction | undefined
  let detached: Traced<Callback> | undefined
  return (self) => {
    if (self === null || (typeof self !== 'object' && typeof self !== 'function'))
      return (detached ??= wrap(method, options))
    let traced = bound.get(self)
    if (traced === undefined) {
      traced =
        flatten in self
          ? callableOf({ traced: (shared ??= new TracedFunction(method, options)), self, bound: [] })
          : wrap(method, options, self)
      bound.set(self, traced)
    }
    return traced
  }
}
