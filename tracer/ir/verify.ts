/**
 * Checks that a graph is one: what every pass may rely on and must leave true.
 *
 * Every value is defined once and before its uses; every node's results have the types that the op's rule gives for its
 * operands; captures have unique names, exist where they are used and have the type that is read or assigned; regions
 * use only what is theirs. A failure shows the graph's text with a marker at the node.
 */
import { InternalError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { opNamed } from '../op.ts'
import type { Capture, Graph, Node, Value } from './graph.ts'
import { printGraph, printNode, valueNames } from './print.ts'
import { printType, type TensorType } from './type.ts'

type Captures = ReadonlyMap<string, Capture>

/** The first line of a node in its graph's text gets an arrow; without a node, none does. */
function markedText(outermost: Graph, graph: Graph, node: Node | undefined): string {
  if (node === undefined) return printGraph(outermost)
  const names = valueNames(graph)
  const at = printNode(node, names).split('\n')[0] ?? ''
  const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim()
  const wanted = squeeze(at)
  let marked = false
  const lines = printGraph(outermost)
    .split('\n')
    .map((line) => {
      const here = !marked && squeeze(line) === wanted
      marked ||= here
      return here ? `>${line.slice(1)}` : line
    })
  return marked ? lines.join('\n') : `> ${at}\n${lines.join('\n')}`
}

/** Types that some call can make equal: what an operand needs of the parameter or Variable it is bound to. */
function typesMayAgree(x: TensorType, y: TensorType): boolean {
  return (
    x.dtype === y.dtype &&
    x.shape.length === y.shape.length &&
    x.shape.every((size, axis) => sizesEqual(size, y.shape[axis] ?? -1) !== false)
  )
}

class Verification {
  readonly #outermost: Graph

  constructor(outermost: Graph) {
    this.#outermost = outermost
  }

  #fail(what: string, graph: Graph, node?: Node): never {
    throw new InternalError(`invalid graph ${graph.name}: ${what}`, markedText(this.#outermost, graph, node))
  }

  graph(graph: Graph, outer: Captures): void {
    const captures = this.#captures(graph, outer)
    const visible = new Set<Value>()
    const define = (value: Value, node?: Node): void => {
      if (visible.has(value)) this.#fail('a value is defined twice', graph, node)
      visible.add(value)
    }
    for (const param of graph.params) define(param)
    for (const node of graph.nodes) {
      for (const [i, operand] of node.operands.entries())
        if (!visible.has(operand))
          this.#fail(`operand ${i} of ${node.op} is not defined above it`, graph, node)
      this.#state(graph, node, captures)
      this.#regions(graph, node)
      this.#types(graph, node)
      for (const region of node.regions) this.graph(region, captures)
      for (const result of node.results) define(result, node)
    }
    for (const [i, result] of graph.results.entries())
      if (!visible.has(result))
        this.#fail(`result ${i}, ${printType(result.type)}, is not defined in it`, graph)
  }

  #captures(graph: Graph, outer: Captures): Captures {
    const captures = new Map(outer)
    const own = new Set<string>()
    for (const capture of graph.captures) {
      if (own.has(capture.name)) this.#fail(`two captures are called @${capture.name}`, graph)
      own.add(capture.name)
      captures.set(capture.name, capture)
    }
    return captures
  }

  /** Nodes about captures: the capture exists, is of the right kind, and has the type read or assigned. */
  #state(graph: Graph, node: Node, captures: Captures): void {
    const wanted = node.op === 'captured' ? 'tensor' : 'variable'
    if (!['read', 'captured', 'assign', 'commit'].includes(node.op)) return
    const name = node.attrs[node.op === 'captured' ? 'name' : 'variable']
    const capture = typeof name === 'string' ? captures.get(name) : undefined
    if (capture === undefined)
      this.#fail(
        `${node.op} of @${typeof name === 'string' ? name : '?'}, which is not captured`,
        graph,
        node,
      )
    if (capture.kind !== wanted)
      this.#fail(`${node.op} of @${capture.name}, which is a ${capture.kind}`, graph, node)
    const reads = node.op === 'read' || node.op === 'captured'
    const type = reads ? node.results[0]?.type : node.operands[0]?.type
    if (capture.open === true && type?.dtype === capture.type.dtype) return
    if (
      type === undefined ||
      (reads ? printType(type) !== printType(capture.type) : !typesMayAgree(type, capture.type))
    )
      this.#fail(
        `${node.op} of @${capture.name}, a ${printType(capture.type)}, as ${type === undefined ? 'nothing' : printType(type)}`,
        graph,
        node,
      )
  }

  /** A fusion group is applied like a function, in the sizes of the graph around it. */
  #regions(graph: Graph, node: Node): void {
    if (node.op !== 'fusion') return
    const region = node.regions[0]
    if (region === undefined || node.regions.length !== 1) this.#fail('a fusion has one region', graph, node)
    if (region.params.length !== node.operands.length)
      this.#fail(
        `the region takes ${region.params.length} parameters, not ${node.operands.length}`,
        graph,
        node,
      )
    region.params.forEach((param, i) => {
      const operand = node.operands[i]
      if (operand !== undefined && printType(operand.type) !== printType(param.type))
        this.#fail(
          `operand ${i} is ${printType(operand.type)}, the parameter ${printType(param.type)}`,
          graph,
          node,
        )
    })
  }

  #types(graph: Graph, node: Node): void {
    let types: readonly TensorType[]
    try {
      types = opNamed(node.op).type(
        node.operands.map((operand) => operand.type),
        node.attrs,
        node.regions,
      )
    } catch (error) {
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
      this.#fail(`the type rule of ${node.op} refuses: ${reason}`, graph, node)
    }
    const expected = types.map(printType).join(', ')
    const actual = node.results.map((result) => printType(result.type)).join(', ')
    if (expected !== actual) this.#fail(`${node.op} gives (${expected}), not (${actual})`, graph, node)
  }
}

/** Throws InternalError, with the graph's text and a marker at the node at fault, unless the graph is valid. */
export function verifyGraph(graph: Graph): void {
  new Verification(graph).graph(graph, new Map())
}
