import { describe, expect, test } from 'vitest'
import { type DType, type TypedArray, allocate } from '../../codegen/dtype.ts'
import { type Axis, type Buffer, type Expr, ExprPool } from '../../codegen/expr.ts'
import { interpretKernel } from '../../codegen/interpret.ts'
import type { Kernel } from '../../codegen/kernel.ts'
import { type Root, schedule } from '../../codegen/schedule.ts'
import { makeKernel } from '../../codegen/schedule/contents.ts'
import { inlineLocals } from '../../codegen/schedule/inline.ts'
import { type Size, sizeName } from '../../codegen/size.ts'
import { printKernel } from '../../codegen/text/print.ts'
import { verifyKernel } from '../../codegen/verify.ts'

/** Schedules, verifies and runs; returns the kernel and what each written buffer holds. */
function run(
  pool: ExprPool,
  roots: readonly Root[],
  inputs: ReadonlyMap<Buffer, TypedArray>,
  lengths: readonly number[],
  sizes: Readonly<Record<string, number>> = {},
): { readonly kernel: Kernel; readonly outputs: readonly number[][] } {
  const kernel = schedule(pool, 'test', roots)
  verifyKernel(kernel)
  const memory = new Map(inputs)
  roots.forEach((root, i) => {
    if (!memory.has(root.buffer)) memory.set(root.buffer, allocate(root.buffer.dtype, lengths[i] ?? 0))
  })
  interpretKernel(kernel, memory, new Map(Object.entries(sizes)))
  return { kernel, outputs: roots.map((root) => [...(memory.get(root.buffer) ?? [])]) }
}

function text(source: string): string {
  const lines = source.split('\n').slice(1, -1)
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0
  return `${lines.map((line) => line.slice(indent)).join('\n')}\n`
}

/** An [n, m] problem: x[i, a], and the offset of [i, a]. */
function matrix(pool: ExprPool, rows: Size, columns: Size, dtype: DType = 'float32') {
  const x = pool.buffer('x', dtype, 0)
  const i = pool.axis('i', rows)
  const at = (a: Axis): Expr => pool.offset([pool.index(i), pool.index(a)], [rows, columns])
  return { x, i, at, load: (a: Axis): Expr => pool.load(x, at(a)) }
}

const samples = (length: number, seed = 1): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i * 12.9898 * seed) * 3))

describe('loops', () => {
  test('elementwise add is one loop nest with the sum inlined into the store', () => {
    const pool = new ExprPool()
    const n = sizeName('n0')
    const [i, j] = [pool.axis('i', n), pool.axis('j', 3)]
    const [x, y, out] = [
      pool.buffer('x', 'float32', 0),
      pool.buffer('y', 'float32', 3),
      pool.buffer('out', 'float32', 0),
    ]
    const index = pool.offset([pool.index(i), pool.index(j)], [n, 3])
    const value = pool.binary('add', pool.load(x, index), pool.load(y, pool.index(j)))
    const data = samples(6)
    const { kernel, outputs } = run(
      pool,
      [{ buffer: out, axes: [i, j], index, value }],
      new Map([
        [x, data],
        [y, Float32Array.of(1, 2, 3)],
      ]),
      [6],
      { n0: 2 },
    )
    expect(printKernel(kernel)).toBe(
      text(`
      kernel @test(%x: f32[0], %y: f32[3], %out: f32[0]) sizes (n0) {
        for i in 0..n0 {
          for j in 0..3 {
            store out[3*i + j] = add(load x[3*i + j], load y[j])
          }
        }
      }
      `),
    )
    expect(outputs[0]).toEqual([...data].map((value, at) => Math.fround(value + 1 + (at % 3))))
  })

  test('what does not vary with an inner loop is computed outside it', () => {
    const pool = new ExprPool()
    const [i, j] = [pool.axis('i', 2), pool.axis('j', 3)]
    const [x, y, s, out] = ['x', 'y', 's', 'out'].map((name) => pool.buffer(name, 'float32', 6))
    if (x === undefined || y === undefined || s === undefined || out === undefined) throw new Error()
    const index = pool.offset([pool.index(i), pool.index(j)], [2, 3])
    const scale = pool.unary('exp', pool.load(s, pool.const('int32', 0)))
    const row = pool.binary('mul', scale, pool.load(y, pool.index(i)))
    const value = pool.binary('add', pool.load(x, index), row)
    const { kernel, outputs } = run(
      pool,
      [{ buffer: out, axes: [i, j], index, value }],
      new Map([
        [x, samples(6)],
        [y, Float32Array.of(10, 20)],
        [s, Float32Array.of(0)],
      ]),
      [6],
    )
    expect(printKernel(kernel)).toBe(
      text(`
      kernel @test(%s: f32[6], %y: f32[6], %x: f32[6], %out: f32[6]) {
        let t0: f32 = exp(load s[0])
        for i in 0..2 {
          let t1: f32 = mul(t0, load y[i])
          for j in 0..3 {
            store out[3*i + j] = add(load x[3*i + j], t1)
          }
        }
      }
      `),
    )
    expect(outputs[0]).toEqual([...samples(6)].map((value, at) => Math.fround(value + (at < 3 ? 10 : 20))))
  })

  test('axes of extent 1 get no loop', () => {
    const pool = new ExprPool()
    const [i, j] = [pool.axis('i', 1), pool.axis('j', 2)]
    const out = pool.buffer('out', 'int32', 2)
    const index = pool.offset([pool.index(i), pool.index(j)], [1, 2])
    const { kernel, outputs } = run(
      pool,
      [{ buffer: out, axes: [i, j], index, value: pool.index(j) }],
      new Map(),
      [2],
    )
    expect(kernel.body.length).toBe(1)
    expect(printKernel(kernel)).not.toContain('for i')
    expect(outputs).toEqual([[0, 1]])
  })

  test('roots share the loops of their common prefix; a value both need is a local', () => {
    const pool = new ExprPool()
    const { x, i, load, at } = matrix(pool, 2, 3)
    const j = pool.axis('j', 3)
    const [a, b, c] = [
      pool.buffer('a', 'float32', 6),
      pool.buffer('b', 'float32', 6),
      pool.buffer('c', 'float32', 2),
    ]
    const shared = pool.unary('neg', pool.unary('abs', load(j)))
    const total = pool.reduce('sum', [pool.axis('k', 3)], pool.const('float32', 1))
    const { kernel, outputs } = run(
      pool,
      [
        { buffer: a, axes: [i, j], index: at(j), value: shared },
        { buffer: b, axes: [i, j], index: at(j), value: pool.binary('mul', shared, shared) },
        {
          buffer: c,
          axes: [i],
          index: pool.index(i),
          value: pool.binary('add', total, pool.load(a, at(pool.axis('k', 1)))),
        },
      ],
      new Map([[x, samples(6)]]),
      [6, 6, 2],
    )
    expect(printKernel(kernel)).toBe(
      text(`
      kernel @test(%x: f32[0], %a: f32[6], %b: f32[6], %c: f32[2]) {
        var s0: f32 = 0.0
        for k in 0..3 {
          s0 = add(s0, 1.0)
        }
        for i in 0..2 {
          for j in 0..3 {
            let t0: f32 = neg(abs(load x[3*i + j]))
            store a[3*i + j] = t0
            store b[3*i + j] = mul(t0, t0)
          }
          store c[i] = add(s0, load a[3*i])
        }
      }
      `),
    )
    const expected = [...samples(6)].map((value) => -Math.abs(value))
    expect(outputs[0]).toEqual(expected)
    expect(outputs[1]).toEqual(expected.map((value) => Math.fround(value * value)))
    expect(outputs[2]).toEqual([0, 3].map((first) => Math.fround(3 + (expected[first] ?? 0))))
  })

  test('a load of what an earlier root stores stays behind the store', () => {
    const pool = new ExprPool()
    const { x, i, load, at } = matrix(pool, 2, 3)
    const j = pool.axis('j', 3)
    const [t, before, after] = [
      pool.buffer('t', 'float32', 2),
      pool.buffer('before', 'float32', 6),
      pool.buffer('after', 'float32', 6),
    ]
    const slot = pool.load(t, pool.index(i))
    const { outputs } = run(
      pool,
      [
        { buffer: before, axes: [i, j], index: at(j), value: pool.binary('add', load(j), slot) },
        { buffer: t, axes: [i, j], index: pool.index(i), value: load(j) },
        { buffer: after, axes: [i, j], index: at(j), value: pool.unary('neg', slot) },
      ],
      new Map([
        [x, Float32Array.of(1, 2, 3, 4, 5, 6)],
        [t, Float32Array.of(100, 200)],
      ]),
      [6, 2, 6],
    )
    // The first root saw t before any store, the third what the same iteration had stored.
    expect(outputs[0]).toEqual([101, 102, 103, 204, 205, 206])
    expect(outputs[2]).toEqual([-1, -2, -3, -4, -5, -6])
  })

  test('a load that its select keeps inside the buffer is not moved out of the select', () => {
    const pool = new ExprPool()
    const [i, j] = [pool.axis('i', 4), pool.axis('j', 2)]
    const [x, y, out] = [
      pool.buffer('x', 'float32', 2),
      pool.buffer('y', 'float32', 4),
      pool.buffer('out', 'float32', 8),
    ]
    const inside = pool.compare('ge', pool.index(i), pool.const('int32', 2))
    const value = pool.select(
      inside,
      pool.load(x, pool.indexAdd(pool.index(i), -2)),
      pool.unary('neg', pool.load(y, pool.index(i))),
    )
    const root = {
      buffer: out,
      axes: [i, j],
      index: pool.offset([pool.index(i), pool.index(j)], [4, 2]),
      value: pool.binary('add', value, pool.convert(pool.index(j), 'float32')),
    }
    const { kernel, outputs } = run(
      pool,
      [root],
      new Map([
        [x, Float32Array.of(1, 2)],
        [y, Float32Array.of(3, 4, 5, 6)],
      ]),
      [8],
    )
    expect(printKernel(kernel)).toContain('let t0: f32 = select(ge(i, 2), load x[i - 2], neg(load y[i]))\n')
    expect(outputs[0]).toEqual([-3, -2, -4, -3, 1, 2, 2, 3])
  })

  test('a value that varies with an axis nobody loops over is refused', () => {
    const pool = new ExprPool()
    const out = pool.buffer('out', 'int32', 1)
    const root = {
      buffer: out,
      axes: [],
      index: pool.const('int32', 0),
      value: pool.index(pool.axis('q', 4)),
    }
    expect(() => verifyKernel(schedule(pool, 'test', [root]))).toThrow(/axis q/)
  })
})

test('inlining moves no value past a statement that changes it', () => {
  const pool = new ExprPool()
  const x = pool.buffer('x', 'float32', 1)
  const out = pool.buffer('out', 'float32', 2)
  const zero = pool.const('int32', 0)
  const [loaded, read, free, unused] = [
    pool.local('float32'),
    pool.local('float32'),
    pool.local('float32'),
    pool.local('float32'),
  ]
  const accumulator = pool.local('float32', 1, true)
  const total = pool.localValue(accumulator, [])
  const values = [loaded, read, free].map((local) => pool.localValue(local, []))
  const sum = values.reduce((a, b) => pool.binary('add', a, b))
  const kernel = makeKernel(
    'test',
    inlineLocals(pool, [
      { kind: 'set', local: accumulator, value: pool.const('float32', 5) },
      { kind: 'let', local: loaded, value: pool.load(x, zero) },
      { kind: 'let', local: read, value: pool.unary('neg', total) },
      { kind: 'let', local: free, value: pool.unary('exp', pool.const('float32', 0)) },
      { kind: 'let', local: unused, value: pool.load(x, zero) },
      { kind: 'store', buffer: x, index: zero, value: pool.const('float32', 9) },
      { kind: 'set', local: accumulator, value: pool.const('float32', 6) },
      { kind: 'store', buffer: out, index: zero, value: sum },
      { kind: 'store', buffer: out, index: pool.const('int32', 1), value: total },
    ]),
  )
  expect(printKernel(kernel)).toBe(
    text(`
    kernel @test(%x: f32[1], %out: f32[2]) {
      var s0: f32 = 5.0
      let t0: f32 = load x[0]
      let t1: f32 = neg(s0)
      store x[0] = 9.0
      s0 = 6.0
      store out[0] = add(add(t0, t1), exp(0.0))
      store out[1] = s0
    }
    `),
  )
})

describe('reductions', () => {
  test('row softmax is one kernel over rows', () => {
    const pool = new ExprPool()
    const n = sizeName('n0')
    const { x, i, load, at } = matrix(pool, n, 5)
    const [j, j1, j2] = [pool.axis('j', 5), pool.axis('j', 5), pool.axis('j', 5)]
    const out = pool.buffer('out', 'float32', 0)
    const max = pool.reduce('max', [j1], load(j1))
    const exp = (a: Axis): Expr => pool.unary('exp', pool.binary('sub', load(a), max))
    const value = pool.binary('div', exp(j), pool.reduce('sum', [j2], exp(j2)))
    const data = samples(20)
    const { kernel, outputs } = run(
      pool,
      [{ buffer: out, axes: [i, j], index: at(j), value }],
      new Map([[x, data]]),
      [20],
      { n0: 4 },
    )
    expect(printKernel(kernel)).toBe(
      text(`
      kernel @test(%x: f32[0], %out: f32[0]) sizes (n0) {
        for i in 0..n0 {
          var s0: f32 = -inf
          for j in 0..5 {
            s0 = max(s0, load x[5*i + j])
          }
          var s1: f32 = 0.0
          for j1 in 0..5 {
            s1 = add(s1, exp(sub(load x[5*i + j1], s0)))
          }
          for j2 in 0..5 {
            store out[5*i + j2] = div(exp(sub(load x[5*i + j2], s0)), s1)
          }
        }
      }
      `),
    )
    for (let row = 0; row < 4; row++) {
      const values = [...data].slice(row * 5, row * 5 + 5)
      const sum = values.reduce((total, value) => total + Math.exp(value), 0)
      values.forEach((value, column) =>
        expect(outputs[0]?.[row * 5 + column]).toBeCloseTo(Math.exp(value) / sum, 6),
      )
    }
  })

  test('maximum, sum and sum of squares of rows share one loop, also when each was made with its own axis', () => {
    const pool = new ExprPool()
    const { x, i, load } = matrix(pool, 3, 4)
    const [j, j1, j2] = [pool.axis('j', 4), pool.axis('j', 4), pool.axis('k', 4)]
    const buffers = ['max', 'sum', 'squares'].map((name) => pool.buffer(name, 'float32', 3))
    const values = [
      pool.reduce('max', [j], load(j)),
      pool.reduce('sum', [j1], load(j1)),
      pool.reduce('sum', [j2], pool.binary('mul', load(j2), load(j2))),
    ]
    const roots = values.map((value, k) => ({
      buffer: buffers[k] ?? x,
      axes: [i],
      index: pool.index(i),
      value,
    }))
    const data = samples(12)
    const { kernel, outputs } = run(pool, roots, new Map([[x, data]]), [3, 3, 3])
    const printed = printKernel(kernel)
    expect(printed.match(/for /g)?.length).toBe(2)
    expect(printed.match(/load x/g)?.length).toBe(1)
    for (let row = 0; row < 3; row++) {
      const values = [...data].slice(row * 4, row * 4 + 4)
      expect(outputs[0]?.[row]).toBe(Math.max(...values))
      expect(outputs[1]?.[row]).toBe(values.reduce((a, b) => Math.fround(a + b), 0))
      expect(outputs[2]?.[row]).toBe(values.reduce((a, b) => Math.fround(a + Math.fround(b * b)), 0))
    }
  })

  test('a later root is not pulled before the store it reads', () => {
    const pool = new ExprPool()
    const { x, i, load } = matrix(pool, 2, 3)
    const [j, k, m] = [pool.axis('j', 3), pool.axis('k', 3), pool.axis('m', 3)]
    const [t, a, b] = [
      pool.buffer('t', 'float32', 6),
      pool.buffer('a', 'float32', 2),
      pool.buffer('b', 'float32', 2),
    ]
    const inT = (axis: Axis): Expr => pool.offset([pool.index(i), pool.index(axis)], [2, 3])
    const { kernel, outputs } = run(
      pool,
      [
        { buffer: a, axes: [i], index: pool.index(i), value: pool.reduce('sum', [j], load(j)) },
        { buffer: t, axes: [i, k], index: inT(k), value: pool.binary('mul', load(k), load(k)) },
        { buffer: b, axes: [i], index: pool.index(i), value: pool.reduce('sum', [m], pool.load(t, inT(m))) },
      ],
      new Map([[x, Float32Array.of(1, 2, 3, 4, 5, 6)]]),
      [2, 6, 2],
    )
    expect([outputs[0], outputs[2]]).toEqual([
      [6, 15],
      [14, 77],
    ])
    expect(printKernel(kernel).match(/for /g)?.length).toBe(4)
  })

  test('sum over axis 0 loops over columns, then rows', () => {
    const pool = new ExprPool()
    const { x, i, load } = matrix(pool, 3, 4)
    const j = pool.axis('j', 4)
    const out = pool.buffer('out', 'float32', 4)
    const data = samples(12)
    const { kernel, outputs } = run(
      pool,
      [{ buffer: out, axes: [j], index: pool.index(j), value: pool.reduce('sum', [i], load(j)) }],
      new Map([[x, data]]),
      [4],
    )
    expect(printKernel(kernel)).toBe(
      text(`
      kernel @test(%x: f32[0], %out: f32[4]) {
        for j in 0..4 {
          var s0: f32 = 0.0
          for i in 0..3 {
            s0 = add(s0, load x[4*i + j])
          }
          store out[j] = s0
        }
      }
      `),
    )
    const column = (at: number): number =>
      [0, 4, 8].reduce((sum, row) => Math.fround(sum + (data[row + at] ?? 0)), 0)
    expect(outputs[0]).toEqual([0, 1, 2, 3].map(column))
  })

  test('matrix product as a reduction; the factor of the outer loop is read inside', () => {
    const pool = new ExprPool()
    const [i, j, k] = [pool.axis('i', 2), pool.axis('j', 3), pool.axis('k', 4)]
    const [a, b, out] = [
      pool.buffer('a', 'float32', 8),
      pool.buffer('b', 'float32', 12),
      pool.buffer('out', 'float32', 6),
    ]
    const product = pool.binary(
      'mul',
      pool.load(a, pool.offset([pool.index(i), pool.index(k)], [2, 4])),
      pool.load(b, pool.offset([pool.index(k), pool.index(j)], [4, 3])),
    )
    const index = pool.offset([pool.index(i), pool.index(j)], [2, 3])
    const [dataA, dataB] = [samples(8), samples(12, 2)]
    const { outputs } = run(
      pool,
      [{ buffer: out, axes: [i, j], index, value: pool.reduce('sum', [k], product) }],
      new Map([
        [a, dataA],
        [b, dataB],
      ]),
      [6],
    )
    for (let row = 0; row < 2; row++)
      for (let column = 0; column < 3; column++) {
        let sum = 0
        for (let inner = 0; inner < 4; inner++)
          sum = Math.fround(
            sum + Math.fround((dataA[row * 4 + inner] ?? 0) * (dataB[inner * 3 + column] ?? 0)),
          )
        expect(outputs[0]?.[row * 3 + column]).toBe(sum)
      }
  })

  test('nested reductions, and a reduction over two axes', () => {
    const pool = new ExprPool()
    const { x, i, load } = matrix(pool, 3, 4)
    const j = pool.axis('j', 4)
    const [nested, both, same] = ['nested', 'both', 'same'].map((name) => pool.buffer(name, 'float32', 1))
    if (nested === undefined || both === undefined || same === undefined) throw new Error()
    const zero = pool.const('int32', 0)
    const rowMax = pool.reduce('max', [j], load(j))
    const data = samples(12)
    const { kernel, outputs } = run(
      pool,
      [
        {
          buffer: nested,
          axes: [],
          index: zero,
          value: pool.reduce('sum', [i], pool.binary('mul', rowMax, rowMax)),
        },
        { buffer: both, axes: [], index: zero, value: pool.reduce('min', [i, j], load(j)) },
        // The axis of the inner reduction is used again by the outer one.
        {
          buffer: same,
          axes: [],
          index: zero,
          value: pool.reduce('sum', [j], pool.reduce('max', [j], pool.load(x, pool.index(j)))),
        },
      ],
      new Map([[x, data]]),
      [1, 1, 1],
    )
    const rows = [0, 4, 8].map((row) => Math.max(...[...data].slice(row, row + 4)))
    expect(outputs[0]).toEqual([
      rows.reduce((sum, value) => Math.fround(sum + Math.fround(value * value)), 0),
    ])
    expect(outputs[1]).toEqual([Math.min(...data)])
    expect(outputs[2]).toEqual([Math.fround(4 * (rows[0] ?? 0))])
    expect(kernel.buffers.map((buffer) => buffer.name)).toEqual(['x', 'nested', 'both', 'same'])
  })

  test('an empty reduction is its identity; one over an axis of extent 1 is its body', () => {
    const pool = new ExprPool()
    const zero = pool.const('int32', 0)
    const n = sizeName('n')
    const cases: readonly [DType, 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or', number][] = [
      ['float32', 'sum', 0],
      ['float32', 'prod', 1],
      ['float32', 'max', -Infinity],
      ['float64', 'min', Infinity],
      ['int32', 'max', -(2 ** 31)],
      ['int32', 'min', 2 ** 31 - 1],
      ['uint8', 'max', 0],
      ['uint8', 'min', 255],
      ['bool', 'and', 1],
      ['bool', 'or', 0],
    ]
    for (const [dtype, op, identity] of cases) {
      const [x, out, one] = [
        pool.buffer('x', dtype, n),
        pool.buffer('out', dtype, 1),
        pool.buffer('one', dtype, 1),
      ]
      const k = pool.axis('k', n)
      const single = pool.axis('l', 1)
      const { outputs } = run(
        pool,
        [
          { buffer: out, axes: [], index: zero, value: pool.reduce(op, [k], pool.load(x, pool.index(k))) },
          { buffer: one, axes: [], index: zero, value: pool.reduce(op, [single], pool.const(dtype, 1)) },
        ],
        new Map([[x, allocate(dtype, 0)]]),
        [1, 1],
        { n: 0 },
      )
      expect([dtype, op, ...outputs]).toEqual([dtype, op, [identity], [1]])
    }
  })

  test('uint8 sums wrap; max and min of bools are or and and', () => {
    const pool = new ExprPool()
    const zero = pool.const('int32', 0)
    const k = pool.axis('k', 3)
    const [x, b] = [pool.buffer('x', 'uint8', 3), pool.buffer('b', 'bool', 3)]
    const [sum, max, min] = [
      pool.buffer('sum', 'uint8', 1),
      pool.buffer('max', 'bool', 1),
      pool.buffer('min', 'bool', 1),
    ]
    const { outputs } = run(
      pool,
      [
        { buffer: sum, axes: [], index: zero, value: pool.reduce('sum', [k], pool.load(x, pool.index(k))) },
        { buffer: max, axes: [], index: zero, value: pool.reduce('max', [k], pool.load(b, pool.index(k))) },
        { buffer: min, axes: [], index: zero, value: pool.reduce('min', [k], pool.load(b, pool.index(k))) },
      ],
      new Map([
        [x, Uint8Array.of(200, 100, 7)],
        [b, Uint8Array.of(0, 1, 1)],
      ]),
      [1, 1, 1],
    )
    expect(outputs).toEqual([[(200 + 100 + 7) % 256], [1], [0]])
  })
})

describe('argReduce', () => {
  const rows: readonly (readonly number[])[] = [
    [1, 3, 3, 2],
    [NaN, 1, 2, NaN],
    [NaN, NaN, NaN, NaN],
    [NaN, -Infinity, -Infinity, NaN],
    [Infinity, NaN, Infinity, 0],
    [-0, 0, -0, 0],
    [5, 4, NaN, 4],
  ]
  /** First extreme among the numbers; 0 when there is none. */
  const expected = (row: readonly number[], sign: number): number => {
    let best = -1
    row.forEach((value, at) => {
      if (!Number.isNaN(value) && (best < 0 || sign * value > sign * (row[best] ?? 0))) best = at
    })
    return Math.max(0, best)
  }

  test.each(['max', 'min'] as const)('the first %s wins and NaN is never chosen', (op) => {
    for (const dtype of ['float32', 'float64'] as const) {
      const pool = new ExprPool()
      const { x, i, load } = matrix(pool, rows.length, 4, dtype)
      const j = pool.axis('j', 4)
      const out = pool.buffer('out', 'int32', rows.length)
      const data = allocate(dtype, rows.length * 4)
      data.set(rows.flat())
      const { outputs } = run(
        pool,
        [{ buffer: out, axes: [i], index: pool.index(i), value: pool.argReduce(op, j, load(j)) }],
        new Map([[x, data]]),
        [rows.length],
      )
      expect(outputs[0]).toEqual(rows.map((row) => expected(row, op === 'max' ? 1 : -1)))
    }
  })

  test('integers and bools', () => {
    const pool = new ExprPool()
    const k = pool.axis('k', 4)
    const zero = pool.const('int32', 0)
    const data: readonly [DType, readonly number[]][] = [
      ['int32', [-(2 ** 31), 5, 2 ** 31 - 1, -(2 ** 31)]],
      ['uint8', [7, 255, 0, 255]],
      ['bool', [1, 0, 1, 0]],
    ]
    for (const [dtype, values] of data) {
      const x = pool.buffer('x', dtype, 4)
      const array = allocate(dtype, 4)
      array.set(values)
      const roots = (['max', 'min'] as const).map((op) => ({
        buffer: pool.buffer(op, 'int32', 1),
        axes: [],
        index: zero,
        value: pool.argReduce(op, k, pool.load(x, pool.index(k))),
      }))
      const { kernel, outputs } = run(pool, roots, new Map([[x, array]]), [1, 1])
      expect(outputs).toEqual([[expected(values, 1)], [expected(values, -1)]])
      expect(printKernel(kernel).match(/for /g)?.length).toBe(1)
    }
  })
})
