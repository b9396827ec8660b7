// Behaviours 90 to 98: the cache, what keeps what alive, and what failures leave behind. Each title begins with the
// number of the behaviour. TRACEMILL_LIFETIME=10000 makes the last test as long as the promise it stands for.
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import { memoryStatistics } from '../../codegen/run/memory.ts'
import * as tf from '../../src/index.ts'
import { breathe, collectGarbage } from '../support/collect.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

const quiet = { onRetrace: 'off' } as const

/** The object, made where nothing on this stack can hold on to it. */
function weakly<T extends object>(make: () => T): WeakRef<T> {
  return new WeakRef(make())
}

test('row 90: settings that change what is traced are part of the key', () => {
  let runs = 0
  const f = tf.function((x: tf.Tensor) => (runs++, x.log()), quiet)
  const x = tf.tensor([1])
  f(x)
  tf.config.enableCheckNumerics()
  try {
    expect([f(x).array(), runs, f.cacheSize]).toEqual([[0], 2, 2])
    expect(() => f(tf.tensor([-1]))).toThrow(/log: its result had NaN values/)
    f(x)
    expect(f.concrete(tf.spec([1]))).not.toBe(f.concreteFunctions[0])
  } finally {
    tf.config.disableCheckNumerics()
  }
  expect([f(tf.tensor([-1])).array(), runs, f.traceCount]).toEqual([[NaN], 2, 2])
  expect(f.concrete(tf.spec([1]))).toBe(f.concreteFunctions[0])
})

test('row 90: so are the settings of a trace that is open in its sizes', () => {
  const f = tf.function((x: tf.Tensor) => x.log(), { inputSignature: [tf.spec([null])], onRetrace: 'off' })
  f(tf.tensor([1]))
  tf.config.enableCheckNumerics()
  try {
    expect(() => f(tf.tensor([1, -1]))).toThrow(/NaN/)
  } finally {
    tf.config.disableCheckNumerics()
  }
  expect([f(tf.tensor([1, -1])).array(), f.traceCount]).toEqual([[0, NaN], 2])
})

test('row 90: running eagerly neither makes nor forgets traces', () => {
  let runs = 0
  const f = tf.function((x: tf.Tensor) => (runs++, x.mul(2)), quiet)
  f(tf.scalar(1))
  tf.config.runFunctionsEagerly(true)
  try {
    expect([f(tf.scalar(2)).item(), f(tf.ones([3])).array(), runs, f.traceCount]).toEqual([
      4,
      [2, 2, 2],
      3,
      1,
    ])
  } finally {
    tf.config.runFunctionsEagerly(false)
  }
  expect([f(tf.scalar(3)).item(), runs, f.traceCount]).toEqual([6, 3, 1])
})

test('row 91: traceCount counts runs of the body, cacheSize the traces', () => {
  let v: tf.Variable | undefined
  const f = tf.function((x: tf.Tensor) => (v ??= tf.variable(5)).mul(x), quiet)
  expect([f.traceCount, f.cacheSize]).toEqual([0, 0])
  f(tf.scalar(1))
  expect([f.traceCount, f.cacheSize]).toEqual([2, 1])
  f(tf.scalar(2))
  expect([f.traceCount, f.cacheSize]).toEqual([2, 1])
  f(tf.ones([2]))
  expect([f.traceCount, f.cacheSize]).toEqual([3, 2])
})

test('row 92: traces go with the objects that select them', async () => {
  class C {
    k = 2
  }
  const f = tf.function((c: C, x: tf.Tensor) => x.mul(c.k), quiet)
  const kept = new C()
  f(kept, tf.scalar(1))
  for (let i = 0; i < 100; i++) f(new C(), tf.scalar(1))
  expect(f.cacheSize).toBe(101)
  await collectGarbage()
  expect(f.cacheSize).toBe(1)
  expect([f(kept, tf.scalar(3)).item(), f.cacheSize]).toEqual([6, 1])
})

test('row 92: also functions, objects inside structures and the object a function is called on', async () => {
  const f = tf.function((g: { readonly map: (x: tf.Tensor) => tf.Tensor }, x: tf.Tensor) => g.map(x), quiet)
  for (let i = 0; i < 20; i++) f({ map: (x) => x.add(i) }, tf.scalar(1))
  const h = tf.function(function (this: { readonly k: number }, x: tf.Tensor) {
    return x.mul(this.k)
  }, quiet)
  for (let i = 0; i < 20; i++) h.call({ k: i }, tf.scalar(1))
  await collectGarbage()
  expect([f.cacheSize, h.cacheSize]).toEqual([0, 0])
})

test('row 92: what a dead object left behind is never used again', async () => {
  class C {
    readonly k: number
    constructor(k: number) {
      this.k = k
    }
  }
  const f = tf.function((c: C) => tf.scalar(c.k), quiet)
  for (let i = 0; i < 50; i++) {
    expect(f(new C(i)).item()).toBe(i)
    if (i % 10 === 0) await collectGarbage()
  }
})

test('row 93: a concrete function works without the function, and keeps what it captured', async () => {
  const v = tf.variable(2)
  const make = (): { readonly c: tf.Concrete; readonly f: WeakRef<object>; readonly w: WeakRef<object> } => {
    const w = tf.variable(10)
    const f = tf.function((x: tf.Tensor) => x.mul(v).add(w))
    return { c: f.concrete(tf.spec([])), f: new WeakRef(f), w: new WeakRef(w) }
  }
  const { c, f, w } = make()
  await collectGarbage()
  expect(f.deref()).toBeUndefined()
  expect(w.deref()).toBeDefined()
  v.assign(4)
  expect((c(3) as tf.Tensor).item()).toBe(22)
})

test('row 93: dropping a function frees what it captured and its wasm memory', async () => {
  let before = 0
  const make = (): readonly WeakRef<object>[] => {
    const w = tf.variable(tf.ones([50_000]))
    const big = tf.ones([50_000])
    const f = tf.function((x: tf.Tensor) => {
      w.assignAdd(big)
      return x.mul(w).sum()
    })
    const tape = new tf.GradientTape()
    const loss = tape.record(() => f(tf.ones([50_000])))
    tape.gradient(loss, w)
    expect(memoryStatistics().bytesInUse).toBeGreaterThan(before + 200_000)
    return [new WeakRef(f), new WeakRef(w), new WeakRef(big), new WeakRef(f.fn)]
  }
  // What eager code and the arena of running programs need at these sizes stays.
  make()
  await collectGarbage()
  before = memoryStatistics().bytesInUse
  const references = make()
  await collectGarbage()
  expect(references.map((reference) => reference.deref())).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect(memoryStatistics().bytesInUse).toBe(before)
})

test('row 93: arguments are not kept by the traces they were given to', async () => {
  const f = tf.function((x: tf.Tensor, o: { readonly y: tf.Tensor; readonly v: tf.Variable }) =>
    x.add(o.y).add(o.v),
  )
  const references: WeakRef<object>[] = []
  const call = (): void => {
    const [x, y, v] = [tf.ones([100]), tf.ones([100]), tf.variable(tf.ones([100]))]
    f(x, { y, v })
    references.push(new WeakRef(x), new WeakRef(y), new WeakRef(v))
  }
  call()
  await collectGarbage()
  expect([references.map((reference) => reference.deref()), f.cacheSize]).toEqual([
    [undefined, undefined, undefined],
    1,
  ])
})

test('row 94: objects with traced methods can be collected', async () => {
  class M {
    k = 2
    @tf.func decorated(x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    }
    @tf.func get value(): tf.Tensor {
      return tf.scalar(this.k)
    }
    field = tf.function((x: tf.Tensor) => x.mul(this.k))
    plain(x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    }
    bound = tf.function(this as M, 'plain')
  }
  const shared = tf.function(function (this: M, x: tf.Tensor) {
    return x.mul(this.k)
  }, quiet)
  const reference = weakly(() => {
    const o = new M()
    const x = tf.scalar(1)
    expect([o.decorated(x), o.value, o.field(x), o.bound(x), shared.call(o, x)].map((y) => y.item())).toEqual(
      [2, 2, 2, 2, 2],
    )
    return o
  })
  await collectGarbage()
  expect(reference.deref()).toBeUndefined()
  expect(shared.cacheSize).toBe(0)
})

test('row 95: clearCache forgets traces, and variables may be created again', () => {
  let v: tf.Variable | undefined
  const f = tf.function((x: tf.Tensor) => (v ??= tf.variable(x.sum())).mul(1), quiet)
  expect([f(tf.ones([2])).item(), f.traceCount]).toEqual([2, 2])
  v = undefined
  expect(() => f(tf.ones([3]))).toThrow(/on a call that is not its first/)
  f.clearCache()
  expect([f.traceCount, f.cacheSize]).toEqual([0, 0])
  expect([f(tf.ones([3])).item(), f.traceCount]).toEqual([3, 2])
  f.clearCache()
  expect([f(tf.ones([3])).item(), f.traceCount]).toEqual([3, 1])
})

test('row 96: a trace that fails is not kept', () => {
  let failures = 1
  const g = tf.random.generator(1)
  const f = tf.function((x: tf.Tensor) => {
    const drawn = g.uniform([2])
    if (failures-- > 0) throw new RangeError('mine')
    return x.add(drawn)
  })
  expect(() => f(tf.scalar(0))).toThrow(new RangeError('mine'))
  expect([f.traceCount, f.cacheSize]).toEqual([0, 0])
  expect(f(tf.scalar(0)).array()).toEqual(tf.random.generator(1).uniform([2]).array())
  expect([f.traceCount, f.cacheSize]).toEqual([1, 1])
})

test('row 97: a first call that created variables and failed leaves a first call', () => {
  let v: tf.Variable | undefined
  let failures = 1
  const f = tf.function((x: tf.Tensor) => {
    v ??= tf.variable(3)
    const other = tf.scalar(1)
    if (failures-- > 0) throw new Error('mine')
    return v.mul(x).add(other)
  })
  expect(() => f(tf.scalar(2))).toThrow('mine')
  expect(f.cacheSize).toBe(0)
  expect([f(tf.scalar(2)).item(), f(tf.scalar(3)).item(), f.traceCount]).toEqual([7, 10, 1])
  // Also when the second pass is what fails, and the variable has to be made anew.
  let w: tf.Variable | undefined
  let passes = 0
  const g = tf.function((x: tf.Tensor) => {
    w ??= tf.variable(x)
    if (++passes === 2) throw new Error('mine')
    return w.add(0)
  })
  expect(() => g(tf.scalar(2))).toThrow('mine')
  w = undefined
  expect([g(tf.scalar(7)).item(), g.cacheSize]).toEqual([7, 1])
})

test('row 98: small captured tensors are written into the graph, large ones are captures', () => {
  const [small, large] = [tf.ones([4]), tf.ones([1000])]
  const f = tf.function(() => [small.add(1), large.add(1)] as const)
  const [a, b] = f()
  expect([a.array(), b.sum().item()]).toEqual([[2, 2, 2, 2], 2000])
  const [trace] = f.concreteFunctions
  expect(trace?.captures.map((tensor) => tensor.shape)).toEqual([[1000]])
  expect(trace?.captures[0]).toBe(large)
  expect(trace?.graph).toMatch(/captures @\w+: f32\[1000\] tensor\n/)
})

test('thousands of functions that are made and dropped leave memory as it was', async () => {
  const count = Number(process.env['TRACEMILL_LIFETIME'] ?? 1000)
  const longLived = { variable: tf.variable(tf.ones([64])), model: new (class Model {})() }
  const makeOne = (i: number): void => {
    const w = tf.variable(tf.ones([64]))
    const big = tf.ones([256])
    const f = tf.function((x: tf.Tensor, model: object, k: number) => {
      w.assignAdd(longLived.variable)
      return x
        .mul(big)
        .sum()
        .add(w.sum())
        .mul(model === longLived.model ? k : 0)
    })
    expect(f(tf.ones([256]), longLived.model, 2).item()).toBe(2 * (256 + 128))
    if (i % 10 === 0) f(tf.ones([256]), longLived.model, 3)
    if (i % 10 === 5) {
      const tape = new tf.GradientTape()
      tape.gradient(
        tape.record(() => f(tf.ones([256]), longLived.model, 2)),
        w,
      )
    }
  }
  const round = async (): Promise<{
    readonly wasm: number
    readonly heap: number
    readonly resident: number
  }> => {
    for (let i = 0; i < count / 3; i++) {
      makeOne(i)
      if (i % 20 === 0) await breathe()
    }
    await collectGarbage()
    const { heapUsed, external, rss } = process.memoryUsage()
    return { wasm: memoryStatistics().bytesInUse, heap: heapUsed + external, resident: rss }
  }
  const first = await round()
  await round()
  const last = await round()
  expect(last.wasm).toBe(first.wasm)
  // What caches of fixed size still fill up with is allowed; a leak of a kilobyte per function is not.
  expect(last.heap - first.heap).toBeLessThan(2e6 + ((2 * count) / 3) * 500)
  expect(last.resident - first.resident).toBeLessThan(80e6)
}, 600_000)
