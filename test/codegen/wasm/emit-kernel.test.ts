/* oxlint-disable vitest/expect-expect -- expectSame asserts */
// Kernels written by hand, as wasm against the interpreter: addressing, loops, locals, every op of every dtype.
import { describe, expect, it } from 'vitest'
import { allocate, byteSize, type DType, dtypes, type TypedArray } from '../../../codegen/dtype.ts'
import {
  type BinaryOp,
  type Buffer,
  type CompareOp,
  type Expr,
  ExprPool,
  type Lanes,
  type ReduceOp,
  type UnaryOp,
} from '../../../codegen/expr.ts'
import type { Kernel, Loop, Statement } from '../../../codegen/kernel.ts'
import { multiplySizes, type Size, sizeName } from '../../../codegen/size.ts'
import { expectSame, runWasm } from './harness.ts'

const special: Readonly<Record<DType, readonly number[]>> = {
  float32: [
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    2.5,
    -2.5,
    3.75,
    1e-42,
    -1e30,
    3e38,
    Infinity,
    -Infinity,
    Number.NaN,
    7,
    255.9,
    256,
    -3,
    1e10,
  ],
  float64: [
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    2.5,
    -2.5,
    3.75,
    1e-310,
    -1e300,
    3e38,
    Infinity,
    -Infinity,
    Number.NaN,
    7,
    255.9,
    256,
    -3,
    1e10,
  ],
  int32: [
    0, 1, -1, 2, 5, -7, 31, 32, 33, 255, 256, 2147483647, -2147483648, 65537, -65537, 123456789, 3, 10, -10,
    100,
  ],
  uint8: [0, 1, 2, 3, 5, 7, 31, 32, 127, 128, 129, 200, 254, 255, 16, 17, 64, 99, 100, 250],
  bool: [0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1],
}

function fill(dtype: DType, count: number, shift = 0): TypedArray {
  const array = allocate(dtype, count)
  const values = special[dtype]
  for (let i = 0; i < count; i++) array[i] = values[(i * 7 + shift + Math.floor(i / 20)) % values.length] ?? 0
  return array
}

function loop(
  pool: ExprPool,
  axis: ReturnType<ExprPool['axis']>,
  body: readonly Statement[],
  step = 1,
): Loop {
  return { kind: 'loop', axis, from: pool.const('int32', 0), to: pool.size(axis.extent), step, body }
}

/** out[i] = value(i) for i < n, in vectors of `lanes` elements. */
function mapKernel(
  pool: ExprPool,
  n: Size,
  lanes: Lanes,
  inputs: readonly Buffer[],
  outDType: DType,
  value: (i: Expr) => Expr,
): Kernel {
  const axis = pool.axis('i', n)
  const out = pool.buffer('out', outDType, n)
  const i = pool.index(axis)
  const store: Statement = { kind: 'store', buffer: out, index: i, value: value(i) }
  return { name: 'map', buffers: [...inputs, out], sizes: [], body: [loop(pool, axis, [store], lanes)] }
}

const count = 400

function lanesOf(dtype: DType): readonly Lanes[] {
  return dtype === 'float64' ? [1, 2] : [1, 2, 4]
}

const floats: readonly DType[] = ['float32', 'float64']
const ints: readonly DType[] = ['int32', 'uint8']
const numbers: readonly DType[] = [...floats, ...ints]

const unaryOps: readonly (readonly [UnaryOp, readonly DType[]])[] = [
  ...(['neg', 'abs'] as const).map((op) => [op, numbers] as const),
  ...(['floor', 'ceil', 'round', 'trunc'] as const).map((op) => [op, numbers] as const),
  ['sqrt', floats],
  ['not', [...ints, 'bool']],
  // Host calls; the interpreter uses the same functions of Math.
  ...(['exp', 'log', 'sin', 'atan', 'cosh'] as const).map((op) => [op, floats] as const),
]

const binaryOps: readonly (readonly [BinaryOp, readonly DType[]])[] = [
  ...(['add', 'sub', 'mul', 'pmax', 'pmin', 'max', 'min'] as const).map((op) => [op, numbers] as const),
  ['div', floats],
  ['rem', floats],
  ['atan2', floats],
  ['pow', ['int32', 'uint8']],
  ...(['and', 'or', 'xor'] as const).map((op) => [op, [...ints, 'bool'] as readonly DType[]] as const),
  ...(['shl', 'shr', 'shru', 'mulhu'] as const).map((op) => [op, ints] as const),
]

describe('ops', () => {
  for (const [op, kinds] of unaryOps) {
    it(`${op} of ${kinds.join(', ')}`, () => {
      for (const dtype of kinds)
        for (const lanes of lanesOf(dtype)) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count)
          const kernel = mapKernel(pool, count, lanes, [x], dtype, (i) =>
            pool.unary(op, pool.load(x, i, lanes)),
          )
          expectSame(kernel, [fill(dtype, count), allocate(dtype, count)])
        }
    })
  }

  for (const [op, kinds] of binaryOps) {
    it(`${op} of ${kinds.join(', ')}`, () => {
      for (const dtype of kinds)
        for (const lanes of lanesOf(dtype)) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count)
          const y = pool.buffer('y', dtype, count)
          const kernel = mapKernel(pool, count, lanes, [x, y], dtype, (i) =>
            pool.binary(op, pool.load(x, i, lanes), pool.load(y, i, lanes)),
          )
          const data = [fill(dtype, count), fill(dtype, count, 3), allocate(dtype, count)]
          expectSame(kernel, data, new Map(), { zeroSigns: op !== 'max' && op !== 'min' })
        }
    })
  }

  it('operations with constants', () => {
    const cases: readonly (readonly [BinaryOp, DType, number])[] = [
      ['max', 'float32', 0.5],
      ['min', 'float32', 0.5],
      ['max', 'float64', -2],
      ['min', 'float64', 3],
      ['shl', 'int32', 3],
      ['shr', 'int32', 3],
      ['shru', 'int32', 9],
      ['shl', 'uint8', 2],
      ['shl', 'int32', 35],
      ['idiv', 'int32', 7],
      ['rem', 'int32', 7],
      ['idiv', 'int32', -1],
      ['idiv', 'uint8', 3],
      ['rem', 'uint8', 10],
    ]
    for (const [op, dtype, constant] of cases)
      for (const lanes of lanesOf(dtype)) {
        for (const swapped of op === 'max' || op === 'min' ? [false, true] : [false]) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count)
          const kernel = mapKernel(pool, count, lanes, [x], dtype, (i) => {
            const operands = [pool.load(x, i, lanes), pool.const(dtype, constant, lanes)] as const
            return pool.binary(op, operands[swapped ? 1 : 0], operands[swapped ? 0 : 1])
          })
          expectSame(kernel, [fill(dtype, count), allocate(dtype, count)])
        }
      }
  })

  it('integer division by data, −2³¹ / −1 included', () => {
    for (const op of ['idiv', 'rem'] as const)
      for (const lanes of [1, 4] as const) {
        const pool = new ExprPool()
        const x = pool.buffer('x', 'int32', 8)
        const y = pool.buffer('y', 'int32', 8)
        const kernel = mapKernel(pool, 8, lanes, [x, y], 'int32', (i) =>
          pool.binary(op, pool.load(x, i, lanes), pool.load(y, i, lanes)),
        )
        const dividends = Int32Array.of(-2147483648, 2147483647, 7, -7, 7, -7, 0, -2147483648)
        expectSame(kernel, [dividends, Int32Array.of(-1, -1, 2, 2, -2, -2, 5, 1), new Int32Array(8)])
      }
  })

  it('powers follow C at 1 and −1', () => {
    const pool = new ExprPool()
    const x = pool.buffer('x', 'float32', 8)
    const y = pool.buffer('y', 'float32', 8)
    const kernel = mapKernel(pool, 8, 4, [x, y], 'float32', (i) =>
      pool.binary('pow', pool.load(x, i, 4), pool.load(y, i, 4)),
    )
    const bases = Float32Array.of(1, -1, -1, 2, -2, 0, -8, 9)
    const powers = Float32Array.of(Number.NaN, Infinity, -Infinity, 10, 3, -1, 1 / 3, 0.5)
    const [, , out] = runWasm(kernel, [bases, powers, new Float32Array(8)], new Map())
    expect(Array.from(out ?? [])).toEqual([1, 1, 1, 1024, -8, Infinity, Number.NaN, 3])
  })

  it('comparisons and select of every dtype', () => {
    const ops: readonly CompareOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge']
    for (const dtype of dtypes)
      for (const lanes of lanesOf(dtype)) {
        for (const op of ops) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count)
          const y = pool.buffer('y', dtype, count)
          const values = (i: Expr): [Expr, Expr] => [pool.load(x, i, lanes), pool.load(y, i, lanes)]
          const mask = mapKernel(pool, count, lanes, [x, y], 'bool', (i) => pool.compare(op, ...values(i)))
          const data = [fill(dtype, count), fill(dtype, count, 3)]
          expectSame(mask, [...data, new Uint8Array(count)])
          const chosen = mapKernel(pool, count, lanes, [x, y], dtype, (i) => {
            const [a, b] = values(i)
            return pool.select(pool.compare(op, a, b), b, a)
          })
          expectSame(chosen, [...data, allocate(dtype, count)])
        }
      }
  })

  it('select with 0 and NaN', () => {
    for (const dtype of dtypes)
      for (const lanes of lanesOf(dtype))
        for (const [constant, swapped] of [
          [0, false],
          [0, true],
          [-0, true],
          [Number.NaN, false],
          [Number.NaN, true],
        ] as const) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count)
          const kernel = mapKernel(pool, count, lanes, [x], dtype, (i) => {
            const value = pool.load(x, i, lanes)
            const fixed = pool.const(dtype, dtype === 'float32' || dtype === 'float64' ? constant : 0, lanes)
            const condition = pool.compare('gt', value, pool.const(dtype, 1, lanes))
            return swapped ? pool.select(condition, value, fixed) : pool.select(condition, fixed, value)
          })
          expectSame(kernel, [fill(dtype, count), allocate(dtype, count)])
        }
  })

  it('conversions between all dtypes', () => {
    for (const from of dtypes)
      for (const to of dtypes)
        for (const lanes of from === 'float64' || to === 'float64'
          ? ([1, 2] as const)
          : ([1, 2, 4] as const)) {
          const pool = new ExprPool()
          const x = pool.buffer('x', from, count)
          const kernel = mapKernel(pool, count, lanes, [x], to, (i) =>
            pool.convert(pool.load(x, i, lanes), to),
          )
          if (from !== to) expectSame(kernel, [fill(from, count), allocate(to, count)])
        }
  })

  it('bit casts, madd, splat, ramp, gathers and selected loads', () => {
    for (const lanes of [1, 4] as const) {
      const pool = new ExprPool()
      const x = pool.buffer('x', 'float32', count)
      const table = pool.buffer('table', 'float32', count)
      const kernel = mapKernel(pool, count, lanes, [x, table], 'float32', (i) => {
        const value = pool.load(x, i, lanes)
        const one = pool.const('float32', 1.25, lanes)
        const bits = pool.binary('and', pool.bitcast(value, 'int32'), pool.const('int32', 63, lanes))
        const gathered = pool.load(table, bits)
        const position = lanes === 4 ? pool.ramp(i, pool.const('int32', 1), 4) : i
        const far =
          lanes === 4
            ? pool.load(
                table,
                pool.ramp(pool.binary('rem', i, pool.const('int32', 50)), pool.const('int32', 3), 4),
              )
            : value
        const first = pool.load(table, pool.const('int32', 5))
        const splat = lanes === 4 ? pool.splat(first, 4) : first
        const sum = pool.binary('add', pool.madd(value, one, gathered), pool.convert(position, 'float32'))
        return pool.madd(pool.binary('add', sum, far), splat, pool.bitcast(bits, 'float32'))
      })
      const numbersOnly = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 100)
      expectSame(kernel, [numbersOnly, Float32Array.from(numbersOnly, (v) => v / 3), new Float32Array(count)])
    }
  })

  it('horizontal reductions', () => {
    const cases: readonly (readonly [ReduceOp, readonly DType[]])[] = [
      ['sum', numbers],
      ['prod', numbers],
      ['max', numbers],
      ['min', numbers],
      ['and', ['bool']],
      ['or', ['bool']],
    ]
    for (const [op, kinds] of cases)
      for (const dtype of kinds)
        for (const lanes of dtype === 'float64' ? ([2] as const) : ([2, 4] as const)) {
          const pool = new ExprPool()
          const x = pool.buffer('x', dtype, count * lanes)
          const axis = pool.axis('i', count)
          const out = pool.buffer('out', dtype, count)
          const i = pool.index(axis)
          const value = pool.horizontal(op, pool.load(x, pool.indexScale(i, lanes), lanes))
          const kernel: Kernel = {
            name: 'h',
            buffers: [x, out],
            sizes: [],
            body: [loop(pool, axis, [{ kind: 'store', buffer: out, index: i, value }])],
          }
          expectSame(kernel, [fill(dtype, count * lanes), allocate(dtype, count)])
        }
  })
})

describe('loops and addresses', () => {
  it('a vector loop and its remainder over symbolic sizes, all lengths', () => {
    const n = sizeName('n0')
    const pool = new ExprPool()
    const x = pool.buffer('x', 'float32', n)
    const out = pool.buffer('out', 'float32', n)
    const axis = pool.axis('i', n)
    const reached = pool.local('int32')
    const i = pool.index(axis)
    const store = (shift: number, lanes: Lanes): Statement => {
      const value = pool.load(x, pool.indexAdd(i, shift), lanes)
      return {
        kind: 'store',
        buffer: out,
        index: pool.indexAdd(i, shift),
        value: pool.binary('mul', value, value),
      }
    }
    const kernel: Kernel = {
      name: 'square',
      buffers: [x, out],
      sizes: ['n0'],
      body: [
        loop(pool, axis, [store(0, 4), store(4, 4)], 8),
        { kind: 'let', local: reached, value: i },
        {
          kind: 'loop',
          axis,
          from: pool.localValue(reached, []),
          to: pool.size(n),
          step: 1,
          body: [store(0, 1)],
        },
      ],
    }
    for (let length = 0; length < 20; length++)
      expectSame(
        kernel,
        [Float32Array.from({ length }, (_, k) => k + 0.5), new Float32Array(length)],
        new Map([['n0', length]]),
      )
  })

  it('nests: reversed, transposed, strided, divided indices; accumulators; conditions', () => {
    const rows = sizeName('n0')
    const columns = sizeName('n1')
    const all = multiplySizes(rows, columns)
    const pool = new ExprPool()
    const x = pool.buffer('x', 'float64', all)
    const reversed = pool.buffer('reversed', 'float64', all)
    const transposed = pool.buffer('transposed', 'float64', all)
    const flat = pool.buffer('flat', 'float64', all)
    const sums = pool.buffer('sums', 'float64', rows)
    const [i, j, k] = [pool.axis('i', rows), pool.axis('j', columns), pool.axis('k', all)]
    const [ii, jj, kk] = [pool.index(i), pool.index(j), pool.index(k)]
    const at = pool.offset([ii, jj], [rows, columns])
    const sum = pool.local('float64', 1, true)
    const total = pool.localValue(sum, [])
    const twice = pool.local('int32')
    const kernel: Kernel = {
      name: 'nests',
      buffers: [x, reversed, transposed, flat, sums],
      sizes: ['n0', 'n1'],
      body: [
        loop(pool, i, [
          { kind: 'set', local: sum, value: pool.const('float64', 0) },
          loop(pool, j, [
            { kind: 'set', local: sum, value: pool.binary('add', total, pool.load(x, at)) },
            {
              kind: 'store',
              buffer: transposed,
              index: pool.offset([jj, ii], [columns, rows]),
              value: pool.load(x, at),
            },
            {
              kind: 'store',
              buffer: reversed,
              index: pool.linear(
                [
                  { atom: at, coefficient: -1 },
                  { atom: pool.size(all), coefficient: 1 },
                ],
                -1,
              ),
              value: pool.load(x, at),
            },
          ]),
          { kind: 'let', local: twice, value: pool.binary('add', ii, ii) },
          {
            kind: 'if',
            condition: pool.compare('gt', pool.localValue(twice, [i]), pool.const('int32', 2)),
            body: [{ kind: 'set', local: sum, value: pool.unary('neg', total) }],
          },
          { kind: 'store', buffer: sums, index: ii, value: total },
        ]),
        // Every element through a division by a size and back, columns first.
        loop(pool, k, [
          {
            kind: 'store',
            buffer: flat,
            index: kk,
            value: pool.load(
              transposed,
              pool.linear([
                { atom: pool.indexMod(kk, columns), coefficient: rows },
                { atom: pool.indexDivide(kk, columns), coefficient: 1 },
              ]),
            ),
          },
        ]),
      ],
    }
    for (const [n0, n1] of [
      [3, 5],
      [1, 1],
      [4, 0],
      [0, 3],
      [7, 2],
    ] as const) {
      const data = Float64Array.from({ length: n0 * n1 }, (_, index) => index * 1.5 - 4)
      const empty = (): Float64Array => new Float64Array(n0 * n1)
      const sizes = new Map([
        ['n0', n0],
        ['n1', n1],
      ])
      const [, , , flatAgain] = expectSame(
        kernel,
        [data, empty(), empty(), empty(), new Float64Array(n0)],
        sizes,
      )
      expect(flatAgain).toEqual(data)
    }
  })

  it('a load that the condition guards may point anywhere', () => {
    // Concatenation: out[i] = i < 5 ? a[i] : b[i − 5], and a gather whose index is far outside where not chosen.
    for (const lanes of [1, 4] as const) {
      const pool = new ExprPool()
      const a = pool.buffer('a', 'float32', 5)
      const b = pool.buffer('b', 'float32', 7)
      const far = pool.buffer('far', 'int32', 12)
      const kernel = mapKernel(pool, 12, lanes, [a, b, far], 'float32', (i) => {
        const position = lanes === 4 ? pool.ramp(i, pool.const('int32', 1), 4) : i
        const early = pool.compare('lt', position, pool.const('int32', 5, lanes))
        const index = pool.load(far, i, lanes)
        const inside = pool.compare('lt', index, pool.const('int32', 7, lanes))
        const joined = pool.select(early, pool.load(a, i, lanes), pool.load(b, pool.indexAdd(i, -5), lanes))
        return pool.binary(
          'add',
          joined,
          pool.select(inside, pool.load(b, index), pool.const('float32', 0.5, lanes)),
        )
      })
      const wild = Int32Array.of(0, 1 << 29, 6, 2147483647, 3, 1 << 28, 1, 2, 1 << 29, 4, 5, 1 << 30)
      const [, , , out] = runWasm(
        kernel,
        [
          Float32Array.of(1, 2, 3, 4, 5),
          Float32Array.of(10, 11, 12, 13, 14, 15, 16),
          wild,
          new Float32Array(12),
        ],
        new Map(),
      )
      expect(Array.from(out ?? [])).toEqual([11, 2.5, 19, 4.5, 18, 10.5, 22, 24, 13.5, 28, 30, 16.5])
    }
  })

  it('shared expressions are evaluated once and in time', () => {
    const pool = new ExprPool()
    const x = pool.buffer('x', 'float32', 64)
    const kernel = mapKernel(pool, 64, 4, [x], 'float32', (i) => {
      // 2^30 additions if nothing were shared.
      let value = pool.load(x, i, 4)
      for (let k = 0; k < 30; k++)
        value = pool.binary('mul', pool.binary('add', value, value), pool.const('float32', 0.5, 4))
      return value
    })
    expectSame(kernel, [fill('float32', 64), new Float32Array(64)])
  })

  it('an in-place update reads before it writes', () => {
    const pool = new ExprPool()
    const x = pool.buffer('x', 'int32', 9)
    const axis = pool.axis('i', 8)
    const i = pool.index(axis)
    const next = pool.load(x, pool.indexAdd(i, 1))
    const kernel: Kernel = {
      name: 'shift',
      buffers: [x],
      sizes: [],
      body: [
        loop(pool, axis, [
          { kind: 'store', buffer: x, index: i, value: pool.binary('add', next, next) },
          {
            kind: 'store',
            buffer: x,
            index: pool.indexAdd(i, 1),
            value: pool.binary('sub', pool.load(x, i), next),
          },
        ]),
      ],
    }
    expectSame(kernel, [Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)])
  })

  it('sizes with division and remainder', () => {
    const pool = new ExprPool()
    const out = pool.buffer('out', 'int32', 3)
    const n = pool.size(sizeName('n0'))
    if (n.kind !== 'size') throw new Error('not a size')
    const store = (at: number, value: Expr): Statement => ({
      kind: 'store',
      buffer: out,
      index: pool.const('int32', at),
      value,
    })
    const half = pool.indexDivide(pool.indexAdd(n, -5), 2)
    const kernel: Kernel = {
      name: 'sizes',
      buffers: [out],
      sizes: ['n0'],
      body: [
        store(0, half),
        store(1, pool.indexMod(pool.indexAdd(n, -5), 3)),
        store(2, pool.indexAdd(pool.indexScale(n, 3), 2)),
      ],
    }
    for (const value of [0, 1, 4, 5, 6, 100])
      expectSame(kernel, [new Int32Array(3)], new Map([['n0', value]]))
  })
})

it('every dtype has the size the tests assume', () => {
  expect(dtypes.map(byteSize)).toEqual([4, 8, 4, 1, 1])
})
