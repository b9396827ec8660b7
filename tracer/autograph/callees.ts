/**
 * Whether a function, itself without anything to rewrite, may call one that has.
 *
 * Rewriting a function so that its calls can be followed costs much more than reading it. So names it calls are looked
 * up in its scope: what they mean now, the library or a function that is read in its turn, says whether following is
 * of use. A method of something that exists only in the trace is taken for one of tensors, arrays or the like when it
 * has the name of one; otherwise it may be anything.
 */
import { TensorMethods } from '../tensor-methods.ts'
import { Variable } from '../variable.ts'
import type { Bindings } from './bindings.ts'
import { builtins } from './builtins.ts'
import { type AnyNode, children, isFunction } from './syntax.ts'

type Callback = (...args: never[]) => unknown

/** What the search may ask. */
export interface Surroundings {
  readonly bindings: Bindings
  /** The meaning of a free name, where it is known. */
  lookUp(name: string): { readonly value: unknown } | undefined
  /** Whether calling a function leads to nothing that must be rewritten. */
  isPlain(callee: Callback): boolean
}

let usual: ReadonlySet<string> | undefined

/** Names of methods that what is not known is expected to have. */
function usualMethods(): ReadonlySet<string> {
  const namesOf = (prototype: object | null): string[] =>
    prototype === null || prototype === Object.prototype
      ? []
      : [
          ...Object.getOwnPropertyNames(prototype),
          ...namesOf(Object.getPrototypeOf(prototype) as object | null),
        ]
  return (usual ??= new Set([
    ...[Array, String, Number, Map, Set, RegExp, Float32Array, Date, Promise].flatMap(({ prototype }) =>
      namesOf(prototype as object),
    ),
    ...namesOf(TensorMethods.prototype),
    ...namesOf(Variable.prototype),
    'hasOwnProperty',
    'toString',
    'gradient',
    'jacobian',
    'record',
    'stopRecording',
    'watch',
  ]))
}

/** True when a function may call, itself or through others, what has to be rewritten. */
export function mayCallForRewriting(node: AnyNode, around: Surroundings): boolean {
  if (node.type === 'CallExpression') {
    if (!isHarmless(node.callee, around)) return true
    // What is called by way of another function.
    for (const argument of node.arguments) {
      const given = valueOf(argument, around)?.value
      if (typeof given === 'function' && !around.isPlain(given as Callback)) return true
    }
  }
  return children(node).some((child) => mayCallForRewriting(child, around))
}

function isHarmless(callee: AnyNode, around: Surroundings): boolean {
  if (callee.type === 'ParenthesizedExpression') return isHarmless(callee.expression, around)
  if (callee.type === 'ChainExpression') return isHarmless(callee.expression, around)
  // `(0, module.name)(…)`, as compilers write calls of imports.
  if (callee.type === 'SequenceExpression') return isHarmless(callee.expressions.at(-1) ?? callee, around)
  // What stands in the text has been read with it.
  if (isFunction(callee)) return true
  const known = valueOf(callee, around)
  if (known !== undefined) return typeof known.value !== 'function' || around.isPlain(known.value as Callback)
  if (callee.type === 'Identifier') return around.bindings.of(callee)?.value !== undefined
  return (
    callee.type === 'MemberExpression' &&
    !callee.computed &&
    callee.property.type === 'Identifier' &&
    usualMethods().has(callee.property.name)
  )
}

/** What an expression means that is a free name, or a chain of properties from one. Getters are not run. */
function valueOf(node: AnyNode, around: Surroundings): { readonly value: unknown } | undefined {
  if (node.type === 'Identifier') {
    if (around.bindings.of(node)?.kind !== 'free') return undefined
    const found = around.lookUp(node.name)
    if (found !== undefined || !builtins.has(node.name)) return found
    return { value: Reflect.get(globalThis, node.name) }
  }
  if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier')
    return undefined
  const holder = valueOf(node.object, around)?.value
  if (holder === null || (typeof holder !== 'object' && typeof holder !== 'function')) return undefined
  return dataProperty(holder, node.property.name)
}

function dataProperty(holder: object, key: string): { readonly value: unknown } | undefined {
  for (let at: object | null = holder; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key)
    if (descriptor === undefined) continue
    return 'value' in descriptor ? { value: descriptor.value as unknown } : undefined
  }
  return undefined
}
