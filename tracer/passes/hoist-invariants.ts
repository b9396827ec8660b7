/**
 * What a loop computes anew in every iteration, and always the same, is computed once before it.
 *
 * Nodes of a `while` region move out when they depend on invariants alone, do nothing but compute, and cannot fail: a
 * loop that makes no iteration must not fail either. Data movement costs nothing to repeat and stays, unless what is
 * computed from it moves.
 */
import { type Graph, makeValue, type Node, type Value } from '../ir/graph.ts'
import { foundSizes, sizesMentioned } from '../ir/found-sizes.ts'
import { effectOf, mapRegions, Rewriter } from '../ir/rewrite.ts'
import { opNamed } from '../op.ts'
import { isListOp } from '../ops/list.ts'
import { mayFail } from './read-element.ts'

/** The graph with loop invariants computed before their loops, innermost loops first. */
export function hoistInvariants(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  for (const old of graph.nodes) {
    const node = rewriter.updated(mapRegions(old, hoistInvariants))
    rewriter.push(node.op === 'while' ? hoisted(rewriter, node) : node)
  }
  return rewriter.finish()
}

/** Puts what can be hoisted before the loop; gives the loop that takes it as further operands. */
function hoisted(rewriter: Rewriter, loop: Node): Node {
  const carried = loop.attrs['carried'] as number
  const operands = [...loop.operands]
  /** Per region, what stands for operands added so far. */
  const added: Value[] = []
  const found = loop.regions.map((region) => {
    const outside = new Map<Value, Value>()
    region.params.forEach((param, i) => {
      const operand = loop.operands[i]
      if (i >= carried && operand !== undefined) outside.set(param, operand)
    })
    return { region, invariants: invariantNodes(region, new Set(outside.keys())), outside }
  })
  const regions = found.map(({ region, invariants, outside }) => {
    const inner = new Rewriter(region)
    const params: Value[] = []
    for (const node of region.nodes) {
      const [result] = node.results
      if (result === undefined || !isWorthIt(node) || !invariants.has(node)) {
        inner.keep(node)
        continue
      }
      const value = bring(rewriter, node, invariants, outside)
      const param = makeValue(result.type)
      params.push(param)
      operands.push(value)
      added.push(value)
      inner.replace(result, param)
    }
    return { graph: inner.finish(), params }
  })
  if (added.length === 0) return loop
  const before = regions.map((_, i) =>
    regions.slice(0, i).reduce((sum, { params }) => sum + params.length, 0),
  )
  return {
    ...loop,
    operands,
    regions: regions.map(({ graph, params }, i) => {
      const first = before[i] ?? 0
      const own = added.map((value, k) => params[k - first] ?? makeValue(value.type))
      return { ...graph, params: [...graph.params, ...own] }
    }),
  }
}

function isWorthIt(node: Node): boolean {
  return node.results.length === 1 && (opNamed(node.op).cost ?? 1) > 0
}

/** The nodes that depend on invariants alone and may as well run before the loop. */
function invariantNodes(region: Graph, known: Set<Value>): ReadonlySet<Node> {
  const found = new Set<Node>()
  const inside = foundSizes(region)
  for (const node of region.nodes) {
    if (effectOf(node) !== 'pure' || mayFail(node)) continue
    if (inside.size > 0 && [...sizesMentioned(node)].some((name) => inside.has(name))) continue
    if (node.op.startsWith('record_') || isListOp(node.op)) continue
    if (!node.operands.every((operand) => known.has(operand))) continue
    found.add(node)
    for (const result of node.results) known.add(result)
  }
  return found
}

/** Computes a node's result before the loop, and what it needs. */
function bring(
  rewriter: Rewriter,
  node: Node,
  invariants: ReadonlySet<Node>,
  outside: Map<Value, Value>,
): Value {
  const [result] = node.results as readonly [Value]
  const known = outside.get(result)
  if (known !== undefined) return known
  for (const other of invariants)
    for (const value of other.results)
      if (node.operands.includes(value) && !outside.has(value)) bring(rewriter, other, invariants, outside)
  const copy: Node = {
    ...node,
    operands: node.operands.map((operand) => outside.get(operand) ?? operand),
    results: node.results.map(({ type }) => makeValue(type)),
  }
  rewriter.push(copy)
  node.results.forEach((value, i) => outside.set(value, copy.results[i] as Value))
  return copy.results[0] as Value
}
