/**
 * Variables become values: what a Variable holds is followed through the program, so that later passes see data flow.
 *
 * The first `read @v` stays and is the content at entry. Later reads are the value last assigned. An `assign` writes
 * nothing yet: its value is pending, and is written by a `commit` at the end of the graph, or just before a node that
 * may stop the program or show its state (a check, a print, a host call, an op that can fail). So
 * `assignAdd(1); assert(false); assignAdd(10)` leaves +1, while assignments with nothing between them commit once.
 * Nothing is committed that storage already holds. After a host call, which may assign any Variable, all are read again.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { effectOf, mapRegions, retyped, Rewriter, useCounts } from '../ir/rewrite.ts'
import { commitOp } from '../ops/state.ts'
import { Assumptions, instantiate } from './inline.ts'
import { callsHost, mayFail } from './read-element.ts'

/** Ops that only the outermost graph may have; regions take the contents of Variables as operands. */
const variableOps: ReadonlySet<string> = new Set(['read', 'assign', 'commit'])

function usesVariables(graph: Graph): boolean {
  return graph.nodes.some((node) => variableOps.has(node.op) || node.regions.some(usesVariables))
}

class Discharge {
  readonly #rewriter: Rewriter
  readonly #assumptions: Assumptions
  readonly #representative: (name: string) => string
  readonly #uses: ReadonlyMap<Value, number>
  /** What each Variable holds at this place of the program, where that is known. */
  readonly #content = new Map<string, Value>()
  /** What its storage holds. */
  readonly #stored = new Map<string, Value>()
  /** Variables assigned since the last commits, by first assignment. */
  readonly #pending = new Set<string>()

  constructor(graph: Graph, aliases: ReadonlyMap<string, string>) {
    this.#rewriter = new Rewriter(graph)
    this.#assumptions = new Assumptions(graph)
    this.#uses = useCounts(graph)
    this.#representative = (name) => aliases.get(name) ?? name
  }

  run(): Graph {
    this.#walk(this.#rewriter.graph.nodes, this.#uses)
    this.#commit()
    return this.#rewriter.finish({ guards: this.#assumptions.guards, captures: this.#assumptions.captures })
  }

  #walk(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): void {
    for (const node of nodes) {
      switch (node.op) {
        case 'read':
          this.#read(node)
          break
        case 'assign':
        case 'commit':
          this.#assign(node)
          break
        case 'call': {
          const body = instantiate(this.#rewriter, node, this.#assumptions)
          this.#walk(body.nodes, useCounts(body))
          this.#rewriter.replaceAll(node, body.results)
          break
        }
        default:
          this.#other(node, uses)
      }
    }
  }

  #variable(node: Node): string {
    const name = node.attrs['variable']
    if (typeof name !== 'string') throw new InternalError(`${node.op} names no variable`)
    return this.#representative(name)
  }

  #read(node: Node): void {
    const variable = this.#variable(node)
    const result = node.results[0]
    if (result === undefined) throw new InternalError('read without a result')
    const content = this.#content.get(variable)
    if (content !== undefined) {
      this.#rewriter.replace(result, retyped(this.#rewriter, content, result.type, node.source))
      return
    }
    this.#rewriter.push(
      node.attrs['variable'] === variable ? node : { ...node, attrs: { ...node.attrs, variable } },
    )
    this.#content.set(variable, result)
    this.#stored.set(variable, result)
  }

  #assign(node: Node): void {
    const variable = this.#variable(node)
    const operand = node.operands[0]
    if (operand === undefined) throw new InternalError(`${node.op} @${variable} without a value`)
    this.#content.set(variable, this.#rewriter.current(operand))
    this.#pending.add(variable)
  }

  #commit(): void {
    for (const variable of this.#pending) {
      const content = this.#content.get(variable)
      if (content === undefined || content === this.#stored.get(variable)) continue
      this.#rewriter.append(commitOp.name, [content], { variable })
      this.#stored.set(variable, content)
    }
    this.#pending.clear()
  }

  #other(node: Node, uses: ReadonlyMap<Value, number>): void {
    const effect = effectOf(node)
    if (node.regions.some(usesVariables))
      throw new InternalError(`${node.op} reads or assigns variables inside its regions`)
    const used = node.results.some((result) => (uses.get(result) ?? 0) > 0)
    if (effect === 'write' || (used && mayFail(node))) this.#commit()
    this.#rewriter.keep(mapRegions(node, (region) => discharge(region)))
    if (!callsHost(node)) return
    this.#content.clear()
    this.#stored.clear()
  }
}

/**
 * The graph with Variables followed as values. `aliases` maps a capture's name to the name that stands for it, for
 * captures known to be the same Variable in this call pattern.
 */
export function discharge(graph: Graph, aliases: ReadonlyMap<string, string> = new Map()): Graph {
  return new Discharge(graph, aliases).run()
}
