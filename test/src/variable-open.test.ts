// Row 13: variables some of whose sizes assignments may change, in eager code and in traced functions.
import { describe, expect, test } from 'vitest'
import { machineryOf } from '../../src/function.ts'
import * as tf from '../../src/index.ts'
import { parseGraph } from '../../tracer/ir/parse.ts'
import { printGraph } from '../../tracer/ir/print.ts'
import { verifyGraph } from '../../tracer/ir/verify.ts'

describe('eagerly', () => {
  test('13: an assignment only needs to be compatible', () => {
    const v = tf.variable([1], { shape: [null] })
    v.assign([1, 2])
    expect([v.shape, v.size, v.rank, v.array()]).toEqual([[2], 2, 1, [1, 2]])
    v.assign([])
    expect([v.shape, v.array()]).toEqual([[0], []])
    v.assign(tf.range(1000).cast('float32'))
    expect([v.shape, v.sum().item()]).toEqual([[1000], 499500])
    expect(v.declaredShape).toEqual([null])
    expect(() => v.assign(3)).toThrow(tf.ShapeError)
    expect(() => v.assign([[1]])).toThrow(/rank/)
    expect(v.shape).toEqual([1000])
  })

  test('sizes that are declared stay', () => {
    const v = tf.variable(tf.ones([1, 3]), { shape: [null, 3], dtype: 'int32' })
    v.assign(tf.ones([5, 3], 'int32'))
    expect(v.shape).toEqual([5, 3])
    expect(() => v.assign(tf.ones([5, 4], 'int32'))).toThrow(tf.ShapeError)
    expect(() => v.assign(tf.ones([5, 3]))).toThrow(tf.DTypeError)
    expect([v.shape, v.sum().item()]).toEqual([[5, 3], 15])
    expect(() => tf.variable([1, 2], { shape: [3] })).toThrow(/declared/)
    expect(() => tf.variable([1, 2], { shape: [null, null] })).toThrow(tf.ShapeError)
  })

  test('null as the whole shape allows any', () => {
    const v = tf.variable(1, { shape: null })
    v.assign([[1, 2]])
    expect(v.shape).toEqual([1, 2])
    v.assign(5)
    expect([v.shape, v.item()]).toEqual([[], 5])
  })

  test('updates need the present shape', () => {
    const v = tf.variable([1, 2], { shape: [null] })
    v.assign([1, 2, 3])
    v.assignAdd([1, 1, 1])
    expect(() => v.assignAdd([1, 1])).toThrow(tf.ShapeError)
    expect(() => v.assignSub(1)).toThrow(tf.ShapeError)
    v.at(2).assign(9)
    v.scatterAdd([0], [10])
    expect(v.array()).toEqual([12, 3, 9])
  })

  test('snapshots and pending views keep the old content and shape', () => {
    const v = tf.variable(
      [
        [1, 2],
        [3, 4],
      ],
      { shape: [null, null] },
    )
    const snapshot = v.value()
    const view = v.transpose()
    v.assign([[5, 6, 7]])
    v.assign(v.transpose())
    expect([snapshot.array(), view.array(), v.array()]).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 3],
        [2, 4],
      ],
      [[5], [6], [7]],
    ])
  })

  test('gradients have the present shape', () => {
    const v = tf.variable([1], { shape: [null] })
    v.assign([1, 2, 3])
    const tape = new tf.GradientTape()
    const y = tape.record(() => v.square().sum())
    expect(tape.gradient(y, v)?.array()).toEqual([2, 4, 6])
  })
})

describe('in traced functions', () => {
  test('reads follow the size without a retrace', () => {
    const v = tf.variable([1], { shape: [null] })
    const f = tf.function(() => [v.mul(2), v.sum(), v] as const)
    for (const content of [[1, 2], [3], [], [1, 2, 3, 4, 5]]) {
      v.assign(content)
      const [doubled, sum, self] = f()
      expect([doubled.array(), sum.item(), self.array()]).toEqual([
        content.map((x) => 2 * x),
        content.reduce((a, b) => a + b, 0),
        content,
      ])
    }
    expect(f.traceCount).toBe(1)
  })

  test('its size is a tensor there, not a number', () => {
    const v = tf.variable([1, 2], { shape: [null] })
    const f = tf.function(() => tf.sizeOf(v, 0))
    expect(f().item()).toBe(2)
    v.assign([1, 2, 3])
    expect(f().item()).toBe(3)
    expect(() => tf.function(() => v.mul(v.size * 2))()).toThrow(tf.TraceError)
  })

  test('assignments of other sizes, computed from arguments and from the old content', () => {
    const v = tf.variable([1], { shape: [null] })
    const push = tf.function((x: tf.Tensor) => {
      v.assign(tf.concat([v, x], 0))
      return v.sum()
    })
    const expected = [1]
    for (let i = 2; i < 40; i++) {
      expected.push(i)
      expect(push(tf.tensor([i])).item()).toBe(expected.reduce((a, b) => a + b, 0))
    }
    expect([v.array(), v.shape, push.traceCount]).toEqual([expected, [39], 1])
  })

  test('several assignments in one call, and reads of each', () => {
    const v = tf.variable([1, 2], { shape: [null] })
    const f = tf.function((x: tf.Tensor) => {
      const old = v.value()
      v.assign(x)
      const middle = v.mul(1)
      v.assign(tf.concat([v, v], 0))
      v.assignAdd(tf.concat([x, x], 0))
      return [old, middle, v.value()] as const
    })
    for (let i = 0; i < 2; i++) {
      const before = v.array()
      const [old, middle, now] = f(tf.tensor([5, 6, 7]))
      expect([old.array(), middle.array(), now.array(), v.array()]).toEqual([
        before,
        [5, 6, 7],
        [10, 12, 14, 10, 12, 14],
        [10, 12, 14, 10, 12, 14],
      ])
    }
  })

  test('an update of the same size, in place of nothing but itself', () => {
    const v = tf.variable([1, 2], { shape: [null] })
    const snapshot = v.value()
    const f = tf.function(() => {
      v.assignAdd(v)
      v.at(0).assign(100)
    })
    f()
    expect([v.array(), snapshot.array()]).toEqual([
      [100, 4],
      [1, 2],
    ])
    v.assign([1, 2, 3])
    f()
    expect([v.array(), f.traceCount]).toEqual([[100, 4, 6], 1])
  })

  test('what was assigned before a check fails stays', () => {
    const v = tf.variable([1], { shape: [null] })
    const f = tf.function((x: tf.Tensor) => {
      v.assign(tf.concat([v, x], 0))
      tf.assert(x.less(10).all())
      v.assign(tf.concat([v, v], 0))
    })
    f(tf.tensor([2]))
    expect(v.array()).toEqual([1, 2, 1, 2])
    expect(() => f(tf.tensor([20]))).toThrow(tf.CheckError)
    expect(v.array()).toEqual([1, 2, 1, 2, 20])
    f(tf.tensor([3]))
    expect(v.size).toBe(12)
  })

  test('sizes that the trace took to be equal are demanded at the call', () => {
    const v = tf.variable([1, 2, 3], { shape: [null] })
    const f = tf.function((x: tf.Tensor) => v.add(x))
    const x = tf.tensor([10, 20, 30])
    expect(f(x).array()).toEqual([11, 22, 33])
    v.assign([1, 2])
    expect(() => f(x)).toThrow(tf.ShapeError)
    v.assign([4, 5, 6])
    expect(f(x).array()).toEqual([14, 25, 36])
  })

  test('the declared sizes are demanded of what is assigned', () => {
    const v = tf.variable(tf.ones([1, 2]), { shape: [null, 2] })
    const f = tf.function((x: tf.Tensor) => void v.assign(x), {
      inputSignature: [tf.spec([null, null])],
    })
    f(tf.ones([3, 2]))
    expect(v.shape).toEqual([3, 2])
    expect(() => f(tf.ones([3, 4]))).toThrow(tf.ShapeError)
    expect(v.shape).toEqual([3, 2])
  })

  test('a fixed variable takes a value of unknown size when it is the right one', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((x: tf.Tensor) => void v.assign(x), { inputSignature: [tf.spec([null])] })
    f(tf.tensor([3, 4]))
    expect(v.array()).toEqual([3, 4])
    expect(() => f(tf.tensor([3, 4, 5]))).toThrow(tf.ShapeError)
    expect(v.array()).toEqual([3, 4])
  })

  test('as arguments', () => {
    const f = tf.function((v: tf.Variable, x: tf.Tensor) => {
      v.assign(tf.concat([v, x], 0))
      return v.sum()
    })
    const [v, w] = [tf.variable([1], { shape: [null] }), tf.variable([1, 2], { shape: [null] })]
    expect(f(v, tf.tensor([10])).item()).toBe(11)
    expect(f(w, tf.tensor([10])).item()).toBe(13)
    expect(f(v, tf.tensor([100])).item()).toBe(111)
    expect([v.array(), w.array(), f.traceCount]).toEqual([[1, 10, 100], [1, 2, 10], 1])
  })

  test('in a function that another one calls', () => {
    const v = tf.variable([1], { shape: [null] })
    const push = tf.function((x: tf.Tensor) => {
      v.assign(tf.concat([v, x], 0))
      return v.mul(2)
    })
    const outer = tf.function((x: tf.Tensor) => {
      const first = push(x)
      const second = push(x.add(1))
      return [first, second, v.sum()] as const
    })
    for (const expected of [
      [1, 5, 6],
      [1, 5, 6, 5, 6],
    ]) {
      const [first, second, sum] = outer(tf.tensor([5]))
      expect(first.array()).toEqual(expected.slice(0, -1).map((x) => 2 * x))
      expect(second.array()).toEqual(expected.map((x) => 2 * x))
      expect(sum.item()).toBe(expected.reduce((a, b) => a + b, 0))
      expect(v.array()).toEqual(expected)
    }
    expect([push.traceCount, outer.traceCount]).toEqual([1, 1])
  })

  test('gradients through a call', () => {
    const v = tf.variable([1, 2], { shape: [null] })
    const f = tf.function((x: tf.Tensor) => v.square().mul(x).sum())
    for (const content of [
      [1, 2],
      [3, 4, 5],
    ]) {
      v.assign(content)
      const tape = new tf.GradientTape()
      const y = tape.record(() => f(tf.scalar(3)))
      expect(tape.gradient(y, v)?.array()).toEqual(content.map((x) => 6 * x))
    }
    const plain = tf.function(() => v.sum())
    for (const content of [
      [1, 2],
      [3, 4, 5],
    ]) {
      v.assign(content)
      const tape = new tf.GradientTape({ persistent: true })
      const y = tape.record(() => plain().mul(2))
      expect(tape.gradient(y, v)?.array()).toEqual(content.map(() => 2))
    }
    const second = tf.function(() => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => v.square().mul(v).sum())
      return tape.gradient(y, v)
    })
    expect(second()?.array()).toEqual([27, 48, 75])
    v.assign([2])
    expect(second()?.array()).toEqual([12])
  })

  test('another rank, two names for one, and host calls beside it are refused with reasons', () => {
    const v = tf.variable([1, 2], { shape: null })
    const f = tf.function(() => v.mul(2))
    expect(f().array()).toEqual([2, 4])
    v.assign([3])
    expect(f().array()).toEqual([6])
    v.assign([[3]])
    expect(() => f()).toThrow(/had rank 1 when/)
    const w = tf.variable([1], { shape: [null] })
    const both = tf.function((a: tf.Variable) => a.add(w))
    expect(() => both(w)).toThrow(/two names/)
    const host = tf.function((x: tf.Tensor) => {
      w.assign(x)
      return tf.hostCall((y: tf.Tensor) => y, [x], tf.spec([2]))
    })
    expect(() => host(tf.tensor([1, 2]))).toThrow(tf.TracemillError)
    expect(w.array()).toEqual([1])
  })

  test('many sizes in turn leave memory as it was', () => {
    const v = tf.variable([0], { shape: [null] })
    const set = tf.function((x: tf.Tensor) => void v.assign(x.add(1)), { inputSignature: [tf.spec([null])] })
    for (let i = 0; i < 300; i++) set(tf.fill([1 + (i % 7) * 1000], i))
    expect([v.size, v.data()[0], set.traceCount]).toEqual([1 + (299 % 7) * 1000, 300, 1])
  })
})

test('the graph says so, in text that parses back', () => {
  const v = tf.variable(tf.ones([1, 3]), { shape: [null, 3], name: 'v' })
  const f = tf.function((x: tf.Tensor) => void v.assign(tf.concat([v, x], 0)))
  f(tf.ones([2, 3]))
  const graph = machineryOf(f)?.current?.traced.graph
  if (graph === undefined) throw new Error('not traced')
  verifyGraph(graph)
  const text = printGraph(graph)
  expect(text).toContain('captures @v: f32[_v_0,3] open variable')
  expect(printGraph(parseGraph(text))).toBe(text)
  expect(parseGraph(text).captures[0]?.open).toBe(true)
})

test('a variable of size 1 that the trace took for another size is refused, not broadcast wrongly', () => {
  const v = tf.variable([1, 2, 3], { shape: [null] })
  const f = tf.function((x: tf.Tensor) => v.mul(x))
  expect(f(tf.tensor([1, 2, 3])).array()).toEqual([1, 4, 9])
  v.assign([5])
  expect(() => f(tf.tensor([1, 2, 3]))).toThrow(tf.ShapeError)
})

test('a print, a check and reads between assignments see the content of their place', () => {
  const v = tf.variable([1, 2], { shape: [null] })
  const lines: string[] = []
  const f = tf.function((x: tf.Tensor) => {
    tf.print(v, { sink: (text: string) => lines.push(text) })
    v.assign(tf.concat([v, x], 0))
    tf.print(v.sum(), { sink: (text: string) => lines.push(text) })
    v.assign(x)
  })
  f(tf.tensor([3]))
  expect(lines).toEqual(['[1 2]', '6'])
  f(tf.tensor([3]))
  expect([lines.slice(2), v.array()]).toEqual([['[3]', '6'], [3]])
})
