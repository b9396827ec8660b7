/**
 * The quick check whether a call has the structure and types a trace was made for.
 *
 * It walks the arguments beside a template made from the call that was traced, without making paths or texts, and
 * collects the tensors and Variables on the way. What it does not know (Maps, typed arrays, objects that speak for
 * themselves) has no template, and is taken apart as usual.
 */
import type { Size } from '../../codegen/size.ts'
import { Tensor } from '../tensor.ts'
import { Variable } from '../variable.ts'
import { type ArgumentType, isReceiverStructure, type Signature } from './argument.ts'
import { sameSizes } from './open-types.ts'
import { hasProtocol } from './protocol.ts'
import { isObject, isPlainObject } from './tree.ts'

/** An argument, or a part of one. */
export type Template =
  | { readonly kind: 'tensor'; readonly dtype: string; readonly shape: readonly (Size | null)[] }
  | {
      readonly kind: 'variable'
      readonly dtype: string
      readonly shape: readonly (Size | null)[]
      readonly trainable: boolean
      /** Which of the call's Variables, counted from 0, is this same one; −1 for the first of its kind. */
      readonly same: number
    }
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'object'; readonly object: WeakRef<object> }
  | { readonly kind: 'array'; readonly entries: readonly Template[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly entries: readonly Template[] }

/** The tensors and Variables of a call, in the order of its signature. */
export interface FoundLeaves {
  readonly tensors: Tensor[]
  readonly variables: Variable[]
}

/** The template for calls like this one, by the types the trace was made for; undefined when there is none. */
export function templateOf(args: readonly unknown[], signature: Signature): readonly Template[] | undefined {
  if (isReceiverStructure(signature)) return undefined
  const types = signature.entries.flatMap(({ type }) =>
    type.kind === 'tensor' || type.kind === 'variable' ? [type] : [],
  )
  return templatesFor(args.slice(0, signature.count), { types, aliases: [] })
}

/** What is left to be met of the types of a call's leaves, and which of its Variables were met. */
interface Ahead {
  readonly types: ArgumentType[]
  readonly aliases: number[]
}

function templateFor(value: unknown, ahead: Ahead): Template | undefined {
  if (value instanceof Tensor || value instanceof Variable) {
    const type = ahead.types.shift()
    if ((type?.kind !== 'tensor' && type?.kind !== 'variable') || type.shape === null) return undefined
    if (value instanceof Tensor) return { kind: 'tensor', dtype: type.dtype, shape: type.shape }
    // The sizes of an open variable are what they are at the place of the call.
    if (value.open || type.kind !== 'variable') return undefined
    const { dtype, shape, trainable, alias } = type
    const same = ahead.aliases.indexOf(alias)
    ahead.aliases.push(alias)
    return { kind: 'variable', dtype, shape, trainable, same }
  }
  if (Array.isArray(value)) {
    const entries = templatesFor(Array.from<unknown>(value), ahead)
    return entries && { kind: 'array', entries }
  }
  if (isPlainObject(value) && !hasProtocol(value)) {
    const keys = Object.keys(value).sort()
    const entries = templatesFor(
      keys.map((key) => value[key]),
      ahead,
    )
    return entries && { kind: 'record', keys, entries }
  }
  if (!isObject(value)) return { kind: 'constant', value }
  const known = typeof value === 'function' || (!hasProtocol(value) && !ArrayBuffer.isView(value))
  return known && !(value instanceof Map) ? { kind: 'object', object: new WeakRef(value) } : undefined
}

function templatesFor(values: readonly unknown[], ahead: Ahead): readonly Template[] | undefined {
  const made: Template[] = []
  for (const value of values) {
    const template = templateFor(value, ahead)
    if (template === undefined) return undefined
    made.push(template)
  }
  return made
}

/** True when the arguments are as the templates say; their tensors and Variables are then in `found`. */
export function fitsTemplates(
  templates: readonly Template[],
  args: readonly unknown[],
  found: FoundLeaves,
): boolean {
  if (templates.length !== args.length) return false
  for (let i = 0; i < templates.length; i++) {
    const template = templates[i]
    if (template === undefined || !fitsTemplate(template, args[i], found)) return false
  }
  return true
}

function fitsTemplate(template: Template, value: unknown, found: FoundLeaves): boolean {
  switch (template.kind) {
    case 'tensor':
      if (!(value instanceof Tensor)) return false
      found.tensors.push(value)
      return value.type.dtype === template.dtype && sameSizes(template.shape, value.type.shape)
    case 'variable':
      return value instanceof Variable && fitsVariable(template, value, found.variables)
    case 'constant':
      return Object.is(value, template.value)
    case 'object':
      return template.object.deref() === value
    case 'array':
      return Array.isArray(value) && fitsTemplates(template.entries, value, found)
    case 'record':
      return isPlainObject(value) && !hasProtocol(value) && fitsRecord(template, value, found)
  }
}

function fitsVariable(
  template: Template & { readonly kind: 'variable' },
  variable: Variable,
  known: Variable[],
): boolean {
  const same = known.indexOf(variable)
  known.push(variable)
  return (
    template.same === same &&
    !variable.open &&
    variable.dtype === template.dtype &&
    variable.trainable === template.trainable &&
    sameSizes(template.shape, variable.type.shape)
  )
}

function fitsRecord(
  { keys, entries }: Template & { readonly kind: 'record' },
  value: { readonly [key: string]: unknown },
  found: FoundLeaves,
): boolean {
  let count = 0
  for (const _ in value) count++
  if (count !== keys.length) return false
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    const template = entries[i] as Template
    const entry = value[key]
    if (entry === undefined && !Object.hasOwn(value, key)) return false
    if (!fitsTemplate(template, entry, found)) return false
  }
  return true
}
