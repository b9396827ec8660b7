// Folding of constants: what a kernel becomes, as text, and that the folded value is the computed one.
import { expect, test } from 'vitest'
import { simplify } from '../../../codegen/passes/simplify.ts'
import { parseKernel } from '../../../codegen/text/parse.ts'
import { printKernel } from '../../../codegen/text/print.ts'
import { expectSame } from '../wasm/harness.ts'

function simplified(body: string, parameters = '%x: i32[1], %out: i32[1]'): string {
  const { pool, kernel } = parseKernel(`kernel @k(${parameters}) {\n${body}\n}\n`)
  const result = simplify(pool, kernel)
  const data = kernel.buffers.map(({ dtype }) =>
    dtype === 'float32' ? Float32Array.of(-0) : dtype === 'int32' ? Int32Array.of(-7) : Uint8Array.of(1),
  )
  expect(expectSame(result, data)).toEqual(expectSame(kernel, data))
  return printKernel(result).split('\n').slice(1, -2).join('\n').trim()
}

test('the guard around a division goes when the divisor is a constant', () => {
  expect(simplified('store out[0] = rem(load x[0], select(eq(2, 0), 1, 2))')).toBe(
    'store out[0] = rem(load x[0], 2)',
  )
})

test('arithmetic on integers wraps as it does at run time', () => {
  expect(simplified('store out[0] = add(mul(2147483647, 3), load x[0])')).toMatch(/2147483645/)
  expect(simplified('store out[0] = max(select(lt(load x[0], 0), 5, 9), 7)')).toBe(
    'store out[0] = select(lt(load x[0], 0), 7, 9)',
  )
  expect(simplified('store out[0] = shru(neg(1), 28)')).toBe('store out[0] = 15')
})

test('a division by 0 is left to whoever runs it', () => {
  const { pool, kernel } = parseKernel('kernel @k(%out: i32[1]) {\n  store out[0] = idiv(1, 0)\n}\n')
  expect(simplify(pool, kernel)).toBe(kernel)
})

test('truth values', () => {
  const parameters = '%x: bool[1], %out: bool[1]'
  const store = (value: string): string => simplified(`store out[0] = ${value}`, parameters)
  expect(store('and(load x[0], true)')).toBe('store out[0] = load x[0]')
  expect(store('or(true, load x[0])')).toBe('store out[0] = true')
  expect(store('xor(load x[0], false)')).toBe('store out[0] = load x[0]')
  expect(store('xor(load x[0], true)')).toBe('store out[0] = not(load x[0])')
  expect(store('not(not(load x[0]))')).toBe('store out[0] = load x[0]')
  expect(store('select(load x[0], false, true)')).toBe('store out[0] = not(load x[0])')
  expect(store('convert.bool(3)')).toBe('store out[0] = true')
})

test('float arithmetic stays, comparisons of constants go', () => {
  const parameters = '%x: f32[1], %out: f32[1]'
  expect(simplified('store out[0] = add(load x[0], mul(0.0, -1.0))', parameters)).toBe(
    'store out[0] = add(load x[0], mul(0.0, -1.0))',
  )
  expect(simplified('store out[0] = select(lt(1.0, 2.0), load x[0], 5.0)', parameters)).toBe(
    'store out[0] = load x[0]',
  )
})

test('branches never taken go, locals that are constants too', () => {
  expect(
    simplified(`let t0: i32 = select(eq(1, 0), 7, 0)
  if ne(t0, 0) {
    fail 1, t0
  }
  if eq(t0, 0) {
    store out[0] = 5
  } else {
    store out[0] = 6
  }`),
  ).toBe('store out[0] = 5')
  expect(simplified('while false {\n    store out[0] = 5\n  }\n  store out[0] = 6')).toBe('store out[0] = 6')
})
