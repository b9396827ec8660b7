/** A `conv` or `fused_conv` as a step of a program. */
import { InternalError } from '../../codegen/errors.ts'
import type { ConvStep } from '../../codegen/program.ts'
import { makeValue, type Node, type Value } from '../ir/graph.ts'
import { convolutionStepOf } from '../passes/convolution.ts'

/** The step; `bufferOf` gives the buffer of a value, making one for those that have none. */
export function convolutionStep(node: Node, bufferOf: (value: Value) => number): ConvStep {
  const { scratchFloats, ...step } = convolutionStepOf(node)
  const [input, kernel, init] = node.operands
  const [result] = node.results
  if (input === undefined || kernel === undefined || result === undefined)
    throw new InternalError(`${node.op} lacks an operand or its result`)
  return {
    kind: 'conv',
    ...step,
    input: bufferOf(input),
    kernel: bufferOf(kernel),
    result: bufferOf(result),
    init: init === undefined ? undefined : bufferOf(init),
    scratch: bufferOf(makeValue({ dtype: 'float32', shape: [scratchFloats] })),
  }
}
