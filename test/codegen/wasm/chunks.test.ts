// Long outermost loops run in pieces: which loops do, and that the pieces together are the loop.
import { describe, expect, it } from 'vitest'
import { ExprPool } from '../../../codegen/expr.ts'
import type { Kernel, Loop, Statement } from '../../../codegen/kernel.ts'
import { multiplySizes, sizeName } from '../../../codegen/size.ts'
import { planChunks } from '../../../codegen/wasm/chunks.ts'
import { expectSame } from './harness.ts'

/** out[i] = x[i]·s + i in vectors of 8, then one by one; s is a local from outside, and so is where the rest starts. */
function vectorKernel(): Kernel {
  const pool = new ExprPool()
  const n = sizeName('n0')
  const [x, out, reached] = [
    pool.buffer('x', 'float32', n),
    pool.buffer('out', 'float32', n),
    pool.buffer('reached', 'int32', 2),
  ]
  const axis = pool.axis('i', n)
  const i = pool.index(axis)
  const [scale, end] = [pool.local('float32'), pool.local('int32')]
  const s = pool.localValue(scale, [])
  const store = (lanes: 1 | 4, shift: number): Statement => {
    const index = pool.indexAdd(i, shift)
    const position = lanes === 4 ? pool.ramp(index, pool.const('int32', 1), 4) : index
    const product = pool.binary('mul', pool.load(x, index, lanes), lanes === 4 ? pool.splat(s, 4) : s)
    return {
      kind: 'store',
      buffer: out,
      index,
      value: pool.binary('add', product, pool.convert(position, 'float32')),
    }
  }
  const zero = pool.const('int32', 0)
  return {
    name: 'vectors',
    buffers: [x, out, reached],
    sizes: ['n0'],
    body: [
      { kind: 'let', local: scale, value: pool.load(x, zero) },
      { kind: 'loop', axis, from: zero, to: pool.size(n), step: 8, body: [store(4, 0), store(4, 4)] },
      { kind: 'let', local: end, value: i },
      { kind: 'store', buffer: reached, index: zero, value: pool.localValue(end, []) },
      { kind: 'loop', axis, from: pool.localValue(end, []), to: pool.size(n), step: 1, body: [store(1, 0)] },
      { kind: 'store', buffer: reached, index: pool.const('int32', 1), value: i },
    ],
  }
}

/** Row sums of an n0 × n1 matrix. */
function rowSums(): Kernel {
  const pool = new ExprPool()
  const [n0, n1] = [sizeName('n0'), sizeName('n1')]
  const [x, out] = [pool.buffer('x', 'float64', multiplySizes(n0, n1)), pool.buffer('out', 'float64', n0)]
  const [a, b] = [pool.axis('i', n0), pool.axis('j', n1)]
  const [i, j] = [pool.index(a), pool.index(b)]
  const sum = pool.local('float64', 1, true)
  const total = pool.localValue(sum, [])
  const loop = (axis: typeof a, body: readonly Statement[]): Loop => ({
    kind: 'loop',
    axis,
    from: pool.const('int32', 0),
    to: pool.size(axis.extent),
    step: 1,
    body,
  })
  const value = pool.binary('add', total, pool.load(x, pool.offset([i, j], [n0, n1])))
  return {
    name: 'rows',
    buffers: [x, out],
    sizes: ['n0', 'n1'],
    body: [
      loop(a, [
        { kind: 'set', local: sum, value: pool.const('float64', 0) },
        loop(b, [{ kind: 'set', local: sum, value }]),
        { kind: 'store', buffer: out, index: i, value: total },
      ]),
    ],
  }
}

function loopsOf(kernel: Kernel): readonly Loop[] {
  return kernel.body.filter((statement) => statement.kind === 'loop')
}

describe('pieces', () => {
  it('of a vector loop, with locals from outside, at lengths around the size of a piece', () => {
    const kernel = vectorKernel()
    const planned = loopsOf(kernel).map((loop) => planChunks(kernel, loop)?.captured.length)
    expect(planned).toEqual([1, undefined])
    for (const length of [1, 7, 8, 8191, 8192, 8193, 8200, 16384, 20007]) {
      const x = Float32Array.from({ length }, (_, k) => (k % 13) - 5)
      const [, , reached] = expectSame(
        kernel,
        [x, new Float32Array(length), new Int32Array(2)],
        new Map([['n0', length]]),
      )
      expect(Array.from(reached ?? [])).toEqual([length - (length % 8), length])
    }
  })

  it('of rows, as many as make a piece', () => {
    const kernel = rowSums()
    expect(loopsOf(kernel).map((loop) => planChunks(kernel, loop) !== undefined)).toEqual([true])
    for (const [n0, n1] of [
      [300, 100],
      [3, 10000],
      [9000, 1],
      [5, 0],
      [0, 5],
    ] as const) {
      const x = Float64Array.from({ length: n0 * n1 }, (_, k) => Math.sin(k))
      expectSame(
        kernel,
        [x, new Float64Array(n0)],
        new Map([
          ['n0', n0],
          ['n1', n1],
        ]),
      )
    }
  })
})

it('a reduction over everything, a short loop and a rest stay whole', () => {
  const pool = new ExprPool()
  const zero = pool.const('int32', 0)
  const build = (extent: number, reduces: boolean): Kernel => {
    const x = pool.buffer('x', 'float32', extent)
    const axis = pool.axis('i', extent)
    const sum = pool.local('float32', 1, true)
    const total = pool.localValue(sum, [])
    const value = pool.load(x, pool.index(axis))
    const update: Statement = { kind: 'set', local: sum, value: pool.binary('add', total, value) }
    const store: Statement = {
      kind: 'store',
      buffer: x,
      index: pool.index(axis),
      value: pool.unary('neg', value),
    }
    return {
      name: 'k',
      buffers: [x],
      sizes: [],
      body: [
        { kind: 'set', local: sum, value: pool.const('float32', 0) },
        {
          kind: 'loop',
          axis,
          from: zero,
          to: pool.const('int32', extent),
          step: 1,
          body: [reduces ? update : store],
        },
        { kind: 'store', buffer: x, index: zero, value: total },
      ],
    }
  }
  const planned = (kernel: Kernel): boolean[] =>
    loopsOf(kernel).map((loop) => planChunks(kernel, loop) !== undefined)
  expect(planned(build(100000, true))).toEqual([false])
  expect(planned(build(100000, false))).toEqual([true])
  expect(planned(build(1000, false))).toEqual([false])
})
