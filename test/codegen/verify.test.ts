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

const loop = (body: readonly Statement[], axis: Axis = i, step = 1, from: Expr = zero, to: Size = axis.extent): Statement => ({ kind: 'loop', axis, from, to: pool.size(to), step, body })
const store = (value: Expr, index: Expr = at): Statement => ({ kind: 'store', buffer: out, index, value })
const kernel = (...body: readonly Statement[]): Kernel => makeKernel('k', body)

test('a sound kernel passes', () => {
  const local = pool.local('float32')
  verifyKernel(kernel(loop([{ kind: 'let', local, value: pool.load(x, at) }, store(pool.localValue(local, [i]))])))
})

describe('refused', () => {
  const rejects = (problem: RegExp, broken: Kernel): void => {
    expect(() => verifyKernel(broken)).toThrow(problem)
    // The message shows the kernel.
    expect(() => verifyKernel(broken)).toThrow(/kernel @k\(/)
    expect(() => verifyKernel(broken)).toThrow(InternalError)
  }
  const local = pool.local('float32')
  const accumulator = pool.local('float32', 1, true)
  const define: Statement = { kind: 'let', local, value: one }

  test('locals used before they are defined, or after their loop', () => {
    rejects(/used before it is defined/, kernel(loop([store(pool.localValue(local, [])), define])))
    rejects(/used before it is defined/, kernel(loop([define]), loop([store(pool.localValue(local, []))])))
    rejects(/used before it is defined/, kernel({ kind: 'if', condition: pool.const('bool', 1), body: [define] }, store(pool.localValue(local, []), zero)))
  })
  test('a second let, and assignments of the wrong kind', () => {
    rejects(/a second time/, kernel(define, define))
    rejects(/which is mutable/, kernel({ kind: 'let', local: accumulator, value: one }))
    rejects(/which is immutable/, kernel({ kind: 'set', local, value: one }))
    // The two parts of a split loop may each define it.
    verifyKernel(kernel(loop([define]), loop([define])))
  })
  test('dtypes and lanes that differ', () => {
    rejects(/local .* is float32x1, its value is int32x1/, kernel({ kind: 'let', local, value: zero }))
    rejects(/its value is float32x4/, kernel({ kind: 'let', local, value: pool.const('float32', 1, 4) }))
    rejects(/a int32 is stored to %out, which holds float32/, kernel(loop([store(at)])))
    rejects(/the index of a store to %out/, kernel(store(one, one)))
    rejects(/the index of a store to %out/, kernel(store(pool.const('float32', 1, 4), pool.ramp(zero, zero, 4))))
    rejects(/the index of a load of %x is float32/, kernel(store(pool.load(x, one), zero)))
    rejects(/div of int32/, kernel(store(pool.convert(pool.binary('div', zero, zero), 'float32'), zero)))
    rejects(/add of bool/, kernel(store(pool.convert(pool.binary('add', pool.const('bool', 1), pool.const('bool', 0)), 'float32'), zero)))
    rejects(/float64 with 4 lanes/, kernel(store(pool.convert(pool.const('float64', 1, 4), 'float32'), zero)))
    rejects(/splat/, kernel(store({ ...pool.splat(pool.load(x, zero), 4), x: pool.load(x, zero, 4) } as Expr, zero)))
    rejects(/condition of an if/, kernel({ kind: 'if', condition: zero, body: [] }))
  })
  test('an axis outside its loop', () => {
    rejects(/the axis i is used outside its loop/, kernel(store(pool.load(x, at), zero)))
    rejects(/the axis i is used outside its loop/, kernel(loop([]), store(pool.load(x, at), zero)))
    rejects(/inside another loop over the same axis/, kernel(loop([loop([])])))
  })
  test('a reduction that was not scheduled', () => {
    rejects(/a reduction is left/, kernel(store(pool.reduce('sum', [i], pool.load(x, at)), zero)))
  })
  test('parameters that are missing', () => {
    const sound = kernel(loop([store(pool.load(x, at))]))
    rejects(/the size n .* is no parameter/, { ...sound, sizes: [] })
    rejects(/the buffer %x is no parameter/, { ...sound, buffers: [out] })
    rejects(/a buffer is a parameter twice/, { ...sound, buffers: [out, x, x] })
    rejects(/the size n .* is no parameter/, { ...kernel(store(pool.load(x, pool.indexAdd(pool.convert(one, 'int32'), n)), zero)), sizes: [] })
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
    verifyKernel(kernel(define, loop(body, i, 8, zero, eight), loop(body, i, 4, pool.localValue(end, []), four)))
    const wrong = kernel(define, loop(body, i, 8, zero, eight), loop(body, i, 4, pool.localValue(end, []), n))
    expect(() => verifyKernel(wrong)).toThrow(/no loop takes the rest/)
    const reached: Statement = { kind: 'let', local: end, value: at }
    verifyKernel(kernel(loop(body, i, 4), reached, loop([store(one)], i, 1, pool.localValue(end, []))))
  })
})
