// Variables as the behaviour inventory lists them; titles begin with the row's number.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

/** The message of what `body` throws. */
function messageOf(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    if (error instanceof tf.TracemillError) return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('making', () => {
  test('1: numbers are float32, whole or not; integers come by dtype or typed array', () => {
    expect([1, 2.5, [1, 2], [1, 2.5]].map((value) => tf.variable(value).dtype)).toEqual(
      Array(4).fill('float32'),
    )
    expect(tf.variable(true).dtype).toBe('bool')
    expect(tf.variable(1, { dtype: 'int32' }).dtype).toBe('int32')
    expect(
      [new Float32Array(1), new Float64Array(1), new Int32Array(1), new Uint8Array(1)].map(
        (value) => tf.variable(value).dtype,
      ),
    ).toEqual(['float32', 'float64', 'int32', 'uint8'])
  })

  test('2: trainable by default, whatever the dtype; a tape ignores integers', () => {
    const counter = tf.variable(2, { dtype: 'int32' })
    expect([counter.trainable, tf.variable(true).trainable]).toEqual([true, true])
    expect(tf.variable(1, { trainable: false }).trainable).toBe(false)
    const tape = new tf.GradientTape()
    const y = tape.record(() => counter.cast('float32').mul(3))
    expect(tape.gradient(y, counter)).toBe(null)
  })

  test('3: names number themselves; given ones may repeat', () => {
    const names = [tf.variable(0), tf.variable(0), tf.variable(0)].map((v) => v.name)
    expect(new Set(names).size).toBe(3)
    for (const name of names) expect(name).toMatch(/^Variable(?:_\d+)?$/)
    const [v, w] = [tf.variable(1, { name: 'w' }), tf.variable(2, { name: 'w' })]
    expect([v.name, w.name]).toEqual(['w', 'w'])
    const f = tf.function(() => {
      v.assignAdd(10)
      return w.mul(2)
    })
    expect(f().item()).toBe(4)
    expect([v.item(), w.item()]).toEqual([11, 2])
  })

  test('4: an initial value is required; a function is called once', () => {
    expect(() => tf.variable(undefined as never)).toThrow(tf.ValueError)
    expect(() => tf.variable(null as never)).toThrow(/initial value is missing/)
    let calls = 0
    const initial = (): tf.Tensor => {
      calls++
      return tf.ones([2])
    }
    expect(tf.variable(initial).array()).toEqual([1, 1])
    expect(calls).toBe(1)
  })

  test('5: made of another variable, memory is not shared', () => {
    const a = tf.variable([2])
    const b = tf.variable(a)
    const c = tf.variable(() => a)
    a.assign([5])
    b.assignAdd([1])
    expect([a, b, c].map((v) => v.array())).toEqual([[5], [3], [2]])
    const set = tf.function(() => void a.assign([9]))
    set()
    expect([a, b, c].map((v) => v.array())).toEqual([[9], [3], [2]])
  })
})

describe.each([
  ['eagerly', (body: () => unknown) => void body()],
  ['in a traced function', (body: () => unknown) => tf.function(() => void body(), { onRetrace: 'off' })()],
])('assigning %s', (_, run) => {
  test('6: the shape must be the same; the message names variable and shapes', () => {
    const v = tf.variable([1, 2], { name: 'weights' })
    for (const value of [3, [1, 2, 3], [[1, 2]], []])
      expect(() => run(() => v.assign(value))).toThrow(tf.ShapeError)
    const message = messageOf(() => run(() => v.assign([1, 2, 3])))
    expect(message).toContain('weights f32[2]')
    expect(message).toContain('f32[3]')
    expect(v.array()).toEqual([1, 2])
  })

  test('7: JavaScript values are converted, tensors are not, fractions do not fit integers', () => {
    const v = tf.variable([1, 2], { dtype: 'int32' })
    run(() => v.assign([3, 4]))
    run(() => v.assignAdd(new Float32Array([1, 1])))
    expect([v.dtype, v.array()]).toEqual(['int32', [4, 5]])
    for (const value of [[1.5, 2], tf.tensor([1, 2]), new Float32Array([0.5, 1]), [2 ** 31, 0]])
      expect(() => run(() => v.assign(value))).toThrow(tf.DTypeError)
    const float = tf.variable(1)
    expect(() => run(() => float.assign(tf.scalar(1, 'int32')))).toThrow(tf.DTypeError)
    expect(v.array()).toEqual([4, 5])
  })

  test('8: assignAdd and assignSub do not broadcast', () => {
    const v = tf.variable([1, 2])
    expect(() => run(() => v.assignAdd(1))).toThrow(tf.ShapeError)
    expect(() => run(() => v.assignSub([1]))).toThrow(tf.ShapeError)
    expect(v.array()).toEqual([1, 2])
  })

  test('9: assign* give the variable, which is read when it is used', () => {
    const v = tf.variable(0)
    const out = tf.variable(0)
    run(() => {
      const r = v.assignAdd(1)
      v.assignAdd(10)
      out.assign(tf.add(r, 0))
    })
    expect(out.item()).toBe(11)
    run(() => expect(v.assignAdd(1).assignAdd(1)).toBe(v))
    expect(v.item()).toBe(13)
  })

  test('10: value() stays what it was', () => {
    const v = tf.variable([1, 2])
    const out = tf.variable([0, 0])
    run(() => {
      const snapshot = v.value()
      const view = v.value().expandDims(0)
      v.assign([9, 9])
      v.at(0).assign(8)
      out.assign(snapshot.add(view.sum(0)))
    })
    expect([v.array(), out.array()]).toEqual([
      [8, 9],
      [2, 4],
    ])
  })

  test('17: a read is at its place in the program', () => {
    const v = tf.variable(1)
    const out = tf.variable([0, 0, 0])
    run(() => {
      const a = v.add(0)
      v.assign(5)
      const b = v.add(0)
      v.assignSub(2)
      out.assign([a, b, v])
    })
    expect(out.array()).toEqual([1, 5, 3])
  })
})

describe('using', () => {
  test('11: operators throw and say what to use', () => {
    let v: unknown = tf.variable(1, { name: 'w' })
    expect(() => {
      ;(v as number) += 1
    }).toThrow(/w f32\[\].*\n[^]*assignAdd/)
    expect(() => (v as number) * 2).toThrow(tf.TraceError)
    expect(v).toBeInstanceOf(tf.Variable)
    v = undefined
  })

  test('12: v = v.add(1) is a tensor, which the next tape does not watch', () => {
    let v: tf.Variable | tf.Tensor = tf.variable(3)
    const original = v
    const gradients: unknown[] = []
    for (let i = 0; i < 2; i++) {
      const tape = new tf.GradientTape()
      const x: tf.Variable | tf.Tensor = v
      const y = tape.record(() => x.square().div(6))
      const gradient = tape.gradient(y, x)
      gradients.push(gradient === null ? null : gradient.item())
      v = v.add(1)
    }
    expect(gradients).toEqual([1, null])
    expect(original.item()).toBe(3)
  })

  test('16: variables are keys of Maps and Sets by identity; equal is elementwise', () => {
    const [v, w] = [tf.variable([1, 2]), tf.variable([1, 3])]
    expect(new Map([[v, 1]]).get(v)).toBe(1)
    expect(new Map([[v, 1]]).get(w)).toBe(undefined)
    expect(new Set([v, w, v]).size).toBe(2)
    expect(tf.equal(v, w).array()).toEqual([true, false])
  })

  test('18: modules find variables through fields, arrays, objects and Maps, in sorted order of names', () => {
    const named = (name: string): tf.Variable => tf.variable(0, { name })
    class Inner extends tf.layers.Module {
      k = named('inner.k')
    }
    class Outer extends tf.layers.Module {
      x = named('x')
      w = [named('w0'), { b: named('w1.b'), a: named('w1.a') }]
      b = named('b')
      dk = new Inner()
      d = { 10: named('d.10'), 9: named('d.9') }
      m = new Map([['second', named('m.second')]])
      again = this.b
      #hidden = named('hidden')
      plain = 3
      hidden(): tf.Variable {
        return this.#hidden
      }
    }
    const module = new Outer()
    expect(module.variables.map((v) => v.name)).toEqual([
      'b',
      'd.10',
      'd.9',
      'inner.k',
      'm.second',
      'w0',
      'w1.a',
      'w1.b',
      'x',
    ])
    expect(module.variables).not.toContain(module.hidden())
  })

  test('19: trainableVariables; freezing a layer takes all of its out', () => {
    const dense = new tf.layers.Dense({ units: 3 })
    dense.build([null, 2])
    expect([dense.trainableVariables.length, dense.nonTrainableVariables.length]).toEqual([2, 0])
    dense.trainable = false
    expect([dense.trainableVariables.length, dense.nonTrainableVariables.length]).toEqual([0, 2])
    class Model extends tf.layers.Module {
      dense = dense
      step = tf.variable(0, { trainable: false, name: 'step' })
      w = tf.variable(0, { name: 'w' })
    }
    expect(new Model().trainableVariables.map((v) => v.name)).toEqual(['w'])
    dense.trainable = true
    expect(new Model().trainableVariables.length).toBe(3)
  })
})
