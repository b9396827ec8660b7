/**
 * Compiled code against its meaning, while it becomes optimised code.
 *
 * A set of kernels that use most instructions (arithmetic, exponentials and their kin, integers, comparisons, bytes,
 * float64, loads beside each other and apart, reductions) runs as wasm until V8 has optimised it, on values that include
 * those that are not numbers; the first bit by which it differs from the interpreter is reported. The matrix product
 * and the convolution with tiles of 16 columns run against those with 8, compiled before.
 */
import type { DType, TypedArray } from '../dtype.ts'
import { type Expr, ExprPool } from '../expr.ts'
import { interpretKernel } from '../interpret.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { optimizeKernel } from '../passes/pipeline.ts'
import { convParameters, embeddedConvModule, instantiateConv } from '../runtime-kernels/conv.ts'
import type { ConvParameter } from '../runtime-kernels/conv-parameters.ts'
import { embeddedGemmModule, gemmScratchBytes, instantiateGemm } from '../runtime-kernels/gemm.ts'
import { makeKernel } from '../schedule/contents.ts'
import { markedBytes } from '../threads/wide-mode.ts'
import { binaryen, WasmModule } from '../wasm/binaryen.ts'
import { emitKernel } from '../wasm/emit-kernel.ts'
import { features } from '../wasm/features.ts'
import { hostMath } from '../wasm/host-math.ts'
import { importHostMath } from '../wasm/host-imports.ts'
import { wideKernels } from './wide-kernels.ts'

const elements = 1024
/** Long enough for V8 to optimise what runs. */
const testMilliseconds = 150

type Formula = (pool: ExprPool, x: Expr, y: Expr) => Expr

const formulas: readonly (readonly [name: string, dtype: DType, formula: Formula])[] = [
  ['arithmetic', 'float32', (p, x, y) => p.binary('sub', p.binary('mul', x, y), p.binary('div', x, y))],
  ['extremes', 'float32', (p, x, y) => p.binary('max', p.binary('min', x, y), p.unary('neg', y))],
  ['exp', 'float32', (p, x, y) => p.binary('add', p.unary('exp', x), p.unary('tanh', y))],
  [
    'logistic',
    'float32',
    (p, x, y) => p.binary('mul', p.unary('logistic', x), p.unary('log1p', p.unary('abs', y))),
  ],
  ['sine', 'float32', (p, x, y) => p.binary('sub', p.unary('sin', x), p.unary('cos', y))],
  [
    'rounding',
    'float32',
    (p, x, y) => p.binary('add', p.unary('floor', x), p.unary('round', p.unary('sqrt', y))),
  ],
  [
    'selection',
    'float32',
    (p, x, y) => p.select(p.compare('lt', x, y), p.binary('add', x, y), p.unary('abs', x)),
  ],
  [
    'integers',
    'int32',
    (p, x, y) => p.binary('xor', p.binary('mul', x, y), p.binary('shr', x, p.const('int32', 3))),
  ],
  [
    'conversion',
    'float32',
    (p, x, y) => p.convert(p.binary('add', p.convert(x, 'int32'), p.convert(y, 'int32')), 'float32'),
  ],
  ['bytes', 'uint8', (p, x, y) => p.binary('add', p.binary('mul', x, y), x)],
  [
    'float64',
    'float64',
    (p, x, y) => p.binary('sub', p.binary('mul', x, y), p.unary('sqrt', p.unary('abs', x))),
  ],
]

function kernelOf(pool: ExprPool, dtype: DType, formula: Formula): Kernel {
  const [x, y, z] = ['x', 'y', 'z'].map((name) => pool.buffer(name, dtype, elements))
  if (x === undefined || y === undefined || z === undefined) throw new Error('no buffers')
  const axis = pool.axis('i', elements)
  const index = pool.index(axis)
  const value = formula(pool, pool.load(x, index), pool.load(y, index))
  const body: Statement[] = [{ kind: 'store', buffer: z, index, value }]
  const kernel = makeKernel('test', [
    { kind: 'loop', axis, from: pool.const('int32', 0), to: pool.size(elements), step: 1, body },
  ])
  return { ...kernel, buffers: [x, y, z] }
}

function data(dtype: DType, seed: number): TypedArray {
  let state = seed
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
  const special = [0, -0, Infinity, -Infinity, Number.NaN, 1e-42, 3e38, -1]
  const value = (i: number): number =>
    i % 13 === 0 ? (special[next() % 8] ?? 0) : (next() / 2 ** 32 - 0.5) * 40
  if (dtype === 'float32') return Float32Array.from({ length: elements }, (_, i) => value(i))
  if (dtype === 'float64') return Float64Array.from({ length: elements }, (_, i) => value(i))
  if (dtype === 'int32') return Int32Array.from({ length: elements }, next)
  return Uint8Array.from({ length: elements }, next)
}

interface Check {
  readonly name: string
  readonly run: () => TypedArray
  readonly expected: TypedArray
}

function kernelCheck(name: string, dtype: DType, formula: Formula): Check {
  const { relaxedSimd: relaxed } = features
  const pool = new ExprPool()
  const kernel = optimizeKernel(pool, kernelOf(pool, dtype, formula))
  const inputs = [data(dtype, 1), data(dtype, 2)] as const
  const expected = data(dtype, 3)
  interpretKernel(
    kernel,
    kernel.buffers.map((buffer) => ({ x: inputs[0], y: inputs[1], z: expected })[buffer.name] ?? expected),
    new Map(),
    { relaxed },
  )
  const module = new WasmModule()
  module.importMemory()
  importHostMath(module, [kernel])
  emitKernel(module, 'k0', kernel, { relaxed })
  module.addFunctionExport('k0', 'k0')
  const memory = new WebAssembly.Memory({ initial: 2 })
  const compiled = new WebAssembly.Module(markedBytes(module.emit(), true))
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory }, math: hostMath })
  const call = exports['k0'] as (...addresses: number[]) => void
  const addresses = { x: 1024, y: 16384, z: 32768 } as Readonly<Record<string, number>>
  const bytes = new Uint8Array(memory.buffer)
  inputs.forEach((input, i) => bytes.set(new Uint8Array(input.buffer), i === 0 ? 1024 : 16384))
  const result = expected.slice()
  const operands = kernel.buffers.map((buffer) => addresses[buffer.name] ?? 0)
  const out = new Uint8Array(result.buffer)
  return {
    name,
    expected,
    run: () => {
      call(...operands)
      out.set(bytes.subarray(32768, 32768 + out.length))
      return result
    },
  }
}

/** A function that is made, and so compiled, when it is first called. */
function whenFirstRun<T>(make: () => () => T): () => T {
  let run: (() => T) | undefined
  return () => (run ??= make())()
}

function gemmCheck(): Check {
  const size = 40
  const options = { relaxed: features.relaxedSimd }
  const runner = (bytes: Uint8Array<ArrayBuffer>): (() => Float32Array) => {
    const memory = new WebAssembly.Memory({ initial: 32 })
    const { gemm } = instantiateGemm(memory, options, bytes)
    const floats = new Float32Array(memory.buffer)
    for (let i = 0; i < 2 * size * size; i++) floats[1024 + i] = Math.sin(i * 1.7)
    const [a, b, c, scratch] = [4096, 4096 + 4 * size * size, 4096 + 8 * size * size, 65536]
    if (scratch + gemmScratchBytes > memory.buffer.byteLength) throw new Error('the memory is too small')
    return () => {
      gemm(a, b, c, 0, size, size, size, 4 * size, 4, 4 * size, 4, 4 * size, 0, 0, scratch)
      return floats.slice(c / 4, c / 4 + size * size)
    }
  }
  const bytes = embeddedGemmModule(options)
  const wide = markedBytes(wideKernels('gemm', options.relaxed), true)
  return { name: 'matrix product', expected: runner(bytes)(), run: whenFirstRun(() => runner(wide)) }
}

/** A convolution with padding, whose features are two panels and a half. */
function convCheck(): Check {
  const options = { relaxed: features.relaxedSimd }
  const [size, kernel, inner, outer] = [9, 3, 8, 20]
  const [x, w, y, scratch] = [4096, 16384, 65536, 131072]
  const operands: Partial<Record<ConvParameter, number>> = {
    x,
    w,
    y,
    scratch,
    inner,
    outer,
    batch: 1,
    groups: 1,
    inputHeight: size,
    inputWidth: size,
    height: size,
    width: size,
    kernelHeight: kernel,
    kernelWidth: kernel,
    lowHeight: 1,
    lowWidth: 1,
    xPixel: 4 * inner,
    xRow: 4 * inner * size,
    yPixel: 4 * outer,
    yRow: 4 * outer * size,
    wOuter: 4,
    wInner: 4 * outer,
    wPixel: 4 * outer * inner,
    wRow: 4 * outer * inner * kernel,
    strideHeight: 1,
    strideWidth: 1,
    dilationHeight: 1,
    dilationWidth: 1,
    spreadHeight: 1,
    spreadWidth: 1,
  }
  const runner = (bytes: Uint8Array<ArrayBuffer>): (() => Float32Array) => {
    const memory = new WebAssembly.Memory({ initial: 8 })
    const { conv } = instantiateConv(memory, options, bytes)
    const floats = new Float32Array(memory.buffer)
    for (let i = x / 4; i < y / 4; i++) floats[i] = Math.sin(i * 1.7)
    return () => {
      conv(...convParameters.map((name) => operands[name] ?? 0))
      return floats.slice(y / 4, y / 4 + size * size * outer)
    }
  }
  const wide = markedBytes(wideKernels('conv', options.relaxed), true)
  const expected = runner(embeddedConvModule(options))()
  return { name: 'convolution', expected, run: whenFirstRun(() => runner(wide)) }
}

function same(x: TypedArray, y: TypedArray): boolean {
  for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false
  return x.length === y.length
}

/** The name of the first check that fails, or undefined. `compiling` is called before the code in question is compiled. */
export function wideSelfTest(compiling: () => void): string | undefined {
  if (binaryen === undefined) return 'loading binaryen, which a warm compile cache leaves out,'
  const products = [gemmCheck(), convCheck()]
  compiling()
  const checks = [...products, ...formulas.map(([name, dtype, formula]) => kernelCheck(name, dtype, formula))]
  const end = performance.now() + testMilliseconds
  do
    for (const { name, run, expected } of checks)
      for (let i = 0; i < 8; i++) if (!same(run(), expected)) return name
  while (performance.now() < end)
  return undefined
}
