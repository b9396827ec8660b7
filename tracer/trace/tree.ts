/**
 * Structured arguments and results: arrays and plain objects with tensors, Variables and constants at the leaves.
 *
 * Keys of objects are visited in sorted order, so that `{ a, b }` and `{ b, a }` are the same structure, and kept in
 * their own order when a structure is rebuilt.
 */
import { TensorMethods } from '../tensor-methods.ts'

export function isObject(value: unknown): value is object {
  return value !== null && (typeof value === 'object' || typeof value === 'function')
}

/** True for `{}`-like objects: made by a literal or without a prototype. */
export function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  if (value === null || typeof value !== 'object') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The path of a property: `.key`, or `["a key"]` where the key is no identifier. */
export function propertyPath(path: string, key: string): string {
  return isIdentifier(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}

/** A key as it stands in an object literal. */
export function keyText(key: string): string {
  return isIdentifier(key) ? key : JSON.stringify(key)
}

function isIdentifier(key: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(key) || /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
}

/** Rebuilds a structure with `map` applied to everything that is not an array or plain object. `path` reads `.x[0]`. */
export function mapTree(value: unknown, map: (leaf: unknown, path: string) => unknown, path = ''): unknown {
  if (value instanceof TensorMethods) return map(value, path)
  if (Array.isArray(value)) return value.map((entry: unknown, i) => mapTree(entry, map, `${path}[${i}]`))
  if (isPlainObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, mapTree(entry, map, `${path}.${key}`)]),
    )
  return map(value, path)
}
