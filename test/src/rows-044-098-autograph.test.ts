// Behaviours 62, 63, 66 and 82 with a parser loaded: literal defaults, names of destructured parameters. Each title
// begins with the number of the behaviour.
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import '../../src/autograph.ts'
import * as tf from '../../src/index.ts'
import { readParameters } from '../../tracer/autograph/read-parameters.ts'
import type { Parameter } from '../../tracer/trace/parameters.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

const t = tf.tensor([1, 2])
const quiet = { onRetrace: 'off' } as const

describe('row 62', () => {
  test('row 62: f(x) and f(x, default) share a trace', () => {
    const f = tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), quiet)
    expect([f(t), f(t, 2), f(t, undefined)].map((y) => y.array())).toEqual([
      [2, 4],
      [2, 4],
      [2, 4],
    ])
    expect(f.traceCount).toBe(1)
    expect([f(t, 3).array(), f(t, 3).array(), f.traceCount]).toEqual([[3, 6], [3, 6], 2])
    expect(String(f.concreteFunctions[0])).toBe('(x: f32[2], k: 2) → f32[2]')
    const first = f.concrete(t)
    expect([first(t).array(), first(t, 2).array(), f.traceCount]).toEqual([[2, 4], [2, 4], 2])
    expect(() => first(t, 3)).toThrow(/k is bound to 2/)
  })

  test('row 62: whichever call comes first', () => {
    const f = tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), quiet)
    expect([f(t, 2).array(), f(t).array(), f(tf.tensor([5, 6])).array(), f.traceCount]).toEqual([
      [2, 4],
      [2, 4],
      [10, 12],
      1,
    ])
  })

  test('row 62: every kind of literal', () => {
    const f = tf.function(
      (
        x: tf.Tensor,
        a: unknown = 'text',
        b: unknown = true,
        c: unknown = null,
        d: unknown = -1.5,
        e: unknown = [1, [2]],
        g: unknown = { h: 1, i: 'j' },
        // oxlint-disable-next-line typescript/no-useless-default-assignment -- what is tested
        k: unknown = undefined,
        l: unknown = 3n,
        m: unknown = `quoted`,
        n: unknown = -0,
        o: unknown = !0,
      ) => {
        expect([a, b, c, d, e, g, k, l, m, n, o]).toEqual([
          'text',
          true,
          null,
          -1.5,
          [1, [2]],
          { h: 1, i: 'j' },
          undefined,
          3n,
          'quoted',
          -0,
          true,
        ])
        return x
      },
      quiet,
    )
    f(t)
    f(t, 'text', true, null, -1.5, [1, [2]], { i: 'j', h: 1 }, undefined, 3n, 'quoted', -0, true)
    f(t, undefined, true, undefined, undefined, [1, [2]])
    expect(f.traceCount).toBe(1)
    expect(() => f(t, undefined, undefined, undefined, undefined, [1, [3]])).toThrow(/to deeply equal/)
    expect(() => f(t, undefined, undefined, undefined, 1.5)).toThrow(/to deeply equal/)
    expect(() =>
      f(
        t,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        0,
      ),
    ).toThrow(/to deeply equal/)
  })

  test('row 62: a tensor where the default is a number is another trace', () => {
    const f = tf.function((x: tf.Tensor, k: tf.Tensor | number = 2) => x.mul(k), quiet)
    expect([f(t).array(), f(t, tf.scalar(5)).array(), f(t, tf.scalar(7)).array(), f(t, 2).array()]).toEqual([
      [2, 4],
      [5, 10],
      [7, 14],
      [2, 4],
    ])
    expect(f.traceCount).toBe(2)
  })

  test('row 62: a missing argument before another one', () => {
    const f = tf.function(
      (k: number = 3, x: tf.Tensor = tf.scalar(1), l?: number) => x.mul(k).add(l ?? 0),
      quiet,
    )
    expect([f(undefined, t).array(), f(3, t).array(), f(3, t, undefined).array(), f.traceCount]).toEqual([
      [3, 6],
      [3, 6],
      [3, 6],
      1,
    ])
    const skipped = tf.function((x: tf.Tensor, y?: tf.Tensor, k: number = 2) => (y ?? x).mul(k), quiet)
    expect([skipped(t).array(), skipped(t, undefined, 2).array(), skipped.traceCount]).toEqual([
      [2, 4],
      [2, 4],
      1,
    ])
  })

  test('row 62: defaults inside destructured parameters', () => {
    const f = tf.function(
      ({
        x,
        rate = 0.5,
        inner: { n = 1, flag = true } = {},
      }: {
        x: tf.Tensor
        rate?: number
        inner?: { n?: number; flag?: boolean }
      }) => x.mul(rate * n * (flag ? 2 : 1)),
      quiet,
    )
    expect(
      [
        f({ x: t, inner: {} }),
        f({ x: t, rate: 0.5, inner: { n: 1 } }),
        f({ inner: { flag: true }, rate: undefined as never, x: t }),
        f({ x: t }),
        f({ x: t, inner: undefined as never }),
      ].map((y) => y.array()),
    ).toEqual(Array.from({ length: 5 }, () => [1, 2]))
    expect(f.traceCount).toBe(1)
    expect([f({ x: t, inner: { n: 3 } }).array(), f.traceCount]).toEqual([[3, 6], 2])
  })

  test('row 62: a default that is computed is frozen, with one warning', () => {
    let rate = 2
    const f = tf.function(function scaled(x: tf.Tensor, k: number = Number(rate), l: number = rate) {
      return x.mul(k * l)
    }, quiet)
    expect(f(t).array()).toEqual([4, 8])
    rate = 100
    expect([f(t).array(), f.traceCount]).toEqual([[4, 8], 1])
    f(tf.ones([3]))
    expect(warn.mock.calls).toEqual([
      [
        'tf.function scaled: the default of k, Number(rate), was computed when the function was traced and stays what it was then; pass the value, or read it with tf.live.',
      ],
    ])
    const g = tf.function((x: tf.Tensor, k: number = Number(rate)) => x.mul(k), quiet)
    g(t, 1)
    expect(warn).toHaveBeenCalledTimes(1)
  })

  test('row 62: a callback that looks at its arguments is told calls apart', () => {
    const f = tf.function(function (this: unknown, x: tf.Tensor, k: number = 2) {
      // oxlint-disable-next-line prefer-rest-params -- what is tested
      return x.mul(k).add(arguments.length)
    }, quiet)
    expect([f(t).array(), f(t, 2).array(), f.traceCount]).toEqual([[3, 5], [4, 6], 2])
  })
})

test('row 63: names of rest, destructured and array parameters', () => {
  const f = tf.function(
    (
      { x, y: { z } }: { x: tf.Tensor; y: { z: tf.Tensor } },
      [a, b]: readonly [tf.Tensor, number],
      ...more: tf.Tensor[]
    ) => tf.addN([x, z, a, ...more]).mul(b),
    quiet,
  )
  expect(f({ x: t, y: { z: t } }, [t, 2], t).array()).toEqual([8, 16])
  expect(f.concreteFunctions[0]?.inputs.map(({ name }) => name)).toEqual(['x', 'y.z', 'a', 'more[0]'])
  expect(() => f({ x: t, y: { z: new Set() as never } }, [t, 2])).toThrow(/the argument y\.z is a Set/)
})

test('row 63: names that two parameters have are not used', () => {
  const f = tf.function(({ x }: { x: tf.Tensor }, { x: other }: { x: tf.Tensor }) => x.sub(other), quiet)
  expect(f({ x: t }, { x: tf.scalar(1) }).array()).toEqual([0, 1])
  expect(f.concreteFunctions[0]?.inputs.map(({ name }) => name)).toEqual(['args[0].x', 'args[1].x'])
})

test('row 66: extra arguments are ignored after any list of parameters', () => {
  const f = tf.function(({ x }: { x: tf.Tensor }, k: string = ', (') => x.mul(k.length), quiet)
  const loose = f as unknown as (...args: unknown[]) => tf.Tensor
  expect([loose({ x: t }).array(), loose({ x: t }, ', (', 5).array(), f.traceCount]).toEqual([
    [3, 6],
    [3, 6],
    1,
  ])
  expect(warn).toHaveBeenCalledTimes(1)
})

test('row 82: the default a parameter is bound to may be given, and no other value', () => {
  const f = tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), { inputSignature: [tf.spec([null])] })
  expect([f(t).array(), f(t, 2).array(), f.traceCount]).toEqual([[2, 4], [2, 4], 1])
  expect(() => f(t, 3)).toThrow(/k is bound to 2, since it has no spec in the inputSignature; got 3/)
  expect(() => f(t, tf.scalar(2) as never)).toThrow(/k is bound to 2.*got Tensor/)
})

/** A parameter as short text. */
function text({ name, rest, literal, computed, parts }: Parameter): string {
  const inner = parts && `{${[...parts].map(([key, part]) => `${key}: ${text(part)}`).join(', ')}}`
  return `${rest === true ? '...' : ''}${name ?? inner ?? '?'}${literal === undefined ? '' : ` = ${JSON.stringify(literal.value)}`}${computed === undefined ? '' : ` = (${computed})`}`
}

describe('readParameters', () => {
  test.each<[string, string | undefined]>([
    ['(x) => x', 'x'],
    ['x => x', 'x'],
    ['function f(x, y = 2) {}', 'x, y = 2'],
    ['function (x /* a, b */, y = "), (" ) {}', 'x, y = "), ("'],
    ['method(x, ...rest) {}', 'x, ...rest'],
    ['get value() { return this.k }', ''],
    ['#hidden(x = -1) { return this.#k }', 'x = -1'],
    ['[Symbol.iterator](x = [1, {a: 2}]) {}', 'x = [1,{"a":2}]'],
    ['"quoted name"(x) { return super.f(x) }', 'x'],
    ['({ a, b: { c = 1 }, "d e": f, ...g }) => a', '{a: a, b: {c: c = 1}, d e: f}'],
    ['([a, , b = 2, ...c]) => a', '{0: a, 2: b = 2}'],
    ['(x = y, z = f(1), w = new A(), v = (() => g())) => x', 'x, z = (f(1)), w = (new A()), v'],
    ['(x = {...y}, z = [...y], w = {[k]: 1}, v = {get a() {}}, r = /a/) => x', 'x, z, w, v, r'],
    ['(x = {a() {}}, y = `a${b}`, z = +1, w = void 0, u = !1) => x', 'x, y, z = 1, w = undefined, u = false'],
    ['class A {}', undefined],
    ['function () { [native code] }', undefined],
  ])('%s', (source, parameters) => {
    expect(readParameters(source)?.parameters.map(text).join(', ')).toBe(parameters)
  })

  test('arguments of the function itself are seen, those of one inside it are not', () => {
    const seen = (source: string): boolean | undefined => readParameters(source)?.counts
    expect(seen('function (x) { return arguments[0] }')).toBe(true)
    expect(seen('function (x) { return () => arguments[0] }')).toBe(true)
    expect(seen('function (x, y = arguments.length) {}')).toBe(true)
    expect(seen('function (x) { return function () { return arguments[0] } }')).toBe(false)
    expect(seen('(x) => { arguments }')).toBe(false)
  })
})
