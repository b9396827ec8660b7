/**
 * A loop that another one repeats and does more is done by that one alone.
 *
 * The gradient of a loop runs it again and leaves a record of each iteration for the way back; where the loop's own results
 * are wanted too, as a loss is beside its gradient, the loop with the records gives both. It is found by its beginning:
 * it carries the same values first, from the same start, by the same region, and what it carries besides begins as an
 * empty chain of records, which the others do not depend on.
 */
import { type Graph, makeValue, type Node, type Value } from '../ir/graph.ts'
import { printGraph } from '../ir/print.ts'
import { effectOf, makeNode, mapRegions, Rewriter } from '../ir/rewrite.ts'
import { dce } from './dce.ts'

/** The graph without loops that later ones repeat, in its regions too. */
export function mergeLoops(original: Graph): Graph {
  const graph = { ...original, nodes: original.nodes.map((node) => mapRegions(node, mergeLoops)) }
  const definitions = new Map(graph.nodes.flatMap((node) => node.results.map((result) => [result, node])))
  const loops = graph.nodes.filter((node) => node.op === 'while' && effectOf(node) === 'pure')
  const rewriter = new Rewriter(graph)
  const done = new Set<Node>()
  for (const node of graph.nodes) {
    if (done.has(node)) continue
    const more = loops.includes(node)
      ? loops.find((other) => loops.indexOf(other) > loops.indexOf(node) && repeats(other, node, definitions))
      : undefined
    if (more === undefined) {
      rewriter.keep(node)
      continue
    }
    done.add(more)
    const carried = carriedBy(node)
    const operands = more.operands.map((operand, i) => {
      if (i < carried || i >= carriedBy(more)) return operand
      const none = makeNode('record_none', [], {}, { source: more.source })
      rewriter.push(none)
      return none.results[0] as Value
    })
    rewriter.keep({ ...more, operands })
    rewriter.replaceAll(node, more.results.slice(0, carried))
  }
  return rewriter.finish()
}

function carriedBy(loop: Node): number {
  return loop.attrs['carried'] as number
}

/** True when `more` carries what `loop` does in the same way, and records besides. */
function repeats(more: Node, loop: Node, definitions: ReadonlyMap<Value, Node>): boolean {
  const [carried, all] = [carriedBy(loop), carriedBy(more)]
  if (all <= carried) return false
  if (loop.operands.slice(0, carried).some((operand, i) => operand !== more.operands[i])) return false
  if (more.operands.slice(carried, all).some((operand) => definitions.get(operand)?.op !== 'record_none'))
    return false
  const invariants = more.operands.slice(all)
  if (invariants.some((operand) => !loop.operands.slice(carried).includes(operand))) return false
  return loop.regions.every((region, i) => {
    const other = more.regions[i]
    const count = i === 0 ? 1 : carried
    const own = beginning(region, loop, loop, count)
    return own !== undefined && other !== undefined && own === beginning(other, more, loop, count)
  })
}

/**
 * The first `count` results of a region of `node` as text, its params being those for the operands of `loop`; undefined
 * when they depend on others.
 */
function beginning(region: Graph, node: Node, loop: Node, count: number): string | undefined {
  const [own, carried] = [carriedBy(node), carriedBy(loop)]
  const params = loop.operands.map((operand, i) => {
    const at = i < carried ? i : node.operands.indexOf(operand, own)
    return region.params[at] ?? makeValue(operand.type)
  })
  const part = dce({ ...region, name: 'region', params, results: region.results.slice(0, count) })
  const known = new Set(params)
  const foreign = region.params.filter((param) => !known.has(param))
  const uses = new Set([...part.nodes.flatMap((inner) => inner.operands), ...part.results])
  if (foreign.some((param) => uses.has(param))) return undefined
  return printGraph(part, { sources: false })
}
