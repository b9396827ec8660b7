/**
 * Callables around traced functions, and arguments bound in advance.
 *
 * A traced function is a plain function for its user; what is behind it (the machinery, the object it is bound to, the
 * arguments bound in advance) is kept beside it. So a traced function can be traced again, be given more arguments or
 * be looked into, and a callback whose first arguments are bound is still traced by its own source.
 */
import type { ConcreteFunction } from '../tracer/trace/concrete.ts'
import { markOwn } from '../tracer/trace/convert-hook.ts'
import { flatten } from '../tracer/trace/protocol.ts'
import type { Retrace } from '../tracer/trace/retrace/message.ts'
import { type FunctionOptions, TracedFunction } from '../tracer/trace/traced-function.ts'

/** Anything that can be called. */
export type Callback = (...args: never[]) => unknown

/**
 * One trace of a function, callable with the structure it was traced with; constants of the trace may be left out at
 * the end. Its string is `(x: f32[null,2], k: 3) → f32[null,2]`.
 */
export type Concrete<F extends Callback = Callback> = ((...args: unknown[]) => ReturnType<F>) &
  Pick<
    ConcreteFunction,
    'signature' | 'inputs' | 'outputs' | 'variables' | 'trainableVariables' | 'captures' | 'graph'
  >

/** A callback, traced: called like the callback, and able to say what it has traced. */
export type Traced<F extends Callback> = F & {
  /** How many times the callback has run to be traced. */
  readonly traceCount: number
  /** How many traces are held. */
  readonly cacheSize: number
  /** The callback itself; calling it runs eagerly. */
  readonly fn: F
  /** The trace for arguments like these (tensors, specs, constants), made if need be and not run. */
  concrete(...args: unknown[]): Concrete<F>
  /** The traces held, oldest first. */
  readonly concreteFunctions: readonly Concrete<F>[]
  /** Forgets all traces; the next call traces again and may create Variables. */
  clearCache(): void
  /** Why it was traced again: one entry per cause. */
  explain(): Retrace[]
}

/** What a callable stands for. */
export interface Behind {
  readonly traced: TracedFunction
  /** The object it is bound to. */
  readonly self: object | undefined
  /** Arguments that come before those of a call. */
  readonly bound: readonly unknown[]
}

/** A callback that is not traced, and arguments bound to it. */
interface Partly {
  readonly callback: Callback
  readonly bound: readonly unknown[]
}

const machinery = new WeakMap<object, Behind>()
const partials = new WeakMap<object, Partly>()
const concretes = new WeakMap<ConcreteFunction, Concrete>()
const behindConcretes = new WeakMap<object, ConcreteFunction>()

/** For the library's own use: what is behind a traced function. */
export function behindOf(f: object): Behind | undefined {
  return machinery.get(f)
}

/** For the library's own use: the concrete function behind one that is callable. */
export function concreteOf(f: object): ConcreteFunction | undefined {
  return behindConcretes.get(f)
}

/** Traces a callback, bound to `self` if that is given. */
export function wrap(callback: Callback, options: FunctionOptions, self?: object): Traced<Callback> {
  const known = machinery.get(callback)
  if (known === undefined) {
    const partly = partials.get(callback)
    const bound = partly?.bound ?? []
    const traced = new TracedFunction(partly?.callback ?? callback, options, self, bound.length)
    return callableOf({ traced, self, bound })
  }
  const isSame = Object.keys(options).length === 0 && (self === undefined || self === known.self)
  if (isSame) return callback as Traced<Callback>
  const owner = self ?? known.self
  const traced = new TracedFunction(known.traced.callback, options, owner, known.bound.length)
  return callableOf({ traced, self: owner, bound: known.bound })
}

/** The callable for a traced function. */
export function callableOf(behind: Behind): Traced<Callback> {
  const { traced, self, bound } = behind
  const all = (args: readonly unknown[]): readonly unknown[] =>
    bound.length === 0 ? args : [...bound, ...args]
  const call = function (this: unknown, ...args: unknown[]): unknown {
    return traced.call(self ?? this, bound.length === 0 ? args : [...bound, ...args])
  }
  // Traces called with arguments of this callable only are not those that others get.
  const own =
    bound.length > 0 || (self !== undefined && flatten in self)
      ? new WeakMap<ConcreteFunction, Concrete>()
      : concretes
  const concrete = (made: ConcreteFunction): Concrete => concreteCallable(made, behind, own)
  const callable: unknown = Object.defineProperties(call, {
    name: { value: traced.name },
    length: { value: Math.max(0, traced.callback.length - bound.length) },
    traceCount: { get: () => traced.traceCount },
    cacheSize: { get: () => traced.cacheSize },
    fn: { value: untraced(behind) },
    concrete: { value: (...args: unknown[]) => concrete(traced.concrete(self, all(args))) },
    concreteFunctions: { get: () => traced.concreteFunctions.map(concrete) },
    clearCache: { value: () => traced.clearCache() },
    explain: { value: () => traced.explain() },
  })
  machinery.set(call, behind)
  markOwn(call)
  return callable as Traced<Callback>
}

/** The callback with the arguments that are bound to it. */
function untraced({ traced, bound }: Behind): Callback {
  return bound.length === 0 ? traced.callback : withBound(traced.callback, bound)
}

/** The callable around a concrete function; the same one each time. */
function concreteCallable(
  concrete: ConcreteFunction,
  { self, bound }: Behind,
  made: WeakMap<ConcreteFunction, Concrete>,
): Concrete {
  const known = made.get(concrete)
  if (known !== undefined) return known
  const call = (...args: unknown[]): unknown =>
    concrete.call(bound.length === 0 ? args : [...bound, ...args], self)
  const callable: unknown = Object.defineProperties(call, {
    name: { value: concrete.name },
    signature: { get: () => concrete.signature },
    inputs: { get: () => concrete.inputs },
    outputs: { get: () => concrete.outputs },
    variables: { get: () => concrete.variables },
    trainableVariables: { get: () => concrete.trainableVariables },
    captures: { get: () => concrete.captures },
    graph: { get: () => concrete.graph },
    toString: { value: () => concrete.toString() },
  })
  made.set(concrete, callable as Concrete)
  behindConcretes.set(call, concrete)
  return callable as Concrete
}

/**
 * A function with its first arguments bound. What `fn.bind(null, …)` hides is kept: tracing the result traces `fn`, with
 * its name, its source and its parameters, and of a traced function all partials share the traces. Bound constants are
 * constants of the trace, bound tensors arguments like any other.
 *
 * @example
 * const power = (n: number, x: tf.Tensor): tf.Tensor => x.pow(n)
 * const cube = tf.function(tf.partial(power, 3))
 * cube(tf.tensor([1, 2])) // [1, 8]
 */
export function partial<const A extends readonly unknown[], B extends readonly unknown[], R>(
  fn: Traced<(...args: [...A, ...B]) => R>,
  ...bound: A
): Traced<(...args: B) => R>
export function partial<A extends readonly unknown[], B extends readonly unknown[], R>(
  fn: (...args: [...A, ...B]) => R,
  ...bound: A
): (...args: B) => R
export function partial(fn: Callback, ...bound: readonly unknown[]): unknown {
  const known = machinery.get(fn)
  if (known !== undefined) return callableOf({ ...known, bound: [...known.bound, ...bound] })
  const partly = partials.get(fn)
  return partly === undefined ? withBound(fn, bound) : withBound(partly.callback, [...partly.bound, ...bound])
}

function withBound(callback: Callback, bound: readonly unknown[]): Callback {
  const call = function (this: unknown, ...args: readonly unknown[]): unknown {
    return Reflect.apply(callback, this, [...bound, ...args])
  }
  Object.defineProperties(call, {
    name: { value: callback.name },
    length: { value: Math.max(0, callback.length - bound.length) },
  })
  partials.set(call, { callback, bound })
  return call
}
