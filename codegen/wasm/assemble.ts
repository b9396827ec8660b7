/**
 * A program as one module: a function per kernel (`k0`, `k1`, …) and the exported `main(frame)`, which runs the steps
 * in order. `frame` is the address of a table of 32-bit fields in memory that says where everything is in this call:
 * the addresses of the program's buffers, then the sizes, then the scratch memory of the matrix product. The table is
 * read when a step needs it, so a host step may change it.
 *
 * Imports: `env.memory`; `env.fail(id, value)`, `env.host(id)`, `env.pop(id)`, `env.merge(id)` and `env.list(id)` for the
 * steps of those kinds, `env.grow(bytes)` for the memory of records (record-functions.ts); `gemm.gemm` and
 * `gemm.gemmBatched` (runtime-kernels/gemm.ts); `math.*` (host-math.ts); `threads.*` where steps are shared between threads
 * (emit-shared-steps.ts).
 */
import { binaryen, type ExpressionRef, WasmModule } from './binaryen.ts'
import { byteSize } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { CommitStep, IfStep, LoopStep, ProgramSpec, Step } from '../program.ts'
import { convParameters } from '../runtime-kernels/conv-parameters.ts'
import { multiplySizes, type Size } from '../size.ts'
import { allSteps, hasChecks } from '../steps.ts'
import { emitConvolution } from './emit-convolution.ts'
import { emitGemm } from './emit-gemm.ts'
import { emitKernel, readsFrame } from './emit-kernel.ts'
import { SharedSteps, splitKernels } from './emit-shared-steps.ts'
import { frameLayout, type FrameLayout, FrameReader, sizeOffset } from './frame.ts'
import { importHostMath } from './host-imports.ts'
import { defineRecordFunctions } from './record-functions.ts'

export { frameLayout, type FrameLayout } from './frame.ts'

export interface AssembleOptions {
  /** Use relaxed SIMD for `madd`; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
  /** Check the module before encoding it; for tests. */
  readonly validate?: boolean
}

export interface AssembledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly frame: FrameLayout
}

/**
 * Assembles a program. `kernels` are the optimised kernels of its kernel steps, in order. Commit steps copy: a program
 * whose commits are done in place has none of them left.
 *
 * @throws InternalError when a kernel step has no kernel, or uses a size the program does not have.
 */
export function assembleProgram(
  spec: ProgramSpec,
  kernels: readonly Kernel[],
  options: AssembleOptions,
): AssembledProgram {
  const module = new WasmModule()
  const frame = frameLayout(spec)
  try {
    module.importMemory()
    importSteps(module, spec.steps)
    importHostMath(module, kernels)
    const steps = allSteps(spec.steps).filter((step) => step.kind === 'kernel')
    const split = splitKernels(spec, steps, kernels)
    kernels.forEach((kernel, i) => {
      const fields = [
        ...(steps[i]?.buffers ?? []).map((buffer) => frame.buffers[buffer]),
        ...kernel.sizes.map((size) => sizeOffset(spec, frame, size)),
      ]
      emitKernel(module, `k${i}`, kernel, { relaxed: options.relaxed, fields, split: split.has(i) })
    })
    defineRecordFunctions(module, spec, frame)
    const shared = new SharedSteps(module, spec, frame)
    new MainFunction(module, spec, kernels, frame, split, shared).define()
    shared.define()
    module.addFunctionExport('main', 'main')
  } catch (error) {
    module.dispose()
    throw error
  }
  return { bytes: module.emit({ validate: options.validate ?? false }), frame }
}

function importSteps(module: WasmModule, steps: readonly Step[]): void {
  const kinds = new Set(allSteps(steps).map((step) => step.kind))
  const ints = (count: number): number =>
    binaryen.createType(Array.from({ length: count }, () => binaryen.i32))
  if (kinds.has('check') || allSteps(steps).some(hasChecks))
    module.addFunctionImport('fail', 'env', 'fail', ints(2), binaryen.none)
  for (const kind of ['merge', 'list'] as const)
    if (kinds.has(kind)) module.addFunctionImport(kind, 'env', kind, ints(1), binaryen.none)
  if (kinds.has('host')) module.addFunctionImport('host', 'env', 'host', ints(1), binaryen.none)
  if (kinds.has('conv'))
    for (const name of ['conv', 'convKernel'])
      module.addFunctionImport(name, 'conv', name, ints(convParameters.length), binaryen.none)
  if (kinds.has('gemm')) {
    module.addFunctionImport('gemm', 'gemm', 'gemm', ints(15), binaryen.none)
    module.addFunctionImport('gemmBatched', 'gemm', 'gemmBatched', ints(19), binaryen.none)
  }
}

/** Builds `main`. Its parameter 0 is the frame. */
class MainFunction {
  readonly #module: WasmModule
  readonly #spec: ProgramSpec
  readonly #kernels: readonly Kernel[]
  readonly #reader: FrameReader
  /** Kernels that take a part and a number of parts as well. */
  readonly #split: ReadonlySet<number>
  readonly #shared: SharedSteps
  #locals = 0
  /** Kernels called so far: they are in the order of the steps. */
  #called = 0
  #labels = 0
  #loops = 0

  constructor(
    module: WasmModule,
    spec: ProgramSpec,
    kernels: readonly Kernel[],
    frame: FrameLayout,
    split: ReadonlySet<number>,
    shared: SharedSteps,
  ) {
    this.#module = module
    this.#split = split
    this.#shared = shared
    this.#spec = spec
    this.#kernels = kernels
    this.#reader = new FrameReader(module, spec, frame)
  }

  define(): void {
    const { none, i32 } = binaryen
    const body = this.#block(this.#spec.steps)
    const locals = Array.from({ length: this.#locals }, () => i32)
    this.#module.addFunction('main', binaryen.createType([i32]), none, locals, body)
  }

  #block(steps: readonly Step[]): ExpressionRef {
    const { none } = binaryen
    const statements = steps.flatMap((step): readonly ExpressionRef[] => {
      switch (step.kind) {
        case 'kernel':
          return this.#kernel(step.buffers, this.#called++)
        case 'gemm':
          return (
            this.#shared.emit(step, this.#reader, this.#local) ??
            emitGemm(this.#module, step, this.#reader, this.#local, this.#label)
          )
        case 'conv':
          return (
            this.#shared.emit(step, this.#reader, this.#local) ?? [
              emitConvolution(this.#module, step, this.#reader, this.#local),
            ]
          )
        case 'check':
          return [this.#check(step.buffer, step.id)]
        case 'host':
          return [this.#module.call('host', [this.#module.i32.const(step.id)], none)]
        case 'commit':
          return [this.#copy(step)]
        case 'if':
          return [this.#if(step)]
        case 'loop':
          return [this.#loop(step)]
        case 'push':
        case 'pop':
          return [this.#module.call(`${step.kind}${step.id}`, [this.#reader.frame()], none)]
        case 'merge':
        case 'list':
          return [this.#module.call(step.kind, [this.#module.i32.const(step.id)], none)]
      }
    })
    return this.#module.block(null, statements, none)
  }

  #bool(buffer: number): ExpressionRef {
    return this.#module.i32.load8_u(0, 1, this.#address(buffer))
  }

  #if(step: IfStep): ExpressionRef {
    const condition = this.#bool(step.condition)
    const then = this.#block(step.whenTrue)
    const otherwise = this.#block(step.whenFalse)
    return this.#module.if(condition, then, otherwise)
  }

  #loop(step: LoopStep): ExpressionRef {
    const module = this.#module
    const label = this.#loops++
    const test = this.#block(step.test)
    const condition = module.i32.eqz(this.#bool(step.condition))
    const body = this.#block(step.body)
    const iteration = [test, module.br_if(`b${label}`, condition), body, module.br(`a${label}`)]
    const loop = module.loop(`a${label}`, module.block(null, iteration, binaryen.none))
    return module.block(`b${label}`, [loop], binaryen.none)
  }

  readonly #local = (): number => 1 + this.#locals++

  readonly #label = (): string => `l${this.#labels++}`

  #address(buffer: number): ExpressionRef {
    return this.#reader.address(buffer)
  }

  #size(size: Size): ExpressionRef {
    return this.#reader.size(size, this.#local)
  }

  #kernel(buffers: readonly number[], index: number): ExpressionRef[] {
    const kernel = this.#kernels[index]
    if (kernel === undefined || kernel.buffers.length !== buffers.length)
      throw new InternalError(
        `program ${this.#spec.name} has no kernel ${index} with ${buffers.length} buffers`,
      )
    const call = (reader: FrameReader, ...others: ExpressionRef[]): ExpressionRef => {
      const operands = readsFrame(kernel)
        ? [reader.frame()]
        : [
            ...buffers.map((buffer) => reader.address(buffer)),
            ...kernel.sizes.map((name) => reader.sizeField(name)),
          ]
      return this.#module.call(`k${index}`, [...operands, ...others], binaryen.none)
    }
    return this.#split.has(index)
      ? this.#shared.emitKernel(kernel, call, this.#reader, this.#local)
      : [call(this.#reader)]
  }

  #check(buffer: number, id: number): ExpressionRef {
    const { i32 } = this.#module
    const value = (): ExpressionRef => i32.load(0, 4, this.#address(buffer))
    return this.#module.if(value(), this.#module.call('fail', [i32.const(id), value()], binaryen.none))
  }

  #copy(step: CommitStep): ExpressionRef {
    const buffer = this.#spec.buffers[step.variable]
    if (buffer === undefined) throw new InternalError(`program ${this.#spec.name} commits to no buffer`)
    const bytes = this.#size(multiplySizes(buffer.elements, byteSize(buffer.dtype)))
    return this.#module.memory.copy(this.#address(step.variable), this.#address(step.from), bytes)
  }
}
