// tf.function as a callable: what it runs and when, what goes in and comes out, nesting, recursion, `this`, and what a
// callback that throws leaves behind.
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

describe('calls', () => {
  test('the callback runs once per signature, the compiled program every time', () => {
    let runs = 0
    const f = tf.function((x: tf.Tensor) => {
      runs++
      return x.mul(2).add(1)
    })
    expect(f.traceCount).toBe(0)
    expect(f(tf.tensor([1, 2])).array()).toEqual([3, 5])
    expect(f(tf.tensor([10, -4])).array()).toEqual([21, -7])
    expect([runs, f.traceCount, f.cacheSize]).toEqual([1, 1, 1])
    expect(f(tf.tensor([1, 2, 3])).array()).toEqual([3, 5, 7])
    expect(f(tf.tensor([0, 1])).array()).toEqual([1, 3])
    expect([runs, f.traceCount]).toEqual([2, 2])
  })

  test('name, length and the untraced callback are kept', () => {
    const callback = function double(x: tf.Tensor): tf.Tensor {
      return x.mul(2)
    }
    const f = tf.function(callback)
    expect([f.name, f.length, f.fn]).toEqual(['double', 1, callback])
    expect(f.fn(tf.tensor([3])).array()).toEqual([6])
    expect(f.traceCount).toBe(0)
    expect(tf.function(callback, { name: 'twice' }).name).toBe('twice')
  })

  test('tf.func is tf.function, and tracing a traced function is harmless', () => {
    expect(tf.func).toBe(tf.function)
    let runs = 0
    const f = tf.function(tf.function((x: tf.Tensor) => (runs++, x.add(1))))
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(runs).toBe(1)
  })

  test('isTracing is true only while the callback is traced', () => {
    const seen: boolean[] = []
    const f = tf.function((x: tf.Tensor) => {
      seen.push(tf.isTracing())
      return x
    })
    f(tf.scalar(1))
    f(tf.scalar(1))
    expect(seen).toEqual([true])
    expect(tf.isTracing()).toBe(false)
  })

  test('side effects of JavaScript happen once per trace', () => {
    let n = 0
    const f = tf.function(() => tf.scalar(++n))
    expect([f().item(), f().item()]).toEqual([1, 1])
  })

  test('a callback may not be async, a generator, or no function', () => {
    expect(() => tf.function(async () => tf.scalar(1))).toThrow(
      /async and generator callbacks cannot be traced/,
    )
    expect(() =>
      tf.function(function* () {
        yield 1
      }),
    ).toThrow(tf.TraceError)
    expect(() => tf.function(5 as never)).toThrow(/5 is not a function/)
    const f = tf.function(() => Promise.resolve(tf.scalar(1)))
    expect(f).toThrow(/returned a Promise/)
    expect(f.traceCount).toBe(0)
  })
})

describe('arguments and results', () => {
  test('structures of arrays and plain objects go in and come out', () => {
    const f = tf.function(
      ({ pair, scale }: { pair: readonly [tf.Tensor, tf.Tensor]; scale: number }, list: tf.Tensor[]) => ({
        sum: pair[0].add(pair[1]).mul(scale),
        rest: list.map((entry) => entry.neg()),
        nested: { none: null, missing: undefined, constant: tf.scalar(7) },
      }),
    )
    const result = f({ pair: [tf.tensor([1, 2]), tf.tensor([3, 4])], scale: 10 }, [
      tf.scalar(1),
      tf.scalar(2),
      tf.scalar(3),
    ])
    expect(result.sum.array()).toEqual([40, 60])
    expect(result.rest.map((entry) => entry.item())).toEqual([-1, -2, -3])
    expect(result.nested.none).toBeNull()
    expect('missing' in result.nested && result.nested.missing === undefined).toBe(true)
    expect(result.nested.constant.item()).toBe(7)
    expect(Object.keys(result)).toEqual(['sum', 'rest', 'nested'])
  })

  test('numbers, booleans and typed arrays that are returned become tensors', () => {
    const f = tf.function((x: tf.Tensor): unknown[] => [x, 3, true, new Int32Array([1, 2])])
    const [x, three, yes, ints] = f(tf.tensor([1])) as tf.Tensor[]
    expect([x?.array(), three?.item(), three?.dtype, yes?.array(), ints?.dtype, ints?.array()]).toEqual([
      [1],
      3,
      'float32',
      true,
      'int32',
      [1, 2],
    ])
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
  ])('a callback may return %s', (_, nothing) => {
    const v = tf.variable(0)
    const f = tf.function(() => {
      v.assignAdd(1)
      return nothing
    })
    expect(f()).toBe(nothing)
    expect(f()).toBe(nothing)
    expect(v.item()).toBe(2)
  })

  test('results may be arguments, constants, captured tensors and the same tensor twice', () => {
    const captured = tf.tensor(Float32Array.from({ length: 40 }, (_, i) => i))
    const f = tf.function((x: tf.Tensor) => {
      const y = x.mul(2)
      return [x, y, y, x, tf.ones([2]), captured] as const
    })
    for (const start of [1, 5]) {
      const x = tf.tensor([start, start + 1])
      const [a, b, c, d, e, g] = f(x)
      expect(a.array()).toEqual([start, start + 1])
      expect(b.array()).toEqual([2 * start, 2 * start + 2])
      expect(c.array()).toEqual(b.array())
      expect(d.array()).toEqual(a.array())
      expect(e.array()).toEqual([1, 1])
      expect(g.array()).toEqual(captured.array())
    }
  })

  test('other results are refused with their place', () => {
    class Thing {}
    expect(() => tf.function(() => ({ a: [new Thing()] }) as unknown)()).toThrow(
      /it returned a Thing at \.a\[0\]/,
    )
    expect(() => tf.function(() => 'text' as unknown)()).toThrow(/it returned a string/)
    expect(() => tf.function(() => () => 1)()).toThrow(/it returned a function/)
  })

  test('an object sees its keys in its own order, a prototype-less object is a plain one', () => {
    const orders: string[] = []
    const f = tf.function((x: { [key: string]: tf.Tensor }) => {
      orders.push(Object.keys(x).join(''))
      return Object.values(x).reduce((a, b) => a.sub(b))
    })
    expect(f({ b: tf.scalar(5), a: tf.scalar(2) }).item()).toBe(3)
    expect(orders).toEqual(['ba'])
    const bare = Object.assign(Object.create(null) as { [key: string]: tf.Tensor }, {
      a: tf.scalar(1),
      b: tf.scalar(1),
    })
    f(bare)
    expect(f.traceCount).toBe(1)
  })

  test('each tensor of an object keeps its own key, whatever the order of the keys', () => {
    const f = tf.function((x: { a: tf.Tensor; b: tf.Tensor }) => x.a.sub(x.b))
    expect(f({ a: tf.scalar(5), b: tf.scalar(2) }).item()).toBe(3)
    expect(f({ b: tf.scalar(20), a: tf.scalar(50) }).item()).toBe(30)
    expect(f.traceCount).toBe(1)
  })

  test('extra arguments of the trace do not leak into calls: a missing argument is undefined', () => {
    const f = tf.function((x: tf.Tensor, scale?: number) => (scale === undefined ? x : x.mul(scale)))
    expect(f(tf.scalar(3)).item()).toBe(3)
    expect(f(tf.scalar(3), undefined).item()).toBe(3)
    expect(f.traceCount).toBe(1)
    expect(f(tf.scalar(3), 4).item()).toBe(12)
    expect(f.traceCount).toBe(2)
  })

  test('a missing argument before a tensor keeps its place', () => {
    const f = tf.function((scale: number | undefined, x: tf.Tensor) => x.mul(scale ?? 1))
    expect(f(undefined, tf.scalar(3)).item()).toBe(3)
    expect(f(2, tf.scalar(3)).item()).toBe(6)
    expect(f(undefined, tf.scalar(4)).item()).toBe(4)
  })

  test('rest parameters', () => {
    const f = tf.function((...xs: tf.Tensor[]) => tf.addN(xs))
    expect(f(tf.scalar(1), tf.scalar(2)).item()).toBe(3)
    expect(f(tf.scalar(1), tf.scalar(2), tf.scalar(3)).item()).toBe(6)
  })

  test('every dtype passes through', () => {
    const f = tf.function((x: tf.Tensor) => x)
    for (const dtype of ['float32', 'float64', 'int32', 'uint8', 'bool'] as const) {
      const result = f(tf.tensor([0, 1, 1], dtype))
      expect(result.dtype).toBe(dtype)
      expect(Array.from(result.data())).toEqual([0, 1, 1])
    }
    expect(f.traceCount).toBe(5)
  })

  test('empty tensors', () => {
    const f = tf.function((x: tf.Tensor) => [x.mul(2), x.sum(), x.max()] as const)
    const [doubled, sum, max] = f(tf.zeros([0, 3]))
    expect([doubled.shape, sum.item(), max.item()]).toEqual([[0, 3], 0, Number.NEGATIVE_INFINITY])
  })
})

describe('nesting', () => {
  test('a traced function called while another is traced becomes part of it and shares its traces', () => {
    let runs = 0
    const inner = tf.function((x: tf.Tensor) => (runs++, x.mul(x)))
    const outer = tf.function((x: tf.Tensor) => inner(x).add(inner(x.add(1))))
    expect(outer(tf.tensor([1, 2])).array()).toEqual([1 + 4, 4 + 9])
    expect(inner(tf.tensor([5, 6])).array()).toEqual([25, 36])
    expect([runs, inner.traceCount]).toEqual([1, 1])
    outer(tf.tensor([1, 2, 3]))
    expect(inner.traceCount).toBe(2)
  })

  test('constants stay constants in the inner function', () => {
    const types: string[] = []
    const inner = tf.function((x: tf.Tensor, n: number) => {
      types.push(typeof n)
      return x.mul(n)
    })
    const outer = tf.function((x: tf.Tensor) => inner(x, 3))
    expect(outer(tf.scalar(2)).item()).toBe(6)
    expect(types).toEqual(['number'])
  })

  test('variables of the inner, the outer and both are one state in program order', () => {
    const v = tf.variable(1)
    const w = tf.variable(100)
    const inner = tf.function((x: tf.Tensor) => {
      v.assignAdd(x)
      w.assignSub(v)
      return v.value()
    })
    const outer = tf.function((x: tf.Tensor) => {
      v.assign(v.mul(2))
      const first = inner(x)
      v.assignAdd(first)
      return [first, inner(x), v.add(0), w.add(0)] as const
    })
    // 1 → 2 → +10 = 12, w 88 → v 24 → +10 = 34, w 54
    expect(outer(tf.scalar(10)).map((t) => t.item())).toEqual([12, 34, 34, 54])
    expect([v.item(), w.item()]).toEqual([34, 54])
    inner(tf.scalar(1))
    expect([v.item(), w.item()]).toEqual([35, 19])
  })

  test('a variable passed from the outer to the inner function', () => {
    const v = tf.variable([1, 2])
    const bump = tf.function((target: tf.Variable, by: tf.Tensor) => {
      target.assignAdd(by)
    })
    const outer = tf.function((by: tf.Tensor) => {
      bump(v, by)
      bump(v, by)
      return v.sum()
    })
    expect(outer(tf.tensor([1, 1])).item()).toBe(7)
    expect(v.array()).toEqual([3, 4])
  })

  test('a variable argument of the outer passed on as an argument of the inner', () => {
    const v = tf.variable([1, 2])
    const w = tf.variable([10, 20])
    const bump = tf.function((target: tf.Variable) => {
      target.assignAdd([1, 1])
    })
    const outer = tf.function((target: tf.Variable) => {
      bump(target)
      return target.sum()
    })
    expect([outer(v).item(), outer(w).item(), outer(v).item()]).toEqual([5, 32, 7])
    expect([v.array(), w.array(), outer.traceCount]).toEqual([[3, 4], [11, 21], 1])
  })

  test('recursion on a JavaScript number', () => {
    const factorial: (n: number) => tf.Tensor = tf.function(
      (n: number): tf.Tensor => (n <= 1 ? tf.scalar(1) : factorial(n - 1).mul(n)),
      { onRetrace: 'off' },
    )
    expect(factorial(5).item()).toBe(120)
    expect((factorial as tf.Traced<typeof factorial>).traceCount).toBe(5)
  })

  test('mutual recursion on numbers', () => {
    const even: (n: number) => tf.Tensor = tf.function(
      (n: number): tf.Tensor => (n === 0 ? tf.scalar(1) : odd(n - 1)),
      { onRetrace: 'off' },
    )
    const odd: (n: number) => tf.Tensor = tf.function(
      (n: number): tf.Tensor => (n === 0 ? tf.scalar(0) : even(n - 1)),
      { onRetrace: 'off' },
    )
    expect([even(4).item(), even(5).item()]).toEqual([1, 0])
  })

  test('recursion on a tensor never ends and is refused, directly and through another function', () => {
    const loop: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor): tf.Tensor => loop(x.sub(1)), {
      name: 'loop',
    })
    expect(() => loop(tf.scalar(3))).toThrow(
      /loop: it calls itself with the arguments it is being traced for: x f32\[\]/,
    )
    const ping: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor): tf.Tensor => pong(x))
    const pong: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor): tf.Tensor => ping(x))
    expect(() => ping(tf.scalar(3))).toThrow(tf.TraceError)
    expect(tf.isTracing()).toBe(false)
  })

  test('a symbolic tensor of the outer trace may be used in a traced inner function', () => {
    const outer = tf.function((x: tf.Tensor) => {
      const y = x.mul(2)
      return tf.function((z: tf.Tensor) => z.add(y))(x)
    })
    expect([outer(tf.scalar(3)).item(), outer(tf.scalar(5)).item()]).toEqual([9, 15])
  })

  test('a traced function is called while another is traced, on concrete tensors', () => {
    const table = tf.function((n: tf.Tensor) => n.mul(n))
    const outer = tf.function((x: tf.Tensor) => x.add(table(tf.tensor([1, 2, 3]))))
    expect(outer(tf.tensor([1, 1, 1])).array()).toEqual([2, 5, 10])
  })
})

describe('this', () => {
  class Model {
    readonly k: number
    constructor(k: number) {
      this.k = k
    }
    scale = tf.function(function (this: Model, x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    })
  }

  test('the callback sees the object it is called on', () => {
    expect(new Model(3).scale(tf.scalar(2)).item()).toBe(6)
  })

  test('one function on two objects has a trace for each', () => {
    const f = tf.function(function (this: { readonly k: number }, x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    })
    const a = { k: 2, f }
    const b = { k: 5, f }
    expect([
      a.f(tf.scalar(1)).item(),
      b.f(tf.scalar(1)).item(),
      a.f(tf.scalar(3)).item(),
      b.f(tf.scalar(3)).item(),
    ]).toEqual([2, 5, 6, 15])
    expect(f.traceCount).toBe(2)
    expect(warn).not.toHaveBeenCalled()
  })

  test('a callback that does not mention this has one trace, whatever it is called on', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2))
    const a = { f }
    const b = { f }
    a.f(tf.scalar(1))
    b.f(tf.scalar(1))
    expect(f.traceCount).toBe(1)
  })
})

describe('a callback that throws', () => {
  test('leaves no trace, and the next call is a first call', () => {
    let fail = true
    const f = tf.function((x: tf.Tensor) => {
      if (fail) throw new RangeError('mine')
      return x.add(1)
    })
    expect(() => f(tf.scalar(1))).toThrow(new RangeError('mine'))
    expect([f.traceCount, f.cacheSize, tf.isTracing()]).toEqual([0, 0, false])
    fail = false
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(f.traceCount).toBe(1)
    expect(warn).not.toHaveBeenCalled()
  })

  test('leaves Variables as they were, also after assigning them', () => {
    const v = tf.variable([1, 2])
    const w = tf.variable([5, 6])
    let fail = false
    const f = tf.function((x: tf.Tensor) => {
      v.assign(x)
      w.assignAdd(v)
      if (fail) throw new Error('mine')
      return v.sum()
    })
    expect(f(tf.tensor([3, 4])).item()).toBe(7)
    fail = true
    const eager = v.value()
    expect(() => f(tf.tensor([0, 0], 'float32').reshape([2, 1]))).toThrow(tf.ShapeError)
    const g = tf.function(() => {
      v.assign([9, 9])
      w.assignAdd([9, 9])
      throw new Error('mine')
    })
    expect(g).toThrow('mine')
    expect([v.array(), w.array(), eager.array()]).toEqual([
      [3, 4],
      [8, 10],
      [3, 4],
    ])
    expect([f.traceCount, f.cacheSize, g.traceCount]).toEqual([1, 1, 0])
    expect(f(tf.tensor([1, 1])).item()).toBe(2)
    expect(f.traceCount).toBe(1)
  })

  test('inside a nested call, leaves the outer trace usable when it is caught', () => {
    const v = tf.variable(1)
    const inner = tf.function((x: tf.Tensor): tf.Tensor => {
      v.assignAdd(100)
      throw new Error(`mine ${x.rank}`)
    })
    const outer = tf.function((x: tf.Tensor) => {
      try {
        return inner(x)
      } catch {
        v.assignAdd(1)
        return x.mul(v)
      }
    })
    expect(outer(tf.scalar(3)).item()).toBe(6)
    expect(v.item()).toBe(2)
  })
})

describe('captured tensors', () => {
  test.each([1, 4, 16, 17, 1000])('of %i elements are captured by value', (n) => {
    let captured = tf.tensor(Float32Array.from({ length: n }, (_, i) => i))
    const f = tf.function((x: tf.Tensor) => x.add(captured))
    const x = tf.ones([n])
    const expected = Array.from({ length: n }, (_, i) => i + 1)
    expect(f(x).array()).toEqual(expected)
    captured = tf.zeros([n])
    expect(f(x).array()).toEqual(expected)
    expect(f.traceCount).toBe(1)
  })

  test('typed arrays are copied when they are captured', () => {
    const data = new Float32Array(100).fill(2)
    const f = tf.function((x: tf.Tensor) => x.mul(data))
    f(tf.ones([100]))
    data.fill(50)
    expect(
      f(tf.ones([100]))
        .sum()
        .item(),
    ).toBe(200)
  })

  test('pending views and snapshots are captured with the value they have', () => {
    const v = tf.variable(Float32Array.from({ length: 36 }, (_, i) => i))
    const snapshot = v.value()
    const view = snapshot.reshape([6, 6]).transpose()
    const f = tf.function((x: tf.Tensor) => [x.add(snapshot.sum()), view] as const)
    const expected = Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => j * 6 + i))
    expect(f(tf.scalar(0))[1].array()).toEqual(expected)
    v.assign(tf.zeros([36]))
    const [sum, again] = f(tf.scalar(0))
    expect([sum.item(), again.array()]).toEqual([630, expected])
  })
})

describe('symbolic tensors', () => {
  test('reading one while tracing is an error naming the function', () => {
    const reading: readonly ((x: tf.Tensor) => unknown)[] = [
      (x) => x.array(),
      (x) => x.item(),
      (x) => x.data(),
      (x) => JSON.stringify(x),
    ]
    for (const read of reading) {
      const f = tf.function(
        (x: tf.Tensor) => {
          read(x)
          return x
        },
        { name: 'model' },
      )
      expect(() => f(tf.scalar(1))).toThrow(/is symbolic while model is being traced/)
    }
  })

  test('operators on one are errors that name the method to use', () => {
    const operators: readonly ((x: never) => unknown)[] = [
      (x) => x + 1,
      (x) => x * 2,
      (x) => x < 3,
      (x) => -x,
      // oxlint-disable-next-line eqeqeq -- the operator that converts is the one under test
      (x) => x == 1,
    ]
    for (const operator of operators) {
      const f = tf.function((x: tf.Tensor) => {
        operator(x as never)
        return x
      })
      expect(() => f(tf.scalar(1))).toThrow(
        /operators such as \+ and < do not work on f32\[\], which is symbolic/,
      )
    }
  })

  test('toString shows what is known', () => {
    let text = ''
    const f = tf.function(
      (x: tf.Tensor) => {
        text = String(x)
        return x
      },
      { name: 'model', inputSignature: [tf.spec([null, 3])] },
    )
    f(tf.ones([2, 3]))
    expect(text).toBe('Tensor(shape=[n0, 3], float32, in model)')
  })

  test('rows of a symbolic tensor can be iterated when their number is known', () => {
    const f = tf.function((x: tf.Tensor) => [...x].reduce((a, b) => a.mul(b)))
    expect(
      f(
        tf.tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ).array(),
    ).toEqual([15, 48])
    const g = tf.function((x: tf.Tensor) => [...x].length, { inputSignature: [tf.spec([null])] })
    expect(() => g(tf.ones([3]))).toThrow(/the number of rows of f32\[n0\] is not known while tracing/)
  })

  test('one that leaked is out of scope in eager code, in another trace, and in a nested one', () => {
    let leaked = tf.scalar(0)
    const leak = tf.function(
      (x: tf.Tensor) => {
        leaked = x.add(1)
        return x
      },
      { name: 'leak' },
    )
    leak(tf.scalar(1))
    expect(() => leaked.add(1)).toThrow(/made while tracing leak and is out of scope/)
    expect(() => leaked.item()).toThrow(tf.TraceError)
    expect(() => tf.variable(0).assign(leaked)).toThrow(tf.TraceError)
    expect(() => tf.variable(leaked)).toThrow(tf.TraceError)
    expect(() => tf.function((x: tf.Tensor) => x.add(leaked), { name: 'other' })(tf.scalar(1))).toThrow(
      /made while tracing leak and is out of scope: it cannot be used in other/,
    )
    expect(() => tf.function((x: tf.Tensor) => [x, leaked])(tf.scalar(1))).toThrow(tf.TraceError)
    expect(() => leak(leaked)).toThrow(tf.TraceError)
  })

  test('a loop variable that takes a symbolic value in one call is refused in the next', () => {
    let state = tf.scalar(1)
    const f = tf.function((x: tf.Tensor) => {
      state = state.add(x)
      return state
    })
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(() => state.add(1)).toThrow(/return it from/)
  })
})
