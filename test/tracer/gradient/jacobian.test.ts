// Jacobians, batch Jacobians and Hessians: shapes and values, eagerly and in traced functions.
import { describe, expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'
import { arrays, bodies } from '../../support/settings.ts'

describe.each(bodies)('jacobian, in $setting', ({ run }) => {
  test('240: shape of the target, then of the source', () => {
    const x = tf.variable([1, 2, 3])
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => tf.stack([tf.at(x, 0).mul(tf.at(x, 1)), tf.at(x, 2).mul(tf.at(x, 2))]))
      return tape.jacobian(y, x)
    })
    expect(got?.array()).toEqual([
      [2, 1, 0],
      [0, 0, 6],
    ])
  })

  test('240: scalar sources and targets, structures, unconnected sources, repeated ones', () => {
    const [x, s, w] = [tf.variable([1, 2]), tf.variable(3), tf.variable([4, 5])]
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const [y, z] = tape.record(() => [x.mul(s).add(s), tf.sum(x.mul(s))] as const)
      return [
        ...tape.jacobian(y, [x, s, w, s]),
        tape.jacobian(z, { x }).x,
        tape.jacobian(y, w, { unconnected: 'zero' }),
      ]
    })
    expect(arrays(got)).toEqual([
      [
        [3, 0],
        [0, 3],
      ],
      [2, 3],
      null,
      [2, 3],
      [3, 3],
      [
        [0, 0],
        [0, 0],
      ],
    ])
  })

  test('240: a matrix with respect to a matrix, many rows', () => {
    const a = tf.variable(tf.reshape(tf.range(0, 20, 1, 'float32'), [4, 5]))
    const got = run(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => tf.matMul(a, tf.transpose(a)))
      return tape.jacobian(y, a)
    })
    expect(got?.shape).toEqual([4, 4, 4, 5])
    const values = a.data()
    const data = got?.data() ?? []
    // d(Σ_k a_ik a_jk)/da_pq = δ_ip a_jq + δ_jp a_iq
    const at = (i: number, q: number): number => values[i * 5 + q] ?? NaN
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++)
        for (let p = 0; p < 4; p++)
          for (let q = 0; q < 5; q++)
            expect(data[((i * 4 + j) * 4 + p) * 5 + q]).toBe(
              (i === p ? at(j, q) : 0) + (j === p ? at(i, q) : 0),
            )
  })

  test('240: a batch of Jacobians', () => {
    const x = tf.variable([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    const w = tf.variable([[1], [1], [1]])
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const y = tape.record(() => tf.concat([x.mul(x), tf.sum(x, [1], true)], 1))
      return [tape.batchJacobian(y, x), tape.batchJacobian(y, w)]
    })
    expect(got[0]?.array()).toEqual([
      [
        [2, 0],
        [0, 4],
        [1, 1],
      ],
      [
        [6, 0],
        [0, 8],
        [1, 1],
      ],
      [
        [10, 0],
        [0, 12],
        [1, 1],
      ],
    ])
    expect(got[1]?.shape).toEqual([3, 3, 1])
    expect([...(got[1]?.data() ?? [])].every((value) => value === 0)).toBe(true)
  })

  test('240: no elements', () => {
    const x = tf.variable([1, 2])
    const got = run(() => {
      const tape = new tf.GradientTape({ persistent: true })
      const y = tape.record(() => tf.slice(x.mul(2), [0], [0]))
      return tape.jacobian(y, x)
    })
    expect(got?.shape).toEqual([0, 2])
  })

  test('241: the Hessian is the Jacobian of the gradient', () => {
    const x = tf.variable([1, 1])
    const got = run(() => {
      const outer = new tf.GradientTape()
      const g = outer.record(() => {
        const inner = new tf.GradientTape()
        // x₀⁴/3 + 2·x₀x₁ + 2·x₁³: second derivatives 4x₀², 2, 12x₁.
        const y = inner.record(() => {
          const [a, b] = [tf.at(x, 0), tf.at(x, 1)]
          return a.pow(4).div(3).add(a.mul(b).mul(2)).add(b.pow(3).mul(2))
        })
        return inner.gradient(y, x) as tf.Tensor
      })
      return outer.jacobian(g, x)
    })
    const rows = got?.array() as number[][]
    expect(rows.map((row) => row.map((value) => Math.round(value * 1e5) / 1e5))).toEqual([
      [4, 2],
      [2, 12],
    ])
  })
})

describe('jacobian of traced functions', () => {
  test('240, 241: around a traced function, without a retrace', () => {
    const x = tf.tensor([1, 2, 3])
    const f = tf.function((v: tf.Tensor) => tf.exp(v).mul(tf.sum(v)))
    const outer = new tf.GradientTape()
    const [jacobian, g] = outer.record(() => {
      outer.watch(x)
      const inner = new tf.GradientTape({ persistent: true })
      const y = inner.record(() => {
        inner.watch(x)
        return f(x)
      })
      return [inner.jacobian(y, x), inner.gradient(y, x) as tf.Tensor] as const
    })
    const hessian = outer.jacobian(g, x)
    const e = [1, 2, 3].map(Math.exp)
    const flat = (rows: number[][]): number[] => rows.flat()
    const close = (got: tf.Tensor | null, wanted: number[]): void =>
      wanted.forEach((value, i) => expect((got?.data()[i] ?? NaN) / value).toBeCloseTo(1, 5))
    close(
      jacobian,
      flat(e.map((a, i) => e.map((_, j) => (i === j ? a * 6 : 0) + a))).map((value) => value),
    )
    close(hessian, flat(e.map((a, i) => e.map((b, j) => (i === j ? a * 6 : 0) + a + b))))
    expect(f.traceCount).toBe(1)
  })

  test('240: batches of unknown size', () => {
    const f = tf.function(
      (x: tf.Tensor) => {
        const tape = new tf.GradientTape()
        const y = tape.record(() => {
          tape.watch(x)
          return x.mul(x)
        })
        return tape.batchJacobian(y, x)
      },
      { inputSignature: [tf.spec([null, 2])] },
    )
    expect(f(tf.tensor([[1, 2]])).array()).toEqual([
      [
        [2, 0],
        [0, 4],
      ],
    ])
    expect(f(tf.tensor([[1, 2], [3, 4]])).shape).toEqual([2, 2, 2]) // prettier-ignore
    expect(f.traceCount).toBe(1)
  })
})

describe('misuse', () => {
  const make = (x: tf.Variable): readonly [tf.GradientTape, tf.Tensor] => {
    const tape = new tf.GradientTape()
    return [tape, tape.record(() => x.mul(x))]
  }
  test('240: ranks and batches that do not fit', () => {
    const x = tf.variable([1, 2])
    const [tape, y] = make(x)
    expect(() => tape.batchJacobian(y, x)).toThrow(/must have rank at least 2/)
    const square = tf.variable([
      [1, 2],
      [3, 4],
    ])
    const [other, z] = make(square)
    expect(() => other.batchJacobian(z, tf.variable([[1, 2]]))).toThrow(/first dimensions .* must match/)
    expect(other.batchJacobian(z, square).shape).toEqual([2, 2, 2])
    expect(() => other.batchJacobian(z, square)).toThrow(tf.GradientError)
  })

  test('240: a target whose elements cannot be counted', () => {
    const f = tf.function(
      (x: tf.Tensor) => {
        const tape = new tf.GradientTape()
        return tape.jacobian(
          tape.record(() => {
            tape.watch(x)
            return x.mul(x)
          }),
          x,
        )
      },
      { inputSignature: [tf.spec([null])] },
    )
    expect(() => f(tf.tensor([1, 2]))).toThrow(/sizes that are not known while tracing/)
  })
})
