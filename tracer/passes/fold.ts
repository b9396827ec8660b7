/**
 * Constant folding: a node whose operands are all small constants is computed now.
 *
 * The evaluator is given by the caller and runs the same compiled kernels that the program would, so folding cannot
 * change a bit of the result. Results beyond 1024 elements are left to be computed, and so are broadcasts, which would
 * only make a constant larger.
 */
import { sizesEqual } from '../../codegen/size.ts'
import type { AttrValue, Graph, Node } from '../ir/graph.ts'
import { effectOf, mapRegions, Rewriter } from '../ir/rewrite.ts'
import type { TensorType } from '../ir/type.ts'

/** The elements of a constant, in row-major order. */
export interface ConstantData {
  readonly type: TensorType
  readonly values: readonly number[]
}

/** Computes a node with one result from its operands' data; undefined leaves the node as it is. */
export type Evaluate = (node: Node, operands: readonly ConstantData[]) => ConstantData | undefined

const mostElements = 1024
const neverFolded: ReadonlySet<string> = new Set(['constant', 'broadcast', 'iota', 'captured'])

/** Elements of a static shape, or undefined for too many or unknown. */
function smallCount(type: TensorType): number | undefined {
  let count = 1
  for (const size of type.shape) {
    if (typeof size !== 'number') return undefined
    count *= size
  }
  return count <= mostElements ? count : undefined
}

/** The data of a `constant` node, if it is small. */
function constantData(node: Node | undefined): ConstantData | undefined {
  const type = node?.results[0]?.type
  if (node?.op !== 'constant' || type === undefined) return undefined
  const count = smallCount(type)
  const values = node.attrs['values']
  if (count === undefined) return undefined
  if (!Array.isArray(values)) return undefined
  const list = (values as readonly AttrValue[]).filter((value) => typeof value === 'number')
  return list.length === count ? { type, values: list } : undefined
}

function foldNode(rewriter: Rewriter, node: Node, evaluate: Evaluate): ConstantData | undefined {
  const type = node.results[0]?.type
  if (neverFolded.has(node.op) || type === undefined || node.results.length !== 1) return undefined
  if (node.operands.length === 0 || node.regions.length > 0 || effectOf(node) !== 'pure') return undefined
  if (smallCount(type) === undefined) return undefined
  const operands: ConstantData[] = []
  for (const operand of node.operands) {
    const data = constantData(rewriter.producer(operand))
    if (data === undefined) return undefined
    operands.push(data)
  }
  const folded = evaluate(rewriter.updated(node), operands)
  const agrees =
    folded?.type.dtype === type.dtype &&
    folded.type.shape.length === type.shape.length &&
    folded.type.shape.every((size, axis) => sizesEqual(size, type.shape[axis] ?? -1) === true)
  return agrees ? folded : undefined
}

/** The graph with nodes over small constants replaced by constants. */
export function fold(graph: Graph, evaluate: Evaluate): Graph {
  const rewriter = new Rewriter(graph)
  for (const old of graph.nodes) {
    const node = mapRegions(old, (region) => fold(region, evaluate))
    const folded = foldNode(rewriter, node, evaluate)
    if (folded === undefined) {
      rewriter.keep(node)
      continue
    }
    const { dtype, shape } = folded.type
    const attrs = { dtype, shape, values: folded.values }
    rewriter.replaceAll(node, rewriter.append('constant', [], attrs, { source: node.source }))
  }
  return rewriter.finish()
}
