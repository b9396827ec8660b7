/**
 * What an instance of a class can say of itself as an argument or result of a traced function.
 *
 * `[traceType]()` gives its own trace key: instances with equal keys share a trace, which then works on the first of
 * them. `[flatten]()` takes it apart into a constant and leaves, and the class's static `[unflatten]` puts one together,
 * so that the callback gets an instance made of symbolic tensors, and the caller one made of results.
 */
import { SignatureError } from '../../codegen/errors.ts'
import { constantText, identityOf } from './identity.ts'
import { isPlainObject, keyText } from './tree.ts'

/** An object's own trace key: a method that returns a string or an array of constants. */
export const traceType: unique symbol = Symbol('tf.traceType')

/** An object's constant part and its leaves: a method that returns `{ meta, leaves }`. */
export const flatten: unique symbol = Symbol('tf.flatten')

/** The way back: a static method `(meta, leaves) => instance`. */
export const unflatten: unique symbol = Symbol('tf.unflatten')

/** An object that can be taken apart. */
interface Flattening {
  readonly [flatten]: () => unknown
}
/** An object with a key of its own. */
interface Keyed {
  readonly [traceType]: () => unknown
}

export function isFlattening(value: unknown): value is Flattening & object {
  return (
    value !== null && typeof value === 'object' && flatten in value && typeof value[flatten] === 'function'
  )
}

export function isKeyed(value: unknown): value is Keyed & object {
  return (
    value !== null &&
    typeof value === 'object' &&
    traceType in value &&
    typeof value[traceType] === 'function'
  )
}

/** True for an object, also a plain one, that says itself what it counts as. */
export function hasProtocol(value: object): boolean {
  return (flatten in value && isFlattening(value)) || (traceType in value && isKeyed(value))
}

/** What `[traceType]()` of an object gives, as text. */
export function ownKey(value: Keyed & object, path: string): string {
  const key: unknown = value[traceType]()
  const parts: readonly unknown[] = Array.isArray(key) ? key : [key]
  if (
    parts.some(
      (part) =>
        part === undefined || typeof part === 'function' || (typeof part === 'object' && part !== null),
    )
  )
    throw new SignatureError({
      op: 'tf.function',
      problem: `[tf.traceType]() of the argument ${path} gave ${String(key)}`,
      fix: 'return a string, or an array of strings, numbers and booleans.',
    })
  return `${classLabel(value)}<${parts.map(constantText).join(',')}>`
}

/** What `[flatten]()` of an object gives, checked. */
export function flattened(
  value: object,
  path: string,
): { readonly meta: unknown; readonly leaves: readonly unknown[] } {
  const parts: unknown = (value as Flattening)[flatten]()
  if (isPlainObject(parts) && Array.isArray(parts['leaves']))
    return { meta: parts['meta'], leaves: parts['leaves'] }
  throw new SignatureError({
    op: 'tf.function',
    problem: `[tf.flatten]() of ${path} gave ${String(parts)}`,
    fix: 'return { meta, leaves }: a constant and an array of tensors.',
  })
}

/** An instance of a class made of other leaves, by the class's static `[unflatten]`. */
export function unflattened(kind: Function, meta: unknown, leaves: readonly unknown[]): unknown {
  const { [unflatten]: make } = kind as {
    readonly [unflatten]?: (meta: unknown, leaves: readonly unknown[]) => unknown
  }
  if (make !== undefined) return make.call(kind, meta, leaves)
  throw new SignatureError({
    op: 'tf.function',
    problem: `${kind.name} has [tf.flatten] but no static [tf.unflatten](meta, leaves)`,
    fix: 'add it, so that an instance can be made inside the trace.',
  })
}

/** The constant part of a flattened object as text: plain structure by value, other objects by identity. */
export function metaText(meta: unknown, within: readonly unknown[] = []): string {
  if (meta === null || (typeof meta !== 'object' && typeof meta !== 'function')) return constantText(meta)
  if (!within.includes(meta)) {
    const around = [...within, meta]
    if (Array.isArray(meta)) return `[${Array.from(meta, (entry) => metaText(entry, around)).join(',')}]`
    if (isPlainObject(meta))
      return `{${Object.keys(meta)
        .sort()
        .map((key) => `${keyText(key)}:${metaText(meta[key], around)}`)
        .join(',')}}`
  }
  return `${nameOf(meta)}#${identityOf(meta)}`
}

export function nameOf(value: object): string {
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } }
  return typeof constructor?.name === 'string' ? constructor.name : 'object'
}

const labels = new WeakMap<object, string>()
/** How many classes of a name there are. */
const namesakes = new Map<string, number>()

/** A class's name; a second class of the same name gets a number. */
function classLabel(value: object): string {
  const kind: unknown = value.constructor
  if (typeof kind !== 'function') return 'object'
  let label = labels.get(kind)
  if (label === undefined) {
    const count = (namesakes.get(kind.name) ?? 0) + 1
    namesakes.set(kind.name, count)
    labels.set(kind, (label = count === 1 ? kind.name : `${kind.name}#${count}`))
  }
  return label
}

/** The structure of a flattened object: its class and constant part. */
export function flattenedText(value: object, meta: unknown): string {
  return `${classLabel(value)}(${meta === undefined ? '' : metaText(meta)})`
}
