/**
 * Recursion that a tensor would have to end: both branches are traced, so the call is reached again and again until the
 * stack is full, which is told by the function's name.
 */
import { TraceError } from '../../codegen/errors.ts'
import { enterSite } from '../trace/source.ts'
import { isStaging } from './stage-branch.ts'

/** How many calls of a function are in progress where branches are staged. */
const inProgress = new WeakMap<object, number>()

/** Legitimate recursion, on a JavaScript number, is not as deep when it fails for other reasons. */
const deep = 50

/** Runs a call of `callee` from rewritten code; `site` is where. */
export function calling(callee: object, site: string, run: () => unknown): unknown {
  const before = enterSite(site)
  try {
    return isStaging() ? counted(callee, site, run) : run()
  } finally {
    enterSite(before)
  }
}

function counted(callee: object, site: string, run: () => unknown): unknown {
  const depth = (inProgress.get(callee) ?? 0) + 1
  inProgress.set(callee, depth)
  try {
    return run()
  } catch (error) {
    if (depth < deep || !(error instanceof RangeError) || !/call stack/.test(error.message)) throw error
    const name = 'name' in callee && typeof callee.name === 'string' && callee.name !== '' ? callee.name : 'a function' // prettier-ignore
    throw new TraceError(
      {
        op: name,
        problem: `it calls itself without end while tracing: whether it goes on depends on a tensor, and both branches are traced`,
        fix: 'recurse on a JavaScript number, or use a loop.',
        site,
      },
      { cause: error },
    )
  } finally {
    inProgress.set(callee, depth - 1)
  }
}
