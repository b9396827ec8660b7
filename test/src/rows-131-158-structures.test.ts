/* oxlint-disable typescript/unbound-method -- traced methods are bound to their object, which is what is tested */
// What traced functions take and return, in structures, and arguments bound in advance. Titles name the rows of the table
// of behaviours; each test is written from the row, whatever is tested of it elsewhere.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

const t = tf.tensor([1, 2, 3])

/** What goes in and comes out is the same in both modes. */
const modes = [
  ['traced', false],
  ['run eagerly', true],
] as const

describe.each(modes)('results, %s', (_, eagerly) => {
  beforeEach(() => tf.config.runFunctionsEagerly(eagerly))
  afterEach(() => tf.config.runFunctionsEagerly(false))

  test('row 149: structure, kinds, order of keys, null and undefined are kept', () => {
    const f = tf.function((x: tf.Tensor) => ({
      b: [x, null, undefined] as const,
      a: x.neg(),
      nested: { z: [[x.sum()]], 'a key': {}, empty: [] as tf.Tensor[] },
      table: new Map<unknown, unknown>([
        ['k', x.add(1)],
        [2, [x]],
      ]),
    }))
    const result = f(t)
    expect(Object.keys(result)).toEqual(['b', 'a', 'nested', 'table'])
    expect(Object.keys(result.nested)).toEqual(['z', 'a key', 'empty'])
    expect(result.b).toHaveLength(3)
    expect([result.b[1], result.b[2]]).toEqual([null, undefined])
    expect([result.b[0].array(), result.a.array(), result.nested.z[0]?.[0]?.item()]).toEqual([
      [1, 2, 3],
      [-1, -2, -3],
      6,
    ])
    expect([result.nested['a key'], result.nested.empty]).toEqual([{}, []])
    expect([...result.table.keys()]).toEqual(['k', 2])
    expect((result.table.get('k') as tf.Tensor).array()).toEqual([2, 3, 4])
    expect((result.table.get(2) as tf.Tensor[])[0]?.array()).toEqual([1, 2, 3])
  })

  test('row 149: an instance with [tf.flatten] comes out as one of its class', () => {
    class Pair {
      readonly a: tf.Tensor
      readonly b: tf.Tensor
      constructor(a: tf.Tensor, b: tf.Tensor) {
        this.a = a
        this.b = b
      }
      [tf.flatten](): unknown {
        return { meta: 'pair', leaves: [this.a, this.b] }
      }
      static [tf.unflatten](_meta: unknown, [a, b]: readonly tf.Tensor[]): Pair {
        return new Pair(a as tf.Tensor, b as tf.Tensor)
      }
    }
    const f = tf.function((pair: Pair) => new Pair(pair.b, pair.a.mul(2)))
    const result = f(new Pair(t, t.neg()))
    expect(result).toBeInstanceOf(Pair)
    expect([result.a.array(), result.b.array()]).toEqual([
      [-1, -2, -3],
      [2, 4, 6],
    ])
  })

  test('row 150: numbers, booleans and typed arrays become tensors', () => {
    const f = tf.function((n: number): unknown => [n, n > 2, new Int32Array([n])])
    const [n, isLarge, list] = f(3) as tf.Tensor[]
    expect([n, isLarge, list].map((result) => result instanceof tf.Tensor)).toEqual([true, true, true])
    expect([n?.item(), n?.dtype, isLarge?.array(), isLarge?.dtype, list?.array(), list?.dtype]).toEqual([
      3,
      'float32',
      true,
      'bool',
      [3],
      'int32',
    ])
  })

  test('row 151: other results are refused, by their kind and place', () => {
    const returning = (value: unknown): (() => unknown) => tf.function((): unknown => value, { name: 'make' })
    expect(returning(new Date())).toThrow(tf.TraceError)
    expect(returning(new Date())).toThrow(/make: it returned a Date/)
    expect(returning('text')).toThrow(/it returned a string/)
    expect(returning(1n)).toThrow(/it returned a bigint/)
    expect(returning(Symbol('a'))).toThrow(/it returned a symbol/)
    expect(returning({ a: [t, new Set()] })).toThrow(/it returned a Set at \.a\[1\]/)
    expect(returning(new Map([['k', () => 1]]))).toThrow(/it returned a function at \.get\("k"\)/)
    expect(returning(Promise.resolve(t))).toThrow(/returned a Promise[^]*async callbacks cannot be traced/)
  })

  test('row 151: an async callback is refused when it is wrapped', () => {
    expect(() => tf.function(async () => t)).toThrow(/async and generator callbacks cannot be traced/)
  })

  test('row 152: tensors and containers that come out are new ones', () => {
    const list = [t]
    const f = tf.function((x: tf.Tensor, xs: tf.Tensor[]) => [x, x, xs, t, x.reshape([3])] as const)
    const [a, b, xs, captured, reshaped] = f(t, list)
    for (const result of [a, b, xs[0], captured, reshaped]) {
      expect(result === t).toBe(false)
      expect(result?.array()).toEqual([1, 2, 3])
    }
    const again = f(t, list)
    expect([a === b, xs === list, again[0] === a, again[2] === xs]).toEqual([false, false, false, false])
  })

  test('row 152: a gradient flows through an argument that is returned', () => {
    const f = tf.function((x: tf.Tensor) => x)
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      tape.watch(t)
      return f(t).mul(2)
    })
    expect(tape.gradient(y, t)?.array()).toEqual([2, 2, 2])
  })

  test('row 153: a returned Variable is a tensor that does not follow it', () => {
    const v = tf.variable([1, 2])
    const f = tf.function((x: tf.Variable): { readonly given: unknown; readonly captured: unknown } => {
      v.assignAdd([1, 1])
      return { given: x, captured: v }
    })
    const { given, captured } = f(v)
    v.assign([7, 8])
    expect([given, captured].map((result) => result instanceof tf.Tensor)).toEqual([true, true])
    expect([(given as tf.Tensor).array(), (captured as tf.Tensor).array()]).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  test('row 157: no result is undefined', () => {
    const v = tf.variable(0)
    const f = tf.function((x: tf.Tensor) => {
      v.assign(x)
    })
    expect(f(tf.scalar(4))).toBeUndefined()
    expect(v.item()).toBe(4)
    expect(tf.function(() => ({ a: undefined }))()).toEqual({ a: undefined })
  })
})

describe.each(modes)('arguments, %s', (_, eagerly) => {
  beforeEach(() => tf.config.runFunctionsEagerly(eagerly))
  afterEach(() => tf.config.runFunctionsEagerly(false))

  test('row 154: a callback may not change the containers it is given', () => {
    const message = (
      change: (l: { list: tf.Tensor[]; inner: { x: unknown }; map: Map<string, tf.Tensor> }) => void,
    ): string => {
      const f = tf.function(
        (_: tf.Tensor, l: { list: tf.Tensor[]; inner: { x: unknown }; map: Map<string, tf.Tensor> }) => {
          change(l)
          return l.list[0]
        },
        { name: 'changing' },
      )
      const given = { list: [t, t], inner: { x: 1 }, map: new Map([['k', t]]) }
      try {
        f(t, given)
      } catch (error) {
        const isIntact = given.list.length === 2 && given.inner.x === 1 && given.map.get('k') === t
        return `${error instanceof tf.TraceError && isIntact ? 'intact, ' : ''}${String(error)}`
      }
      return 'nothing'
    }
    const modified = /^intact, .*changing: the callback modified its argument l: /
    expect(message((l) => l.list.push(t))).toMatch(modified)
    expect(message((l) => l.list.pop())).toMatch(modified)
    expect(message((l) => (l.list[0] = tf.scalar(1)))).toMatch(modified)
    expect(message((l) => l.list.reverse())).toMatch(/nothing|modified/)
    expect(message((l) => (l.inner.x = 2))).toMatch(modified)
    expect(message((l) => Object.assign(l.inner, { y: 1 }))).toMatch(modified)
    expect(message((l) => delete l.inner.x)).toMatch(modified)
    expect(message((l) => l.map.set('other', t))).toMatch(modified)
    expect(message((l) => l.map.set('k', t.neg()))).toMatch(modified)
    expect(message((l) => [...l.list].push(t))).toBe('nothing')
    const array = tf.function((l: tf.Tensor[]) => {
      l.push(t)
      return l[0]
    })
    expect(() => array([t])).toThrow(/modified its argument l:/)
    expect(array.traceCount).toBe(0)
    const rest = tf.function((...xs: tf.Tensor[][]) => {
      xs[1]?.pop()
      return xs[0]?.[0]
    })
    expect(() => rest([t], [t])).toThrow(/modified its argument (?:xs|args)\[1\]/)
  })

  test('row 155: gradients flow to tensors and Variables inside', () => {
    const v = tf.variable([1, 2, 3])
    const f = tf.function((x: { a: readonly [tf.Variable, { b: tf.Tensor }] }) => x.a[0].mul(x.a[1].b).sum())
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      tape.watch(t)
      return f({ a: [v, { b: t }] })
    })
    const gradients = tape.gradient(y, { v, t })
    expect([gradients.v?.array(), gradients.t?.array()]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
  })

  test('row 156: Variables in containers are passed by reference', () => {
    const v = tf.variable(1)
    const w = tf.variable(10)
    const f = tf.function(
      (d: { v: tf.Variable; others: readonly tf.Variable[]; map: Map<string, tf.Variable> }) => {
        d.v.assign(4)
        d.others[0]?.assignAdd(d.v)
        d.map.get('k')?.assignAdd(100)
      },
    )
    f({ v, others: [w], map: new Map([['k', w]]) })
    expect([v.item(), w.item()]).toEqual([4, 114])
    f({ v: w, others: [v], map: new Map([['k', v]]) })
    expect([v.item(), w.item()]).toEqual([108, 4])
  })
})

describe('tf.partial', () => {
  const calls: unknown[] = []
  function scale(factor: number, x: tf.Tensor, offset = 100): tf.Tensor {
    calls.push([factor, offset])
    return x.mul(factor).add(offset)
  }

  test('row 158: the bound argument is a constant of the trace, source and defaults are kept', () => {
    calls.length = 0
    const twice = tf.function(tf.partial(scale, 2))
    expect([twice.name, twice.length]).toEqual(['scale', 1])
    expect([twice(t).array(), twice(t).array(), twice(t, 1).array()]).toEqual([
      [102, 104, 106],
      [102, 104, 106],
      [3, 5, 7],
    ])
    expect(calls).toEqual([
      [2, 100],
      [2, 1],
    ])
    expect(String(twice.concrete(tf.spec([3])))).toBe('(factor: 2, x: f32[3]) → f32[3]')
    expect(
      twice
        .concrete(tf.spec([3]))(t)
        .array(),
    ).toEqual([102, 104, 106])
    expect(() => twice.concrete(tf.spec([3]))(tf.scalar(1))).toThrow(/scale: x is f32\[\], not f32\[3\]/)
    expect(tf.function(twice.fn)(t).array()).toEqual([102, 104, 106])
  })

  test('row 158: untraced it is the function with its first arguments', () => {
    calls.length = 0
    const twice = tf.partial(scale, 2)
    expect([twice(t).array(), twice(t, 0).array()]).toEqual([
      [102, 104, 106],
      [2, 4, 6],
    ])
    expect([twice.name, twice.length, calls.length]).toEqual(['scale', 1, 2])
    const all = tf.partial(twice, t)
    expect(all(3).array()).toEqual([5, 7, 9])
    expect(tf.function(all)(3).array()).toEqual([5, 7, 9])
    const object = {
      k: 5,
      by(this: { readonly k: number }, factor: number): number {
        return this.k * factor
      },
    }
    expect(Reflect.apply(tf.partial(object.by as (factor: number) => number, 3), object, [])).toBe(15)
  })

  test('row 158: partials of a traced function share its traces', () => {
    calls.length = 0
    const traced = tf.function(scale, { onRetrace: 'off' })
    const twice = tf.partial(traced, 2)
    expect([twice(t).array(), traced(2, t).array(), tf.partial(twice, t)().array()]).toEqual([
      [102, 104, 106],
      [102, 104, 106],
      [102, 104, 106],
    ])
    expect([calls.length, traced.traceCount, twice.traceCount]).toEqual([1, 1, 1])
    const three = tf.partial(traced, 3)
    expect(three(t).array()).toEqual([103, 106, 109])
    expect(traced.traceCount).toBe(2)
    // The same trace, asked for through each, takes the arguments of each.
    expect([
      twice
        .concrete(tf.spec([3]))(t)
        .array(),
      traced
        .concrete(2, tf.spec([3]))(2, t)
        .array(),
    ]).toEqual([
      [102, 104, 106],
      [102, 104, 106],
    ])
  })

  test('row 158: tensors and Variables are bound as arguments, objects by identity', () => {
    const v = tf.variable(1)
    let runs = 0
    const add = (target: tf.Variable, by: tf.Tensor, x: tf.Tensor): tf.Tensor => {
      runs++
      target.assignAdd(by)
      return x.mul(target)
    }
    const f = tf.function(tf.partial(add, v, tf.scalar(2)))
    expect([f(t).array(), f(t).array(), v.item(), runs]).toEqual([[3, 6, 9], [5, 10, 15], 5, 1])
  })

  test('row 158: an inputSignature speaks of the arguments that are left', () => {
    const f = tf.function(tf.partial(scale, 2), { inputSignature: [tf.spec([null])] }) as tf.Traced<
      (x: tf.TensorLike) => tf.Tensor
    >
    expect([f([1, 2]).array(), f([1, 2, 3]).array(), f.traceCount]).toEqual([[102, 104], [102, 104, 106], 1])
    expect(() => f(tf.ones([2, 2]))).toThrow(/the argument x does not fit the inputSignature/)
    expect(String(f.concrete())).toMatch(/^\(factor: 2, x: f32\[null\]\) →/)
    expect(f.concrete()([5]).array()).toEqual([110])
  })

  test('row 158: an async function is refused when it is wrapped', () => {
    expect(() => tf.function(tf.partial(async (n: number) => tf.scalar(n), 1))).toThrow(
      /async and generator callbacks/,
    )
  })
})
