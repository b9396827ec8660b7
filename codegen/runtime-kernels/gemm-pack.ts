/**
 * Packing: `depth` rows of up to 8 columns become contiguous, 32 bytes per row. Panels of B are packed so, and strips
 * of A whose columns are not adjacent (a strip is a panel of its transpose: one row per k, one column per row of C).
 * Whole rows are copied when columns are adjacent in memory, 4 x 4 blocks are transposed by shuffles when rows are,
 * and single columns take care of everything else. Lanes past the last column keep what they held.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { panelColumns, panelRowBytes } from './gemm-problem.ts'

/**
 * Defines
 *
 *     packPanel(source, target, depth, columns, rowStride, columnStride)    at most 8 columns
 *     packPanels(source, target, depth, columns, rowStride, columnStride)   a multiple of 4 columns
 *     clearPanel(target, depth)                                             all lanes zero
 *     copyTile(target, targetStride, source, sourceStride, rows, columns)   at most 7 columns
 */
export function definePacking(module: WasmModule): void {
  definePackRows(module)
  definePackTransposed(module)
  definePackColumn(module)
  defineClearPanel(module)
  defineCopyTile(module)
  definePackPanel(module)
  definePackPanels(module)
}

function definePackPanels(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [source, target, depth, columns] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const [rowStride, columnStride] = [f.parameter(), f.parameter()]
  const width = f.atMost(columns, panelColumns)
  f.define('packPanels', [
    f.countdown(columns, panelColumns, [
      f.call('packPanel', [
        source.get(),
        target.get(),
        depth.get(),
        width,
        rowStride.get(),
        columnStride.get(),
      ]),
      source.advance(i32.mul(columnStride.get(), f.constant(panelColumns))),
      target.advance(i32.mul(depth.get(), f.constant(panelRowBytes))),
    ]),
  ])
}

function definePackPanel(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [source, target, depth, columns] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const [rowStride, columnStride] = [f.parameter(), f.parameter()]
  const call = (name: string, stride: Local): ExpressionRef =>
    f.call(name, [source.get(), target.get(), depth.get(), stride.get()])
  const adjacent = (stride: Local): ExpressionRef => i32.eq(stride.get(), f.constant(4))
  const skip = (count: number): ExpressionRef[] => [
    source.advance(i32.mul(columnStride.get(), f.constant(count))),
    target.advanceBy(count * 4),
  ]
  const narrow = f.call('copyTile', [
    target.get(),
    f.constant(panelRowBytes),
    source.get(),
    rowStride.get(),
    depth.get(),
    columns.get(),
  ])
  const rows = module.if(i32.eq(columns.get(), f.constant(panelColumns)), call('packRows', rowStride), narrow)
  const fourLeft = (): ExpressionRef => i32.ge_s(columns.get(), f.constant(4))
  const fourColumns = [call('packTransposed', columnStride), ...skip(4), columns.advanceBy(-4)]
  f.define('packPanel', [
    f.when(i32.eqz(depth.get()), [module.return()]),
    f.when(adjacent(columnStride), [rows, module.return()]),
    f.when(i32.and(adjacent(rowStride), fourLeft()), [f.repeatWhile(fourColumns, fourLeft())]),
    f.when(columns.get(), [f.countdown(columns, 1, [call('packColumn', rowStride), ...skip(1)])]),
  ])
}

function definePackRows(module: WasmModule): void {
  const f = new FunctionBuilder(module)
  const [source, target, depth, rowStride] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const [left, right] = [f.vector(), f.vector()]
  f.define('packRows', [
    f.countdown(depth, 1, [
      left.set(module.v128.load(0, 4, source.get())),
      right.set(module.v128.load(16, 4, source.get())),
      source.advance(rowStride.get()),
      module.v128.store(0, 4, target.get(), left.get()),
      module.v128.store(16, 4, target.get(), right.get()),
      target.advanceBy(panelRowBytes),
    ]),
  ])
}

/** Four columns whose elements are adjacent: transposes 4 x 4 blocks, then the last one to three rows singly. */
function definePackTransposed(module: WasmModule): void {
  const { i32, v128 } = module
  const f = new FunctionBuilder(module)
  const [source, target, depth, columnStride] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const columns = [source, f.local(), f.local(), f.local()]
  const x = f.vectors(4)
  const pairs = f.vectors(4)
  const shuffle = (left: Local, right: Local, lanes: readonly number[]): ExpressionRef => {
    const bytes = lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte))
    return module.i8x16.shuffle(left.get(), right.get(), bytes)
  }
  const [x0, x1, x2, x3] = [x[0]!, x[1]!, x[2]!, x[3]!]
  const [p0, p1, p2, p3] = [pairs[0]!, pairs[1]!, pairs[2]!, pairs[3]!]
  const rows = (): ExpressionRef[] => [
    shuffle(p0, p1, [0, 1, 4, 5]),
    shuffle(p0, p1, [2, 3, 6, 7]),
    shuffle(p2, p3, [0, 1, 4, 5]),
    shuffle(p2, p3, [2, 3, 6, 7]),
  ]
  const transposeFour = [
    ...columns.map((column, i) => x[i]!.set(v128.load(0, 4, column.get()))),
    p0.set(shuffle(x0, x1, [0, 4, 1, 5])),
    p1.set(shuffle(x2, x3, [0, 4, 1, 5])),
    p2.set(shuffle(x0, x1, [2, 6, 3, 7])),
    p3.set(shuffle(x2, x3, [2, 6, 3, 7])),
    ...rows().map((row, i) => v128.store(i * panelRowBytes, 4, target.get(), row)),
    ...columns.map((column) => column.advanceBy(16)),
    target.advanceBy(4 * panelRowBytes),
    depth.advanceBy(-4),
  ]
  const single = [
    ...columns.map((column, i) => i32.store(i * 4, 4, target.get(), i32.load(0, 4, column.get()))),
    ...columns.map((column) => column.advanceBy(4)),
    target.advanceBy(panelRowBytes),
  ]
  f.define('packTransposed', [
    ...columns.slice(1).map((column, i) => column.set(i32.add(columns[i]!.get(), columnStride.get()))),
    f.when(i32.ge_s(depth.get(), f.constant(4)), [
      f.repeatWhile(transposeFour, i32.ge_s(depth.get(), f.constant(4))),
    ]),
    f.when(depth.get(), [f.countdown(depth, 1, single)]),
  ])
}

function definePackColumn(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [source, target, depth, rowStride] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  f.define('packColumn', [
    f.countdown(depth, 1, [
      i32.store(0, 4, target.get(), i32.load(0, 4, source.get())),
      source.advance(rowStride.get()),
      target.advanceBy(panelRowBytes),
    ]),
  ])
}

function defineClearPanel(module: WasmModule): void {
  const f = new FunctionBuilder(module)
  const [target, depth] = [f.parameter(), f.parameter()]
  const zero = f.vector()
  f.define('clearPanel', [
    zero.set(module.v128.const(new Uint8Array(16))),
    f.countdown(depth, 1, [
      module.v128.store(0, 4, target.get(), zero.get()),
      module.v128.store(16, 4, target.get(), zero.get()),
      target.advanceBy(panelRowBytes),
    ]),
  ])
}

/** A few columns, row by row: four, two and one float at a time, by the bits of their number. */
function defineCopyTile(module: WasmModule): void {
  const { i32, i64, v128 } = module
  const f = new FunctionBuilder(module)
  const [target, targetStride, source, sourceStride] = [
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
  ]
  const [rows, columns] = [f.parameter(), f.parameter()]
  const [to, from] = [f.local(), f.local()]
  const piece = (floats: number, move: ExpressionRef): ExpressionRef =>
    f.when(i32.and(columns.get(), f.constant(floats)), [
      move,
      to.advanceBy(floats * 4),
      from.advanceBy(floats * 4),
    ])
  f.define('copyTile', [
    f.countdown(rows, 1, [
      to.set(target.get()),
      from.set(source.get()),
      piece(4, v128.store(0, 4, to.get(), v128.load(0, 4, from.get()))),
      piece(2, i64.store(0, 4, to.get(), i64.load(0, 4, from.get()))),
      piece(1, i32.store(0, 4, to.get(), i32.load(0, 4, from.get()))),
      target.advance(targetStride.get()),
      source.advance(sourceStride.get()),
    ]),
  ])
}
