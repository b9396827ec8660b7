// The handle to a value: reading it, converting it, printing it, iterating it, and that nothing can change it.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

describe('conversion', () => {
  test('dtypes of JavaScript values', () => {
    const dtypes = [
      tf.tensor(1),
      tf.tensor([true]),
      tf.tensor(new Int32Array(1)),
      tf.tensor(new Uint8Array(1)),
      tf.tensor(new Float64Array(1)),
      tf.tensor([]),
      tf.tensor([[]]),
    ].map((t) => `${t.dtype}[${t.shape.join()}]`)
    expect(dtypes).toEqual([
      'float32[]',
      'bool[1]',
      'int32[1]',
      'uint8[1]',
      'float64[1]',
      'float32[0]',
      'float32[1,0]',
    ])
  })

  test('numbers take the dtype of the tensor they meet', () => {
    const i = tf.tensor([1, 2], 'int32')
    expect([i.add(2).dtype, i.add([1, 2]).dtype, tf.add(2, i).dtype]).toEqual(['int32', 'int32', 'int32'])
    expect(tf.add(tf.tensor(1), new Float64Array([2])).dtype).toBe('float32')
    expect(tf.tensor(1, 'float64').add(0.1).item()).toBe(1.1)
    expect(tf.tensor([1.5]).add(true).array()).toEqual([2.5])
    expect(tf.tensor([1.5]).add(0.1).dtype).toBe('float32')
  })

  test('tensors and variables inside arrays are stacked', () => {
    const v = tf.variable(3)
    expect(tf.tensor([tf.tensor(1), 2, v]).array()).toEqual([1, 2, 3])
    expect(tf.tensor([[tf.tensor([1, 2]), [3, 4]]]).shape).toEqual([1, 2, 2])
    const f = tf.function((x: tf.Tensor) => tf.tensor([x, x.mul(2), 7]))
    expect(f(tf.scalar(1)).array()).toEqual([1, 2, 7])
  })

  test('rows of typed arrays', () => {
    expect(tf.tensor([new Float32Array([1, 2]), new Float32Array([3, 4])]).array()).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('typed arrays are copied on entry and exit', () => {
    const data = new Float32Array([1, 2])
    const t = tf.tensor(data)
    data[0] = 9
    const out = t.data()
    out[1] = 9
    expect([t.array(), out]).toEqual([[1, 2], new Float32Array([1, 9])])
    const computed = t.add(1)
    computed.data()[0] = 50
    expect(computed.array()).toEqual([2, 3])
    const same = tf.function((x: tf.Tensor) => x)(t)
    same.data()[0] = 50
    expect([t.array(), same.array()]).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  test('extreme values keep their bits', () => {
    const values = [0, -0, Infinity, -Infinity, 2 ** -149, 3.4028234663852886e38]
    expect(tf.tensor(values).array()).toEqual(values)
    expect(tf.tensor(Number.NaN).item()).toBeNaN()
    expect(tf.tensor([-(2 ** 31), 2 ** 31 - 1], 'int32').array()).toEqual([-(2 ** 31), 2 ** 31 - 1])
    expect(tf.tensor([0.1], 'float64').item()).toBe(0.1)
    expect(tf.tensor([-0], 'int32').item()).toBe(0)
  })
})

describe('reading', () => {
  test('shape, rank, size', () => {
    const t = tf.zeros([2, 0, 3])
    expect([t.shape, t.rank, t.size, tf.scalar(1).size]).toEqual([[2, 0, 3], 3, 0, 1])
  })

  test('array gives nested arrays, booleans for bool', () => {
    expect(tf.tensor([[true, false]]).array()).toEqual([[true, false]])
    expect(tf.zeros([2, 0, 3]).array()).toEqual([[], []])
    expect(tf.scalar(true).array()).toBe(true)
    expect(tf.range(24).reshape([2, 3, 2, 2]).array()).toEqual([
      [
        [
          [0, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [6, 7],
        ],
        [
          [8, 9],
          [10, 11],
        ],
      ],
      [
        [
          [12, 13],
          [14, 15],
        ],
        [
          [16, 17],
          [18, 19],
        ],
        [
          [20, 21],
          [22, 23],
        ],
      ],
    ])
  })

  test('views are read in the right order, again and again', () => {
    const t = tf.range(6).reshape([2, 3]).transpose()
    expect([t.array(), t.array(), Array.from(t.data())]).toEqual([
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
      [0, 3, 1, 4, 2, 5],
    ])
    expect(tf.broadcastTo([1, 2], [2, 2]).array()).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(
      tf
        .broadcastTo([[1], [2]], [3, 2, 2])
        .transpose([2, 0, 1])
        .array(),
    ).toEqual(
      Array.from({ length: 2 }, () => [
        [1, 2],
        [1, 2],
        [1, 2],
      ]),
    )
  })

  test('a long chain of views', () => {
    let t = tf.range(6).reshape([1, 2, 3])
    for (let i = 0; i < 12; i++) t = t.transpose([1, 2, 0])
    expect(t.array()).toEqual([
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ])
    for (let i = 0; i < 7; i++) t = t.transpose([1, 2, 0])
    expect(t.shape).toEqual([2, 3, 1])
    expect(Array.from(t.data())).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('item needs one element', () => {
    expect(tf.tensor([[7]]).item()).toBe(7)
    expect(() => tf.zeros([0]).item()).toThrow(tf.ValueError)
  })

  test('rows are iterated', () => {
    expect(
      [
        ...tf.tensor([
          [1, 2],
          [3, 4],
        ]),
      ].map((row) => row.array()),
    ).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect([...tf.zeros([0, 2])]).toEqual([])
    const [a, b] = tf.tensor([5, 6])
    expect([a?.item(), b?.item()]).toEqual([5, 6])
  })

  test('JSON', () => {
    expect(JSON.stringify({ t: tf.tensor([[1, 2.5]]) })).toBe('{"t":[[1,2.5]]}')
  })

  test('a scalar converts to its number; + and == do not', () => {
    expect(Number(tf.scalar(2.5))).toBe(2.5)
    expect(Math.max(tf.scalar(2) as never, 1)).toBe(2)
    expect(`${String(tf.scalar(2))}`).toBe('Tensor(2, shape=[], float32)')
    expect(() => (tf.scalar(1) as never) + 1).toThrow(tf.TraceError)
  })
})

describe('text', () => {
  test('numbers are the shortest that give back the float32', () => {
    expect(String(tf.tensor([0.1, 1 / 3, 1e-8, 16777216, -0, NaN]))).toBe(
      'Tensor([0.1, 0.33333334, 1e-8, 16777216, -0, NaN], shape=[6], float32)',
    )
  })
  test('long axes are cut in the middle', () => {
    expect(String(tf.range(100))).toBe('Tensor([0, 1, 2, …, 97, 98, 99], shape=[100], int32)')
    expect(String(tf.eye(2))).toBe('Tensor([[1, 0],\n        [0, 1]], shape=[2, 2], float32)')
  })
})

describe('immutability', () => {
  test('properties cannot be set', () => {
    const t = tf.tensor([1, 2]) as unknown as { [key: string | number]: unknown }
    expect(() => {
      t[0] = 5
    }).toThrow(TypeError)
    expect(() => {
      t['type'] = 5
    }).toThrow(TypeError)
  })

  test('a tensor that came from a program is not changed by the next call', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2))
    const results = Array.from({ length: 50 }, (_, i) => f(tf.tensor([i, i + 1])))
    expect(results.map((result) => result.array())).toEqual(results.map((_, i) => [2 * i, 2 * i + 2]))
    const eager = Array.from({ length: 50 }, (_, i) => tf.tensor([i]).add(1))
    expect(eager.map((result) => result.item())).toEqual(eager.map((_, i) => i + 1))
  })
})
