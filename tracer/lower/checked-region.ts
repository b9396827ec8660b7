/**
 * Conditions that nothing but a check looks at.
 *
 * The kernel that computes a check's failure code takes in the fusion that computes its condition, so that the condition
 * is never in memory.
 */
import type { Graph, Node, Value } from '../ir/graph.ts'
import { canFail, hasElements } from '../passes/read-element.ts'

/** The fusions whose only result is the condition of one check, by that result. */
export function producersOfChecks(
  nodes: readonly Node[],
  results: readonly Value[],
): ReadonlyMap<Value, Node> {
  const uses = new Map<Value, number>(results.map((result) => [result, 2]))
  const checked = new Set<Value>()
  for (const node of nodes) {
    for (const operand of node.operands) uses.set(operand, (uses.get(operand) ?? 0) + 1)
    const [condition] = node.operands
    if (node.op === 'check' && condition !== undefined) checked.add(condition)
  }
  const found = new Map<Value, Node>()
  for (const node of nodes) {
    const [result, ...others] = node.results
    if (node.op !== 'fusion' || result === undefined || others.length > 0) continue
    const isFormula = node.regions[0]?.nodes.every((inner) => hasElements(inner) && !canFail(inner))
    if (checked.has(result) && uses.get(result) === 1 && isFormula === true) found.set(result, node)
  }
  return found
}

/** The region a check's kernel is made of, the check inside it, and the values outside that its params stand for. */
export function checkedRegion(
  node: Node,
  producer: Node | undefined,
): { readonly region: Graph; readonly kernelNode: Node; readonly outer: ReadonlyMap<Value, Value> } {
  const [inner] = producer?.regions ?? []
  const [condition] = inner?.results ?? []
  if (producer === undefined || inner === undefined || condition === undefined) {
    const region = { name: node.op, params: node.operands, captures: [], nodes: [], results: [], guards: [] }
    return { region, kernelNode: node, outer: new Map() }
  }
  const outer = new Map<Value, Value>()
  inner.params.forEach((param, i) => {
    const operand = producer.operands[i]
    if (operand !== undefined) outer.set(param, operand)
  })
  const kernelNode = { ...node, operands: [condition, ...node.operands.slice(1)] }
  return { region: inner, kernelNode, outer }
}
