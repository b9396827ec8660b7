/**
 * Variables become values: what a Variable holds is followed through the program, so that later passes see data flow.
 *
 * The first `read @v` stays and is the content at entry. Later reads are the value last assigned. An `assign` writes
 * nothing yet: its value is pending, and is written by a `commit` at the end of the graph, or just before a node that
 * may stop the program or show its state (a check, a print, a host call, an op that can fail). So
 * `assignAdd(1); assert(false); assignAdd(10)` leaves +1, while assignments with nothing between them commit once.
 * Nothing is committed that storage already holds. After a host call, which may assign any Variable, all are read again.
 *
 * In branches and loops Variables are values already: an `assign` there only says when it happens. It is forgotten, unless
 * something follows that may stop the program: before that, and in a branch or loop that calls the host at its end, a
 * `commit` stores it.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { effectOf, mapRegions, retyped, Rewriter, useCounts } from '../ir/rewrite.ts'
import { commitOp } from '../ops/state.ts'
import { Assumptions, instantiate } from './inline.ts'
import { callsHost, mayFail } from './read-element.ts'

/** Where in a program a graph stands. */
interface Place {
  readonly representative: (name: string) => string
  /**
   * `keep`: what is pending at the end is known to the graph around, as a result of the node. `commit`: it must be
   * stored, since nobody else knows it.
   */
  readonly atEnd: 'commit' | 'keep'
}

/** The Variables that are committed in the regions of a node. */
function committedInside(node: Node, names: Set<string> = new Set()): ReadonlySet<string> {
  for (const { nodes } of node.regions)
    for (const inner of nodes) {
      const name = inner.attrs['variable']
      if (inner.op === commitOp.name && typeof name === 'string') names.add(name)
      committedInside(inner, names)
    }
  return names
}

class Discharge {
  readonly #rewriter: Rewriter
  readonly #assumptions: Assumptions
  readonly #place: Place
  readonly #uses: ReadonlyMap<Value, number>
  /** What each Variable holds at this place of the program, where that is known. */
  readonly #content = new Map<string, Value>()
  /** What its storage holds. */
  readonly #stored = new Map<string, Value>()
  /** Variables assigned since the last commits, by first assignment. */
  readonly #pending = new Set<string>()

  constructor(graph: Graph, place: Place) {
    this.#rewriter = new Rewriter(graph)
    this.#assumptions = new Assumptions(graph)
    this.#uses = useCounts(graph)
    this.#place = place
  }

  run(): Graph {
    this.#walk(this.#rewriter.graph.nodes, this.#uses)
    if (this.#place.atEnd === 'commit') this.#commit()
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
    return this.#place.representative(name)
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
    const used = node.results.some((result) => (uses.get(result) ?? 0) > 0)
    if (effect === 'write' || (used && mayFail(node))) this.#commit()
    const { representative } = this.#place
    const calls = callsHost(node)
    const place: Place = { representative, atEnd: calls ? 'commit' : 'keep' }
    const kept = this.#rewriter.keep(mapRegions(node, (region) => new Discharge(region, place).run()))
    for (const variable of committedInside(kept)) this.#stored.delete(variable)
    if (!calls) return
    this.#content.clear()
    this.#stored.clear()
  }
}

/**
 * The graph with Variables followed as values. `aliases` maps a capture's name to the name that stands for it, for
 * captures known to be the same Variable in this call pattern.
 */
export function discharge(graph: Graph, aliases: ReadonlyMap<string, string> = new Map()): Graph {
  return new Discharge(graph, {
    representative: (name) => aliases.get(name) ?? name,
    atEnd: 'commit',
  }).run()
}
