/**
 * The loops around the convolution's micro-kernel, when the features that are summed are adjacent in the input.
 *
 * `convDense` packs the kernel once, into panels of 8 features in the order of the window, and goes through the batch
 * image by image: it pads a copy of the image, unless all windows lie inside, and computes it panel by panel, line by line.
 *
 * `conv` takes inputs that are dilated as well, as in the gradient of a convolution with strides. Of a window over such
 * an input only every s-th element can meet something else than zeros, and which ones depends on the place of the window
 * modulo s. So the result is cut into s·s interleaved parts, each a dense convolution with its part of the kernel. Where
 * strides or dilations of the kernel do not allow that, zeros are put between the pixels of the padded image.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { copiedAlong, notePlaces, type PaddedAxis } from './conv-image.ts'
import {
  convInitFlag,
  type ConvOperands,
  type ConvParameter,
  convParameters,
  convReluFlag,
  convSpreadFloats,
} from './conv-parameters.ts'
import { panelsOffset, parametersOf, set, zeroOffset } from './conv-problem.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { panelColumns, panelRowBytes } from './gemm-problem.ts'

type Parameters = ConvOperands<Local>

const beat = 1024

/** Where an image is read: in the input, or in its padded copy. */
export interface Image {
  /** Statements that decide that and clear the copy; only for windows that are not empty. */
  readonly prepare: readonly ExpressionRef[]
  /** Statements that make `base` the address of the first window of the image at `source`. */
  readonly load: (source: Local, base: Local) => readonly ExpressionRef[]
  readonly row: Local
  readonly pixel: Local
  readonly group: Local
}

/**
 * `features` adjacent numbers of every pixel and group are read; the copy lies at `copy`. With `spread`, rows and pixels of
 * the copy whose distance is a multiple of 1 KB get a cache line more: a sum over pixels would meet a few sets of the
 * first-level cache only.
 */
export function imageOf(
  f: FunctionBuilder,
  p: Parameters,
  features: Local,
  copy: Local,
  spread: boolean,
): Image {
  const { module } = f
  const { i32 } = module
  const [row, pixel, group, direct, bytes] = [f.local(), f.local(), f.local(), f.local(), f.local()]
  const offBeat = (distance: Local): ExpressionRef =>
    f.when(i32.eqz(i32.and(distance.get(), f.constant(beat - 1))), [distance.advanceBy(convSpreadFloats * 4)])
  const axis = (size: Local, low: Local, spread: Local): PaddedAxis & { first: Local; count: Local } => ({
    size,
    low,
    spread,
    extent: f.local(),
    first: f.local(),
    count: f.local(),
  })
  const rows = axis(p.inputHeight, p.lowHeight, p.spreadHeight)
  const pixels = axis(p.inputWidth, p.lowWidth, p.spreadWidth)
  const less = (x: Local): ExpressionRef => i32.sub(x.get(), f.constant(1))
  const extent = (count: Local, stride: Local, kernel: Local, dilation: Local): ExpressionRef =>
    i32.add(i32.add(i32.mul(less(count), stride.get()), i32.mul(less(kernel), dilation.get())), f.constant(1))
  const isInside = ({ size, low, spread, extent: length }: PaddedAxis): ExpressionRef =>
    i32.and(
      i32.and(i32.eq(spread.get(), f.constant(1)), i32.le_s(low.get(), f.constant(0))),
      i32.le_s(i32.sub(length.get(), low.get()), size.get()),
    )
  const prepare = [
    rows.extent.set(extent(p.height, p.strideHeight, p.kernelHeight, p.dilationHeight)),
    pixels.extent.set(extent(p.width, p.strideWidth, p.kernelWidth, p.dilationWidth)),
    direct.set(i32.and(isInside(rows), isInside(pixels))),
    module.if(
      direct.get(),
      f.block([row.set(p.xRow.get()), pixel.set(p.xPixel.get()), group.set(p.xGroup.get())]),
      f.block([
        group.set(i32.shl(features.get(), f.constant(2))),
        bytes.set(i32.mul(group.get(), p.groups.get())),
        pixel.set(bytes.get()),
        ...(spread ? [offBeat(pixel)] : []),
        row.set(i32.mul(pixels.extent.get(), pixel.get())),
        ...(spread ? [offBeat(row)] : []),
        module.memory.fill(copy.get(), f.constant(0), i32.mul(rows.extent.get(), row.get())),
        ...copiedAlong(f, rows, rows.first, rows.count),
        ...copiedAlong(f, pixels, pixels.first, pixels.count),
        ...notePlaces(f, {
          rows: { ...rows, axis: rows },
          pixels: { ...pixels, axis: pixels },
          sourceRow: p.xRow.get(),
          sourcePixel: p.xPixel.get(),
          targetRow: row,
          targetPixel: pixel,
          pixelBytes: bytes,
        }),
      ]),
    ),
  ]
  const load = (source: Local, base: Local): readonly ExpressionRef[] => [
    module.if(
      direct.get(),
      base.set(
        i32.sub(
          source.get(),
          i32.add(i32.mul(p.lowHeight.get(), p.xRow.get()), i32.mul(p.lowWidth.get(), p.xPixel.get())),
        ),
      ),
      f.block([f.call('padImage', [source.get(), copy.get()]), base.set(copy.get())]),
    ),
  ]
  return { prepare, load, row, pixel, group }
}

/** `statements` `count` times, which is at least 0; `counter` counts down to 1. */
export function times(
  f: FunctionBuilder,
  counter: Local,
  count: ExpressionRef,
  statements: readonly ExpressionRef[],
): ExpressionRef {
  return f.block([
    counter.set(count),
    f.when(f.module.i32.gt_s(counter.get(), f.constant(0)), [f.countdown(counter, 1, statements)]),
  ])
}

/** Defines `convDense`, a convolution whose input's features are adjacent. */
export function defineConvDense(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const p = parametersOf(f)
  const [panels, panelBytes, depth, groupBytes] = [f.local(), f.local(), f.local(), f.local()]
  const [copy, base, merged] = [f.local(), f.local(), f.local()]
  const [n, g, a, panel, c, init] = [f.local(), f.local(), f.local(), f.local(), f.local(), f.local()]
  const image = imageOf(f, p, p.inner, copy, false)
  const hasInit = (): ExpressionRef => i32.and(p.flags.get(), f.constant(convInitFlag))
  const tapStride = (): ExpressionRef => i32.mul(p.dilationWidth.get(), image.pixel.get())
  // A row of taps is one run when its elements are neighbours throughout.
  const mergeTaps = i32.and(
    i32.eq(p.dilationWidth.get(), f.constant(1)),
    i32.eq(image.pixel.get(), i32.shl(p.inner.get(), f.constant(2))),
  )
  const window = [
    ...image.prepare,
    merged.set(mergeTaps),
    module.if(
      merged.get(),
      f.block([
        set(module, 'run', i32.mul(p.kernelWidth.get(), p.inner.get())),
        set(module, 'taps', f.constant(1)),
        set(module, 'tapJump', f.constant(0)),
        set(
          module,
          'tapRowJump',
          i32.sub(
            i32.mul(p.dilationHeight.get(), image.row.get()),
            i32.shl(i32.mul(p.kernelWidth.get(), p.inner.get()), f.constant(2)),
          ),
        ),
      ]),
      f.block([
        set(module, 'run', p.inner.get()),
        set(module, 'taps', p.kernelWidth.get()),
        set(module, 'tapJump', i32.sub(tapStride(), i32.shl(p.inner.get(), f.constant(2)))),
        set(
          module,
          'tapRowJump',
          i32.sub(
            i32.mul(p.dilationHeight.get(), image.row.get()),
            i32.mul(p.kernelWidth.get(), tapStride()),
          ),
        ),
      ]),
    ),
    set(module, 'tapRows', p.kernelHeight.get()),
    set(module, 'aRow', i32.mul(p.strideWidth.get(), image.pixel.get())),
    set(module, 'aLine', i32.mul(p.strideHeight.get(), image.row.get())),
  ]
  const empty = [
    set(module, 'tapRows', f.constant(0)),
    set(module, 'aRow', f.constant(0)),
    set(module, 'aLine', f.constant(0)),
  ]
  f.define('convDense', [
    f.when(
      i32.or(
        i32.or(i32.le_s(p.height.get(), f.constant(0)), i32.le_s(p.width.get(), f.constant(0))),
        i32.le_s(p.outer.get(), f.constant(0)),
      ),
      [module.return()],
    ),
    panels.set(p.scratch.plus(panelsOffset)),
    depth.set(i32.mul(i32.mul(p.kernelHeight.get(), p.kernelWidth.get()), p.inner.get())),
    panelBytes.set(i32.mul(depth.get(), f.constant(panelRowBytes))),
    groupBytes.set(i32.mul(i32.shr_u(p.outer.plus(panelColumns - 1), f.constant(3)), panelBytes.get())),
    copy.set(i32.add(panels.get(), i32.mul(p.groups.get(), groupBytes.get()))),
    set(module, 'scratch', p.scratch.get()),
    set(module, 'panelBytes', panelBytes.get()),
    set(module, 'clamp', i32.and(p.flags.get(), f.constant(convReluFlag))),
    set(module, 'cRow', p.yPixel.get()),
    set(module, 'cLine', p.yRow.get()),
    set(module, 'initRow', f.constant(0)),
    set(module, 'initPanel', module.select(hasInit(), f.constant(panelRowBytes), f.constant(0))),
    set(module, 'lines', p.height.get()),
    set(module, 'lineElements', p.width.get()),
    module.if(
      i32.gt_s(depth.get(), f.constant(0)),
      f.block([...packKernel(f, p, panels, depth), ...window]),
      f.block(empty),
    ),
    times(f, n, p.batch.get(), [
      base.set(p.x.get()),
      f.when(i32.gt_s(depth.get(), f.constant(0)), image.load(p.x, base)),
      a.set(base.get()),
      panel.set(panels.get()),
      c.set(p.y.get()),
      init.set(module.select(hasInit(), p.init.get(), p.scratch.plus(zeroOffset))),
      times(f, g, p.groups.get(), [
        f.call('image', [a.get(), panel.get(), c.get(), init.get(), p.outer.get()]),
        a.advance(image.group.get()),
        panel.advance(groupBytes.get()),
        c.advance(p.yGroup.get()),
        f.when(hasInit(), [init.advance(i32.shl(p.outer.get(), f.constant(2)))]),
      ]),
      p.x.advance(p.xBatch.get()),
      p.y.advance(p.yBatch.get()),
    ]),
  ])
}

/** Statements that pack the kernel into panels: of each group, of each 8 features, in the order of the window. */
function packKernel(f: FunctionBuilder, p: Parameters, panels: Local, depth: Local): ExpressionRef[] {
  const { i32 } = f.module
  const [g, left, ky, kx] = [f.local(), f.local(), f.local(), f.local()]
  const [group, panel, row, tap, target] = [f.local(), f.local(), f.local(), f.local(), f.local()]
  const columns = (): ExpressionRef => f.atMost(left, panelColumns)
  const isWhole = i32.and(
    i32.eq(p.wPixel.get(), i32.mul(p.inner.get(), p.wInner.get())),
    i32.eq(p.wRow.get(), i32.mul(p.kernelWidth.get(), p.wPixel.get())),
  )
  const pack = (source: Local, rows: Local): ExpressionRef =>
    f.call('packPanel', [source.get(), target.get(), rows.get(), columns(), p.wInner.get(), p.wOuter.get()])
  const forward = (rows: Local): ExpressionRef =>
    target.advance(i32.mul(rows.get(), f.constant(panelRowBytes)))
  return [
    target.set(panels.get()),
    group.set(p.w.get()),
    times(f, g, p.groups.get(), [
      panel.set(group.get()),
      left.set(p.outer.get()),
      f.repeatWhile(
        [
          f.when(i32.lt_s(left.get(), f.constant(panelColumns)), [
            f.call('clearPanel', [target.get(), depth.get()]),
          ]),
          f.module.if(
            isWhole,
            f.block([pack(panel, depth), forward(depth)]),
            f.block([
              row.set(panel.get()),
              times(f, ky, p.kernelHeight.get(), [
                tap.set(row.get()),
                times(f, kx, p.kernelWidth.get(), [
                  pack(tap, p.inner),
                  forward(p.inner),
                  tap.advance(p.wPixel.get()),
                ]),
                row.advance(p.wRow.get()),
              ]),
            ]),
          ),
          panel.advance(i32.shl(p.wOuter.get(), f.constant(3))),
          left.advanceBy(-panelColumns),
        ],
        i32.gt_s(left.get(), f.constant(0)),
      ),
      group.advance(p.wGroup.get()),
    ]),
  ]
}

/** What the parts of a dilated input need along one axis of space. */
interface Parts {
  readonly count: Local
  readonly spread: Local
  readonly part: Local
  readonly skipped: Local
  readonly kernel: Local
  readonly low: Local
  readonly size: Local
}

/** Defines and exports `conv`; see the head of this file. */
export function defineConv(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const p = parametersOf(f)
  const partsOf = (): Parts => ({
    count: f.local(),
    spread: f.local(),
    part: f.local(),
    skipped: f.local(),
    kernel: f.local(),
    low: f.local(),
    size: f.local(),
  })
  const [vertical, horizontal] = [partsOf(), partsOf()]
  const choose = (parts: Parts, spread: Local, stride: Local, dilation: Local): ExpressionRef[] => {
    const one = (x: Local): ExpressionRef => i32.eq(x.get(), f.constant(1))
    const canCut = i32.and(one(stride), one(dilation))
    return [
      parts.count.set(module.select(canCut, spread.get(), f.constant(1))),
      parts.spread.set(module.select(one(parts.count), spread.get(), f.constant(1))),
    ]
  }
  // Part q of s: places q, q + s, …; of the kernel, what lies at (low − q) mod s, and every s-th element after it.
  const cut = (parts: Parts, kernel: Local, low: Local, size: Local): ExpressionRef[] => {
    const share = (from: ExpressionRef): ExpressionRef =>
      i32.div_s(i32.sub(i32.add(from, parts.count.get()), f.constant(1)), parts.count.get())
    const offset = (): ExpressionRef => i32.sub(low.get(), parts.part.get())
    return [
      parts.skipped.set(i32.rem_s(offset(), parts.count.get())),
      f.when(i32.lt_s(parts.skipped.get(), f.constant(0)), [parts.skipped.advance(parts.count.get())]),
      parts.kernel.set(f.constant(0)),
      f.when(i32.lt_s(parts.skipped.get(), kernel.get()), [
        parts.kernel.set(share(i32.sub(kernel.get(), parts.skipped.get()))),
      ]),
      parts.low.set(i32.div_s(i32.sub(offset(), parts.skipped.get()), parts.count.get())),
      parts.size.set(f.constant(0)),
      f.when(i32.lt_s(parts.part.get(), size.get()), [
        parts.size.set(share(i32.sub(size.get(), parts.part.get()))),
      ]),
    ]
  }
  const moved = (start: Local, vertically: ExpressionRef, horizontally: ExpressionRef): ExpressionRef =>
    i32.add(start.get(), i32.add(vertically, horizontally))
  const scaled = (x: Local, by: Local): ExpressionRef => i32.mul(x.get(), by.get())
  const operands = (): ExpressionRef[] => {
    const changed: Partial<Record<ConvParameter, ExpressionRef>> = {
      w: moved(p.w, scaled(vertical.skipped, p.wRow), scaled(horizontal.skipped, p.wPixel)),
      y: moved(p.y, scaled(vertical.part, p.yRow), scaled(horizontal.part, p.yPixel)),
      kernelHeight: vertical.kernel.get(),
      kernelWidth: horizontal.kernel.get(),
      height: vertical.size.get(),
      width: horizontal.size.get(),
      spreadHeight: vertical.spread.get(),
      spreadWidth: horizontal.spread.get(),
      lowHeight: vertical.low.get(),
      lowWidth: horizontal.low.get(),
      wRow: scaled(p.wRow, vertical.count),
      wPixel: scaled(p.wPixel, horizontal.count),
      yRow: scaled(p.yRow, vertical.count),
      yPixel: scaled(p.yPixel, horizontal.count),
    }
    return convParameters.map((name) => changed[name] ?? p[name].get())
  }
  const less = (x: Local, y: Local): ExpressionRef => i32.lt_s(x.get(), y.get())
  f.define('conv', [
    ...clearScratchHead(module, p.scratch),
    ...choose(vertical, p.spreadHeight, p.strideHeight, p.dilationHeight),
    ...choose(horizontal, p.spreadWidth, p.strideWidth, p.dilationWidth),
    vertical.part.set(f.constant(0)),
    f.repeatWhile(
      [
        ...cut(vertical, p.kernelHeight, p.lowHeight, p.height),
        horizontal.part.set(f.constant(0)),
        f.repeatWhile(
          [
            ...cut(horizontal, p.kernelWidth, p.lowWidth, p.width),
            f.call('convDense', operands()),
            horizontal.part.advanceBy(1),
          ],
          less(horizontal.part, horizontal.count),
        ),
        vertical.part.advanceBy(1),
      ],
      less(vertical.part, vertical.count),
    ),
  ])
  module.addFunctionExport('conv', 'conv')
}

/** Zeroes the edge tile, lest its unused lanes hold slow denormals, and the line that stands for missing start values. */
export function clearScratchHead(module: WasmModule, scratch: Local): ExpressionRef[] {
  const stores: ExpressionRef[] = []
  for (let offset = 0; offset < panelsOffset; offset += 16)
    stores.push(module.v128.store(offset, 4, scratch.get(), module.v128.const(new Uint8Array(16))))
  return stores
}
