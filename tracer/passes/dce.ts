/**
 * Dead code: one sweep from the end keeps what writes and what something kept uses. A fallible op whose result is unused
 * goes, and its check with it. Captures that no node names any more go too; parameters stay, they are the signature.
 */
import { namesOfSize } from '../../codegen/size.ts'
import { foundBy, sizesMentioned } from '../ir/found-sizes.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { effectOf, mapRegions } from '../ir/rewrite.ts'

function addCaptureNames(graph: Graph, names: Set<string>): void {
  for (const node of graph.nodes) {
    const name = node.op === 'captured' ? node.attrs['name'] : node.attrs['variable']
    if (typeof name === 'string') names.add(name)
    for (const region of node.regions) addCaptureNames(region, names)
  }
}

/** The graph without nodes and captures that nothing needs. */
export function dce(graph: Graph): Graph {
  const live = new Set<Value>(graph.results)
  const kept: Node[] = []
  const finds = graph.nodes.some((node) => foundBy(node).length > 0)
  /** Sizes that what is kept mentions. */
  const sizes = new Set<string>()
  for (const { type } of graph.results) for (const size of type.shape) namesOfSize(size, sizes)
  for (const node of graph.nodes.toReversed()) {
    const isUsed =
      effectOf(node) === 'write' ||
      node.results.some((result) => live.has(result)) ||
      foundBy(node).some((name) => sizes.has(name))
    if (!isUsed) continue
    if (finds) sizesMentioned(node, sizes)
    kept.push(mapRegions(node, dce))
    for (const operand of node.operands) live.add(operand)
  }
  const nodes = kept.reverse()
  const names = new Set<string>()
  addCaptureNames({ ...graph, nodes }, names)
  return { ...graph, nodes, captures: graph.captures.filter((capture) => names.has(capture.name)) }
}
