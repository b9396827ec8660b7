/**
 * Calls are replaced by the body of what they call.
 *
 * The body is copied with fresh values and with its size names bound by the operands' types, so one traced graph may be
 * called many times. What the callee assumed of its sizes becomes a guard of the caller, unless it is plainly true.
 */
import { InternalError } from '../../codegen/errors.ts'
import { type Size, sizesEqual } from '../../codegen/size.ts'
import { withNewFoundSizes } from '../ir/found-sizes.ts'
import { type Capture, type Graph, type Guard, type Node, type Value, textAttribute } from '../ir/graph.ts'
import { mapRegions, retyped, Rewriter, sizeBindings, substituteSizes } from '../ir/rewrite.ts'

/** Guards and captures gathered from callees, without repeats. */
export class Assumptions {
  readonly guards: Guard[]
  readonly captures: Capture[]

  constructor(graph: Graph) {
    this.guards = [...graph.guards]
    this.captures = [...graph.captures]
  }

  /** Two sizes must be equal. */
  require(x: Size, y: Size, reason: string): void {
    if (sizesEqual(x, y) === true) return
    const same = (guard: Guard): boolean => sizesEqual(guard.x, x) === true && sizesEqual(guard.y, y) === true
    if (!this.guards.some(same)) this.guards.push({ x, y, reason })
  }

  /** Takes over what an inlined graph assumes. */
  add(graph: Graph): void {
    for (const guard of graph.guards) this.require(guard.x, guard.y, guard.reason)
    for (const capture of graph.captures)
      if (!this.captures.some((known) => known.name === capture.name)) this.captures.push(capture)
  }
}

/**
 * A fresh copy of a call's region whose parameters stand for the call's operands in `rewriter`. The caller walks the
 * copy's nodes, then replaces the call's results by the copy's.
 */
export function instantiate(rewriter: Rewriter, call: Node, assumptions: Assumptions): Graph {
  const region = call.regions[0]
  if (region === undefined) throw new InternalError('a call without a region')
  const operands = call.operands.map((operand) => rewriter.current(operand))
  const bindings = sizeBindings(
    region.params,
    operands.map((operand) => operand.type),
  )
  const body = substituteSizes(withNewFoundSizes(region), (name) => bindings.get(name))
  assumptions.add(body)
  body.params.forEach((param, i) => {
    const operand = operands[i]
    if (operand === undefined) throw new InternalError(`a call without operand ${i}`)
    const reason = `call of ${textAttribute(call, 'callee')}${call.source === undefined ? '' : ` at ${call.source}`}`
    param.type.shape.forEach((size, axis) =>
      assumptions.require(operand.type.shape[axis] ?? size, size, reason),
    )
    rewriter.replace(param, retyped(rewriter, operand, param.type, call.source))
  })
  return body
}

function inlineNodes(rewriter: Rewriter, nodes: readonly Node[], assumptions: Assumptions): void {
  for (const node of nodes) {
    if (node.op !== 'call' && node.op !== 'custom_call') {
      rewriter.keep(mapRegions(node, inline))
      continue
    }
    const body = instantiate(rewriter, node, assumptions)
    inlineNodes(rewriter, body.nodes, assumptions)
    const results: readonly Value[] = body.results
    rewriter.replaceAll(node, results)
  }
}

/** The graph without `call` nodes, in its regions too. */
export function inline(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  const assumptions = new Assumptions(graph)
  inlineNodes(rewriter, graph.nodes, assumptions)
  return rewriter.finish({ guards: assumptions.guards, captures: assumptions.captures })
}
