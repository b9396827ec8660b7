/** A matrix product step as calls of the product's module, for the whole of it or a part. */
import type { GemmStep } from '../program.ts'
import { gemmScratchBytes, initBatchedFlag, initFlag, reluFlag } from '../runtime-kernels/gemm.ts'
import { multiplySizes, type Size, sizesEqual } from '../size.ts'
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { FrameReader } from './frame.ts'
import type { Range } from './parts.ts'

/** The rows, columns and matrices of the batch that are to be computed; all of them where nothing is said. */
export interface GemmPart {
  readonly rows?: Range
  readonly columns?: Range
  readonly batch?: Range
  /** The local with the number of the thread, which has scratch memory of its own. */
  readonly thread?: number
}

/** `local` gives fresh i32 locals of the function, `label` labels. */
export function emitGemm(
  module: WasmModule,
  step: GemmStep,
  frame: FrameReader,
  local: () => number,
  label: () => string,
  part: GemmPart = {},
): ExpressionRef[] {
  const { i32 } = module
  const { a, b, c, init, rows, columns } = step
  const get = (at: number): ExpressionRef => module.local.get(at, binaryen.i32)
  const size = (value: Size): ExpressionRef => frame.size(value, local)
  const bytes = (elements: Size): ExpressionRef => size(multiplySizes(elements, 4))
  const matrix = multiplySizes(rows, columns)
  const shared = init === undefined || init.batchStride === 0 || step.batch === 1
  const withC = init !== undefined && !shared && sizesEqual(init.batchStride, matrix) === true
  const flags =
    (init === undefined ? 0 : initFlag) |
    (step.activation === 'relu' ? reluFlag : 0) |
    (withC ? initBatchedFlag : 0)
  /** An address moved to the first of a range. */
  const moved = (address: ExpressionRef, range: Range | undefined, stride: Size): ExpressionRef =>
    range === undefined || stride === 0 ? address : i32.add(address, i32.mul(get(range.first), bytes(stride)))
  const count = (range: Range | undefined, all: Size): ExpressionRef =>
    range === undefined ? size(all) : get(range.count)
  const scratch = frame.field(frame.layout.scratch)
  const product = (address: (buffer: number, batchStride: Size) => ExpressionRef): ExpressionRef[] => [
    moved(address(a.buffer, a.batchStride), part.rows, a.rowStride),
    moved(address(b.buffer, b.batchStride), part.columns, b.columnStride),
    moved(moved(address(c, matrix), part.rows, columns), part.columns, 1),
    init === undefined
      ? i32.const(0)
      : moved(moved(address(init.buffer, init.batchStride), part.rows, init.rowStride), part.columns, 1),
    count(part.rows, rows),
    count(part.columns, columns),
    size(step.inner),
    bytes(a.rowStride),
    bytes(a.columnStride),
    bytes(b.rowStride),
    bytes(b.columnStride),
    bytes(columns),
    init === undefined ? i32.const(0) : bytes(init.rowStride),
    i32.const(flags),
    part.thread === undefined
      ? scratch
      : i32.add(scratch, i32.mul(get(part.thread), i32.const(gemmScratchBytes))),
  ]
  const start = (buffer: number, stride: Size): ExpressionRef =>
    moved(frame.address(buffer), part.batch, stride)
  if (step.batch === 1) return [module.call('gemm', product(start), binaryen.none)]
  if (!shared && !withC)
    return perMatrix(module, count(part.batch, step.batch), start, product, bytes, local, label)
  const strides = [a.batchStride, b.batchStride, matrix].map((stride) => bytes(stride))
  const batches = count(part.batch, step.batch)
  return [module.call('gemmBatched', [batches, ...strides, ...product(start)], binaryen.none)]
}

type Address = (buffer: number, batchStride: Size) => ExpressionRef

/** A call per matrix, for start values that lie neither once nor like the result. */
function perMatrix(
  module: WasmModule,
  matrices: ExpressionRef,
  start: Address,
  product: (address: Address) => ExpressionRef[],
  bytes: (elements: Size) => ExpressionRef,
  local: () => number,
  label: () => string,
): ExpressionRef[] {
  const { i32 } = module
  const [count, index] = [local(), local()]
  const get = (at: number): ExpressionRef => module.local.get(at, binaryen.i32)
  const again = label()
  const operands = product((buffer, stride) =>
    i32.add(start(buffer, stride), i32.mul(get(index), bytes(stride))),
  )
  const iteration = [
    module.call('gemm', operands, binaryen.none),
    module.local.set(index, i32.add(get(index), i32.const(1))),
    module.br_if(again, i32.lt_s(get(index), get(count))),
  ]
  return [
    module.local.set(count, matrices),
    module.local.set(index, i32.const(0)),
    module.if(
      i32.lt_s(get(index), get(count)),
      module.loop(again, module.block(null, iteration, binaryen.none)),
    ),
  ]
}
