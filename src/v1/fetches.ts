/**
 * What a run is asked for: nested arrays and objects of fetches, and values in the same structure.
 *
 * A scalar comes back as a number or boolean and anything else as nested arrays, as `array()` gives them; an operation
 * gives null. A Variable that is fetched is read when everything else has run, so the order of a list does not matter;
 * a tensor that read a Variable has the content of the place where it was built.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Value } from '../../tracer/ir/graph.ts'
import { type NestedArray, Tensor } from '../../tracer/tensor.ts'
import { AssignedVariable } from '../../tracer/trace/deferred-trace.ts'
import { isPlainObject } from '../../tracer/trace/tree.ts'
import { Variable } from '../../tracer/variable.ts'
import { foreign, type Graph, Operation } from './graph.ts'

/** A question about the session's own state, answered after the run. */
export class Status<T> {
  readonly graph: Graph
  readonly answer: (isInitialized: (variable: Variable) => boolean) => T

  constructor(graph: Graph, answer: (isInitialized: (variable: Variable) => boolean) => T) {
    this.graph = graph
    this.answer = answer
  }
}

export type Fetch =
  | Tensor
  | Variable
  | Operation
  | Status<unknown>
  | string
  | readonly Fetch[]
  | { readonly [key: string]: Fetch }

/** What a run gives for a fetch. */
export type Fetched<F> = F extends Operation
  ? null
  : F extends Status<infer T>
    ? T
    : F extends Tensor | Variable
      ? NestedArray
      : F extends string
        ? NestedArray | null
        : { -readonly [K in keyof F]: Fetched<F[K]> }

function isStatus(fetch: unknown): fetch is Status<unknown> {
  return fetch instanceof Status
}

/** What a run has found. */
export interface Outcome {
  readonly results: readonly Tensor[]
  contentOf(variable: Variable): Tensor
  isInitialized(variable: Variable): boolean
}

/** The fetches of a run, taken apart. */
export class FetchPlan {
  readonly values: Value[] = []
  readonly nodes: number[] = []
  readonly variables: Variable[] = []
  readonly #graph: Graph
  readonly #collect: (outcome: Outcome) => unknown

  constructor(graph: Graph, fetches: unknown) {
    this.#graph = graph
    this.#collect = this.#plan(fetches, '')
  }

  /** The values, in the structure of the fetches. */
  collect(outcome: Outcome): unknown {
    return this.#collect(outcome)
  }

  #plan(fetch: unknown, path: string): (outcome: Outcome) => unknown {
    const graph = this.#graph
    if (typeof fetch === 'string') return this.#plan(graph.find('session.run', fetch), path)
    if (fetch instanceof Operation) {
      if (fetch.graph !== graph) throw foreign('session.run', fetch.toString(), graph)
      this.nodes.push(...fetch.nodes)
      return () => null
    }
    if (isStatus(fetch)) {
      if (fetch.graph !== graph) throw foreign('session.run', 'a question about variables', graph)
      return (outcome) => fetch.answer((variable) => outcome.isInitialized(variable))
    }
    if (fetch instanceof AssignedVariable) {
      graph.demandOwn('session.run', fetch)
      this.nodes.push(fetch.node)
      return this.#value(graph.valueOf('session.run', fetch.value()))
    }
    if (fetch instanceof Variable) {
      graph.demandOwn('session.run', fetch)
      this.variables.push(fetch)
      return (outcome) => outcome.contentOf(fetch).array()
    }
    if (fetch instanceof Tensor) return this.#value(graph.valueOf('session.run', fetch))
    if (Array.isArray(fetch)) {
      const parts = fetch.map((entry: unknown, i) => this.#plan(entry, `${path}[${i}]`))
      return (outcome) => parts.map((part) => part(outcome))
    }
    if (isPlainObject(fetch)) {
      const parts = Object.entries(fetch).map(
        ([key, entry]) => [key, this.#plan(entry, `${path}.${key}`)] as const,
      )
      return (outcome) => Object.fromEntries(parts.map(([key, part]) => [key, part(outcome)]))
    }
    throw this.#refusal(fetch, path)
  }

  #value(value: Value): (outcome: Outcome) => unknown {
    const at = this.values.push(value) - 1
    return (outcome) => outcome.results[at]?.array()
  }

  #refusal(fetch: unknown, path: string): ValueError {
    return new ValueError({
      op: 'session.run',
      problem: `the fetch${path === '' ? '' : ` at ${path}`} is ${typeof fetch === 'function' ? 'a function' : String(fetch)}, which is nothing to run`,
      fix: 'fetch tensors, variables, operations, their names, and arrays and plain objects of them.',
    })
  }
}
