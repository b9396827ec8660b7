/**
 * Control flow takes no more operands than it needs: constants move into the regions that use them, where they fuse
 * and fold; an operand given twice is given once; and params that no region uses go.
 */
import type { Graph, Node, Value } from '../ir/graph.ts'
import { makeValue } from '../ir/graph.ts'
import { mapRegions, Rewriter } from '../ir/rewrite.ts'
import { opNamed } from '../op.ts'

/** The graph with narrow control flow, in its regions too. */
export function narrow(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  for (const old of graph.nodes) {
    const node = rewriter.updated(old)
    rewriter.push(isControl(node) ? narrowed(rewriter, node) : mapRegions(node, narrow))
  }
  return rewriter.finish()
}

function isControl({ op }: Node): boolean {
  return op === 'cond' || op === 'while'
}

/** How many operands come before those that every region may have or not: the predicate, or what a loop carries. */
function fixedOperands({ op, attrs }: Node): number {
  return op === 'while' ? (attrs['carried'] as number) : 1
}

function narrowed(rewriter: Rewriter, node: Node): Node {
  const fixed = fixedOperands(node)
  // The predicate of `cond` is no param of its regions.
  const offset = node.op === 'cond' ? 1 : 0
  const first = new Map<Value, number>()
  const constants = new Map<number, Node>()
  const same = new Map<number, number>()
  node.operands.forEach((operand, i) => {
    if (i < fixed) return
    const producer = rewriter.producer(operand)
    if (producer !== undefined && isConstant(producer)) constants.set(i, producer)
    else if (first.has(operand)) same.set(i, first.get(operand) ?? i)
    else first.set(operand, i)
  })
  const regions = node.regions.map((region) => {
    const inner = new Rewriter(region)
    for (const [i, constant] of constants) {
      const param = region.params[i - offset]
      const copy = { ...constant, results: constant.results.map(({ type }) => makeValue(type)) }
      inner.push(copy)
      const [result] = copy.results
      if (param !== undefined && result !== undefined) inner.replace(param, result)
    }
    for (const [i, other] of same) {
      const [param, kept] = [region.params[i - offset], region.params[other - offset]]
      if (param !== undefined && kept !== undefined) inner.replace(param, kept)
    }
    for (const old of region.nodes) inner.keep(old)
    return narrow(inner.finish())
  })
  const used = new Set(
    regions.flatMap(({ nodes, results }) => [...nodes.flatMap((each) => each.operands), ...results]),
  )
  const keeps = (i: number): boolean =>
    i < fixed || regions.some(({ params }) => used.has(params[i - offset] as Value))
  return {
    ...node,
    operands: node.operands.filter((_, i) => keeps(i)),
    regions: regions.map((region) => ({
      ...region,
      params: region.params.filter((_, i) => keeps(i + offset)),
    })),
  }
}

function isConstant(node: Node): boolean {
  return (
    node.operands.length === 0 &&
    node.results.length === 1 &&
    node.op !== 'captured' &&
    node.op !== 'read' &&
    opNamed(node.op).cost === 0
  )
}
