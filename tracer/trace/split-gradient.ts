/**
 * Cutting a function traced together with its gradient into a forward and a backward program.
 *
 * Everything that depends on the gradients of the results belongs to the backward program, the rest to the forward one.
 * What the backward needs of the forward is handed on (residuals), except for constants and movement of data, which
 * cost nothing and are computed again; and except for lists, loops that keep records, and what has sizes found on the
 * way, which end with the program that made them. Residuals that the caller has anyway, such as arguments and the values of
 * Variables, are no results of the forward program.
 */
import { type Size, namesOfSize } from '../../codegen/size.ts'
import { dependsOnFound, foundBy, sizesMentioned } from '../ir/found-sizes.ts'
import { type Graph, makeValue, type Node, textAttribute, type Value } from '../ir/graph.ts'
import { mapRegions, withoutEffects } from '../ir/rewrite.ts'
import { opNamed } from '../op.ts'
import { canonicalize } from '../passes/canonicalize.ts'
import { cse } from '../passes/cse.ts'
import { dce } from '../passes/dce.ts'
import { discharge } from '../passes/discharge.ts'
import { inline } from '../passes/inline.ts'
import { GraphFunction } from './graph-function.ts'
import type { TracedGraph } from './graph-trace.ts'

/** Where the backward program's operand is found. */
export type Residual =
  /** An argument of the call. */
  | { readonly kind: 'argument'; readonly index: number }
  /** A Variable's value at entry. */
  | { readonly kind: 'read'; readonly name: string }
  /** A result of the function itself. */
  | { readonly kind: 'result'; readonly index: number }
  /** A further result of the forward program, the next one in order. */
  | { readonly kind: 'extra' }

/**
 * Splits a graph whose params are `argumentCount` arguments and then gradients of results, and whose results are
 * `resultCount` results and then gradients.
 */
export function splitGraph(
  traced: TracedGraph,
  argumentCount: number,
  resultCount: number,
): {
  readonly forward: GraphFunction
  readonly backward: GraphFunction
  readonly residuals: readonly Residual[]
} {
  const joint = dce(cse(canonicalize(discharge(inline(traced.graph)))))
  const args = joint.params.slice(0, argumentCount)
  const upstream = joint.params.slice(argumentCount)
  const results = joint.results.slice(0, resultCount)
  const gradients = joint.results.slice(resultCount)
  const late = new Set<Value>(upstream)
  const definitions = new Map<Value, Node>()
  const forwardNodes: Node[] = []
  const backwardNodes: Node[] = []
  for (const node of joint.nodes) {
    for (const result of node.results) definitions.set(result, node)
    if (node.operands.some((operand) => late.has(operand))) {
      for (const result of node.results) late.add(result)
      backwardNodes.push(node)
    } else forwardNodes.push(node)
  }
  const hostCall = forwardNodes.findIndex((node) => node.op === 'host_call')
  const entryReads = new Set(hostCall < 0 ? forwardNodes : forwardNodes.slice(0, hostCall))
  const residualParams = new Map<Value, Value>()
  const copied = new Set<Node>()
  const nodes: Node[] = []
  const finders = new Map(
    joint.nodes.flatMap((node) =>
      foundBy(node).flatMap((name) => node.results.map((value) => [name, value] as const)),
    ),
  )
  /** What finds the sizes that a node mentions. */
  const findersOf = (node: Node): readonly Value[] =>
    finders.size === 0 ? [] : [...sizesMentioned(node)].flatMap((name) => finders.get(name) ?? [])
  const bring = (value: Value): void => {
    if (late.has(value) || residualParams.has(value)) return
    const definition = definitions.get(value)
    if (definition !== undefined && definition.op !== 'read' && isRepeated(definition)) {
      if (copied.has(definition)) return
      copied.add(definition)
      for (const operand of [...definition.operands, ...findersOf(definition)]) bring(operand)
      nodes.push(mapRegions(definition, withoutEffects))
    } else residualParams.set(value, makeValue(value.type))
  }
  for (const node of backwardNodes) {
    for (const operand of [...node.operands, ...findersOf(node)]) bring(operand)
    nodes.push(node)
  }
  for (const gradient of gradients) bring(gradient)
  bringSizes(
    [...nodes.flatMap((node) => [...node.operands, ...node.results]), ...gradients],
    // Variables whose sizes may change are known by what is read of them.
    [...args, ...[...entryReads].flatMap((node) => (node.op === 'read' ? node.results : []))],
    [...residualParams.keys(), ...upstream],
    bring,
  )
  const residuals = [...residualParams.keys()].map((value): Residual => {
    const argument = args.indexOf(value)
    if (argument >= 0) return { kind: 'argument', index: argument }
    const definition = definitions.get(value)
    if (definition?.op === 'read' && entryReads.has(definition))
      return { kind: 'read', name: textAttribute(definition, 'variable') }
    const result = results.indexOf(value)
    return result >= 0 ? { kind: 'result', index: result } : { kind: 'extra' }
  })
  const renamed = (value: Value): Value => residualParams.get(value) ?? value
  const extras = [...residualParams.keys()].filter((_, i) => residuals[i]?.kind === 'extra')
  const backward: Graph = {
    name: `gradient of ${joint.name}`,
    params: [...residualParams.values(), ...upstream],
    captures: joint.captures.filter((capture) => capture.kind === 'tensor'),
    nodes: nodes.map((node) => ({ ...node, operands: node.operands.map(renamed) })),
    results: gradients.map(renamed),
    guards: [],
  }
  const forward: Graph = { ...joint, params: args, nodes: forwardNodes, results: [...results, ...extras] }
  const lifted = new Map<number, never>()
  return {
    forward: new GraphFunction({ ...traced, lifted, graph: forward }),
    backward: new GraphFunction({ graph: backward, variables: new Map(), tensors: traced.tensors, lifted }),
    residuals,
  }
}

/** True for nodes that the backward program computes for itself. */
function isRepeated(node: Node): boolean {
  if ((opNamed(node.op).cost ?? 1) === 0) return true
  return node.results.some(({ type }) => type.record === true || type.shape.some(dependsOnFound))
}

/** Sizes are known to a program by its params: brings in arguments and reads that have the sizes `values` use and `params` lack. */
function bringSizes(
  values: readonly Value[],
  sources: readonly Value[],
  params: readonly Value[],
  bring: (value: Value) => void,
): void {
  const plain = (value: Value): readonly string[] =>
    value.type.shape.flatMap((size: Size) =>
      typeof size !== 'number' && /^\w+$/.test(size.key) ? [size.key] : [],
    )
  const known = new Set(params.flatMap(plain))
  const used = new Set<string>()
  for (const value of [...values, ...params]) for (const size of value.type.shape) namesOfSize(size, used)
  for (const name of used) {
    if (known.has(name)) continue
    const source = sources.find((candidate) => plain(candidate).includes(name))
    if (source === undefined) continue
    bring(source)
    for (const other of plain(source)) known.add(other)
  }
}
