/**
 * The micro-kernel: a tile of C, up to 6 rows by 4, 8 or 16 columns, stays in registers (tile.ts) while the sum over k runs.
 *
 *     tile(a, panel, c, init, depth)
 *
 * Strides come from the module's globals. A is walked by rows where its rows are adjacent, and by columns where its columns
 * are, because A was transposed or its strip was packed.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder } from './function-builder.ts'
import { getGlobal, type GlobalName, tileRows } from './gemm-problem.ts'
import { Tile, tileName, type TileShape } from './tile.ts'

/** Steps of k per turn of the loop, a power of two. Most time is spent in full tiles; the others are kept short. */
function unrolledSteps({ access, rows, vectors, relaxed }: TileShape): number {
  if (vectors === 1) return 2
  return access === 'rows' && rows === tileRows(relaxed) ? 8 : 4
}

export function defineMicroKernel(module: WasmModule, shape: TileShape): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [a, panel, c, init, depth] = [
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
  ]
  const [count, panelStep, aStep] = [f.local(), f.local(), f.local()]
  const tile = new Tile(f, shape, a, panel)
  const global = (name: GlobalName) => (): ExpressionRef => getGlobal(module, name)
  const unrolled = unrolledSteps(shape)
  f.define(tileName(shape), [
    panelStep.set(getGlobal(module, 'panelRow')),
    ...tile.findPanels(global('panelStep')),
    ...(shape.access === 'columns' ? [aStep.set(getGlobal(module, 'aStep'))] : []),
    ...tile.findRows(global('aRow')),
    ...tile.load(init, global('loadRow')),
    count.set(i32.shr_u(depth.get(), f.constant(Math.log2(unrolled)))),
    f.when(count.get(), [tile.sum(unrolled, count, aStep, panelStep)]),
    count.set(i32.and(depth.get(), f.constant(unrolled - 1))),
    f.when(count.get(), [tile.sum(1, count, aStep, panelStep)]),
    f.when(getGlobal(module, 'clamp'), tile.clamp()),
    ...tile.store(c, global('storeRow')),
  ])
}
