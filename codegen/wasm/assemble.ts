/**
 * A program as one module: a function per kernel (`k0`, `k1`, …) and the exported `main(frame)`, which runs the steps
 * in order. `frame` is the address of a table of 32-bit fields in memory that says where everything is in this call:
 * the addresses of the program's buffers, then the sizes, then the scratch memory of the matrix product. The table is
 * read when a step needs it, so a host step may change it.
 *
 * Imports: `env.memory`; `env.fail(id, value)`, `env.host(id)`, `env.pop(id)`, `env.merge(id)` and `env.list(id)` for the
 * steps of those kinds, `env.grow(bytes)` for the memory of records (record-functions.ts); `gemm.gemm` and
 * `gemm.gemmBatched` (runtime-kernels/gemm.ts); `math.*` (host-math.ts).
 */
import { binaryen, type ExpressionRef, WasmModule } from './binaryen.ts'
import { byteSize } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { CommitStep, GemmStep, IfStep, LoopStep, ProgramSpec, Step } from '../program.ts'
import { initBatchedFlag, initFlag, reluFlag } from '../runtime-kernels/gemm.ts'
import { convParameters } from '../runtime-kernels/conv-parameters.ts'
import { multiplySizes, type Size, sizesEqual } from '../size.ts'
import { allSteps, hasChecks } from '../steps.ts'
import { emitConvolution } from './emit-convolution.ts'
import { emitKernel } from './emit-kernel.ts'
import { frameLayout, type FrameLayout, FrameReader } from './frame.ts'
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
    kernels.forEach((kernel, i) => emitKernel(module, `k${i}`, kernel, options))
    defineRecordFunctions(module, spec, frame)
    new MainFunction(module, spec, kernels, frame).define()
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
  #locals = 0
  /** Kernels called so far: they are in the order of the steps. */
  #called = 0
  #labels = 0

  constructor(module: WasmModule, spec: ProgramSpec, kernels: readonly Kernel[], frame: FrameLayout) {
    this.#module = module
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
          return [this.#kernel(step.buffers, this.#called++)]
        case 'gemm':
          return this.#gemm(step)
        case 'conv':
          return [emitConvolution(this.#module, step, this.#reader, () => this.#local())]
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
    const label = this.#labels++
    const test = this.#block(step.test)
    const condition = module.i32.eqz(this.#bool(step.condition))
    const body = this.#block(step.body)
    const iteration = [test, module.br_if(`b${label}`, condition), body, module.br(`l${label}`)]
    const loop = module.loop(`l${label}`, module.block(null, iteration, binaryen.none))
    return module.block(`b${label}`, [loop], binaryen.none)
  }

  #local(): number {
    return 1 + this.#locals++
  }

  #address(buffer: number): ExpressionRef {
    return this.#reader.address(buffer)
  }

  #size(size: Size): ExpressionRef {
    return this.#reader.size(size, () => this.#local())
  }

  #bytes(elements: Size): ExpressionRef {
    return this.#size(multiplySizes(elements, 4))
  }

  #kernel(buffers: readonly number[], index: number): ExpressionRef {
    const kernel = this.#kernels[index]
    if (kernel === undefined || kernel.buffers.length !== buffers.length)
      throw new InternalError(
        `program ${this.#spec.name} has no kernel ${index} with ${buffers.length} buffers`,
      )
    const sizes = kernel.sizes.map((name) => this.#reader.sizeField(name))
    const operands = [...buffers.map((buffer) => this.#address(buffer)), ...sizes]
    return this.#module.call(`k${index}`, operands, binaryen.none)
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

  #gemm(step: GemmStep): readonly ExpressionRef[] {
    const { i32 } = this.#module
    const { a, b, c, init, rows, columns } = step
    const matrix = multiplySizes(rows, columns)
    const shared = init === undefined || init.batchStride === 0 || step.batch === 1
    const withC = init !== undefined && !shared && sizesEqual(init.batchStride, matrix) === true
    const flags =
      (init === undefined ? 0 : initFlag) |
      (step.activation === 'relu' ? reluFlag : 0) |
      (withC ? initBatchedFlag : 0)
    const product = (address: (buffer: number, batchStride: Size) => ExpressionRef): ExpressionRef[] => [
      address(a.buffer, a.batchStride),
      address(b.buffer, b.batchStride),
      address(c, matrix),
      init === undefined ? i32.const(0) : address(init.buffer, init.batchStride),
      this.#size(rows),
      this.#size(columns),
      this.#size(step.inner),
      this.#bytes(a.rowStride),
      this.#bytes(a.columnStride),
      this.#bytes(b.rowStride),
      this.#bytes(b.columnStride),
      this.#bytes(columns),
      init === undefined ? i32.const(0) : this.#bytes(init.rowStride),
      i32.const(flags),
      this.#reader.field(this.#reader.layout.scratch),
    ]
    const start = (buffer: number): ExpressionRef => this.#address(buffer)
    if (step.batch === 1) return [this.#module.call('gemm', product(start), binaryen.none)]
    if (!shared && !withC) return this.#gemmPerMatrix(step.batch, product)
    const batches = [step.batch].map((size) => this.#size(size))
    const strides = [a.batchStride, b.batchStride, matrix].map((stride) => this.#bytes(stride))
    return [this.#module.call('gemmBatched', [...batches, ...strides, ...product(start)], binaryen.none)]
  }

  /** A call per matrix, for start values that lie neither once nor like the result. */
  #gemmPerMatrix(
    batch: Size,
    product: (address: (buffer: number, batchStride: Size) => ExpressionRef) => ExpressionRef[],
  ): readonly ExpressionRef[] {
    const module = this.#module
    const { local, i32 } = module
    const count = this.#local()
    const index = this.#local()
    const get = (at: number): ExpressionRef => local.get(at, binaryen.i32)
    const label = `l${this.#labels++}`
    const operands = product((buffer, stride) =>
      i32.add(this.#address(buffer), i32.mul(get(index), this.#bytes(stride))),
    )
    const iteration = [
      module.call('gemm', operands, binaryen.none),
      local.set(index, i32.add(get(index), i32.const(1))),
      module.br_if(label, i32.lt_s(get(index), get(count))),
    ]
    return [
      local.set(count, this.#size(batch)),
      local.set(index, i32.const(0)),
      module.if(
        i32.lt_s(get(index), get(count)),
        module.loop(label, module.block(null, iteration, binaryen.none)),
      ),
    ]
  }
}
