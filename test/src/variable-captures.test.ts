// Rows 98 to 109 and 20: what a traced function closes over.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'
import { machineryOf } from '../../src/function.ts'

/** The graph a function was last traced to. */
function graphOf(f: object): ReturnType<typeof graph> {
  return graph(f)
}
function graph(f: object) {
  const traced = machineryOf(f)?.current?.traced
  if (traced === undefined) throw new Error('not traced')
  return traced
}

describe('closures', () => {
  test('20: a trace keeps the variable it captured alive', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    let v: tf.Variable | null = tf.variable(7)
    const captured = v
    const alive = new WeakRef(captured)
    const f = ((w: tf.Variable) => tf.function(() => w.add(0)))(v)
    f()
    v = null
    for (let i = 0; i < 3; i++) {
      await new Promise((done) => setTimeout(done, 0))
      collect()
    }
    expect(v).toBe(null)
    expect([f().item(), alive.deref()?.item()]).toEqual([7, 7])
  })

  test('98: small tensors become constants of the graph, large ones captures', () => {
    const small = tf.ones([4])
    const large = tf.ones([10_000])
    const f = tf.function((x: tf.Tensor) => x.add(small).sum().add(large.mul(x.sum()).sum()))
    expect(f(tf.zeros([4])).item()).toBe(4)
    const { graph: made } = graphOf(f)
    expect(made.captures.map(({ kind, type }) => [kind, type.shape])).toEqual([['tensor', [10_000]]])
    expect(
      made.nodes.filter((node) => node.op === 'constant' && node.results[0]?.type.shape[0] === 4).length,
    ).toBe(1)
  })

  test('99: variables are captured by reference, when the callback first uses them', () => {
    const v = tf.variable(2)
    const f = tf.function(() => tf.mul(v, 3))
    v.assign(5)
    expect(f().item()).toBe(15)
    v.assign(7)
    expect([f().item(), f.traceCount]).toEqual([21, 1])
  })

  test('100: tensors are captured by value; rebinding the name has no effect', () => {
    let [small, large] = [tf.scalar(1), tf.fill([100], 1)]
    const f = tf.function(() => [small.add(0), large.sum()] as const)
    expect(f().map((x) => x.item())).toEqual([1, 100])
    small = tf.scalar(2)
    large = tf.fill([100], 2)
    expect(f().map((x) => x.item())).toEqual([1, 100])
    expect([small.item(), large.size]).toEqual([2, 100])
  })

  test('101: numbers, arrays and typed arrays are frozen as they were in the trace', () => {
    let k = 2
    const list = [1, 2]
    const typed = new Float32Array(20).fill(1)
    const f = tf.function((x: tf.Tensor) => [x.mul(k), x.add(list), x.sum().add(typed)] as const)
    const read = (): unknown[] => {
      const [product, sum, long] = f(tf.tensor([1, 1]))
      return [product.array(), sum.array(), long.data()[19]]
    }
    expect(read()).toEqual([[2, 2], [2, 3], 3])
    k = 9
    list[0] = 50
    typed.fill(7)
    expect(read()).toEqual([[2, 2], [2, 3], 3])
    expect(k).toBe(9)
  })

  test('102: another trace reads them again', () => {
    let k = 2
    const f = tf.function((x: tf.Tensor) => x.mul(k), { onRetrace: 'off' })
    expect(f(tf.scalar(1)).item()).toBe(2)
    k = 9
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(f(tf.tensor([1])).array()).toEqual([9])
  })

  test('103: rebinding the name of a variable is not seen', () => {
    let v = tf.variable(1)
    const f = tf.function(() => v.add(0))
    f()
    v = tf.variable(50)
    expect([f().item(), v.item()]).toEqual([1, 50])
  })

  test('104: a trace lists the variables it captures', () => {
    const [v, w] = [tf.variable(1, { name: 'v' }), tf.variable(2, { name: 'w', trainable: false })]
    const f = tf.function((x: tf.Tensor) => x.mul(v).add(w).add(v))
    expect(f(tf.scalar(3)).item()).toBe(6)
    expect([...graphOf(f).variables.values()]).toEqual([v, w])
  })

  test('107: a variable that is argument and captured is one variable, in one trace', () => {
    const [v, w] = [tf.variable(1), tf.variable(2)]
    const f = tf.function((a: tf.Variable) => {
      a.assign(10)
      return v.add(0)
    })
    expect([f(w).item(), f(v).item(), f.traceCount]).toEqual([1, 10, 1])
    const parts = tf.function((a: tf.Variable) => {
      a.at(0).assign(5)
      return v2.sum()
    })
    const [v2, w2] = [tf.variable([1, 2]), tf.variable([3, 4])]
    expect([parts(w2).item(), parts(v2).item(), parts.traceCount]).toEqual([3, 7, 1])
  })
})

describe('105: symbolic tensors of the function around', () => {
  test('are captured by a function traced inside', () => {
    const outer = tf.function((x: tf.Tensor) => {
      const y = x.mul(2)
      return tf.function((z: tf.Tensor) => z.add(y))(x)
    })
    expect(outer(tf.scalar(3)).item()).toBe(9)
    expect([outer(tf.scalar(5)).item(), outer.traceCount]).toEqual([15, 1])
  })

  test('through two functions, and used twice', () => {
    const outer = tf.function((x: tf.Tensor) => {
      const y = x.mul(2)
      const middle = tf.function((z: tf.Tensor) => {
        const inner = tf.function((u: tf.Tensor) => u.add(y).mul(x))
        return inner(z)
          .add(inner(z.add(1)))
          .add(y)
      })
      return middle(x.add(100))
    })
    const reference = (x: number): number => (x + 100 + 2 * x) * x + (x + 101 + 2 * x) * x + 2 * x
    expect(outer(tf.scalar(3)).item()).toBe(reference(3))
    expect(outer(tf.scalar(4)).item()).toBe(reference(4))
  })

  test('with sizes that are not known', () => {
    const outer = tf.function(
      (x: tf.Tensor) => {
        const y = x.mul(2)
        const inner = tf.function((z: tf.Tensor) => tf.concat([z, y], 0).sum().add(z.mul(y).sum()), {
          inputSignature: [tf.spec([null])],
        })
        return inner(x)
      },
      { inputSignature: [tf.spec([null])] },
    )
    for (const values of [[1, 2], [3], [1, 2, 3, 4]]) {
      const sum = values.reduce((a, b) => a + b, 0)
      const squares = values.reduce((a, b) => a + b * b, 0)
      expect(outer(tf.tensor(values)).item()).toBe(3 * sum + 2 * squares)
    }
    expect(outer.traceCount).toBe(1)
  })

  test('with gradients inside and outside', () => {
    const v = tf.variable(3)
    const outer = tf.function((x: tf.Tensor) => {
      const y = x.mul(v)
      const inner = tf.function((z: tf.Tensor) => z.mul(y).square())
      const tape = new tf.GradientTape()
      const loss = tape.record(() => {
        tape.watch(y)
        return inner(x)
      })
      return [loss, tape.gradient(loss, y)] as const
    })
    const tape = new tf.GradientTape()
    const [loss, inside] = tape.record(() => outer(tf.scalar(2)))
    // (x y)² with y = x v: 144; by y: 2 x² y = 48; by v: 2 x⁴ v = 96.
    expect([loss.item(), inside?.item(), tape.gradient(loss, v)?.item()]).toEqual([144, 48, 96])
  })

  test('a function that closed over them is traced again in another trace, where the callback can use them', () => {
    let shared = tf.scalar(0)
    const inner = tf.function((z: tf.Tensor) => z.add(shared), { onRetrace: 'off' })
    const outer = tf.function(
      (x: tf.Tensor) => {
        shared = x.sum().mul(2)
        return inner(x.sum())
      },
      { onRetrace: 'off' },
    )
    expect(outer(tf.tensor([1, 2])).item()).toBe(9)
    expect(outer(tf.tensor([1, 2, 3])).item()).toBe(18)
    expect(outer(tf.tensor([2, 2])).item()).toBe(12)
    expect([outer.traceCount, inner.traceCount, inner.cacheSize]).toEqual([2, 2, 1])
    expect(() => inner(tf.scalar(1))).toThrow(/out of scope/)
    shared = tf.scalar(100)
    expect([inner(tf.scalar(1)).item(), inner(tf.scalar(2)).item()]).toEqual([101, 102])
  })
})

test('106: a tensor that leaked names its function and line', () => {
  let leaked = tf.scalar(0)
  const leak = tf.function(
    (x: tf.Tensor) => {
      leaked = x.add(1)
      return x
    },
    { name: 'leak' },
  )
  leak(tf.scalar(1))
  for (const use of [
    () => tf.add(leaked, 1),
    () => tf.function((x: tf.Tensor) => x.add(leaked))(tf.scalar(1)),
    () => tf.variable(0).assign(leaked),
  ])
    expect(use).toThrow(
      /while tracing leak and is out of scope[^]*created +in leak at variable-captures\.test\.ts:\d+/,
    )
})

describe('108: live values', () => {
  test('are computed at every call, without a retrace', () => {
    let k = 2
    const f = tf.function((x: tf.Tensor) => x.mul(tf.live(() => k)))
    expect(f(tf.scalar(10)).item()).toBe(20)
    k = 3
    expect(f(tf.scalar(10)).item()).toBe(30)
    expect(f(tf.scalar(-1)).item()).toBe(-3)
    expect(f.traceCount).toBe(1)
    expect(tf.live(() => k).item()).toBe(3)
  })

  test('of tensors, variables, arrays and other dtypes', () => {
    let tensor = tf.tensor([1, 2])
    const list = [10, 20]
    const v = tf.variable([100, 200])
    let whole = 3
    const f = tf.function(
      (x: tf.Tensor) =>
        [
          x
            .add(tf.live(() => tensor))
            .add(tf.live(() => list))
            .add(tf.live(() => v)),
          tf.live(() => whole, 'int32').mul(2),
        ] as const,
    )
    const read = (): unknown => f(tf.tensor([0, 0])).map((y) => [y.dtype, y.array()])
    expect(read()).toEqual([
      ['float32', [111, 222]],
      ['int32', 6],
    ])
    tensor = tf.tensor([5, 6])
    list[1] = 0
    v.assign([0, 0])
    whole = 4
    expect(read()).toEqual([
      ['float32', [15, 6]],
      ['int32', 8],
    ])
    expect(f.traceCount).toBe(1)
  })

  test('the same function is called once per call', () => {
    let calls = 0
    const count = (): number => ++calls
    const f = tf.function((x: tf.Tensor) => x.add(tf.live(count)).sub(tf.live(count)))
    expect(f(tf.scalar(5)).item()).toBe(5)
    const first = calls
    expect(f(tf.scalar(5)).item()).toBe(5)
    expect(calls).toBe(first + 1)
  })

  test('another dtype or shape is an error', () => {
    let value: tf.TensorLike = [1, 2]
    const f = tf.function(() => tf.live(() => value).mul(2))
    expect(f().array()).toEqual([2, 4])
    value = [1, 2, 3]
    expect(() => f()).toThrow(/f32\[3\], but was f32\[2\]/)
    value = tf.tensor([1, 2], 'int32')
    expect(() => f()).toThrow(tf.TraceError)
    value = [3, 4]
    expect(f().array()).toEqual([6, 8])
  })

  test('in a function that another one calls', () => {
    let k = 2
    const inner = tf.function((x: tf.Tensor) => x.mul(tf.live(() => k)))
    const outer = tf.function((x: tf.Tensor) => inner(x).add(inner(x.mul(10))))
    expect(outer(tf.scalar(1)).item()).toBe(22)
    k = 3
    expect([outer(tf.scalar(1)).item(), inner(tf.scalar(1)).item()]).toEqual([33, 3])
    expect([outer.traceCount, inner.traceCount]).toEqual([1, 1])
  })

  test('in a custom gradient and under tapes', () => {
    let k = 2
    const w = tf.variable([1, 2])
    const scaled = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(tf.live(() => k)),
      gradient: (upstream: tf.Tensor) => upstream.mul(tf.live(() => k * 100)),
    }))
    const f = tf.function((x: tf.Tensor) => scaled(x).sum())
    const g = tf.function((x: tf.Tensor) => x.mul(tf.live(() => w)).sum())
    for (const next of [2, 3]) {
      k = next
      w.assign([next, next + 1])
      const x = tf.tensor([5, 7])
      const tape = new tf.GradientTape({ persistent: true })
      const [y, z] = tape.record(() => {
        tape.watch(x)
        return [f(x), g(x)] as const
      })
      expect([y.item(), tape.gradient(y, x)?.array()]).toEqual([12 * k, [100 * k, 100 * k]])
      expect(tape.gradient(z, x)?.array()).toEqual([next, next + 1])
      expect(tape.gradient(z, w)?.array()).toEqual([5, 7])
    }
    expect([f.traceCount, g.traceCount]).toEqual([1, 1])
  })

  test('a symbolic tensor has no live value', () => {
    const f = tf.function((x: tf.Tensor) => tf.live(() => x))
    expect(() => f(tf.scalar(1))).toThrow(tf.TraceError)
  })
})

describe('109: a variable as a size', () => {
  test('is followed without a retrace', () => {
    const n = tf.variable(3, { dtype: 'int32', name: 'n' })
    expect(tf.zeros([n]).shape).toEqual([3])
    const f = tf.function(
      (x: tf.Tensor) => [tf.zeros([n]), tf.ones([2, n]).mul(x).sum(), tf.fill([n, n], 7)] as const,
    )
    for (const size of [3, 5, 0, 1]) {
      n.assign(size)
      const [zeros, sum, square] = f(tf.scalar(10))
      expect([zeros.array(), sum.item(), square.shape]).toEqual([
        Array(size).fill(0),
        20 * size,
        [size, size],
      ])
    }
    expect(f.traceCount).toBe(1)
    n.assign(-1)
    expect(() => f(tf.scalar(1))).toThrow(tf.ValueError)
    expect(() => tf.zeros([n])).toThrow(tf.ValueError)
    expect(() => tf.zeros([tf.variable(3)])).toThrow(tf.DTypeError)
  })

  test('is its content when the call begins; a later assignment counts for the next call', () => {
    const n = tf.variable(1, { dtype: 'int32' })
    const grow = tf.function(() => {
      const ones = tf.ones([n])
      n.assignAdd(1)
      return ones
    })
    expect([grow().shape, grow().shape, grow().shape, n.item()]).toEqual([[1], [2], [3], 4])
    expect(grow.traceCount).toBe(1)
    const late = tf.function(() => {
      n.assignAdd(1)
      return tf.ones([n])
    })
    expect(() => late()).toThrow(/after it was assigned/)
    expect(n.item()).toBe(4)
  })

  test('as an argument, in an inner function, with other sizes', () => {
    const f = tf.function((n: tf.Variable, x: tf.Tensor) => tf.ones([n]).mul(x))
    const [n, m] = [tf.variable(3, { dtype: 'int32' }), tf.variable(1, { dtype: 'int32' })]
    const x = tf.tensor([1, 2, 3])
    expect(f(n, x).array()).toEqual([1, 2, 3])
    expect(() => f(m, x)).toThrow(tf.ShapeError)
    m.assign(3)
    expect([f(m, x).array(), f.traceCount]).toEqual([[1, 2, 3], 1])
    const inner = tf.function(() => tf.fill([n], 2))
    const outer = tf.function(() =>
      inner()
        .sum()
        .add(tf.ones([n]).sum()),
    )
    expect(outer().item()).toBe(9)
    n.assign(4)
    expect([outer().item(), outer.traceCount, inner().shape]).toEqual([12, 1, [4]])
  })

  test('gradients: inside the function, and refused through a call', () => {
    const n = tf.variable(3, { dtype: 'int32' })
    const f = tf.function((x: tf.Tensor) => tf.ones([n]).mul(x).sum())
    const inside = tf.function((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch(x)
        return f(x)
      })
      return tape.gradient(y, x)
    })
    expect(inside(tf.scalar(2))?.item()).toBe(3)
    n.assign(5)
    expect(inside(tf.scalar(2))?.item()).toBe(5)
    const tape = new tf.GradientTape()
    const x = tf.scalar(2)
    expect(() =>
      tape.record(() => {
        tape.watch(x)
        return f(x)
      }),
    ).toThrow(tf.GradientError)
  })
})
