// Variables: state across calls, snapshots, assignment and its errors, and what traced functions see and do, also when
// one Variable stands behind two names.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

describe('making variables', () => {
  test('from numbers, arrays, typed arrays, tensors, variables and functions', () => {
    expect(tf.variable(3).array()).toBe(3)
    expect(tf.variable([[1, 2]]).shape).toEqual([1, 2])
    expect(tf.variable([1, 2], { dtype: 'int32' }).dtype).toBe('int32')
    expect(tf.variable(new Int32Array([1])).dtype).toBe('int32')
    expect(tf.variable(tf.ones([2, 3])).array()).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ])
    expect(tf.variable(() => tf.range(3)).array()).toEqual([0, 1, 2])
    expect(tf.variable(tf.tensor([1.5]), { dtype: 'int32' }).array()).toEqual([1])
  })

  test('a variable made of another has memory of its own', () => {
    const a = tf.variable([2])
    const b = tf.variable(a)
    a.assign([5])
    expect([a.array(), b.array()]).toEqual([[5], [2]])
  })

  test('typed arrays are copied', () => {
    const data = new Float32Array([1, 2])
    const v = tf.variable(data)
    data.fill(9)
    expect(v.array()).toEqual([1, 2])
  })

  test('names number themselves and need not be unique', () => {
    const first = tf.variable(0)
    const second = tf.variable(0)
    expect(first.name).toMatch(/^Variable(?:_\d+)?$/)
    expect(second.name).toMatch(/^Variable_\d+$/)
    expect(second.name).not.toBe(first.name)
    const twins = [tf.variable(1, { name: 'w' }), tf.variable(2, { name: 'w' })] as const
    const f = tf.function(() => [twins[0].add(0), twins[1].add(0)] as const)
    expect(f().map((value) => value.item())).toEqual([1, 2])
  })

  test('toString names it', () => {
    expect(String(tf.variable([1, 2], { name: 'w' }))).toBe('Variable(name=w, [1, 2], shape=[2], float32)')
  })

  test.each(['float32', 'float64', 'int32', 'uint8', 'bool'] as const)('%s', (dtype) => {
    const v = tf.variable([1, 0, 1], { dtype })
    v.assign([0, 0, 1])
    expect([v.dtype, Array.from(v.data())]).toEqual([dtype, [0, 0, 1]])
  })
})

describe('assignment', () => {
  test('assign, assignAdd and assignSub return the variable', () => {
    const v = tf.variable([1, 2])
    expect(v.assign([3, 4])).toBe(v)
    expect(v.assignAdd([10, 10]).assignSub([1, 2]).array()).toEqual([12, 12])
  })

  test('the assigned tensor may be the variable itself, its snapshot or a view of it', () => {
    const v = tf.variable([
      [1, 2],
      [3, 4],
    ])
    v.assign(v)
    expect(v.array()).toEqual([
      [1, 2],
      [3, 4],
    ])
    v.assignAdd(v)
    expect(v.array()).toEqual([
      [2, 4],
      [6, 8],
    ])
    v.assign(v.transpose())
    expect(v.array()).toEqual([
      [2, 6],
      [4, 8],
    ])
    v.assignSub(v.value().transpose())
    expect(v.array()).toEqual([
      [0, 2],
      [-2, 0],
    ])
    v.assign(tf.reverse(v, 0))
    expect(v.array()).toEqual([
      [-2, 0],
      [0, 2],
    ])
  })

  test('numbers and arrays take the dtype, tensors of another are refused', () => {
    const v = tf.variable([1, 2], { dtype: 'int32' })
    v.assign([3, 4])
    v.assignAdd(new Float64Array([1, 1]))
    expect([v.dtype, v.array()]).toEqual(['int32', [4, 5]])
    expect(() => v.assign(tf.tensor([1, 2]))).toThrow(tf.DTypeError)
  })

  test.each<[string, (v: tf.Variable) => unknown]>([
    ['a scalar', (v) => v.assign(3)],
    ['another shape', (v) => v.assign([1, 2, 3])],
    ['another rank', (v) => v.assignAdd([[1, 2]])],
    ['another dtype', (v) => v.assignSub(tf.tensor([1, 2], 'int32'))],
    ['ragged data', (v) => v.assign([[1], [2, 3]])],
    ['no data', (v) => v.assign(null as never)],
    ['a failing index', (v) => v.assign(tf.gather([1, 2], [0, 5]))],
    ['a failing index, added', (v) => v.assignAdd(tf.gather([1, 2], [0, 5]))],
  ])('%s is refused and leaves the variable as it was, eagerly and while tracing', (_, assign) => {
    const v = tf.variable([1, 2])
    const snapshot = v.value()
    expect(() => assign(v)).toThrow(tf.TracemillError)
    expect(tf.function(() => void assign(v))).toThrow(tf.TracemillError)
    expect([v.array(), snapshot.array()]).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  test('an update that fails in the middle of a compiled program keeps what was committed before', () => {
    const v = tf.variable([1, 2])
    const w = tf.variable([1, 2])
    const f = tf.function((i: tf.Tensor) => {
      v.assignAdd([10, 10])
      w.assign(v.gather(i))
    })
    expect(() => f(tf.tensor([0, 7], 'int32'))).toThrow(tf.CheckError)
    expect(w.array()).toEqual([1, 2])
    f(tf.tensor([1, 1], 'int32'))
    expect(w.array()).toEqual([v.array(), v.array()].map((value) => (value as number[])[1]))
  })
})

describe('snapshots', () => {
  test('survive later assignments, eager and traced', () => {
    const v = tf.variable([1, 2])
    const add = tf.function((x: tf.Tensor) => {
      v.assignAdd(x)
    })
    const first = v.value()
    v.assign([3, 4])
    const second = v.value()
    add(tf.tensor([1, 1]))
    const third = v.value()
    v.assignSub([4, 5])
    expect([first.array(), second.array(), third.array(), v.array()]).toEqual([
      [1, 2],
      [3, 4],
      [4, 5],
      [0, 0],
    ])
  })

  test('of one content are one tensor, and used by pending views', () => {
    const v = tf.variable([
      [1, 2],
      [3, 4],
    ])
    expect(v.value()).toBe(v.value())
    const view = v.transpose()
    const sum = v.value().add(0)
    const step = tf.function(() => void v.assign(v.mul(10)))
    step()
    expect([view.array(), sum.array(), v.array()]).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
      [
        [10, 20],
        [30, 40],
      ],
    ])
  })

  test('a snapshot may be the argument of the call that changes the variable', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((old: tf.Tensor) => {
      v.assign(v.mul(2))
      return v.sub(old)
    })
    expect(f(v.value()).array()).toEqual([1, 2])
    expect(f(v.value()).array()).toEqual([2, 4])
    expect(v.array()).toEqual([4, 8])
  })

  test('results that are a variable’s old or new value', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((x: tf.Tensor) => {
      const old = v.value()
      v.assign(x)
      const between = v.value()
      v.assignAdd([100, 100])
      return [old, between, v.value(), v] as const
    })
    const [old, between, now, self] = f(tf.tensor([5, 6]))
    expect([old, between, now, self].map((value) => value.array())).toEqual([
      [1, 2],
      [5, 6],
      [105, 106],
      [105, 106],
    ])
    f(tf.tensor([7, 8]))
    expect([old, between, now, self].map((value) => value.array())).toEqual([
      [1, 2],
      [5, 6],
      [105, 106],
      [105, 106],
    ])
    expect(self).not.toBeInstanceOf(tf.Variable)
  })

  test('a returned Variable is its value at the end', () => {
    const v = tf.variable(1)
    const f = tf.function(() => {
      const result = v
      v.assign(9)
      return result
    })
    expect(f().item()).toBe(9)
  })

  test('a large snapshot', () => {
    const n = 100_000
    const v = tf.variable(tf.range(n).cast('float32'))
    const f = tf.function(() => void v.assign(tf.zeros([n])))
    const before = v.value()
    f()
    expect([before.data()[n - 1], v.data()[n - 1]]).toEqual([n - 1, 0])
  })
})

describe('in traced functions', () => {
  test('reads and writes are in program order', () => {
    const v = tf.variable(1)
    const f = tf.function(() => {
      const a = v.add(0)
      v.assign(5)
      const b = v.add(0)
      v.assign(v.mul(b))
      v.assignAdd(1).assignAdd(1)
      return [a, b, v.add(0)] as const
    })
    expect(f().map((value) => value.item())).toEqual([1, 5, 27])
    expect(f().map((value) => value.item())).toEqual([27, 5, 27])
  })

  test('are captured by reference; rebinding the name is not seen', () => {
    let v = tf.variable(2)
    const old = v
    const f = tf.function((x: tf.Tensor) => x.mul(v))
    expect(f(tf.scalar(3)).item()).toBe(6)
    v.assign(5)
    expect(f(tf.scalar(3)).item()).toBe(15)
    v = tf.variable(100)
    expect(f(tf.scalar(3)).item()).toBe(15)
    old.assignAdd(1)
    expect([f(tf.scalar(3)).item(), f.traceCount]).toEqual([18, 1])
  })

  test('swap and rotate through their old values', () => {
    const [a, b, c] = [tf.variable([1, 1]), tf.variable([2, 2]), tf.variable([3, 3])]
    const rotate = tf.function(() => {
      const old = a.value()
      a.assign(b)
      b.assign(c)
      c.assign(old)
    })
    rotate()
    expect([a.array(), b.array(), c.array()]).toEqual([
      [2, 2],
      [3, 3],
      [1, 1],
    ])
    rotate()
    expect([a.array(), b.array(), c.array()]).toEqual([
      [3, 3],
      [1, 1],
      [2, 2],
    ])
  })

  test('assignments whose index maps differ from the variable’s', () => {
    const v = tf.variable([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ])
    const turn = tf.function(
      () => void v.assign(tf.reverse(v.transpose(), 0).add(v.slice([0, 0], [1, 3]).mul(0))),
    )
    turn()
    expect(v.array()).toEqual([
      [3, 6, 9],
      [2, 5, 8],
      [1, 4, 7],
    ])
    const shift = tf.function(
      () => void v.assign(tf.concat([v.slice([1, 0], [2, 3]), v.slice([0, 0], [1, 3])], 0)),
    )
    shift()
    expect(v.array()).toEqual([
      [2, 5, 8],
      [1, 4, 7],
      [3, 6, 9],
    ])
    const product = tf.function(() => void v.assign(v.matMul(v)))
    const expected = v.value().matMul(v.value()).array()
    product()
    expect(v.array()).toEqual(expected)
  })

  test('an assignment that nothing reads still happens, with results unused', () => {
    const v = tf.variable(0)
    const f = tf.function((x: tf.Tensor) => {
      x.mul(1000)
      v.assignAdd(x)
    })
    f(tf.scalar(2))
    f(tf.scalar(3))
    expect(v.item()).toBe(5)
  })

  test('as arguments they are assigned, and any variable of the type will do', () => {
    const [v, w] = [tf.variable([1, 2]), tf.variable([10, 20])]
    const f = tf.function((target: tf.Variable, x: tf.Tensor) => {
      target.assignAdd(x)
      return target.sum()
    })
    expect(f(v, tf.tensor([1, 1])).item()).toBe(5)
    expect(f(w, tf.tensor([1, 1])).item()).toBe(32)
    expect([v.array(), w.array(), f.traceCount]).toEqual([[2, 3], [11, 21], 1])
  })

  test('an argument that is also captured: writes through one are seen through the other, in one trace', () => {
    const v = tf.variable(1, { name: 'v' })
    const w = tf.variable(2, { name: 'w' })
    const f = tf.function((a: tf.Variable) => {
      a.assign(10)
      const seen = v.add(0)
      v.assignAdd(5)
      return [seen, a.add(0)] as const
    })
    expect(f(w).map((value) => value.item())).toEqual([1, 10])
    expect([v.item(), w.item()]).toEqual([6, 10])
    expect(f(v).map((value) => value.item())).toEqual([10, 15])
    expect(v.item()).toBe(15)
    expect(f(w).map((value) => value.item())).toEqual([15, 10])
    expect(f.traceCount).toBe(1)
  })

  test('two arguments of one variable, captured as well, inside an outer function', () => {
    const v = tf.variable(1)
    const w = tf.variable(100)
    const inner = tf.function(
      (a: tf.Variable, b: tf.Variable) => {
        a.assignAdd(1)
        b.assign(b.mul(2))
        v.assignAdd(1000)
        return a.add(b)
      },
      { onRetrace: 'off' },
    )
    expect(inner(v, v).item()).toBe(2 * 1004)
    const outer = tf.function((a: tf.Variable) => inner(a, w).add(inner(a, a)))
    // v 1004: a 1005, w 200, v 2005 → 2205; then a 2006, 4012, 5012 → 10024
    expect(outer(v).item()).toBe(2205 + 10024)
    expect([v.item(), w.item()]).toEqual([5012, 200])
  })

  test('variables in structures', () => {
    const model = { w: tf.variable([1, 2]), layers: [tf.variable(3), tf.variable(4)] }
    const f = tf.function((m: typeof model, x: tf.Tensor) => {
      m.layers[0]?.assignAdd(x)
      return m.w.mul(m.layers[0] ?? 0).add(m.layers[1] ?? 0)
    })
    expect(f(model, tf.scalar(1)).array()).toEqual([8, 12])
    expect(f(model, tf.scalar(1)).array()).toEqual([9, 14])
    expect(model.layers[0]?.item()).toBe(5)
  })

  test('arguments whose paths read alike once dots are gone', () => {
    const f = tf.function((x: { readonly a_b: tf.Variable; readonly a: { readonly b: tf.Variable } }) => {
      x.a.b.assignAdd(1)
      x.a_b.assignAdd(100)
    })
    const [v, w] = [tf.variable(0), tf.variable(0)]
    f({ a_b: v, a: { b: w } })
    expect([v.item(), w.item()]).toEqual([100, 1])
  })

  test('a gradient through a captured variable, then an update in place', () => {
    const w = tf.variable([3, 4])
    const step = tf.function((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const loss = tape.record(() => w.mul(x).square().sum())
      const gradient = tape.gradient(loss, w)
      if (gradient === null) throw new Error('no gradient')
      w.assignSub(gradient.mul(0.5))
      return loss
    })
    const x = tf.tensor([1, 2])
    // loss Σ (w x)², gradient 2 w x².
    expect(step(x).item()).toBe(9 + 64)
    expect(w.array()).toEqual([0, -12])
    expect(step(x).item()).toBe(576)
  })

  test('many variables in one function', () => {
    const all = Array.from({ length: 40 }, (_, i) => tf.variable(tf.fill([i + 1], i)))
    const f = tf.function(() => {
      for (const v of all) v.assign(v.add(1))
      return tf.addN(all.map((v) => v.sum()))
    })
    f()
    const expected = all.reduce((sum, _, i) => sum + (i + 1) * (i + 2), 0)
    expect(f().item()).toBe(expected)
    expect(all.map((v) => v.data()[0])).toEqual(all.map((_, i) => i + 2))
  })
})
