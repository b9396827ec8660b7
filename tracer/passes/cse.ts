/**
 * Common subexpressions: of pure nodes with the same op, operands, attributes and regions, the first one stays.
 *
 * Sums, products and bitwise ops are the same with their operands exchanged. Reads of Variables are not pure, and need not be: after discharge a Variable is read once, or again after a host call.
 */
import type { Graph, Node, Value } from '../ir/graph.ts'
import { effectOf, mapRegions, nodeKey, Rewriter } from '../ir/rewrite.ts'
import { printType } from '../ir/type.ts'

/** Ops of two operands that give the same bits in either order. */
const commutative: ReadonlySet<string> = new Set(['add', 'mul', 'and', 'or', 'xor'])

/** The node as it is compared: operands of commutative ops by number. */
function comparable(node: Node, identify: (value: Value) => number): Node {
  if (!commutative.has(node.op)) return node
  return { ...node, operands: node.operands.toSorted((x, y) => identify(x) - identify(y)) }
}

function sameTypes(x: Node, y: Node): boolean {
  return x.results.every((result, i) => {
    const other = y.results[i]
    return other !== undefined && printType(result.type) === printType(other.type)
  })
}

/** The graph without repeated computations. */
export function cse(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  const numbers = new Map<Value, number>()
  const identify = (value: Value): number => {
    const number = numbers.get(value) ?? numbers.size
    numbers.set(value, number)
    return number
  }
  const seen = new Map<string, Node>()
  for (const old of graph.nodes) {
    const node = rewriter.updated(mapRegions(old, cse))
    if (effectOf(node) === 'pure') {
      const key = nodeKey(comparable(node, identify), identify)
      const same = seen.get(key)
      if (same !== undefined && sameTypes(node, same)) {
        rewriter.replaceAll(node, same.results)
        continue
      }
      seen.set(key, node)
    }
    rewriter.push(node)
  }
  return rewriter.finish()
}
