/**
 * A tile of results in registers: what the micro-kernels of the matrix product and of the convolution have in common.
 *
 * Each step of the sum loads one row of the panel (one or two vectors; of 16 columns, a row of two panels) and, for every
 * row of the tile, splats one element straight from memory and multiplies. That need not be packed: a splat load costs the
 * same wherever it reads. There are two ways of walking what is splatted, for which see `Access`.
 *
 * V8 11 (Node 20) moves all loads of a basic block to its top, which spills accumulators. A branch out of the loop
 * that is never taken (the counter is never negative) ends the block after each row; newer engines do not mind.
 *
 * Sixteen columns are for engines that join adjacent vectors into one of twice the width (threads/wide-mode.ts); with
 * vectors of 128 bits they do not fit the registers. The sums are the same, term by term.
 */
import { binaryen, type ExpressionRef } from '../wasm/binaryen.ts'
import type { FunctionBuilder, Local } from './function-builder.ts'
import { panelRowBytes, tileRows } from './gemm-problem.ts'

/**
 * How a tile walks what it splats. `rows`: the elements of a row are adjacent; one pointer per row, steps by immediate
 * offsets. `columns`: those of a column are; one pointer, moved at every step, and rows by immediate offsets.
 */
export type Access = 'rows' | 'columns'

/** What to specialise a micro-kernel for. */
export interface TileShape {
  readonly access: Access
  /** Rows of the tile, 1 to 6. */
  readonly rows: number
  /** Vectors per row of the tile: 1 (four columns), 2 (eight) or 4 (sixteen: the panel and the one after it). */
  readonly vectors: number
  /** Whether to use relaxed multiply-add. */
  readonly relaxed: boolean
}

/** The function name of a micro-kernel. */
export function tileName({ access, rows, vectors }: TileShape): string {
  return `tile_${access}_${rows}x${vectors * 4}`
}

/** The shape of every micro-kernel of a module that walks one way. */
export function tileShapes(access: Access, relaxed: boolean, wide: boolean): TileShape[] {
  const heights = Array.from({ length: tileRows(relaxed) }, (_, i) => i + 1)
  return (wide ? [1, 2, 4] : [1, 2]).flatMap((vectors) =>
    heights.map((rows) => ({ access, rows, vectors, relaxed })),
  )
}

/** Calls the micro-kernel of the right height; the full height is asked for first. */
export function callTile(
  f: FunctionBuilder,
  height: Local,
  shape: Omit<TileShape, 'rows'>,
  operands: () => ExpressionRef[],
): ExpressionRef {
  const call = (rows: number): ExpressionRef => f.call(tileName({ ...shape, rows }), operands())
  let chain = call(1)
  for (let rows = 2; rows <= tileRows(shape.relaxed); rows++)
    chain = f.module.if(f.module.i32.eq(height.get(), f.constant(rows)), call(rows), chain)
  return chain
}

/** A full tile while two are left; then the rest in halves, since a tile of one or two rows waits on latency. */
export function nextHeight(f: FunctionBuilder, left: Local, full: number): ExpressionRef {
  const { module } = f
  const { i32 } = module
  const half = i32.shr_u(left.plus(1), f.constant(1))
  const rest = module.select(i32.gt_s(left.get(), f.constant(full)), half, left.get())
  return module.select(i32.lt_s(left.get(), f.constant(2 * full)), rest, f.constant(full))
}

/** The registers of a tile, and the code that works on them. */
export class Tile {
  readonly #f: FunctionBuilder
  readonly #shape: TileShape
  /** The panels in use: one, or two neighbours. */
  readonly #panels: readonly [Local, ...Local[]]
  /** One for each row, or one for all. */
  readonly #pointers: readonly [Local, ...Local[]]
  readonly #sums: readonly (readonly Local[])[]
  readonly #columns: readonly Local[]
  readonly #splat: Local

  /** `a` is the address of what is splatted, `panel` that of the panel. */
  constructor(f: FunctionBuilder, shape: TileShape, a: Local, panel: Local) {
    this.#f = f
    this.#shape = shape
    const others = shape.access === 'columns' ? 0 : shape.rows - 1
    this.#pointers = [a, ...Array.from({ length: others }, () => f.local())]
    this.#sums = Array.from({ length: shape.rows }, () => f.vectors(shape.vectors))
    this.#columns = f.vectors(shape.vectors)
    this.#splat = f.local(binaryen.v128)
    this.#panels = shape.vectors > 2 ? [panel, f.local()] : [panel]
  }

  /** Finds the second panel, if one is in use: `distance` from the first. */
  findPanels(distance: () => ExpressionRef): ExpressionRef[] {
    return this.#chain(this.#panels, distance)
  }

  /** Finds the rows that have pointers of their own, `distance` apart. */
  findRows(distance: () => ExpressionRef): ExpressionRef[] {
    return this.#chain(this.#pointers, distance)
  }

  #chain(pointers: readonly Local[], distance: () => ExpressionRef): ExpressionRef[] {
    return pointers.flatMap((pointer, i) => {
      const previous = pointers[i - 1]
      return previous ? [pointer.set(this.#f.module.i32.add(previous.get(), distance()))] : []
    })
  }

  /** Loads the start values; `row` bytes are between those of neighbouring rows. */
  load(from: Local, row: () => ExpressionRef): ExpressionRef[] {
    const { v128 } = this.#f.module
    return this.#eachRow(from, row, (sum, j) => sum.set(v128.load(j * 16, 4, from.get())))
  }

  store(to: Local, row: () => ExpressionRef): ExpressionRef[] {
    const { v128 } = this.#f.module
    return this.#eachRow(to, row, (sum, j) => v128.store(j * 16, 4, to.get(), sum.get()))
  }

  #eachRow(
    address: Local,
    row: () => ExpressionRef,
    move: (sum: Local, j: number) => ExpressionRef,
  ): ExpressionRef[] {
    return this.#sums.flatMap((sums, i) => [...(i === 0 ? [] : [address.advance(row())]), ...sums.map(move)])
  }

  /** `pmax(x, 0)` is `x < 0 ? 0 : x`, so a NaN in x stays. */
  clamp(): ExpressionRef[] {
    const { module } = this.#f
    const zero = this.#splat
    return [
      zero.set(module.v128.const(new Uint8Array(16))),
      ...this.#sums.flat().map((x) => x.set(module.f32x4.pmax(x.get(), zero.get()))),
    ]
  }

  /** Moves on what is splatted. */
  advance(amount: () => ExpressionRef): ExpressionRef[] {
    return this.#pointers.map((pointer) => pointer.advance(amount()))
  }

  /**
   * The loop over `count` groups of `steps` steps of the sum; `count` is at least 1 on entry. `aStep` is used when walking
   * columns; without `panelStep` the rows of panels are adjacent.
   */
  sum(steps: number, count: Local, aStep: Local, panelStep?: Local): ExpressionRef {
    const f = this.#f
    const { module } = f
    const { access, rows } = this.#shape
    const done = f.label()
    const again = f.label()
    const body: ExpressionRef[] = []
    let fences = 0
    for (let step = 0; step < steps; step++) {
      const row = panelStep === undefined ? step * panelRowBytes : 0
      this.#columns.forEach((vector, j) => {
        const panel = this.#panels[j >> 1] ?? this.#panels[0]
        body.push(vector.set(module.v128.load(row + (j % 2) * 16, 4, panel.get())))
      })
      this.#sums.forEach((sums, i) => {
        body.push(...this.#multiplyRow(sums, i, step))
        // Each fence compares with another negative number, or common subexpression elimination would merge them.
        const last = step === steps - 1 && i === rows - 1
        if (!last) body.push(module.br_if(done, module.i32.eq(count.get(), f.constant(-++fences))))
      })
      if (panelStep !== undefined) body.push(...this.#panels.map((panel) => panel.advance(panelStep.get())))
      if (access === 'columns') body.push(...this.advance(() => aStep.get()))
    }
    if (panelStep === undefined)
      body.push(...this.#panels.map((panel) => panel.advanceBy(steps * panelRowBytes)))
    if (access === 'rows') body.push(...this.advance(() => f.constant(steps * 4)))
    body.push(count.advanceBy(-1), module.br_if(again, count.get()))
    return module.block(done, [module.loop(again, f.block(body))])
  }

  #multiplyRow(sums: readonly Local[], i: number, step: number): ExpressionRef[] {
    const { module } = this.#f
    const { access, relaxed } = this.#shape
    const pointer = this.#pointers[i] ?? this.#pointers[0]
    const offset = access === 'rows' ? step * 4 : i * 4
    const splat = this.#splat.set(module.v128.load32_splat(offset, 4, pointer.get()))
    const products = sums.map((sum, j) => {
      const column = this.#columns[j]!
      return sum.set(
        relaxed
          ? module.relaxedMadd(this.#splat.get(), column.get(), sum.get())
          : module.f32x4.add(sum.get(), module.f32x4.mul(this.#splat.get(), column.get())),
      )
    })
    return [splat, ...products]
  }
}
