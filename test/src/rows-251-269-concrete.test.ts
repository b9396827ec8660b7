/* oxlint-disable typescript/unbound-method -- traced methods are bound to their object, which is what is tested */
// Concrete functions: one trace, to look at and to call. Titles name the rows of the table of behaviours; each test is
// written from the row, whatever is tested of it elsewhere.
import { describe, expect, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

const t = tf.tensor([1, 2])

describe('concrete functions', () => {
  test('row 251: specs, tensors, constants and structures are traced and nothing runs', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    try {
      const v = tf.variable(0)
      let runs = 0
      const f = tf.function((x: tf.Tensor, options: { readonly rate: number; readonly y: tf.Tensor }) => {
        runs++
        tf.print('ran')
        v.assignAdd(1)
        return x.mul(options.rate).add(options.y)
      })
      const c = f.concrete(tf.spec([null]), { rate: 2, y: tf.spec([]) })
      expect([runs, f.traceCount, v.item(), log.mock.calls.length]).toEqual([1, 1, 0, 0])
      expect(c(t, { rate: 2, y: tf.scalar(10) }).array()).toEqual([12, 14])
      expect([runs, v.item(), log.mock.calls]).toEqual([1, 1, [['ran']]])
      // A tensor stands for its type, and a call uses the trace.
      const g = tf.function((x: tf.Tensor) => (runs++, x.neg()))
      const d = g.concrete(t)
      expect([d(tf.tensor([3, 4])).array(), g(t).array(), g.traceCount, runs]).toEqual([
        [-3, -4],
        [-1, -2],
        1,
        2,
      ])
      expect(() => g.concrete(tf.spec(null))).toThrow(/the rank of x is not known/)
      expect(() => g.concrete(new Set())).toThrow(/the argument x is a Set/)
    } finally {
      log.mockRestore()
    }
  })

  test('row 251: with an inputSignature no arguments are needed, and those given must fit it', () => {
    const f = tf.function((x: tf.Tensor) => x.mul(2), { inputSignature: [tf.spec([null, 2])] })
    const c = f.concrete()
    expect(String(c)).toBe('(x: f32[null,2]) → f32[null,2]')
    expect([
      f.concrete(tf.spec([null, 2])),
      f.concrete(tf.ones([3, 2])),
      f.concrete(tf.spec([5, 2])),
    ]).toEqual([c, c, c])
    expect(() => f.concrete(tf.spec([null, 2], 'int32'))).toThrow(tf.SignatureError)
    expect(() => f.concrete(tf.spec([null]))).toThrow(tf.SignatureError)
    expect(f.traceCount).toBe(1)
  })

  test('row 252: the structure it was traced with; bound constants may be left out at the end', () => {
    const f = tf.function((x: { readonly a: tf.Tensor }, k = 2, on = true) => (on ? x.a.mul(k) : x.a))
    const c = f.concrete({ a: tf.spec([2]) }, 2, true)
    for (const args of [[{ a: t }], [{ a: t }, 2], [{ a: t }, 2, true], [{ a: t }, undefined, true]])
      expect(c(...args).array()).toEqual([2, 4])
    expect(() => c()).toThrow(/the argument x(?:\.a)? is missing/)
    expect(() => c(t)).toThrow(tf.SignatureError)
    expect(() => c({ a: t, b: t })).toThrow(/x is \{a,b\}, not \{a\}|x\.b is not one of its arguments/)
    expect(() => c({})).toThrow(tf.SignatureError)
    const list = tf.function((xs: readonly tf.Tensor[]) => tf.addN(xs)).concrete([tf.spec([2]), tf.spec([2])])
    expect(list([t, t]).array()).toEqual([2, 4])
    expect(list([t, [10, 20]]).array()).toEqual([11, 22])
    expect(() => list([t])).toThrow(/xs is array of 1, not array of 2|missing/)
    expect(() => list([t, t, t])).toThrow(tf.SignatureError)
  })

  test('row 253: a bound constant cannot be another one', () => {
    const f = tf.function((x: tf.Tensor, k: unknown) => x.mul(typeof k === 'number' ? k : 1), {
      name: 'scale',
      onRetrace: 'off',
    })
    const c = f.concrete(tf.spec([]), 3)
    expect(() => c(tf.scalar(1), 4)).toThrow(tf.SignatureError)
    expect(() => c(tf.scalar(1), 4)).toThrow(
      /scale: k is bound to 3, got 4[^]*call it as \(x: f32\[\], k: 3\) → f32\[\]/,
    )
    expect(() => c(tf.scalar(1), '3')).toThrow(/k is bound to 3, got "3"/)
    expect(() => c(tf.scalar(1), tf.scalar(3))).toThrow(/k is bound to 3, got f32\[\]/)
    const zero = f.concrete(tf.spec([]), 0)
    expect(() => zero(tf.scalar(1), -0)).toThrow(/k is bound to 0, got -0/)
    const nothing = f.concrete(tf.spec([]), Number.NaN)
    expect(nothing(tf.scalar(1), Number.NaN).item()).toBeNaN()
    const named = f.concrete(tf.spec([]), 'a')
    expect(() => named(tf.scalar(1), 'b')).toThrow(/k is bound to "a", got "b"/)
    class Thing {}
    const [thing, callback] = [new Thing(), (): number => 1]
    const objects = f.concrete(tf.spec([]), thing)
    expect(objects(tf.scalar(2), thing).item()).toBe(2)
    expect(() => objects(tf.scalar(2), new Thing())).toThrow(
      /k is bound to the Thing of its trace, got another object/,
    )
    expect(() => objects(tf.scalar(2), 3)).toThrow(/got 3/)
    const functions = f.concrete(tf.spec([]), callback)
    expect(functions(tf.scalar(2), callback).item()).toBe(2)
    expect(() => functions(tf.scalar(2), () => 1)).toThrow(/got another object/)
    class Keyed {
      readonly key: string
      constructor(key: string) {
        this.key = key
      }
      [tf.traceType](): string {
        return this.key
      }
    }
    const keyed = f.concrete(tf.spec([]), new Keyed('a'))
    expect(keyed(tf.scalar(2), new Keyed('a')).item()).toBe(2)
    expect(() => keyed(tf.scalar(2), new Keyed('b'))).toThrow(/k is Keyed<"b">, not Keyed<"a">/)
  })

  test('rows 254 and 255: another dtype, rank or size is refused before anything runs', () => {
    const v = tf.variable(0)
    const f = tf.function(
      (x: tf.Tensor) => {
        v.assignAdd(1)
        return x.reshape([1])
      },
      { name: 'flat' },
    )
    const c = f.concrete(tf.spec([1]))
    const whole = tf.function((x: tf.Tensor) => x.add(1), { name: 'whole' }).concrete(tf.spec([], 'int32'))
    expect(() => whole(tf.scalar(1.5))).toThrow(tf.SignatureError)
    expect(() => whole(tf.scalar(1.5))).toThrow(/whole: x is f32\[\], not i32\[\]/)
    expect(() => c(t)).toThrow(/flat: x is f32\[2\], not f32\[1\]/)
    expect(() => c(tf.ones([1, 1]))).toThrow(/x is f32\[1,1\], not f32\[1\]/)
    expect(() => c(tf.zeros([1], 'bool'))).toThrow(/x is bool\[1\], not f32\[1\]/)
    expect(v.item()).toBe(0)
    expect(c(tf.tensor([3])).array()).toEqual([3])
    expect(v.item()).toBe(1)
    const open = tf.function((x: tf.Tensor) => x.mul(2)).concrete(tf.spec([null, 2]))
    expect(open(tf.ones([3, 2])).shape).toEqual([3, 2])
    expect(() => open(tf.ones([3, 3]))).toThrow(/x is f32\[3,3\], not f32\[null,2\]/)
    expect(() => open(t)).toThrow(/x is f32\[2\]/)
  })

  test('row 255: sizes a trace takes to be equal are checked, at the call and inside another trace', () => {
    const c = tf
      .function((x: tf.Tensor, y: tf.Tensor) => x.add(y), { name: 'sum' })
      .concrete(tf.spec([null]), tf.spec([null]))
    expect(c(t, t).array()).toEqual([2, 4])
    expect(() => c(t, tf.ones([3]))).toThrow(/sum: add: shapes do not broadcast[^]*2 is not 3/)
    const fixed = tf.function((x: tf.Tensor) => x.mul([10, 20]), { name: 'fixed' }).concrete(tf.spec([2]))
    const outer = tf.function((x: tf.Tensor) => fixed(x).add(1), {
      inputSignature: [tf.spec([null])],
      onRetrace: 'off',
    })
    expect(outer(t).array()).toEqual([11, 41])
    expect(() => outer(tf.ones([3]))).toThrow(/fixed: x is f32\[(?:n0|3)\], not f32\[2\]/)
    expect(outer(tf.ones([2])).array()).toEqual([11, 21])
    expect(() => tf.function((x: tf.Tensor) => fixed(x))(tf.ones([3]))).toThrow(
      /fixed: x is f32\[3\], not f32\[2\]/,
    )
  })

  test('row 256: JavaScript values are converted to the dtype of the trace', () => {
    const c = tf.function((x: tf.Tensor) => x.mul(2)).concrete(tf.spec([]))
    expect(c(3).item()).toBe(6)
    const list = tf.function((x: tf.Tensor) => x.mul(2)).concrete(tf.spec([null], 'int32'))
    expect([list([1, 2]).array(), list([1, 2]).dtype, list(new Int32Array([5])).array()]).toEqual([
      [2, 4],
      'int32',
      [10],
    ])
    expect(() => list([1.5])).toThrow(/1\.5 is not a 32-bit integer/)
    expect(() => list(7)).toThrow(/x is i32\[\], not i32\[null\]/)
    expect(() => list('text')).toThrow(/is not a tensor/)
    expect(() => list(null)).toThrow(/null is not a tensor/)
    const v = tf.variable([4, 5], { dtype: 'int32' })
    expect(list(v).array()).toEqual([8, 10])
    v.assign([1, 1])
    expect(list(v).array()).toEqual([2, 2])
  })

  test.each<[string, () => unknown, string]>([
    [
      'tensors, constants and results',
      () => tf.function((x: tf.Tensor, k: number) => ({ y: x.mul(k) })).concrete(tf.spec([null, 2]), 3),
      '(x: f32[null,2], k: 3) → {y: f32[null,2]}',
    ],
    [
      'structures',
      () =>
        tf
          .function((x: { b: tf.Tensor; a: (tf.Tensor | number)[] }, x2: tf.Tensor) => [x.b, x2, null])
          .concrete({ b: tf.spec([]), a: [tf.spec([2], 'int32'), 'k'] }, tf.spec([], 'bool')),
      '(x: {a: [i32[2], "k"], b: f32[]}, x2: bool[]) → [f32[], bool[], null]',
    ],
    [
      'keys that are no names',
      () =>
        tf
          .function((x: { [key: string]: tf.Tensor }) => x['a b'])
          .concrete({ 'a b': tf.spec([]), c: tf.spec([1]) }),
      '(x: {"a b": f32[], c: f32[1]}) → f32[]',
    ],
    [
      'Variables, empty structures and nothing',
      () =>
        tf
          .function((v: tf.Variable, a: object, b: unknown): void => {
            if (a !== b) v.assignAdd([1, 1])
          })
          .concrete(tf.variable([1, 2]), {}, []),
      '(v: variable#0 f32[2], a: {}, b: []) → undefined',
    ],
    ['nothing at all', () => tf.function(() => tf.scalar(1)).concrete(), '() → f32[]'],
  ])('row 257: its string shows %s', (_, make, text) => {
    expect(String(make())).toBe(text)
  })

  test('row 258: inputs, outputs, Variables, captures and graph are plain data', () => {
    const w = tf.variable([1, 2], { name: 'w' })
    const frozen = tf.variable(1, { name: 'frozen', trainable: false })
    const captured = tf.tensor([0, 1])
    const f = tf.function(
      (x: tf.Tensor, options: { readonly k: number; readonly y: tf.Tensor }) => [
        x.mul(w).add(frozen).add(captured),
        options.y.mul(options.k),
      ],
      { name: 'model' },
    )
    const c = f.concrete(tf.spec([null, 2]), { k: 3, y: tf.spec([], 'int32') })
    expect(c.name).toBe('model')
    expect(c.signature.inputs[0]?.shape).toEqual([null, 2])
    expect(String(c.signature)).toBe(String(c))
    expect(c.inputs.map(({ dtype, shape }) => [dtype, shape])).toEqual([
      ['float32', [null, 2]],
      ['int32', []],
    ])
    expect(c.inputs.map(({ name }) => name)).toEqual(['x', 'options.y'])
    expect(c.outputs).toEqual([
      { dtype: 'float32', shape: [null, 2] },
      { dtype: 'int32', shape: [] },
    ])
    expect(JSON.parse(JSON.stringify(c.signature.outputs))).toEqual(c.outputs)
    expect(c.variables).toEqual([w, frozen])
    expect(c.trainableVariables).toEqual([w])
    expect(c.captures.every((tensor) => tensor instanceof tf.Tensor)).toBe(true)
    expect(c.graph).toMatch(/^function @model\(%x: f32\[n0,2\], %\w+: i32\[\]\) -> \(?f32\[n0,2\], i32\[\]/)
    expect(c.graph).toContain('captures @w: f32[2] variable')
    expect(f.concreteFunctions).toEqual([c])
  })

  test('row 258: a live value is no input', () => {
    let rate = 1
    const c = tf.function((x: tf.Tensor) => x.mul(tf.live(() => rate))).concrete(tf.spec([]))
    expect([c.inputs.length, c(3).item()]).toEqual([1, 3])
    rate = 5
    expect(c(3).item()).toBe(15)
  })

  test('row 259: specs with names take arguments by name', () => {
    const f = tf.function((x: tf.Tensor, k: number, y: tf.Tensor) => x.mul(k).sub(y))
    const plain = f.concrete(tf.spec([]), 10, tf.spec([]))
    const c = f.concrete(tf.spec([], 'float32', 'first'), 10, tf.spec([], 'float32', 'second'))
    expect(c).toBe(plain)
    expect(c({ second: 1, first: tf.scalar(2) }).item()).toBe(19)
    expect(c(tf.scalar(2), 10, 1).item()).toBe(19)
    expect(() => c({ first: tf.scalar(2) })).toThrow(/the argument y is missing/)
    expect(() => c({ first: 2, other: 3 })).toThrow(tf.TracemillError)
    const g = tf.function((x: tf.Tensor) => x.neg())
    expect(
      g
        .concrete(tf.spec([], 'float32', 'y'))({ y: tf.scalar(3) })
        .item(),
    ).toBe(-3)
    // Inside a structure a name does not stand for the structure.
    const h = tf.function((x: { readonly y: tf.Tensor }) => x.y.neg())
    expect(
      h
        .concrete({ y: tf.spec([], 'float32', 'y') })({ y: tf.scalar(3) })
        .item(),
    ).toBe(-3)
  })

  test('row 260: the same request gives the same object, a call too uses its trace', () => {
    const f = tf.function((x: tf.Tensor, k: number) => x.mul(k), { onRetrace: 'off' })
    const c = f.concrete(tf.spec([null]), 2)
    expect(f.concrete(tf.spec([null]), 2)).toBe(c)
    expect(f.concrete(tf.spec([null]), 3)).not.toBe(c)
    expect(f.concrete(tf.spec([null], 'int32'), 2)).not.toBe(c)
    expect(f(t, 2).array()).toEqual([2, 4])
    expect(f.traceCount).toBe(3)
    expect(f.concreteFunctions).toHaveLength(3)
    expect(f.concreteFunctions[0]).toBe(c)
    f.clearCache()
    expect(f.concrete(tf.spec([null]), 2)).not.toBe(c)
    // One that was dropped from the cache still works.
    expect(c(t).array()).toEqual([2, 4])
  })

  test('Variables among the arguments: any of their type, the same ones where they were the same', () => {
    const [v, w] = [tf.variable([1, 2]), tf.variable([3, 4])]
    const f = tf.function(
      (a: tf.Variable, b: tf.Variable) => {
        a.assignAdd(b)
        return b.value()
      },
      { onRetrace: 'off' },
    )
    const two = f.concrete(v, w)
    const one = f.concrete(v, v)
    expect(two(v, w).array()).toEqual([3, 4])
    expect(two(w, v).array()).toEqual([4, 6])
    expect([v.array(), w.array()]).toEqual([
      [4, 6],
      [7, 10],
    ])
    expect(two(v, v).array()).toEqual([8, 12])
    expect(one(w, w).array()).toEqual([14, 20])
    expect(() => one(v, w)).toThrow(/b should be (?:a|the) variable/)
    expect(() => two(v, t)).toThrow(/b should be a variable of type f32\[2\]/)
    expect(() => two(v, tf.variable([1]))).toThrow(/b should be a variable of type f32\[2\]/)
    expect(f.traceCount).toBe(2)
  })

  test('gradients flow through it, of the first and second order, without a retrace', () => {
    const w = tf.variable([2, 3])
    const f = tf.function((x: tf.Tensor) => x.mul(x).mul(w).sum())
    const c = f.concrete(tf.spec([2]))
    const x = tf.tensor([1, 2])
    const outer = new tf.GradientTape()
    const slope = outer.record(() => {
      outer.watch(x)
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch(x)
        return c(x)
      })
      const gradients = tape.gradient(y, { x, w })
      expect(gradients.w?.array()).toEqual([1, 4])
      return gradients.x as tf.Tensor
    })
    expect([slope.array(), outer.gradient(slope, x)?.array()]).toEqual([
      [4, 12],
      [4, 6],
    ])
    expect(f.traceCount).toBe(1)
  })

  test('methods have concrete functions of their instance', () => {
    class Model {
      v = tf.variable(2)
      @tf.func f(x: tf.Tensor): tf.Tensor {
        return x.mul(this.v)
      }
    }
    const [a, b] = [new Model(), new Model()]
    b.v.assign(3)
    const of = (f: Model['f']): tf.Concrete<Model['f']> => (f as tf.Traced<Model['f']>).concrete(tf.spec([]))
    expect([of(a.f)(1).item(), of(b.f)(1).item(), String(of(a.f))]).toEqual([2, 3, '(x: f32[]) → f32[]'])
    const plain = tf.function(function (this: Model, x: tf.Tensor): tf.Tensor {
      return x.mul(this.v)
    })
    Reflect.apply(plain, a, [tf.scalar(1)])
    expect(String(plain.concreteFunctions[0])).toBe('(x: f32[]) → f32[]')
    expect(plain.concreteFunctions[0]?.(4).item()).toBe(8)
  })

  test('tf.debug.show shows its stages, whichever trace was used last', () => {
    const f = tf.function((x: tf.Tensor, k: number) => x.mul(k).add(1), { onRetrace: 'off', name: 'line' })
    const two = f.concrete(tf.spec([4]), 2)
    f(tf.ones([8]), 3)
    expect(tf.debug.show(f, 'trace')).toContain('f32[8]')
    expect(tf.debug.show(two, 'trace')).toBe(two.graph)
    expect(tf.debug.show(two, 'trace')).toContain('@line(%x: f32[4]) -> f32[4]')
    expect(tf.debug.show(two, 'fused')).toContain('fusion')
    expect(tf.debug.show(two, 'loops')).toContain('splat4(2.0)')
    expect(tf.debug.show(two, 'wasm')).toContain('(module')
  })
})
