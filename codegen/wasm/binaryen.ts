/**
 * The only door to binaryen. It builds, validates and encodes modules; it never optimizes them: the code generators
 * here already write what V8 wants to see, and `optimize()` undoes some of it.
 *
 * Importing this file awaits binaryen, so everything downstream can build modules synchronously. `WasmModule` is
 * binaryen's own `Module` with the features this project relies on, the one memory import every module shares, and
 * the relaxed SIMD instructions that binaryen encodes but gives no builder method. Two rules for those who build:
 * an expression node is used once (make a fresh one for every use), and names come from a small fixed vocabulary,
 * because binaryen interns them for the life of the process.
 */
import type Binaryen from 'binaryen'
import { loadBinaryen } from './load-binaryen.ts'

export const binaryen: typeof Binaryen = await loadBinaryen()

/** A node of the module being built; used exactly once. */
export type ExpressionRef = Binaryen.ExpressionRef
/** A wasm value type, or a tuple of them made by `binaryen.createType`. */
export type WasmType = Binaryen.Type

type RawFunction = (...operands: number[]) => number

function isRawFunction(value: unknown): value is RawFunction {
  return typeof value === 'function'
}

/** One of binaryen's C functions, for the instructions its JavaScript builder leaves out. */
function rawFunction(name: string): RawFunction {
  const value: unknown = Reflect.get(binaryen, name)
  if (!isRawFunction(value)) throw new Error(`this build of binaryen does not export ${name}`)
  return value
}

/** Every raw function in use, looked up when this file is loaded so that an unfit binaryen fails at once. */
const raw: { readonly ternary: RawFunction } = { ternary: rawFunction('_BinaryenSIMDTernary') }

const enabledFeatures: number =
  binaryen.Features.SIMD128 |
  binaryen.Features.RelaxedSIMD |
  binaryen.Features.BulkMemory |
  binaryen.Features.BulkMemoryOpt |
  binaryen.Features.NontrappingFPToInt |
  binaryen.Features.SignExt |
  binaryen.Features.MutableGlobals |
  binaryen.Features.Multivalue

/** A module under construction. Ends with `emit()` or `dispose()`, after which it must not be touched. */
export class WasmModule extends binaryen.Module {
  constructor() {
    super()
    this.setFeatures(enabledFeatures)
  }

  /**
   * Imports `env.memory`. No maximum is declared, so that a memory with any maximum, or none, links. The memory has
   * to be declared before it is imported: an import alone gets a minimum of 0 and a maximum of 65536 pages.
   */
  importMemory(): void {
    this.setMemory(1, -1, null, [], false, false, 'memory')
    this.addMemoryImport('memory', 'env', 'memory', false)
  }

  /** `x * y + z` on four f32 lanes; one rounding where the hardware has a fused multiply-add. */
  relaxedMadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef {
    return raw.ternary(this.ptr, binaryen.RelaxedMaddVecF32x4, x, y, z)
  }

  /** `z - x * y` on four f32 lanes; one rounding where the hardware has a fused multiply-add. */
  relaxedNmadd(x: ExpressionRef, y: ExpressionRef, z: ExpressionRef): ExpressionRef {
    return raw.ternary(this.ptr, binaryen.RelaxedNmaddVecF32x4, x, y, z)
  }

  /**
   * Encodes the module and frees it, also when encoding fails.
   *
   * @param options `validate` checks the module first; binaryen prints what is wrong to the console.
   * @throws Error when validation was asked for and failed.
   */
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
