// Running functions eagerly, calls while a function is being called, and what is async. Titles name the rows of the table
// of behaviours; each test is written from the row, whatever is tested of it elsewhere.
import { afterEach, describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

const t = tf.tensor([1, 2])

afterEach(() => {
  tf.config.runFunctionsEagerly(false)
})

describe('config.runFunctionsEagerly', () => {
  test('row 261: it is off until it is turned on; eager code outside functions is another thing', () => {
    expect(tf.config.functionsRunEagerly).toBe(false)
    expect(tf.isTracing()).toBe(false)
    expect(t.add(1).array()).toEqual([2, 3])
    tf.config.runFunctionsEagerly(true)
    expect(tf.config.functionsRunEagerly).toBe(true)
    tf.config.runFunctionsEagerly(false)
    expect(tf.config.functionsRunEagerly).toBe(false)
  })

  test('row 262: the callback runs on every call, nothing is traced, tensors can be looked at', () => {
    const seen: unknown[] = []
    const f = tf.function((x: tf.Tensor) => {
      seen.push(tf.isTracing() ? 'traced' : x.array())
      return x.mul(2)
    })
    f(t)
    tf.config.runFunctionsEagerly(true)
    expect([f(t).array(), f(tf.ones([3])).array()]).toEqual([
      [2, 4],
      [2, 2, 2],
    ])
    expect(f.traceCount).toBe(1)
    tf.config.runFunctionsEagerly(false)
    expect(f(t).array()).toEqual([2, 4])
    expect([f.traceCount, seen]).toEqual([1, ['traced', [1, 2], [1, 1, 1]]])
  })

  test('row 262: Variables may be created on every call', () => {
    tf.config.runFunctionsEagerly(true)
    const f = tf.function((x: tf.Tensor) => tf.variable(x).assignAdd([1, 1]).value())
    expect([f(t).array(), f(t).array(), f.traceCount]).toEqual([[2, 3], [2, 3], 0])
  })

  test('row 262: arguments and results are converted and checked as in a trace', () => {
    const kinds: unknown[] = []
    const f = tf.function(
      (x: tf.Tensor, n: tf.Tensor) => {
        kinds.push(x instanceof tf.Tensor, n.dtype)
        return [x.mul(2), n, 3, true] as const
      },
      { inputSignature: [tf.spec([null]), tf.spec([], 'int32')], name: 'model' },
    ) as unknown as (...args: unknown[]) => readonly tf.Tensor[]
    const g = tf.function((x: tf.Tensor, k: number) => [x.add(k), k] as const) as unknown as (
      ...args: unknown[]
    ) => readonly tf.Tensor[]
    const outcome = (body: () => unknown): unknown => {
      try {
        return body()
      } catch (error) {
        return String(error).replaceAll(/\n {2}at .*/g, '')
      }
    }
    const all = (): unknown[] =>
      [
        () => f([1, 2], 7),
        () => f(tf.variable([5]), 1),
        () => f(new Float32Array([3]), tf.scalar(2, 'int32')),
        () => f([1, 2], 1.5),
        () => f([[1]], 1),
        () => f(tf.ones([2], 'int32'), 1),
        () => f([1]),
        () => g(new Float32Array([1, 2]), 3),
        () => g(t, new Set()),
      ].map((call) =>
        outcome(() => call().map((result) => [result instanceof tf.Tensor, result.dtype, result.array()])),
      )
    const traced = all()
    expect(traced[0]).toEqual([
      [true, 'float32', [2, 4]],
      [true, 'int32', 7],
      [true, 'float32', 3],
      [true, 'bool', true],
    ])
    expect(traced[5]).toMatch(/SignatureError|the argument x does not fit/)
    tf.config.runFunctionsEagerly(true)
    expect(all()).toEqual(traced)
    expect(new Set(kinds)).toEqual(new Set([true, 'int32']))
  })

  test('row 262: effects, gradients, nested functions, methods and partials give the same', () => {
    class Model {
      w = tf.variable([1, 2])
      @tf.func step(x: tf.Tensor): tf.Tensor {
        this.w.assignAdd(x)
        return inner(this.w, x)
      }
    }
    const inner = tf.function((w: tf.Variable, x: tf.Tensor) => w.mul(x).sum())
    const both = [false, true].map((eagerly) => {
      tf.config.runFunctionsEagerly(eagerly)
      const model = new Model()
      const tape = new tf.GradientTape()
      const y = tape.record(() => model.step(t))
      const twice = tf.function(tf.partial((k: number, x: tf.Tensor) => x.mul(k), 2))
      return [y.item(), model.w.array(), tape.gradient(y, model.w)?.array(), twice(t).array()]
    })
    expect(both[0]).toEqual([10, [2, 4], [1, 2], [2, 4]])
    expect(both[1]).toEqual(both[0])
  })

  test('row 262: an error of the callback comes out as it is', () => {
    tf.config.runFunctionsEagerly(true)
    const f = tf.function(() => {
      throw new RangeError('mine')
    })
    expect(f).toThrow(new RangeError('mine'))
    expect(
      tf
        .function((x: tf.Tensor) => x.add(1))(t)
        .array(),
    ).toEqual([2, 3])
  })

  test('row 262: what is being traced already goes on being traced', () => {
    const seen: boolean[] = []
    const inner = tf.function((x: tf.Tensor) => (seen.push(tf.isTracing()), x.mul(2)))
    const outer = tf.function((x: tf.Tensor) => {
      tf.config.runFunctionsEagerly(true)
      return inner(x)
    })
    expect(outer(t).array()).toEqual([2, 4])
    expect(seen).toEqual([true])
    tf.config.runFunctionsEagerly(false)
    expect(outer(t).array()).toEqual([2, 4])
  })
})

describe('calls during a call', () => {
  test('row 266: a host call may call the function that is running, also with other types', () => {
    const v = tf.variable(0)
    let depth = 0
    let most = 0
    const f: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function(
      (x: tf.Tensor): tf.Tensor => {
        v.assignAdd(1)
        const rest = tf.hostCall(
          (y: tf.Tensor) => {
            depth++
            most = Math.max(most, depth)
            // The same types, then others, which are traced while the first call waits.
            const result =
              y.sum().item() <= 0
                ? y
                : depth === 2
                  ? f(tf.zeros([3]))
                      .sum()
                      .mul(tf.zeros([2]))
                  : f(y.sub(1))
            depth--
            return result
          },
          [x],
          x,
        ) as tf.Tensor
        return x.mul(10).add(rest.sum())
      },
      { onRetrace: 'off' },
    )
    expect(f(tf.tensor([2, 1])).array()).toEqual([30, 20])
    expect([v.item(), depth, most, f.traceCount, f.cacheSize]).toEqual([3, 0, 3, 2, 2])
    expect(f(tf.tensor([2, 1])).array()).toEqual([30, 20])
    expect([f.traceCount, v.item()]).toEqual([2, 6])
  })

  test('row 266: a host call that fails inside leaves the caches as they were', () => {
    let fail = true
    const inner = tf.function((x: tf.Tensor): tf.Tensor => {
      if (fail) throw new RangeError('mine')
      return x.add(1)
    })
    const f = tf.function(
      (x: tf.Tensor) => tf.hostCall((y: tf.Tensor) => inner(y), [x], tf.spec([2])) as tf.Tensor,
    )
    expect(() => f(t)).toThrow(new RangeError('mine'))
    expect([f.traceCount, f.cacheSize, inner.traceCount]).toEqual([1, 1, 0])
    fail = false
    expect(f(t).array()).toEqual([2, 3])
    expect([f.traceCount, inner.traceCount]).toEqual([1, 1])
  })

  test('row 266: a getter of an argument may call the function', () => {
    let calls = 0
    const f: tf.Traced<(x: { readonly a: tf.Tensor }) => tf.Tensor> = tf.function(
      (x: { readonly a: tf.Tensor }) => x.a.mul(2),
    )
    const nested = {
      get a(): tf.Tensor {
        if (calls++ > 0) return t
        return f({ a: t.neg() })
      },
    }
    const result = f(nested)
    expect(result.array().toString()).toMatch(/^(?:2,4|-4,-8)$/)
    expect([f.traceCount, f.cacheSize, tf.isTracing()]).toEqual([1, 1, false])
    expect(f({ a: t }).array()).toEqual([2, 4])
  })

  test('row 266: the function that is being traced may be called eagerly with other types, not with its own', () => {
    const f: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function(
      (x: tf.Tensor): tf.Tensor => {
        const table = x.rank === 1 ? tf.eagerly(() => f(tf.scalar(5))) : tf.scalar(0)
        return x.mul(2).add(table)
      },
      { onRetrace: 'off' },
    )
    expect(f(t).array()).toEqual([12, 14])
    expect([f.traceCount, f.cacheSize]).toEqual([2, 2])
    const own: tf.Traced<(x: tf.Tensor) => tf.Tensor> = tf.function((x: tf.Tensor): tf.Tensor => {
      tf.eagerly(() => own(t))
      return x
    })
    expect(() => own(t)).toThrow(/it calls itself with the arguments it is being traced for/)
    expect([own.traceCount, own.cacheSize, tf.isTracing()]).toEqual([0, 0, false])
  })

  test('row 267: interleaved async callers', async () => {
    const v = tf.variable(0)
    const f = tf.function((by: tf.Tensor) => v.assignAdd(by).value())
    const seen = await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        if (i % 3 === 0) await Promise.resolve()
        const before = f(tf.scalar(1)).item()
        if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, i % 5))
        return before
      }),
    )
    expect(v.item()).toBe(400)
    expect(new Set(seen).size).toBe(400)
    expect(f.traceCount).toBe(1)
  })
})

describe('async', () => {
  test('row 268: a tape does not record across an await, and tells so', async () => {
    const x = tf.variable(3)
    const tape = new tf.GradientTape()
    let late: Promise<tf.Tensor> | undefined
    expect(() =>
      tape.record(() => {
        late = (async () => {
          const y = x.mul(2)
          await Promise.resolve()
          return y.mul(x)
        })()
        return late
      }),
    ).toThrow(/async/)
    expect((await late)?.item()).toBe(18)
    // What ran after the await was recorded by no tape.
    const other = new tf.GradientTape()
    const y = other.record(() => x.mul(x))
    await Promise.resolve()
    expect(other.gradient(y, x)?.item()).toBe(6)
  })

  test('row 268: a trace does not extend across an await', async () => {
    let late: Promise<unknown> | undefined
    const f = tf.function((x: tf.Tensor) => {
      late = Promise.resolve().then(() => x.add(1))
      return x.mul(2)
    })
    expect(f(t).array()).toEqual([2, 4])
    await expect(late).rejects.toThrow(/out of scope/)
    expect(f(t).array()).toEqual([2, 4])
  })

  test.each<[string, () => unknown]>([
    ['an async arrow function', () => tf.function(async (x: tf.Tensor) => x)],
    [
      'an async function',
      () =>
        tf.function(async function f(x: tf.Tensor) {
          return x
        }),
    ],
    [
      'a generator',
      () =>
        tf.function(function* f(x: tf.Tensor) {
          yield x
        }),
    ],
    [
      'an async generator',
      () =>
        tf.function(async function* f(x: tf.Tensor) {
          yield x
        }),
    ],
    [
      'an async method by its name',
      () =>
        tf.function(
          {
            async f(x: tf.Tensor) {
              return x
            },
          },
          'f',
        ),
    ],
  ])('row 269: %s is refused when it is wrapped', (_, wrap) => {
    expect(wrap).toThrow(tf.TraceError)
    expect(wrap).toThrow(/async and generator callbacks cannot be traced/)
  })
})
