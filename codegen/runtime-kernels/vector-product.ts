/**
 * What the products with a vector have in common: start values, the maximum with 0, going along the results. See
 * gemm-vector.ts.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'

/** What the functions do alike. */
export class VectorProduct {
  readonly f: FunctionBuilder
  readonly #relaxed: boolean
  #fences = 0

  constructor(module: WasmModule, relaxed: boolean) {
    this.f = new FunctionBuilder(module)
    this.#relaxed = relaxed
  }

  /** `sum + x·y` */
  multiplyAdd(x: ExpressionRef, y: ExpressionRef, sum: ExpressionRef): ExpressionRef {
    const { module } = this.f
    return this.#relaxed ? module.relaxedMadd(x, y, sum) : module.f32x4.add(sum, module.f32x4.mul(x, y))
  }

  /** Leaves the block `done` for a negative counter, of which there is none. */
  fence(done: string, counter: Local): ExpressionRef {
    const { module } = this.f
    return module.br_if(done, module.i32.eq(counter.get(), this.f.constant(-++this.#fences)))
  }

  /** `max(x, 0)` that keeps NaN, for variables that hold vectors. */
  clamped(clamp: Local, vectors: readonly Local[], zero: Local): ExpressionRef {
    const { module } = this.f
    return this.f.when(clamp.get(), [
      zero.set(module.v128.const(new Uint8Array(16))),
      ...vectors.map((x) => x.set(module.f32x4.pmax(x.get(), zero.get()))),
    ])
  }

  /** A vector of start values, which `load` loads if there is not just one. */
  start(vector: Local, init: Local, initStep: Local, load: ExpressionRef): ExpressionRef {
    const { module } = this.f
    return module.if(initStep.get(), vector.set(load), vector.set(module.v128.load32_splat(0, 4, init.get())))
  }

  /** Moves the addresses of start values and results past `count` results. */
  nextResults(init: Local, initStep: Local, c: Local, columns: Local, count: number): ExpressionRef[] {
    const { i32 } = this.f.module
    return [
      init.advance(i32.mul(initStep.get(), this.f.constant(count))),
      c.advanceBy(4 * count),
      columns.advanceBy(-count),
    ]
  }

  /** Does `statements` as long as at least `count` results are left. */
  whileLeft(columns: Local, count: number, statements: readonly ExpressionRef[]): ExpressionRef {
    const { i32 } = this.f.module
    const left = (): ExpressionRef => i32.ge_s(columns.get(), this.f.constant(count))
    return this.f.when(left(), [this.f.repeatWhile(statements, left())])
  }
}
