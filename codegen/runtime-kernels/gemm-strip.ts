/**
 * A strip of C: as many rows as a tile has, across the columns of a block. It is a function of its own, called for
 * strip after strip, because V8 replaces slow code only when a function is called again. Going along the columns
 * keeps the strip's part of A in the first-level cache, however far apart its elements lie, while the panels of B
 * stream from the second.
 *
 *     strip_*(a, panel, c, init, depth, height, columns)     columns: a multiple of 4
 *     ragged_*(a, panel, c, init, depth, height, columns)    columns: 1 to 7, not 4
 *
 * The second is for the last panel when its vectors would reach past the columns there are: its tile passes through a
 * small buffer in the scratch memory, from which the real columns are copied.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { getGlobal, panelColumns, panelRowBytes, setGlobal, tileOffset } from './gemm-problem.ts'
import { type Access, callTile } from './tile.ts'

/** Defines `strip_*` for one way of walking A, whose micro-kernels must be defined, too. */
export function defineStrip(module: WasmModule, access: Access, relaxed: boolean, wide: boolean): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const p = stripParameters(f)
  const { panel, c, init, columns } = p
  const tile = (vectors: number): ExpressionRef =>
    callTile(f, p.height, { access, vectors, relaxed }, () =>
      [p.a, panel, c, init, p.depth].map((x) => x.get()),
    )
  const left = (panels: number): ExpressionRef => i32.ge_s(columns.get(), f.constant(panels * panelColumns))
  const whole = (panels: 1 | 2): ExpressionRef =>
    f.when(left(panels), [
      f.repeatWhile(
        [
          tile(2 * panels),
          ...Array.from({ length: panels }, () => panel.advance(getGlobal(module, 'panelStep'))),
          c.advanceBy(panels * panelRowBytes),
          init.advance(i32.mul(getGlobal(module, 'initColumn'), f.constant(panels * panelColumns))),
          columns.advanceBy(-panels * panelColumns),
        ],
        left(panels),
      ),
    ])
  f.define(`strip_${access}`, [
    setGlobal(module, 'loadRow', getGlobal(module, 'initRow')),
    setGlobal(module, 'storeRow', getGlobal(module, 'cRow')),
    ...(wide ? [whole(2)] : []),
    whole(1),
    f.when(columns.get(), [tile(1)]),
  ])
}

/** Defines `ragged_*` for one way of walking A. */
export function defineRagged(module: WasmModule, access: Access, relaxed: boolean): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const { a, panel, c, init, depth, height, columns } = stripParameters(f)
  const buffer = f.local()
  const tile = (vectors: number): ExpressionRef =>
    callTile(f, height, { access, vectors, relaxed }, () =>
      [a, panel, buffer, buffer, depth].map((x) => x.get()),
    )
  const copy = (...operands: ExpressionRef[]): ExpressionRef =>
    f.call('copyTile', [...operands, height.get(), columns.get()])
  f.define(`ragged_${access}`, [
    buffer.set(i32.add(getGlobal(module, 'scratch'), f.constant(tileOffset))),
    setGlobal(module, 'loadRow', f.constant(panelRowBytes)),
    setGlobal(module, 'storeRow', f.constant(panelRowBytes)),
    copy(buffer.get(), f.constant(panelRowBytes), init.get(), getGlobal(module, 'initRow')),
    module.if(i32.gt_s(columns.get(), f.constant(4)), tile(2), tile(1)),
    copy(c.get(), getGlobal(module, 'cRow'), buffer.get(), f.constant(panelRowBytes)),
  ])
}

/** The parameters of both functions, in order. */
interface StripParameters {
  readonly a: Local
  readonly panel: Local
  readonly c: Local
  readonly init: Local
  readonly depth: Local
  readonly height: Local
  readonly columns: Local
}

function stripParameters(f: FunctionBuilder): StripParameters {
  return {
    a: f.parameter(),
    panel: f.parameter(),
    c: f.parameter(),
    init: f.parameter(),
    depth: f.parameter(),
    height: f.parameter(),
    columns: f.parameter(),
  }
}
