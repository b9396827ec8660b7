/**
 * The only door to binaryen. It builds, validates and encodes modules; it never optimizes them: the code generators
 * here already write what V8 wants to see, and `optimize()` undoes some of it.
 *
 * Importing this file awaits binaryen, so everything downstream can build modules synchronously; unless a warm cache was
 * asked for (cache/compile-cache.ts): then binaryen is not loaded in this thread, and what the cache lacks is compiled in
 * another one (cache/other-thread.ts). `WasmModule` is binaryen's own `Module` with the features this project relies on, the one memory import every module shares, and
 * the relaxed SIMD instructions that binaryen encodes but gives no builder method. Two rules for those who build:
 * an expression node is used once (make a fresh one for every use), and names come from a small fixed vocabulary,
 * because binaryen interns them for the life of the process.
 */
import type Binaryen from 'binaryen'
import { openAskedCache, preloadPageCache } from '../cache/compile-cache.ts'
import { canCompileElsewhere } from '../cache/other-thread.ts'
import { loadBinaryen } from './load-binaryen.ts'

/** Only there when `isBinaryenLoaded`. */
export let binaryen: typeof Binaryen

/** A node of the module being built; used exactly once. */
export type ExpressionRef = Binaryen.ExpressionRef
/** A wasm value type, or a tuple of them made by `binaryen.createType`. */
export type WasmType = Binaryen.Type

type RawFunction = (...operands: number[]) => number

function isRawFunction(value: unknown): value is RawFunction {
  return typeof value === 'function'
}

/** A module under construction. Ends with `emit()` or `dispose()`, after which it must not be touched. */
export interface WasmModule extends Binaryen.Module {
  /**
   * Imports `env.memory`. No maximum is declared, so that a memory with any maximum, or none, links. The memory has
   * to be declared before it is imported: an import alone gets a minimum of 0 and a maximum of 65536 pages.
   */
  importMemory(): void
  /** `x * y + z` on four f32 lanes; one rounding where the hardware has a fused multiply-add. */
  relaxedMadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef
  /** `z - x * y` on four f32 lanes; one rounding where the hardware has a fused multiply-add. */
  relaxedNmadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef
  /**
   * Encodes the module and frees it, also when encoding fails.
   *
   * @param options `validate` checks the module first; binaryen prints what is wrong to the console.
   * @throws Error when validation was asked for and failed.
   */
  emit(options?: { readonly validate?: boolean }): Uint8Array<ArrayBuffer>
}

/** Makes an empty module. Only there when `isBinaryenLoaded`. */
export let WasmModule: new () => WasmModule

/** Whether this thread can build modules. */
export function isBinaryenLoaded(): boolean {
  return WasmModule !== undefined
}

/** `WasmModule` for a binaryen that has been loaded; an unfit one fails here, at once. */
function wasmModuleClass(library: typeof Binaryen): new () => WasmModule {
  const enabledFeatures: number =
    library.Features.SIMD128 |
    library.Features.RelaxedSIMD |
    library.Features.BulkMemory |
    library.Features.BulkMemoryOpt |
    library.Features.NontrappingFPToInt |
    library.Features.SignExt |
    library.Features.MutableGlobals |
    library.Features.Multivalue

  // One of binaryen's C functions, for the instructions its JavaScript builder leaves out.
  const ternary: unknown = Reflect.get(library, '_BinaryenSIMDTernary')
  if (!isRawFunction(ternary)) throw new Error('this build of binaryen does not export _BinaryenSIMDTernary')

  return class extends library.Module implements WasmModule {
    constructor() {
      super()
      this.setFeatures(enabledFeatures)
    }

    importMemory(): void {
      this.setMemory(1, -1, null, [], false, false, 'memory')
      this.addMemoryImport('memory', 'env', 'memory', false)
    }

    relaxedMadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef {
      return ternary(this.ptr, library.RelaxedMaddVecF32x4, x, y, z)
    }

    relaxedNmadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef {
      return ternary(this.ptr, library.RelaxedNmaddVecF32x4, x, y, z)
    }

    emit(options: { readonly validate?: boolean } = {}): Uint8Array<ArrayBuffer> {
      try {
        if (options.validate === true && this.validate() === 0)
          throw new Error('the generated wasm module is invalid')
        return new Uint8Array(this.emitBinary())
      } finally {
        this.dispose()
      }
    }
  }
}

if (!(openAskedCache() && canCompileElsewhere())) {
  const [library] = await Promise.all([loadBinaryen(), preloadPageCache()])
  binaryen = library
  WasmModule = wasmModuleClass(library)
}
