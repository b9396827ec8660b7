// Behaviours 71 to 89: relaxed shapes, dispatch, input signatures. Each title begins with the number of the behaviour.
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

let warn: MockInstance<typeof console.warn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

type Loose = (...args: unknown[]) => tf.Tensor
const quiet = { onRetrace: 'off' } as const
const relaxed = { reduceRetracing: true, onRetrace: 'off' } as const

/** The shape each trace of a function of one tensor was made for, in order. */
function shapesSeen(
  calls: readonly (readonly number[])[],
  options: tf.FunctionOptions = relaxed,
): { readonly shapes: readonly string[]; readonly traces: number } {
  const shapes: string[] = []
  const f = tf.function((x: tf.Tensor) => {
    shapes.push(`[${x.shape.map((size) => (typeof size === 'number' ? size : 'null')).join(',')}]`)
    return x.sum()
  }, options)
  for (const shape of calls) expect(f(tf.ones(shape)).item()).toBe(shape.reduce((a, b) => a * b, 1))
  return { shapes, traces: f.traceCount }
}

test('row 71: reduceRetracing relaxes on the second shape', () => {
  expect(shapesSeen([[1], [2], [9], [100], [1]])).toEqual({ shapes: ['[1]', '[null]'], traces: 2 })
})

test('row 71: without it every shape is a trace', () => {
  expect(shapesSeen([[1], [2], [9]], quiet).shapes).toEqual(['[1]', '[2]', '[9]'])
})

test('row 72: each rank has a specific and a relaxed trace', () => {
  expect(shapesSeen([[1], [2], [2, 2], [5, 7], [9], [8, 8], [3, 3, 3]]).shapes).toEqual([
    '[1]',
    '[null]',
    '[2,2]',
    '[null,null]',
    '[3,3,3]',
  ])
})

test('row 73: only what differs is relaxed, and dtypes never are', () => {
  expect(
    shapesSeen([
      [1, 4],
      [2, 4],
      [7, 4],
      [7, 5],
      [9, 6],
    ]).shapes,
  ).toEqual(['[1,4]', '[null,4]', '[null,null]'])
  const seen: string[] = []
  const f = tf.function((x: tf.Tensor, y: tf.Tensor, k: number) => {
    seen.push(`${String(x.type.shape[0])} ${String(y.type.shape[0])} ${x.dtype} ${k}`)
    return x.sum().cast('float32').add(y.sum()).mul(k)
  }, relaxed)
  const call = (n: number, k: number, dtype: tf.DType = 'float32'): number =>
    f(tf.ones([n], dtype), tf.ones([3]), k).item()
  expect([call(1, 2), call(2, 2), call(5, 2), call(5, 3), call(6, 3), call(6, 2, 'int32')]).toEqual([
    8, 10, 16, 24, 27, 18,
  ])
  expect(seen).toEqual(['1 3 float32 2', 'n0 3 float32 2', '5 3 float32 3', 'n0 3 float32 3', '6 3 int32 2'])
})

test('row 73: tensors inside structures are relaxed too', () => {
  const f = tf.function(
    (b: { readonly x: tf.Tensor; readonly ys: readonly tf.Tensor[] }) => b.x.sum().add(b.ys[0] ?? 0),
    relaxed,
  )
  for (const n of [1, 2, 3, 4]) expect(f({ x: tf.ones([n]), ys: [tf.scalar(n)] }).item()).toBe(2 * n)
  expect(f.traceCount).toBe(2)
})

test('row 74: relaxed traces do not replace the specific ones', () => {
  const f = tf.function((x: tf.Tensor) => x.mul(x.type.shape[0] === 1 ? 100 : 2), relaxed)
  f(tf.ones([1, 4]))
  f(tf.ones([2, 4]))
  expect(f(tf.ones([1, 4])).array()).toEqual([[100, 100, 100, 100]])
  expect(
    f(tf.ones([3, 4]))
      .sum()
      .item(),
  ).toBe(24)
  expect(f.traceCount).toBe(2)
})

test('row 75: arrays of different length are never relaxed', () => {
  const f = tf.function((x: readonly tf.Tensor[]) => tf.addN([...x]), relaxed)
  const t = tf.scalar(1)
  expect([f([t]).item(), f([t, t]).item(), f([t, t, t]).item(), f.traceCount]).toEqual([1, 2, 3, 3])
})

test('row 76: variables of different shapes are not relaxed', () => {
  const seen: unknown[] = []
  const f = tf.function((v: tf.Variable) => {
    seen.push(v.shape)
    return v.sum()
  }, relaxed)
  f(tf.variable([1]))
  f(tf.variable([1, 2]))
  f(tf.variable([1, 2, 3]))
  expect([seen, f.traceCount]).toEqual([[[1], [2], [3]], 3])
})

test('row 77: the most specific trace is used, of equals the oldest', () => {
  const f = tf.function(
    (x: tf.Tensor) => x.mul(0).add(x.type.shape[0] === 2 ? 1 : x.type.shape[1] === 3 ? 2 : 3),
    quiet,
  )
  const which = (...shape: number[]): number => f(tf.ones(shape)).max().item()
  f.concrete(tf.spec([2, null]))
  f.concrete(tf.spec([null, 3]))
  f.concrete(tf.spec([null, null]))
  for (const _ of [1, 2])
    expect([which(2, 3), which(2, 5), which(4, 3), which(2, 3), which(4, 5), which(2, 3)]).toEqual([
      1, 1, 2, 1, 3, 1,
    ])
  expect(f.traceCount).toBe(3)
  const g = tf.function((x: tf.Tensor) => x.mul(0).add(x.type.shape[0] === 2 ? 1 : 2), quiet)
  g.concrete(tf.spec([null, 3]))
  g.concrete(tf.spec([2, null]))
  g(tf.ones([2, 5]))
  expect([
    g(tf.ones([2, 3]))
      .max()
      .item(),
    g.traceCount,
  ]).toEqual([2, 2])
})

test('row 78: thousands of calls of many shapes use one relaxed trace', () => {
  const f = tf.function((x: tf.Tensor) => x.sum(), quiet)
  f.concrete(tf.spec([null]))
  let sum = 0
  for (let i = 0; i < 5000; i++) sum += f(tf.ones([1 + (i % 50)])).item()
  expect([sum, f.traceCount]).toEqual([(5000 / 50) * ((50 * 51) / 2), 1])
})

test('row 78: also more shapes than are remembered', () => {
  const f = tf.function((x: tf.Tensor) => x.sum(), quiet)
  f.concrete(tf.spec([null]))
  for (let call = 0; call < 2200; call++) {
    const n = 1 + (call % 1100)
    expect(f(tf.ones([n])).item()).toBe(n)
  }
  expect(f.traceCount).toBe(1)
})

test('row 79: a looser trace serves later requests', () => {
  const f = tf.function((x: tf.Tensor) => x.mul(2), quiet)
  const c = f.concrete(tf.spec([null]))
  expect(f.concrete(tf.spec([2]))).toBe(c)
  expect(f.concrete(tf.ones([7]))).toBe(c)
  expect([f(tf.ones([3])).array(), f.traceCount]).toEqual([[2, 2, 2], 1])
  expect(f.concrete(tf.spec([null, null]))).not.toBe(c)
})

test('row 80: an input signature converts JavaScript data, and no tensors', () => {
  const f = tf.function((x: tf.Tensor) => x, { inputSignature: [tf.spec([null])] })
  const loose = f as unknown as Loose
  for (const [given, wanted] of [
    [
      [1, 2],
      [1, 2],
    ],
    [
      [true, false],
      [1, 0],
    ],
    [new Float64Array([0.5, 1e-3]), [0.5, Math.fround(1e-3)]],
    [new Int32Array([3]), [3]],
    [new Uint8Array([4, 5]), [4, 5]],
  ] as const)
    expect([loose(given).dtype, loose(given).array()]).toEqual(['float32', [...wanted]])
  expect(() => loose(tf.tensor([1], 'int32'))).toThrow(tf.SignatureError)
  expect(() => loose(tf.tensor([1], 'float64'))).toThrow(/x +f64\[1\]\n +wanted +f32\[null\]/)
  const scalar = tf.function((x: tf.Tensor) => x, { inputSignature: [tf.spec([])] }) as unknown as Loose
  expect([scalar(true).item(), scalar(2).item(), scalar(2).dtype]).toEqual([1, 2, 'float32'])
  const ints = tf.function((x: tf.Tensor) => x, {
    inputSignature: [tf.spec([null], 'int32')],
  }) as unknown as Loose
  expect(ints([1, 2]).dtype).toBe('int32')
  expect(() => ints([1.5])).toThrow(/1\.5 is not a 32-bit integer/)
  expect(f.traceCount).toBe(1)
})

test('row 81: what does not fit says the path, what was given and what is wanted', () => {
  const f = tf.function((x: tf.Tensor) => x, { inputSignature: [tf.spec([null])], name: 'model' })
  expect(() => f(tf.tensor([[1]]))).toThrow(
    /model: the argument x does not fit the inputSignature\n +x +f32\[1,1\]\n +wanted +f32\[null\][\s\S]*Fix: cast or reshape/,
  )
  expect(() => f.concrete(tf.spec([1, 1]))).toThrow(/x +f32\[1,1\]\n +wanted +f32\[null\]/)
  expect(() => f.concrete(tf.spec([2], 'int32'))).toThrow(/x +i32\[2\]/)
  expect(f.traceCount).toBe(0)
  expect(f.concrete(tf.spec([2]))).toBe(f.concrete(tf.spec([null])))
})

test('row 82: parameters without a spec are bound to their defaults', () => {
  const f = tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), { inputSignature: [tf.spec([])] })
  expect([f(tf.scalar(3)).item(), f(tf.scalar(4), undefined).item()]).toEqual([6, 8])
  expect(() => f(tf.scalar(3), 3)).toThrow(
    /k is bound to its default, since it has no spec in the inputSignature; got 3/,
  )
  expect(f.traceCount).toBe(1)
})

test('row 83: the input signature is checked when the function is made', () => {
  const two = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => x.add(y)
  const s = tf.spec([])
  expect(() => tf.function(two, { inputSignature: [s] })).toThrow(/two: inputSignature has no spec for y\n/)
  expect(() => tf.function(two, { inputSignature: [] })).toThrow(/no spec for x, y/)
  expect(() => tf.function(two, { inputSignature: [s, s, s] })).toThrow(
    /inputSignature has 1 spec more than the function has parameters[\s\S]*\(x, y\)/,
  )
  for (const bad of [3, null, 'float32', [3, null], { a: undefined }, tf.variable(1), tf.scalar(1)])
    expect(() => tf.function((x: tf.Tensor) => x, { inputSignature: [bad as never] })).toThrow(
      /inputSignature\[0\]\S* is .*, not a spec/,
    )
  expect(() =>
    tf.function((x: tf.Tensor, ...more: tf.Tensor[]) => tf.addN([x, ...more]), { inputSignature: [s, s, s] }),
  ).not.toThrow()
  expect(() => tf.function((x: tf.Tensor, k: number = 2) => x.mul(k), { inputSignature: [s] })).not.toThrow()
})

test('row 83: a rest parameter takes the further specs', () => {
  const s = tf.spec([null])
  const f = tf.function((...xs: tf.Tensor[]) => tf.addN(xs), { inputSignature: [s, s] })
  expect(f([1, 2] as never, tf.tensor([3, 4])).array()).toEqual([4, 6])
  expect(() => f(tf.tensor([1]))).toThrow(/takes 2 arguments by its inputSignature, 1 was given/)
  expect(() => f(tf.tensor([1]), tf.tensor([1]), tf.tensor([1]))).toThrow(
    /takes 2 arguments by its inputSignature, 3 were given/,
  )
})

test('row 84: this is no parameter, whatever the first parameter is called', () => {
  class M {
    k = 3
    @tf.func({ inputSignature: [tf.spec([])] })
    f(self: tf.Tensor): tf.Tensor {
      return self.mul(this.k)
    }
  }
  expect([new M().f(2 as never).item(), new M().f(tf.scalar(5)).item()]).toEqual([6, 15])
})

test('row 85: a variable passed to a signature is its value, read at each call', () => {
  const f = tf.function((x: tf.Tensor) => x.mul(2), { inputSignature: [tf.spec([])] })
  const v = tf.variable(2)
  expect(f(v as never).item()).toBe(4)
  v.assign(5)
  expect([f(v as never).item(), f(tf.variable(1) as never).item(), f.traceCount]).toEqual([10, 2, 1])
  const outer = tf.function(() => {
    v.assignAdd(1)
    return f(v as never)
  })
  expect([outer().item(), outer().item()]).toEqual([12, 14])
})

test('row 86: signatures may be nested', () => {
  const f = tf.function(
    (o: { readonly a: tf.Tensor; readonly b: readonly tf.Tensor[] }) => o.a.mul(o.b[0]?.cast('float32') ?? 0),
    {
      inputSignature: [{ a: tf.spec([]), b: [tf.spec([], 'int32')] }],
    },
  )
  const loose = f as unknown as Loose
  expect([
    loose({ b: [3], a: 2 }).item(),
    loose({ a: tf.scalar(4), b: [tf.scalar(5, 'int32')] }).item(),
  ]).toEqual([6, 20])
  expect(() => loose({ a: 2 })).toThrow(/o\.b does not have the structure/)
  expect(() => loose({ a: 2, b: [1, 2] })).toThrow(
    /o\.b does not have the structure of the inputSignature, where it is an array of 1/,
  )
  expect(() => loose({ a: 2, b: [1.5] })).toThrow(/o\.b\[0\]/)
  expect(f.traceCount).toBe(1)
})

test('row 87: sizes left open are checked at the call, which names both', () => {
  const f = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), {
    inputSignature: [tf.spec([null]), tf.spec([null])],
  })
  f(tf.ones([2]), tf.ones([2]))
  expect(() => f(tf.ones([2]), tf.ones([3]))).toThrow(tf.ShapeError)
  expect(() => f(tf.ones([2]), tf.ones([3]))).toThrow(/add[\s\S]*\b2\b[\s\S]*\b3\b/)
  expect(f(tf.ones([1]), tf.ones([3])).array()).toEqual([2, 2, 2])
})

test('row 87: a null shape has a trace for each rank', () => {
  const f = tf.function((x: tf.Tensor) => x.sum().add(x.rank), {
    inputSignature: [tf.spec(null)],
    onRetrace: 'off',
  })
  for (const shape of [[3], [4], [2, 2], [5, 3], [], [1, 2, 3]])
    expect(f(tf.ones(shape)).item()).toBe(shape.reduce((a, b) => a * b, 1) + shape.length)
  expect(f.traceCount).toBe(4)
  expect(() => f(tf.ones([1], 'int32'))).toThrow(/x +i32\[1\]\n +wanted +f32\[…\]/)
  expect(f.concrete(tf.spec([null, null]))).toBe(f.concrete(tf.spec([8, 9])))
})

test('row 88: separate functions never share traces', () => {
  let runs = 0
  const body = (x: tf.Tensor): tf.Tensor => (runs++, x.add(1))
  const [a, c] = [tf.function(body), tf.function(body)]
  a(tf.scalar(1))
  c(tf.scalar(1))
  a(tf.scalar(2))
  expect(runs).toBe(2)
})

test('row 89: maxTraces says what varies and what to do', () => {
  const f = tf.function((x: tf.Tensor, k: number) => x.mul(k), {
    maxTraces: 2,
    onRetrace: 'off',
    name: 'scale',
  })
  f(tf.ones([1]), 1)
  f(tf.ones([1]), 2)
  expect(() => f(tf.ones([1]), 3)).toThrow(tf.SignatureError)
  expect(() => f(tf.ones([1]), 3)).toThrow(
    /^scale: it holds 2 traces, which is its maxTraces, and this call needs another; defined at rows-044-098-signatures\.test\.ts:\d+:\d+\n +k +2 → 3\n[\s\S]*Fix: pass what varies as a tensor, /,
  )
  expect([f(tf.ones([1]), 2).array(), f.traceCount, f.cacheSize]).toEqual([[2], 2, 2])
  f.clearCache()
  expect(f(tf.ones([1]), 3).array()).toEqual([3])
})
