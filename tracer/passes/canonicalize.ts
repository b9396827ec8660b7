/**
 * Local rewrites towards one form per meaning, tried node by node in program order until none applies.
 *
 * The rules are directional and keep every bit (see the rule files for what they leave alone). A rewrite must leave the
 * text of the result's type as it is: where sizes are equal only by a guard, the node stays.
 */
import type { Attrs, Graph, Node, Value } from '../ir/graph.ts'
import { makeNode, mapRegions, Rewriter } from '../ir/rewrite.ts'
import { printType } from '../ir/type.ts'
import { arithmeticRules } from './arithmetic-rules.ts'
import { dotRules } from './dot-rules.ts'
import { movementRules } from './movement-rules.ts'
import type { Match, Rule } from './rules.ts'

const rules: ReadonlyMap<string, readonly Rule[]> = new Map([
  ...Object.entries(arithmeticRules),
  ...Object.entries(movementRules),
  ...Object.entries(dotRules),
])

/** The value that a node's result is by some rule, if any. `node` has current operands. */
function simplified(rewriter: Rewriter, node: Node): Value | undefined {
  const type = node.results[0]?.type
  if (type === undefined || node.results.length !== 1) return undefined
  const match: Match = {
    node,
    type,
    producer: (value) => rewriter.producer(value),
    build: (op, operands, attrs) => build(rewriter, op, operands, attrs ?? {}, node.source),
  }
  for (const rule of rules.get(node.op) ?? []) {
    const value = rule(match)
    if (value !== undefined && printType(value.type) === printType(type)) return value
  }
  return undefined
}

function build(
  rewriter: Rewriter,
  op: string,
  operands: readonly Value[],
  attrs: Attrs,
  source: string | undefined,
): Value {
  const node = makeNode(op, operands, attrs, { source })
  const value = simplified(rewriter, node)
  if (value !== undefined) return value
  rewriter.push(node)
  return node.results[0] as Value
}

/** The graph with local rewrites applied, in its regions too. What they leave unused is for `dce` to remove. */
export function canonicalize(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  for (const old of graph.nodes) {
    const node = rewriter.updated(mapRegions(old, canonicalize))
    const value = simplified(rewriter, node)
    if (value === undefined) rewriter.push(node)
    else rewriter.replaceAll(node, [value])
  }
  return rewriter.finish()
}
