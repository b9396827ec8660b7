/**
 * `throw` where a tensor decides whether it is reached: a check that fails when the program gets there. The rest of the
 * branch has nothing to add, so tracing leaves it as JavaScript would, and what the other branch gives stands.
 */
import { TraceError } from '../../codegen/errors.ts'
import { checkOp, scalarTensor } from '../ops/index.ts'
import { bind, currentTrace, type Trace } from '../trace/bind.ts'

/** Leaves a staged branch that ends in `throw`. */
export class Thrown extends Error {
  readonly site: string
  /** Where the check stands. */
  readonly trace: Trace

  constructor(site: string, trace: Trace) {
    super(`thrown at ${site}, when the traced function gets there`)
    this.site = site
    this.trace = trace
  }
}

/** Fails when the program gets here. */
export function throwStaged(value: unknown, site: string): never {
  const message = value instanceof Error ? value.message || value.name : String(value)
  const api = value instanceof Error ? value.name : 'throw'
  bind(checkOp, [scalarTensor('bool', 0)], { api, message, labels: [] })
  throw new Thrown(site, currentTrace())
}

/** The throw by which a branch of the trace in progress has ended; rethrows every other error. */
export function thrownHere(error: unknown): Thrown {
  if (!(error instanceof Thrown)) throw error
  if (error.trace === currentTrace()) return error
  throw refusal(error.site, 'it is thrown out of a function that is traced by itself')
}

const refusals = new WeakSet<object>()

/** What a `catch` of the user must not keep: it would be as if nothing had been thrown. */
export function caught(error: unknown): void {
  if (error instanceof Thrown || (error instanceof Error && refusals.has(error))) throw error
}

/** Why what is thrown cannot become a check. */
export function refusal(site: string, why: string, thrown?: unknown): TraceError {
  const text = thrown instanceof Error ? ` (${thrown.name}: ${thrown.message})` : ''
  const error = new TraceError(
    {
      op: 'throw',
      problem: `whether this is thrown${text} depends on a tensor, which has no value while tracing, and ${why}`,
      fix: 'use tf.assert(condition, message), which checks when the function runs.',
      site,
    },
    thrown === undefined ? undefined : { cause: thrown },
  )
  refusals.add(error)
  return error
}
