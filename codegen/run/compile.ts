/**
 * From a planned program to a module that runs: each kernel goes through the loop passes, all are assembled into one
 * module with the steps as its `main`, and the module is bound to the memory, the host and the shared kernels. With a
 * compile cache all but the last is done once per program and machine.
 */
import {
  cachedModule,
  cacheModule,
  compileCounts,
  hasCompileCache,
  rejectModule,
} from '../cache/compile-cache.ts'
import { assembleElsewhere } from '../cache/other-thread.ts'
import { programKey } from '../cache/program-key.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import { optimizeKernel } from '../passes/pipeline.ts'
import type { ProgramSpec } from '../program.ts'
import { allSteps } from '../steps.ts'
import { currentPool } from '../threads/current-pool.ts'
import { threadImports } from '../threads/imports.ts'
import { withSharedMemory } from '../threads/shared-module.ts'
import { markedBytes } from '../threads/wide-mode.ts'
import { assembleProgram, frameLayout, type FrameLayout } from '../wasm/assemble.ts'
import { isBinaryenLoaded } from '../wasm/binaryen.ts'
import { features } from '../wasm/features.ts'
import { hostMath } from '../wasm/host-math.ts'
import { memory } from './heap.ts'
import { profiledMain } from './profiler.ts'
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
  /** Given what is to be called when the program is no longer needed, once other threads know it. */
  readonly enlisted: (forget: () => void) => void
}

/** A module bound to its imports. */
export interface CompiledProgram {
  readonly main: (frame: number) => void
  /** The same with its steps timed, for calls while there is an active profile (profiler.ts). */
  readonly profiledMain: (frame: number) => void
  readonly frame: FrameLayout
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The optimized kernels, one per kernel step; of a program from the cache they are made when asked for. */
  readonly kernels: () => readonly Kernel[]
}

type Main = (frame: number) => void

function isMain(value: unknown): value is Main {
  return typeof value === 'function'
}

/** Compiles a program whose commits are all copies. */
export function compileProgram(spec: ProgramSpec, imports: HostImports): CompiledProgram {
  const kinds = new Set(allSteps(spec.steps).map((step) => step.kind))
  const gemm = kinds.has('gemm') ? { ...gemmExports() } : {}
  const conv = kinds.has('conv') ? { ...convExports() } : {}
  const bind = (bytes: Uint8Array<ArrayBuffer>): Main =>
    instantiate(
      spec.name,
      bytes,
      { env: { memory, ...imports }, math: hostMath, gemm, conv },
      imports.enlisted,
    )
  const frame = frameLayout(spec)
  const profiled = profiledMain(
    spec,
    frame,
    imports.host,
    (marked, host) => compileProgram(marked, { ...imports, host }).main,
  )
  const key = hasCompileCache() ? programKey(spec) : ''
  const cached = hasCompileCache() ? cachedModule(key) : undefined
  if (cached !== undefined)
    try {
      return {
        main: bind(cached),
        profiledMain: profiled,
        frame,
        bytes: cached,
        kernels: () => optimizedKernels(spec),
      }
    } catch (error) {
      if (!(error instanceof InternalError)) throw error
      rejectModule()
    }
  const kernels = optimizedKernels(spec)
  const bytes = assemble(spec, kernels)
  compileCounts.compiled++
  const main = bind(bytes)
  if (hasCompileCache()) cacheModule(key, bytes)
  return { main, profiledMain: profiled, frame, bytes, kernels: () => kernels }
}

function optimizedKernels(spec: ProgramSpec): readonly Kernel[] {
  return allSteps(spec.steps).flatMap((step) =>
    step.kind === 'kernel' ? [optimizeKernel(step.pool, step.kernel)] : [],
  )
}

function assemble(spec: ProgramSpec, kernels: readonly Kernel[]): Uint8Array<ArrayBuffer> {
  const relaxed = features.relaxedSimd
  return isBinaryenLoaded()
    ? assembleProgram(spec, kernels, { relaxed }).bytes
    : assembleElsewhere(spec, kernels, relaxed)
}

function instantiate(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  imports: WebAssembly.Imports,
  enlisted: HostImports['enlisted'],
): Main {
  const pool = currentPool()
  try {
    const module = new WebAssembly.Module(markedBytes(pool === undefined ? bytes : withSharedMemory(bytes)))
    const threads = pool === undefined ? {} : threadImports(pool, module, enlisted)
    const { exports } = new WebAssembly.Instance(module, { ...imports, threads })
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
