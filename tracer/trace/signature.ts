/**
 * What a trace is selected by: the type of every argument.
 *
 * Tensors and typed arrays count by dtype and shape; Variables by dtype, shape, trainable and by which of them are the
 * same; numbers, strings, booleans, bigint, null and undefined by value (`Object.is`); arrays and plain objects by
 * structure; functions and instances of classes by identity, held weakly. The key is a text per argument path, so that a
 * miss can be explained path by path.
 */
import { SignatureError, ValueError } from '../../codegen/errors.ts'
import { shortName } from '../../codegen/dtype.ts'
import { printSize } from '../../codegen/size.ts'
import { convertToTensor, isTypedArray, requireDType } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { Tensor } from '../tensor.ts'
import { Variable } from '../variable.ts'
import { isPlainObject } from './tree.ts'

/** One leaf of the arguments. */
export type Leaf =
  | { readonly kind: 'tensor'; readonly path: string; readonly tensor: Tensor }
  | { readonly kind: 'variable'; readonly path: string; readonly variable: Variable }
  | { readonly kind: 'constant'; readonly path: string; readonly value: unknown }

/** A call's arguments taken apart. */
export interface Signature {
  /** `path` and type of each leaf, and the structure around them. */
  readonly entries: readonly (readonly [path: string, text: string])[]
  readonly key: string
  readonly leaves: readonly Leaf[]
  /** Which object the function was called on, when its callback uses `this`. */
  readonly receiver?: number
}

const identities = new WeakMap<object, number>()
let nextIdentity = 1

function identityOf(value: object): number {
  let id = identities.get(value)
  if (id === undefined) identities.set(value, (id = nextIdentity++))
  return id
}

/** Type notation of a JavaScript constant, telling apart what `Object.is` tells apart. */
function constantText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'symbol') return `${String(value)}#${symbolNumber(value)}`
  return String(value)
}

const symbols: symbol[] = []

/** Symbols are told apart by identity; they are few and live as long as the program. */
function symbolNumber(value: symbol): number {
  const known = symbols.indexOf(value)
  return known >= 0 ? known : symbols.push(value) - 1
}

/** Takes call arguments apart. Throws SignatureError for values that cannot select a trace. */
export function signatureOf(args: readonly unknown[], names: readonly string[]): Signature {
  const entries: (readonly [string, string])[] = []
  const leaves: Leaf[] = []
  const variables: Variable[] = []
  const visit = (value: unknown, path: string): void => {
    if (value instanceof Tensor) {
      entries.push([path, printType(value.type)])
      leaves.push({ kind: 'tensor', path, tensor: value })
    } else if (value instanceof Variable) {
      let alias = variables.indexOf(value)
      if (alias < 0) alias = variables.push(value) - 1
      entries.push([
        path,
        `variable#${alias} ${printType(value.type)}${value.trainable ? '' : ' not trainable'}`,
      ])
      leaves.push({ kind: 'variable', path, variable: value })
    } else if (isTypedArray(value)) {
      const tensor = convertToTensor(value)
      entries.push([path, printType(tensor.type)])
      leaves.push({ kind: 'tensor', path, tensor })
    } else if (Array.isArray(value)) {
      entries.push([path, `array of ${value.length}`])
      value.forEach((entry: unknown, i) => visit(entry, `${path}[${i}]`))
    } else if (isPlainObject(value)) {
      const keys = Object.keys(value).sort()
      entries.push([path, `{${keys.join(',')}}`])
      for (const key of keys) visit(value[key], `${path}.${key}`)
    } else if (value !== null && (typeof value === 'object' || typeof value === 'function')) {
      if (
        value instanceof Promise ||
        value instanceof Set ||
        value instanceof WeakRef ||
        ArrayBuffer.isView(value) ||
        value instanceof ArrayBuffer
      )
        throw new SignatureError({
          op: 'tf.function',
          problem: `the argument ${path} is a ${value.constructor.name}, which cannot select a trace`,
          fix: 'pass tensors, Variables, plain values, arrays or plain objects.',
        })
      entries.push([
        path,
        `${typeof value === 'function' ? 'function' : (value.constructor?.name ?? 'object')}#${identityOf(value)}`,
      ])
      leaves.push({ kind: 'constant', path, value })
    } else {
      entries.push([path, constantText(value)])
      leaves.push({ kind: 'constant', path, value })
    }
  }
  let last = args.length
  // A missing argument and an undefined one are the same.
  while (last > 0 && args[last - 1] === undefined) last--
  for (let i = 0; i < last; i++) visit(args[i], names[i] ?? `args[${i}]`)
  return { entries, leaves, key: entries.map(([path, text]) => `${path}:${text}`).join(' ') }
}

/** The signature of a call on an object: methods have traces of their own on every object. */
export function withReceiver(signature: Signature, self: unknown): Signature {
  if (self === null || (typeof self !== 'object' && typeof self !== 'function')) return signature
  const receiver = identityOf(self)
  return { ...signature, receiver, key: `this#${receiver} ${signature.key}` }
}

/** What `tf.spec` makes: the type of an argument, with null for a size that is not known until the call. */
export class TensorSpec {
  readonly shape: readonly (number | null)[]
  readonly dtype: TensorType['dtype']
  constructor(shape: readonly (number | null)[], dtype: TensorType['dtype'] = 'float32') {
    for (const size of shape)
      if (size !== null && !(Number.isInteger(size) && size >= 0))
        throw new ValueError({
          op: 'tf.spec',
          problem: `${String(size)} is not a size`,
          fix: 'use integers ≥ 0, or null for a size that is not known.',
        })
    requireDType('tf.spec', dtype)
    this.shape = [...shape]
    this.dtype = dtype
  }
  toString(): string {
    return `${shortName(this.dtype)}[${this.shape.map((size) => (size === null ? 'null' : printSize(size))).join(',')}]`
  }
}
