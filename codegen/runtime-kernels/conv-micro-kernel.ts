/**
 * The convolution's micro-kernel: a tile of results, up to 6 rows by 4, 8 or 16 features, stays in registers while the sum
 * runs over a whole window.
 *
 *     tile(a, panel, c, init)
 *
 * It is the matrix product's micro-kernel with two loops more. A window is `tapRows` rows of `taps` runs of `run`
 * elements; within a run the input is walked as in a matrix product, and between runs its pointers jump. The panel holds
 * the kernel's elements in the order they are met, 8 features each. There are two ways of walking the input:
 *
 * - `rows`: the elements of a run are adjacent. One pointer per row of the tile: rows are neighbouring windows.
 * - `columns`: the rows of the tile are adjacent, the elements of a run `aStep` apart. This is for the gradient of a
 *   kernel, whose rows are input features and whose sums run over pixels.
 *
 * See gemm-micro-kernel.ts for the branches that are never taken, and for what 16 features are for.
 */
import { binaryen, type ExpressionRef, type WasmModule } from '../wasm/binaryen.ts'
import { get } from './conv-problem.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import type { Access } from './gemm-micro-kernel.ts'
import { panelRowBytes } from './gemm-problem.ts'

/** What to specialise a micro-kernel for. */
export interface ConvTileShape {
  readonly access: Access
  /** Rows of the tile, 1 to 6. */
  readonly rows: number
  /** Vectors per row of the tile: 1 (four features), 2 (eight) or 4 (sixteen: the panel and the one after it). */
  readonly vectors: number
  /** Whether to use relaxed multiply-add. */
  readonly relaxed: boolean
}

/** The function name of a micro-kernel. */
export function convTileName({ access, rows, vectors }: ConvTileShape): string {
  return `tile_${access}_${rows}x${vectors * 4}`
}

/** Elements of a run per turn of its loop, a power of two. */
const unrolled = 4

export function defineConvTile(module: WasmModule, shape: ConvTileShape): void {
  new ConvTile(module, shape).define()
}

class ConvTile {
  readonly #shape: ConvTileShape
  readonly #f: FunctionBuilder
  readonly #panel: Local
  /** The panels in use: one, or two neighbours. */
  readonly #panels: readonly Local[]
  readonly #c: Local
  readonly #init: Local
  readonly #count: Local
  readonly #tap: Local
  readonly #tapRow: Local
  readonly #step: Local
  readonly #pointers: readonly Local[]
  readonly #sums: readonly (readonly Local[])[]
  readonly #features: readonly Local[]
  readonly #splat: Local

  constructor(module: WasmModule, shape: ConvTileShape) {
    const f = new FunctionBuilder(module)
    this.#shape = shape
    this.#f = f
    const a = f.parameter()
    this.#panel = f.parameter()
    this.#c = f.parameter()
    this.#init = f.parameter()
    this.#count = f.local()
    this.#tap = f.local()
    this.#tapRow = f.local()
    this.#step = f.local()
    const pointers = shape.access === 'columns' ? 1 : shape.rows
    this.#pointers = Array.from({ length: pointers }, (_, i) => (i === 0 ? a : f.local()))
    this.#sums = Array.from({ length: shape.rows }, () => f.vectors(shape.vectors))
    this.#features = f.vectors(shape.vectors)
    this.#splat = f.local(binaryen.v128)
    this.#panels = shape.vectors > 2 ? [this.#panel, f.local()] : [this.#panel]
  }

  define(): void {
    const f = this.#f
    const { module } = f
    const { i32 } = module
    const run = [
      this.#count.set(i32.shr_u(get(module, 'run'), f.constant(Math.log2(unrolled)))),
      f.when(this.#count.get(), [this.#sum(unrolled)]),
      this.#count.set(i32.and(get(module, 'run'), f.constant(unrolled - 1))),
      f.when(this.#count.get(), [this.#sum(1)]),
    ]
    const row = [
      this.#tap.set(get(module, 'taps')),
      f.repeatWhile(
        [...run, ...this.#advance(() => get(module, 'tapJump')), this.#tap.advanceBy(-1)],
        this.#tap.get(),
      ),
      ...this.#advance(() => get(module, 'tapRowJump')),
      this.#tapRow.advanceBy(-1),
    ]
    f.define(convTileName(this.#shape), [
      ...this.#prepare(),
      ...this.#loadTile(),
      this.#tapRow.set(get(module, 'tapRows')),
      f.when(this.#tapRow.get(), [f.repeatWhile(row, this.#tapRow.get())]),
      f.when(get(module, 'clamp'), this.#clampTile()),
      ...this.#storeTile(),
    ])
  }

  #prepare(): ExpressionRef[] {
    const { module } = this.#f
    const next = this.#panels
      .slice(1)
      .map((panel) => panel.set(module.i32.add(this.#panel.get(), get(module, 'panelBytes'))))
    if (this.#shape.access === 'columns') return [...next, this.#step.set(get(module, 'aStep'))]
    const pointers = this.#pointers.flatMap((pointer, i) => {
      const previous = this.#pointers[i - 1]
      return previous ? [pointer.set(module.i32.add(previous.get(), get(module, 'aRow')))] : []
    })
    return [...next, ...pointers]
  }

  #loadTile(): ExpressionRef[] {
    const { module } = this.#f
    return this.#sums.flatMap((row, i) => {
      const loads = row.map((sum, j) => sum.set(module.v128.load(j * 16, 4, this.#init.get())))
      return i === 0 ? loads : [this.#init.advance(get(module, 'loadRow')), ...loads]
    })
  }

  #storeTile(): ExpressionRef[] {
    const { module } = this.#f
    return this.#sums.flatMap((row, i) => {
      const stores = row.map((sum, j) => module.v128.store(j * 16, 4, this.#c.get(), sum.get()))
      return i === 0 ? stores : [this.#c.advance(get(module, 'storeRow')), ...stores]
    })
  }

  /** `pmax(x, 0)` is `x < 0 ? 0 : x`, so a NaN in x stays. */
  #clampTile(): ExpressionRef[] {
    const { module } = this.#f
    const zero = this.#splat
    return [
      zero.set(module.v128.const(new Uint8Array(16))),
      ...this.#sums.flat().map((x) => x.set(module.f32x4.pmax(x.get(), zero.get()))),
    ]
  }

  /** The loop over `count` groups of `steps` elements of a run; `count` is at least 1 on entry. */
  #sum(steps: number): ExpressionRef {
    const f = this.#f
    const { module } = f
    const done = f.label()
    const again = f.label()
    const body: ExpressionRef[] = []
    let fences = 0
    for (let step = 0; step < steps; step++) {
      this.#features.forEach((vector, j) => {
        const panel = this.#panels[j >> 1] ?? this.#panel
        body.push(vector.set(module.v128.load(step * panelRowBytes + (j % 2) * 16, 4, panel.get())))
      })
      this.#sums.forEach((row, i) => {
        body.push(...this.#multiplyRow(row, i, step))
        // Each fence compares with another negative number, or common subexpression elimination would merge them.
        const last = step === steps - 1 && i === this.#shape.rows - 1
        if (!last) body.push(module.br_if(done, module.i32.eq(this.#count.get(), f.constant(-++fences))))
      })
      if (this.#shape.access === 'columns') body.push(...this.#advance(() => this.#step.get()))
    }
    body.push(...this.#panels.map((panel) => panel.advanceBy(steps * panelRowBytes)))
    if (this.#shape.access === 'rows') body.push(...this.#advance(() => f.constant(steps * 4)))
    body.push(this.#count.advanceBy(-1), module.br_if(again, this.#count.get()))
    return module.block(done, [module.loop(again, f.block(body))])
  }

  #advance(amount: () => ExpressionRef): ExpressionRef[] {
    return this.#pointers.map((pointer) => pointer.advance(amount()))
  }

  #multiplyRow(row: readonly Local[], i: number, step: number): ExpressionRef[] {
    const { module } = this.#f
    const rows = this.#shape.access === 'rows'
    const pointer = (rows ? this.#pointers[i] : this.#pointers[0])!
    const splat = module.v128.load32_splat(rows ? step * 4 : i * 4, 4, pointer.get())
    return [
      this.#splat.set(splat),
      ...row.map((sum, j) => {
        const feature = this.#features[j]!
        return sum.set(
          this.#shape.relaxed
            ? module.relaxedMadd(this.#splat.get(), feature.get(), sum.get())
            : module.f32x4.add(sum.get(), module.f32x4.mul(this.#splat.get(), feature.get())),
        )
      }),
    ]
  }
}
