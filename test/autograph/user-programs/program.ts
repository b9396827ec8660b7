/**
 * What a program of a user is to the tests: it makes its functions with the options it is given a way for, calls them, and
 * gives what came out beside what its twin on plain numbers gives. The thunk has to be written where the functions are.
 */
import * as tf from '../../../src/node.ts'

/** The options of a function: nothing, so that the inspector finds its scope, or the thunk. */
export type Options = (scope: (code: string) => unknown) => tf.FunctionOptions

export interface Result {
  readonly actual: unknown
  readonly expected: unknown
}

export type Program = readonly [name: string, run: (options: Options) => Result]

/** A result as plain data. */
export function plain(value: unknown): unknown {
  if (value instanceof tf.Tensor) return plain(value.array())
  if (value instanceof tf.Variable) return plain(value.array())
  if (typeof value === 'boolean') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  return value
}

/** True where two results agree but for the rounding of float32. */
export function isClose(actual: unknown, expected: unknown): boolean {
  if (typeof actual === 'number' && typeof expected === 'number')
    return (
      Object.is(actual, expected) || Math.abs(actual - expected) <= 2e-4 * Math.max(1, Math.abs(expected))
    )
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null)
    return actual === expected
  const [xs, ys] = [Object.entries(actual), Object.entries(expected)]
  return (
    xs.length === ys.length &&
    xs.every(([key, x]) => isClose(x, (expected as Readonly<Record<string, unknown>>)[key]))
  )
}
