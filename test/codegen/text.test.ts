import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DType } from '../../codegen/dtype.ts'
import { type Axis, type Expr, ExprPool, type Lanes } from '../../codegen/expr.ts'
import type { Kernel, Statement } from '../../codegen/kernel.ts'
import { makeKernel } from '../../codegen/schedule/contents.ts'
import {
  addSizes,
  floorDivideSizes,
  modSizes,
  multiplySizes,
  type Size,
  sizeName,
} from '../../codegen/size.ts'
import { parseKernel } from '../../codegen/text/parse.ts'
import { printKernel } from '../../codegen/text/print.ts'
import { binaryOps, compareOps, reduceOps, unaryOps } from '../../codegen/text/vocabulary.ts'
import { verifyKernel } from '../../codegen/verify.ts'

function roundTrip(kernel: Kernel): string {
  const printed = printKernel(kernel)
  expect(printKernel(parseKernel(printed).kernel)).toBe(printed)
  return printed
}

describe('kernel text', () => {
  test('vector loops, accumulators, shared values', () => {
    const pool = new ExprPool()
    const n = sizeName('n0')
    const i = pool.axis('i', n)
    const at = pool.index(i)
    const [x, out] = [pool.buffer('x', 'float32', n), pool.buffer('out', 'float32', n)]
    const [vector, scalar, half] = [
      pool.local('float32', 4, true),
      pool.local('float32', 1, true),
      pool.local('float32'),
    ]
    const sum = (lanes: Lanes): Expr => pool.load(x, at, lanes)
    const square = pool.binary('mul', sum(4), sum(4))
    const v = pool.localValue(vector, [])
    const s = pool.localValue(scalar, [])
    const zero = pool.const('int32', 0)
    const loop = (from: Expr, step: number, body: readonly Statement[]): Statement => ({
      kind: 'loop',
      axis: i,
      from,
      to: pool.size(n),
      step,
      body,
    })
    const ramp = pool.ramp(at, pool.const('int32', 2), 4)
    const kernel = makeKernel('norm', [
      { kind: 'set', local: vector, value: pool.const('float32', 0, 4) },
      loop(zero, 4, [
        { kind: 'set', local: vector, value: pool.binary('add', v, pool.binary('add', square, square)) },
        {
          kind: 'if',
          condition: pool.compare('lt', at, pool.const('int32', 9)),
          body: [{ kind: 'store', buffer: out, index: at, value: pool.load(x, ramp) }],
        },
      ]),
      { kind: 'set', local: scalar, value: pool.horizontal('sum', v) },
      loop(at, 1, [{ kind: 'set', local: scalar, value: pool.binary('add', s, sum(1)) }]),
      { kind: 'let', local: half, value: pool.binary('mul', s, pool.const('float32', 0.1)) },
      { kind: 'store', buffer: out, index: zero, value: pool.splat(pool.localValue(half, []), 4) },
    ])
    verifyKernel(kernel)
    expect(roundTrip(kernel)).toBe(`kernel @norm(%x: f32[n0], %out: f32[n0]) sizes (n0) {
  var s0: f32x4 = splat4(0.0)
  for i in 0..n0 step 4 {
    with w0 = load4 x[i]
    with w1 = mul(w0, w0)
    s0 = add(s0, add(w1, w1))
    if lt(i, 9) {
      store4 out[i] = gather x[ramp4(i, 2)]
    }
  }
  var s1: f32 = horizontal.sum(s0)
  for i in i..n0 {
    s1 = add(s1, load x[i])
  }
  let t0: f32 = mul(s1, 0.1)
  store4 out[0] = splat4(t0)
}
`)
  })

  test('names that clash get numbers; an axis whose loop ends elsewhere shows its extent', () => {
    const pool = new ExprPool()
    const [a, b, c] = [pool.axis('i', 8), pool.axis('i', 8), pool.axis('t0', 8)]
    const out = pool.buffer('out', 'int32', 8)
    const other = pool.buffer('out', 'int32', 8)
    const zero = pool.const('int32', 0)
    const index = pool.linear([a, b, c].map((axis) => ({ atom: pool.index(axis), coefficient: 1 })))
    const body: Statement[] = [
      { kind: 'store', buffer: out, index, value: index },
      { kind: 'store', buffer: other, index, value: index },
    ]
    const nest = [c, b, a].reduce<readonly Statement[]>(
      (inner, axis) => [
        { kind: 'loop', axis, from: zero, to: pool.const('int32', axis === b ? 4 : 8), step: 1, body: inner },
      ],
      body,
    )
    expect(roundTrip(makeKernel('clash', nest))).toBe(`kernel @clash(%out: i32[8], %out1: i32[8]) {
  for i in 0..8 {
    for i1<8> in 0..4 {
      for t0_ in 0..8 {
        store out[i + i1 + t0_] = i + i1 + t0_
        store out1[i + i1 + t0_] = i + i1 + t0_
      }
    }
  }
}
`)
  })

  test('constants of every dtype keep their value', () => {
    const values: readonly (readonly [DType, number, string])[] = [
      ['float32', 0.1, '0.1'],
      ['float32', -0, '-0.0'],
      ['float32', 3, '3.0'],
      ['float32', 2 ** -149, '1e-45'],
      ['float32', 3.4028234663852886e38, '3.4028235e+38'],
      ['float32', 16777217.5, '16777218.0'],
      ['float32', NaN, 'nan'],
      ['float32', -Infinity, '-inf'],
      ['float64', 0.1, '0.1d'],
      ['float64', -Infinity, '-infd'],
      ['float64', NaN, 'nand'],
      ['float64', 5e-324, '5e-324d'],
      ['int32', -(2 ** 31), '-2147483648'],
      ['uint8', 255, '255u'],
      ['bool', 1, 'true'],
    ]
    for (const [dtype, value, expected] of values) {
      const pool = new ExprPool()
      const out = pool.buffer('out', dtype, 1)
      const constant = pool.const(dtype, value)
      const printed = roundTrip(
        makeKernel('k', [{ kind: 'store', buffer: out, index: pool.const('int32', 0), value: constant }]),
      )
      expect(printed).toContain(`= ${expected}\n`)
      const parsed = parseKernel(printed).kernel.body[0]
      if (parsed?.kind !== 'store' || parsed.value.kind !== 'const' || constant.kind !== 'const')
        throw new Error('no constant')
      expect(parsed.value.dtype).toBe(dtype)
      expect(Object.is(parsed.value.value, constant.value)).toBe(true)
    }
  })

  test('every float32 reads back to itself', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        const pool = new ExprPool()
        const out = pool.buffer('out', 'float32', 1)
        const kernel = makeKernel('k', [
          { kind: 'store', buffer: out, index: pool.const('int32', 0), value: pool.const('float32', value) },
        ])
        const parsed = parseKernel(printKernel(kernel)).kernel.body[0]
        expect(
          parsed?.kind === 'store' && parsed.value.kind === 'const' ? parsed.value.value : undefined,
        ).toBe(value)
      }),
      { numRuns: 500 },
    )
  })

  test('text that is no kernel is refused with its line', () => {
    expect(() => parseKernel('kernel @k(%x: f32[4]) {\n  store y[0] = 1.0\n}')).toThrow(
      /line 2: expected the name of a buffer/,
    )
    expect(() => parseKernel('kernel @k(%x: f32[4]) {\n  store x[0] = wrong(1.0)\n}')).toThrow(
      /line 2: expected an operation, not wrong/,
    )
    expect(() => parseKernel('kernel @k() {\n')).toThrow(/expected/)
    expect(() => parseKernel('kernel @k() {\n} more')).toThrow(/expected the end/)
  })
})

/** Random well-typed scalar and vector expressions over a few leaves. */
function randomKernel(choices: readonly number[]): Kernel {
  const pool = new ExprPool()
  let at = 0
  const next = (bound: number): number => (choices[at++ % choices.length] ?? 0) % bound
  const pick = <T>(list: readonly T[]): T => {
    const found = list[next(list.length)]
    if (found === undefined) throw new Error('nothing to pick')
    return found
  }
  const [n, m] = [sizeName('n'), sizeName('m')]
  const axes: readonly Axis[] = [pool.axis('i', n), pool.axis('j', 12), pool.axis('i', multiplySizes(n, m))]
  const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool']
  const buffers = dtypes.map((dtype) => pool.buffer(`b_${dtype}`, dtype, multiplySizes(n, 12)))
  const buffer = (dtype: DType) => buffers.find((candidate) => candidate.dtype === dtype) ?? pick(buffers)
  const size = (): Size =>
    pick([
      3,
      n,
      multiplySizes(2, n),
      addSizes(n, -1),
      floorDivideSizes(m, 4),
      modSizes(addSizes(n, m), 3),
      -2,
    ])
  const index = (depth: number): Expr =>
    pool.linear(
      Array.from({ length: 1 + next(3) }, () => ({
        atom: next(3) === 0 && depth > 0 ? expr('int32', 1, depth - 1) : pool.index(pick(axes)),
        coefficient: size(),
      })),
      size(),
    )
  const made: Expr[] = []
  const keep = (result: Expr): Expr => {
    made.push(result)
    return result
  }
  const expr = (dtype: DType, lanes: Lanes, depth: number): Expr => {
    const again = made.filter((old) => old.dtype === dtype && old.lanes === lanes)
    if (again.length > 0 && next(4) === 0) return pick(again)
    if (depth <= 0)
      return next(2) === 0
        ? pool.const(dtype, next(7) - 3, lanes)
        : keep(pool.load(buffer(dtype), index(0), lanes))
    const operand = (): Expr => expr(dtype, lanes, depth - 1)
    switch (next(8)) {
      case 0:
        return keep(pool.unary(pick(unaryOps), operand()))
      case 1:
        return keep(
          dtype === 'bool'
            ? pool.compare(pick(compareOps), expr('int32', lanes, depth - 1), expr('int32', lanes, depth - 1))
            : pool.binary(pick(binaryOps), operand(), operand()),
        )
      case 2:
        return keep(pool.select(expr('bool', lanes, depth - 1), operand(), operand()))
      case 3:
        return keep(pool.convert(expr(pick(dtypes), lanes, depth - 1), dtype))
      case 4:
        if (lanes > 1)
          return keep(
            lanes === 2 ? pool.splat(expr(dtype, 1, depth - 1), 2) : pool.splat(expr(dtype, 1, depth - 1), 4),
          )
        return keep(pool.horizontal(pick(reduceOps), expr(dtype, dtype === 'float64' ? 2 : 4, depth - 1)))
      case 5:
        if (lanes > 1)
          return keep(pool.load(buffer(dtype), pool.ramp(index(depth - 1), index(0), lanes === 2 ? 2 : 4)))
        return dtype === 'int32' ? index(depth - 1) : keep(pool.load(buffer(dtype), index(depth - 1)))
      case 6:
        if (dtype === 'float32')
          return keep(
            next(2) === 0
              ? pool.madd(operand(), operand(), operand())
              : pool.bitcast(expr('int32', lanes, depth - 1), 'float32'),
          )
        return lanes === 1
          ? keep(pool.reduce(pick(reduceOps), [pool.axis('k', size())], operand()))
          : operand()
      default:
        return keep(pool.binary('add', operand(), operand()))
    }
  }
  const statements: Statement[] = []
  const locals = [pool.local('float32', 4, true), pool.local('float32'), pool.local('int32')]
  locals.forEach((local) =>
    statements.push({ kind: local.mutable ? 'set' : 'let', local, value: expr(local.dtype, local.lanes, 3) }),
  )
  for (const local of locals) made.push(pool.localValue(local, []))
  for (let k = 0; k < 3; k++) {
    const dtype = pick(dtypes)
    statements.push({
      kind: 'store',
      buffer: buffer(dtype),
      index: index(2),
      value: expr(dtype, dtype === 'float64' ? pick([1, 2]) : pick([1, 4]), 5),
    })
  }
  const nest = axes.reduceRight<readonly Statement[]>(
    (body, axis) => [
      { kind: 'loop', axis, from: pool.const('int32', 0), to: pool.size(axis.extent), step: 1, body },
    ],
    statements,
  )
  return { ...makeKernel('random', nest), sizes: ['n', 'm'], buffers }
}

test('a parsed kernel prints the text it was parsed from', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 20, maxLength: 60 }), (choices) => {
      const printed = printKernel(randomKernel(choices))
      expect(printKernel(parseKernel(printed).kernel)).toBe(printed)
    }),
    { numRuns: 300 },
  )
})
