/* oxlint-disable typescript/unbound-method -- traced methods are bound to their object, which is what is tested */
// Functions that call functions, recursion, and methods. Titles name the rows of the table of behaviours; each test is
// written from the row, whatever is tested of it elsewhere.
import { describe, expect, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

const t = tf.tensor([1, 2, 3])

describe('nested functions', () => {
  test('row 131: a call from another trace and an eager one share the callee’s trace', () => {
    let runs = 0
    const inner = tf.function((x: tf.Tensor) => (runs++, x.mul(x)))
    const outer = tf.function((x: tf.Tensor) => inner(x).add(inner(x)))
    expect(outer(t).array()).toEqual([2, 8, 18])
    expect(inner(t).array()).toEqual([1, 4, 9])
    expect([runs, inner.traceCount, inner.cacheSize, outer.traceCount]).toEqual([1, 1, 1, 1])
    // The other way around: the eager call traces, the outer function uses its trace.
    const late = tf.function((x: tf.Tensor) => inner(x.add(1)))
    expect(late(t).array()).toEqual([4, 9, 16])
    expect(runs).toBe(1)
  })

  test('row 132: constants pass through as constants, results are symbolic', () => {
    const seen: unknown[] = []
    const inner = tf.function(
      (x: tf.Tensor, k: number, options: { readonly on: boolean; readonly name: string }) => {
        seen.push(typeof k, typeof options.on, options.name)
        return x.mul(k)
      },
    )
    const outer = tf.function(
      (x: tf.Tensor) => {
        const made = inner(x, 3, { on: true, name: 'a' })
        seen.push(made instanceof tf.Tensor && /in outer/.test(String(made)))
        return made
      },
      { name: 'outer' },
    )
    expect(outer(tf.scalar(1)).item()).toBe(3)
    expect(seen).toEqual(['number', 'boolean', 'a', true])
  })

  test('row 133: retraces inside another trace count for the outermost eager call', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      const inner = tf.function((x: tf.Tensor, k: number) => x.mul(k), { name: 'inner' })
      const outer = tf.function((x: tf.Tensor, k: number) => inner(x, k).add(1), { name: 'outer' })
      for (let k = 0; k < 5; k++) outer(t, k)
      const lines = warn.mock.calls.map((call) => String(call[0]))
      expect(lines.some((line) => line.includes('tf.function outer'))).toBe(true)
      expect(lines.filter((line) => line.includes('tf.function inner'))).toEqual([])
      expect([inner.traceCount, outer.traceCount]).toEqual([5, 5])
    } finally {
      warn.mockRestore()
    }
  })

  test('row 134: recursion on a number', () => {
    const fact: tf.Traced<(n: number) => tf.Tensor> = tf.function(
      (n: number): tf.Tensor => (n === 0 ? tf.scalar(1) : fact(n - 1).mul(n)),
      { onRetrace: 'off' },
    )
    expect(fact(4).item()).toBe(24)
    expect([fact.traceCount, fact.cacheSize]).toEqual([5, 5])
    expect(fact(3).item()).toBe(6)
    expect(fact(5).item()).toBe(120)
    expect(fact.traceCount).toBe(6)
  })

  test('row 134: recursion on the length of an array', () => {
    const total: (xs: readonly tf.Tensor[]) => tf.Tensor = tf.function(
      (xs: readonly tf.Tensor[]): tf.Tensor =>
        xs.length === 0 ? tf.scalar(0) : total(xs.slice(1)).add(xs[0] ?? 0),
      { onRetrace: 'off' },
    )
    expect(total([tf.scalar(1), tf.scalar(2), tf.scalar(4)]).item()).toBe(7)
  })

  test('row 135: recursion on a tensor names the function, what it is traced for, and the cycle', () => {
    const fact: (n: tf.Tensor) => tf.Tensor = tf.function(
      (n: tf.Tensor): tf.Tensor => fact(n.sub(1)).mul(n),
      {
        name: 'fact',
      },
    )
    expect(() => fact(tf.scalar(4, 'int32'))).toThrow(tf.TraceError)
    expect(() => fact(tf.scalar(4, 'int32'))).toThrow(
      /fact: it calls itself with the arguments it is being traced for: n i32\[\]/,
    )
    const ping: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function((x: tf.Tensor): tf.Tensor => pong(x), {
      name: 'ping',
    })
    const pong: (x: tf.Tensor) => tf.Tensor = tf.function((x: tf.Tensor): tf.Tensor => ping(x.neg()), {
      name: 'pong',
    })
    expect(() => ping(t)).toThrow(/ping: it calls itself[\s\S]*calls +ping → pong → ping/)
    expect([ping.traceCount, ping.cacheSize, tf.isTracing()]).toEqual([0, 0, false])
    // Each of them can be traced afterwards.
    const fixed = tf.function((x: tf.Tensor) => x.add(1), { name: 'ping' })
    expect(fixed(t).array()).toEqual([2, 3, 4])
  })

  test('row 136: mutual recursion on constants', () => {
    const even: (n: number) => tf.Tensor = tf.function(
      (n: number) => (n === 0 ? tf.scalar(true) : odd(n - 1)),
      {
        onRetrace: 'off',
      },
    )
    const odd: (n: number) => tf.Tensor = tf.function(
      (n: number) => (n === 0 ? tf.scalar(false) : even(n - 1)),
      {
        onRetrace: 'off',
      },
    )
    expect([even(4).array(), odd(3).array(), even(3).array(), odd(4).array()]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  test('row 137: decorating twice traces the body once', () => {
    let runs = 0
    const body = (x: tf.Tensor): tf.Tensor => (runs++, x.add(1))
    const once = tf.function(body)
    expect(tf.function(once)).toBe(once)
    expect(tf.function(tf.function(body))(t).array()).toEqual([2, 3, 4])
    expect(runs).toBe(1)
    // With options there is a second function with traces of its own, of the same body.
    const named = tf.function(once, { name: 'named' })
    expect([named.name, named.fn === body, named(t).array()]).toEqual(['named', true, [2, 3, 4]])
    expect([runs, named.traceCount]).toEqual([2, 1])
    class Model {
      calls = 0
      @tf.func @tf.func step(x: tf.Tensor): tf.Tensor {
        this.calls++
        return x.mul(2)
      }
    }
    const model = new Model()
    expect(model.step(t).array()).toEqual([2, 4, 6])
    expect(model.calls).toBe(1)
  })

  test('row 138: another shape of the outer retraces the inner', () => {
    const inner = tf.function((x: tf.Tensor) => x.mul(2), { onRetrace: 'off' })
    const outer = tf.function((x: tf.Tensor) => inner(x).sum(), { onRetrace: 'off' })
    expect([outer(tf.ones([1])).item(), outer(tf.ones([2])).item()]).toEqual([2, 4])
    expect([inner.traceCount, outer.traceCount]).toEqual([2, 2])
  })

  test('sizes of the outer trace that are not known are not mixed up with those the inner opens', () => {
    const inner = tf.function((x: tf.Tensor, y: tf.Tensor) => x.sum().add(y.sum()).add(y.mul(2)), {
      reduceRetracing: true,
      onRetrace: 'off',
    })
    const outer = tf.function(
      (x: tf.Tensor) => [inner(x, tf.ones([2])), inner(x, tf.ones([3])), inner(x, tf.ones([4]))] as const,
      { inputSignature: [tf.spec([null])], onRetrace: 'off' },
    )
    for (const n of [5, 1, 3])
      expect(outer(tf.ones([n])).map((result) => result.array())).toEqual([
        Array<number>(2).fill(n + 4),
        Array<number>(3).fill(n + 5),
        Array<number>(4).fill(n + 6),
      ])
    const added = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), {
      reduceRetracing: true,
      onRetrace: 'off',
    })
    const both = tf.function((x: tf.Tensor) => [added(x, tf.ones([2])), added(x, tf.ones([3]))] as const, {
      inputSignature: [tf.spec([null])],
      onRetrace: 'off',
    })
    expect(both(tf.ones([1])).map((result) => result.array())).toEqual([
      [2, 2],
      [2, 2, 2],
    ])
    // In the trace open in both sizes they are two sizes, and a guard says where they are taken to be one.
    const open = added.concreteFunctions.find((concrete) =>
      String(concrete).startsWith('(x: f32[null], y: f32[null])'),
    )
    expect(open?.graph).toMatch(/%x: f32\[n0\], %y: f32\[n1\][^]*guards n0 == n1/)
  })
})

class Model {
  k: number
  v = tf.variable(5)
  runs = 0
  constructor(k = 2) {
    this.k = k
  }
  @tf.func f(x: tf.Tensor): tf.Tensor {
    this.runs++
    return x.mul(this.k)
  }
  @tf.func({ name: 'renamed', onRetrace: 'off' }) g(x: tf.Tensor): tf.Tensor {
    return x.add(this.v)
  }
  @tf.func bump(by: tf.Tensor): void {
    this.v.assignAdd(by)
  }
  plain(x: tf.Tensor): tf.Tensor {
    return x.mul(this.k)
  }
}
type TracedMethod = tf.Traced<(x: tf.Tensor) => tf.Tensor>
const traced = (f: (x: tf.Tensor) => tf.Tensor): TracedMethod => f as TracedMethod

describe('methods', () => {
  test('row 140: a function per instance, the same one each time, with its own traces', () => {
    const a = new Model(2)
    const b = new Model(3)
    expect([a.f === a.f, a.f === b.f, a.f.name, a.g.name, a.f.length]).toEqual([
      true,
      false,
      'f',
      'renamed',
      1,
    ])
    expect([a.f(t).array(), b.f(t).array()]).toEqual([
      [2, 4, 6],
      [3, 6, 9],
    ])
    a.g(t)
    a.g(tf.scalar(1))
    expect([traced(a.f), traced(b.f), traced(a.g), traced(b.g)].map((f) => f.traceCount)).toEqual([
      1, 1, 2, 0,
    ])
    expect(Object.keys(a)).not.toContain('f')
  })

  test('row 140: Variables created by a method belong to its instance', () => {
    class Counter {
      total: tf.Variable | undefined
      @tf.func add(x: tf.Tensor): tf.Tensor {
        this.total ??= tf.variable(0)
        this.total.assignAdd(x.sum())
        return this.total.value()
      }
    }
    const a = new Counter()
    const b = new Counter()
    expect([a.add(t).item(), a.add(t).item(), b.add(t).item()]).toEqual([6, 12, 6])
    expect(a.total).not.toBe(b.total)
  })

  test('row 140: the legacy decorators of experimentalDecorators', () => {
    class Legacy {
      k: number
      runs = 0
      constructor(k: number) {
        this.k = k
      }
      f(x: tf.Tensor): tf.Tensor {
        this.runs++
        return x.mul(this.k)
      }
      g(x: tf.Tensor): tf.Tensor {
        return x.add(this.k)
      }
      get doubled(): tf.Tensor {
        this.runs++
        return tf.scalar(2 * this.k)
      }
      static half(x: tf.Tensor): tf.Tensor {
        return x.div(2)
      }
    }
    /** What TypeScript emits for `@decorator` with experimentalDecorators. */
    const apply = (
      target: object,
      key: string,
      decorator: (target: object, key: string, descriptor: PropertyDescriptor) => PropertyDescriptor,
    ): void => {
      const descriptor = Object.getOwnPropertyDescriptor(target, key)
      if (descriptor !== undefined) Object.defineProperty(target, key, decorator(target, key, descriptor))
    }
    apply(Legacy.prototype, 'f', tf.func)
    apply(Legacy.prototype, 'f', tf.func)
    apply(Legacy.prototype, 'g', tf.func({ name: 'renamed' }))
    apply(Legacy.prototype, 'doubled', tf.func)
    apply(Legacy, 'half', tf.func)
    const a = new Legacy(2)
    const b = new Legacy(3)
    expect(Legacy.prototype.f).toBeTypeOf('function')
    expect([a.f === a.f, a.f === b.f, a.g.name]).toEqual([true, false, 'renamed'])
    const { f } = b
    expect([a.f(t).array(), f(t).array(), b.f(t).array(), a.g(t).array()]).toEqual([
      [2, 4, 6],
      [3, 6, 9],
      [3, 6, 9],
      [3, 4, 5],
    ])
    expect([traced(a.f).traceCount, a.runs, b.runs]).toEqual([1, 1, 1])
    expect([a.doubled.item(), b.doubled.item(), a.doubled.item(), a.runs]).toEqual([4, 6, 4, 2])
    expect([Legacy.half(t).array(), traced(Legacy.half).traceCount]).toEqual([[0.5, 1, 1.5], 1])
    a.f = (x) => x
    expect(a.f(t)).toBe(t)
    expect(b.f(t).array()).toEqual([3, 6, 9])
    expect(() => tf.function(Legacy.prototype as unknown as { field: () => void }, 'field')).toThrow(
      /field of Legacy is not a method[\s\S]*field = tf\.function/,
    )
  })

  test('row 141: a method can be detached', () => {
    const a = new Model(4)
    const { f } = a
    expect(f(t).array()).toEqual([4, 8, 12])
    expect(Reflect.apply(f, new Model(100), [t])).toBeInstanceOf(tf.Tensor)
    expect((Reflect.apply(f, new Model(100), [t]) as tf.Tensor).array()).toEqual([4, 8, 12])
  })

  test('row 142: attributes are read when the method is traced; Variables are read at every call', () => {
    const a = new Model(2)
    expect(a.f(t).array()).toEqual([2, 4, 6])
    a.k = 7
    expect(a.f(t).array()).toEqual([2, 4, 6])
    expect(a.f(tf.scalar(1)).item()).toBe(7)
    expect(a.g(tf.scalar(1)).item()).toBe(6)
    a.v.assign(10)
    expect(a.g(tf.scalar(1)).item()).toBe(11)
  })

  test('row 143: another Variable in the same attribute is not seen', () => {
    const a = new Model()
    expect(a.g(tf.scalar(0)).item()).toBe(5)
    a.v = tf.variable(7)
    expect(a.g(tf.scalar(0)).item()).toBe(5)
    a.bump(tf.scalar(1))
    expect([a.v.item(), a.g(tf.scalar(0)).item()]).toEqual([8, 5])
  })

  test('row 144: instances have traces of their own, also for equal arguments', () => {
    const runs = [new Model(), new Model()].map((model) => (model.f(t), model.f(t), model.runs))
    expect(runs).toEqual([1, 1])
  })

  test('row 145: any object may have traced methods', () => {
    class Odd {
      valueOf(): never {
        throw new Error('not a value')
      }
      equals(): boolean {
        return true
      }
      get hash(): never {
        throw new Error('no hash')
      }
      @tf.func f(x: tf.Tensor): tf.Tensor {
        return x.add(this.equals() ? 1 : 2)
      }
    }
    expect(new Odd().f(t).array()).toEqual([2, 3, 4])
    const frozen = Object.freeze({ k: 3, f: (x: tf.Tensor): tf.Tensor => x.mul(3) })
    expect(tf.function(frozen, 'f')(t).array()).toEqual([3, 6, 9])
  })

  test('row 146: static methods, and (object, name)', () => {
    class Scale {
      static factor = 3
      factor = 2
      @tf.func static by(x: tf.Tensor): tf.Tensor {
        return x.mul(this.factor)
      }
      by(x: tf.Tensor): tf.Tensor {
        return x.mul(this.factor)
      }
      static plain(x: tf.Tensor): tf.Tensor {
        return x.add(this.factor)
      }
    }
    class Larger extends Scale {
      static override factor = 10
    }
    expect([Scale.by(t).array(), Larger.by(t).array(), Scale.by(t).array()]).toEqual([
      [3, 6, 9],
      [10, 20, 30],
      [3, 6, 9],
    ])
    expect([Scale.by === Scale.by, traced(Scale.by).traceCount]).toEqual([true, 1])
    const scale = new Scale()
    const f = tf.function(scale, 'by')
    const self: unknown[] = []
    const watched = tf.function(
      {
        by(x: tf.Tensor): tf.Tensor {
          self.push(this)
          return x
        },
      },
      'by',
      { name: 'watched' },
    )
    expect([f(t).array(), f.name, f.traceCount, watched(t).array(), watched.name]).toEqual([
      [2, 4, 6],
      'by',
      1,
      [1, 2, 3],
      'watched',
    ])
    expect(self).toHaveLength(1)
    expect(self[0]).toHaveProperty('by')
    expect(tf.function(Scale, 'plain')(t).array()).toEqual([4, 5, 6])
    expect(() => tf.function(scale as unknown as { factor: () => void }, 'factor')).toThrow(tf.SignatureError)
    const model = new Model()
    expect(tf.function(model, 'f')).toBe(model.f)
  })

  test('row 147: an object with [tf.flatten] is an argument like any other, as this too', () => {
    class Masked {
      readonly values: tf.Tensor
      readonly mask: tf.Tensor
      readonly mode: string
      static runs = 0
      constructor(values: tf.Tensor, mask: tf.Tensor, mode = 'sum') {
        this.values = values
        this.mask = mask
        this.mode = mode
      }
      [tf.flatten](): unknown {
        return { meta: this.mode, leaves: [this.values, this.mask] }
      }
      static [tf.unflatten](mode: string, [values, mask]: readonly tf.Tensor[]): Masked {
        return new Masked(values as tf.Tensor, mask as tf.Tensor, mode)
      }
      @tf.func sum(scale: tf.Tensor): tf.Tensor {
        Masked.runs++
        const all = this.values.mul(this.mask.cast('float32'))
        return (this.mode === 'sum' ? all.sum() : all.mean()).mul(scale)
      }
    }
    const two = tf.scalar(2)
    const a = new Masked(tf.tensor([1, 2, 3]), tf.tensor([true, false, true]))
    const b = new Masked(tf.tensor([10, 20, 30]), tf.tensor([true, true, false]))
    expect([a.sum(two).item(), b.sum(two).item(), a.sum(tf.scalar(3)).item()]).toEqual([8, 60, 12])
    expect(Masked.runs).toBe(1)
    const { sum } = b
    expect(sum(two).item()).toBe(60)
    expect(new Masked(tf.tensor([3, 9]), tf.tensor([true, true])).sum(two).item()).toBe(24)
    expect(new Masked(tf.tensor([3, 9]), tf.tensor([true, true]), 'mean').sum(two).item()).toBe(12)
    expect(Masked.runs).toBe(3)
    const plain = tf.function(function (this: Masked): tf.Tensor {
      return this.values.sum()
    })
    expect(
      [Reflect.apply(plain, a, []), Reflect.apply(plain, b, [])].map((x) => (x as tf.Tensor).item()),
    ).toEqual([6, 60])
    expect(plain.traceCount).toBe(1)
    const concrete = traced(a.sum).concrete(tf.spec([]))
    expect((concrete(two) as tf.Tensor).item()).toBe(8)
    // Gradients flow to what is inside.
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      tape.watch(a.values)
      return a.sum(two)
    })
    expect(tape.gradient(y, a.values)?.array()).toEqual([2, 0, 2])
  })

  test('row 148: private names, super, getters, fields, accessors, arrows, new.target', () => {
    class Base {
      @tf.func step(x: tf.Tensor): tf.Tensor {
        return x.add(this.offset())
      }
      @tf.func other(x: tf.Tensor): tf.Tensor {
        return x.neg()
      }
      offset(): number {
        return 1
      }
    }
    class Derived extends Base {
      #k = tf.variable(2)
      runs = 0
      override offset(): number {
        return 100
      }
      @tf.func override step(x: tf.Tensor): tf.Tensor {
        this.runs++
        return super.step(x).mul(this.#k)
      }
      // Overridden without a decorator.
      override other(x: tf.Tensor): tf.Tensor {
        return super.other(x).mul(10)
      }
      @tf.func #hidden(x: tf.Tensor): tf.Tensor {
        this.runs++
        return x.mul(this.#k)
      }
      hidden(x: tf.Tensor): tf.Tensor {
        return this.#hidden(x)
      }
      @tf.func get current(): tf.Tensor {
        this.runs++
        return this.#k.add(0.5)
      }
      @tf.func field = (x: tf.Tensor): tf.Tensor => x.sub(this.#k)
      @tf.func accessor held = (x: tf.Tensor): tf.Tensor => x.div(this.#k)
      @tf.func made(x: tf.Tensor): tf.Tensor {
        const inner = (): tf.Tensor => x.mul(this.#k)
        const isCall = (function () {
          return new.target === undefined
        })()
        return isCall ? inner() : x
      }
    }
    const a = new Derived()
    expect(a.step(t).array()).toEqual([202, 204, 206])
    expect(a.step(t).array()).toEqual([202, 204, 206])
    expect(a.runs).toBe(1)
    expect(new Base().step(t).array()).toEqual([2, 3, 4])
    expect(a.other(t).array()).toEqual([-10, -20, -30])
    expect([a.hidden(t).array(), a.hidden(t).array(), a.runs]).toEqual([[2, 4, 6], [2, 4, 6], 2])
    expect([a.current.item(), a.current.item(), a.runs]).toEqual([2.5, 2.5, 3])
    expect([a.field(t).array(), a.held(t).array(), a.made(t).array()]).toEqual([
      [-1, 0, 1],
      [0.5, 1, 1.5],
      [2, 4, 6],
    ])
    expect([traced(a.field).traceCount, traced(a.held).traceCount]).toEqual([1, 1])
    expect(() =>
      tf.func(class {}, { kind: 'class', name: 'C', addInitializer: () => undefined } as never),
    ).toThrow(/cannot decorate a class/)
  })

  test('an async method is refused when it is decorated', () => {
    expect(() => {
      class Late {
        @tf.func async step(x: tf.Tensor): Promise<tf.Tensor> {
          return x
        }
      }
      return Late
    }).toThrow(/async and generator callbacks cannot be traced/)
  })
})
