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
import type { Range } from './parts.ts'

/** Names of parameters that are strides begin so; they are given in elements and passed in bytes. */
const strideName = /^[xwy][A-Z]/

/** A part of a convolution: some of its images, features or groups. */
export interface ConvRange {
  readonly axis: 'batch' | 'outer' | 'groups'
  readonly range: Range
  /** The local with the number of the thread that computes it, and how many there are: each has scratch memory. */
  readonly thread: number
  readonly threads: number
}

export function emitConvolution(
  module: WasmModule,
  step: ConvStep,
  frame: FrameReader,
  local: () => number,
  part?: ConvRange,
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
  const parted =
    part === undefined ? operands : { ...operands, ...partOf(module, step, frame, local, part, operands) }
  const call = convParameters.map((name) => {
    const operand = parted[name]
    if (operand !== undefined) return operand
    const value = sizes[name]
    if (value === undefined) throw new InternalError(`a convolution lacks its ${name}`)
    return size(strideName.test(name) ? multiplySizes(value, 4) : value)
  })
  return module.call(step.adjacent === 'batch' ? 'convKernel' : 'conv', call, binaryen.none)
}

/** The operands of a part: where it begins, and how much of it there is. */
function partOf(
  module: WasmModule,
  step: ConvStep,
  frame: FrameReader,
  local: () => number,
  { axis, range, thread, threads }: ConvRange,
  { x, w, y, init, scratch }: Partial<ConvOperands<ExpressionRef>>,
): Partial<ConvOperands<ExpressionRef>> {
  const { i32 } = module
  const { sizes } = step
  const get = (at: number): ExpressionRef => module.local.get(at, binaryen.i32)
  const moved = (address: ExpressionRef | undefined, stride: Size): ExpressionRef => {
    const distance = frame.size(multiplySizes(stride, 4), local)
    return i32.add(address ?? i32.const(0), i32.mul(get(range.first), distance))
  }
  // The step's scratch memory has been made as many times as large as there are threads.
  const all = frame.bufferBytes(step.scratch)
  const share = i32.div_u(frame.size(all, local), i32.const(threads))
  const own = i32.add(scratch ?? i32.const(0), i32.mul(get(thread), i32.and(share, i32.const(-64))))
  const common = { [axis]: get(range.count), scratch: own }
  switch (axis) {
    case 'batch':
      return { ...common, x: moved(x, sizes.xBatch), y: moved(y, sizes.yBatch) }
    case 'outer':
      return {
        ...common,
        w: moved(w, sizes.wOuter),
        y: moved(y, 1),
        ...(step.init === undefined ? {} : { init: moved(init, 1) }),
      }
    case 'groups':
      return {
        ...common,
        x: moved(x, sizes.xGroup),
        w: moved(w, sizes.wGroup),
        y: moved(y, sizes.yGroup),
        ...(step.init === undefined ? {} : { init: moved(init, sizes.outer) }),
      }
  }
}
