/**
 * What passes are made of: a rewriter that builds the new graph node by node, and questions about graphs.
 *
 * A pass walks the old nodes in order. `keep` carries a node over with its operands replaced; its results stay the same
 * values, so later nodes need no renaming. `append` makes a node whose results are typed by the op's own rule.
 * `replace` says that an old value is now another one; everything kept or appended afterwards sees the new one.
 */
import { type Size, SizePolynomial, substituteSize } from '../../codegen/size.ts'
import { type Effect, opNamed } from '../op.ts'
import { attrsKey } from './attr-text.ts'
import { type Attrs, type AttrValue, type Graph, makeValue, type Node, type Value } from './graph.ts'
import { printGraph } from './print.ts'
import { printType, type TensorType } from './type.ts'

/** A node with fresh results, typed by the op's rule. */
export function makeNode(
  op: string,
  operands: readonly Value[],
  attrs: Attrs = {},
  options: { readonly regions?: readonly Graph[]; readonly source?: string | undefined } = {},
): Node {
  const regions = options.regions ?? []
  const types = opNamed(op).type(
    operands.map((operand) => operand.type),
    attrs,
    regions,
  )
  const results = types.map((type) => makeValue(type))
  return options.source === undefined
    ? { op, operands, attrs, regions, results }
    : { op, operands, attrs, regions, results, source: options.source }
}

/** Builds a graph from another one. */
export class Rewriter {
  readonly graph: Graph
  readonly nodes: Node[] = []
  readonly #replacements = new Map<Value, Value>()
  readonly #producers = new Map<Value, Node>()

  constructor(graph: Graph) {
    this.graph = graph
  }

  /** The value that now stands for `value`. */
  current(value: Value): Value {
    let found = value
    for (let next = this.#replacements.get(found); next !== undefined; next = this.#replacements.get(found))
      found = next
    return found
  }

  /** The node already built that defines `value`; undefined for parameters. */
  producer(value: Value): Node | undefined {
    return this.#producers.get(this.current(value))
  }

  /** From now on `value` is `by`. */
  replace(value: Value, by: Value): void {
    const target = this.current(by)
    if (target !== value) this.#replacements.set(value, target)
  }

  /** Replaces all results of an old node. */
  replaceAll(node: Node, by: readonly Value[]): void {
    node.results.forEach((result, i) => {
      const target = by[i]
      if (target !== undefined) this.replace(result, target)
    })
  }

  /** The node with current operands; the same object when nothing changed. */
  updated(node: Node): Node {
    const operands = node.operands.map((operand) => this.current(operand))
    return operands.every((operand, i) => operand === node.operands[i]) ? node : { ...node, operands }
  }

  /** Carries a node over. */
  keep(node: Node): Node {
    const kept = this.updated(node)
    this.push(kept)
    return kept
  }

  /** Adds a finished node, whose operands are current. */
  push(node: Node): void {
    this.nodes.push(node)
    for (const result of node.results) this.#producers.set(result, node)
  }

  /** Adds a new node and gives its results. */
  append(
    op: string,
    operands: readonly Value[],
    attrs: Attrs = {},
    options: { readonly regions?: readonly Graph[]; readonly source?: string | undefined } = {},
  ): readonly Value[] {
    const node = makeNode(
      op,
      operands.map((operand) => this.current(operand)),
      attrs,
      options,
    )
    this.push(node)
    return node.results
  }

  /** The new graph: old parameters, captures, guards and results, as they are now. `changes` overrides parts. */
  finish(changes: Partial<Graph> = {}): Graph {
    return {
      ...this.graph,
      nodes: this.nodes,
      results: this.graph.results.map((result) => this.current(result)),
      ...changes,
    }
  }
}

/** How often each value is used, as an operand or as a result of the graph. */
export function useCounts(graph: Graph): Map<Value, number> {
  const counts = new Map<Value, number>()
  const use = (value: Value): void => void counts.set(value, (counts.get(value) ?? 0) + 1)
  for (const node of graph.nodes) node.operands.forEach(use)
  graph.results.forEach(use)
  return counts
}

/** The effect of a node: the strongest of its op's and of what its regions do. */
export function effectOf(node: Node): Effect {
  const effects = node.regions.flatMap((region) => region.nodes.map(effectOf))
  effects.push(opNamed(node.op).effect ?? 'pure')
  return effects.includes('write') ? 'write' : effects.includes('read') ? 'read' : 'pure'
}

/** The graph without the nodes that only print, check or assign, in its regions too. */
export function withoutEffects(graph: Graph): Graph {
  const keeps = (node: Node): boolean => node.results.length > 0 || effectOf(node) !== 'write'
  return { ...graph, nodes: graph.nodes.filter(keeps).map((node) => mapRegions(node, withoutEffects)) }
}

/** Rewrites the regions of a node, if it has any. */
export function mapRegions(node: Node, rewrite: (region: Graph) => Graph): Node {
  if (node.regions.length === 0) return node
  const regions = node.regions.map(rewrite)
  return regions.every((region, i) => region === node.regions[i]) ? node : { ...node, regions }
}

/** Text equal for nodes that compute the same: op, operands by identity (numbered by `identify`), attributes, regions. */
export function nodeKey(node: Node, identify: (value: Value) => string | number): string {
  const regions = node.regions.map((region) => printGraph(region, { sources: false })).join('\n')
  return `${node.op}(${node.operands.map(identify).join(',')})${attrsKey(node.attrs)}${regions}`
}

function substituteAttr(value: AttrValue, replacement: (name: string) => Size | undefined): AttrValue {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof SizePolynomial) return substituteSize(value, replacement)
  if (Array.isArray(value))
    return (value as readonly AttrValue[]).map((item) => substituteAttr(item, replacement))
  return substituteAttrs(value as Attrs, replacement)
}

function substituteAttrs(attrs: Attrs, replacement: (name: string) => Size | undefined): Attrs {
  return Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => [key, substituteAttr(value, replacement)]),
  )
}

/** A type with size names replaced. */
export function substituteType(
  type: TensorType,
  replacement: (name: string) => Size | undefined,
): TensorType {
  const shape = type.shape.map((size) => substituteSize(size, replacement))
  return type.record === true ? { ...type, shape } : { dtype: type.dtype, shape }
}

/** The graph with size names replaced everywhere, guards and regions included, and with fresh values. */
export function substituteSizes(graph: Graph, replacement: (name: string) => Size | undefined): Graph {
  const values = new Map<Value, Value>()
  const fresh = (value: Value): Value => {
    const made = makeValue(substituteType(value.type, replacement), value.name)
    values.set(value, made)
    return made
  }
  const known = (value: Value): Value => values.get(value) ?? value
  return {
    name: graph.name,
    params: graph.params.map(fresh),
    captures: graph.captures.map((capture) => ({
      ...capture,
      type: substituteType(capture.type, replacement),
    })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      operands: node.operands.map(known),
      attrs: substituteAttrs(node.attrs, replacement),
      regions: node.regions.map((region) => substituteSizes(region, replacement)),
      results: node.results.map(fresh),
    })),
    results: graph.results.map(known),
    guards: graph.guards.map((guard) => ({
      x: substituteSize(guard.x, replacement),
      y: substituteSize(guard.y, replacement),
      reason: guard.reason,
    })),
  }
}

/**
 * What the names in a region's parameter types stand for when it is applied to operands of these types: a parameter
 * `f32[n0,4]` bound to `f32[n1+1,4]` says n0 = n1+1. Only axes that are a bare name bind it; the first one counts.
 */
export function sizeBindings(
  params: readonly { readonly type: TensorType }[],
  operands: readonly TensorType[],
): Map<string, Size> {
  const bindings = new Map<string, Size>()
  params.forEach((param, i) =>
    param.type.shape.forEach((size, axis) => {
      const bound = operands[i]?.shape[axis]
      if (typeof size === 'number' || bound === undefined || !/^[A-Za-z_]\w*$/.test(size.key)) return
      if (!bindings.has(size.key)) bindings.set(size.key, bound)
    }),
  )
  return bindings
}

/**
 * `value` as a value of `type`: itself when the texts of the types agree, else a reshape. For sizes that differ as text
 * and are equal by a guard (`n0` and `n1` after `n0 == n1`).
 */
export function retyped(rewriter: Rewriter, value: Value, type: TensorType, source?: string): Value {
  if (printType(value.type) === printType(type)) return value
  return rewriter.append('reshape', [value], { shape: type.shape }, { source })[0] ?? value
}
