// Loops of unknown length and conditions, as wasm against the interpreter and against JavaScript: state in locals and
// in memory, loops in loops, and lengths around those at which a loop goes on in another piece.
import { describe, expect, test } from 'vitest'
import type { TypedArray } from '../../../codegen/dtype.ts'
import { interpretKernel } from '../../../codegen/interpret.ts'
import { kernelPasses, optimizeKernel } from '../../../codegen/passes/pipeline.ts'
import { parseKernel } from '../../../codegen/text/parse.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { verifyKernel } from '../../../codegen/verify.ts'
import { expectSame, KernelFailure, runWasm } from './harness.ts'

/** Runs a kernel, as it is and after the passes: wasm and the interpreter must leave the same bits. */
function run(text: string, ...data: readonly TypedArray[]): TypedArray[] {
  const { pool, kernel } = parseKernel(text)
  expect(printKernel(kernel)).toBe(text)
  verifyKernel(kernel)
  const expected = expectSame(kernel, data)
  const optimized = optimizeKernel(pool, kernel, verifyKernel)
  expect(printKernel(parseKernel(printKernel(optimized)).kernel)).toBe(printKernel(optimized))
  // Sums may be added up in another order.
  expectSame(optimized, data).forEach((actual, at) =>
    actual.forEach((value, i) => expect(value).toBeCloseTo(expected[at]?.[i] ?? NaN, 5)),
  )
  return expected
}

const float32 = (...values: number[]): Float32Array => Float32Array.from(values)
const int32 = (...values: number[]): Int32Array => Int32Array.from(values)

const countTo = `kernel @count(%n: i32[1], %x: f32[1], %i: i32[1]) {
  let t0: i32 = load n[0]
  var s0: i32 = 0
  var s1: f32 = load x[0]
  while lt(s0, t0) {
    s0 = add(s0, 1)
    s1 = add(mul(s1, 0.999), 1.0)
  }
  store x[0] = s1
  store i[0] = s0
}
`

describe('one loop', () => {
  test.each([0, 1, 2, 8191, 8192, 8193, 16384, 16385, 40000])('of %i iterations', (n) => {
    let x = 5
    for (let i = 0; i < n; i++) x = Math.fround(Math.fround(x * Math.fround(0.999)) + 1)
    expect(run(countTo, int32(n), float32(5), int32(0))).toEqual([int32(n), float32(x), int32(n)])
  })

  test('that needs statements before its condition', () => {
    const text = `kernel @root(%x: f64[1], %steps: i32[1]) {
  let t0: f64 = load x[0]
  var s0: f64 = 1.0d
  var s1: i32 = 0
  repeat {
    let t1: f64 = sub(mul(s0, s0), t0)
    while gt(abs(t1), 1e-9d) {
      s0 = sub(s0, div(t1, mul(2.0d, s0)))
      s1 = add(s1, 1)
    }
  }
  store x[0] = s0
  store steps[0] = s1
}
`
    const [root, steps] = run(text, Float64Array.of(2), int32(0))
    expect(root?.[0]).toBeCloseTo(Math.SQRT2, 11)
    expect(steps?.[0]).toBe(4)
  })

  test('whose state is in memory alone, with loops over vectors inside', () => {
    const text = `kernel @power(%a: f32[36], %x: f32[6], %y: f32[6], %n: i32[1]) {
  while gt(load n[0], 0) {
    for i in 0..6 {
      var s0: f32 = 0.0
      for j in 0..6 {
        s0 = add(s0, mul(load a[6*i + j], load x[j]))
      }
      store y[i] = s0
    }
    for k in 0..6 {
      store x[k] = mul(load y[k], 0.5)
    }
    store n[0] = sub(load n[0], 1)
  }
}
`
    const a = Float32Array.from({ length: 36 }, (_, i) => Math.fround(Math.sin(i)))
    const iterations = 20
    const [, x, , n] = run(text, a, float32(1, 2, 3, 4, 5, 6), new Float32Array(6), int32(iterations))
    const expected = [1, 2, 3, 4, 5, 6]
    for (let t = 0; t < iterations; t++) {
      const product = expected.map((_, i) => expected.reduce((s, v, j) => s + (a[6 * i + j] ?? 0) * v, 0))
      product.forEach((value, i) => (expected[i] = 0.5 * value))
    }
    const scale = Math.max(...expected.map(Math.abs))
    x?.forEach((value, i) => expect(value / scale).toBeCloseTo((expected[i] ?? 0) / scale, 2))
    expect(n?.[0]).toBe(0)
  })

  test('over truth values, bytes and doubles', () => {
    const text = `kernel @mixed(%go: bool[1], %b: u8[1], %d: f64[1]) {
  var s0: bool = load go[0]
  var s1: u8 = load b[0]
  var s2: f64 = load d[0]
  while s0 {
    s1 = add(s1, convert.u8(7))
    s2 = add(s2, 0.1d)
    s0 = xor(lt(s2, 900.0d), eq(s1, convert.u8(3)))
  }
  store go[0] = s0
  store b[0] = s1
  store d[0] = s2
}
`
    let [go, b, d] = [true, 1, 0.5]
    while (go) {
      b = (b + 7) & 255
      d += 0.1
      go = d < 900 !== (b === 3)
    }
    expect(run(text, Uint8Array.of(1), Uint8Array.of(1), Float64Array.of(0.5))).toEqual([
      Uint8Array.of(0),
      Uint8Array.of(b),
      Float64Array.of(d),
    ])
  })

  test('with an else inside, that swaps what it carries', () => {
    const text = `kernel @collatz(%n: i32[1], %steps: i32[1]) {
  var s0: i32 = load n[0]
  var s1: i32 = 0
  while gt(s0, 1) {
    var s2: i32 = 0
    if eq(rem(s0, 2), 0) {
      s2 = idiv(s0, 2)
    } else {
      s2 = add(mul(s0, 3), 1)
    }
    s0 = s2
    s1 = add(s1, 1)
  }
  store n[0] = s0
  store steps[0] = s1
}
`
    expect(run(text, int32(27), int32(0))).toEqual([int32(1), int32(111)])
    expect(run(text, int32(77031), int32(0))).toEqual([int32(1), int32(350)])
  })
})

describe('loops in loops', () => {
  const nested = `kernel @nested(%n: i32[3], %sum: i32[1]) {
  let t0: i32 = load n[0]
  let t1: i32 = load n[1]
  let t2: i32 = load n[2]
  var s0: i32 = 0
  var s1: i32 = 0
  while lt(s1, t0) {
    var s2: i32 = 0
    while lt(s2, t1) {
      var s3: i32 = 0
      while lt(s3, t2) {
        s0 = add(mul(s0, 31), xor(s1, add(mul(s2, 7), s3)))
        s3 = add(s3, 1)
      }
      s2 = add(s2, 1)
    }
    s1 = add(s1, 1)
  }
  store sum[0] = s0
}
`
  test.each([
    [3, 4, 5],
    [2, 20000, 1],
    [1, 3, 20000],
    [20000, 1, 1],
    [2, 8192, 2],
    [0, 5, 5],
    [2, 0, 9],
  ])('%i times %i times %i', (a, b, c) => {
    let sum = 0
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++)
        for (let k = 0; k < c; k++) sum = (Math.imul(sum, 31) + (i ^ (Math.imul(j, 7) + k))) | 0
    expect(run(nested, int32(a, b, c), int32(0))[1]).toEqual(int32(sum))
  })

  test('deeper than pieces go', () => {
    const depth = 5
    const lines = ['kernel @deep(%sum: i32[1]) {', '  var s0: i32 = 0']
    for (let level = 1; level <= depth; level++) {
      const indent = '  '.repeat(level)
      lines.push(`${indent}var s${level}: i32 = 0`, `${indent}while lt(s${level}, 3) {`)
    }
    lines.push(`${'  '.repeat(depth + 1)}s0 = add(s0, add(s1, s${depth}))`)
    for (let level = depth; level >= 1; level--) {
      const indent = '  '.repeat(level)
      lines.push(`${indent}  s${level} = add(s${level}, 1)`, `${indent}}`)
    }
    lines.push('  store sum[0] = s0', '}', '')
    expect(run(lines.join('\n'), int32(0))[0]).toEqual(int32(2 * 3 ** depth))
  })

  test('in a loop over an axis that runs in pieces itself', () => {
    const text = `kernel @halvings(%x: f32[20000], %out: i32[20000]) {
  for i in 0..20000 {
    var s0: f32 = load x[i]
    var s1: i32 = 0
    while gt(s0, 1.0) {
      s0 = mul(s0, 0.5)
      s1 = add(s1, 1)
    }
    store out[i] = s1
  }
}
`
    const x = Float32Array.from({ length: 20000 }, (_, i) => i)
    const [, out] = run(text, x, new Int32Array(20000))
    expect(out).toEqual(Int32Array.from(x, (value) => (value <= 1 ? 0 : Math.ceil(Math.log2(value)))))
  })

  test('what a loop only reads is handed to its pieces', () => {
    const text = `kernel @captured(%x: f32[2], %out: f32[1]) {
  let t0: f32 = load x[0]
  var s0: f32 = load x[1]
  var s1: f32 = 0.0
  var s2: i32 = 0
  while lt(s2, 20000) {
    s1 = add(s1, mul(t0, s0))
    s2 = add(s2, 1)
  }
  store out[0] = s1
}
`
    expect(run(text, float32(0.25, 2), float32(0))[1]).toEqual(float32(10000))
  })
})

describe('a failure', () => {
  const text = `kernel @checked(%n: i32[1], %at: i32[1]) {
  let t0: i32 = load n[0]
  var s0: i32 = 0
  while lt(s0, 30000) {
    let t1: bool = eq(s0, t0)
    if t1 {
      store at[0] = s0
      fail 3, add(s0, 1)
    }
    s0 = add(s0, 1)
  }
  store at[0] = -1
}
`
  test('ends the kernel wherever it is met, and leaves what has been stored', () => {
    const { kernel } = parseKernel(text)
    expect(printKernel(kernel)).toBe(text)
    for (const n of [0, 5, 20000]) {
      expect(() => runWasm(kernel, [int32(n), int32(0)], new Map())).toThrow(new KernelFailure(3, n + 1))
      const data = [int32(n), int32(0)]
      const fail = (id: number, value: number): never => {
        throw new KernelFailure(id, value)
      }
      expect(() => interpretKernel(kernel, data, new Map(), { relaxed: false, fail })).toThrow(
        new KernelFailure(3, n + 1),
      )
      expect(data[1]?.[0]).toBe(n)
      expect(() => interpretKernel(kernel, data)).toThrow(/failure \d+ of check 3/)
    }
    expect(run(text, int32(-5), int32(0))[1]).toEqual(int32(-1))
  })
})

test('every pass keeps loops as they are understood', () => {
  for (const [name, pass] of kernelPasses) {
    const { pool, kernel } = parseKernel(countTo)
    const passed = pass(pool, kernel)
    expect(() => verifyKernel(passed), name).not.toThrow()
    expectSame(passed, [int32(100), float32(1), int32(0)])
  }
})

test('text that is no loop is refused', () => {
  expect(() => parseKernel('kernel @k() {\n  repeat {\n  }\n}\n')).toThrow(/a while at the end of a repeat/)
})
