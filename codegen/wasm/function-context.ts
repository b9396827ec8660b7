/**
 * What the emitters of one wasm function share: its locals, its vector constants, its sizes and its imports.
 *
 * Vector constants live in locals that are set once at the top of the function: V8 would otherwise materialise a
 * constant again at each use inside a loop. Sizes (polynomials over the size parameters) are computed there too.
 * An expression node of binaryen may be used once, so anything used again goes through a local; `share` does that.
 */
import { binaryen, type ExpressionRef, type WasmModule, type WasmType } from './binaryen.ts'
import type { DType } from '../dtype.ts'
import type { Lanes } from '../expr.ts'
import { InternalError } from '../errors.ts'
import { printSize, type Size } from '../size.ts'
import { emitSize } from './emit-size.ts'

/** The wasm type of a value: bools and uint8 are i32 as scalars, and 4-byte lanes in vectors. */
export function wasmType(dtype: DType, lanes: Lanes): WasmType {
  if (lanes !== 1) return binaryen.v128
  return dtype === 'float32' ? binaryen.f32 : dtype === 'float64' ? binaryen.f64 : binaryen.i32
}

/** A value used more than once: `first` computes it and must be emitted first, `again` reads it. */
export interface Shared {
  readonly first: ExpressionRef
  readonly again: () => ExpressionRef
}

export class FunctionContext {
  readonly module: WasmModule
  /** Whether `madd` may use relaxed SIMD. */
  readonly relaxed: boolean
  readonly #parameters: readonly WasmType[]
  readonly #locals: WasmType[] = []
  readonly #constants = new Map<string, number>()
  readonly #sizes = new Map<string, number>()
  readonly #sizeParameters = new Map<string, number>()
  /** Statements that run once, before the body. */
  readonly #prologue: ExpressionRef[] = []
  #labels = 0

  /** `buffers` address parameters come first, then one i32 per size name, then parameters of the types `others`. */
  constructor(
    module: WasmModule,
    relaxed: boolean,
    buffers: number,
    sizes: readonly string[],
    others: readonly WasmType[] = [],
  ) {
    this.module = module
    this.relaxed = relaxed
    const ints = Array.from({ length: buffers + sizes.length }, () => binaryen.i32)
    this.#parameters = [...ints, ...others]
    sizes.forEach((name, i) => this.#sizeParameters.set(name, buffers + i))
  }

  /** The context of a function with one parameter, and locals in the places of the parameters. */
  static ofFrame(
    module: WasmModule,
    relaxed: boolean,
    buffers: number,
    sizes: readonly string[],
  ): FunctionContext {
    const context = new FunctionContext(module, relaxed, 1, [])
    sizes.forEach((name, i) => context.#sizeParameters.set(name, buffers + i))
    for (let i = 1; i < buffers + sizes.length; i++) context.local(binaryen.i32)
    return context
  }

  local(type: WasmType): number {
    this.#locals.push(type)
    return this.#parameters.length + this.#locals.length - 1
  }

  /** A label unique in this function, from a vocabulary shared by all functions. */
  label(): string {
    return `l${this.#labels++}`
  }

  share(value: ExpressionRef, type: WasmType): Shared {
    const local = this.local(type)
    return {
      first: this.module.local.tee(local, value, type),
      again: () => this.module.local.get(local, type),
    }
  }

  /** The 16 bytes as a v128. */
  vector(bytes: Uint8Array): ExpressionRef {
    const key = bytes.join(',')
    let local = this.#constants.get(key)
    if (local === undefined) {
      local = this.local(binaryen.v128)
      this.#constants.set(key, local)
      this.#prologue.push(this.module.local.set(local, this.module.v128.const(bytes)))
    }
    return this.module.local.get(local, binaryen.v128)
  }

  /** Four 32-bit integers as a v128. */
  vectorOfInts(...lanes: readonly [number, number, number, number]): ExpressionRef {
    return this.vector(new Uint8Array(Int32Array.from(lanes).buffer))
  }

  /** `value` in every lane, in the representation of the dtype. */
  vectorConstant(dtype: DType, value: number): ExpressionRef {
    switch (dtype) {
      case 'float32':
        return this.vector(new Uint8Array(new Float32Array(4).fill(value).buffer))
      case 'float64':
        return this.vector(new Uint8Array(new Float64Array(2).fill(value).buffer))
      case 'bool':
        return this.vector(new Uint8Array(16).fill(value !== 0 ? 255 : 0))
      case 'int32':
      case 'uint8':
        return this.vectorOfInts(value, value, value, value)
    }
  }

  /** The value of a size, as an i32. */
  size(size: Size): ExpressionRef {
    if (typeof size === 'number') return this.module.i32.const(size)
    const key = printSize(size)
    let local = this.#sizes.get(key)
    if (local === undefined) {
      const value = emitSize(
        this.module,
        size,
        (name) => this.module.local.get(this.#sizeParameter(name), binaryen.i32),
        () => this.local(binaryen.i32),
      )
      local = this.local(binaryen.i32)
      this.#sizes.set(key, local)
      this.#prologue.push(this.module.local.set(local, value))
    }
    return this.module.local.get(local, binaryen.i32)
  }

  #sizeParameter(name: string): number {
    const index = this.#sizeParameters.get(name)
    if (index === undefined) throw new InternalError(`the kernel uses the size ${name} but does not list it`)
    return index
  }

  /** Has statements run before everything else. */
  beginWith(statements: readonly ExpressionRef[]): void {
    this.#prologue.unshift(...statements)
  }

  /** Ends the function: adds it to the module under `name`. The last of `body` gives its results, when it has some. */
  define(name: string, body: readonly ExpressionRef[], results: WasmType = binaryen.none): void {
    const block = this.module.block(null, [...this.#prologue, ...body], results)
    this.module.addFunction(name, binaryen.createType([...this.#parameters]), results, this.#locals, block)
  }
}
