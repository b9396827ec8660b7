// Whole programs as modules: kernels, matrix products with every kind of start value, checks, host steps, commits.
import { describe, expect, it } from 'vitest'
import type { DType } from '../../../codegen/dtype.ts'
import { type Expr, ExprPool } from '../../../codegen/expr.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import type { GemmStep, KernelStep, ProgramBuffer, ProgramSpec, Step } from '../../../codegen/program.ts'
import { gemmScratchBytes, instantiateGemm } from '../../../codegen/runtime-kernels/gemm.ts'
import { evaluateSize, multiplySizes, type Size, sizeName } from '../../../codegen/size.ts'
import { assembleProgram, frameLayout } from '../../../codegen/wasm/assemble.ts'
import { hostMath } from '../../../codegen/wasm/host-math.ts'

const memory = new WebAssembly.Memory({ initial: 64 })
const gemm = instantiateGemm(memory, { relaxed: false })
const floats = new Float32Array(memory.buffer)
const ints = new Int32Array(memory.buffer)
const frameAddress = 64
const scratchAddress = 1024
const firstBuffer = scratchAddress + gemmScratchBytes

interface Run {
  readonly sizes: readonly number[]
  readonly fail?: (id: number, value: number) => void
  readonly host?: (id: number, addressOf: (buffer: number) => number) => void
}

/** Runs a program whose buffers lie one after the other; `data` fills some; returns all buffers as float32. */
function run(spec: ProgramSpec, data: ReadonlyMap<number, readonly number[]>, options: Run): Float32Array[] {
  const kernels = spec.steps.flatMap((step) => (step.kind === 'kernel' ? [step.kernel] : []))
  const { bytes, frame } = assembleProgram(spec, kernels, { relaxed: false, validate: true })
  const addresses: number[] = []
  const lengths: number[] = []
  let address = firstBuffer
  spec.buffers.forEach(({ elements, dtype }, i) => {
    const length = evaluateSize(elements, (name) => options.sizes[spec.sizes.indexOf(name)] ?? 0)
    addresses.push(address)
    lengths.push(length)
    const view = dtype === 'int32' ? ints : floats
    view.fill(0, address / 4, address / 4 + length)
    view.set(data.get(i) ?? [], address / 4)
    ints[(frameAddress + (frame.buffers[i] ?? 0)) / 4] = address
    address += Math.ceil((length * 4) / 16) * 16 + 32
  })
  options.sizes.forEach((value, i) => (ints[(frameAddress + (frame.sizes[i] ?? 0)) / 4] = value))
  ints[(frameAddress + frame.scratch) / 4] = scratchAddress
  const fail = options.fail ?? ((): void => undefined)
  const host = (id: number): void => options.host?.(id, (buffer) => addresses[buffer] ?? 0)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory, fail, host },
    math: hostMath,
    gemm: { ...gemm },
  })
  const main = instance.exports['main'] as (frame: number) => void
  main(frameAddress)
  return addresses.map((at, i) => floats.slice(at / 4, at / 4 + (lengths[i] ?? 0)))
}

function buffer(
  name: string,
  elements: Size,
  kind: 'temporary' | 'variable' = 'temporary',
  dtype: DType = 'float32',
): ProgramBuffer {
  return { name, dtype, elements, storage: kind === 'variable' ? { kind, index: 0 } : { kind } }
}

/** buffers[1][i] = value(buffers[0][i]) for i < n. */
function mapStep(
  n: Size,
  sizes: readonly string[],
  buffers: readonly number[],
  value: (pool: ExprPool, x: Expr) => Expr,
): KernelStep {
  const pool = new ExprPool()
  const axis = pool.axis('i', n)
  const [x, out] = [pool.buffer('x', 'float32', n), pool.buffer('out', 'float32', n)]
  const i = pool.index(axis)
  const kernel: Kernel = {
    name: 'map',
    buffers: [x, out],
    sizes,
    body: [
      {
        kind: 'loop',
        axis,
        from: pool.const('int32', 0),
        to: pool.size(n),
        step: 1,
        body: [{ kind: 'store', buffer: out, index: i, value: value(pool, pool.load(x, i)) }],
      },
    ],
  }
  return { kind: 'kernel', kernel, pool, buffers }
}

function program(
  buffers: readonly ProgramBuffer[],
  sizes: readonly string[],
  steps: readonly Step[],
): ProgramSpec {
  return { name: 'p', buffers, sizes, steps, outputs: [] }
}

function numbers(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i * 7 + seed * 3) % 11) - 5)
}

it('kernels, a product of symbolic sizes with bias and relu, and a commit that copies', () => {
  const n = sizeName('n0')
  const hidden = multiplySizes(n, 4)
  const product: GemmStep = {
    kind: 'gemm',
    batch: 1,
    rows: n,
    columns: 4,
    inner: 3,
    a: { buffer: 1, rowStride: 3, columnStride: 1, batchStride: 0 },
    b: { buffer: 2, rowStride: 4, columnStride: 1, batchStride: 0 },
    c: 4,
    init: { buffer: 3, rowStride: 0, batchStride: 0 },
    activation: 'relu',
  }
  const spec = program(
    [
      buffer('x', multiplySizes(n, 3)),
      buffer('doubled', multiplySizes(n, 3)),
      buffer('w', 12),
      buffer('bias', 4),
      buffer('h', hidden),
      buffer('shifted', hidden),
      buffer('v', hidden, 'variable'),
    ],
    ['n1', 'n0'],
    [
      mapStep(multiplySizes(n, 3), ['n0'], [0, 1], (pool, x) => pool.binary('add', x, x)),
      product,
      mapStep(hidden, ['n0'], [4, 5], (pool, x) => pool.unary('sin', x)),
      { kind: 'commit', variable: 6, from: 5 },
    ],
  )
  for (const rows of [1, 5, 0]) {
    const x = numbers(rows * 3, 1)
    const w = numbers(12, 2)
    const bias = numbers(4, 3)
    const result = run(
      spec,
      new Map([
        [0, x],
        [2, w],
        [3, bias],
      ]),
      { sizes: [99, rows] },
    )
    const expected = Array.from({ length: rows * 4 }, (_, at) => {
      const [i, j] = [Math.floor(at / 4), at % 4]
      let sum = bias[j] ?? 0
      for (let k = 0; k < 3; k++) sum += 2 * (x[i * 3 + k] ?? 0) * (w[k * 4 + j] ?? 0)
      return Math.fround(Math.sin(Math.max(sum, 0)))
    })
    expect(Array.from(result[6] ?? [])).toEqual(expected)
  }
})

describe('batches of products', () => {
  const [batch, rows, columns, inner] = [3, 2, 5, 4]
  for (const [name, rowStride, batchStride] of [
    ['no start value', -1, 0],
    ['one bias row for all', 0, 0],
    ['one matrix for all', columns, 0],
    ['a matrix per product', columns, rows * columns],
    ['a bias row per product', 0, columns],
  ] as const) {
    it(`${name}`, () => {
      const step: GemmStep = {
        kind: 'gemm',
        batch: sizeName('b'),
        rows,
        columns,
        inner,
        a: { buffer: 0, rowStride: 1, columnStride: rows, batchStride: rows * inner },
        b: { buffer: 1, rowStride: columns, columnStride: 1, batchStride: 0 },
        c: 3,
        init: rowStride < 0 ? undefined : { buffer: 2, rowStride, batchStride },
        activation: 'none',
      }
      const b = sizeName('b')
      const spec = program(
        [
          buffer('a', multiplySizes(b, rows * inner)),
          buffer('b', inner * columns),
          buffer('init', 30),
          buffer('c', multiplySizes(b, rows * columns)),
        ],
        ['b'],
        [step],
      )
      const [a, right, init] = [numbers(batch * rows * inner, 1), numbers(inner * columns, 2), numbers(30, 3)]
      const result = run(
        spec,
        new Map([
          [0, a],
          [1, right],
          [2, init],
        ]),
        { sizes: [batch] },
      )
      const expected: number[] = []
      for (let m = 0; m < batch; m++)
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) {
            let sum = rowStride < 0 ? 0 : (init[m * batchStride + i * rowStride + j] ?? 0)
            for (let k = 0; k < inner; k++)
              sum += (a[m * rows * inner + k * rows + i] ?? 0) * (right[k * columns + j] ?? 0)
            expected.push(sum)
          }
      expect(Array.from(result[3] ?? [])).toEqual(expected)
    })
  }
})

it('checks call fail with their id and value when it is not 0; host steps see and change memory', () => {
  const calls: unknown[] = []
  const spec = program(
    [
      buffer('ok', 1, 'temporary', 'int32'),
      buffer('bad', 1, 'temporary', 'int32'),
      buffer('x', 4),
      buffer('y', 4),
    ],
    [],
    [
      { kind: 'check', buffer: 0, id: 7 },
      { kind: 'check', buffer: 1, id: 8 },
      { kind: 'host', id: 3, reads: [2], writes: [2] },
      mapStep(4, [], [2, 3], (pool, x) => pool.unary('neg', x)),
    ],
  )
  const result = run(
    spec,
    new Map([
      [0, [0]],
      [1, [-5]],
      [2, [1, 2, 3, 4]],
    ]),
    {
      sizes: [],
      fail: (id, value) => calls.push(['fail', id, value]),
      host: (id, addressOf) => {
        calls.push(['host', id])
        floats[addressOf(2) / 4] = 10
      },
    },
  )
  expect(calls).toEqual([
    ['fail', 8, -5],
    ['host', 3],
  ])
  expect(Array.from(result[3] ?? [])).toEqual([-10, -2, -3, -4])
})

it('an exception of fail ends the call', () => {
  const spec = program(
    [buffer('bad', 1, 'temporary', 'int32'), buffer('x', 1), buffer('y', 1)],
    [],
    [{ kind: 'check', buffer: 0, id: 1 }, mapStep(1, [], [1, 2], (_, x) => x)],
  )
  const failing = (): void => {
    throw new RangeError('stop')
  }
  expect(() =>
    run(
      spec,
      new Map([
        [0, [1]],
        [1, [5]],
      ]),
      { sizes: [], fail: failing },
    ),
  ).toThrow('stop')
})

it('the frame has a field per buffer and size, one for the scratch memory and three for records', () => {
  expect(frameLayout(program([buffer('x', 1), buffer('y', 1)], ['n0'], []))).toEqual({
    bytes: 28,
    buffers: [0, 4],
    sizes: [8],
    scratch: 12,
    records: 16,
  })
})

it('a step whose size the program does not have is an error of this library', () => {
  const spec = program(
    [buffer('x', sizeName('n0')), buffer('y', 1)],
    [],
    [mapStep(sizeName('n0'), ['n0'], [0, 1], (_, x) => x)],
  )
  expect(() => run(spec, new Map(), { sizes: [] })).toThrow('refers to a field it does not have')
})
