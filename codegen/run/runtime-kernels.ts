/**
 * The code and the memory that all programs of the process share: the modules of the matrix product and of the
 * convolution, each made when the first program that needs it is compiled, and the former's scratch memory. A product never calls the host, so two calls
 * never use the scratch memory at once; every thread has its own.
 */
import type { ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
import { type ConvExports, embeddedConvModule, instantiateConv } from '../runtime-kernels/conv.ts'
import {
  embeddedGemmModule,
  gemmScratchBytes,
  type GemmExports,
  instantiateGemm,
} from '../runtime-kernels/gemm.ts'
import { currentPool } from '../threads/current-pool.ts'
import { withSharedMemory } from '../threads/shared-module.ts'
import { isWide, markedBytes } from '../threads/wide-mode.ts'
import { features } from '../wasm/features.ts'
import { allocateBytes, memory } from './heap.ts'
import { wideKernels } from './wide-kernels.ts'

let exports: GemmExports | undefined
let scratch = 0

/** The matrix product's functions. */
export function gemmExports(): GemmExports {
  const options = { relaxed: features.relaxedSimd }
  if (exports === undefined) {
    const bytes = isWide() ? wideKernels('gemm', options.relaxed) : embeddedGemmModule(options)
    exports = instantiateGemm(memory, options, forMemory('gemm', bytes))
  }
  return exports
}

let convolution: ConvExports | undefined

/** The convolution's functions. */
export function convExports(): ConvExports {
  const options = { relaxed: features.relaxedSimd }
  if (convolution === undefined) {
    const bytes = isWide() ? wideKernels('conv', options.relaxed) : embeddedConvModule(options)
    convolution = instantiateConv(memory, options, forMemory('conv', bytes))
  }
  return convolution
}

/** A module for the memory there is; when there are threads, they get it, too. */
function forMemory(name: string, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const pool = currentPool()
  if (pool === undefined) return markedBytes(bytes)
  const shared = markedBytes(withSharedMemory(bytes))
  pool.addKernels(name, new WebAssembly.Module(shared))
  return shared
}

/** Forgets all of this: the memory has been replaced. */
export function forgetRuntimeKernels(): void {
  exports = undefined
  convolution = undefined
  scratch = 0
}

/** The address of the matrix product's scratch memory; 0 for a program without products. */
export function gemmScratchAddress(spec: ProgramSpec): number {
  if (scratch === 0 && allSteps(spec.steps).some((step) => step.kind === 'gemm'))
    scratch = allocateBytes(gemmScratchBytes * (currentPool()?.threads ?? 1))
  return scratch
}
