import { describe, expect, test } from 'vitest'
import { type Axis, type Expr, ExprPool } from '../../codegen/expr.ts'
import type { Kernel, Statement } from '../../codegen/kernel.ts'
import { InternalError } from '../../codegen/errors.ts'
import { makeKernel } from '../../codegen/schedule/contents.ts'
import { floorDivideSizes, multiplySizes, type Size, sizeName } from '../../codegen/size.ts'
import { verifyKernel } from '../../codegen/verify.ts'

const pool = new ExprPool()
const n = sizeName('n')
const i = pool.axis('i', n)
const at = pool.index(i)
const zero = pool.const('int32', 0)
const x = pool.buffer('x', 'float32', n)
const out = pool.buffer('out', 'float32', n)
const one = pool.const('float32', 1)

const loop = (
  body: readonly Statement[],
  axis: Axis = i,
  step = 1,
  from: Expr = zero,
  to: Size = axis.extent,
): Statement => ({ kind: 'loop', axis, from, to: pool.size(to), step, body })
const store = (value: Expr, index: Expr = at): Statement => ({ kind: 'store', buffer: out, index, value })
const kernel = (...body: readonly Statement[]): Kernel => makeKernel('k', body)

test('a sound kernel passes', () => {
  const local = pool.local('float32')
  const sound = kernel(
    loop([{ kind: 'let', local, value: pool.load(x, at) }, store(pool.localValue(local, [i]))]),
  )
  expect(() => verifyKernel(sound)).not.toThrow()
})

describe('refused', () => {
  /** The message, which has to show the kernel. */
  const complaint = (broken: Kernel): string => {
    try {
      verifyKernel(broken)
    } catch (error) {
      if (error instanceof InternalError && error.message.includes('\nkernel @k(')) return error.message
      throw error
    }
    return 'no complaint'
  }
  const local = pool.local('float32')
  const accumulator = pool.local('float32', 1, true)
  const define: Statement = { kind: 'let', local, value: one }

  test('locals used before they are defined, or after their loop', () => {
    expect(complaint(kernel(loop([store(pool.localValue(local, [])), define])))).toMatch(
      /used before it is defined/,
    )
    expect(complaint(kernel(loop([define]), loop([store(pool.localValue(local, []))])))).toMatch(
      /used before it is defined/,
    )
    expect(
      complaint(
        kernel(
          { kind: 'if', condition: pool.const('bool', 1), body: [define] },
          store(pool.localValue(local, []), zero),
        ),
      ),
    ).toMatch(/used before it is defined/)
  })
  test('a second let, and assignments of the wrong kind', () => {
    expect(complaint(kernel(define, define))).toMatch(/a second time/)
    expect(complaint(kernel({ kind: 'let', local: accumulator, value: one }))).toMatch(/which is mutable/)
    expect(complaint(kernel({ kind: 'set', local, value: one }))).toMatch(/which is immutable/)
    // The two parts of a split loop may each define it.
    verifyKernel(kernel(loop([define]), loop([define])))
  })
  test('dtypes and lanes that differ', () => {
    expect(complaint(kernel({ kind: 'let', local, value: zero }))).toMatch(
      /local .* is float32x1, its value is int32x1/,
    )
    expect(complaint(kernel({ kind: 'let', local, value: pool.const('float32', 1, 4) }))).toMatch(
      /its value is float32x4/,
    )
    expect(complaint(kernel(loop([store(at)])))).toMatch(/a int32 is stored to %out, which holds float32/)
    expect(complaint(kernel(store(one, one)))).toMatch(/the index of a store to %out/)
    expect(complaint(kernel(store(pool.const('float32', 1, 4), pool.ramp(zero, zero, 4))))).toMatch(
      /the index of a store to %out/,
    )
    expect(complaint(kernel(store(pool.load(x, one), zero)))).toMatch(/the index of a load of %x is float32/)
    expect(complaint(kernel(store(pool.convert(pool.binary('div', zero, zero), 'float32'), zero)))).toMatch(
      /div of int32/,
    )
    expect(
      complaint(
        kernel(
          store(
            pool.convert(pool.binary('add', pool.const('bool', 1), pool.const('bool', 0)), 'float32'),
            zero,
          ),
        ),
      ),
    ).toMatch(/add of bool/)
    expect(complaint(kernel(store(pool.convert(pool.const('float64', 1, 4), 'float32'), zero)))).toMatch(
      /float64 with 4 lanes/,
    )
    expect(
      complaint(
        kernel(store({ ...pool.splat(pool.load(x, zero), 4), x: pool.load(x, zero, 4) } as Expr, zero)),
      ),
    ).toMatch(/splat/)
    expect(complaint(kernel({ kind: 'if', condition: zero, body: [] }))).toMatch(/condition of an if/)
    expect(complaint(kernel({ kind: 'while', test: [], condition: zero, body: [] }))).toMatch(
      /condition of a while/,
    )
    expect(complaint(kernel({ kind: 'fail', id: 0, value: one }))).toMatch(/value of a failure/)
  })
  test('an axis outside its loop', () => {
    expect(complaint(kernel(store(pool.load(x, at), zero)))).toMatch(/the axis i is used outside its loop/)
    expect(complaint(kernel(loop([]), store(pool.load(x, at), zero)))).toMatch(
      /the axis i is used outside its loop/,
    )
    expect(complaint(kernel(loop([loop([])])))).toMatch(/inside another loop over the same axis/)
  })
  test('a reduction that was not scheduled', () => {
    expect(complaint(kernel(store(pool.reduce('sum', [i], pool.load(x, at)), zero)))).toMatch(
      /a reduction is left/,
    )
  })
  test('parameters that are missing', () => {
    const sound = kernel(loop([store(pool.load(x, at))]))
    expect(complaint({ ...sound, sizes: [] })).toMatch(/the size n .* is no parameter/)
    expect(complaint({ ...sound, buffers: [out] })).toMatch(/the buffer %x is no parameter/)
    expect(complaint({ ...sound, buffers: [out, x, x] })).toMatch(/a buffer is a parameter twice/)
    expect(
      complaint({
        ...kernel(store(pool.load(x, pool.indexAdd(pool.convert(one, 'int32'), n)), zero)),
        sizes: [],
      }),
    ).toMatch(/the size n .* is no parameter/)
  })
})

describe('vector loops', () => {
  const body = [store(pool.load(x, at, 4))]
  test('need a loop for the rest', () => {
    expect(() => verifyKernel(kernel(loop(body, i, 4)))).toThrow(/no loop takes the rest/)
    expect(() => verifyKernel(kernel(loop(body, i, 4), loop([store(one)])))).toThrow(/no loop takes the rest/)
    verifyKernel(kernel(loop(body, i, 4), loop([store(one)], i, 1, at)))
  })
  test('unless they cover their range exactly', () => {
    const fixed = pool.axis('j', 10)
    const inner = [store(pool.load(x, pool.index(fixed), 4), pool.index(fixed))]
    expect(() => verifyKernel(kernel(loop(inner, fixed, 4)))).toThrow(/no loop takes the rest/)
    verifyKernel(kernel(loop(inner, fixed, 4, zero, 8)))
    verifyKernel(kernel(loop(body, i, 4, zero, multiplySizes(4, floorDivideSizes(n, 4)))))
    verifyKernel(kernel(loop(body, i, 4, zero, multiplySizes(8, n))))
  })
  test('may start from a local that holds where the last one ended', () => {
    const end = pool.local('int32')
    const eight = multiplySizes(8, floorDivideSizes(n, 8))
    const four = multiplySizes(4, floorDivideSizes(n, 4))
    const define: Statement = { kind: 'let', local: end, value: pool.size(eight) }
    verifyKernel(
      kernel(define, loop(body, i, 8, zero, eight), loop(body, i, 4, pool.localValue(end, []), four)),
    )
    const wrong = kernel(define, loop(body, i, 8, zero, eight), loop(body, i, 4, pool.localValue(end, []), n))
    expect(() => verifyKernel(wrong)).toThrow(/no loop takes the rest/)
    const reached: Statement = { kind: 'let', local: end, value: at }
    verifyKernel(kernel(loop(body, i, 4), reached, loop([store(one)], i, 1, pool.localValue(end, []))))
  })
})
