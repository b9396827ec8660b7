/* oxlint-disable vitest/expect-expect -- expectSame asserts */
// The float32 functions built from loop arithmetic, against Math in float64: every 4093rd bit pattern and the
// special values, in units in the last place; and vector lanes against scalars, bit for bit.
import { describe, expect, it } from 'vitest'
import { type ExprPool, type Lanes, ExprPool as Pool, type UnaryOp } from '../../../codegen/expr.ts'
import type { Kernel } from '../../../codegen/kernel.ts'
import { expandMath, mathExpansions } from '../../../codegen/passes/expand-math.ts'
import { hostMath } from '../../../codegen/wasm/host-math.ts'
import { expectSame, runWasm, variants } from '../wasm/harness.ts'

function kernelOf(pool: ExprPool, op: UnaryOp, count: number, lanes: Lanes): Kernel {
  const axis = pool.axis('i', count)
  const x = pool.buffer('x', 'float32', count)
  const out = pool.buffer('out', 'float32', count)
  const i = pool.index(axis)
  const value = pool.unary(op, pool.load(x, i, lanes))
  return expandMath(pool, {
    name: op,
    buffers: [x, out],
    sizes: [],
    body: [
      {
        kind: 'loop',
        axis,
        from: pool.const('int32', 0),
        to: pool.const('int32', count),
        step: lanes,
        body: [{ kind: 'store', buffer: out, index: i, value }],
      },
    ],
  })
}

const specials = [
  0,
  -0,
  Infinity,
  -Infinity,
  Number.NaN,
  1,
  -1,
  0.5,
  -0.5,
  0.9999999,
  -0.9999999,
  1.0000001,
  0.625,
  0.62499994,
  1e-45,
  -1e-45,
  1.1754944e-38,
  -1.1754944e-38,
  1.1754942e-38,
  1e-40,
  3.4028235e38,
  -3.4028235e38,
  88.72,
  88.722839,
  88.72284,
  89,
  89.41598,
  89.41599,
  -87.33,
  -87.34,
  -100,
  -103.9,
  -103.97,
  -104,
  -105,
  17,
  -17,
  -17.33,
  4,
  -4,
  9.01,
  -9.02,
  1e-8,
  -1e-8,
  3e-4,
]

/** Every 4093rd bit pattern, then the specials; a multiple of 4. */
function inputs(): Float32Array {
  const stepped = Math.floor(2 ** 32 / 4093)
  const count = Math.ceil((stepped + specials.length) / 4) * 4
  const values = new Float32Array(count)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < stepped; i++) bits[i] = i * 4093
  specials.forEach((value, i) => (values[stepped + i] = value))
  return values
}

/** How many units in the last place of the exact float32 result `got` is away from the exact value. */
function ulps(got: number, exact: number): number {
  const rounded = Math.fround(exact)
  if (Number.isNaN(exact)) return Number.isNaN(got) ? 0 : Infinity
  if (Object.is(got, rounded)) return 0
  // A zero of the wrong sign is wrong.
  if (rounded === 0 && got === 0) return Infinity
  // Infinity counts as the next number after the largest.
  const finite = (x: number): number => (Math.abs(x) === Infinity ? Math.sign(x) * 2 ** 128 : x)
  const exponent = Math.min(Math.max(Math.floor(Math.log2(Math.abs(exact))), -126), 127)
  return (
    Math.abs(finite(got) - (Math.abs(exact) > 2 ** 128 ? Math.sign(exact) * 2 ** 128 : exact)) /
    2 ** (exponent - 23)
  )
}

const allowed: Readonly<Partial<Record<UnaryOp, number>>> = {
  exp: 1,
  expm1: 2,
  log: 1,
  log1p: 1,
  tanh: 2,
  logistic: 2.5,
  sinh: 5,
  cosh: 5,
  erf: 8,
  sin: 8,
  cos: 8,
  tan: 16,
  atan: 4,
  asin: 4,
  acos: 4,
  asinh: 4,
  acosh: 4,
  atanh: 4,
}

const ops = Object.keys(mathExpansions) as UnaryOp[]

describe('accuracy in ulp', () => {
  const x = inputs()
  for (const op of ops) {
    it(`${op}`, () => {
      const exact = hostMath[op]
      for (const relaxed of variants) {
        const [, out] = runWasm(
          kernelOf(new Pool(), op, x.length, 4),
          [x, new Float32Array(x.length)],
          new Map(),
          relaxed,
        )
        let worst = 0
        let where = Number.NaN
        x.forEach((value, i) => {
          // Near their zeros the periodic functions are as good as the reduction: an absolute error.
          const periodic = op === 'sin' || op === 'cos' || op === 'tan'
          if (periodic && Math.abs((out?.[i] ?? 0) - (exact?.(value, 0) ?? 0)) <= 3e-7) return
          const error = ulps(out?.[i] ?? 0, exact?.(value, 0) ?? 0)
          if (!(error <= worst)) {
            worst = error
            where = value
          }
        })
        expect(worst, `${op}(${where})`).toBeLessThanOrEqual(allowed[op] ?? 0)
      }
    })
  }
})

it('scalars, vectors and the interpreter agree in every bit', () => {
  const few = Float32Array.from([
    ...specials,
    ...Array.from({ length: 107 }, (_, i) => Math.sin(i) * 1.3 ** (i % 20)),
  ])
  const count = few.length - (few.length % 4)
  const x = few.slice(0, count)
  for (const op of ops)
    for (const lanes of [1, 4] as const)
      expectSame(kernelOf(new Pool(), op, count, lanes), [x, new Float32Array(count)])
})

it('the left tail of the sigmoid keeps its denormals, the right one reaches 1', () => {
  const x = Float32Array.of(-100, -103, 100, 0)
  const [, out] = runWasm(kernelOf(new Pool(), 'logistic', 4, 4), [x, new Float32Array(4)], new Map())
  expect(out?.[0]).toBe(Math.fround(Math.exp(-100)))
  expect(out?.[0]).toBeGreaterThan(3e-44)
  expect(out?.[2]).toBe(1)
  expect(out?.[3]).toBe(0.5)
})

it('float64 functions stay calls of the host', () => {
  const pool = new Pool()
  const x = pool.buffer('x', 'float64', 2)
  const value = pool.unary('exp', pool.load(x, pool.const('int32', 0), 2))
  const kernel: Kernel = {
    name: 'k',
    buffers: [x],
    sizes: [],
    body: [{ kind: 'store', buffer: x, index: pool.const('int32', 0), value }],
  }
  expect(expandMath(pool, kernel)).toEqual(kernel)
  expectSame(kernel, [Float64Array.of(1, -2)])
})

// Values to 17 digits: Abramowitz and Stegun, table 7.1, and a computation in 40 digits.
it('erf in float64', () => {
  const table = [
    [0, 0],
    [0.1, 0.11246291601828488],
    [0.45, 0.4754817197869237],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3.5, 0.9999992569016276],
    [4.5, 0.9999999998033839],
    [-1, -0.8427007929497149],
    [7, 1],
    [-Infinity, -1],
  ] as const
  for (const [x, value] of table) expect(hostMath['erf']?.(x, 0)).toBeCloseTo(value, 15)
  expect(hostMath['erf']?.(Number.NaN, 0)).toBeNaN()
})
