/**
 * The padded image: a copy of one image of the input with zeros around it, and between its pixels where the input is
 * dilated, so that windows never have to ask where they are. The zeros are written once; images overwrite the rest.
 *
 *     preparePadding(…)           the globals that say which pixels go where
 *     padImage(source, target)    copies an image
 *     copyPixels(source, target)  copies a row of pixels that are not adjacent on both sides
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { get, set } from './conv-problem.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'

/** One axis of space: sizes of input and padded image, zeros in front, distance of the input's elements. */
export interface PaddedAxis {
  readonly size: Local
  readonly extent: Local
  readonly low: Local
  readonly spread: Local
}

/** Statements that find the first element to copy along an axis, and how many there are: those inside the padded image. */
export function copiedAlong(
  f: FunctionBuilder,
  { size, extent, low, spread }: PaddedAxis,
  first: Local,
  count: Local,
): ExpressionRef[] {
  const { i32 } = f.module
  const roundedUp = (x: ExpressionRef): ExpressionRef =>
    i32.div_s(i32.sub(i32.add(x, spread.get()), f.constant(1)), spread.get())
  const before = i32.sub(f.constant(0), low.get())
  return [
    first.set(f.constant(0)),
    f.when(i32.lt_s(low.get(), f.constant(0)), [first.set(roundedUp(before))]),
    // One past the last element that lies in the image.
    count.set(i32.sub(extent.get(), low.get())),
    f.when(i32.lt_s(count.get(), f.constant(0)), [count.set(f.constant(0))]),
    count.set(roundedUp(count.get())),
    f.when(i32.gt_s(count.get(), size.get()), [count.set(size.get())]),
    count.set(i32.sub(count.get(), first.get())),
    f.when(i32.lt_s(count.get(), f.constant(0)), [count.set(f.constant(0))]),
  ]
}

export function definePadding(module: WasmModule): void {
  defineCopyPixels(module)
  definePadImage(module)
}

function definePadImage(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [source, target] = [f.parameter(), f.parameter()]
  const [row, bytes] = [f.local(), f.local()]
  const adjacent = (name: 'sourcePixel' | 'targetPixel'): ExpressionRef =>
    i32.eq(get(module, name), get(module, 'pixelBytes'))
  f.define('padImage', [
    row.set(get(module, 'copyRows')),
    bytes.set(i32.mul(get(module, 'copyPixels'), get(module, 'pixelBytes'))),
    source.advance(get(module, 'sourceStart')),
    target.advance(get(module, 'targetStart')),
    f.when(i32.and(i32.gt_s(row.get(), f.constant(0)), i32.gt_s(bytes.get(), f.constant(0))), [
      f.repeatWhile(
        [
          module.if(
            i32.and(adjacent('sourcePixel'), adjacent('targetPixel')),
            module.memory.copy(target.get(), source.get(), bytes.get()),
            f.call('copyPixels', [source.get(), target.get()]),
          ),
          source.advance(get(module, 'sourceRow')),
          target.advance(get(module, 'targetRow')),
          row.advanceBy(-1),
        ],
        row.get(),
      ),
    ]),
  ])
}

function defineCopyPixels(module: WasmModule): void {
  const { i32, v128 } = module
  const f = new FunctionBuilder(module)
  const [source, target] = [f.parameter(), f.parameter()]
  const [pixel, from, to, left] = [f.local(), f.local(), f.local(), f.local()]
  const piece = (bytes: number, move: ExpressionRef): ExpressionRef =>
    f.when(i32.ge_s(left.get(), f.constant(bytes)), [
      f.repeatWhile(
        [move, from.advanceBy(bytes), to.advanceBy(bytes), left.advanceBy(-bytes)],
        i32.ge_s(left.get(), f.constant(bytes)),
      ),
    ])
  f.define('copyPixels', [
    pixel.set(get(module, 'copyPixels')),
    f.repeatWhile(
      [
        from.set(source.get()),
        to.set(target.get()),
        left.set(get(module, 'pixelBytes')),
        piece(16, v128.store(0, 4, to.get(), v128.load(0, 4, from.get()))),
        piece(4, i32.store(0, 4, to.get(), i32.load(0, 4, from.get()))),
        source.advance(get(module, 'sourcePixel')),
        target.advance(get(module, 'targetPixel')),
        pixel.advanceBy(-1),
      ],
      pixel.get(),
    ),
  ])
}

/** Statements that note where an image's pixels go. */
export function notePlaces(
  f: FunctionBuilder,
  places: {
    readonly rows: { readonly first: Local; readonly count: Local; readonly axis: PaddedAxis }
    readonly pixels: { readonly first: Local; readonly count: Local; readonly axis: PaddedAxis }
    readonly sourceRow: ExpressionRef
    readonly sourcePixel: ExpressionRef
    readonly targetRow: Local
    readonly targetPixel: Local
    readonly pixelBytes: Local
  },
): ExpressionRef[] {
  const { module } = f
  const { i32 } = module
  const { rows, pixels, targetRow, targetPixel, pixelBytes } = places
  const place = ({ first, axis }: { readonly first: Local; readonly axis: PaddedAxis }): ExpressionRef =>
    i32.add(i32.mul(first.get(), axis.spread.get()), axis.low.get())
  return [
    set(module, 'sourceRow', places.sourceRow),
    set(module, 'sourcePixel', places.sourcePixel),
    set(module, 'pixelBytes', pixelBytes.get()),
    set(module, 'copyRows', rows.count.get()),
    set(module, 'copyPixels', pixels.count.get()),
    set(
      module,
      'sourceStart',
      i32.add(
        i32.mul(rows.first.get(), get(module, 'sourceRow')),
        i32.mul(pixels.first.get(), get(module, 'sourcePixel')),
      ),
    ),
    set(
      module,
      'targetStart',
      i32.add(i32.mul(place(rows), targetRow.get()), i32.mul(place(pixels), targetPixel.get())),
    ),
    set(module, 'targetRow', i32.mul(rows.axis.spread.get(), targetRow.get())),
    set(module, 'targetPixel', i32.mul(pixels.axis.spread.get(), targetPixel.get())),
  ]
}
