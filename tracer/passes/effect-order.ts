/**
 * What must run before what, besides data: the order of effects.
 *
 * Nodes with effects keep the order they have in the program. A node that can fail counts as one of them where it
 * meets an effect: what was stored or printed before it stays so, and what comes after does not happen. A Variable is
 * read again after a host call, and what was read before one was read before it. What mentions a size that the program
 * finds while it runs waits for the node that finds it.
 */
import { foundBy, sizesMentioned } from '../ir/found-sizes.ts'
import type { Graph, Node } from '../ir/graph.ts'
import { effectOf } from '../ir/rewrite.ts'
import { callsHost, mayFail } from './read-element.ts'

function commits({ nodes }: Graph): boolean {
  return nodes.some((node) => node.op === 'commit' || node.regions.some(commits))
}

/** For each node that must wait, the nodes it waits for; those they wait for in turn are left out. */
export function effectOrder(graph: Graph): ReadonlyMap<Node, readonly Node[]> {
  const before = new Map<Node, readonly Node[]>()
  let lastEffect: Node | undefined
  let lastHostCall: Node | undefined
  /** Nodes since the last effect that can fail, and reads since the last host call. */
  let fallible: Node[] = []
  let reads: Node[] = []
  const finders = new Map(graph.nodes.flatMap((node) => foundBy(node).map((name) => [name, node] as const)))
  for (const node of graph.nodes) {
    const effect = effectOf(node)
    const waits: Node[] = []
    if (effect === 'write') {
      if (lastEffect !== undefined) waits.push(lastEffect)
      waits.push(...fallible)
      fallible = []
      lastEffect = node
      if (callsHost(node) || node.regions.some(commits)) {
        waits.push(...reads)
        reads = []
        lastHostCall = node
      }
    } else if (effect === 'read') {
      if (lastHostCall !== undefined) waits.push(lastHostCall)
      reads.push(node)
    } else if (mayFail(node)) {
      if (lastEffect !== undefined) waits.push(lastEffect)
      fallible.push(node)
    }
    if (finders.size > 0)
      for (const name of sizesMentioned(node)) {
        const finder = finders.get(name)
        if (finder !== undefined && finder !== node && !waits.includes(finder)) waits.push(finder)
      }
    if (waits.length > 0) before.set(node, waits)
  }
  return before
}
