/**
 * The f32 convolution over one or two axes of space: one long-lived wasm module whose functions take sizes, strides and
 * dilations at run time, so that it is compiled, and optimized by the engine, once per process and serves every shape.
 *
 * It is an implicit matrix product: no matrix of windows is ever made. A tile of results, 5 or 6 neighbouring windows by 8
 * features, stays in registers while the sum runs over all of a window, read where it lies in a padded copy of the image;
 * the kernel is packed once, into panels of 8 features. With strides and the roles of axes exchanged the same code
 * computes the gradients: that of the input is a convolution with the kernel reversed, that of the kernel one of the input
 * with the result's gradient as the kernel. The parts: `conv-parameters.ts` and `conv-problem.ts` (what they share),
 * `conv-micro-kernel.ts` (the sum of a tile), `conv-strip.ts` (rows of tiles), `conv-image.ts` (padding), `conv-driver.ts`
 * and `conv-kernel-driver.ts` (the loops around them). Tiles (`tile.ts`) and packing are the matrix product's.
 *
 * The sum of one element runs over the window in order, from the start value (in `convKernel`, over the images); it
 * depends on nothing but the operands, their sizes and whether the engine has relaxed multiply-add. Padding counts as
 * zeros that are multiplied, so what is not finite in the kernel shows.
 */
import { bytesOfBase64 } from '../base64.ts'
import { WasmModule } from '../wasm/binaryen.ts'
import { convBytes } from './conv-bytes.ts'
import { defineConv, defineConvDense } from './conv-driver.ts'
import { definePadding } from './conv-image.ts'
import { defineConvKernel } from './conv-kernel-driver.ts'
import { defineConvTile } from './conv-micro-kernel.ts'
import { defineConvGlobals } from './conv-problem.ts'
import { defineImage, defineStrips } from './conv-strip.ts'
import { definePacking } from './gemm-pack.ts'
import { type Access, tileShapes } from './tile.ts'

export {
  convBlockPositions,
  convHeadFloats,
  convInitFlag,
  type ConvOperands,
  convParameters,
  convReluFlag,
} from './conv-parameters.ts'

/** What the code is generated for. */
export interface ConvOptions {
  /** Use relaxed multiply-add; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
  /** Use tiles of 16 features, for engines that join adjacent vectors. The results are the same. */
  readonly wide?: boolean
  /** Check the module before encoding it; for tests. */
  readonly validate?: boolean
}

/** The functions of the module. They are wasm exports, so another module can import them directly. */
export interface ConvExports {
  /**
   * `y[b, o, g, f] = act(init[g, f] + sum over k, i of x[b, (o·stride + k·dilation − low) / spread, g, i] · w[k, i, g, f])`.
   *
   * All arguments are i32, in the order of `convParameters`: addresses, flags, sizes, then strides in bytes. Inner
   * features are adjacent in x (`xInner` is not used), groups next to them; features are adjacent in y. w may have any
   * strides, negative ones, too. `scratch` points to `convScratchFloats` numbers, contents irrelevant before and after.
   */
  readonly conv: (...operands: number[]) => void
  /**
   * The same without init and activation when the batch is adjacent in x (`xBatch` is not used), groups next to it, and
   * `spread` may be anything: zeros are put between the pixels of a copy. y must be dense.
   */
  readonly convKernel: (...operands: number[]) => void
}

/** Generates the module; it imports `env.memory` and exports `conv` and `convKernel`. */
export function buildConvModule(options: ConvOptions): Uint8Array<ArrayBuffer> {
  const { wide = false } = options
  const module = new WasmModule()
  module.importMemory()
  defineConvGlobals(module)
  const accesses: readonly Access[] = ['rows', 'columns']
  for (const access of accesses) {
    for (const shape of tileShapes(access, options.relaxed, wide)) defineConvTile(module, shape)
    defineStrips(module, access, options.relaxed, wide)
  }
  definePacking(module)
  definePadding(module)
  defineImage(module, wide)
  defineConvDense(module)
  defineConv(module)
  defineConvKernel(module, wide)
  return module.emit({ validate: options.validate ?? false })
}

/**
 * The module's bytes as they were generated ahead of time (conv-bytes.ts): the same as `buildConvModule` gives. There are
 * none with `wide`.
 */
export function embeddedConvModule(options: ConvOptions): Uint8Array<ArrayBuffer> {
  return bytesOfBase64(options.relaxed ? convBytes.relaxed : convBytes.plain)
}

/** Compiles the module and binds it to a memory. */
export function instantiateConv(
  memory: WebAssembly.Memory,
  options: ConvOptions,
  bytes: Uint8Array<ArrayBuffer> = embeddedConvModule(options),
): ConvExports {
  const module = new WebAssembly.Module(bytes)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return {
    conv: exports['conv'] as ConvExports['conv'],
    convKernel: exports['convKernel'] as ConvExports['convKernel'],
  }
}
