/**
 * What a run of a graph in graph mode needs: the nodes behind its fetches, in the order of their construction, as a
 * graph that can be called.
 *
 * The search goes from the fetches to what they are computed from, stops at values that are fed, and follows control
 * dependencies and groups of nodes that are needed together. Placeholders whose sizes the nodes mention are needed too,
 * unless something fed has the same size, for a call reads sizes from its arguments. A fed value that a node would compute becomes a param of its own.
 */
import { namesOfSize, type Size, SizePolynomial } from '../../codegen/size.ts'
import { type Graph, makeValue, type Node, type Value } from '../ir/graph.ts'
import type { Variable } from '../variable.ts'
import type { DeferredTrace } from './deferred-trace.ts'
import { GraphFunction } from './graph-function.ts'
import { sizeSourcesOf } from './size-sources.ts'

/** What is asked of a run. */
export interface Wanted {
  readonly values: readonly Value[]
  /** Positions of nodes that are to run without a result. */
  readonly nodes: readonly number[]
  readonly fed: ReadonlySet<Value>
}

export interface DeferredProgram {
  /** Absent when there is nothing to compute. */
  readonly callee: GraphFunction | undefined
  /** What its arguments stand for, in order. */
  readonly params: readonly Value[]
  /** Variables that must have a content before the run, with the line that reads each. */
  readonly reads: readonly { readonly variable: Variable; readonly source: string | undefined }[]
  /** Variables that have a content after it. */
  readonly assigns: readonly Variable[]
}

/** The program of a run; its results are the wanted values, in order. */
export function deferredProgram(trace: DeferredTrace, { values, nodes, fed }: Wanted): DeferredProgram {
  const whole = trace.soFar([])
  const found = search(trace, whole.graph, values, nodes, fed)
  const isParam = new Set(whole.graph.params)
  const params = [...found.params]
  const standIns = new Map(
    params.map((value): [Value, Value] => [value, isParam.has(value) ? value : makeValue(value.type)]),
  )
  const current = (value: Value): Value => standIns.get(value) ?? value
  const needed = [...found.nodes].toSorted((a, b) => a - b).flatMap((at) => whole.graph.nodes[at] ?? [])
  const kept = needed.map((node): Node => ({ ...node, operands: node.operands.map(current) }))
  const names = new Set(kept.flatMap(captureOf))
  const graph: Graph = {
    name: trace.name,
    params: params.map(current),
    captures: whole.graph.captures.filter(({ name }) => names.has(name)),
    nodes: kept,
    results: values.map(current),
    guards: [],
  }
  const known = new Set(sizeSourcesOf(graph).map(({ name }) => name))
  const guards = whole.graph.guards.filter(({ x, y }) =>
    [...namesOfSize(y, namesOfSize(x))].every((name) => known.has(name)),
  )
  const variables = new Map([...whole.variables].filter(([name]) => names.has(name)))
  const tensors = new Map([...whole.tensors].filter(([name]) => names.has(name)))
  const isEmpty = kept.length === 0 && values.length === 0
  return {
    callee: isEmpty
      ? undefined
      : new GraphFunction({ graph: { ...graph, guards }, variables, tensors, lifted: new Map() }),
    params,
    ...contentsOf(needed, variables),
  }
}

interface Found {
  readonly nodes: ReadonlySet<number>
  readonly params: ReadonlySet<Value>
}

function search(
  trace: DeferredTrace,
  whole: Graph,
  values: readonly Value[],
  wanted: readonly number[],
  fed: ReadonlySet<Value>,
): Found {
  const producers = new Map<Value, number>()
  whole.nodes.forEach((node, at) => node.results.forEach((result) => producers.set(result, at)))
  const sizeOwners = new Map(
    sizeSourcesOf(whole).flatMap((source) =>
      source.kind === 'param' ? [[source.name, whole.params[source.param]] as const] : [],
    ),
  )
  for (const value of fed)
    for (const size of value.type.shape)
      if (size instanceof SizePolynomial && namesOfSize(size).has(size.key)) sizeOwners.set(size.key, value)
  const nodes = new Set<number>()
  const params = new Set<Value>()
  const open = [...wanted]
  const demand = (value: Value): void => {
    const producer = fed.has(value) ? undefined : producers.get(value)
    if (producer === undefined) params.add(value)
    else open.push(producer)
  }
  const demandSizes = (shape: readonly Size[]): void => {
    for (const size of shape)
      for (const name of namesOfSize(size)) {
        const owner = sizeOwners.get(name)
        if (owner !== undefined) params.add(owner)
      }
  }
  values.forEach(demand)
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const node = whole.nodes[at]
    if (node === undefined || nodes.has(at)) continue
    nodes.add(at)
    node.operands.forEach(demand)
    for (const result of node.results) demandSizes(result.type.shape)
    open.push(...(trace.dependencies.get(at) ?? []))
    for (const [start, end] of trace.groups)
      if (start <= at && at < end) for (let i = start; i < end; i++) open.push(i)
  }
  return { nodes, params }
}

function captureOf({ op, attrs }: Node): readonly string[] {
  const name = op === 'captured' ? attrs['name'] : attrs['variable']
  return typeof name === 'string' ? [name] : []
}

function contentsOf(
  nodes: readonly Node[],
  variables: ReadonlyMap<string, Variable>,
): Pick<DeferredProgram, 'reads' | 'assigns'> {
  const reads = new Map<Variable, string | undefined>()
  const assigns = new Set<Variable>()
  for (const node of nodes) {
    const [name] = captureOf(node)
    const variable = name === undefined ? undefined : variables.get(name)
    if (variable === undefined) continue
    if (node.op === 'assign') assigns.add(variable)
    else if (node.op === 'read' && !assigns.has(variable) && !reads.has(variable))
      reads.set(variable, node.source)
  }
  return { reads: [...reads].map(([variable, source]) => ({ variable, source })), assigns: [...assigns] }
}
