/**
 * The f32 matrix product: one long-lived wasm module whose functions take sizes and strides at run time, so that it
 * is compiled, and optimized by the engine, once per process and serves every shape.
 *
 * The scheme is the usual one for processors with caches: B is packed into panels of 8 columns and at most 256 rows,
 * a tile of C of 5 or 6 rows stays in registers while a panel streams by, and A is read where it lies (unless its
 * rows are not adjacent and many columns make packing worth it). The parts:
 * `gemm-problem.ts` (sizes, globals), `tile.ts` and `gemm-micro-kernel.ts` (a tile), `gemm-strip.ts` (a strip of them),
 * `gemm-pack.ts` (packing), `gemm-vector.ts` (products with a vector) and `gemm-driver.ts` (blocks, batches).
 *
 * The sum of one element runs over k in order, from the start value, in blocks (in four parts where a vector is
 * multiplied by a matrix whose columns are contiguous); it depends on nothing but the
 * operands, their sizes and whether the engine has relaxed multiply-add. Zeros are multiplied like any other number,
 * so an infinity or a NaN anywhere in a row or column reaches every result it should.
 */
import { bytesOfBase64 } from '../base64.ts'
import { WasmModule } from '../wasm/binaryen.ts'
import { gemmBytes } from './gemm-bytes.ts'
import { defineGemm, defineGemmBatched, defineGemmBlock } from './gemm-driver.ts'
import { defineMicroKernel } from './gemm-micro-kernel.ts'
import { definePacking } from './gemm-pack.ts'
import { defineRagged, defineStrip } from './gemm-strip.ts'
import { defineGlobals } from './gemm-problem.ts'
import { defineVectorProducts } from './gemm-vector.ts'
import { type Access, tileShapes } from './tile.ts'

export { initBatchedFlag, initFlag, reluFlag } from './gemm-parameters.ts'
export { gemmScratchBytes } from './gemm-problem.ts'

/** What the code is generated for. */
export interface GemmOptions {
  /** Use relaxed multiply-add; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
  /** Use tiles of 16 columns, for engines that join adjacent vectors. The results are the same. */
  readonly wide?: boolean
  /** Check the module before encoding it; for tests. */
  readonly validate?: boolean
}

/** The functions of the module. They are wasm exports, so another module can import them directly. */
export interface GemmExports {
  /**
   * `C[i,j] = act(start[i,j] + sum over k of A[i,k] * B[k,j])` for f32 matrices in the module's memory.
   *
   * All arguments are i32; `a`, `b`, `c`, `init`, `scratch` are addresses, strides are in bytes. A has M x K
   * elements `aRowStride` and `aColumnStride` apart, B has K x N likewise; the columns of C and init are adjacent.
   * With `initFlag`, `start` is init (a bias has `initRowStride` 0; accumulating into C is init = c with equal
   * strides), else 0. With `reluFlag`, `act(x)` is `max(x, 0)` and keeps NaN. K may be 0; M or N may be 0, then
   * nothing is written. C must not overlap A or B, nor init unless they coincide. `scratch` points to
   * `gemmScratchBytes` bytes, contents irrelevant before and after.
   */
  readonly gemm: (
    a: number,
    b: number,
    c: number,
    init: number,
    M: number,
    N: number,
    K: number,
    aRowStride: number,
    aColumnStride: number,
    bRowStride: number,
    bColumnStride: number,
    cRowStride: number,
    initRowStride: number,
    flags: number,
    scratch: number,
  ) => void
  /**
   * `gemm` for `batch` triples of matrices, the strides in bytes (0 shares an operand). init is the same for all,
   * unless `initBatchedFlag` is set: then it advances with C.
   */
  readonly gemmBatched: (
    batch: number,
    aBatchStride: number,
    bBatchStride: number,
    cBatchStride: number,
    a: number,
    b: number,
    c: number,
    init: number,
    M: number,
    N: number,
    K: number,
    aRowStride: number,
    aColumnStride: number,
    bRowStride: number,
    bColumnStride: number,
    cRowStride: number,
    initRowStride: number,
    flags: number,
    scratch: number,
  ) => void
}

/** Generates the module; it imports `env.memory` and exports `gemm` and `gemmBatched`. */
export function buildGemmModule(options: GemmOptions): Uint8Array<ArrayBuffer> {
  const { wide = false } = options
  const module = new WasmModule()
  module.importMemory()
  defineGlobals(module)
  const accesses: readonly Access[] = ['rows', 'columns']
  for (const access of accesses) {
    for (const shape of tileShapes(access, options.relaxed, wide)) defineMicroKernel(module, shape)
    defineStrip(module, access, options.relaxed, wide)
    defineRagged(module, access, options.relaxed)
  }
  definePacking(module)
  defineVectorProducts(module, options.relaxed)
  defineGemmBlock(module, options.relaxed)
  defineGemm(module)
  defineGemmBatched(module)
  return module.emit({ validate: options.validate ?? false })
}

/**
 * The module's bytes as they were generated ahead of time (gemm-bytes.ts): the same as `buildGemmModule` gives. There are
 * none with `wide`.
 */
export function embeddedGemmModule(options: GemmOptions): Uint8Array<ArrayBuffer> {
  return bytesOfBase64(options.relaxed ? gemmBytes.relaxed : gemmBytes.plain)
}

/** Compiles the module and binds it to a memory. */
export function instantiateGemm(
  memory: WebAssembly.Memory,
  options: GemmOptions,
  bytes: Uint8Array<ArrayBuffer> = embeddedGemmModule(options),
): GemmExports {
  const module = new WebAssembly.Module(bytes)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return {
    gemm: exports['gemm'] as GemmExports['gemm'],
    gemmBatched: exports['gemmBatched'] as GemmExports['gemmBatched'],
  }
}
