import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DType, type TypedArray, allocate } from '../../codegen/dtype.ts'
import {
  type BinaryOp,
  type Expr,
  ExprPool,
  type Lanes,
  type ReduceOp,
  type UnaryOp,
} from '../../codegen/expr.ts'
import { interpretKernel } from '../../codegen/interpret.ts'
import { erf } from '../../codegen/interpret/functions.ts'
import { makeKernel } from '../../codegen/schedule/contents.ts'
import { parseKernel } from '../../codegen/text/parse.ts'

const pool = new ExprPool()
const zero = pool.const('int32', 0)

/** The value of an expression without loops, as stored. */
function evaluate(
  value: Expr,
  memory: ReadonlyMap<Parameters<ExprPool['load']>[0], TypedArray> = new Map(),
  relaxed = false,
): number[] {
  const out = pool.buffer('out', value.dtype, value.lanes)
  const array = allocate(value.dtype, value.lanes)
  interpretKernel(
    makeKernel('k', [{ kind: 'store', buffer: out, index: zero, value }]),
    new Map([...memory, [out, array]]),
    new Map(),
    { relaxed },
  )
  return [...array]
}

const unary = (op: UnaryOp, dtype: DType, x: number): number | undefined =>
  evaluate(pool.unary(op, pool.const(dtype, x)))[0]
const binary = (op: BinaryOp, dtype: DType, x: number, y: number): number | undefined =>
  evaluate(pool.binary(op, pool.const(dtype, x), pool.const(dtype, y)))[0]
const convert = (from: DType, to: DType, x: number): number | undefined =>
  evaluate(pool.convert(pool.const(from, x), to))[0]

describe('arithmetic', () => {
  test('float32 rounds after every operation', () => {
    expect(binary('add', 'float32', 16777216, 1)).toBe(16777216)
    expect(binary('mul', 'float32', 0.1, 0.1)).toBe(Math.fround(Math.fround(0.1) * Math.fround(0.1)))
    expect(binary('div', 'float32', 1, 3)).toBe(Math.fround(1 / 3))
    expect(unary('sqrt', 'float32', 2)).toBe(Math.fround(Math.SQRT2))
    expect(binary('mul', 'float32', 1e-30, 1e-15)).toBe(Math.fround(Math.fround(1e-30) * Math.fround(1e-15)))
    expect(binary('rem', 'float32', -7.5, 2)).toBe(-1.5)
    expect(binary('add', 'float64', 0.1, 0.2)).toBe(0.1 + 0.2)
  })
  test('int32 wraps', () => {
    expect(binary('add', 'int32', 2 ** 31 - 1, 1)).toBe(-(2 ** 31))
    expect(binary('mul', 'int32', 123456789, 987654321)).toBe(-67153019)
    expect(unary('neg', 'int32', -(2 ** 31))).toBe(-(2 ** 31))
    expect(unary('abs', 'int32', -(2 ** 31))).toBe(-(2 ** 31))
    expect(binary('idiv', 'int32', -7, 2)).toBe(-3)
    expect(binary('idiv', 'int32', -(2 ** 31), -1)).toBe(-(2 ** 31))
    expect(binary('rem', 'int32', -7, 2)).toBe(-1)
    expect(binary('shl', 'int32', 1, 33)).toBe(2)
    expect(binary('shr', 'int32', -8, 1)).toBe(-4)
    expect(binary('shru', 'int32', -8, 1)).toBe(2147483644)
    expect(binary('mulhu', 'int32', -1, -1)).toBe(-2)
    expect(binary('mulhu', 'int32', 0x10000, 0x10000)).toBe(1)
    expect(binary('pow', 'int32', 3, 21)).toBe(Number(BigInt.asIntN(32, 3n ** 21n)))
    expect(unary('not', 'int32', 5)).toBe(-6)
  })
  test('uint8 wraps', () => {
    expect(binary('add', 'uint8', 200, 100)).toBe(44)
    expect(binary('sub', 'uint8', 1, 2)).toBe(255)
    expect(binary('mul', 'uint8', 16, 17)).toBe(16)
    expect(unary('neg', 'uint8', 1)).toBe(255)
    expect(unary('not', 'uint8', 1)).toBe(254)
    expect(binary('shl', 'uint8', 255, 1)).toBe(254)
  })
  test('an integer division by 0 is caught', () => {
    expect(() => binary('idiv', 'int32', 1, 0)).toThrow(/division by 0/)
  })
  test('rounding is half to even and keeps the sign of zero', () => {
    const cases = [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-0.5, -0],
      [-1.5, -2],
      [-2.5, -2],
      [2.6, 3],
      [-0.2, -0],
      [8388609, 8388609],
      [NaN, NaN],
      [-Infinity, -Infinity],
    ] as const
    for (const dtype of ['float32', 'float64'] as const)
      for (const [x, expected] of cases) expect(unary('round', dtype, x)).toBe(expected)
  })
  test('max and min propagate NaN and keep the zero in x; pmax and pmin keep x', () => {
    expect(binary('max', 'float32', NaN, 1)).toBeNaN()
    expect(binary('min', 'float32', 1, NaN)).toBeNaN()
    expect(binary('max', 'float32', 1, NaN)).toBeNaN()
    expect(binary('min', 'float32', NaN, 1)).toBeNaN()
    expect(binary('max', 'float32', -0, 0)).toBe(-0)
    expect(binary('max', 'float32', 0, -0)).toBe(0)
    expect(binary('min', 'float32', 0, -0)).toBe(0)
    expect(binary('min', 'float32', -0, 0)).toBe(-0)
    expect(binary('pmax', 'float32', NaN, 1)).toBeNaN()
    expect(binary('pmax', 'float32', 1, NaN)).toBe(1)
    expect(binary('pmin', 'float32', 1, NaN)).toBe(1)
    expect(binary('pmax', 'float32', -0, 0)).toBe(-0)
    expect(binary('pmin', 'float32', 0, -0)).toBe(0)
  })
  test('comparisons with NaN are false but for ne', () => {
    const nan = pool.const('float32', NaN)
    const results = (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map(
      (op) => evaluate(pool.compare(op, nan, nan))[0],
    )
    expect(results).toEqual([0, 1, 0, 0, 0, 0])
  })
  test('conversions saturate, truncate and wrap', () => {
    expect([3.9, -3.9, NaN, 1e20, -1e20, -0.5].map((x) => convert('float32', 'int32', x))).toEqual([
      3,
      -3,
      0,
      2 ** 31 - 1,
      -(2 ** 31),
      0,
    ])
    expect([3.9, -3.9, NaN, 300].map((x) => convert('float64', 'uint8', x))).toEqual([3, 0, 0, 255])
    expect([257, -1].map((x) => convert('int32', 'uint8', x))).toEqual([1, 255])
    expect([0, -0, NaN, 0.5].map((x) => convert('float32', 'bool', x))).toEqual([0, 0, 1, 1])
    expect(convert('int32', 'float32', 16777217)).toBe(16777216)
    expect(convert('float64', 'float32', 0.1)).toBe(Math.fround(0.1))
  })
  test('bitcast keeps the bits', () => {
    expect(evaluate(pool.bitcast(pool.const('float32', 1), 'int32'))).toEqual([0x3f800000])
    expect(evaluate(pool.bitcast(pool.const('int32', -(2 ** 31)), 'float32'))).toEqual([-0])
  })
  test('functions that Math has, and erf', () => {
    expect(unary('exp', 'float32', 1)).toBe(Math.fround(Math.E))
    expect(unary('logistic', 'float64', 0)).toBe(0.5)
    // Abramowitz and Stegun, table 7.1.
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15)
    expect(erf(1)).toBeCloseTo(0.8427007929497149, 15)
    expect(erf(2)).toBeCloseTo(0.9953222650189527, 15)
    expect(erf(-3.5)).toBeCloseTo(-0.9999992569016276, 15)
    expect(erf(2.9999999)).toBeCloseTo(erf(3), 10)
    expect([erf(-0), erf(Infinity), erf(7)]).toEqual([-0, 1, 1])
  })
})

describe('madd', () => {
  /** x·y + z exactly, as an integer times 2^−exponent, rounded once to float32 by comparing with its neighbours. */
  function exactMadd(x: number, y: number, z: number): number {
    const scale = 400
    const exact = (value: number): bigint => {
      // Every float32 is a multiple of 2^−149.
      return BigInt(value * 2 ** 149 < 2 ** 1023 ? value * 2 ** 149 : 0)
    }
    const total = exact(x) * exact(y) * 2n ** BigInt(scale - 298) + exact(z) * 2n ** BigInt(scale - 149)
    const guess = Math.fround(x * y + z)
    const words = new DataView(new ArrayBuffer(4))
    words.setFloat32(0, guess)
    const bits = words.getInt32(0)
    let best = guess
    let distance: bigint | undefined
    for (const candidate of [bits - 1, bits, bits + 1]) {
      words.setInt32(0, candidate)
      const value = words.getFloat32(0)
      if (!Number.isFinite(value)) continue
      const difference = total - exact(value) * 2n ** BigInt(scale - 149)
      const magnitude = difference < 0n ? -difference : difference
      const better =
        distance === undefined || magnitude < distance || (magnitude === distance && (candidate & 1) === 0)
      if (better) {
        best = value
        distance = magnitude
      }
    }
    return best
  }
  const compute = (x: number, y: number, z: number, relaxed: boolean): number | undefined =>
    evaluate(
      pool.madd(pool.const('float32', x), pool.const('float32', y), pool.const('float32', z)),
      new Map(),
      relaxed,
    )[0]

  test('rounds twice without relaxed operations', () => {
    const [x, y, z] = [0.1, 0.3, -0.03].map(Math.fround) as [number, number, number]
    expect(compute(x, y, z, false)).toBe(Math.fround(Math.fround(x * y) + z))
  })
  test('rounds once with them, also where rounding through float64 goes wrong', () => {
    // The product 1 + 2^−11 + 2^−24 is a tie in float32, and float64 drops the small part that breaks it.
    const x = Math.fround(1 + 2 ** -12)
    expect(compute(x, x, 2 ** -60, true)).toBe(exactMadd(x, x, 2 ** -60))
    expect(compute(x, x, -(2 ** -60), true)).toBe(exactMadd(x, x, -(2 ** -60)))
    expect(compute(x, x, 2 ** -60, true)).not.toBe(Math.fround(x * x + 2 ** -60))
    expect(compute(Infinity, 1, 1, true)).toBe(Infinity)
    expect(compute(Infinity, 0, 1, true)).toBeNaN()
    expect(compute(1, -0, -0, true)).toBe(-0)
  })
  test('rounds once for any operands', () => {
    const moderate = fc
      .tuple(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), fc.integer({ min: -60, max: 20 }))
      .map(([m, e]) => Math.fround(m * 2 ** e))
    fc.assert(
      fc.property(moderate, moderate, moderate, (x, y, z) => {
        // -0 and +0 are one exact value.
        expect((compute(x, y, z, true) ?? NaN) + 0).toBe(exactMadd(x, y, z) + 0)
      }),
      { numRuns: 500 },
    )
  })
})

describe('vectors', () => {
  const vector = (
    dtype: DType,
    ...values: readonly number[]
  ): { readonly value: Expr; readonly memory: Parameters<typeof evaluate>[1] } => {
    const buffer = pool.buffer('v', dtype, values.length)
    const array = allocate(dtype, values.length)
    array.set(values)
    const lanes: Lanes = values.length === 2 ? 2 : 4
    return { value: pool.load(buffer, zero, lanes), memory: new Map([[buffer, array]]) }
  }
  test('horizontal operations combine lanes 0 and 2, 1 and 3, then the two', () => {
    const big = 2 ** 24
    const { value, memory } = vector('float32', big, 1, -big, 1)
    expect(evaluate(pool.horizontal('sum', value), memory)).toEqual([2])
    const pairs = vector('float32', big, -big, 1, 1)
    // (2^24 + 1) rounds to 2^24, (−2^24 + 1) does not round.
    expect(evaluate(pool.horizontal('sum', pairs.value), pairs.memory)).toEqual([1])
    const doubles = vector('float64', 2, 3)
    expect(evaluate(pool.horizontal('prod', doubles.value), doubles.memory)).toEqual([6])
    const bools = vector('bool', 1, 1, 0, 1)
    expect(
      (['and', 'or', 'max', 'min'] satisfies ReduceOp[]).map(
        (op) => evaluate(pool.horizontal(op, bools.value), bools.memory)[0],
      ),
    ).toEqual([0, 1, 1, 0])
  })
  test('ramps, gathers, splats and selects work per lane', () => {
    const { value, memory } = vector('float32', 1, 2, 3, 4)
    if (value.kind !== 'load') throw new Error()
    const reversed = pool.load(value.buffer, pool.ramp(pool.const('int32', 3), pool.const('int32', -1), 4))
    expect(evaluate(reversed, memory)).toEqual([4, 3, 2, 1])
    const condition = pool.compare('lt', value, pool.const('float32', 3, 4))
    expect(
      evaluate(pool.select(condition, value, pool.splat(pool.load(value.buffer, zero), 4)), memory),
    ).toEqual([1, 2, 1, 1])
    expect(evaluate(pool.convert(value, 'int32'), memory)).toEqual([1, 2, 3, 4])
  })
})

describe('statements', () => {
  test('a vector loop leaves its axis where the remainder begins', () => {
    const { kernel } = parseKernel(`
      kernel @double(%x: f32[n], %out: f32[n]) sizes (n) {
        for i in 0..n step 4 {
          with w0 = load4 x[i]
          store4 out[i] = add(w0, w0)
        }
        for i in i..n {
          if ne(i, 5) {
            store out[i] = neg(load x[i])
          }
        }
      }`)
    for (const n of [0, 3, 4, 7, 8]) {
      const x = Float32Array.from({ length: n }, (_, at) => at + 1)
      const out = new Float32Array(n)
      interpretKernel(kernel, [x, out], new Map([['n', n]]))
      expect([...out]).toEqual(
        [...x].map((value, at) => (at < n - (n % 4) ? 2 * value : at === 5 ? 0 : -value)),
      )
    }
  })
  test('index arithmetic wraps like int32', () => {
    const { kernel } = parseKernel(
      'kernel @k(%out: i32[3]) sizes (n) {\n for i in 0..3 {\n store out[i] = n*i - 5\n }\n}',
    )
    const out = new Int32Array(3)
    interpretKernel(kernel, [out], new Map([['n', 2 ** 30]]))
    expect([...out]).toEqual([-5, 2 ** 30 - 5, (2 ** 31 - 5) | 0])
  })
  test('an index outside its buffer throws', () => {
    const out = new Float32Array(4)
    const run = (statement: string): void =>
      interpretKernel(parseKernel(`kernel @k(%out: f32[4]) {\n ${statement}\n}`).kernel, [out])
    expect(() => run('store out[4] = 1.0')).toThrow(/store of %out: element 4 of 4/)
    expect(() => run('store4 out[1] = splat4(1.0)')).toThrow(/element 1…4 of 4/)
    expect(() => run('store out[0] = load out[-1]')).toThrow(/load of %out: element -1 of 4/)
    expect(() => run('store4 out[0] = load4 out[1]')).toThrow(/load of %out/)
  })
  test('but not under a select that takes the other arm', () => {
    const { kernel } = parseKernel(`kernel @k(%x: f32[2], %out: f32[4]) {
      for i in 0..4 {
        store out[i] = select(ge(i, 2), load x[i - 2], 9.0)
      }
    }`)
    const out = new Float32Array(4)
    interpretKernel(kernel, [Float32Array.of(1, 2), out])
    expect([...out]).toEqual([9, 9, 1, 2])
  })
  test('what was not supplied is named', () => {
    const { kernel } = parseKernel(
      'kernel @k(%out: f32[n]) sizes (n) {\n for i in 0..n {\n store out[i] = 1.0\n }\n}',
    )
    expect(() => interpretKernel(kernel, [new Float32Array(1)])).toThrow(/no value for the size n/)
    expect(() => interpretKernel(kernel, [], new Map([['n', 1]]))).toThrow(/no memory for %out/)
  })
})
