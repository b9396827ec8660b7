/**
 * Evaluates one node over constants, for folding: the node is lowered and optimised like any other, and its kernel is
 * interpreted. The interpreter computes bit for bit what the compiled kernel would, without compiling it.
 */
import { allocate } from '../../codegen/dtype.ts'
import { interpretKernel } from '../../codegen/interpret.ts'
import { optimizeKernel } from '../../codegen/passes/pipeline.ts'
import { elementCount, isStaticShape } from '../../codegen/size.ts'
import { features } from '../../codegen/wasm/features.ts'
import { type Graph, makeValue, type Node } from '../ir/graph.ts'
import type { ConstantData } from '../passes/fold.ts'
import { canFail, hasElements } from '../passes/read-element.ts'
import { lowerCluster } from './cluster.ts'

/** The elements of `node`'s result, or undefined when the node is not a formula per element or may fail. */
export function evaluateNode(node: Node, operands: readonly ConstantData[]): ConstantData | undefined {
  const [result] = node.results
  if (result === undefined || !isStaticShape(result.type.shape) || !hasElements(node) || canFail(node))
    return undefined
  if (elementCount(result.type.shape) === 0) return { type: result.type, values: [] }
  const params = operands.map((operand) => makeValue(operand.type))
  const value = makeValue(result.type)
  const region: Graph = {
    name: 'fold',
    params,
    captures: [],
    nodes: [{ ...node, operands: params, results: [value] }],
    results: [value],
    guards: [],
  }
  const { kernel, pool, buffers } = lowerCluster('fold', region, result.type.shape.length)
  const data = new Map(operands.map((operand, i) => [params[i], fill(operand)] as const))
  const output = allocate(result.type.dtype, elementCount(result.type.shape) as number)
  const optimised = optimizeKernel(pool, kernel)
  const memory = new Map(kernel.buffers.map((buffer, i) => [buffer, data.get(buffers[i]) ?? output]))
  interpretKernel(optimised, memory, new Map(), { relaxed: features.relaxedSimd })
  return { type: result.type, values: Array.from(output) }
}

function fill({ type, values }: ConstantData): ReturnType<typeof allocate> {
  const data = allocate(type.dtype, values.length)
  data.set(values)
  return data
}
