/**
 * The convolution's micro-kernel: a tile of results, up to 6 rows by 4, 8 or 16 features, stays in registers (tile.ts)
 * while the sum runs over a whole window.
 *
 *     tile(a, panel, c, init)
 *
 * It is the matrix product's micro-kernel with two loops more. A window is `tapRows` rows of `taps` runs of `run`
 * elements; within a run the input is walked as in a matrix product, and between runs its pointers jump. The panel holds
 * the kernel's elements in the order they are met, 8 features each. There are two ways of walking the input:
 *
 * - `rows`: the elements of a run are adjacent. Rows of the tile are neighbouring windows.
 * - `columns`: the rows of the tile are adjacent, the elements of a run `aStep` apart. This is for the gradient of a
 *   kernel, whose rows are input features and whose sums run over pixels.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { type ConvGlobal, get } from './conv-problem.ts'
import { FunctionBuilder } from './function-builder.ts'
import { Tile, tileName, type TileShape } from './tile.ts'

/** Elements of a run per turn of its loop, a power of two. */
const unrolled = 4

export function defineConvTile(module: WasmModule, shape: TileShape): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [a, panel, c, init] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const [count, tap, tapRow, aStep] = [f.local(), f.local(), f.local(), f.local()]
  const tile = new Tile(f, shape, a, panel)
  const global = (name: ConvGlobal) => (): ExpressionRef => get(module, name)
  const run = [
    count.set(i32.shr_u(get(module, 'run'), f.constant(Math.log2(unrolled)))),
    f.when(count.get(), [tile.sum(unrolled, count, aStep)]),
    count.set(i32.and(get(module, 'run'), f.constant(unrolled - 1))),
    f.when(count.get(), [tile.sum(1, count, aStep)]),
  ]
  const row = [
    tap.set(get(module, 'taps')),
    f.repeatWhile([...run, ...tile.advance(global('tapJump')), tap.advanceBy(-1)], tap.get()),
    ...tile.advance(global('tapRowJump')),
    tapRow.advanceBy(-1),
  ]
  f.define(tileName(shape), [
    ...tile.findPanels(global('panelBytes')),
    ...(shape.access === 'columns' ? [aStep.set(get(module, 'aStep'))] : []),
    ...tile.findRows(global('aRow')),
    ...tile.load(init, global('loadRow')),
    tapRow.set(get(module, 'tapRows')),
    f.when(tapRow.get(), [f.repeatWhile(row, tapRow.get())]),
    f.when(get(module, 'clamp'), tile.clamp()),
    ...tile.store(c, global('storeRow')),
  ])
}
