// Host calls: JavaScript in the middle of a compiled program.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

describe('hostCall', () => {
  test('row 122: runs at every call with concrete tensors', () => {
    const log: unknown[] = []
    const f = tf.function((x: tf.Tensor) =>
      tf.hostCall((a) => (log.push(a.array(), tf.isTracing()), a.mul(2)), [x.add(1)], tf.spec([2])).add(10),
    )
    expect(f(tf.tensor([1, 2])).array()).toEqual([14, 16])
    expect(f(tf.tensor([3, 4])).array()).toEqual([18, 20])
    expect(log).toEqual([[2, 3], false, [4, 5], false])
    expect(tf.hostCall((a) => a.item() + 1, [5], tf.spec([])).item()).toBe(6)
  })

  test('row 122: lists, no result at all, JavaScript values and unknown sizes', () => {
    const seen: number[] = []
    const f = tf.function(
      (x: tf.Tensor) => {
        tf.hostCall((a) => void seen.push(a.size), [x])
        const [y, n] = tf.hostCall((a) => [a.neg(), a.size], [x], [x, tf.spec([], 'int32')])
        return [y ?? x, n ?? x]
      },
      { inputSignature: [tf.spec([null])] },
    )
    expect(f(tf.tensor([1, 2, 3])).map((t) => t.array())).toEqual([[-1, -2, -3], 3])
    expect(f(tf.tensor([4])).map((t) => t.array())).toEqual([[-4], 1])
    expect(seen).toEqual([3, 1])
  })

  test('row 122: another dtype, shape or number of results is an error of that call', () => {
    let give: () => tf.TensorLike = () => tf.tensor([1, 2])
    const f = tf.function((x: tf.Tensor) =>
      tf.hostCall(
        function double() {
          return give()
        },
        [x],
        tf.spec([2]),
      ),
    )
    expect(f(tf.scalar(0)).array()).toEqual([1, 2])
    give = () => tf.tensor([1, 2], 'int32')
    expect(() => f(tf.scalar(0))).toThrow(
      /hostCall: result 0 of double has another dtype than its outSpec\n {2}returned {2}i32\[2\]\n {2}outSpec {3}f32\[2\]/,
    )
    give = () => tf.tensor([1, 2, 3])
    expect(() => f(tf.scalar(0))).toThrow(tf.ShapeError)
    give = () => [5, 6]
    expect(f(tf.scalar(0)).array()).toEqual([5, 6])
    expect(() => tf.hostCall(() => tf.tensor([1, 2, 3]), [], tf.spec([2]))).toThrow(tf.ShapeError)
    expect(tf.hostCall(() => tf.tensor([1, 2, 3]), [], tf.spec([null])).size).toBe(3)
    expect(() => tf.hostCall(() => [1], [], [tf.spec([]), tf.spec([])])).toThrow(tf.ValueError)
    expect(() => tf.function(() => tf.hostCall(() => [1], [], tf.spec([null])))()).toThrow(tf.ValueError)
  })

  test('row 122: a Promise is an error', () => {
    const call = (): tf.Tensor =>
      tf.hostCall((async () => tf.scalar(1)) as unknown as () => tf.Tensor, [], tf.spec([]))
    expect(call).toThrow(/returned a Promise/)
    expect(() => tf.function(call)()).toThrow(/returned a Promise/)
  })

  test('an error of the function comes through unchanged, and leaves everything consistent', () => {
    class Mine extends Error {}
    const v = tf.variable(0)
    let bad = true
    const f = tf.function((x: tf.Tensor) => {
      v.assignAdd(1)
      const y = tf.hostCall(
        (a) => {
          if (bad) throw new Mine('own')
          return a
        },
        [x],
        x,
      )
      v.assignAdd(10)
      return y.add(v)
    })
    expect(() => f(tf.scalar(1))).toThrow(Mine)
    expect(v.item()).toBe(1)
    bad = false
    expect(f(tf.scalar(1)).item()).toBe(13)
    expect(v.item()).toBe(12)
  })

  test('Variables are stored before and read again after', () => {
    const v = tf.variable([1, 1])
    const seen: unknown[] = []
    const f = tf.function((x: tf.Tensor) => {
      const entry = v.value()
      v.assignAdd(x)
      const between = v.value()
      tf.hostCall(() => {
        seen.push(v.array())
        v.assign(v.mul(10))
      }, [])
      const after = v.value()
      v.assignAdd([1, 1])
      tf.hostCall(() => void seen.push(v.array()), [])
      return [entry, between, after, v.value(), entry.add(after)]
    })
    const results = f(tf.tensor([1, 2])).map((t) => t.array())
    expect(results).toEqual([
      [1, 1],
      [2, 3],
      [20, 30],
      [21, 31],
      [21, 31],
    ])
    expect(seen).toEqual([
      [2, 3],
      [21, 31],
    ])
    expect(v.array()).toEqual([21, 31])
  })

  test('what is read in the function stays what it was', () => {
    const v = tf.variable(1)
    const kept: tf.Tensor[] = []
    const f = tf.function((x: tf.Tensor) => {
      tf.hostCall(() => void kept.push(v.value()), [])
      v.assignAdd(x)
      tf.print('', { sink: () => void kept.push(v.value()) })
      v.assignAdd(x)
    })
    f(tf.scalar(1))
    f(tf.scalar(10))
    expect(kept.map((t) => t.item())).toEqual([1, 2, 3, 13])
    expect(v.item()).toBe(23)
  })

  test('the function may call traced functions, also the one it is called from', () => {
    const v = tf.variable(0)
    const double = tf.function((x: tf.Tensor) => (v.assignAdd(1), x.mul(2)))
    const f: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor) => {
      const y = x.add(100)
      const z = tf.hostCall((a) => (a.item() > 0 ? f(a.sub(1)) : double(a.add(7))), [x], tf.spec([]))
      return y.add(z).add(v)
    })
    // f(n) = n + 100 + f(n−1) + 1, f(0) = 100 + 14 + 1
    expect(f(tf.scalar(3)).item()).toBe(100 + 14 + 1 + 102 + 103 + 104)
    expect(v.item()).toBe(1)
  })

  test('it runs though its result is unused, in a function called in another too', () => {
    let calls = 0
    const inner = tf.function((x: tf.Tensor) => {
      tf.hostCall((a) => (calls++, a), [x], x)
      return x
    })
    const outer = tf.function((x: tf.Tensor) => inner(inner(x)))
    outer(tf.scalar(1))
    expect(calls).toBe(2)
  })

  test('row 122: gradients flow to the inputs, of the first and second order', () => {
    const cube = (x: tf.Tensor): tf.Tensor => tf.hostCall((a) => a.mul(a).mul(a), [x], x)
    const f = tf.function((x: tf.Tensor) => cube(x).mul(2))
    expect(tf.grad(cube)(2).item()).toBe(12)
    expect(tf.grad(f)(2).item()).toBe(24)
    expect(
      tf
        .function((x: tf.Tensor) => tf.grad(cube)(x))(tf.scalar(3))
        .item(),
    ).toBe(27)
    expect(tf.grad(tf.grad(f))(2).item()).toBe(24)
    const two = tf.function((x: tf.Tensor, y: tf.Tensor) => {
      const [p, q] = tf.hostCall((a, b) => [a.mul(b), a.add(b)], [x, y], [x, x])
      return p!.mul(3).add(q!.sum())
    })
    const [dx, dy] = tf.grads(two)([
      [1, 2],
      [3, 4],
    ])
    expect([dx?.array(), dy?.array()]).toEqual([
      [11, 14],
      [5, 8],
    ])
  })

  test('gradients of Variables read after a host call that assigned them', () => {
    const v = tf.variable(2)
    const f = tf.function((x: tf.Tensor) => {
      tf.hostCall(() => void v.assign(5), [])
      return v.mul(v).mul(x)
    })
    const tape = new tf.GradientTape()
    const y = tape.record(() => f(tf.scalar(3)))
    expect(y.item()).toBe(75)
    expect(tape.gradient(y, v)?.item()).toBe(30)
    expect(() => tf.grad(tf.grad(f))(3)).toThrow(/reads the variable \w+ after a host call/)
  })

  test('Math.random and clocks may be called', () => {
    let n = 0
    const f = tf.function(() => tf.hostCall(() => ++n, [], tf.spec([])))
    expect([f().item(), f().item(), f().item()]).toEqual([1, 2, 3])
  })
})
