// Random programs of smooth ops over arguments, variables, closures and calls of traced functions: first and second
// gradients of the traced forms against eager ones, and the eager first ones against central differences in float64.
import { describe, expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'

/** A small generator of numbers that look random. */
function numbers(seed: number): () => number {
  let state = seed * 2654435761 + 12345
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

type Program = (x: tf.Tensor, b: tf.Tensor) => tf.Tensor

/** A program of `count` steps; each takes earlier values of shape [2, 3]. */
function programOf(
  seed: number,
  count: number,
  state: { readonly v: tf.Variable; readonly c: tf.Tensor },
): Program {
  const next = numbers(seed)
  const pick = (limit: number): number => Math.floor(next() * limit)
  const row = (y: tf.Tensor): tf.Tensor => tf.sum(y, [1], true)
  const custom = tf.customGradient((p: tf.Tensor) => {
    const e = tf.exp(p.mul(0.5))
    return { value: e, gradient: (dy: tf.Tensor) => dy.mul(e).mul(0.5) }
  })
  const inner = tf.function((p: tf.Tensor, q: tf.Tensor) => tf.tanh(p.mul(state.v)).add(q.mul(p)), {
    onRetrace: 'off',
  })
  const aux = tf.function(
    (p: tf.Tensor) => ({ used: tf.sigmoid(p).mul(state.c), unused: tf.log(p.mul(p)) }),
    {
      onRetrace: 'off',
    },
  )
  const ops: readonly ((p: tf.Tensor, q: tf.Tensor) => tf.Tensor)[] = [
    (p, q) => p.add(q),
    (p, q) => p.mul(q),
    (p, q) => p.sub(q.mul(0.3)),
    (p, q) => p.div(q.mul(q).add(1)),
    (p) => tf.tanh(p),
    (p) => tf.sin(p),
    (p) => tf.exp(p.mul(-0.2)),
    (p) => tf.softmax(p),
    (p, q) => tf.matMul(tf.matMul(p, tf.transpose(q)), q).mul(0.2),
    (p, q) => row(p).mul(q),
    (p, q) => tf.concat([tf.slice(p, [0, 0], [2, 1]), tf.slice(q, [0, 1], [2, 2])], 1),
    (p, q) => p.add(tf.stopGradient(q)),
    (p) => tf.reverse(p, [1]).mul(state.v),
    (p, q) => custom(p).mul(q),
    (p, q) => inner(p, q),
    (p) => aux(p).used,
    (p) => tf.gather(p, tf.tensor([1, 1], 'int32')),
    (p, q) => tf.cumsum(p, 1).mul(tf.cos(q)),
  ]
  const steps = Array.from({ length: count }, (_, i) => ({
    op: ops[pick(ops.length)],
    p: pick(i + 2),
    q: pick(i + 2),
  }))
  return (x, b) => {
    const values = [x, tf.mul(b, tf.ones([2, 1], 'float64'))]
    for (const { op, p, q } of steps) {
      const [left, right] = [values[p], values[q]]
      if (op !== undefined && left !== undefined && right !== undefined) values.push(op(left, right))
    }
    const [last, before] = values.slice(-2)
    return tf.sum((last as tf.Tensor).add((before as tf.Tensor).mul(0.5)))
  }
}

const x0 = [0.3, -0.7, 1.2, 0.45, 0.9, -0.2]
const b0 = [0.5, -0.4, 0.8]
const f64 = (values: readonly number[], shape: number[]): tf.Tensor =>
  tf.tensor(Float64Array.from(values), shape)

const flat = (gradients: readonly (tf.Tensor | null)[]): (number[] | null)[] =>
  gradients.map((gradient) => (gradient === null ? null : [...gradient.data()]))

function expectClose(
  got: readonly (number[] | null)[],
  wanted: readonly (number[] | null)[],
  tolerance: number,
): void {
  expect(got.map((part) => part === null)).toEqual(wanted.map((part) => part === null))
  got.forEach((part, i) =>
    part?.forEach((value, k) => {
      const other = wanted[i]?.[k] ?? NaN
      expect(
        Math.abs(value - other),
        `part ${i}, element ${k}: ${value} is not ${other}`,
      ).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(other)))
    }),
  )
}

describe.each([1, 2, 3, 5, 8, 12, 21, 43])('program %i', (seed) => {
  const v = tf.variable(f64([0.7, 1.1, -0.6], [3]))
  const c = f64([1.5, -0.5, 0.25], [3])
  const program = programOf(seed, 3 + (seed % 9), { v, c })
  const sources = (x: tf.Tensor, b: tf.Tensor): (tf.Tensor | tf.Variable)[] => [x, b, v, c]

  /** Value, gradients, and the gradients of a weighted sum of the gradients. */
  const both = (
    f: Program,
    x: tf.Tensor,
    b: tf.Tensor,
  ): { first: (tf.Tensor | null)[]; second: (tf.Tensor | null)[] } => {
    const outer = new tf.GradientTape()
    const { first, weighted } = outer.record(() => {
      outer.watch([x, b, c])
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch([x, b, c])
        return f(x, b)
      })
      const gradients = tape.gradient(y, sources(x, b))
      const parts = gradients.flatMap((gradient, i) =>
        gradient === null ? [] : [tf.sum(gradient.mul(gradient).mul(0.5 + i))],
      )
      return { first: gradients, weighted: parts.reduce((p, q) => p.add(q), f64([0], [])) }
    })
    return { first, second: outer.gradient(weighted, sources(x, b)) }
  }
  const args = (): [tf.Tensor, tf.Tensor] => [f64(x0, [2, 3]), f64(b0, [3])]

  // What the test compares with: the same program with its functions called eagerly, and differences of its values.
  const eager = both(program, ...args())

  test('eager gradients against differences', () => {
    const h = 1e-6
    const slope = (values: readonly number[], at: (values: readonly number[]) => number): number[] =>
      values.map((_, i) => {
        const moved = (step: number): number => at(values.map((value, k) => (k === i ? value + step : value)))
        return (moved(h) - moved(-h)) / (2 * h)
      })
    // stopGradient makes differences see more than gradients do.
    if (!usesStop(program)) {
      const dx = slope(x0, (values) => program(f64(values, [2, 3]), f64(b0, [3])).item())
      const db = slope(b0, (values) => program(f64(x0, [2, 3]), f64(values, [3])).item())
      const zeros = (list: (number[] | null)[], like: number[][]): number[][] =>
        list.map((part, i) => part ?? (like[i] ?? []).map(() => 0))
      expectClose(zeros(flat(eager.first.slice(0, 2)), [dx, db]), [dx, db], 1e-6)
    }
  })

  test('tapes inside a function', () => {
    const inside = tf.function((x: tf.Tensor, b: tf.Tensor) => both(program, x, b))
    const { first, second } = inside(...args())
    expectClose(flat(first), flat(eager.first), 1e-11)
    expectClose(flat(second), flat(eager.second), 1e-10)
  })

  test.each([
    { sizes: 'sizes that are numbers', options: {} },
    {
      sizes: 'sizes that are unknown',
      options: {
        inputSignature: [tf.spec([null, 3], 'float64'), tf.spec([null], 'float64')],
        onRetrace: 'off',
      },
    },
  ] as const)('tapes around a function, twice, $sizes', ({ options }) => {
    const traced = tf.function(program, options)
    for (let call = 0; call < 2; call++) {
      const { first, second } = both(traced, ...args())
      expectClose(flat(first), flat(eager.first), 1e-11)
      expectClose(flat(second), flat(eager.second), 1e-10)
    }
    expect(traced.traceCount).toBe(1)
  })
})

/** Whether a program's graph stops a gradient. */
function usesStop(program: Program): boolean {
  const traced = tf.function(program)
  traced(f64(x0, [2, 3]), f64(b0, [3]))
  return tf.debug.show(traced, 'trace').includes('stop_gradient')
}
