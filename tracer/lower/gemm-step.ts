/**
 * A matrix product as a step: sizes and strides of a batch of products, and what is fused into them.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { GemmStep } from '../../codegen/program.ts'
import type { Node, Value } from '../ir/graph.ts'
import { matrixProductOf } from '../passes/contraction.ts'

/** The step for a `dot` or `fused_dot`; `bufferOf` gives the buffer behind a value. */
export function gemmStep(node: Node, bufferOf: (value: Value) => number): GemmStep {
  const { batch, rows, columns, inner, a, b, bias, activation } = matrixProductOf(node)
  const [first, second, init] = node.operands
  const [result] = node.results
  if (first === undefined || second === undefined || result === undefined)
    throw new InternalError(`${node.op} lacks an operand or its result`)
  return {
    kind: 'gemm',
    batch,
    rows,
    columns,
    inner,
    a: { buffer: bufferOf(first), ...a },
    b: { buffer: bufferOf(second), ...b },
    c: bufferOf(result),
    init: bias && init !== undefined ? { buffer: bufferOf(init), rowStride: 0, batchStride: 0 } : undefined,
    activation,
  }
}
