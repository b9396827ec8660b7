/**
 * The loops around the convolution's micro-kernel when the *batch* is adjacent in the input, as it is in the gradient of
 * a kernel, whose batch are the features of the convolution's input:
 *
 *     convKernel(…)    result[o, b, f] += sum over positions of input[o + position, b] * w[position, f]
 *
 * Tiles have neighbouring batch elements as rows, also across neighbouring places o where these follow each other in
 * input and result. What is summed over, the "kernel", is as large as an image: it is packed in blocks of some hundred
 * positions, and the result grows block by block, image by image (`inner`). A wide module has two panels of half as many
 * positions in the same room, if a row of the kernel is not longer than that.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { convBlockPositions } from './conv-parameters.ts'
import { clearScratchHead, imageOf, times } from './conv-driver.ts'
import { get, panelsOffset, parametersOf, set, zeroOffset } from './conv-problem.ts'
import { eachPanel } from './conv-strip.ts'
import { FunctionBuilder } from './function-builder.ts'
import { panelColumns, panelRowBytes } from './gemm-problem.ts'

/** Defines and exports `convKernel`. */
export function defineConvKernel(module: WasmModule, wide: boolean): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const p = parametersOf(f)
  const [panels, copy, base, first] = [f.local(), f.local(), f.local(), f.local()]
  const [n, g, kernelRow, rows, blockRows, positions] = [
    f.local(),
    f.local(),
    f.local(),
    f.local(),
    f.local(),
    f.local(),
  ]
  const [a, w, c, features, merged] = [f.local(), f.local(), f.local(), f.local(), f.local()]
  const [fromLine, toLine, from, to, line, place] = [
    f.local(),
    f.local(),
    f.local(),
    f.local(),
    f.local(),
    f.local(),
  ]
  const [packed, source, target] = [f.local(), f.local(), f.local()]
  const image = imageOf(f, p, p.batch, copy, true)
  const start = (at: ExpressionRef): ExpressionRef =>
    module.select(first.get(), p.scratch.plus(zeroOffset), at)
  const packPanel = (depth: ExpressionRef): ExpressionRef =>
    f.call('packPanel', [
      source.get(),
      target.get(),
      depth,
      f.atMost(features, panelColumns),
      p.wPixel.get(),
      p.wOuter.get(),
    ])
  const blockPositions = wide ? convBlockPositions / 2 : convBlockPositions
  const pairsFit = (): ExpressionRef => i32.le_s(p.kernelWidth.get(), f.constant(blockPositions))
  const pack = (panel: number): ExpressionRef[] => [
    source.set(
      panel === 0 ? w.get() : i32.add(w.get(), i32.mul(p.wOuter.get(), f.constant(panel * panelColumns))),
    ),
    target.set(panel === 0 ? panels.get() : i32.add(panels.get(), get(module, 'panelBytes'))),
    f.when(i32.lt_s(features.get(), f.constant(panelColumns)), [
      f.call('clearPanel', [target.get(), positions.get()]),
    ]),
    module.if(
      i32.eq(p.wRow.get(), i32.mul(p.kernelWidth.get(), p.wPixel.get())),
      packPanel(positions.get()),
      times(f, packed, rows.get(), [
        packPanel(p.kernelWidth.get()),
        source.advance(p.wRow.get()),
        target.advance(i32.mul(p.kernelWidth.get(), f.constant(panelRowBytes))),
      ]),
    ),
  ]
  const strips = (strip: string): ExpressionRef =>
    module.if(
      merged.get(),
      f.call(strip, [
        fromLine.get(),
        panels.get(),
        toLine.get(),
        start(toLine.get()),
        i32.mul(p.width.get(), p.batch.get()),
      ]),
      f.block([
        from.set(fromLine.get()),
        to.set(toLine.get()),
        times(f, place, p.width.get(), [
          f.call(strip, [from.get(), panels.get(), to.get(), start(to.get()), p.batch.get()]),
          from.advance(i32.mul(p.strideWidth.get(), image.pixel.get())),
          to.advance(p.yPixel.get()),
        ]),
      ]),
    )
  const group = [
    w.set(
      i32.add(
        i32.add(p.w.get(), i32.mul(i32.sub(p.groups.get(), g.get()), p.wGroup.get())),
        i32.mul(kernelRow.get(), p.wRow.get()),
      ),
    ),
    c.set(i32.add(p.y.get(), i32.mul(i32.sub(p.groups.get(), g.get()), p.yGroup.get()))),
    features.set(p.outer.get()),
    ...eachPanel(
      f,
      'columns',
      features,
      (strip, count) => [
        ...pack(0),
        ...(count === 2 ? pack(1) : []),
        fromLine.set(a.get()),
        toLine.set(c.get()),
        times(f, line, p.height.get(), [
          strips(strip),
          fromLine.advance(i32.mul(p.strideHeight.get(), image.row.get())),
          toLine.advance(p.yRow.get()),
        ]),
        w.advance(i32.shl(p.wOuter.get(), f.constant(count === 2 ? 4 : 3))),
        c.advanceBy(count * panelRowBytes),
      ],
      wide ? pairsFit : undefined,
    ),
    a.advance(image.group.get()),
  ]
  const block = [
    rows.set(i32.sub(p.kernelHeight.get(), kernelRow.get())),
    f.when(i32.gt_s(rows.get(), blockRows.get()), [rows.set(blockRows.get())]),
    positions.set(i32.mul(rows.get(), p.kernelWidth.get())),
    ...(wide ? [set(module, 'panelBytes', i32.mul(positions.get(), f.constant(panelRowBytes)))] : []),
    set(module, 'tapRows', rows.get()),
    set(module, 'initRow', module.select(first.get(), f.constant(0), p.yBatch.get())),
    a.set(i32.add(base.get(), i32.mul(kernelRow.get(), i32.mul(p.dilationHeight.get(), image.row.get())))),
    times(f, g, p.groups.get(), group),
    first.set(f.constant(0)),
    kernelRow.advance(rows.get()),
  ]
  const areAny = (...sizes: ExpressionRef[]): ExpressionRef =>
    sizes.map((size) => i32.gt_s(size, f.constant(0))).reduce((x, y) => i32.and(x, y))
  const resultBytes = [p.height, p.width, p.groups, p.batch, p.outer].reduce<ExpressionRef>(
    (product, size) => i32.mul(product, size.get()),
    f.constant(4),
  )
  f.define('convKernel', [
    f.when(i32.eqz(areAny(p.kernelHeight.get(), p.kernelWidth.get(), p.inner.get(), p.groups.get())), [
      module.memory.fill(p.y.get(), f.constant(0), resultBytes),
      module.return(),
    ]),
    f.when(i32.eqz(areAny(p.height.get(), p.width.get(), p.batch.get(), p.outer.get())), [module.return()]),
    ...clearScratchHead(module, p.scratch),
    panels.set(p.scratch.plus(panelsOffset)),
    blockRows.set(i32.div_u(f.constant(blockPositions), p.kernelWidth.get())),
    f.when(i32.eqz(blockRows.get()), [blockRows.set(f.constant(1))]),
    copy.set(
      i32.add(
        panels.get(),
        i32.mul(
          i32.mul(blockRows.get(), p.kernelWidth.get()),
          wide
            ? module.select(pairsFit(), f.constant(2 * panelRowBytes), f.constant(panelRowBytes))
            : f.constant(panelRowBytes),
        ),
      ),
    ),
    ...image.prepare,
    set(module, 'scratch', p.scratch.get()),
    set(module, 'clamp', f.constant(0)),
    set(module, 'run', p.kernelWidth.get()),
    set(module, 'taps', f.constant(1)),
    set(module, 'aStep', i32.mul(p.dilationWidth.get(), image.pixel.get())),
    set(
      module,
      'tapJump',
      i32.mul(i32.sub(f.constant(0), p.kernelWidth.get()), i32.mul(p.dilationWidth.get(), image.pixel.get())),
    ),
    set(module, 'tapRowJump', i32.mul(p.dilationHeight.get(), image.row.get())),
    set(module, 'cRow', p.yBatch.get()),
    // Neighbouring places continue each other's rows in input and result.
    merged.set(
      i32.and(
        i32.and(
          i32.eq(p.strideWidth.get(), f.constant(1)),
          i32.eq(image.pixel.get(), i32.shl(p.batch.get(), f.constant(2))),
        ),
        i32.eq(p.yPixel.get(), i32.mul(p.batch.get(), p.yBatch.get())),
      ),
    ),
    first.set(f.constant(1)),
    times(f, n, p.inner.get(), [
      ...image.load(p.x, base),
      kernelRow.set(f.constant(0)),
      f.repeatWhile(block, i32.lt_s(kernelRow.get(), p.kernelHeight.get())),
      p.x.advance(p.xInner.get()),
      p.w.advance(p.wInner.get()),
    ]),
  ])
  module.addFunctionExport('convKernel', 'convKernel')
}
