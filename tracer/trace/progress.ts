/**
 * The traces being made: traced functions are called while others are traced.
 *
 * A function that is called with the arguments it is just being traced for would be traced without end; the names on
 * the way tell the cycle. What is traced inside another trace is put down to the eager call that began it.
 */
import { TraceError } from '../../codegen/errors.ts'
import type { Signature } from './argument.ts'

/** A function being traced. */
interface Tracer {
  readonly name: string
}

/** The outermost first. */
const inProgress: { readonly who: Tracer; readonly key: string }[] = []

let outermostSite: string | undefined

/** Where the eager call is that made a function be traced which is being traced now. */
export function siteOfOutermostCall(): string | undefined {
  return outermostSite
}

/**
 * Traces by running `body`.
 *
 * @param site the place of the call, if it is an eager one
 * @throws TraceError when the same is being traced already
 */
export function whileTracing<R>(
  who: Tracer,
  { entries, key }: Signature,
  site: string | undefined,
  body: () => R,
): R {
  const from = inProgress.findIndex((other) => other.who === who && other.key === key)
  if (from >= 0) {
    const cycle = [...inProgress.slice(from).map((other) => other.who.name), who.name]
    throw new TraceError({
      op: who.name,
      problem: `it calls itself with the arguments it is being traced for: ${entries.map(({ path, text }) => `${path} ${text}`).join(', ')}`,
      ...(cycle.length > 2 ? { rows: [['calls', cycle.join(' → ')]] } : {}),
      fix: 'recurse on a JavaScript number, or use a loop.',
    })
  }
  const before = outermostSite
  inProgress.push({ who, key })
  outermostSite = site ?? before
  try {
    return body()
  } finally {
    inProgress.pop()
    outermostSite = before
  }
}
