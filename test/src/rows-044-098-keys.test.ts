// Behaviours 44 to 65: what selects a trace. Each test's title begins with the number of the behaviour it pins down.
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

/** How many traces a function of one argument makes for these arguments, one after the other. */
function tracesOf(...args: readonly unknown[]): number {
  const f = tf.function((value: unknown) => tf.scalar(value === undefined ? 0 : 1), { onRetrace: 'off' })
  for (const arg of args) f(arg)
  return f.traceCount
}

const t = tf.tensor([1, 2])
const u = tf.tensor([1, 2, 3])

test('row 44: the body runs once per signature; f.fn is the callback itself', () => {
  let runs = 0
  const f = tf.function((x: tf.Tensor) => {
    runs++
    return x.mul(2)
  })
  expect([f(tf.tensor(1)).item(), f(tf.tensor(2)).item(), runs]).toEqual([2, 4, 1])
  expect([f.fn(tf.tensor(3)).item(), f.fn(tf.tensor(4)).item(), runs, f.traceCount]).toEqual([6, 8, 3, 1])
})

test('row 45: tensors count by dtype and shape, never by value', () => {
  expect(tracesOf(tf.tensor([1, 2]), tf.tensor([3, 4]))).toBe(1)
  expect(tracesOf(tf.tensor([1, 2]), tf.tensor([1, 2], 'int32'), tf.tensor([[1, 2]]))).toBe(3)
})

test('row 46: numbers, strings, booleans, bigints, null and undefined count by value and type', () => {
  expect(tracesOf(3, 4, 3)).toBe(2)
  expect(tracesOf('a', 'b', 'a', true, false, true, 1n, 2n, 1n, null, undefined, null)).toBe(8)
})

test('row 47: true, 1, "1" and 1n differ, and so do 0 and -0', () => {
  expect(tracesOf(1, true, '1', 1n, 1, true)).toBe(4)
  const g = tf.function((x: number) => tf.div(1, x), { onRetrace: 'off' })
  expect([g(0).item(), g(-0).item(), g(0).item(), g.traceCount]).toEqual([Infinity, -Infinity, Infinity, 2])
})

test('row 48: NaN is NaN', () => {
  expect(tracesOf(NaN, NaN, Number('no number'))).toBe(1)
  expect(tracesOf({ a: NaN }, { a: NaN })).toBe(1)
})

test('row 49: null, undefined and 0 differ, and so does a missing property', () => {
  expect(tracesOf(null, undefined, 0)).toBe(3)
  expect(tracesOf({}, { a: undefined }, { a: null }, { a: 0 })).toBe(4)
})

test('row 50: arrays count by length and element; a nested one is not a flat one', () => {
  expect(tracesOf([t], [t, t], [tf.tensor([5, 6])])).toBe(2)
  expect(tracesOf([[t], [t]], [[t, t]], [t, t])).toBe(3)
  expect(tracesOf(Object.freeze([1, 2]), [1, 2])).toBe(1)
})

test('row 50: holes of an array are undefined', () => {
  const sparse: unknown[] = []
  sparse[1] = tf.scalar(3)
  const f = tf.function((x: readonly (tf.Tensor | undefined)[]) => [x.length, x[0] === undefined, x[1]])
  expect(f(sparse as never).map((entry) => (entry as unknown as tf.Tensor).array())).toEqual([2, true, 3])
  f([undefined, tf.scalar(4)])
  expect(f.traceCount).toBe(1)
})

test('row 51: objects count by their keys and values, in any order; the body sees the order of the first call', () => {
  expect(tracesOf({ a: t, b: u }, { b: u, a: t })).toBe(1)
  expect(tracesOf({ a: t, b: u }, { a: t }, { a: t, b: u, c: u }, {})).toBe(4)
  const seen: string[] = []
  const f = tf.function((x: { readonly a: tf.Tensor; readonly b: tf.Tensor }) => {
    seen.push(Object.keys(x).join(''))
    return x.a.sub(x.b)
  })
  expect([
    f({ b: tf.scalar(1), a: tf.scalar(5) }).item(),
    f({ a: tf.scalar(7), b: tf.scalar(1) }).item(),
  ]).toEqual([4, 6])
  expect(seen).toEqual(['ba'])
  expect(tracesOf({ a: 1 }, Object.assign(Object.create(null) as object, { a: 1 }))).toBe(1)
})

test('row 51: keys that look like paths are no paths', () => {
  expect(tracesOf({ 'a,b': 1 }, { a: 1, b: 1 }, { 'a.b': 1 }, { a: { b: 1 } }, { 'a:1;x.b': 1 })).toBe(5)
})

test('row 51: a Map is a structure of its own, by its entries', () => {
  const map = (...entries: readonly (readonly [unknown, unknown])[]): Map<unknown, unknown> =>
    new Map(entries)
  expect(tracesOf(map(['a', t]), { a: t }, map(['a', tf.tensor([7, 8])]), map(['b', t]), map(['a', u]))).toBe(
    4,
  )
  const one = {}
  const other = {}
  expect(tracesOf(map([1, t]), map(['1', t]), map([one, t]), map([other, t]), map([one, t]))).toBe(4)
  const f = tf.function((x: ReadonlyMap<string, tf.Tensor>) => x.get('w')?.mul(x.get('k') ?? 1))
  expect(
    f(
      new Map([
        ['w', tf.scalar(2)],
        ['k', tf.scalar(5)],
      ]),
    )?.item(),
  ).toBe(10)
  expect(
    f(
      new Map([
        ['w', tf.scalar(3)],
        ['k', tf.scalar(7)],
      ]),
    )?.item(),
  ).toBe(21)
  expect(f.traceCount).toBe(1)
  expect(() => tracesOf(new Map([[t, 1]]))).toThrow(/value is a Map with tensors as keys/)
})

test('row 51: an object with symbols as keys is refused', () => {
  expect(() => tracesOf({ a: 1, [Symbol('s')]: 2 })).toThrow(
    /the argument value is an object with symbols as keys/,
  )
})

test('row 51: a call much like the one before it is told apart from it', () => {
  const [v, w] = [tf.variable([1]), tf.variable([2])]
  const double = (x: unknown): unknown => x
  class Thing {}
  const thing = new Thing()
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [{ a: undefined }, { b: undefined }],
    [
      { a: undefined, b: 1 },
      { b: 1, c: undefined },
    ],
    [
      { a: t, b: u },
      { a: u, b: t },
    ],
    [{ a: t }, { a: t, b: undefined }],
    [{ a: t }, { a: t, [tf.traceType]: () => 'own' }],
    [[t], { 0: t }],
    [[t], [t, undefined]],
    [
      [t, 1],
      [t, true],
    ],
    [[0], [-0]],
    [[t], [[1, 2]]],
    [[t], [v]],
    [
      [v, w],
      [v, v],
    ],
    [
      [v, v, w],
      [v, w, v],
    ],
    [[double], [(x: unknown): unknown => x]],
    [{ a: thing }, { a: new Thing() }],
    [{ a: thing }, { a: {} }],
    [new Map([['a', t]]), new Map([['b', t]])],
  ]
  for (const [first, second] of pairs) {
    expect(tracesOf(first, first, second, first, second, second)).toBe(2)
    expect(tracesOf({ x: [first] }, { x: [first] }, { x: [second] }, { x: [first] })).toBe(2)
  }
})

test('row 51: structure called again and again gives each call its own results', () => {
  const f = tf.function(
    ({ x, k, parts: [y, z] }: { x: tf.Tensor; k: number; parts: readonly [tf.Variable, tf.Variable] }) => {
      y.assignAdd(x)
      return y.mul(k).add(z)
    },
    { onRetrace: 'off' },
  )
  const [v, w] = [tf.variable(0), tf.variable(100)]
  const results = [1, 2, 3, 4].map((n) =>
    f({ parts: n % 2 === 0 ? [w, v] : [v, w], k: 10, x: tf.scalar(n) }).item(),
  )
  // v 1 → 10 + 100; w 102 → 1020 + 1; v 4 → 40 + 102; w 106 → 1060 + 4
  expect(results).toEqual([110, 1021, 142, 1064])
  expect([v.item(), w.item(), f.traceCount]).toEqual([4, 106, 1])
})

test('row 52: typed arrays are tensors of their dtype, by length and not by value', () => {
  expect(tracesOf(new Float32Array(3), tf.ones([3]), new Float32Array([1, 2, 3]))).toBe(1)
  expect(
    tracesOf(
      new Float32Array(3),
      new Float64Array(3),
      new Int32Array(3),
      new Uint8Array(3),
      new Uint8Array(4),
    ),
  ).toBe(5)
  expect(() => tracesOf(new ArrayBuffer(4))).toThrow(/ArrayBuffer/)
  expect(() => tracesOf(new DataView(new ArrayBuffer(4)))).toThrow(/DataView/)
  expect(() => tracesOf(new SharedArrayBuffer(4))).toThrow(/SharedArrayBuffer/)
})

test('row 52: a typed array over shared memory is copied at the call', () => {
  const shared = new Float32Array(new SharedArrayBuffer(8))
  shared.set([1, 2])
  const f = tf.function((x: tf.Tensor) => [x, x.mul(10)] as const)
  const [same, times] = f(shared as never)
  shared.set([7, 8])
  expect([same.array(), times.array()]).toEqual([
    [1, 2],
    [10, 20],
  ])
  expect(f(shared as never)[1].array()).toEqual([70, 80])
  expect(same.data().buffer).not.toBe(shared.buffer)
  expect(f.traceCount).toBe(1)
})

test('row 53: class instances, functions, dates and regular expressions count by identity', () => {
  class C {}
  const c = new C()
  expect(tracesOf(c, c, new C())).toBe(2)
  const one = (): number => 1
  expect(tracesOf(one, one, () => 1)).toBe(2)
  const [date, pattern] = [new Date(0), /a/]
  expect(tracesOf(date, new Date(0), date, pattern, /a/, pattern)).toBe(4)
})

test('row 54: an object made equal to another is still another', () => {
  class O {
    v: number
    constructor(v: number) {
      this.v = v
    }
  }
  const f = tf.function((o: O) => tf.scalar(o.v), { onRetrace: 'off' })
  const a = new O(1)
  expect(f(a).item()).toBe(1)
  a.v = 2
  expect([f(new O(2)).item(), f.traceCount]).toEqual([2, 2])
})

test('row 55: what cannot select a trace is refused with its path and the protocol', () => {
  function* numbers(): Generator<number> {
    yield 1
  }
  for (const [name, value] of [
    ['Set', new Set()],
    ['Promise', Promise.resolve()],
    ['WeakRef', new WeakRef({})],
    ['WeakMap', new WeakMap()],
    ['Generator', numbers()],
    ['Array Iterator', [1].values()],
    ['BigInt64Array', new BigInt64Array(1)],
  ] as const) {
    const f = tf.function((options: { readonly inner: readonly unknown[] }) => options.inner.length)
    expect(() => f({ inner: [1, value] })).toThrow(tf.SignatureError)
    const kind = name === 'Generator' || name === 'Array Iterator' ? '\\w*' : name
    expect(() => f({ inner: [1, value] })).toThrow(
      new RegExp(`the argument options\\.inner\\[1\\] is a ${kind}[\\s\\S]*\\[tf\\.traceType\\]\\(\\)`),
    )
    expect(f.traceCount).toBe(0)
  }
})

test('row 55: a structure that contains itself is refused, one that holds a part twice is not', () => {
  const list: unknown[] = [1]
  list.push({ list })
  expect(() => tracesOf(list)).toThrow(/value\[1\]\.list is a structure that contains itself/)
  const part = { a: t }
  expect(tracesOf([part, part], [{ a: t }, { a: t }])).toBe(1)
})

test('row 56: [tf.traceType]() is an object’s own key', () => {
  class A {
    readonly key: unknown
    constructor(key: unknown) {
      this.key = key
    }
    [tf.traceType](): unknown {
      return this.key
    }
  }
  class B extends A {}
  const renamed = { A: class extends A {} }.A
  expect(tracesOf(new A('A'), new A('A'), new A('A'))).toBe(1)
  expect(tracesOf(new A('A'), new A('B'), new A(['A', 1]), new A(['A', 1]), new A(['A', '1']))).toBe(4)
  expect(tracesOf(new A('A'), new B('A'), new renamed('A'), new A('A'))).toBe(3)
  expect(tracesOf({ [tf.traceType]: () => 'k', n: 1 }, { [tf.traceType]: () => 'k', n: 2 })).toBe(1)
  for (const bad of [undefined, {}, [undefined], [[1]], () => 1])
    expect(() => tracesOf([new A(bad)])).toThrow(/\[tf\.traceType\]\(\) of the argument value\[0\] gave/)
})

class Masked {
  readonly masked: unknown
  readonly values: unknown
  constructor(masked: unknown, values: unknown) {
    this.masked = masked
    this.values = values
  }
  get tensor(): tf.Tensor {
    return this.values as tf.Tensor
  }
  [tf.flatten](): unknown {
    return { meta: this.masked, leaves: [this.values] }
  }
  static [tf.unflatten](masked: unknown, [values]: readonly unknown[]): Masked {
    return new Masked(masked, values)
  }
}

test('row 57: [tf.flatten]() and [tf.unflatten]() take instances in and bring them out', () => {
  const f = tf.function((x: Masked) => new Masked(x.masked, x.tensor.mul(x.masked === true ? 0 : 2)), {
    onRetrace: 'off',
  })
  const result = f(new Masked(false, t))
  expect(result).toBeInstanceOf(Masked)
  expect([result.masked, result.tensor.array()]).toEqual([false, [2, 4]])
  expect(f(new Masked(false, tf.tensor([5, 6]))).tensor.array()).toEqual([10, 12])
  expect(f.traceCount).toBe(1)
  expect(f(new Masked(true, t)).tensor.array()).toEqual([0, 0])
  expect(f.traceCount).toBe(2)
})

test('row 57: the constant part counts by value, structure included; classes of one name differ', () => {
  expect(tracesOf(new Masked({ a: [1], b: 2 }, t), new Masked({ b: 2, a: [1] }, u.slice(0, 2)))).toBe(1)
  expect(
    tracesOf(new Masked({ a: 1 }, t), new Masked({ a: 2 }, t), new Masked([1], t), new Masked('1', t)),
  ).toBe(4)
  const other = { Masked: class extends Masked {} }.Masked
  Object.defineProperty(other, tf.unflatten, {
    value: (meta: unknown, [values]: readonly unknown[]) => new other(meta, values),
  })
  expect(tracesOf(new Masked(1, t), new other(1, t))).toBe(2)
})

test('row 57: variables and nested instances among the leaves', () => {
  const v = tf.variable([1, 2])
  const w = tf.variable([10, 20])
  const f = tf.function((x: Masked) => {
    const inner = x.values as Masked
    const target = inner.values as tf.Variable
    target.assignAdd([1, 1])
    return target.sum()
  })
  expect([f(new Masked(0, new Masked(1, v))).item(), f(new Masked(0, new Masked(1, w))).item()]).toEqual([
    5, 32,
  ])
  expect([v.array(), w.array(), f.traceCount]).toEqual([[2, 3], [11, 21], 1])
})

test('row 57: a class that cannot be put together again is refused', () => {
  class Half {
    [tf.flatten](): unknown {
      return { meta: 1, leaves: [t] }
    }
  }
  class Wrong {
    [tf.flatten](): unknown {
      return [t]
    }
  }
  expect(() => tracesOf(new Half())).toThrow(/Half has \[tf\.flatten\] but no static \[tf\.unflatten\]/)
  expect(() => tracesOf(new Wrong())).toThrow(/\[tf\.flatten\]\(\) of value gave/)
})

test('row 58: variables count by type and by which of a call’s are the same', () => {
  const [v, w] = [tf.variable([1]), tf.variable([2])]
  expect(tracesOf(v, w)).toBe(1)
  expect(
    tracesOf(
      v,
      tf.variable([1, 2]),
      tf.variable([1], { dtype: 'int32' }),
      tf.variable([1], { trainable: false }),
    ),
  ).toBe(4)
  expect(tracesOf([v, w], [w, v], [v, v], { a: v, b: [w] }, { a: w, b: [w] })).toBe(4)
  const g = tf.function((x: tf.Variable, y: tf.Variable) => x.assignAdd([1]).mul(10).add(y), {
    onRetrace: 'off',
  })
  expect(g(v, w).array()).toEqual([22])
  expect(g(w, v).array()).toEqual([32])
  expect(g.traceCount).toBe(1)
  expect(g(v, v).array()).toEqual([33])
  expect(g.traceCount).toBe(2)
})

test('row 59: a variable is not its value, and can be assigned', () => {
  expect(tracesOf(tf.variable(1), tf.tensor(1))).toBe(2)
  const v = tf.variable(1)
  tf.function((x: tf.Variable) => {
    x.assign(5)
  })(v)
  expect(v.item()).toBe(5)
})

test('row 60: generators share a trace, and each draws on from its own state', () => {
  const f = tf.function((g: tf.random.Generator) => g.uniform([3]))
  const draws = [1, 2, 1].map((seed) => f(tf.random.generator(seed)).array())
  expect(draws[0]).toEqual(tf.random.generator(1).uniform([3]).array())
  expect(draws[1]).toEqual(tf.random.generator(2).uniform([3]).array())
  expect(draws[2]).toEqual(draws[0])
  expect(f.traceCount).toBe(1)
  const g = tf.random.generator(3)
  const eager = tf.random.generator(3)
  expect([f(g).array(), f(g).array()]).toEqual([eager.uniform([3]).array(), eager.uniform([3]).array()])
  expect(g.state.array()).toEqual(eager.state.array())
})

test('row 60: one generator given twice is another trace than two', () => {
  const f = tf.function(
    (g: tf.random.Generator, h: tf.random.Generator) => [g.uniform([2]), h.uniform([2])] as const,
    {
      onRetrace: 'off',
    },
  )
  f(tf.random.generator(1), tf.random.generator(2))
  const g = tf.random.generator(5)
  const [a, b] = f(g, g)
  const eager = tf.random.generator(5)
  expect([a.array(), b.array()]).toEqual([eager.uniform([2]).array(), eager.uniform([2]).array()])
  expect(f.traceCount).toBe(2)
})

test('row 61: an options object is an argument like any other', () => {
  const f = tf.function((x: tf.Tensor, { lr, n }: { readonly lr: tf.Tensor; readonly n: number }) =>
    x.mul(lr).add(n),
  )
  expect(f(tf.scalar(2), { lr: tf.scalar(3), n: 2 }).item()).toBe(8)
  expect(f(tf.scalar(2), { n: 2, lr: tf.scalar(5) }).item()).toBe(12)
  expect(f.traceCount).toBe(1)
})

test('row 62: without a parser a missing argument is undefined, and its default applies', () => {
  const f = tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), { onRetrace: 'off' })
  expect([f(tf.scalar(3)).item(), f(tf.scalar(3), undefined).item(), f.traceCount]).toEqual([6, 6, 1])
  expect([f(tf.scalar(3), 2).item(), f(tf.scalar(3), 4).item(), f.traceCount]).toEqual([6, 12, 3])
})

test('row 63: a rest parameter is one key per element', () => {
  const f = tf.function((...xs: tf.Tensor[]) => tf.addN(xs), { onRetrace: 'off' })
  expect([f(t).array(), f(t, t).array(), f(tf.tensor([5, 5]), t).array()]).toEqual([
    [1, 2],
    [2, 4],
    [6, 7],
  ])
  expect(f.traceCount).toBe(2)
  expect(f.concreteFunctions.map(String)).toEqual([
    '(xs[0]: f32[2]) → f32[2]',
    '(xs[0]: f32[2], xs[1]: f32[2]) → f32[2]',
  ])
  const count = tf.function((...xs: unknown[]) => xs.length, { onRetrace: 'off' })
  expect(
    [count(), count(undefined), count(1, undefined)].map((n) => (n as unknown as tf.Tensor).item()),
  ).toEqual([0, 1, 2])
})

test('row 64: iterables other than arrays are refused', () => {
  class Rows {
    *[Symbol.iterator](): Generator<number> {
      yield 1
    }
  }
  expect(() => tracesOf(new Rows())).toThrow(/value is a Rows, which cannot select a trace/)
  expect(tracesOf(new Map(), {}, [])).toBe(3)
})

test('row 65: dtypes, shapes and enumerations count by value', () => {
  expect(tracesOf('float32', [2, 3], 'float32', [2, 3])).toBe(2)
  const Kind = { small: 0, large: 1 } as const
  expect(tracesOf(Kind.small, Kind.large, Kind.small)).toBe(2)
})
