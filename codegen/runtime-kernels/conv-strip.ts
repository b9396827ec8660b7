/**
 * Rows of tiles. A strip is `count` neighbouring rows of results for one panel of features, cut into tiles:
 *
 *     strip_*_16(a, panel, c, init, count)      sixteen features, whose second panel follows the first; in wide modules
 *     strip_*_8(a, panel, c, init, count)       eight features
 *     strip_*_4(a, panel, c, init, count)       four
 *     strip_*_ragged(a, panel, c, init, count)  `raggedColumns`, through a small buffer in the scratch memory
 *
 * and an image is `lines` strips for each panel of features (walking rows):
 *
 *     image(a, panel, c, init, features)
 *
 * They are functions of their own because V8 replaces slow code only when a function is called again.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { get, set, tileOffset } from './conv-problem.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { panelColumns, panelRowBytes, tileRows } from './gemm-problem.ts'
import { type Access, callTile, nextHeight } from './tile.ts'

/** Defines the strips of one way of walking the input, whose micro-kernels must be defined, too. */
export function defineStrips(module: WasmModule, access: Access, relaxed: boolean, wide: boolean): void {
  if (wide) defineStrip(module, access, relaxed, 4)
  defineStrip(module, access, relaxed, 2)
  defineStrip(module, access, relaxed, 1)
  defineRaggedStrip(module, access, relaxed)
}

function rowStep(f: FunctionBuilder, access: Access, height: Local): ExpressionRef {
  return access === 'columns'
    ? f.module.i32.shl(height.get(), f.constant(2))
    : f.module.i32.mul(height.get(), get(f.module, 'aRow'))
}

function defineStrip(module: WasmModule, access: Access, relaxed: boolean, vectors: 1 | 2 | 4): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [a, panel, c, init, count] = [
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
  ]
  const height = f.local()
  f.define(`strip_${access}_${vectors * 4}`, [
    set(module, 'loadRow', get(module, 'initRow')),
    set(module, 'storeRow', get(module, 'cRow')),
    f.repeatWhile(
      [
        height.set(nextHeight(f, count, tileRows(relaxed))),
        callTile(f, height, { access, vectors, relaxed }, () => [a, panel, c, init].map((x) => x.get())),
        a.advance(rowStep(f, access, height)),
        c.advance(i32.mul(height.get(), get(module, 'cRow'))),
        init.advance(i32.mul(height.get(), get(module, 'initRow'))),
        count.set(i32.sub(count.get(), height.get())),
      ],
      count.get(),
    ),
  ])
}

function defineRaggedStrip(module: WasmModule, access: Access, relaxed: boolean): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [a, panel, c, init, count] = [
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
  ]
  const [height, buffer] = [f.local(), f.local()]
  const tile = (vectors: number): ExpressionRef =>
    callTile(f, height, { access, vectors, relaxed }, () => [a, panel, buffer, buffer].map((x) => x.get()))
  const copy = (...operands: ExpressionRef[]): ExpressionRef =>
    f.call('copyTile', [...operands, height.get(), get(module, 'raggedColumns')])
  f.define(`strip_${access}_ragged`, [
    buffer.set(i32.add(get(module, 'scratch'), f.constant(tileOffset))),
    set(module, 'loadRow', f.constant(panelRowBytes)),
    set(module, 'storeRow', f.constant(panelRowBytes)),
    f.repeatWhile(
      [
        height.set(nextHeight(f, count, tileRows(relaxed))),
        copy(buffer.get(), f.constant(panelRowBytes), init.get(), get(module, 'initRow')),
        module.if(i32.gt_s(get(module, 'raggedColumns'), f.constant(4)), tile(2), tile(1)),
        copy(c.get(), get(module, 'cRow'), buffer.get(), f.constant(panelRowBytes)),
        a.advance(rowStep(f, access, height)),
        c.advance(i32.mul(height.get(), get(module, 'cRow'))),
        init.advance(i32.mul(height.get(), get(module, 'initRow'))),
        count.set(i32.sub(count.get(), height.get())),
      ],
      count.get(),
    ),
  ])
}

/**
 * Statements for every panel of `features`: `each` is given the strip's name for the panel at hand, or, for two panels at
 * a time in a wide module, for both, while `pairs` says so.
 */
export function eachPanel(
  f: FunctionBuilder,
  access: Access,
  features: Local,
  each: (strip: string, panels: 1 | 2) => readonly ExpressionRef[],
  pairs?: () => ExpressionRef,
): ExpressionRef[] {
  const { module } = f
  const { i32 } = module
  const whole = (panels: 1 | 2, also: (left: ExpressionRef) => ExpressionRef): ExpressionRef => {
    const columns = panels * panelColumns
    const left = (): ExpressionRef => also(i32.ge_s(features.get(), f.constant(columns)))
    const statements = [...each(`strip_${access}_${columns}`, panels), features.advanceBy(-columns)]
    return f.when(left(), [f.repeatWhile(statements, left())])
  }
  const two = pairs === undefined ? [] : [whole(2, (left) => i32.and(left, pairs()))]
  const one = whole(1, (left) => left)
  const four = each(`strip_${access}_4`, 1)
  const ragged = each(`strip_${access}_ragged`, 1)
  return [
    ...two,
    one,
    f.when(features.get(), [
      set(module, 'raggedColumns', features.get()),
      module.if(i32.eq(features.get(), f.constant(4)), f.block(four), f.block(ragged)),
    ]),
  ]
}

/** Defines `image`; see the head of this file. */
export function defineImage(module: WasmModule, wide: boolean): void {
  const f = new FunctionBuilder(module)
  const [a, panel, c, init, features] = [
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
    f.parameter(),
  ]
  const [line, from, to] = [f.local(), f.local(), f.local()]
  f.define(
    'image',
    eachPanel(
      f,
      'rows',
      features,
      (strip, panels) => [
        line.set(get(module, 'lines')),
        from.set(a.get()),
        to.set(c.get()),
        f.repeatWhile(
          [
            f.call(strip, [from.get(), panel.get(), to.get(), init.get(), get(module, 'lineElements')]),
            from.advance(get(module, 'aLine')),
            to.advance(get(module, 'cLine')),
            line.advanceBy(-1),
          ],
          line.get(),
        ),
        ...Array.from({ length: panels }, () => panel.advance(get(module, 'panelBytes'))),
        c.advanceBy(panels * panelRowBytes),
        ...Array.from({ length: panels }, () => init.advance(get(module, 'initPanel'))),
      ],
      wide ? () => f.constant(1) : undefined,
    ),
  )
}
