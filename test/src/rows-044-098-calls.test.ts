// Behaviours 66 to 70: arity, and what the traced body sees. Each title begins with the number of the behaviour.
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

type Loose = (...args: unknown[]) => tf.Tensor
const x = tf.tensor([1, 2])

test('row 66: arguments beyond the parameters are ignored with one warning, and select no trace', () => {
  const f = tf.function((y: tf.Tensor) => y.mul(2), { name: 'double' })
  const loose = f as unknown as Loose
  f(x)
  expect(loose(x, 1).array()).toEqual([2, 4])
  expect(loose(x, 2, 'three').array()).toEqual([2, 4])
  expect(loose(x, new Set()).array()).toEqual([2, 4])
  expect(f.traceCount).toBe(1)
  expect(warn.mock.calls).toEqual([
    [
      'tf.function double: it has 1 parameter (y) and was called with 2 arguments; those beyond are ignored and select no trace.',
    ],
  ])
  expect([x, x].map(f as (y: tf.Tensor) => tf.Tensor).length).toBe(2)
  expect(f.traceCount).toBe(1)
})

test('row 66: no parameters at all', () => {
  const f = tf.function(() => tf.scalar(7)) as unknown as Loose
  expect([f().item(), f(x).item(), f(x, x).item()]).toEqual([7, 7, 7])
  expect((f as unknown as tf.Traced<() => tf.Tensor>).traceCount).toBe(1)
})

test('row 66: they count where the callback can see them', () => {
  const counting = tf.function(
    function () {
      // oxlint-disable-next-line prefer-rest-params -- what is tested
      return arguments.length
    },
    { onRetrace: 'off' },
  ) as unknown as Loose
  expect([counting().item(), counting(1).item(), counting(1, 2).item(), counting(undefined).item()]).toEqual([
    0, 1, 2, 1,
  ])
  const rest = tf.function((first: tf.Tensor, ...others: number[]) => first.mul(others.length), {
    onRetrace: 'off',
  })
  expect([rest(x).array(), rest(x, 1).array(), rest(x, 1, 2).array(), rest.traceCount]).toEqual([
    [0, 0],
    [1, 2],
    [2, 4],
    3,
  ])
  const add = (...xs: tf.Tensor[]): tf.Tensor => tf.addN(xs)
  const bound = tf.function(add.bind(undefined), { onRetrace: 'off' })
  expect([bound(x).array(), bound(x, x).array()]).toEqual([
    [1, 2],
    [2, 4],
  ])
  expect(warn).not.toHaveBeenCalled()
})

test('row 66: methods, getters and destructuring callbacks ignore or see what they should', () => {
  const object = {
    method(this: void, y: tf.Tensor) {
      return y.mul(2)
    },
    pair(this: void, [a, b]: readonly [tf.Tensor, tf.Tensor], k?: number) {
      return a.add(b).mul(k ?? 1)
    },
  }
  const method = tf.function(object.method, { onRetrace: 'off' })
  ;(method as unknown as Loose)(x, 5)
  ;(method as unknown as Loose)(x, 6)
  expect(method.traceCount).toBe(1)
  const pair = tf.function(object.pair, { onRetrace: 'off' })
  expect([pair([x, x]).array(), pair([x, x], 10).array(), pair.traceCount]).toEqual([[2, 4], [20, 40], 2])
})

test('row 66: a missing argument is undefined', () => {
  const f = tf.function((a: tf.Tensor, b?: tf.Tensor) => (b === undefined ? a : a.add(b)), {
    onRetrace: 'off',
  })
  expect([f(x).array(), f(x, undefined).array(), f.traceCount]).toEqual([[1, 2], [1, 2], 1])
  expect([f(x, x).array(), f.traceCount]).toEqual([[2, 4], 2])
  const strict = tf.function((a: tf.Tensor, b: tf.Tensor) => a.add(b), { name: 'sum' })
  expect(() => (strict as unknown as Loose)(x)).toThrow(/add: undefined is not a tensor/)
  expect(strict.traceCount).toBe(0)
})

test('row 67: the body sees symbolic tensors, whose elements cannot be read', () => {
  const v = tf.variable([1, 2])
  const readings: readonly ((y: tf.Tensor) => unknown)[] = [
    (y) => y.array(),
    (y) => y.item(),
    (y) => y.data(),
    (y) => y.mul(2).array(),
    () => v.array(),
    () => v.data(),
  ]
  for (const read of readings) {
    const f = tf.function((y: tf.Tensor) => (read(y), y), { name: 'model' })
    expect(() => f(x)).toThrow(tf.TraceError)
    expect(() => f(x)).toThrow(/is symbolic while model is being traced/)
    expect(f.traceCount).toBe(0)
  }
})

test('row 68: known sizes are numbers; an unknown one throws where a number is needed', () => {
  const seen: unknown[] = []
  const f = tf.function(
    (y: tf.Tensor) => {
      seen.push(y.shape[1], typeof y.shape[0], `${String(y.shape[0])}`)
      return y.sum()
    },
    { inputSignature: [tf.spec([null, 3])] },
  )
  f(tf.ones([2, 3]))
  expect(seen).toEqual([3, 'object', 'n0'])
  const uses: readonly ((size: number) => unknown)[] = [
    (size) => size * 2,
    (size) => size + 1,
    (size) => size < 3,
    (size) => Math.floor(size / 2),
    (size) => Number(size),
    (size) => `${size + 0}`,
  ]
  for (const use of uses) {
    const g = tf.function((y: tf.Tensor) => (use(y.shape[0] as number), y), {
      inputSignature: [tf.spec([null])],
    })
    expect(() => g(x)).toThrow(tf.TraceError)
    expect(g.traceCount).toBe(0)
  }
  const size = tf.function((y: tf.Tensor) => tf.sizeOf(y, 0), { inputSignature: [tf.spec([null])] })
  expect([size(tf.ones([5])).item(), size(tf.ones([9])).item(), size.traceCount]).toEqual([5, 9, 1])
})

test('row 69: shapes are inferred through calls', () => {
  const seen: unknown[] = []
  const g = tf.function((y: tf.Tensor) => tf.concat([y, y], 0))
  const f = tf.function((y: tf.Tensor) => {
    const twice = g(y)
    seen.push([...twice.shape], [...g(twice).shape])
    return twice
  })
  expect(f(tf.ones([3])).shape).toEqual([6])
  expect(seen).toEqual([[6], [12]])
})

test('row 69: sizes that are not known pass through calls too', () => {
  const seen: string[] = []
  const g = tf.function((y: tf.Tensor) => tf.concat([y, y], 0).mul(2), { onRetrace: 'off' })
  const f = tf.function(
    (y: tf.Tensor) => {
      const four = g(g(y))
      seen.push(String(four.shape[0]), String(four.shape[1]))
      return four
    },
    { inputSignature: [tf.spec([null, 2])] },
  )
  for (const n of [3, 5]) {
    const result = f(tf.ones([n, 2]))
    expect([result.shape, result.sum().item()]).toEqual([[4 * n, 2], 4 * n * 2 * 4])
  }
  expect([seen, f.traceCount]).toEqual([['4*n0', '2'], 1])
})

test('row 70: isTracing tells the body from eager code', () => {
  const seen: boolean[] = [tf.isTracing()]
  const inner = tf.function(() => {
    seen.push(tf.isTracing())
    return 0
  })
  const outer = tf.function(() => {
    inner()
    seen.push(tf.isTracing())
    return 0
  })
  outer()
  seen.push(tf.isTracing())
  expect(seen).toEqual([false, true, true, false])
})
