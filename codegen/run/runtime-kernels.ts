/**
 * The code and the memory that all programs of the process share: the modules of the matrix product and of the
 * convolution, each made when the first program that needs it is compiled, and the former's scratch memory. A product never calls the host, so two calls
 * never use the scratch memory at once.
 */
import type { ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
import { type ConvExports, instantiateConv } from '../runtime-kernels/conv.ts'
import { gemmScratchBytes, type GemmExports, instantiateGemm } from '../runtime-kernels/gemm.ts'
import { features } from '../wasm/features.ts'
import { allocateBytes, memory } from './heap.ts'

let exports: GemmExports | undefined
let scratch = 0

/** The matrix product's functions. */
export function gemmExports(): GemmExports {
  exports ??= instantiateGemm(memory, { relaxed: features.relaxedSimd })
  return exports
}

let convolution: ConvExports | undefined

/** The convolution's functions. */
export function convExports(): ConvExports {
  convolution ??= instantiateConv(memory, { relaxed: features.relaxedSimd })
  return convolution
}

/** The address of the matrix product's scratch memory; 0 for a program without products. */
export function gemmScratchAddress(spec: ProgramSpec): number {
  if (scratch === 0 && allSteps(spec.steps).some((step) => step.kind === 'gemm'))
    scratch = allocateBytes(gemmScratchBytes)
  return scratch
}
