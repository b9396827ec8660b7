/**
 * Arguments taken apart: the leaves a trace works on, and the types a trace is selected by.
 *
 * Tensors and typed arrays count by dtype and shape. Variables count by dtype, shape, trainable and by which of a call's
 * Variables are the same one. Numbers, strings, booleans, bigints, null and undefined are constants, told apart as
 * `Object.is` does. Arrays, plain objects and Maps are structure; the keys of an object are visited in sorted order, so
 * their order does not matter. Functions and instances of classes count by identity and are held weakly, unless they
 * say otherwise: `[traceType]()` gives an object's own key, `[flatten]()` its constant part and its leaves.
 *
 * Every leaf and every piece of structure has a path (`batch.x`, `args[2][0]`), so that a call that fits no trace can be
 * explained path by path.
 */
import type { DType } from '../../codegen/dtype.ts'
import { SignatureError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, isTypedArray } from '../convert.ts'
import { printType } from '../ir/type.ts'
import { Tensor } from '../tensor.ts'
import { Variable } from '../variable.ts'
import { printSpec, TensorSpec } from './spec.ts'
import { isPlainObject } from './tree.ts'

/** An object's own trace key: a method that returns a string or an array of constants. */
export const traceType: unique symbol = Symbol('tf.traceType')

/** An object's constant part and its leaves: a method that returns `{ meta, leaves }`. */
export const flatten: unique symbol = Symbol('tf.flatten')

/** The way back: a static method `(meta, leaves) => instance`. */
export const unflatten: unique symbol = Symbol('tf.unflatten')

/** The type of one leaf, or of the structure around leaves. */
export type ArgumentType =
  | { readonly kind: 'tensor'; readonly dtype: DType; readonly shape: readonly (Size | null)[] | null }
  | {
      readonly kind: 'variable'
      readonly dtype: DType
      readonly shape: readonly (Size | null)[] | null
      readonly trainable: boolean
      readonly alias: number
    }
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'object'; readonly label: string; readonly id: number; readonly object: WeakRef<object> }
  | { readonly kind: 'structure'; readonly text: string }

export interface Entry {
  readonly path: string
  readonly type: ArgumentType
  /** The type as text; equal texts are equal types. */
  readonly text: string
}

/** What a callback's parameter stands on. */
export type Leaf =
  | { readonly kind: 'tensor'; readonly path: string; readonly tensor: Tensor }
  /** An argument of which only the type is known, in `concrete`. */
  | { readonly kind: 'spec'; readonly path: string; readonly spec: TensorSpec }
  | { readonly kind: 'variable'; readonly path: string; readonly variable: Variable }
  | { readonly kind: 'constant'; readonly path: string; readonly value: unknown }

/** A call's arguments taken apart. */
export interface Signature {
  readonly entries: readonly Entry[]
  readonly leaves: readonly Leaf[]
  /** Equal for calls that the same trace fits exactly. */
  readonly key: string
}

const identities = new WeakMap<object, number>()
let nextIdentity = 1

/** A number that stands for an object as long as it lives. */
export function identityOf(object: object): number {
  let id = identities.get(object)
  if (id === undefined) identities.set(object, (id = nextIdentity++))
  return id
}

/** A JavaScript constant as text, telling apart what `Object.is` tells apart. */
export function constantText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return `${String(value)}#${symbolNumber(value)}`
  if (Object.is(value, -0)) return '-0'
  return String(value)
}

const symbols: symbol[] = []

/** Symbols are told apart by identity; they are few and live as long as the program. */
function symbolNumber(value: symbol): number {
  const known = symbols.indexOf(value)
  return known >= 0 ? known : symbols.push(value) - 1
}

/** Takes arguments apart, named by `names` where there are names. Throws SignatureError for what cannot select a trace. */
export function signatureOf(
  args: readonly unknown[],
  names: readonly string[],
  receiver?: { readonly self: unknown },
): Signature {
  const taking = new Taking()
  if (receiver !== undefined) taking.receiver(receiver.self)
  let count = args.length
  // A missing argument and an undefined one are the same.
  while (count > 0 && args[count - 1] === undefined) count--
  for (let i = 0; i < count; i++) taking.value(args[i], names[i] ?? `args[${i}]`)
  return taking.signature()
}

class Taking {
  readonly #entries: Entry[] = []
  readonly #leaves: Leaf[] = []
  readonly #variables: Variable[] = []
  #key = ''

  signature(): Signature {
    return { entries: this.#entries, leaves: this.#leaves, key: this.#key }
  }

  value(value: unknown, path: string): void {
    if (value instanceof Tensor) this.#tensor(value, path)
    else if (value instanceof Variable) this.#variable(value, path)
    else if (value instanceof TensorSpec) {
      this.#add(path, { kind: 'tensor', dtype: value.dtype, shape: value.shape }, value.toString())
      this.#leaves.push({ kind: 'spec', path, spec: value })
    } else if (isTypedArray(value)) this.#tensor(convertToTensor(value), path)
    else if (Array.isArray(value)) {
      this.#structure(path, `array of ${value.length}`)
      for (let i = 0; i < value.length; i++) this.value(value[i], `${path}[${i}]`)
    } else if (isPlainObject(value)) this.#object(value, path)
    else if (value instanceof Map) {
      this.#structure(path, `Map of ${[...value.keys()].map(constantText).join(',')}`)
      for (const [key, entry] of value) this.value(entry, `${path}.get(${constantText(key)})`)
    } else if (value !== null && (typeof value === 'object' || typeof value === 'function'))
      this.#instance(value, path)
    else this.#constant(value, path)
  }

  /** `this`: the object itself selects the trace; the callback gets it as it is. */
  receiver(self: unknown): void {
    if (self === null || (typeof self !== 'object' && typeof self !== 'function')) return
    const label = nameOf(self)
    this.#add(
      'this',
      { kind: 'object', label, id: identityOf(self), object: new WeakRef(self) },
      `${label}#${identityOf(self)}`,
    )
  }

  #add(path: string, type: ArgumentType, text: string): void {
    this.#entries.push({ path, type, text })
    this.#key += `${path}:${text};`
  }
  #structure(path: string, text: string): void {
    this.#add(path, { kind: 'structure', text }, text)
  }
  #tensor(tensor: Tensor, path: string): void {
    this.#add(path, { kind: 'tensor', dtype: tensor.dtype, shape: tensor.type.shape }, printType(tensor.type))
    this.#leaves.push({ kind: 'tensor', path, tensor })
  }
  #variable(variable: Variable, path: string): void {
    let alias = this.#variables.indexOf(variable)
    if (alias < 0) alias = this.#variables.push(variable) - 1
    const { dtype, trainable, storedType, declaredShape } = variable
    // Of a shape that is open as a whole, a trace fixes the rank.
    const shape = declaredShape ?? storedType.shape.map(() => null)
    const text = `variable#${alias} ${printSpec(dtype, shape)}${trainable ? '' : ' not trainable'}`
    this.#add(path, { kind: 'variable', dtype, shape, trainable, alias }, text)
    this.#leaves.push({ kind: 'variable', path, variable })
  }
  #constant(value: unknown, path: string): void {
    this.#add(path, { kind: 'constant', value }, constantText(value))
    this.#leaves.push({ kind: 'constant', path, value })
  }

  #object(value: { readonly [key: string]: unknown }, path: string): void {
    if (Object.getOwnPropertySymbols(value).length > 0) throw refused(path, 'an object with symbols as keys')
    const keys = Object.keys(value).sort()
    this.#structure(path, `{${keys.join(',')}}`)
    for (const key of keys) this.value(value[key], `${path}.${key}`)
  }

  #instance(value: object, path: string): void {
    if (flatten in value && typeof value[flatten] === 'function') {
      const { meta, leaves } = flattened(value, path)
      this.#structure(path, `${nameOf(value)}(${constantText(meta)})`)
      leaves.forEach((leaf, i) => this.value(leaf, `${path}[${i}]`))
      return
    }
    if (traceType in value && typeof value[traceType] === 'function') {
      this.#constantObject(value, path, `${nameOf(value)}<${ownKey(value, path)}>`)
      return
    }
    const refusedKinds = [Promise, Set, WeakRef, WeakMap, WeakSet, ArrayBuffer, DataView]
    if (
      refusedKinds.some((kind) => value instanceof kind) ||
      ArrayBuffer.isView(value) ||
      (Symbol.iterator in value && 'next' in value)
    )
      throw refused(path, `a ${nameOf(value)}`)
    const label = typeof value === 'function' ? `function ${value.name}` : nameOf(value)
    const id = identityOf(value)
    this.#add(path, { kind: 'object', label, id, object: new WeakRef(value) }, `${label}#${id}`)
    this.#leaves.push({ kind: 'constant', path, value })
  }

  #constantObject(value: object, path: string, text: string): void {
    this.#structure(path, text)
    this.#leaves.push({ kind: 'constant', path, value })
  }
}

function refused(path: string, what: string): SignatureError {
  return new SignatureError({
    op: 'tf.function',
    problem: `the argument ${path} is ${what}, which cannot select a trace`,
    fix: 'pass tensors, Variables, plain values, arrays or plain objects, or give the object a [tf.traceType]() method.',
  })
}

function nameOf(value: object): string {
  return value.constructor?.name ?? 'object'
}

function ownKey(value: object, path: string): string {
  const key: unknown = (value as { readonly [traceType]: () => unknown })[traceType]()
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
  return parts.map(constantText).join(',')
}

/** What `[flatten]()` of an object gives, checked. */
export function flattened(
  value: object,
  path: string,
): { readonly meta: unknown; readonly leaves: readonly unknown[] } {
  const parts: unknown = (value as { readonly [flatten]: () => unknown })[flatten]()
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

/**
 * Arguments like `args` with every leaf replaced by what `replace` gives, which is asked in the order of the signature's
 * leaves. Arrays and objects are fresh copies.
 */
export function withLeaves(args: readonly unknown[], replace: (next: number) => unknown): unknown[] {
  let next = 0
  const rebuild = (value: unknown, path: string): unknown => {
    if (
      value instanceof Tensor ||
      value instanceof Variable ||
      value instanceof TensorSpec ||
      isTypedArray(value)
    )
      return replace(next++)
    if (Array.isArray(value)) return value.map((entry: unknown, i) => rebuild(entry, `${path}[${i}]`))
    if (isPlainObject(value)) {
      const rebuilt = new Map(
        Object.keys(value)
          .sort()
          .map((key) => [key, rebuild(value[key], `${path}.${key}`)]),
      )
      return Object.fromEntries(Object.keys(value).map((key) => [key, rebuilt.get(key)]))
    }
    if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, rebuild(entry, path)]))
    if (
      value !== null &&
      typeof value === 'object' &&
      flatten in value &&
      typeof value[flatten] === 'function'
    ) {
      const { meta, leaves } = flattened(value, path)
      return unflattened(
        value.constructor,
        meta,
        leaves.map((leaf, i) => rebuild(leaf, `${path}[${i}]`)),
      )
    }
    return replace(next++)
  }
  let count = args.length
  while (count > 0 && args[count - 1] === undefined) count--
  return args.slice(0, count).map((arg, i) => rebuild(arg, `args[${i}]`))
}
