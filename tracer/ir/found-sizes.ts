/**
 * Sizes that a program finds while it runs: how long a list is, how large an element of it.
 *
 * A node that finds sizes names them in its attribute `found`; they are in the types of its results, and of what is
 * computed from those. They mean something from that node on: where a graph is copied they get new names, and a node
 * that mentions one must stay behind the node that finds it.
 */
import { namesOfSize, printSize, type Size, sizeName, SizePolynomial } from '../../codegen/size.ts'
import type { AttrValue, Graph, Node } from './graph.ts'
import { substituteSizes } from './rewrite.ts'

let made = 0

/** A name for a size that a program will find. */
export function newFoundSize(): SizePolynomial {
  return sizeName(`found${++made}`)
}

const foundName = /^found\d+$/

/** True when the size depends on one that a program finds, here or in the graph it came from. */
export function dependsOnFound(size: Size): boolean {
  if (typeof size === 'number') return false
  for (const name of namesOfSize(size)) if (foundName.test(name)) return true
  return false
}

/** The names of the sizes that a node finds itself. */
export function foundBy(node: Node): readonly string[] {
  const { found } = node.attrs
  if (found === undefined || !Array.isArray(found)) return []
  return (found as readonly AttrValue[]).flatMap((size) =>
    size instanceof SizePolynomial ? [printSize(size)] : [],
  )
}

/** The names of all sizes found in a graph, its regions included. */
export function foundSizes(graph: Graph, names: Set<string> = new Set()): Set<string> {
  for (const node of graph.nodes) {
    for (const name of foundBy(node)) names.add(name)
    for (const region of node.regions) foundSizes(region, names)
  }
  return names
}

function addAttr(value: AttrValue, names: Set<string>): void {
  if (value === null || typeof value !== 'object') return
  if (value instanceof SizePolynomial) namesOfSize(value, names)
  else for (const entry of Object.values(value) as readonly AttrValue[]) addAttr(entry, names)
}

/** The size names that a node mentions in its attributes, in the types of its results, and inside its regions. */
export function sizesMentioned(node: Node, names: Set<string> = new Set()): ReadonlySet<string> {
  for (const [key, value] of Object.entries(node.attrs)) if (key !== 'found') addAttr(value, names)
  for (const { type } of node.results) for (const size of type.shape) namesOfSize(size, names)
  for (const { nodes, params } of node.regions) {
    for (const { type } of params) for (const size of type.shape) namesOfSize(size, names)
    for (const inner of nodes) sizesMentioned(inner, names)
  }
  return names
}

/** A copy of the graph in which the sizes it finds have names of their own; the same graph when it finds none. */
export function withNewFoundSizes(graph: Graph): Graph {
  const names = foundSizes(graph)
  if (names.size === 0) return graph
  const fresh = new Map([...names].map((name) => [name, newFoundSize()]))
  return substituteSizes(graph, (name) => fresh.get(name))
}
