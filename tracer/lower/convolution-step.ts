/** A `conv` or `fused_conv` as a step of a program. */
import type { ConvStep } from '../../codegen/program.ts'
import { makeValue, type Node, type Value } from '../ir/graph.ts'
import { at } from '../ops/arguments.ts'
import { convolutionStepOf } from '../passes/convolution.ts'

/** The step; `bufferOf` gives the buffer of a value, making one for those that have none. */
export function convolutionStep(node: Node, bufferOf: (value: Value) => number): ConvStep {
  const { scratchFloats, ...step } = convolutionStepOf(node)
  const [, , init] = node.operands
  return {
    kind: 'conv',
    ...step,
    input: bufferOf(at(node.operands, 0)),
    kernel: bufferOf(at(node.operands, 1)),
    result: bufferOf(at(node.results, 0)),
    init: init === undefined ? undefined : bufferOf(init),
    scratch: bufferOf(makeValue({ dtype: 'float32', shape: [scratchFloats] })),
  }
}
