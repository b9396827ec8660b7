/**
 * From a planned program to a module that runs: each kernel goes through the loop passes, all are assembled into one
 * module with the steps as its `main`, and the module is bound to the memory, the host and the shared kernels.
 */
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import { optimizeKernel } from '../passes/pipeline.ts'
import type { ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
import { assembleProgram, type FrameLayout } from '../wasm/assemble.ts'
import { features } from '../wasm/features.ts'
import { hostMath } from '../wasm/host-math.ts'
import { memory } from './heap.ts'
import { convExports, gemmExports } from './runtime-kernels.ts'

/** What compiled code calls outside: all but `grow` are given the id of the step. */
export interface HostImports {
  /** Called for a check whose value is not 0; throws. */
  readonly fail: (id: number, value: number) => never
  readonly host: (id: number) => void
  /** Makes room for records up to the offset `end`. */
  readonly grow: (end: number) => void
  readonly pop: (id: number) => void
  readonly merge: (id: number) => void
  readonly list: (id: number) => void
}

/** A module bound to its imports. */
export interface CompiledProgram {
  readonly main: (frame: number) => void
  readonly frame: FrameLayout
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The optimized kernels, one per kernel step. */
  readonly kernels: readonly Kernel[]
}

type Main = (frame: number) => void

function isMain(value: unknown): value is Main {
  return typeof value === 'function'
}

/** Compiles a program whose commits are all copies. */
export function compileProgram(spec: ProgramSpec, imports: HostImports): CompiledProgram {
  const relaxed = features.relaxedSimd
  const kernels = allSteps(spec.steps).flatMap((step) =>
    step.kind === 'kernel' ? [optimizeKernel(step.pool, step.kernel)] : [],
  )
  const { bytes, frame } = assembleProgram(spec, kernels, { relaxed })
  const kinds = new Set(allSteps(spec.steps).map((step) => step.kind))
  const gemm = kinds.has('gemm') ? { ...gemmExports() } : {}
  const conv = kinds.has('conv') ? { ...convExports() } : {}
  const main = instantiate(spec.name, bytes, {
    env: { memory, ...imports },
    math: hostMath,
    gemm,
    conv,
  })
  return { main, frame, bytes, kernels }
}

function instantiate(name: string, bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): Main {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)
    const main: unknown = exports['main']
    if (isMain(main)) return main
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError)) throw error
    throw new InternalError(`the code made for program ${name} is not valid: ${error.message}`, undefined, {
      cause: error,
    })
  }
  throw new InternalError(`the module of program ${name} has no main`)
}
