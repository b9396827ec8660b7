/**
 * Steps that several threads share.
 *
 * Each such step has a function of its own, `t0(frame, part, parts, thread)`, which computes a part of it. `work`, which
 * is exported, finds the function by the step's number; it is what workers call. `main` calls `share`, which publishes
 * the step as a job and takes parts like everybody (threads/pool-module.ts), or, when there is too little work, the
 * step's function for the whole of it. How many parts there are depends on sizes and the number of threads, so a
 * result depends on nothing else.
 *
 * To let another kind of step be shared, say in `step-splits.ts` what its outermost range is and what work it has, and let its
 * emitter compute a part of it.
 *
 * Imports: the functions of the pool, `threads.begin` and so on; `threads.program`, the program's number there, 0 until
 * `threads.enlist()` has given it one.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { Kernel } from '../kernel.ts'
import type { ConvStep, GemmStep, KernelStep, ProgramSpec } from '../program.ts'
import { splitLoops } from '../threads/split-kernel.ts'
import { readsFrame } from './emit-kernel.ts'
import { type FrameLayout, FrameReader } from './frame.ts'
import { type Split, Splits } from './step-splits.ts'

/** From about this many nanoseconds of work on, a step is shared: sharing it takes some tenths of a microsecond. */
const leastCost = 5000

/**
 * The kernels of a program that are emitted for parts of their outermost loops: by the order of kernel steps. Those that
 * are given the frame table cannot take a part as well.
 */
export function splitKernels(
  spec: ProgramSpec,
  steps: readonly KernelStep[],
  kernels: readonly Kernel[],
): ReadonlySet<number> {
  if ((spec.threads ?? 1) === 1) return new Set()
  return new Set(
    steps.flatMap((step, i) => {
      const kernel = kernels[i]
      if (step.split !== true || kernel === undefined || readsFrame(kernel)) return []
      return splitLoops(kernel) === undefined ? [] : [i]
    }),
  )
}

/** Collects the shared steps of a program while its `main` is made. */
export class SharedSteps {
  readonly #module: WasmModule
  readonly #spec: ProgramSpec
  readonly #layout: FrameLayout
  readonly #threads: number
  readonly #splits: Splits
  #count = 0

  constructor(module: WasmModule, spec: ProgramSpec, layout: FrameLayout) {
    this.#module = module
    this.#spec = spec
    this.#layout = layout
    this.#threads = spec.threads ?? 1
    this.#splits = new Splits(module, this.#threads)
  }

  /** Code of `main` that runs a product or a convolution, or undefined when it is not to be shared. */
  emit(step: GemmStep | ConvStep, reader: FrameReader, local: () => number): ExpressionRef[] | undefined {
    if (this.#threads === 1) return undefined
    return this.#emit(
      step.kind === 'gemm' ? this.#splits.gemm(step) : this.#splits.conv(step),
      reader,
      local,
      false,
    )
  }

  /** The same for a kernel that is emitted for parts; `call` makes a call of it, given part and number of parts. */
  emitKernel(
    kernel: Kernel,
    call: (reader: FrameReader, part: ExpressionRef, parts: ExpressionRef) => ExpressionRef,
    reader: FrameReader,
    local: () => number,
  ): ExpressionRef[] {
    return this.#emit(this.#splits.kernel(kernel, call), reader, local, true) ?? []
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
      module.call(
        'work',
        [get(frame), get(step), i32.sub(get(parts), get(left)), get(parts), i32.const(0)],
        none,
      ),
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
    const constant = known
      ? sizes.reduce<number>((product, size) => product * Number(size), factor)
      : undefined
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
}
