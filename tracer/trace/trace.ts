/**
 * One trace of a function: what selects it, what it was made into, and a call of it.
 */
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import type { Signature } from './argument.ts'
import type { Template } from './call-template.ts'
import type { ConcreteFunction } from './concrete.ts'
import type { FlatType } from './open-types.ts'
import type { TracedCallback } from './run-callback.ts'

/** A trace, and what selects it. */
export interface Trace extends TracedCallback {
  readonly signature: Signature
  /** Argument types when every argument is a tensor, for the quick check; undefined otherwise. */
  readonly flat: readonly FlatType[] | undefined
  /** The same for calls with structure. */
  readonly templates: readonly Template[] | undefined
  /** How many times the callback ran: twice when it created Variables. */
  readonly count: number
  /** Milliseconds to run the callback, and to compile. */
  readonly traceMilliseconds: number
  readonly compileMilliseconds: number
  /** Made on demand. */
  concrete?: ConcreteFunction
}

/** Runs a trace for the tensors and the Variables of a call, in the order of its signature. */
export function runTrace(
  { callee, rebuild, variableNames }: Trace,
  tensors: readonly Tensor[],
  given: readonly Variable[],
): unknown {
  if (variableNames.length === 0) return rebuild(callee.call(tensors))
  const variables = new Map<string, Variable>(callee.traced.variables)
  variableNames.forEach((name, i) => {
    const variable = given[i]
    if (variable !== undefined) variables.set(name, variable)
  })
  return rebuild(callee.call(tensors, variables))
}

export function tensorsOf(signature: Signature): readonly Tensor[] {
  const tensors: Tensor[] = []
  for (const leaf of signature.leaves) if (leaf.kind === 'tensor') tensors.push(leaf.tensor)
  return tensors
}

export function variablesOf(signature: Signature): readonly Variable[] {
  const variables: Variable[] = []
  for (const leaf of signature.leaves) if (leaf.kind === 'variable') variables.push(leaf.variable)
  return variables
}
