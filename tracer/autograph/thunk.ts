/** Where a thunk `s => eval(s)` is written: the function it goes with is in the same script. */
import type { Scope } from './convert.ts'

interface Frame {
  getFileName(): string | null | undefined
  isEval(): boolean
}

const scripts = new WeakMap<Scope, { readonly url: string | undefined }>()

/** The script of a thunk, as the engine calls it; undefined where it does not tell. */
export function scriptOf(scope: Scope): string | undefined {
  let known = scripts.get(scope)
  if (known === undefined) scripts.set(scope, (known = { url: find(scope) }))
  return known.url
}

function find(scope: Scope): string | undefined {
  if (!('captureStackTrace' in Error)) return undefined
  const holder = Error as { prepareStackTrace?: unknown }
  const before = holder.prepareStackTrace
  let url: string | undefined
  holder.prepareStackTrace = (_error: unknown, frames: readonly Frame[]): string => {
    url =
      frames.find((frame) => !frame.isEval() && typeof frame.getFileName() === 'string')?.getFileName() ??
      undefined
    return ''
  }
  try {
    // The stack of an error made in the thunk begins with the thunk.
    void scope('void new Error("").stack')
  } catch {
    // Where code must not be evaluated, that is said when it has to be.
  } finally {
    holder.prepareStackTrace = before
  }
  return url
}
