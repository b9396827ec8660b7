// What a trace is selected by, input signatures with unknown sizes, guards, and the retrace line.
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

/** How many traces a function of one argument makes for these arguments, one after the other. */
function tracesOf(args: readonly unknown[]): number {
  const f = tf.function((x: unknown) => tf.scalar(x === undefined ? 0 : 1), { onRetrace: 'off' })
  for (const arg of args) f(arg)
  return f.traceCount
}

class Thing {}
const thing = new Thing()
const callback = (): number => 1
const date = new Date(0)

describe('signatures', () => {
  test.each<[string, number, readonly unknown[]]>([
    ['tensors by dtype and shape, not by value', 1, [tf.tensor([1, 2]), tf.tensor([3, 4])]],
    ['another shape', 3, [tf.ones([2]), tf.ones([3]), tf.ones([1, 2]), tf.ones([2])]],
    [
      'another dtype',
      5,
      [
        tf.zeros([2]),
        tf.zeros([2], 'int32'),
        tf.zeros([2], 'uint8'),
        tf.zeros([2], 'bool'),
        tf.zeros([2], 'float64'),
      ],
    ],
    ['scalar tensors', 1, [tf.scalar(1), tf.scalar(2)]],
    ['numbers by value', 2, [3, 4, 3]],
    ['-0 and 0', 2, [0, -0, 0, -0]],
    ['NaN is NaN', 1, [Number.NaN, Number.NaN]],
    ['infinities', 2, [Infinity, -Infinity]],
    ['kinds of 1', 5, [1, true, '1', 1n, tf.scalar(1)]],
    ['null, missing and 0', 3, [null, undefined, 0]],
    ['strings that look like other constants', 6, ['null', null, 'true', true, '"a"', 'a']],
    ['typed arrays are tensors', 1, [new Float32Array(3), tf.ones([3]), new Float32Array([1, 2, 3])]],
    [
      'typed arrays of other dtypes',
      4,
      [new Float32Array(3), new Int32Array(3), new Uint8Array(3), new Float64Array(3)],
    ],
    [
      'arrays by length and entries',
      3,
      [
        [1, 2],
        [1, 2],
        [1, 3],
        [1, 2, 3],
      ],
    ],
    ['arrays of tensors', 2, [[tf.scalar(1)], [tf.scalar(1), tf.scalar(2)], [tf.scalar(3)]]],
    ['nested arrays', 2, [[[1], [2]], [[1, 2]]]],
    ['an array is not an object', 2, [[1], { 0: 1 }]],
    [
      'objects whatever the order of keys',
      1,
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    ['objects by keys', 3, [{ a: 1 }, { a: 1, b: 2 }, {}]],
    ['objects by values', 2, [{ a: 1 }, { a: 2 }]],
    [
      'objects with and without a prototype',
      1,
      [{ a: 1 }, Object.assign(Object.create(null) as object, { a: 1 })],
    ],
    ['keys that contain commas and colons', 2, [{ 'a,b': 1 }, { a: 1, b: 1 }]],
    ['text that imitates structure', 2, [{ a: 'x', b: 'y' }, { a: 'x" .b:"y' }]],
    ['class instances by identity', 2, [thing, thing, new Thing()]],
    ['functions by identity', 2, [callback, callback, () => 1]],
    ['dates by identity', 2, [date, date, new Date(0)]],
    ['symbols by identity', 2, [Symbol.iterator, Symbol.iterator, Symbol.asyncIterator]],
    ['variables by type, not by identity', 1, [tf.variable([1]), tf.variable([2])]],
    [
      'variables of another type',
      3,
      [tf.variable([1]), tf.variable([1, 2]), tf.variable([1], { dtype: 'int32' })],
    ],
    ['a variable is not its value', 2, [tf.variable([1]), tf.tensor([1])]],
    ['variables that are not trainable', 2, [tf.variable([1]), tf.variable([1], { trainable: false })]],
  ])('%s', (_, traces, args) => {
    expect(tracesOf(args)).toBe(traces)
  })

  test('two symbols of one description are two constants', () => {
    expect(tracesOf([Symbol('a'), Symbol('a')])).toBe(2)
  })

  test('1/x of a constant keeps the sign of zero', () => {
    const f = tf.function((x: number) => tf.div(1, x), { onRetrace: 'off' })
    expect([f(0).item(), f(-0).item(), f(0).item()]).toEqual([Infinity, -Infinity, Infinity])
  })

  test('variables are told apart by which of them are the same', () => {
    const v = tf.variable(1)
    const w = tf.variable(10)
    const f = tf.function(
      (a: tf.Variable, b: tf.Variable) => {
        a.assignAdd(1)
        return b.mul(100).add(a)
      },
      { onRetrace: 'off' },
    )
    expect(f(v, w).item()).toBe(1002)
    expect(f.traceCount).toBe(1)
    expect(f(w, v).item()).toBe(211)
    expect(f.traceCount).toBe(1)
    expect(f(v, v).item()).toBe(303)
    expect(f.traceCount).toBe(2)
    expect([v.item(), w.item()]).toEqual([3, 11])
  })

  test.each<[string, unknown]>([
    ['Set', new Set()],
    ['Promise', Promise.resolve()],
    ['WeakRef', new WeakRef({})],
    ['ArrayBuffer', new ArrayBuffer(4)],
    ['DataView', new DataView(new ArrayBuffer(4))],
    ['BigInt64Array', new BigInt64Array(1)],
  ])('a %s is refused with its place', (name, value) => {
    const f = tf.function((options: { readonly inner: readonly unknown[] }) => options.inner.length)
    expect(() => f({ inner: [1, value] })).toThrow(tf.SignatureError)
    expect(() => f({ inner: [1, value] })).toThrow(
      new RegExp(`the argument options\\.inner\\[1\\] is a ${name}`),
    )
    expect(f.traceCount).toBe(0)
  })
})

describe('input signatures', () => {
  test('one compilation serves every batch size', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2).sum(1), { inputSignature: [tf.spec([null, 3])] })
    for (const n of [1, 2, 0, 7, 1, 1000, 3]) {
      const data = Float32Array.from({ length: n * 3 }, (_, i) => i % 11)
      const result = f(tf.tensor(data, [n, 3]))
      expect(result.shape).toEqual([n])
      expect(Array.from(result.data())).toEqual(
        Array.from(
          { length: n },
          (_, i) => 2 * ((data[3 * i] ?? 0) + (data[3 * i + 1] ?? 0) + (data[3 * i + 2] ?? 0)),
        ),
      )
    }
    expect([f.traceCount, f.cacheSize]).toEqual([1, 1])
    expect(warn).not.toHaveBeenCalled()
  })

  test('JavaScript data is converted to the dtype of the spec', () => {
    const f = tf.function((x: tf.Tensor, i: tf.Tensor, b: tf.Tensor) => [x, i, b] as const, {
      inputSignature: [tf.spec([null]), tf.spec([], 'int32'), tf.spec([2], 'bool')],
    }) as (...args: unknown[]) => readonly tf.Tensor[]
    const results = f([1, 2.5], 7, [true, false])
    expect(results.map((result) => [result.dtype, result.array()])).toEqual([
      ['float32', [1, 2.5]],
      ['int32', 7],
      ['bool', [true, false]],
    ])
    expect(f(new Float64Array([1, 2, 3]), 1, [false, true])[0]?.array()).toEqual([1, 2, 3])
    expect(() => f([1], 1.5, [true, true])).toThrow(/1\.5 is not a 32-bit integer/)
  })

  test('a variable stands for its value', () => {
    const f = tf.function((x: tf.Tensor) => x.add(1), { inputSignature: [tf.spec([null])] })
    const v = tf.variable([1, 2])
    expect(f(v as never).array()).toEqual([2, 3])
    v.assign([5, 6])
    expect(f(v as never).array()).toEqual([6, 7])
    expect(f.traceCount).toBe(1)
  })

  test('structures of specs', () => {
    const f = tf.function(
      ({ x, rest }: { x: tf.Tensor; rest: readonly tf.Tensor[] }) => x.add(rest[0] ?? 0).mul(rest[1] ?? 1),
      {
        inputSignature: [{ rest: [tf.spec([]), tf.spec([null])], x: tf.spec([null]) }],
      },
    )
    expect(f({ x: tf.tensor([1, 2]), rest: [tf.scalar(10), tf.tensor([2, 3])] }).array()).toEqual([22, 36])
    expect(f({ rest: [tf.scalar(10), tf.tensor([2, 3, 4])], x: tf.tensor([1, 2, 3]) }).array()).toEqual([
      22, 36, 52,
    ])
    expect(f.traceCount).toBe(1)
  })

  test.each<[string, readonly unknown[], RegExp]>([
    [
      'another dtype',
      [tf.ones([2, 3], 'int32')],
      /argument x does not fit[\s\S]*x +i32\[2,3\]\n +wanted +f32\[null,3\]/,
    ],
    ['another size', [tf.ones([2, 4])], /x +f32\[2,4\]/],
    ['another rank', [tf.ones([3])], /x +f32\[3\]/],
    ['no argument', [], /takes 1 argument by its inputSignature, 0 were given/],
    ['too many', [tf.ones([2, 3]), 1], /takes 1 argument by its inputSignature, 2 were given/],
    ['no tensor', ['text'], /a string is not a tensor/],
    ['null', [null], /null is not a tensor/],
    ['ragged data', [[[1, 2, 3], [1]]], /ragged/],
  ])('refuses %s', (_, args, message) => {
    const f = tf.function((x: tf.Tensor) => x, { inputSignature: [tf.spec([null, 3])], name: 'model' }) as (
      ...all: unknown[]
    ) => unknown
    expect(() => f(...args)).toThrow(message)
    expect(() => f(...args)).toThrow(/model/)
  })

  test('refuses another structure, naming the place', () => {
    const f = tf.function((x: { a: tf.Tensor[] }) => x.a[0], { inputSignature: [{ a: [tf.spec([])] }] }) as (
      x: unknown,
    ) => unknown
    expect(() => f({ a: tf.scalar(1) })).toThrow(/x\.a does not have the structure/)
    expect(() => f({ a: [tf.scalar(1), tf.scalar(2)] })).toThrow(/x\.a does not have the structure/)
    expect(() => f({})).toThrow(/x\.a does not have the structure/)
    expect(() => f({ a: [tf.scalar(1)], b: 1 })).toThrow(/x\.b does not have the structure/)
  })

  test('refuses what is no spec when the function is made', () => {
    expect(() => tf.function((x: tf.Tensor) => x, { inputSignature: [[3, null] as never] })).toThrow(
      /inputSignature\[0\]\[0\] is 3, not a spec/,
    )
    expect(() => tf.spec([1.5])).toThrow(/1\.5 is not a size/)
    expect(() => tf.spec([-1])).toThrow(tf.ValueError)
  })

  test('an unknown size reads as a name, and throws when it is used as a number', () => {
    let shown = ''
    const f = tf.function(
      (x: tf.Tensor) => {
        shown = `${x.rank} ${String(x.shape[0])} ${x.shape[1]}`
        return x.mul(x.shape[0] as number)
      },
      { inputSignature: [tf.spec([null, 3])] },
    )
    expect(() => f(tf.ones([2, 3]))).toThrow(/mul: the size n0 is not known/)
    expect(() =>
      tf.function((x: tf.Tensor) => (x.shape[0] as number) * 2, { inputSignature: [tf.spec([null])] })(
        tf.ones([2]),
      ),
    ).toThrow(tf.TraceError)
    expect(shown).toBe('2 n0 3')
    const g = tf.function((x: tf.Tensor) => x.sum().div(tf.sizeOf(x, 0).cast('float32')), {
      inputSignature: [tf.spec([null])],
    })
    expect([g(tf.tensor([1, 3])).item(), g(tf.tensor([1, 3, 5])).item(), g.traceCount]).toEqual([2, 3, 1])
  })
})

describe('guards', () => {
  const two = { inputSignature: [tf.spec([null]), tf.spec([null])] }

  test('sizes taken to be equal are checked at every call; equal ones use the one trace', () => {
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), two)
    expect(f(tf.tensor([1, 2]), tf.tensor([3, 4])).array()).toEqual([4, 6])
    expect(f(tf.tensor([1, 2, 3]), tf.tensor([3, 4, 5])).array()).toEqual([4, 6, 8])
    expect(f.traceCount).toBe(1)
  })

  test('broadcasting a size that happens to be 1 gives what eager code gives, whichever call comes first', () => {
    for (const [first, second] of [
      [
        [3, 3],
        [1, 3],
      ],
      [
        [1, 3],
        [3, 3],
      ],
      [
        [1, 1],
        [3, 1],
      ],
      [
        [3, 1],
        [1, 1],
      ],
    ] as const) {
      const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.mul(10).add(y), two)
      for (const [n, m] of [first, second, first]) {
        const x = tf.range(n).cast('float32')
        const y = tf.range(m).cast('float32').add(1)
        expect(f(x, y).array()).toEqual(x.mul(10).add(y).array())
      }
    }
  })

  test('a size of 1 is one more trace, not one for every batch size', () => {
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.mul(10).add(y), two)
    for (let n = 2; n < 7; n++)
      expect(f(tf.zeros([n]), tf.ones([n])).array()).toEqual(Array<number>(n).fill(1))
    for (let n = 2; n < 7; n++)
      expect(f(tf.zeros([n]), tf.ones([1])).array()).toEqual(Array<number>(n).fill(1))
    expect(f.traceCount).toBe(2)
    for (let n = 2; n < 7; n++)
      expect(f(tf.ones([1]), tf.zeros([n])).array()).toEqual(Array<number>(n).fill(10))
    expect(f.traceCount).toBe(3)
    expect(f(tf.ones([4]), tf.ones([4])).array()).toEqual([11, 11, 11, 11])
    expect(f.traceCount).toBe(3)
  })

  test('sizes that cannot be broadcast are a ShapeError naming op and line, before anything is written', () => {
    const v = tf.variable(0)
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => {
      v.assignAdd(1)
      return x.add(y)
    }, two)
    f(tf.ones([2]), tf.ones([2]))
    expect(() => f(tf.ones([2]), tf.ones([3]))).toThrow(tf.ShapeError)
    expect(() => f(tf.ones([2]), tf.ones([3]))).toThrow(/add[\s\S]*function-signature\.test\.ts:\d+/)
    expect(v.item()).toBe(1)
    expect(f(tf.ones([4]), tf.ones([4])).array()).toEqual([2, 2, 2, 2])
    expect(v.item()).toBe(2)
  })

  test('a matMul of unknown inner sizes', () => {
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.matMul(y), {
      inputSignature: [tf.spec([null, null]), tf.spec([null, null])],
    })
    expect(f(tf.ones([2, 3]), tf.ones([3, 4])).array()).toEqual([
      [3, 3, 3, 3],
      [3, 3, 3, 3],
    ])
    expect(f(tf.ones([1, 5]), tf.ones([5, 1])).array()).toEqual([[5]])
    expect(f(tf.ones([2, 0]), tf.ones([0, 1])).array()).toEqual([[0], [0]])
    expect(f.traceCount).toBe(1)
    expect(() => f(tf.ones([2, 3]), tf.ones([4, 5]))).toThrow(tf.ShapeError)
  })

  test('the guards of an inner function hold in the outer one', () => {
    const inner = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), two)
    const outer = tf.function((x: tf.Tensor, y: tf.Tensor) => inner(x, y).mul(2), two)
    expect(outer(tf.tensor([1, 2]), tf.tensor([3, 4])).array()).toEqual([8, 12])
    expect(outer(tf.tensor([1, 2, 3]), tf.tensor([3, 4, 5])).array()).toEqual([8, 12, 16])
    expect(outer(tf.tensor([1]), tf.tensor([3, 4])).array()).toEqual([8, 10])
    expect(() => outer(tf.ones([2]), tf.ones([3]))).toThrow(tf.ShapeError)
    const fixed = tf.function((x: tf.Tensor) => inner(x, x.mul(2)), { inputSignature: [tf.spec([null])] })
    expect(fixed(tf.tensor([1, 2])).array()).toEqual([3, 6])
    expect(fixed.traceCount).toBe(1)
    const known = tf.function((x: tf.Tensor, y: tf.Tensor) => inner(x, y))
    expect(known(tf.tensor([1]), tf.tensor([1, 2])).array()).toEqual([2, 3])
  })
})

describe('retraces', () => {
  /** The console messages since the last look. */
  const messages = (): string[] => {
    const all = warn.mock.calls.map((call: unknown[]) => String(call[0]))
    warn.mockClear()
    return all
  }

  test('are explained from the third one of a cause: function, place, argument, old and new type, cost, fix', () => {
    const f = tf.function(function model(x: tf.Tensor, options: { readonly rate: number }) {
      return x.mul(options.rate)
    })
    for (const size of [2, 3, 4]) f(tf.ones([size]), { rate: 1 })
    expect(messages()).toEqual([])
    f(tf.ones([5]), { rate: 1 })
    const [message, ...others] = messages()
    expect(others).toEqual([])
    expect(message).toMatch(/tf\.function model — 3 retraces .*function-signature\.test\.ts:\d+:\d+/)
    expect(message).toMatch(/x +f32\[2\] → f32\[3\] → … → f32\[5\] +dim 0 varies/)
    expect(message).toMatch(/called from +function-signature\.test\.ts:\d+:\d+ +\(2×\)/)
    expect(message).toMatch(/fix +tf\.function\(model, \{ reduceRetracing: true \}\)/)
    expect(message).toMatch(/cost +trace [\d.]+ ms/)
  })

  test('are told apart by cause, each compared with the nearest earlier trace', () => {
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => [x, y], { name: 'pair' })
    f(tf.ones([1]), tf.ones([10]))
    f(tf.ones([2]), tf.ones([20]))
    f(tf.ones([1]), tf.ones([30]))
    expect(f.explain().map(({ paths }) => paths.map(({ path }) => path))).toEqual(
      expect.arrayContaining([['x', 'y'], ['y']]),
    )
  })

  test('structure that appears and goes', () => {
    const f = tf.function((x: unknown) => (x === undefined ? 0 : 1))
    f({ a: 1 })
    f({ a: 1, b: 2 })
    f(undefined)
    const paths = f
      .explain()
      .flatMap((retrace) => retrace.paths.map(({ path, pattern }) => `${path} ${pattern}`))
    expect(paths.join('\n')).toMatch(/x \{a\} → \{a,b\}/)
    expect(paths.join('\n')).toMatch(/absent/)
  })

  test("'off' is silent, 'error' throws before the callback runs and keeps the cache", () => {
    const quiet = tf.function((x: tf.Tensor) => x, { onRetrace: 'off' })
    for (const size of [1, 2, 3, 4, 5]) quiet(tf.ones([size]))
    expect([quiet.traceCount, messages()]).toEqual([5, []])
    let runs = 0
    const strict = tf.function((x: tf.Tensor) => (runs++, x), { onRetrace: 'error', name: 'strict' })
    strict(tf.ones([1]))
    expect(() => strict(tf.ones([2]))).toThrow(tf.SignatureError)
    expect(() => strict(tf.ones([2]))).toThrow(/strict[\s\S]*x +f32\[1\] → f32\[2\]/)
    expect(strict(tf.tensor([7])).array()).toEqual([7])
    expect([runs, strict.traceCount, strict.cacheSize]).toEqual([1, 1, 1])
  })

  test('a broken guard is explained by what was assumed', () => {
    const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), {
      inputSignature: [tf.spec([null]), tf.spec([null])],
      name: 'sum',
    })
    f(tf.ones([2]), tf.ones([2]))
    f(tf.ones([1]), tf.ones([2]))
    const before = f.explain()
    expect(
      before.flatMap(({ paths }) => paths.map(({ path, pattern }) => `${path} ${pattern}`)).join(),
    ).toMatch(/sizes add: shapes do not broadcast/)
    f(tf.ones([1]), tf.ones([7]))
    expect([f.traceCount, messages()]).toEqual([2, []])
  })
})
