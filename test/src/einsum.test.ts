// Einstein sums against values computed with NumPy's einsum in float64 (einsum-data.json), against loops for gradients,
// and what is said of equations that make no sense.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { machineryOf } from '../../src/function.ts'
import * as tf from '../../src/index.ts'

interface Case {
  readonly equation: string
  readonly shapes: readonly (readonly number[])[]
  readonly operands: readonly (readonly number[])[]
  readonly shape: readonly number[]
  readonly result: readonly number[]
}

const cases = JSON.parse(
  readFileSync(new URL('einsum-data.json', import.meta.url), 'utf8'),
) as readonly Case[]

function tensorsOf({ shapes, operands }: Case, dtype: 'float32' | 'float64'): tf.Tensor[] {
  return operands.map((data, i) => tf.tensor([...data], dtype).reshape([...(shapes[i] ?? [])]))
}

function expectClose(actual: tf.Tensor, { shape, result }: Case, tolerance: number): void {
  expect(actual.shape).toEqual(shape)
  const scale = 1 + Math.max(...result.map(Math.abs))
  actual
    .data()
    .forEach((value, i) => expect(Math.abs(value - (result[i] ?? NaN))).toBeLessThan(tolerance * scale))
}

describe('values of NumPy', () => {
  test.each(cases)('$equation', (each) => {
    expectClose(tf.einsum(each.equation, ...tensorsOf(each, 'float64')), each, 1e-9)
    const traced = tf.function((...xs: tf.Tensor[]) => tf.einsum(each.equation, ...xs))
    expectClose(traced(...tensorsOf(each, 'float32')), each, 1e-5)
  })

  test.each(cases.filter(({ equation }) => !/^\.\.\.,\.\.\.$/.test(equation)))(
    '$equation with sizes known at the call',
    (each) => {
      const open = tf.function((...xs: tf.Tensor[]) => tf.einsum(each.equation, ...xs), {
        inputSignature: each.shapes.map((shape) => tf.spec(shape.map((size) => (size === 1 ? 1 : null)))),
      })
      expectClose(open(...tensorsOf(each, 'float32')), each, 1e-5)
    },
  )
})

describe('gradients against central differences', () => {
  test.each(cases.filter(({ operands }) => operands.flat().length <= 60))('$equation', (each) => {
    const tensors = tensorsOf(each, 'float64')
    const f = (...xs: tf.Tensor[]): tf.Tensor => {
      const y = tf.einsum(each.equation, ...xs)
      return y
        .mul(
          tf
            .range(1, y.size + 1)
            .cast('float64')
            .reshape([...y.shape]),
        )
        .sum()
    }
    const gradients = tf.grads(f)(tensors)
    tensors.forEach((x, i) => {
      const data = [...x.data()]
      data.forEach((value, at) => {
        const moved = [1e-4, -1e-4].map((by) => {
          const changed = data.with?.(at, value + by) ?? data.map((old, j) => (j === at ? value + by : old))
          const others = tensors.map((t, j) =>
            j === i ? tf.tensor(changed, 'float64').reshape([...t.shape]) : t,
          )
          return f(...others).item()
        })
        const slope = ((moved[0] ?? NaN) - (moved[1] ?? NaN)) / 2e-4
        expect(Math.abs(slope - (gradients[i]?.data()[at] ?? NaN))).toBeLessThan(1e-6 * (1 + Math.abs(slope)))
      })
    })
  })
})

describe('how it is computed', () => {
  function stepsOf(equation: string, ...shapes: readonly (readonly number[])[]): readonly string[] {
    const f = tf.function((...xs: tf.Tensor[]) => tf.einsum(equation, ...xs))
    f(...shapes.map((shape) => tf.ones([...shape])))
    const { spec } = machineryOf(f)?.current?.prepare().program ?? { spec: undefined }
    return (spec?.steps ?? []).map((step) =>
      step.kind === 'gemm'
        ? `${String(step.batch)}: ${[step.rows, step.inner, step.columns].join('x')}`
        : step.kind,
    )
  }

  test('a matrix product, a transposed and a batched one are one product each', () => {
    expect(stepsOf('ij,jk->ik', [32, 48], [48, 64])).toEqual(['1: 32x48x64'])
    expect(stepsOf('ji,kj->ik', [48, 32], [64, 48])).toEqual(['1: 32x48x64'])
    expect(stepsOf('bij,bkj->bik', [3, 32, 48], [3, 64, 48])).toEqual(['3: 32x48x64'])
    expect(stepsOf('...d,de->...e', [4, 8, 48], [48, 64])).toEqual(['1: 32x48x64'])
  })

  test('a chain is multiplied in its cheapest order', () => {
    expect(stepsOf('ij,jk,kl->il', [64, 16], [16, 256], [256, 8])).toEqual(['1: 16x256x8', '1: 64x16x8'])
    expect(stepsOf('ij,jk,kl->il', [8, 256], [256, 16], [16, 64])).toEqual(['1: 8x256x16', '1: 8x16x64'])
  })

  test('products by elements are one kernel', () => {
    expect(stepsOf('ij,ij,ij->ij', [8, 16], [8, 16], [8, 16])).toEqual(['kernel'])
  })

  test('more operands than all orders are compared for', () => {
    const letters = 'abcdefghijk'
    const names = Array.from({ length: 10 }, (_, i) => letters.slice(i, i + 2))
    const eye = tf.eye(3).mul(2)
    const y = tf.einsum(`${names.join(',')}->ak`, ...names.map(() => eye))
    expect(y.array()).toEqual(tf.eye(3).mul(1024).array())
  })

  test('integers wrap as elsewhere', () => {
    const x = tf.tensor([65536, 3], 'int32')
    expect(tf.einsum('i,i->', x, x).item()).toBe(9)
  })
})

describe('complaints', () => {
  const [a, b] = [tf.ones([2, 3]), tf.ones([4, 5])]
  test.each<[string, tf.Tensor[], RegExp]>([
    ['ij,jk->ik', [a], /2 operands in "ij,jk->ik"[\s\S]*there is 1/],
    ['ij,jk->ik', [a, b], /axis "j" of "ij,jk->ik" is 3 in operand 1 and 4 in operand 2/],
    ['ijk->i', [a], /operand 1 of "ijk->i" has 2 axes, not 3/],
    ['i->i', [a], /has 2 axes, not 1/],
    ['ij->ii', [a], /the result has "i" twice/],
    ['ij->ik', [a], /no operand has the axis "k"/],
    ['i1->i', [a], /"1" names no axis/],
    ['ij->i->j', [a], /more than one arrow/],
    ['...i...->i', [a], /more than one ellipsis/],
    ['...j->j', [a], /the result has none/],
    ['...i,...j->...', [tf.ones([2, 3]), tf.ones([4, 3])], /do not broadcast: 2 and 4/],
    ['ii->i', [a], /axis "i" of "ii->i" is 2 in operand 1 and 3 in operand 1/],
  ])('%s', (equation, operands, message) => {
    expect(() => tf.einsum(equation, ...operands)).toThrow(message)
  })

  test('other dtypes', () => {
    expect(() => tf.einsum('i,i->', tf.ones([2]), tf.ones([2], 'int32'))).toThrow(/different dtypes/)
  })
})
