/**
 * Functions handed to what is not rewritten itself: methods of arrays, and functions of the library. What is called there by
 * name would be called as it was written, so it is rewritten on the way.
 *
 * Other functions of the language or of packages get what they are given: who keeps a callback may compare it.
 */
import { isLibraryFunction } from '../trace/convert-hook.ts'

type Callee = (...args: unknown[]) => unknown

const arrayMethods = new Set([
  'map', 'forEach', 'filter', 'reduce', 'reduceRight', 'some', 'every', 'find', 'findIndex', 'findLast', 'findLastIndex',
  'flatMap', 'sort', 'toSorted',
]) // prettier-ignore

/** Functions of the library that see to what they are given, or run it outside of the graph. */
const others = new Set([
  'function',
  'func',
  'noConvert',
  'toCode',
  'live',
  'hostCall',
  'eagerly',
  'pyFunction',
  'numpyFunction',
])

/** The arguments of a call of `callee`, which `object` has under `name`. */
export function withCallbacks(
  object: unknown,
  name: PropertyKey,
  callee: unknown,
  args: readonly unknown[],
  convert: (callee: Callee) => Callee,
): readonly unknown[] {
  if (typeof name !== 'string' || !args.some((arg) => typeof arg === 'function')) return args
  const isTaken =
    (Array.isArray(object) && arrayMethods.has(name)) ||
    (typeof callee === 'function' && !others.has(name) && isLibraryFunction(callee))
  return isTaken ? args.map((arg) => (typeof arg === 'function' ? convert(arg as Callee) : arg)) : args
}
