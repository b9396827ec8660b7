// What the loops of a recurrent network and their gradients cost where it can be counted: calls of JavaScript from
// compiled code, allocations, nodes of the graph. And that the values are right, against loops over float64 numbers.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryStatistics } from '../../codegen/run/heap.ts'
import * as tf from '../../src/index.ts'

type Rnn = (w: tf.Tensor, u: tf.Tensor, h: tf.Tensor, x: tf.Tensor) => tf.Tensor

const cell = (h: tf.Tensor, row: tf.Tensor, w: tf.Tensor, u: tf.Tensor): tf.Tensor =>
  h
    .matMul(w)
    .add(row.reshape([1, -1]).matMul(u))
    .tanh()

const byFold: Rnn = (w, u, h, x) =>
  tf.foldl((state: tf.Tensor, row: tf.Tensor) => cell(state, row, w, u), x, { initializer: h })
const byScan: Rnn = (w, u, h, x) =>
  tf
    .scan((state: tf.Tensor, row: tf.Tensor) => cell(state, row, w, u), x, { initializer: h })
    .slice([0, 0, 0], [1, 1, 1])
    .add(byFold(w, u, h, x))
/** The number of iterations is a value. */
const byWhile: Rnn = (w, u, h, x) => {
  const count = x
    .mul(0)
    .sum()
    .cast('int32')
    .add(x.shape[0] as number)
  const [, state] = tf.whileLoop(
    (i: tf.Tensor) => i.less(count),
    (i: tf.Tensor, before: tf.Tensor) => [i.add(1), cell(before, tf.gather(x, i), w, u)],
    [tf.scalar(0, 'int32'), h],
  )
  return state
}

function sequence(count: number, size: number): readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor] {
  const values = (shape: readonly number[], seed: number, scale: number): tf.Tensor =>
    tf
      .tensor(
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * Math.sin(seed + 1.7 * i)),
        undefined,
        'float32',
      )
      .reshape([...shape])
  return [
    values([size, size], 1, 0.3),
    values([size, size], 2, 0.3),
    values([1, size], 3, 1),
    values([count, size], 4, 1),
  ]
}

/** The gradient of the sum of the squares of the last state, by hand, in float64. */
function reference(inputs: readonly tf.Tensor[], count: number, size: number): readonly number[][] {
  const [w, u, start, x] = inputs.map((tensor) => [...tensor.data()]) as [
    number[],
    number[],
    number[],
    number[],
  ]
  const states = [start]
  for (let t = 0; t < count; t++)
    states.push(
      start.map((_, j) => {
        let sum = 0
        for (let k = 0; k < size; k++)
          sum += states[t]![k]! * w[k * size + j]! + x[t * size + k]! * u[k * size + j]!
        return Math.tanh(sum)
      }),
    )
  const [dw, du, dx] = [w.map(() => 0), u.map(() => 0), x.map(() => 0)]
  let dh = states[count]!.map((value) => 2 * value)
  for (let t = count - 1; t >= 0; t--) {
    const dz = dh.map((value, j) => value * (1 - states[t + 1]![j]! ** 2))
    dh = dh.map((_, k) => dz.reduce((sum, value, j) => sum + value * w[k * size + j]!, 0))
    for (let k = 0; k < size; k++)
      for (let j = 0; j < size; j++) {
        dw[k * size + j]! += states[t]![k]! * dz[j]!
        du[k * size + j]! += x[t * size + k]! * dz[j]!
        dx[t * size + k]! += u[k * size + j]! * dz[j]!
      }
  }
  return [dw, du, dh, dx]
}

const gradientOf =
  (rnn: Rnn) =>
  (...inputs: tf.Tensor[]): tf.Tensor[] =>
    tf.grads((...xs: tf.Tensor[]) =>
      rnn(...(xs as Parameters<Rnn>))
        .square()
        .sum(),
    )(inputs)

describe.each([
  ['foldl', byFold],
  ['whileLoop', byWhile],
] as const)('the gradient of a network by %s', (_, rnn) => {
  // 40 x 40 is left to the matrix product, 5 x 5 is a loop.
  it.each([
    [7, 5],
    [9, 40],
  ])('is that of loops over float64 numbers: %i steps of %i values', (count, size) => {
    const given = sequence(count, size)
    const found = tf.function(gradientOf(rnn), { onRetrace: 'off' })(...given)
    reference(given, count, size).forEach((wanted, i) => {
      const values = [...(found[i] as tf.Tensor).data()]
      expect(values).toHaveLength(wanted.length)
      const worst = Math.max(0, ...values.map((value, k) => Math.abs(value - (wanted[k] ?? Number.NaN))))
      expect(worst).toBeLessThan(2e-5 * Math.max(1, ...wanted.map(Math.abs)))
    })
  })
})

it('the gradient of a loop without iterations is that of what it begins with', () => {
  const [w, u, h, x] = sequence(1, 5)
  const none = x.slice([0, 0], [0, 5])
  const [dw, du, dh] = tf.function(gradientOf(byWhile))(w, u, h, none) as [tf.Tensor, tf.Tensor, tf.Tensor]
  expect([...dw.data(), ...du.data()].every((value) => value === 0)).toBe(true)
  expect(dh.array()).toEqual(h.mul(2).array())
})

describe('a loop with records', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  /** Counts what compiled code calls outside of itself. */
  function countCalls(): Record<string, number> {
    const calls: Record<string, number> = {}
    class Counting extends WebAssembly.Instance {
      constructor(module: WebAssembly.Module, imports: WebAssembly.Imports = {}) {
        const env = Object.entries(imports['env'] ?? {}).map(([name, value]) => {
          if (typeof value !== 'function') return [name, value] as const
          const counted = (...args: unknown[]): unknown => {
            calls[name] = (calls[name] ?? 0) + 1
            return (value as (...given: unknown[]) => unknown)(...args)
          }
          return [name, counted] as const
        })
        super(module, { ...imports, env: Object.fromEntries(env) as WebAssembly.ModuleImports })
      }
    }
    vi.stubGlobal('WebAssembly', { ...assembly(), Instance: Counting })
    return calls
  }

  function assembly(): typeof WebAssembly {
    const names = Object.getOwnPropertyNames(WebAssembly) as (keyof typeof WebAssembly)[]
    return Object.fromEntries(names.map((name) => [name, WebAssembly[name]])) as typeof WebAssembly
  }

  it.each([
    ['foldl', byFold],
    ['scan', byScan],
    ['whileLoop', byWhile],
  ] as const)('calls no JavaScript and allocates nothing once it has its memory: %s', (_, rnn) => {
    const calls = countCalls()
    const inputs = sequence(300, 6)
    const gradient = tf.function(gradientOf(rnn))
    gradient(...inputs)
    expect(calls['grow']).toBeGreaterThan(0)
    gradient(...inputs)
    for (const name of Object.keys(calls)) delete calls[name]
    const before = memoryStatistics()
    for (let i = 0; i < 5; i++) gradient(...inputs)
    expect(calls).toEqual({})
    expect(memoryStatistics().allocations).toBe(before.allocations)
    expect(memoryStatistics().bytesInUse).toBe(before.bytesInUse)
  })

  it('gives back most of the memory of a call that needed much more than the others', () => {
    const size = 64
    const gradient = tf.function(gradientOf(byFold), {
      inputSignature: [
        tf.spec([size, size]),
        tf.spec([size, size]),
        tf.spec([1, size]),
        tf.spec([null, size]),
      ],
    })
    const [w, u, h, x] = sequence(20_000, size)
    const short = x.slice([0, 0], [3, size])
    gradient(w, u, h, short)
    const before = memoryStatistics().bytesInUse
    gradient(w, u, h, x)
    // The records: 20,000 of 64 numbers and a counter. The arena keeps the elements and their gradient.
    const after = memoryStatistics().bytesInUse
    expect(after - before).toBeGreaterThan(20_000 * 4 * size)
    gradient(w, u, h, short)
    expect(memoryStatistics().bytesInUse).toBeLessThanOrEqual(after - 20_000 * 4 * size)
  })
})

describe('sums over iterations', () => {
  it('of gradients of elements are those of central differences, also where an element is used twice', () => {
    const x = tf.tensor([0.3, -0.2, 0.9, 0.4, -0.7, 0.1], [3, 2], 'float64')
    const f = (value: tf.Tensor): tf.Tensor =>
      tf
        .scan(
          (state: tf.Tensor, row: tf.Tensor) =>
            tf
              .sin(state.mul(row))
              .add(tf.gather(value, 1).mul(tf.gather(value, tf.tensor([2, 2], undefined, 'int32')).sum(0))),
          value,
          { initializer: tf.tensor([0.5, -0.25], undefined, 'float64') },
        )
        .sum()
    const gradient = tf
      .function((value: tf.Tensor) => tf.grad(f)(value))(x)
      .data()
    const data = [...x.data()]
    const at = (i: number, delta: number): number =>
      f(
        tf.tensor(
          data.map((value, k) => (k === i ? value + delta : value)),
          [3, 2],
          'float64',
        ),
      ).item()
    data.forEach((_, i) => expect(gradient[i]).toBeCloseTo((at(i, 1e-5) - at(i, -1e-5)) / 2e-5, 7))
  })

  it('add elements where they lie: no node adds tensors as large as the elements together', () => {
    const f = tf.function((x: tf.Tensor) =>
      tf.grad((value) =>
        tf
          .foldl((state: tf.Tensor, row: tf.Tensor) => state.mul(row).tanh(), value, {
            initializer: tf.ones([3]),
          })
          .sum(),
      )(x),
    )
    f(tf.ones([50, 3]))
    const graph = tf.debug.show(f, 'fused')
    expect(graph).toMatch(/f32\[50,3\] = dynamic_update/)
    expect(graph).not.toMatch(/f32\[50,3\] = add/)
  })
})

describe('a loss beside its gradient', () => {
  it('runs the loop once forward and once back', () => {
    const f = tf.function((...inputs: tf.Tensor[]) =>
      tf.valueAndGrads((...xs: tf.Tensor[]) =>
        byFold(...(xs as Parameters<Rnn>))
          .square()
          .sum(),
      )(inputs),
    )
    const inputs = sequence(4, 3)
    f(...inputs)
    expect(tf.debug.show(f, 'fused').match(/ = while /g)).toHaveLength(2)
  })

  it('keeps apart loops that differ', () => {
    const f = tf.function((x: tf.Tensor) => {
      const loop = (scale: number): tf.Tensor =>
        tf.foldl((state: tf.Tensor, row: tf.Tensor) => state.mul(row).mul(scale).tanh(), x)
      const gradient = tf.grad((value) =>
        tf.foldl((state: tf.Tensor, row: tf.Tensor) => state.mul(row).mul(3).tanh(), value).sum(),
      )(x)
      return [loop(2), gradient] as const
    })
    const [value, gradient] = f(tf.tensor([[0.5], [0.25]]))
    expect(value.item()).toBeCloseTo(Math.tanh(0.25))
    expect(gradient.data()[0]).toBeCloseTo(0.75 * (1 - Math.tanh(0.375) ** 2))
  })
})
