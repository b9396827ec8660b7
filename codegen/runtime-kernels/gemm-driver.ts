/**
 * The loops around the micro-kernel. `gemm` cuts C into blocks of columns and the sum over k into blocks of depth;
 * `gemmBlock` does one of them: it packs B, then goes through C strip by strip, packing A's strip if need be. Every block of depth after the first
 * starts from C instead of the caller's init, and only the last one clamps.
 *
 * B is read where it lies, without packing, when its columns are adjacent and each element is used so few times that
 * packing would cost more than it saves: few rows, or a block that fits the first-level cache.
 */
import type { ExpressionRef, WasmModule } from '../wasm/binaryen.ts'
import { FunctionBuilder, type Local } from './function-builder.ts'
import { gemmParameters, initBatchedFlag, initFlag, reluFlag } from './gemm-parameters.ts'
import {
  columnBlock,
  depthBlock,
  getGlobal,
  panelColumns,
  panelRowBytes,
  panelsOffset,
  setGlobal,
  stripOffset,
  tileRows,
  zeroOffset,
} from './gemm-problem.ts'
import { withVector } from './gemm-with-vector.ts'
import { type Access, nextHeight } from './tile.ts'

/** Up to this many rows of A, B is never packed if its columns are adjacent. */
const directRows = 8
/** Up to this many rows of A, a small block of B is not packed either. */
const directSmallRows = 64
/** From this many columns on, a strip of a transposed A is packed. */
const packedStripColumns = 64
/** Elements of a block of B that count as small: 16 KB, a third of the first-level cache. */
const directSmallElements = 4096

/** Defines `gemm`, one matrix product. */
export function defineGemm(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const p = gemmParameters(f)
  const [column, width, source] = [f.local(), f.local(), f.local()]
  const [k, blockDepth, depthStep] = [f.local(), f.local(), f.local()]
  const hasInit = (): ExpressionRef => i32.and(p.flags.get(), f.constant(initFlag))
  const at = (base: ExpressionRef, index: Local, stride: ExpressionRef): ExpressionRef =>
    i32.add(base, i32.mul(index.get(), stride))
  const cColumn = (): ExpressionRef => at(p.c.get(), column, f.constant(4))

  const startFromInit = [
    setGlobal(module, 'initRow', module.select(hasInit(), p.initRow.get(), f.constant(0))),
    setGlobal(module, 'initColumn', module.select(hasInit(), f.constant(4), f.constant(0))),
    source.set(module.select(hasInit(), at(p.init.get(), column, f.constant(4)), p.scratch.plus(zeroOffset))),
  ]
  const startFromC = [
    setGlobal(module, 'initRow', p.cRow.get()),
    setGlobal(module, 'initColumn', f.constant(4)),
    source.set(cColumn()),
  ]
  const left = i32.sub(p.depth.get(), k.get())
  const clamp = i32.and(
    i32.ge_s(i32.add(k.get(), blockDepth.get()), p.depth.get()),
    i32.ne(i32.and(p.flags.get(), f.constant(reluFlag)), f.constant(0)),
  )
  const depthLoop = f.repeatWhile(
    [
      blockDepth.set(left),
      f.when(i32.gt_s(blockDepth.get(), depthStep.get()), [blockDepth.set(depthStep.get())]),
      setGlobal(module, 'clamp', clamp),
      f.call('gemmBlock', [
        at(p.a.get(), k, p.aColumn.get()),
        i32.add(at(p.b.get(), k, p.bRow.get()), i32.mul(column.get(), p.bColumn.get())),
        cColumn(),
        source.get(),
        blockDepth.get(),
        p.rows.get(),
        width.get(),
      ]),
      ...startFromC,
      k.advance(blockDepth.get()),
    ],
    i32.lt_s(k.get(), p.depth.get()),
  )
  const columnLoop = f.repeatWhile(
    [
      width.set(i32.sub(p.columns.get(), column.get())),
      width.set(f.atMost(width, columnBlock)),
      k.set(f.constant(0)),
      ...startFromInit,
      depthLoop,
      column.advance(width.get()),
    ],
    i32.lt_s(column.get(), p.columns.get()),
  )
  f.define('gemm', [
    f.when(i32.or(i32.le_s(p.rows.get(), f.constant(0)), i32.le_s(p.columns.get(), f.constant(0))), [
      module.return(),
    ]),
    ...withVector(f, p, source),
    setGlobal(module, 'aRow', p.aRow.get()),
    setGlobal(module, 'aColumn', p.aColumn.get()),
    setGlobal(module, 'bRow', p.bRow.get()),
    setGlobal(module, 'bColumn', p.bColumn.get()),
    setGlobal(module, 'cRow', p.cRow.get()),
    setGlobal(module, 'scratch', p.scratch.get()),
    ...clearScratchHead(module, p.scratch),
    ...chooseDepthStep(f, p.depth, depthStep),
    columnLoop,
  ])
  module.addFunctionExport('gemm', 'gemm')
}

/** Zeroes the line that stands for a missing init, and the edge tile, lest its unused lanes hold slow denormals. */
function clearScratchHead(module: WasmModule, scratch: Local): ExpressionRef[] {
  const stores: ExpressionRef[] = []
  for (let offset = 0; offset < stripOffset; offset += 16) {
    stores.push(module.v128.store(offset, 4, scratch.get(), module.v128.const(new Uint8Array(16))))
  }
  return stores
}

/** Depth in equal blocks, in multiples of 8, rather than full ones and a sliver. */
function chooseDepthStep(f: FunctionBuilder, depth: Local, step: Local): ExpressionRef[] {
  const { i32 } = f.module
  const blocks = i32.shr_u(depth.plus(depthBlock - 1), f.constant(Math.log2(depthBlock)))
  return [
    step.set(depth.get()),
    f.when(i32.gt_s(depth.get(), f.constant(depthBlock)), [
      step.set(blocks),
      step.set(i32.div_u(i32.sub(i32.add(depth.get(), step.get()), f.constant(1)), step.get())),
      step.set(i32.and(step.plus(7), f.constant(-8))),
    ]),
  ]
}

/** Defines `gemmBlock(a, b, c, init, depth, rows, columns)` for one block of depth and columns. */
export function defineGemmBlock(module: WasmModule, relaxed: boolean): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [a, b, c, init] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const [depth, rows, columns] = [f.parameter(), f.parameter(), f.parameter()]
  const [direct, whole, ragged, panels, raggedPanel] = [f.local(), f.local(), f.local(), f.local(), f.local()]
  const [panelRow, panelStep, height] = [f.local(), f.local(), f.local()]
  const [packStrip, strip] = [f.local(), f.local()]
  const skipRows = (pointer: Local, stride: 'aRow' | 'cRow' | 'initRow'): ExpressionRef =>
    pointer.advance(i32.mul(height.get(), getGlobal(module, stride)))
  const wholeStrip = [
    setGlobal(module, 'panelRow', panelRow.get()),
    setGlobal(module, 'panelStep', panelStep.get()),
    callByAccess(f, 'strip', () => [strip, panels, c, init, depth, height, whole].map((x) => x.get())),
  ]
  const raggedTile = [
    setGlobal(module, 'panelRow', f.constant(panelRowBytes)),
    callByAccess(f, 'ragged', () => [
      strip.get(),
      raggedPanel.get(),
      i32.add(c.get(), i32.shl(whole.get(), f.constant(2))),
      i32.add(init.get(), i32.mul(whole.get(), getGlobal(module, 'initColumn'))),
      depth.get(),
      height.get(),
      ragged.get(),
    ]),
  ]
  const packB = (name: string, source: ExpressionRef, target: Local, count: Local): ExpressionRef =>
    f.call(name, [
      source,
      target.get(),
      depth.get(),
      count.get(),
      getGlobal(module, 'bRow'),
      getGlobal(module, 'bColumn'),
    ])
  // As many columns as there are rows left, up to 8: copying whole vectors is faster than just the strip's 5 or 6.
  const packA = f.call('packPanel', [
    a.get(),
    strip.get(),
    depth.get(),
    f.atMost(rows, panelColumns),
    getGlobal(module, 'aColumn'),
    getGlobal(module, 'aRow'),
  ])
  f.define('gemmBlock', [
    f.when(i32.and(columns.get(), f.constant(3)), [ragged.set(i32.and(columns.get(), f.constant(7)))]),
    whole.set(i32.sub(columns.get(), ragged.get())),
    direct.set(readDirectly(f, rows, depth, whole)),
    raggedPanel.set(i32.add(getGlobal(module, 'scratch'), f.constant(panelsOffset))),
    module.if(
      direct.get(),
      f.block([
        panels.set(b.get()),
        panelRow.set(getGlobal(module, 'bRow')),
        panelStep.set(f.constant(panelRowBytes)),
      ]),
      f.block([
        panels.set(raggedPanel.get()),
        panelRow.set(f.constant(panelRowBytes)),
        panelStep.set(i32.mul(depth.get(), f.constant(panelRowBytes))),
        raggedPanel.advance(i32.mul(whole.get(), i32.shl(depth.get(), f.constant(2)))),
        f.when(whole.get(), [packB('packPanels', b.get(), panels, whole)]),
      ]),
    ),
    f.when(ragged.get(), [
      f.call('clearPanel', [raggedPanel.get(), depth.get()]),
      packB(
        'packPanel',
        i32.add(b.get(), i32.mul(whole.get(), getGlobal(module, 'bColumn'))),
        raggedPanel,
        ragged,
      ),
    ]),
    packStrip.set(shouldPackStrip(f, columns)),
    setGlobal(
      module,
      'aStep',
      module.select(packStrip.get(), f.constant(panelRowBytes), getGlobal(module, 'aColumn')),
    ),
    f.repeatWhile(
      [
        height.set(nextHeight(f, rows, tileRows(relaxed))),
        strip.set(a.get()),
        f.when(packStrip.get(), [
          strip.set(i32.add(getGlobal(module, 'scratch'), f.constant(stripOffset))),
          packA,
        ]),
        f.when(whole.get(), wholeStrip),
        f.when(ragged.get(), raggedTile),
        skipRows(a, 'aRow'),
        skipRows(c, 'cRow'),
        skipRows(init, 'initRow'),
        rows.set(i32.sub(rows.get(), height.get())),
      ],
      rows.get(),
    ),
  ])
}

/** Calls `strip_*` or `ragged_*` for the way A lies in memory. */
function callByAccess(
  f: FunctionBuilder,
  name: 'strip' | 'ragged',
  operands: () => ExpressionRef[],
): ExpressionRef {
  const { module } = f
  const call = (access: Access): ExpressionRef => f.call(`${name}_${access}`, operands())
  const rowsAdjacent = module.i32.eq(getGlobal(module, 'aStep'), f.constant(4))
  return module.if(rowsAdjacent, call('rows'), call('columns'))
}

/**
 * Whether strips of A are copied to where one k follows another: always when neither rows nor columns are adjacent;
 * for a transposed A when the copy is read often enough, since the original has each k on another cache line.
 */
function shouldPackStrip(f: FunctionBuilder, columns: Local): ExpressionRef {
  const { i32 } = f.module
  const apart = (stride: 'aRow' | 'aColumn'): ExpressionRef =>
    i32.ne(getGlobal(f.module, stride), f.constant(4))
  const many = i32.ge_s(columns.get(), f.constant(packedStripColumns))
  return i32.and(apart('aColumn'), i32.or(apart('aRow'), many))
}

/** Whether whole panels of B are used where they lie. */
function readDirectly(f: FunctionBuilder, rows: Local, depth: Local, columns: Local): ExpressionRef {
  const { i32 } = f.module
  const fewRows = i32.le_s(rows.get(), f.constant(directRows))
  const small = i32.and(
    i32.le_s(rows.get(), f.constant(directSmallRows)),
    i32.le_s(i32.mul(depth.get(), columns.get()), f.constant(directSmallElements)),
  )
  return i32.and(i32.eq(getGlobal(f.module, 'bColumn'), f.constant(4)), i32.or(fewRows, small))
}

/** Defines `gemmBatched`, the same product for consecutive A, B and C. */
export function defineGemmBatched(module: WasmModule): void {
  const { i32 } = module
  const f = new FunctionBuilder(module)
  const [batch, aBatch, bBatch, cBatch] = [f.parameter(), f.parameter(), f.parameter(), f.parameter()]
  const p = gemmParameters(f)
  const operands = Object.values(p) as Local[]
  const initBatched = i32.and(p.flags.get(), f.constant(initBatchedFlag))
  f.define('gemmBatched', [
    f.when(i32.gt_s(batch.get(), f.constant(0)), [
      f.countdown(batch, 1, [
        f.call(
          'gemm',
          operands.map((operand) => operand.get()),
        ),
        p.a.advance(aBatch.get()),
        p.b.advance(bBatch.get()),
        p.c.advance(cBatch.get()),
        f.when(initBatched, [p.init.advance(cBatch.get())]),
      ]),
    ]),
  ])
  module.addFunctionExport('gemmBatched', 'gemmBatched')
}
