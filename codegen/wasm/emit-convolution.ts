/** A convolution step as a call of the convolution's module. */
import { InternalError } from '../errors.ts'
import type { ConvStep } from '../program.ts'
import {
  convInitFlag,
  type ConvOperands,
  convParameters,
  convReluFlag,
} from '../runtime-kernels/conv-parameters.ts'
import { multiplySizes, type Size } from '../size.ts'
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { FrameReader } from './frame.ts'

/** Names of parameters that are strides begin so; they are given in elements and passed in bytes. */
const strideName = /^[xwy][A-Z]/

export function emitConvolution(
  module: WasmModule,
  step: ConvStep,
  frame: FrameReader,
  local: () => number,
): ExpressionRef {
  const { i32 } = module
  const size = (value: Size): ExpressionRef => frame.size(value, local)
  const { init } = step
  const flags = (init === undefined ? 0 : convInitFlag) | (step.activation === 'relu' ? convReluFlag : 0)
  const operands: Partial<ConvOperands<ExpressionRef>> = {
    x: frame.address(step.input),
    w: i32.add(frame.address(step.kernel), size(multiplySizes(step.kernelStart, 4))),
    y: frame.address(step.result),
    init: init === undefined ? i32.const(0) : frame.address(init),
    scratch: frame.address(step.scratch),
    flags: i32.const(flags),
  }
  const sizes: Readonly<Record<string, Size>> = step.sizes
  const call = convParameters.map((name) => {
    const operand = operands[name]
    if (operand !== undefined) return operand
    const value = sizes[name]
    if (value === undefined) throw new InternalError(`a convolution lacks its ${name}`)
    return size(strideName.test(name) ? multiplySizes(value, 4) : value)
  })
  return module.call(step.adjacent === 'batch' ? 'convKernel' : 'conv', call, binaryen.none)
}
