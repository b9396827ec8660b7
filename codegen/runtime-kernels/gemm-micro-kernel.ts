/**
 * The micro-kernel: a tile of C, up to 6 rows by 4, 8 or 16 columns, stays in registers while the sum over k runs.
 *
 *     tile(a, panel, c, init, depth)
 *
 * Each step of k loads one row of the panel (one or two vectors; of 16 columns, a row of two panels) and, for every row of the tile, splats one element
 * of A straight from memory and multiplies. A need not be packed: a splat load costs the same wherever it reads.
 * Strides come from the module's globals. There are two ways of walking A:
 *
 * - `rows`: the elements of a row are adjacent; one pointer per row, steps of k by immediate offsets.
 * - `columns`: the elements of a column are adjacent, because A was transposed or its strip was packed; one pointer,
 *   moved at every step, and rows by immediate offsets.
 *
 * V8 11 (Node 20) moves all loads of a basic block to its top, which spills accumulators. A branch out of the loop
 * that is never taken (the counter is never negative) ends the block after each row; newer engines do not mind.
 *
 * Sixteen columns are for engines that join adjacent vectors into one of twice the width (threads/wide-mode.ts); with
 * vectors of 128 bits they do not fit the registers. The sums are the same, term by term.
 */
import { binaryen, type ExpressionRef, type WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { getGlobal, tileRows } from './gemm-problem.ts'

/** How the micro-kernel walks A. */
export type Access = 'rows' | 'columns'

/** What to specialise a micro-kernel for. */
export interface MicroKernelShape {
  readonly access: Access
  /** Rows of the tile, 1 to 6. */
  readonly rows: number
  /** Vectors per row of the tile: 1 (four columns), 2 (eight) or 4 (sixteen: the panel and the one after it). */
  readonly vectors: number
  /** Whether to use relaxed multiply-add. */
  readonly relaxed: boolean
}

/** The function name of a micro-kernel. */
export function microKernelName(shape: MicroKernelShape): string {
  return `tile_${shape.access}_${shape.rows}x${shape.vectors * 4}`
}

/** Steps of k per turn of the loop, a power of two. Most time is spent in full tiles; the others are kept short. */
function unrolledSteps({ access, rows, vectors, relaxed }: MicroKernelShape): number {
  if (vectors === 1) return 2
  return access === 'rows' && rows === tileRows(relaxed) ? 8 : 4
}

export function defineMicroKernel(module: WasmModule, shape: MicroKernelShape): void {
  new MicroKernel(module, shape).define()
}

class MicroKernel {
  readonly #shape: MicroKernelShape
  readonly #f: FunctionBuilder
  readonly #a: Local
  readonly #panel: Local
  /** The panels in use: one, or two neighbours. */
  readonly #panels: readonly Local[]
  readonly #c: Local
  readonly #init: Local
  readonly #depth: Local
  readonly #count: Local
  readonly #panelStep: Local
  readonly #aStep: Local
  readonly #rowPointers: readonly Local[]
  readonly #accumulators: readonly (readonly Local[])[]
  readonly #bVectors: readonly Local[]
  readonly #splat: Local

  constructor(module: WasmModule, shape: MicroKernelShape) {
    const f = new FunctionBuilder(module)
    this.#shape = shape
    this.#f = f
    this.#a = f.parameter()
    this.#panel = f.parameter()
    this.#c = f.parameter()
    this.#init = f.parameter()
    this.#depth = f.parameter()
    this.#count = f.local()
    this.#panelStep = f.local()
    this.#aStep = f.local()
    const pointers = shape.access === 'columns' ? 1 : shape.rows
    this.#rowPointers = Array.from({ length: pointers }, (_, i) => (i === 0 ? this.#a : f.local()))
    this.#accumulators = Array.from({ length: shape.rows }, () => f.vectors(shape.vectors))
    this.#bVectors = f.vectors(shape.vectors)
    this.#splat = f.local(binaryen.v128)
    this.#panels = shape.vectors > 2 ? [this.#panel, f.local()] : [this.#panel]
  }

  define(): void {
    const f = this.#f
    const { i32 } = f.module
    const unrolled = unrolledSteps(this.#shape)
    const statements = [...this.#prepare(), ...this.#loadTile()]
    statements.push(
      this.#count.set(i32.shr_u(this.#depth.get(), f.constant(Math.log2(unrolled)))),
      f.when(this.#count.get(), [this.#sum(unrolled)]),
      this.#count.set(i32.and(this.#depth.get(), f.constant(unrolled - 1))),
      f.when(this.#count.get(), [this.#sum(1)]),
      f.when(getGlobal(f.module, 'clamp'), this.#clampTile()),
      ...this.#storeTile(),
    )
    f.define(microKernelName(this.#shape), statements)
  }

  #prepare(): ExpressionRef[] {
    const { module } = this.#f
    const statements = [this.#panelStep.set(getGlobal(module, 'panelRow'))]
    for (const next of this.#panels.slice(1))
      statements.push(next.set(module.i32.add(this.#panel.get(), getGlobal(module, 'panelStep'))))
    if (this.#shape.access !== 'rows') statements.push(this.#aStep.set(getGlobal(module, 'aStep')))
    this.#rowPointers.forEach((pointer, i) => {
      const previous = this.#rowPointers[i - 1]
      if (previous) statements.push(pointer.set(module.i32.add(previous.get(), getGlobal(module, 'aRow'))))
    })
    return statements
  }

  #loadTile(): ExpressionRef[] {
    const { module } = this.#f
    return this.#accumulators.flatMap((row, i) => {
      const loads = row.map((vector, j) => vector.set(module.v128.load(j * 16, 4, this.#init.get())))
      return i === 0 ? loads : [this.#init.advance(getGlobal(module, 'loadRow')), ...loads]
    })
  }

  #storeTile(): ExpressionRef[] {
    const { module } = this.#f
    return this.#accumulators.flatMap((row, i) => {
      const stores = row.map((vector, j) => module.v128.store(j * 16, 4, this.#c.get(), vector.get()))
      return i === 0 ? stores : [this.#c.advance(getGlobal(module, 'storeRow')), ...stores]
    })
  }

  /** `pmax(x, 0)` is `x < 0 ? 0 : x`, so a NaN in x stays. */
  #clampTile(): ExpressionRef[] {
    const { module } = this.#f
    const zero = this.#splat
    return [
      zero.set(module.v128.const(new Uint8Array(16))),
      ...this.#accumulators.flat().map((x) => x.set(module.f32x4.pmax(x.get(), zero.get()))),
    ]
  }

  /** The loop over `count` groups of `steps` values of k; `count` is at least 1 on entry. */
  #sum(steps: number): ExpressionRef {
    const f = this.#f
    const { module } = f
    const done = f.label()
    const again = f.label()
    const body: ExpressionRef[] = []
    let fences = 0
    for (let step = 0; step < steps; step++) {
      this.#bVectors.forEach((vector, j) =>
        body.push(vector.set(module.v128.load((j % 2) * 16, 4, (this.#panels[j >> 1] ?? this.#panel).get()))),
      )
      this.#accumulators.forEach((row, i) => {
        body.push(...this.#multiplyRow(row, i, step))
        // Each fence compares with another negative number, or common subexpression elimination would merge them.
        const last = step === steps - 1 && i === this.#shape.rows - 1
        if (!last) body.push(module.br_if(done, module.i32.eq(this.#count.get(), f.constant(-++fences))))
      })
      body.push(...this.#panels.map((panel) => panel.advance(this.#panelStep.get())))
      if (this.#shape.access !== 'rows') body.push(...this.#advanceA(() => this.#aStep.get()))
    }
    if (this.#shape.access === 'rows') body.push(...this.#advanceA(() => f.constant(steps * 4)))
    body.push(this.#count.advanceBy(-1), module.br_if(again, this.#count.get()))
    return module.block(done, [module.loop(again, f.block(body))])
  }

  #advanceA(amount: () => ExpressionRef): ExpressionRef[] {
    return this.#rowPointers.map((pointer) => pointer.advance(amount()))
  }

  #multiplyRow(row: readonly Local[], i: number, step: number): ExpressionRef[] {
    const { module } = this.#f
    const pointer = this.#rowPointers[i] ?? this.#a
    const offset = this.#shape.access === 'rows' ? step * 4 : i * 4
    const statements = [this.#splat.set(module.v128.load32_splat(offset, 4, pointer.get()))]
    row.forEach((sum, j) => {
      const b = this.#bVectors[j]!
      const next = this.#shape.relaxed
        ? module.relaxedMadd(this.#splat.get(), b.get(), sum.get())
        : module.f32x4.add(sum.get(), module.f32x4.mul(this.#splat.get(), b.get()))
      statements.push(sum.set(next))
    })
    return statements
  }
}
