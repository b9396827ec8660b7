/**
 * Fusion: from one node per op to one node per kernel.
 *
 * Nodes that are formulas per element are gathered into *clusters*; a cluster becomes a `fusion` node whose region is
 * run as one loop nest: `prefix` outer loops that all members share, and inside them a loop per member that needs more
 * axes. So a row softmax is one kernel over rows, its max, sum and quotient being three inner loops.
 *
 * Data movement and constants cost nothing to repeat and are copied into every cluster that reads through them. Any
 * other node starts a cluster of its own and joins the clusters it reads from when
 *  - the two agree on at least one leading axis (then what is shared per row stays in registers or in cache), or
 *  - it is the only reader, and reads each element once (then the producer disappears into the reader),
 * and when joining makes no cycle through a node outside. What is read from outside its cluster is materialised.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { opNamed } from '../op.ts'
import { fusionOp } from '../ops/state.ts'
import { mapRegions } from '../ir/rewrite.ts'
import { type Access, accessesOf } from './access.ts'
import { fuseEpilogues, isGemm } from './contraction.ts'
import { isConvolutionStep } from './convolution.ts'
import { effectOrder } from './effect-order.ts'
import { ItemOrder } from './item-order.ts'
import { canFail, hasElements } from './read-element.ts'

interface Cluster {
  /** In program order. */
  members: Node[]
  /** Number of shared outer loops. */
  prefix: number
}

/** Formulas are gone through by recursion, so no kernel has one that is longer. */
const mostInOne = 512

export function fuse(original: Graph): Graph {
  const graph = fuseEpilogues(original)
  const clustering = new Clustering(graph)
  clustering.run()
  return clustering.rebuild()
}

class Clustering {
  readonly #graph: Graph
  readonly #definitions = new Map<Value, Node>()
  readonly #order = new Map<Node, number>()
  readonly #users = new Map<Value, Node[]>()
  readonly #materialised = new Set<Value>()
  readonly #clusterOf = new Map<Node, Cluster>()
  readonly #copied = new Map<Node, boolean>()
  /** How deep formulas of copied nodes are. */
  readonly #depths = new Map<Value, number>()
  /** The nodes that a node waits for though it does not use them. */
  readonly #before: ReadonlyMap<Node, readonly Node[]>

  constructor(graph: Graph) {
    this.#graph = graph
    this.#before = effectOrder(graph)
    graph.nodes.forEach((node, i) => {
      this.#order.set(node, i)
      for (const result of node.results) this.#definitions.set(result, node)
      for (const operand of new Set(node.operands)) {
        const users = this.#users.get(operand)
        if (users === undefined) this.#users.set(operand, [node])
        else users.push(node)
      }
    })
    for (const result of graph.results) this.#materialised.add(result)
    for (const node of graph.nodes)
      if (!isFusible(node) && opNamed(node.op).lower.kind !== 'loops')
        for (const operand of node.operands) this.#materialised.add(operand)
      else if (canFail(node))
        for (const operand of node.operands)
          if (operand.type.dtype === 'int32') this.#materialised.add(operand)
  }

  run(): void {
    const order = new ItemOrder<Node, Node | Cluster>({
      itemOf: (node) => this.#clusterOf.get(node) ?? node,
      membersOf: (item) => ('members' in item ? item.members : [item]),
      waitsFor: this.#waits(),
    })
    for (const node of this.#graph.nodes) {
      if (!isFusible(node)) order.place(node, this.#positionOf(node))
      if (!isFusible(node) || this.#isCopied(node)) continue
      const accesses = accessesOf(node, (value) => this.#copiedDefinition(value))
      const [result] = node.results
      const own: Cluster = { members: [node], prefix: result?.type.shape.length ?? 0 }
      this.#clusterOf.set(node, own)
      order.place(own, this.#positionOf(node))
      for (const access of accesses) {
        const producer = this.#definitions.get(access.value)
        if (producer === undefined) continue
        const theirs = this.#clusterOf.get(producer)
        const mine = this.#clusterOf.get(node)
        if (theirs === undefined || mine === undefined || theirs === mine) continue
        if (theirs.members.length + mine.members.length > mostInOne) continue
        const prefix = this.#prefixOfUnion(theirs, mine, access, node)
        const union = prefix === undefined ? undefined : order.union(theirs, mine)
        if (prefix === undefined || union === undefined) continue
        order.unite(union, theirs)
        this.#unite(theirs, mine, prefix)
      }
    }
  }

  /** Nodes that cost nothing to repeat are part of every reader; see the head of this file. */
  #isCopied(node: Node): boolean {
    let answer = this.#copied.get(node)
    if (answer === undefined) this.#copied.set(node, (answer = this.#decideCopied(node)))
    return answer
  }

  #decideCopied(node: Node): boolean {
    const definition = opNamed(node.op)
    const [result] = node.results
    if (result === undefined || canFail(node)) return false
    if ((definition.cost ?? 1) === 0) return true
    // A scalar formula is computed before the loops of its only reader; one of constants and sizes alone before those
    // of any.
    const rank = result.type.shape.length
    const depth = 1 + Math.max(0, ...node.operands.map((operand) => this.#depths.get(operand) ?? 0))
    const isCopied =
      rank === 0 &&
      depth <= mostInOne &&
      definition.lower.kind === 'index' &&
      !this.#materialised.has(result) &&
      (this.#readers(result).length <= 1 ||
        node.operands.every((operand) => this.#copiedDefinition(operand)?.operands.length === 0)) &&
      node.operands.every((operand) => operand.type.shape.length === 0)
    if (isCopied) this.#depths.set(result, depth)
    return isCopied
  }

  #copiedDefinition(value: Value): Node | undefined {
    const node = this.#definitions.get(value)
    return node !== undefined && isFusible(node) && this.#isCopied(node) ? node : undefined
  }

  /** The nodes that read a value, through copied nodes. */
  #readers(value: Value): readonly Node[] {
    const readers: Node[] = []
    for (const user of this.#users.get(value) ?? []) {
      const [result] = user.results
      if (result !== undefined && isFusible(user) && (opNamed(user.op).cost ?? 1) === 0) {
        readers.push(...this.#readers(result))
        if (this.#materialised.has(result)) readers.push(user)
      } else readers.push(user)
    }
    return readers
  }

  #prefixOfUnion(theirs: Cluster, mine: Cluster, access: Access, reader: Node): number | undefined {
    const shared = Math.min(theirs.prefix, mine.prefix, access.aligned)
    if (shared >= 1) return shared
    const scalars = (cluster: Cluster): boolean =>
      cluster.members.every((member) => member.results.every((result) => result.type.shape.length === 0))
    if (scalars(theirs) && scalars(mine)) return 0
    // The reader swallows its producers: no one else may need them, and nothing may be computed twice, as what a row of
    // the producers shares would be when the reader goes through them column by column.
    const sharesNothing = theirs.prefix >= access.value.type.shape.length
    if (access.once && sharesNothing && this.#isOnlyFor(theirs, access.value, reader)) return mine.prefix
    return undefined
  }

  /** True when the cluster's only value in use outside it is `value`, and its only reader is `reader`. */
  #isOnlyFor(cluster: Cluster, value: Value, reader: Node): boolean {
    return cluster.members.every((member) =>
      member.results.every((result) => {
        if (this.#materialised.has(result)) return false
        const outside = this.#readers(result).filter((user) => this.#clusterOf.get(user) !== cluster)
        return result === value ? outside.every((user) => user === reader) : outside.length === 0
      }),
    )
  }

  /** What each node outside of copied ones waits for: copied nodes become part of what reads them. */
  #waits(): ReadonlyMap<Node, ReadonlySet<Node>> {
    const waits = new Map<Node, Set<Node>>()
    for (const node of this.#graph.nodes) {
      const found = new Set<Node>()
      const add = (definition: Node): void => {
        if (!isFusible(definition) || !this.#isCopied(definition)) found.add(definition)
        else for (const through of waits.get(definition) ?? []) found.add(through)
      }
      for (const operand of node.operands) {
        const definition = this.#definitions.get(operand)
        if (definition !== undefined) add(definition)
      }
      for (const earlier of this.#before.get(node) ?? []) add(earlier)
      waits.set(node, found)
    }
    for (const node of this.#graph.nodes) if (isFusible(node) && this.#isCopied(node)) waits.delete(node)
    return waits
  }

  #unite(theirs: Cluster, mine: Cluster, prefix: number): void {
    theirs.members = [...theirs.members, ...mine.members].sort(
      (a, b) => this.#positionOf(a) - this.#positionOf(b),
    )
    theirs.prefix = prefix
    for (const member of mine.members) this.#clusterOf.set(member, theirs)
  }

  #positionOf(node: Node): number {
    return this.#order.get(node) ?? 0
  }

  /** The graph with a `fusion` node per cluster, in an order that respects data and effects. */
  rebuild(): Graph {
    const items: Node[] = []
    /** The item that each node is in. */
    const itemOf = new Map<Node, Node>()
    const add = (item: Node, members: readonly Node[]): void => {
      items.push(item)
      for (const member of members) itemOf.set(member, item)
    }
    const done = new Set<Cluster>()
    for (const node of this.#graph.nodes) {
      const cluster = this.#clusterOf.get(node)
      if (cluster !== undefined) {
        if (!done.has(cluster)) add(this.#fusionNode(cluster), cluster.members)
        done.add(cluster)
      } else if (opNamed(node.op).lower.kind === 'loops') add(this.#loopsNode(node), [node])
      else if (isFusible(node)) {
        const [result] = node.results
        if (result !== undefined && this.#materialised.has(result)) items.push(this.#copiedAsItem(node))
      } else add(mapRegions(node, fuse), [node])
    }
    const before = new Map<Node, Node[]>()
    for (const [node, others] of this.#before) {
      const item = itemOf.get(node)
      const waits = others.flatMap((other) => itemOf.get(other) ?? []).filter((other) => other !== item)
      if (item !== undefined) before.set(item, [...(before.get(item) ?? []), ...waits])
    }
    return { ...this.#graph, nodes: inOrder(items, before, this.#graph.name) }
  }

  /** A copied node whose value is wanted in memory: constants stay, movement becomes a fusion of its own. */
  #copiedAsItem(node: Node): Node {
    if (node.op === 'constant' && node.operands.length === 0) return node
    return this.#fusionNode({ members: [node], prefix: node.results[0]?.type.shape.length ?? 0 })
  }

  #loopsNode(node: Node): Node {
    return this.#region([node], node.results, { prefix: 0 })
  }

  #fusionNode(cluster: Cluster): Node {
    const members = new Set(cluster.members)
    const outputs = cluster.members.flatMap((member) =>
      member.results.filter(
        (result) =>
          this.#materialised.has(result) || this.#readers(result).some((user) => !members.has(user)),
      ),
    )
    return this.#region(cluster.members, outputs, { prefix: cluster.prefix })
  }

  /** A fusion node around `members` and copies of what they read through. */
  #region(members: readonly Node[], outputs: readonly Value[], attrs: { readonly prefix: number }): Node {
    const inside = new Set(members)
    const nodes = new Set<Node>()
    const params = new Map<Value, Value>()
    const visit = (node: Node): void => {
      if (nodes.has(node)) return
      for (const operand of node.operands) {
        const definition = this.#definitions.get(operand)
        if (
          definition !== undefined &&
          (inside.has(definition) || this.#copiedDefinition(operand) !== undefined)
        )
          visit(definition)
        else if (!params.has(operand)) params.set(operand, { type: operand.type })
      }
      nodes.add(node)
    }
    for (const member of members) visit(member)
    const renamed = new Map<Value, Value>(params)
    const region: Node[] = []
    for (const node of nodes) {
      const results = node.results.map((result) => {
        const copy: Value = { type: result.type }
        renamed.set(result, copy)
        return copy
      })
      region.push({
        ...node,
        operands: node.operands.map((operand) => renamed.get(operand) ?? operand),
        results,
      })
    }
    const source = members.at(-1)?.source
    return {
      op: fusionOp.name,
      operands: [...params.keys()],
      attrs,
      regions: [
        {
          name: 'fusion',
          params: [...params.values()],
          captures: [],
          nodes: region,
          results: outputs.map((output) => renamed.get(output) ?? output),
          guards: [],
        },
      ],
      results: outputs,
      ...(source === undefined ? {} : { source }),
    }
  }
}

/** So many constants it is cheaper to choose between than to load. */
const mostChosen = 4

/** True for constants that are worth a place in memory. */
function isTable(node: Node): boolean {
  return node.op === 'constant' && new Set(node.attrs['values'] as readonly unknown[]).size > mostChosen
}

/** True for nodes that may be members of a cluster: formulas per element that are not left to a module of their own. */
function isFusible(node: Node): boolean {
  return hasElements(node) && !isTable(node) && !isGemm(node) && !isConvolutionStep(node)
}

/** Sorts so that values come before their uses, what nodes wait for before them, and otherwise the given order stays. */
function inOrder(
  nodes: readonly Node[],
  before: ReadonlyMap<Node, readonly Node[]>,
  name: string,
): readonly Node[] {
  const definition = new Map<Value, Node>()
  for (const node of nodes) for (const result of node.results) definition.set(result, node)
  const sorted: Node[] = []
  const state = new Map<Node, 'open' | 'done'>()
  const visit = (node: Node): void => {
    const known = state.get(node)
    if (known === 'done') return
    if (known === 'open') throw new InternalError(`fusion of ${name} made a cycle at ${node.op}`)
    state.set(node, 'open')
    for (const earlier of before.get(node) ?? []) visit(earlier)
    for (const operand of node.operands) {
      const from = definition.get(operand)
      if (from !== undefined) visit(from)
    }
    state.set(node, 'done')
    sorted.push(node)
  }
  for (const node of nodes) visit(node)
  return sorted
}
