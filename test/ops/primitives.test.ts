// Values of the primitive ops against formulas written with Math.*, on samples with the special values of each dtype,
// with known and with hidden sizes.
import { beforeAll, describe, expect, test } from 'vitest'
import type { DType } from '../../codegen/dtype.ts'
import * as ops from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { withTrace } from '../../tracer/trace/bind.ts'
import { naiveTrace, numbers, useTrace } from '../support/naive.ts'
import { erf } from '../support/naive-scalar.ts'

beforeAll(() => useTrace())

const symbolic = naiveTrace(true)

/** Runs on the trace of the file and again with hidden sizes; both must give `expected`. */
function expectValues(
  run: () => Tensor,
  shape: readonly number[],
  expected: readonly number[],
  digits?: number,
): void {
  for (const result of [run(), withTrace(symbolic, run)]) {
    expect(result.shape).toEqual(shape)
    const got = [...result.data()]
    // Where a tolerance is given, what is within it counts as the expected value; special values must be the same.
    const settled = expected.map((value, i) => {
      const near = Math.abs((got[i] ?? NaN) - value) <= (digits ?? 0) * Math.max(1, Math.abs(value))
      return digits !== undefined && Number.isFinite(value) && near ? got[i] : value
    })
    expect(got).toEqual(settled)
  }
}

const floats = [0, -0, 0.5, -0.5, 1, -1, 1.5, 2.5, -2.5, 3.7, -3.7, 100, Infinity, -Infinity, NaN]
const inside = [0, -0, 0.5, -0.5, 0.99, -0.99, 1, -1, 2, NaN]

describe('unary', () => {
  const sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : x)
  const rows: readonly [string, (x: Tensor) => Tensor, (x: number) => number, readonly number[]][] = [
    ['neg', ops.neg, (x) => -x, floats],
    ['abs', ops.abs, Math.abs, floats],
    ['sign', ops.sign, sign, floats],
    ['floor', ops.floor, Math.floor, floats],
    ['ceil', ops.ceil, Math.ceil, floats],
    ['trunc', ops.trunc, Math.trunc, floats],
    ['sqrt', ops.sqrt, Math.sqrt, floats],
    ['exp', ops.exp, Math.exp, floats],
    ['expm1', ops.expm1, Math.expm1, floats],
    ['log', ops.log, Math.log, floats],
    ['log1p', ops.log1p, Math.log1p, floats],
    ['sin', ops.sin, Math.sin, floats],
    ['cos', ops.cos, Math.cos, floats],
    ['tan', ops.tan, Math.tan, floats],
    ['asin', ops.asin, Math.asin, inside],
    ['acos', ops.acos, Math.acos, inside],
    ['atan', ops.atan, Math.atan, floats],
    ['sinh', ops.sinh, Math.sinh, floats],
    ['cosh', ops.cosh, Math.cosh, floats],
    ['tanh', ops.tanh, Math.tanh, floats],
    ['asinh', ops.asinh, Math.asinh, floats],
    ['acosh', ops.acosh, Math.acosh, [1, 1.5, 2, 100, Infinity, 0, NaN]],
    ['atanh', ops.atanh, Math.atanh, inside],
    ['erf', ops.erf, erf, floats],
    ['sigmoid', ops.sigmoid, (x) => 1 / (1 + Math.exp(-x)), floats],
    ['square', ops.square, (x) => x * x, floats],
  ]
  test.each(rows)('%s', (_name, op, formula, samples) => {
    expectValues(
      () => op(numbers('float64', [samples.length], samples)),
      [samples.length],
      samples.map(formula),
      1e-12,
    )
    const rounded = samples.map(Math.fround)
    expectValues(
      () => op(numbers('float32', [samples.length], rounded)),
      [samples.length],
      rounded.map((x) => Math.fround(formula(x))),
      2e-6,
    )
  })
  test('erf has known values', () => {
    // Abramowitz and Stegun, table 7.1.
    expect(erf(0.5)).toBeCloseTo(0.5204998778, 10)
    expect(erf(1)).toBeCloseTo(0.8427007929, 10)
    expect(erf(2)).toBeCloseTo(0.995322265, 9)
    expect(erf(-3)).toBeCloseTo(-0.9999779095, 10)
  })
  test('round takes halves to the even integer', () => {
    expectValues(
      () => ops.round([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, 1e9, NaN]),
      [8],
      [0, 2, 2, -0, -2, 0, 1e9, NaN],
    )
  })
  test('integers wrap, and are rounded already', () => {
    const x = numbers('int32', [3], [-2147483648, -7, 7])
    expectValues(() => ops.neg(x), [3], [-2147483648, 7, -7])
    expectValues(() => ops.abs(x), [3], [-2147483648, 7, 7])
    expectValues(() => ops.sign(x), [3], [-1, -1, 1])
    expectValues(() => ops.floor(x), [3], [-2147483648, -7, 7])
    const small = numbers('uint8', [2], [0, 200])
    expectValues(() => ops.neg(small), [2], [0, 56])
    expectValues(() => ops.abs(small), [2], [0, 200])
    expectValues(() => ops.sign(small), [2], [0, 1])
    expectValues(() => ops.bitwiseNot(small), [2], [255, 55])
  })
  test('dtypes that do not fit are refused', () => {
    expect(() => ops.neg(true)).toThrow(/neg: bool operands are not supported[^]*cast/)
    expect(() => ops.exp(numbers('int32', [1], [1]))).toThrow(/exp: int32/)
    expect(() => ops.logicalNot(1)).toThrow(/logicalNot: float32/)
    expect(() => ops.bitwiseNot(1)).toThrow(/bitwiseNot: float32/)
  })
})

describe('binary', () => {
  const xs = [1, -7.5, 3, 0, 2, NaN, Infinity, -0, 1]
  const ys = [2, 2, -3.25, 0, 0.5, 1, -1, 0, NaN]
  const extreme = (pick: (x: number, y: number) => number) => (x: number, y: number) =>
    Number.isNaN(x + y) && x !== -y ? NaN : pick(x, y)
  const rows: readonly [string, (x: Tensor, y: Tensor) => Tensor, (x: number, y: number) => number][] = [
    ['add', ops.add, (x, y) => x + y],
    ['sub', ops.sub, (x, y) => x - y],
    ['mul', ops.mul, (x, y) => x * y],
    ['div', ops.div, (x, y) => x / y],
    ['truncatedMod', ops.truncatedMod, (x, y) => x % y],
    ['pow', ops.pow, (x, y) => (x === 1 ? 1 : x ** y)],
    ['atan2', ops.atan2, Math.atan2],
    ['maximum', ops.maximum, extreme(Math.max)],
    ['minimum', ops.minimum, extreme(Math.min)],
  ]
  test.each(rows)('%s', (_name, op, formula) => {
    expectValues(
      () => op(numbers('float64', [9], xs), numbers('float64', [9], ys)),
      [9],
      xs.map((x, i) => formula(x, ys[i] ?? 0)),
      1e-12,
    )
    expectValues(
      () => op(numbers('float32', [9], xs), numbers('float32', [9], ys)),
      [9],
      xs.map((x, i) => Math.fround(formula(x, ys[i] ?? 0))),
      2e-6,
    )
  })
  const integers = [5, -7, 7, -2147483648, 2147483647, 46341]
  const others = [3, 2, -2, -1, 2, 46341]
  const integerRows: readonly [string, (x: Tensor, y: Tensor) => Tensor, (x: number, y: number) => number][] =
    [
      ['add', ops.add, (x, y) => (x + y) | 0],
      ['sub', ops.sub, (x, y) => (x - y) | 0],
      ['mul', ops.mul, (x, y) => Math.imul(x, y)],
      ['truncatedDiv', ops.truncatedDiv, (x, y) => Math.trunc(x / y) | 0],
      ['truncatedMod', ops.truncatedMod, (x, y) => (x % y) | 0],
      ['maximum', ops.maximum, Math.max],
      ['minimum', ops.minimum, Math.min],
      ['bitwiseAnd', ops.bitwiseAnd, (x, y) => x & y],
      ['bitwiseOr', ops.bitwiseOr, (x, y) => x | y],
      ['bitwiseXor', ops.bitwiseXor, (x, y) => x ^ y],
      ['leftShift', ops.leftShift, (x, y) => x << y],
      ['rightShift', ops.rightShift, (x, y) => x >> y],
    ]
  test.each(integerRows)('%s on int32', (_name, op, formula) => {
    const shift = _name.endsWith('Shift')
    const ys = shift ? others.map((y) => y & 31) : others
    expectValues(
      () => op(numbers('int32', [6], integers), numbers('int32', [6], ys)),
      [6],
      integers.map((x, i) => formula(x, ys[i] ?? 1) + 0),
    )
  })
  test('uint8 wraps', () => {
    const [x, y] = [numbers('uint8', [2], [200, 7]), numbers('uint8', [2], [100, 9])]
    expectValues(() => ops.add(x, y), [2], [44, 16])
    expectValues(() => ops.sub(x, y), [2], [100, 254])
    expectValues(() => ops.mul(x, y), [2], [32, 63])
    expectValues(() => ops.truncatedDiv(x, y), [2], [2, 0])
    expectValues(() => ops.pow(x, numbers('uint8', [2], [2, 3])), [2], [64, 87])
  })
  test('int32 division is true division', () => {
    const result = ops.div(numbers('int32', [2], [7, -7]), 2)
    expect(result.dtype).toBe('float32')
    expect([...result.data()]).toEqual([3.5, -3.5])
    expectValues(() => ops.div(numbers('int32', [], [1]), 0), [], [Infinity])
  })
  test('integer powers wrap exactly', () => {
    const exact = (x: number, y: number): number => Number(BigInt.asIntN(32, BigInt(x) ** BigInt(y)))
    const [x, y] = [
      [2, 3, -3, 7, 0, -1, 10, 46341],
      [31, 20, 3, 0, 0, 1001, 10, 2],
    ] as const
    expectValues(
      () => ops.pow(numbers('int32', [8], x), numbers('int32', [8], y)),
      [8],
      x.map((b, i) => exact(b, y[i] ?? 0)),
    )
  })
  test('checks name the place', () => {
    const two = numbers('int32', [2, 2], [1, 2, 3, 4])
    expect(() => ops.truncatedDiv(two, numbers('int32', [2, 2], [1, 1, 0, 0]))).toThrow(
      /truncatedDiv: integer division by 0: the divisor is 0 at \[1,0\]/,
    )
    expect(() => ops.truncatedMod(two, 0)).toThrow(/the divisor is 0/)
    expect(() => ops.pow(two, numbers('int32', [2, 2], [1, -1, 2, -3]))).toThrow(
      /pow: an integer to a negative power: exponent\[0,1\] = -1/,
    )
    expectValues(() => ops.truncatedMod(numbers('float32', [1], [1]), 0), [1], [NaN])
    expectValues(() => ops.truncatedDiv(numbers('int32', [0], []), numbers('int32', [0], [])), [0], [])
  })
  test('C rules of pow', () => {
    expectValues(() => ops.pow([1, NaN, -1, 0, -8], [NaN, 0, Infinity, 0, 3]), [5], [1, 1, 1, 1, -512])
  })
  test('comparisons and logic', () => {
    const [x, y] = [numbers('float32', [4], [1, 2, 3, NaN]), numbers('float32', [4], [2, 2, 2, NaN])]
    expectValues(() => ops.equal(x, y), [4], [0, 1, 0, 0])
    expectValues(() => ops.notEqual(x, y), [4], [1, 0, 1, 1])
    expectValues(() => ops.less(x, y), [4], [1, 0, 0, 0])
    expectValues(() => ops.lessEqual(x, y), [4], [1, 1, 0, 0])
    expectValues(() => ops.greater(x, y), [4], [0, 0, 1, 0])
    expectValues(() => ops.greaterEqual(x, y), [4], [0, 1, 1, 0])
    const [a, b] = [numbers('bool', [4], [0, 0, 1, 1]), numbers('bool', [4], [0, 1, 0, 1])]
    expectValues(() => ops.logicalAnd(a, b), [4], [0, 0, 0, 1])
    expectValues(() => ops.logicalOr(a, b), [4], [0, 1, 1, 1])
    expectValues(() => ops.logicalXor(a, b), [4], [0, 1, 1, 0])
    expectValues(() => ops.logicalNot(a), [4], [1, 1, 0, 0])
    expectValues(() => ops.equal(a, b), [4], [1, 0, 0, 1])
    expectValues(() => ops.notEqual(a, b), [4], [0, 1, 1, 0])
    expect(ops.less(x, y).dtype).toBe('bool')
    expect(() => ops.less(a, b)).toThrow(/less: bool operands have no order/)
    expect(() => ops.logicalAnd(a, 1)).toThrow(/logicalAnd/)
  })
  test('where broadcasts its three operands', () => {
    expectValues(() => ops.where([[true], [false]], [1, 2, 3], 0), [2, 3], [1, 2, 3, 0, 0, 0])
    expect(() => ops.where([1, 0], 1, 2)).toThrow(/where: float32 operands/)
  })
})

describe('broadcasting', () => {
  test('numbers take the dtype of the tensor', () => {
    expect(ops.add(numbers('int32', [1], [1]), 2).dtype).toBe('int32')
    expect(ops.add(2, numbers('float64', [1], [1])).dtype).toBe('float64')
    expect(() => ops.add(numbers('int32', [1], [1]), 2.5)).toThrow(/2\.5 is not a 32-bit integer/)
    expect(() => ops.add(numbers('int32', [1], [1]), numbers('float32', [1], [1]))).toThrow(
      /different dtypes/,
    )
  })
  test('sizes are matched from the last axis', () => {
    expectValues(() => ops.add([[1], [2]], [10, 20, 30]), [2, 3], [11, 21, 31, 12, 22, 32])
    expectValues(
      () => ops.mul(numbers('float32', [2, 1, 2], [1, 2, 3, 4]), [[1], [10]]),
      [2, 2, 2],
      [1, 2, 10, 20, 3, 4, 30, 40],
    )
    expectValues(() => ops.add(numbers('float32', [0, 3], []), [1, 2, 3]), [0, 3], [])
    expect(() => ops.add([1, 2], [1, 2, 3])).toThrow(
      /add: shapes do not broadcast\n\s+x\s+f32\[2\]\s+axis 0 is 2\n\s+y\s+f32\[3\]\s+axis 0 is 3/,
    )
  })
  test('broadcastTo', () => {
    expectValues(() => ops.broadcastTo([[1], [2]], [2, 2, 2]), [2, 2, 2], [1, 1, 2, 2, 1, 1, 2, 2])
    expectValues(() => ops.broadcastTo(true, [2]), [2], [1, 1])
    expect(() => ops.broadcastTo([1, 2], [3])).toThrow(/does not broadcast to \[3\]/)
    expect(() => ops.broadcastTo([1, 2], [])).toThrow(/does not broadcast/)
  })
  test('zerosLike and onesLike keep dtype and shape', () => {
    const like = ops.onesLike(numbers('uint8', [2], [5, 6]))
    expect([like.dtype, ...like.data()]).toEqual(['uint8', 1, 1])
    expect([...ops.zerosLike([true, true]).data()]).toEqual([0, 0])
  })
})

describe('dtypes', () => {
  const rows: readonly [DType, DType, readonly number[], readonly number[]][] = [
    ['float32', 'int32', [1.7, -1.7, NaN, 3e10, -3e10], [1, -1, 0, 2147483647, -2147483648]],
    ['float32', 'uint8', [300, -1, 1.9, NaN], [44, 255, 1, 0]],
    ['int32', 'uint8', [300, -1, 5], [44, 255, 5]],
    ['float32', 'bool', [0, -0, 0.1, NaN], [0, 0, 1, 1]],
    ['bool', 'float32', [0, 1], [0, 1]],
    ['uint8', 'float64', [255, 0], [255, 0]],
    ['int32', 'float32', [16777217, -3], [16777216, -3]],
    ['float64', 'float32', [0.1, 1e300], [Math.fround(0.1), Infinity]],
  ]
  test.each(rows)('cast %s to %s', (from, to, values, expected) => {
    expectValues(() => ops.cast(numbers(from, [values.length], values), to), [values.length], expected)
  })
  test('bitcast', () => {
    expectValues(() => ops.bitcast([1, -0], 'int32'), [2], [0x3f800000, -2147483648])
    expectValues(
      () => ops.bitcast(numbers('int32', [1], [0x40490fdb]), 'float32'),
      [1],
      [Math.fround(Math.PI)],
    )
    expect(() => ops.bitcast(numbers('uint8', [1], [1]), 'int32')).toThrow(/bitcast/)
  })
})
