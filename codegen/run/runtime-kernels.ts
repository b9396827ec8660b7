/**
 * The code and the memory that all programs of the process share: the matrix product's module, made when the first
 * program with a matrix product is compiled, and its scratch memory. A product never calls the host, so two calls
 * never use the scratch memory at once.
 */
import type { ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
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

/** The address of the matrix product's scratch memory; 0 for a program without products. */
export function gemmScratchAddress(spec: ProgramSpec): number {
  if (scratch === 0 && allSteps(spec.steps).some((step) => step.kind === 'gemm'))
    scratch = allocateBytes(gemmScratchBytes)
  return scratch
}
