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
import { constantText, identityOf } from './identity.ts'
import { tracingModeText } from './modes.ts'
import { namedParameters, type Parameter, type ParameterList } from './parameters.ts'
import {
  flattened,
  flattenedText,
  hasProtocol,
  isFlattening,
  isKeyed,
  nameOf,
  ownKey,
  unflattened,
} from './protocol.ts'
import { printSpec, TensorSpec } from './spec.ts'
import { isObject, isPlainObject, keyText, propertyPath } from './tree.ts'

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
  /** `inner`: how many entries stand right in it. */
  | { readonly kind: 'structure'; readonly text: string; readonly inner?: number }

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
  /** What the process is set to, as far as it changes what is traced; see modes.ts. */
  readonly modes: string
  /** Equal for calls that the same trace fits exactly. */
  readonly key: string
  /** How many of the arguments it was made of; those after them are undefined, or are not seen by the callback. */
  readonly count: number
}

/** The key of a signature with these entries. */
export function keyOf(entries: readonly Entry[], modes: string): string {
  let key = modes
  for (const { path, text } of entries) key += `${path}:${text};`
  return key
}

/**
 * Takes arguments apart, by the callback's parameters (or their names). Where an argument is missing and the default is
 * a literal, the literal selects the trace, so that a call with it and one without share a trace.
 *
 * @param fit what to take for the value at a path
 * @throws SignatureError for what cannot select a trace
 */
export function signatureOf(
  args: readonly unknown[],
  parameters: ParameterList | readonly string[],
  receiver?: { readonly self: unknown },
  fit?: (value: unknown, path: string) => unknown,
): Signature {
  const list = 'parameters' in parameters ? parameters : namedParameters(parameters)
  const taking = new Taking(list, fit)
  if (receiver !== undefined) taking.receiver(receiver.self)
  return taking.arguments(args)
}

/** True when `this` was taken apart like an argument; its leaves come first then. */
export function isReceiverStructure({ entries }: Signature): boolean {
  return entries[0]?.path === 'this' && entries[0].type.kind === 'structure'
}

/** How many of the arguments select a trace. */
function countOf(args: readonly unknown[], { parameters, beyond, counts }: ParameterList): number {
  const rest = parameters.at(-1)?.rest === true ? parameters.length - 1 : undefined
  if (counts || (rest !== undefined && args.length > rest)) return args.length
  let count = beyond === 'ignored' ? Math.min(args.length, parameters.length) : args.length
  // A missing argument and an undefined one are the same.
  while (count > 0 && args[count - 1] === undefined) count--
  return count
}

class Taking {
  readonly #list: ParameterList
  readonly #entries: Entry[] = []
  readonly #leaves: Leaf[] = []
  readonly #variables: Variable[] = []
  /** The arrays and objects around the value in hand. */
  readonly #around: object[] = []

  readonly #fit: ((value: unknown, path: string) => unknown) | undefined

  constructor(list: ParameterList, fit?: (value: unknown, path: string) => unknown) {
    this.#list = list
    this.#fit = fit
  }

  arguments(args: readonly unknown[]): Signature {
    const { parameters, counts } = this.#list
    const count = countOf(args, this.#list)
    const literals = counts ? 0 : parameters.findLastIndex(({ literal }) => literal !== undefined) + 1
    for (let i = 0; i < Math.max(count, literals); i++) {
      const parameter = parameters[i]
      if (parameter?.rest === true) {
        for (let j = i; j < count; j++)
          this.value(args[j], parameter.name === undefined ? `args[${j}]` : `${parameter.name}[${j - i}]`)
        break
      }
      const given = i < count
      if (args[i] === undefined && (!given || parameter?.literal !== undefined))
        this.#missing(parameter?.name ?? `args[${i}]`, '', counts ? undefined : parameter, given)
      else this.#parameter(args[i], parameter, parameter?.name ?? `args[${i}]`, '')
    }
    const modes = tracingModeText()
    return {
      entries: this.#entries,
      leaves: this.#leaves,
      modes,
      key: keyOf(this.#entries, modes),
      count,
    }
  }

  /** What is undefined counts as its literal default; it has a leaf if it was given. */
  #missing(path: string, prefix: string, parameter: Parameter | undefined, given: boolean): void {
    const leaves = this.#leaves.length
    this.#parameter(parameter?.literal?.value, parameter, path, prefix)
    this.#leaves.length = leaves
    if (given) this.#leaves.push({ kind: 'constant', path, value: undefined })
  }

  /** A value that the callback takes apart as `parameter` says; `prefix` is the path of what has a name there. */
  #parameter(given: unknown, parameter: Parameter | undefined, path: string, prefix: string): void {
    const parts = parameter?.parts
    if (parts === undefined) return this.value(given, path)
    const value = this.#fit === undefined ? given : this.#fit(given, path)
    const partPath = (key: string, otherwise: string): string => {
      if (!this.#list.distinct || !parts.has(key)) return otherwise
      if (prefix !== '') return Array.isArray(value) ? `${prefix}[${key}]` : propertyPath(prefix, key)
      return Array.isArray(value) ? (parts.get(key)?.name ?? otherwise) : keyText(key)
    }
    if (Array.isArray(value)) {
      this.#structure(path, `array of ${value.length}`, value.length)
      for (let i = 0; i < value.length; i++) {
        const at = partPath(String(i), `${path}[${i}]`)
        this.#parameter(value[i], parts.get(String(i)), at, at)
      }
    } else if (isPlainObject(value) && !hasProtocol(value)) this.#object(value, path, { parts, partPath })
    else this.value(value, path)
  }

  value(given: unknown, path: string): void {
    const value = this.#fit === undefined ? given : this.#fit(given, path)
    if (value instanceof Tensor) this.#tensor(value, path)
    else if (value instanceof Variable) this.#variable(value, path)
    else if (value instanceof TensorSpec) {
      this.#add(path, { kind: 'tensor', dtype: value.dtype, shape: value.shape }, value.toString())
      this.#leaves.push({ kind: 'spec', path, spec: value })
    } else if (isTypedArray(value)) this.#tensor(convertToTensor(value), path)
    else if (Array.isArray(value)) {
      this.#structure(path, `array of ${value.length}`, value.length)
      this.#inside(value, path, () => {
        for (let i = 0; i < value.length; i++) this.value(value[i], `${path}[${i}]`)
      })
    } else if (isPlainObject(value) && !hasProtocol(value)) this.#object(value, path)
    else if (value instanceof Map) this.#map(value, path)
    else if (value !== null && (typeof value === 'object' || typeof value === 'function'))
      this.#instance(value, path)
    else this.#constant(value, path)
  }

  /**
   * `this`: the object itself selects the trace, and the callback gets it as it is; an object with `[flatten]()` is an
   * argument like any other.
   */
  receiver(self: unknown): void {
    if (!isObject(self)) return
    if (isFlattening(self)) return this.#instance(self, 'this')
    const label = nameOf(self)
    this.#add(
      'this',
      { kind: 'object', label, id: identityOf(self), object: new WeakRef(self) },
      `${label}#${identityOf(self)}`,
    )
  }

  #add(path: string, type: ArgumentType, text: string): void {
    this.#entries.push({ path, type, text })
  }
  #structure(path: string, text: string, inner: number): void {
    this.#add(path, { kind: 'structure', text, inner }, text)
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

  #object(
    value: { readonly [key: string]: unknown },
    path: string,
    by?: {
      readonly parts: ReadonlyMap<string, Parameter>
      readonly partPath: (key: string, otherwise: string) => string
    },
  ): void {
    const symbols = Object.getOwnPropertySymbols(value)
    if (symbols.some((key) => Object.prototype.propertyIsEnumerable.call(value, key)))
      throw refused(path, 'an object with symbols as keys')
    const own = Object.keys(value)
    const missing =
      by === undefined
        ? []
        : [...by.parts]
            .filter(([key, part]) => part.literal !== undefined && !Object.hasOwn(value, key))
            .map(([key]) => key)
    const keys = [...own, ...missing].sort()
    this.#structure(path, `{${keys.map(keyText).join(',')}}`, keys.length)
    this.#inside(value, path, () => {
      for (const key of keys) {
        const otherwise = propertyPath(path, key)
        const part = by?.parts.get(key)
        const at = by?.partPath(key, otherwise) ?? otherwise
        if (value[key] === undefined && part?.literal !== undefined)
          this.#missing(at, at, part, Object.hasOwn(value, key))
        else this.#parameter(value[key], part, at, at)
      }
    })
  }

  #map(value: ReadonlyMap<unknown, unknown>, path: string): void {
    const texts = new Map(
      [...value.keys()].map((key) => {
        if (key instanceof Tensor || key instanceof Variable || isTypedArray(key))
          throw refused(path, 'a Map with tensors as keys')
        return [key, isObject(key) ? `${nameOf(key)}#${identityOf(key)}` : constantText(key)] as const
      }),
    )
    this.#structure(path, `Map of ${[...texts.values()].join(',')}`, texts.size)
    this.#inside(value, path, () => {
      for (const [key, entry] of value) this.value(entry, `${path}.get(${texts.get(key) ?? ''})`)
    })
  }

  /** Takes a container apart; one that contains itself has no end. */
  #inside(container: object, path: string, take: () => void): void {
    if (this.#around.includes(container)) throw refused(path, 'a structure that contains itself')
    this.#around.push(container)
    take()
    this.#around.pop()
  }

  #instance(value: object, path: string): void {
    if (isFlattening(value)) {
      const { meta, leaves } = flattened(value, path)
      this.#structure(path, flattenedText(value, meta), leaves.length)
      this.#inside(value, path, () => leaves.forEach((leaf, i) => this.value(leaf, `${path}[${i}]`)))
      return
    }
    if (isKeyed(value)) {
      this.#structure(path, ownKey(value, path), 0)
      this.#leaves.push({ kind: 'constant', path, value })
      return
    }
    if (
      refusedKinds.some((kind) => value instanceof kind) ||
      ArrayBuffer.isView(value) ||
      Symbol.iterator in value
    )
      throw refused(path, `a ${nameOf(value)}`)
    const label = typeof value === 'function' ? `function ${value.name}` : nameOf(value)
    const id = identityOf(value)
    this.#add(path, { kind: 'object', label, id, object: new WeakRef(value) }, `${label}#${id}`)
    this.#leaves.push({ kind: 'constant', path, value })
  }
}

/** What says nothing by its identity, since a trace could not look into it or would change it. */
const refusedKinds: readonly Function[] = [
  Promise,
  Set,
  WeakRef,
  WeakMap,
  WeakSet,
  ArrayBuffer,
  DataView,
  ...(typeof SharedArrayBuffer === 'undefined' ? [] : [SharedArrayBuffer]),
]

function refused(path: string, what: string): SignatureError {
  return new SignatureError({
    op: 'tf.function',
    problem: `the argument ${path} is ${what}, which cannot select a trace`,
    fix: 'pass tensors, Variables, plain values, arrays or plain objects, or give the object a [tf.traceType]() method.',
  })
}

/**
 * The first `count` arguments with every leaf replaced by what `replace` gives, which is asked in the order of the
 * signature's leaves. Arrays and objects are fresh copies.
 */
export function withLeaves(
  args: readonly unknown[],
  count: number,
  replace: (next: number) => unknown,
): unknown[] {
  let next = 0
  const rebuild = (value: unknown): unknown => {
    if (
      value instanceof Tensor ||
      value instanceof Variable ||
      value instanceof TensorSpec ||
      isTypedArray(value)
    )
      return replace(next++)
    if (Array.isArray(value)) return Array.from(value, rebuild)
    if (isPlainObject(value) && !hasProtocol(value)) {
      const rebuilt = new Map(
        Object.keys(value)
          .sort()
          .map((key) => [key, rebuild(value[key])]),
      )
      return Object.fromEntries(Object.keys(value).map((key) => [key, rebuilt.get(key)]))
    }
    if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, rebuild(entry)]))
    if (isFlattening(value)) {
      const { meta, leaves } = flattened(value, value.constructor.name)
      return unflattened(value.constructor, meta, leaves.map(rebuild))
    }
    return replace(next++)
  }
  return args.slice(0, count).map(rebuild)
}
