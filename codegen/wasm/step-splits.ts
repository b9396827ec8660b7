/** How steps are cut: along which range, into how many parts, and the code of a part. */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { ConvStep, GemmStep } from '../program.ts'
import { iterationsOf } from '../schedule/contents.ts'
import type { Size } from '../size.ts'
import { iterationCost, splitLoops } from '../threads/split-kernel.ts'
import { type ConvRange, emitConvolution } from './emit-convolution.ts'
import { emitGemm, type GemmPart } from './emit-gemm.ts'
import type { FrameReader } from './frame.ts'
import { emitRange, type Part } from './parts.ts'

/** Parts per thread: with several, threads that begin late or are slow are made up for. */
const partsPerThread = 4
/** Multiplications and additions per nanosecond. */
const productRate = 32

/** A step as it is to be cut. */
export interface Split {
  /** About how many nanoseconds it takes: a factor, and sizes to multiply it with. */
  readonly cost: { readonly factor: number; readonly sizes: readonly Size[] }
  /** How many parts to make; `local` gives i32 locals. */
  readonly parts: (reader: FrameReader, local: () => number) => ExpressionRef
  /** The code of the part that `part` says. */
  readonly emit: (
    reader: FrameReader,
    local: () => number,
    label: () => string,
    part: Part,
  ) => ExpressionRef[]
}

/** The kinds of steps that can be cut, for a number of threads. */
export class Splits {
  readonly #module: WasmModule
  readonly #threads: number

  constructor(module: WasmModule, threads: number) {
    this.#module = module
    this.#threads = threads
  }

  get #most(): number {
    return this.#threads * partsPerThread
  }

  /** The smaller of two locals, or a local and a constant. */
  #least(x: () => ExpressionRef, y: () => ExpressionRef): ExpressionRef {
    return this.#module.select(this.#module.i32.lt_s(x(), y()), x(), y())
  }

  /** A value, or `most` if it is greater. */
  #atMost(most: number, value: ExpressionRef, local: () => number): ExpressionRef {
    const module = this.#module
    const at = local()
    const least = this.#least(
      () => module.local.get(at, binaryen.i32),
      () => module.i32.const(most),
    )
    return module.block(null, [module.local.set(at, value), least], binaryen.i32)
  }

  /** The outermost loops of a kernel. */
  kernel(
    kernel: Kernel,
    call: (reader: FrameReader, part: ExpressionRef, parts: ExpressionRef) => ExpressionRef,
  ): Split {
    const module = this.#module
    const loops = splitLoops(kernel)
    const [first] = loops ?? []
    if (loops === undefined || first === undefined)
      throw new InternalError(`kernel ${kernel.name} has no loops to share`)
    const { extent } = loops.reduce((longest, { axis }) => longerAxis(longest, axis), first.axis)
    return {
      cost: { factor: iterationCost(kernel), sizes: [iterationsOf(kernel.body)] },
      parts: (reader, local) => this.#atMost(this.#most, reader.size(extent, local), local),
      emit: (reader, _local, _label, { part, parts }) => [
        call(reader, module.local.get(part, binaryen.i32), module.local.get(parts, binaryen.i32)),
      ],
    }
  }

  /** Columns first: so no panel of B is packed twice. Rows where there are too few of them. */
  gemm(step: GemmStep): Split {
    const module = this.#module
    const { i32 } = module
    const cost = {
      factor: 1 / productRate,
      sizes: [step.batch, step.rows, step.columns, step.inner],
    }
    const get = (index: number): ExpressionRef => module.local.get(index, binaryen.i32)
    if (step.batch !== 1)
      return {
        cost,
        parts: (reader, local) => this.#atMost(this.#most, reader.size(step.batch, local), local),
        emit: (reader, local, label, part) => {
          const batch = emitRange(module, reader.size(step.batch, local), 1, part, local)
          const code = emitGemm(module, step, reader, local, label, { batch, thread: part.thread })
          return [...batch.setup, ...code]
        },
      }
    return {
      cost,
      parts: (reader, local) => {
        const [rows, columns] = [local(), local()]
        const byColumns = this.#columnParts(step, reader, columns, local)
        const most = i32.div_u(i32.const(this.#most), get(columns))
        const setRows = module.local.set(rows, i32.shr_u(reader.size(step.rows, local), i32.const(5)))
        const limit = local()
        const few = [
          setRows,
          module.local.set(limit, most),
          module.local.set(
            rows,
            this.#least(
              () => get(rows),
              () => get(limit),
            ),
          ),
          module.if(i32.eqz(get(rows)), module.local.set(rows, i32.const(1))),
        ]
        return module.block(
          null,
          [
            ...byColumns,
            module.local.set(rows, i32.const(1)),
            module.if(
              i32.lt_u(get(columns), i32.const(this.#threads)),
              module.block(null, few, binaryen.none),
            ),
            i32.mul(get(rows), get(columns)),
          ],
          binaryen.i32,
        )
      },
      emit: (reader, local, label, { part, parts, thread }) => {
        const [columnParts, columnPart, rowParts, rowPart] = [local(), local(), local(), local()]
        const rows = emitRange(
          module,
          reader.size(step.rows, local),
          1,
          { part: rowPart, parts: rowParts },
          local,
        )
        const width = reader.size(step.columns, local)
        const columns = emitRange(module, width, 8, { part: columnPart, parts: columnParts }, local)
        const isWhole = i32.eq(get(parts), i32.const(1))
        const gemmPart: GemmPart = { rows, columns, thread }
        return [
          ...this.#columnParts(step, reader, columnParts, local),
          module.if(isWhole, module.local.set(columnParts, i32.const(1))),
          module.local.set(rowParts, i32.div_u(get(parts), get(columnParts))),
          module.local.set(columnPart, i32.rem_u(get(part), get(columnParts))),
          module.local.set(rowPart, i32.div_u(get(part), get(columnParts))),
          ...rows.setup,
          ...columns.setup,
          ...emitGemm(module, step, reader, local, label, gemmPart),
        ]
      },
    }
  }

  /** Sets `result` to the number of parts that columns are cut into: each has at least 64, or 32 where they are few. */
  #columnParts(step: GemmStep, reader: FrameReader, result: number, local: () => number): ExpressionRef[] {
    const module = this.#module
    const { i32 } = module
    const get = (index: number): ExpressionRef => module.local.get(index, binaryen.i32)
    const [width, few] = [local(), local()]
    const even = i32.mul(
      i32.div_u(i32.shr_u(get(width), i32.const(6)), i32.const(this.#threads)),
      i32.const(this.#threads),
    )
    return [
      module.local.set(width, reader.size(step.columns, local)),
      module.local.set(result, even),
      module.local.set(few, i32.shr_u(get(width), i32.const(5))),
      module.if(
        get(result),
        module.if(
          i32.gt_u(get(result), i32.const(this.#most)),
          module.local.set(result, i32.const(this.#most)),
        ),
        module.local.set(
          result,
          this.#least(
            () => get(few),
            () => i32.const(this.#threads),
          ),
        ),
      ),
      module.if(i32.eqz(get(result)), module.local.set(result, i32.const(1))),
    ]
  }

  /** Images, where there are enough; else features of the result, or groups. */
  conv(step: ConvStep): Split {
    const module = this.#module
    const { sizes } = step
    const { batch, groups, outer } = sizes
    const isFew = step.adjacent === 'batch' || (typeof batch === 'number' && batch < this.#threads)
    const axis: ConvRange['axis'] = !isFew ? 'batch' : groups === 1 ? 'outer' : 'groups'
    const extent = { batch, outer, groups }[axis]
    const granule = axis === 'outer' ? 8 : 1
    // A part packs or pads what others do as well, unless it has images of its own.
    const most = axis === 'batch' ? this.#most : this.#threads
    const { i32 } = module
    return {
      cost: {
        factor: 1 / productRate,
        sizes: [
          batch,
          groups,
          outer,
          sizes.inner,
          sizes.height,
          sizes.width,
          sizes.kernelHeight,
          sizes.kernelWidth,
        ],
      },
      parts: (reader, local) =>
        this.#atMost(most, i32.div_u(reader.size(extent, local), i32.const(granule)), local),
      emit: (reader, local, _label, part) => {
        const range = emitRange(module, reader.size(extent, local), granule, part, local)
        const scratch = { thread: part.thread, threads: this.#threads }
        return [...range.setup, emitConvolution(module, step, reader, local, { axis, range, ...scratch })]
      },
    }
  }
}

function longerAxis<T extends { readonly extent: Size }>(x: T, y: T): T {
  return typeof x.extent === 'number' && (typeof y.extent !== 'number' || y.extent > x.extent) ? y : x
}
