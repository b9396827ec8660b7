/**
 * Steps that several threads share.
 *
 * Each such step has a function of its own, `t0(frame, part, parts, thread)`, which computes a part of it. `work`, which
 * is exported, finds the function by the step's number; it is what workers call. `main` calls `share`, which publishes
 * the step as a job and takes parts like everybody (threads/pool-module.ts), or, when there is too little work, the
 * step's function for the whole of it. How many parts there are depends on sizes and the number of threads, so a
 * result depends on nothing else.
 *
 * To let another kind of step be shared, say in `splitOf` what its outermost range is and what work it has, and let its
 * emitter compute a part of it.
 *
 * Imports: the functions of the pool, `threads.begin` and so on; `threads.program`, the program's number there, 0 until
 * `threads.enlist()` has given it one.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { ConvStep, GemmStep, KernelStep, ProgramSpec } from '../program.ts'
import { iterationsOf } from '../schedule/contents.ts'
import type { Size } from '../size.ts'
import { iterationCost, splitLoops } from '../threads/split-kernel.ts'
import { type ConvRange, emitConvolution } from './emit-convolution.ts'
import { emitGemm, type GemmPart } from './emit-gemm.ts'
import { type FrameLayout, FrameReader } from './frame.ts'
import { emitRange, type Part } from './parts.ts'

/** From about this many nanoseconds of work on, a step is shared: sharing it takes some tenths of a microsecond. */
const leastCost = 5000
/** Parts per thread: with several, threads that begin late or are slow are made up for. */
const partsPerThread = 4
/** Multiplications and additions per nanosecond. */
const productRate = 32

/** A step as it is to be cut. */
interface Split {
  /** About how many nanoseconds it takes: a factor, and sizes to multiply it with. */
  readonly cost: { readonly factor: number; readonly sizes: readonly Size[] }
  /** How many parts to make; `local` gives i32 locals. */
  readonly parts: (reader: FrameReader, local: () => number) => ExpressionRef
  /** The code of the part that `part` says. */
  readonly emit: (reader: FrameReader, local: () => number, label: () => string, part: Part) => ExpressionRef[]
}

/** The kernels of a program that are emitted for parts of their outermost loops: by the order of kernel steps. */
export function splitKernels(
  spec: ProgramSpec,
  steps: readonly KernelStep[],
  kernels: readonly Kernel[],
): ReadonlySet<number> {
  if ((spec.threads ?? 1) === 1) return new Set()
  return new Set(
    steps.flatMap((step, i) => {
      const kernel = kernels[i]
      return step.split === true && kernel !== undefined && splitLoops(kernel) !== undefined ? [i] : []
    }),
  )
}

/** Collects the shared steps of a program while its `main` is made. */
export class SharedSteps {
  readonly #module: WasmModule
  readonly #spec: ProgramSpec
  readonly #layout: FrameLayout
  readonly #threads: number
  #count = 0

  constructor(module: WasmModule, spec: ProgramSpec, layout: FrameLayout) {
    this.#module = module
    this.#spec = spec
    this.#layout = layout
    this.#threads = spec.threads ?? 1
  }

  /** Code of `main` that runs a product or a convolution, or undefined when it is not to be shared. */
  emit(step: GemmStep | ConvStep, reader: FrameReader, local: () => number): ExpressionRef[] | undefined {
    if (this.#threads === 1) return undefined
    return this.#emit(step.kind === 'gemm' ? this.#gemm(step) : this.#conv(step), reader, local, false)
  }

  /** The same for a kernel that is emitted for parts; `call` makes a call of it, given part and number of parts. */
  emitKernel(
    kernel: Kernel,
    call: (reader: FrameReader, part: ExpressionRef, parts: ExpressionRef) => ExpressionRef,
    reader: FrameReader,
    local: () => number,
  ): ExpressionRef[] {
    return this.#emit(this.#kernel(kernel, call), reader, local, true) ?? []
  }

  /** Defines what the steps have in common, after the last of them. */
  define(): void {
    if (this.#count === 0) return
    const module = this.#module
    const { i32 } = module
    const { none } = binaryen
    const ints = (count: number): number =>
      binaryen.createType(Array.from({ length: count }, () => binaryen.i32))
    const get = (local: number): ExpressionRef => module.local.get(local, binaryen.i32)
    module.addFunctionImport('begin', 'threads', 'begin', ints(5), none)
    module.addFunctionImport('claim', 'threads', 'claim', none, binaryen.i32)
    for (const name of ['finish', 'join', 'enlist'])
      module.addFunctionImport(name, 'threads', name, none, none)
    module.addGlobalImport('program', 'threads', 'program', binaryen.i32, true)
    const program = (): ExpressionRef => module.global.get('program', binaryen.i32)

    const choose = (first: number, count: number): ExpressionRef => {
      if (count === 1) return module.call(`t${first}`, [get(0), get(2), get(3), get(4)], none)
      const half = count >> 1
      const isLow = i32.lt_u(get(1), i32.const(first + half))
      return module.if(isLow, choose(first, half), choose(first + half, count - half))
    }
    module.addFunction('work', ints(5), none, [], choose(0, this.#count))
    module.addFunctionExport('work', 'work')

    const [frame, step, parts, cost, left] = [0, 1, 2, 3, 4] as const
    const takePart = [
      module.call('work', [get(frame), get(step), i32.sub(get(parts), get(left)), get(parts), i32.const(0)], none),
      module.call('finish', [], none),
      module.br('l'),
    ]
    const body = [
      module.if(i32.eqz(program()), module.call('enlist', [], none)),
      module.call('begin', [program(), get(frame), get(step), get(parts), get(cost)], none),
      module.loop(
        'l',
        module.if(
          module.local.tee(left, module.call('claim', [], binaryen.i32), binaryen.i32),
          module.block(null, takePart, none),
        ),
      ),
      module.call('join', [], none),
    ]
    module.addFunction('share', ints(4), none, [binaryen.i32], module.block(null, body, none))
  }

  /** `always`: the step has no other code. */
  #emit(
    split: Split,
    reader: FrameReader,
    local: () => number,
    always: boolean,
  ): ExpressionRef[] | undefined {
    const module = this.#module
    const { i32, f64 } = module
    const { none } = binaryen
    const { factor, sizes } = split.cost
    const known = sizes.every((size) => typeof size === 'number')
    const constant = known ? sizes.reduce<number>((product, size) => product * Number(size), factor) : undefined
    const isSmall = constant !== undefined && constant < leastCost
    if (isSmall && !always) return undefined
    const number = this.#count++
    this.#definePart(number, split)
    const whole = (): ExpressionRef =>
      module.call(`t${number}`, [reader.frame(), i32.const(0), i32.const(1), i32.const(0)], none)
    if (isSmall) return [whole()]
    const [cost, parts] = [local(), local()]
    const get = (index: number): ExpressionRef => module.local.get(index, binaryen.i32)
    const time = sizes.reduce<ExpressionRef>(
      (product, size) => f64.mul(product, f64.convert_s.i32(reader.size(size, local))),
      f64.const(factor),
    )
    const isShared = i32.and(i32.ge_s(get(cost), i32.const(leastCost)), i32.gt_s(get(parts), i32.const(1)))
    return [
      module.local.set(cost, i32.trunc_s_sat.f64(time)),
      module.local.set(parts, split.parts(reader, local)),
      module.if(
        isShared,
        module.call('share', [reader.frame(), i32.const(number), get(parts), get(cost)], none),
        whole(),
      ),
    ]
  }

  #definePart(number: number, split: Split): void {
    const module = this.#module
    const parameters = 4
    let locals = 0
    let labels = 0
    const body = split.emit(
      new FrameReader(module, this.#spec, this.#layout),
      () => parameters + locals++,
      () => `l${labels++}`,
      { part: 1, parts: 2, thread: 3 },
    )
    const ints = (count: number): number[] => Array.from({ length: count }, () => binaryen.i32)
    module.addFunction(
      `t${number}`,
      binaryen.createType(ints(parameters)),
      binaryen.none,
      ints(locals),
      module.block(null, body, binaryen.none),
    )
  }

  get #most(): number {
    return this.#threads * partsPerThread
  }

  /** The smaller of two locals, or a local and a constant. */
  #least(x: () => ExpressionRef, y: () => ExpressionRef): ExpressionRef {
    return this.#module.select(this.#module.i32.lt_s(x(), y()), x(), y())
  }

  #kernel(
    kernel: Kernel,
    call: (reader: FrameReader, part: ExpressionRef, parts: ExpressionRef) => ExpressionRef,
  ): Split {
    const module = this.#module
    const { i32 } = module
    const loops = splitLoops(kernel)
    const [first] = loops ?? []
    if (loops === undefined || first === undefined)
      throw new InternalError(`kernel ${kernel.name} has no loops to share`)
    const { extent } = loops.reduce((longest, { axis }) => longerAxis(longest, axis), first.axis)
    return {
      cost: { factor: iterationCost(kernel), sizes: [iterationsOf(kernel.body)] },
      parts: (reader, local) => {
        const count = local()
        const get = (): ExpressionRef => module.local.get(count, binaryen.i32)
        return module.block(
          null,
          [module.local.set(count, reader.size(extent, local)), this.#least(get, () => i32.const(this.#most))],
          binaryen.i32,
        )
      },
      emit: (reader, _local, _label, { part, parts }) => [
        call(reader, module.local.get(part, binaryen.i32), module.local.get(parts, binaryen.i32)),
      ],
    }
  }

  /** Columns first: so no panel of B is packed twice. Rows where there are too few of them. */
  #gemm(step: GemmStep): Split {
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
        parts: (reader, local) => {
          const batch = local()
          const setup = module.local.set(batch, reader.size(step.batch, local))
          return module.block(
            null,
            [setup, this.#least(() => get(batch), () => i32.const(this.#most))],
            binaryen.i32,
          )
        },
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
          module.local.set(rows, this.#least(() => get(rows), () => get(limit))),
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
        const rows = emitRange(module, reader.size(step.rows, local), 1, { part: rowPart, parts: rowParts }, local)
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
        module.local.set(result, this.#least(() => get(few), () => i32.const(this.#threads))),
      ),
      module.if(i32.eqz(get(result)), module.local.set(result, i32.const(1))),
    ]
  }

  /** Images, where there are enough; else features of the result, or groups. */
  #conv(step: ConvStep): Split {
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
      parts: (reader, local) => {
        const count = local()
        const get = (): ExpressionRef => module.local.get(count, binaryen.i32)
        const units = i32.div_u(reader.size(extent, local), i32.const(granule))
        return module.block(
          null,
          [module.local.set(count, units), this.#least(get, () => i32.const(most))],
          binaryen.i32,
        )
      },
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
