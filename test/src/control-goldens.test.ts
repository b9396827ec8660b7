// Values, gradients and second derivatives of programs with control flow, as TensorFlow computes them in float64
// (test/golden-data/control.json, made by control.py beside it). Each function here is the one of the same name there.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Nested = number | readonly Nested[]
interface Golden {
  readonly id: string
  readonly inputs: readonly Nested[]
  readonly variables: readonly number[]
  readonly value: number
  readonly gradient: readonly Nested[]
  readonly second: readonly Nested[]
}

const { cases } = JSON.parse(
  readFileSync(new URL('../golden-data/control.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Golden[] }

type Source = tf.Tensor | tf.Variable
type Program = (...sources: tf.Tensor[]) => tf.Tensor
/** In programs with Variables they stand where the numbers stand in the others. */
type VariableProgram = (x: tf.Tensor, ...variables: tf.Variable[]) => tf.Tensor

const int32 = (value: number): tf.Tensor => tf.scalar(value, 'int32')
/** A list of the dtype of `like`. */
const list = (values: readonly number[], like: tf.Tensor): tf.Tensor =>
  tf.tensor([...values], undefined, like.dtype as 'float64')

/** `body` a fixed number of times, on several values. */
function times(
  n: number | tf.Tensor,
  body: (i: tf.Tensor, ...state: tf.Tensor[]) => readonly tf.Tensor[],
  ...state: readonly tf.Tensor[]
): tf.Tensor[] {
  const [, ...last] = tf.whileLoop(
    (i: tf.Tensor) => i.less(n),
    (i: tf.Tensor, ...values: tf.Tensor[]) => [i.add(1), ...body(i, ...values)],
    [int32(0), ...state],
  )
  return last as tf.Tensor[]
}

const once = (
  n: number | tf.Tensor,
  x: tf.Tensor,
  body: (y: tf.Tensor, i: tf.Tensor) => tf.Tensor,
): tf.Tensor => times(n, (i, y) => [body(y!, i)], x)[0]!

const until = (
  x: tf.Tensor,
  condition: (y: tf.Tensor) => tf.Tensor,
  body: (y: tf.Tensor) => tf.Tensor,
  options: tf.WhileOptions = {},
): tf.Tensor => tf.whileLoop(condition, (y: tf.Tensor) => [body(y)], [x] as const, options)[0]

const matvec = (m: tf.Tensor, v: tf.Tensor): tf.Tensor => tf.sum(m.mul(v), 1)

const threshold: Program = (x, w) =>
  until(
    x!,
    (y) => y.sum().less(10),
    (y) => y.mul(w!),
  )
    .square()
    .sum()

const loopInBranch: Program = (x, w) =>
  tf.cond(
    x!.sum().greater(0),
    () => once(4, x!, (y) => y.mul(w!).sin().add(x!)).sum(),
    () => x!.square().sum(),
  )

const programs: Readonly<Record<string, Program>> = {
  power: (x) => once(3, x!, (y) => y.mul(x!)),
  'no-trip': (x) =>
    once(0, x!, (y) => y.mul(x!))
      .square()
      .sum(),
  threshold,
  'threshold-at-once': threshold,
  newton: (a, start) =>
    until(
      tf.broadcastTo(start!, [2]),
      (y) => y.square().sub(a!).abs().max().greater(1e-3),
      (y) => y.add(a!.div(y)).div(2),
    ).sum(),
  collatz: (x, w) =>
    tf.whileLoop(
      (n: tf.Tensor) => n.greater(1),
      (n: tf.Tensor, y: tf.Tensor) => [
        tf.cond(
          n.mod(2).equal(0),
          () => n.floorDiv(2),
          () => n.mul(3).add(1),
        ),
        y.mul(w!).sin().add(y.mul(0.1)),
      ],
      [int32(6), x!] as const,
    )[1],
  nested: (x, w) => once(3, x!, (y, i) => once(i, y, (z) => z.mul(w!).add(x!)).sin()),
  'nested-by-data': (x, w) =>
    until(
      x!,
      (y) => y.sum().less(3),
      (y) =>
        y.add(
          until(
            y,
            (z) => z.max().less(1),
            (z) => z.mul(w!),
          )
            .tanh()
            .mul(0.5),
        ),
    )
      .square()
      .sum(),
  'branch-in-loop': (x, w) =>
    once(5, x!, (y) =>
      tf.cond(
        y.greater(0.5),
        () => y.mul(w!).cos(),
        () => y.add(w!.mul(y)),
      ),
    ),
  'loop-in-branch': loopInBranch,
  'loop-in-branch-not-taken': loopInBranch,
  scan: (x, start) =>
    tf
      .scan((a: tf.Tensor, e: tf.Tensor) => a.mul(e).sin().add(e), x!, { initializer: start! })
      .mul(list([1, 2, 3], x!))
      .mul(x!)
      .sum(),
  'scan-reverse': (x) =>
    tf
      .scan((a: tf.Tensor, e: tf.Tensor) => a.mul(e.neg().exp()).add(e), x!, { reverse: true })
      .mul(list([1, 2, 3], x!))
      .sum(),
  rnn: (x, w, u, b) => {
    const states = tf.scan(
      (h: tf.Tensor, e: tf.Tensor) =>
        h
          .reshape([1, 2])
          .matMul(w!)
          .add(e.reshape([1, 2]).matMul(u!))
          .reshape([2])
          .add(b!)
          .tanh(),
      x!,
      { initializer: tf.zeros([2], x!.dtype as 'float64') },
    )
    return states
      .slice([3, 0], [1, 2])
      .reshape([2])
      .mul(list([1, -2], x!))
      .sum()
      .add(states.square().sum())
  },
  'two-states': (x, f, g) => {
    const [h, m] = tf.foldl(
      ([h0, m0]: readonly [tf.Tensor, tf.Tensor], e: tf.Tensor) => {
        const next = f!.mul(h0).add(e).sigmoid().mul(m0).add(g!.mul(e).tanh())
        return [next.sub(e).sigmoid().mul(next.tanh()), next]
      },
      x!,
      { initializer: [list([0.1], x!).reshape([]), list([0.2], x!).reshape([])] as const },
    )
    return h.mul(m)
  },
  map: (x, w) =>
    tf
      .mapFn((e: tf.Tensor) => e.mul(w!).sin().mul(e.sum()), x!)
      .square()
      .sum(),
  foldl: (x) => tf.foldl((a: tf.Tensor, e: tf.Tensor) => a.sin().mul(e).add(a), x!),
  foldr: (x) => tf.foldr((a: tf.Tensor, e: tf.Tensor) => a.sin().mul(e).add(a), x!),
  flag: (x, w) =>
    tf
      .whileLoop(
        (i: tf.Tensor, go: tf.Tensor) => go.logicalAnd(i.less(100)),
        (i: tf.Tensor, _go: tf.Tensor, y: tf.Tensor) => {
          const next = y.mul(w!).add(0.3)
          return [i.add(1), next.less(1), next]
        },
        [int32(0), tf.scalar(true), x!] as const,
      )[2]
      .square(),
  logistic: (x, r) => once(12, x!, (y) => r!.mul(y).mul(y.neg().add(1))),
  'power-iteration': (a) => {
    const v = once(6, list([1, 1, 1], a!), (u) => {
      const y = matvec(a!, u)
      return y.div(y.square().sum().sqrt())
    })
    return v.mul(matvec(a!, v)).sum()
  },
  leapfrog: (q, p, k) => {
    const [position, momentum] = times(
      10,
      (_, q0, p0) => {
        const half = p0!.sub(k!.mul(q0!).mul(0.05))
        const q1 = q0!.add(half.mul(0.1))
        return [q1, half.sub(k!.mul(q1.sin()).mul(0.05))]
      },
      q!,
      p!,
    )
    return momentum!.square().div(2).add(k!.mul(position!.square()).div(2)).sum()
  },
  'runge-kutta': (y, mu) => {
    const f = (state: tf.Tensor): tf.Tensor => {
      const [a, b] = [state.slice([0], [1]), state.slice([1], [1])]
      return tf.concat([b, mu!.mul(a.square().neg().add(1)).mul(b).sub(a)])
    }
    return once(8, y!, (x) => {
      const k1 = f(x)
      const k2 = f(x.add(k1.mul(0.05)))
      const k3 = f(x.add(k2.mul(0.05)))
      const k4 = f(x.add(k3.mul(0.1)))
      return x.add(
        k1
          .add(k2.mul(2))
          .add(k3.mul(2))
          .add(k4)
          .mul(0.1 / 6),
      )
    })
      .square()
      .sum()
  },
  switch: (x, w) =>
    once(7, x!, (y, i) =>
      tf.switchCase(i.mod(3), [() => y.mul(w!).sin(), () => y.square().add(w!), () => y.neg().exp()]),
    ),
  swap: (a, b, w) => {
    const [x, y] = times(5, (_, p, q) => [q!.mul(w!), p!.add(q!).tanh()], a!, b!)
    return x!.mul(y!)
  },
  array: (x, w) =>
    tf
      .whileLoop(
        (i: tf.Tensor) => i.less(5),
        (i: tf.Tensor, y: tf.Tensor, values: tf.TensorArray) => {
          const next = y.mul(w!).sin().add(x!)
          return [i.add(1), next, values.write(i.add(1), next)]
        },
        [int32(0), x!, tf.tensorArray(x!.dtype, 6).write(0, x!)] as const,
      )[2]
      .stack()
      .mul(list([1, -2, 3, -4, 5, -6], x!))
      .sum(),
  fibonacci: (x, w) =>
    tf
      .whileLoop(
        (i: tf.Tensor) => i.less(8),
        (i: tf.Tensor, values: tf.TensorArray) => [
          i.add(1),
          values.write(
            i,
            values
              .read(i.sub(1))
              .sin()
              .add(w!.mul(values.read(i.sub(2)))),
          ),
        ],
        [int32(2), tf.tensorArray(x!.dtype).write(0, x!).write(1, w!)] as const,
      )[1]
      .stack()
      .square()
      .sum(),
  grow: (x, w) =>
    tf
      .whileLoop(
        (i: tf.Tensor) => i.less(3),
        (i: tf.Tensor, y: tf.Tensor) => [i.add(1), tf.concat([y.mul(w!).sin(), y.slice([0], [1])])],
        [int32(0), x!] as const,
        { shapeInvariants: [undefined, [null]] },
      )[1]
      .square()
      .sum(),
  'grow-by-data': (x, w) =>
    until(
      x!,
      (y) => y.sum().less(9),
      (y) => tf.concat([y.mul(w!), x!]),
      { shapeInvariants: [[null]] },
    )
      .sin()
      .sum(),
  'branches-of-sizes': (x, w) =>
    tf
      .cond(
        w!.greater(0.5),
        () => tf.concat([x!, x!.mul(w!), x!.square()]),
        () => x!,
      )
      .sin()
      .square()
      .sum(),
  'maximum-iterations': (x, w) =>
    until(
      x!,
      (y) => y.less(9),
      (y) => y.mul(w!).sin(),
      { maximumIterations: 4 },
    ),
}

const variablePrograms: Readonly<Record<string, VariableProgram>> = {
  'variable-read': (x, v) => once(4, x, (y) => y.mul(v!.value()).sin()).sum(),
  'variable-in-branch': (x, v, u) =>
    once(4, x, (y) =>
      tf.cond(
        y.greater(0.4),
        () => y.mul(v!.value()),
        () => y.cos().mul(u!.value()),
      ),
    ).square(),
  'variable-assigned': (x, v) =>
    once(3, x, (y) => {
      v!.assign(v!.value().mul(0.5).add(tf.stopGradient(x)))
      return y.sin().mul(v!.value()).add(y)
    }),
}

const flat = (value: Nested): readonly number[] =>
  typeof value === 'number' ? [value] : value.flatMap((entry) => [...flat(entry)])

interface Derivatives {
  readonly value: tf.Tensor
  readonly gradient: readonly tf.Tensor[]
  readonly second: readonly tf.Tensor[]
}

/** The value, its gradient, and that of the gradient weighted as in control.py. */
function derivatives(run: () => tf.Tensor, sources: readonly Source[]): Derivatives {
  const outer = new tf.GradientTape()
  const { value, gradient, total } = outer.record(() => {
    for (const source of sources) outer.watch(source)
    const inner = new tf.GradientTape()
    const result = inner.record(() => {
      for (const source of sources) inner.watch(source)
      return run()
    })
    const parts = inner.gradient(result, [...sources], { unconnected: 'zero' }) as tf.Tensor[]
    let at = 1
    const sum = parts
      .map((part) => {
        const weights = Array.from({ length: part.size }, () => Math.cos(at++))
        return part
          .reshape([part.size])
          .mul(tf.tensor(weights, undefined, part.dtype as 'float64'))
          .sum()
      })
      .reduce((x, y) => x.add(y))
    return { value: result, gradient: parts, total: sum }
  })
  return {
    value,
    gradient,
    second: outer.gradient(total, [...sources], { unconnected: 'zero' }) as tf.Tensor[],
  }
}

/** The largest deviation, relative to the largest entry of at least 1. */
function deviation(found: readonly tf.Tensor[], wanted: readonly Nested[]): number {
  const x = found.flatMap((tensor) => [...tensor.data()])
  const y = wanted.flatMap((entry) => [...flat(entry)])
  expect(x.length).toBe(y.length)
  const scale = Math.max(1, ...y.map(Math.abs))
  return Math.max(...x.map((value, i) => Math.abs(value - (y[i] ?? Number.NaN)))) / scale
}

type Mode = 'in eager code' | 'of a traced function' | 'inside a traced function'

function compute({ id, inputs, variables }: Golden, dtype: 'float32' | 'float64', mode: Mode): Derivatives {
  const tensors = inputs.map((input) => tf.tensor(input as number[], undefined, dtype))
  const sources = tensors.map((tensor, i): Source => (variables.includes(i) ? tf.variable(tensor) : tensor))
  const isVariable = (source: Source): source is tf.Variable => source instanceof tf.Variable
  const own = sources.filter(isVariable)
  const given = sources.filter((source): source is tf.Tensor => !isVariable(source))
  const program = (...xs: tf.Tensor[]): tf.Tensor => {
    const withVariables = variablePrograms[id]
    if (withVariables !== undefined) return withVariables(xs[0]!, ...own)
    const plain = programs[id]
    if (plain === undefined) throw new Error(`there is no program ${id}`)
    return plain(...xs)
  }
  if (mode === 'in eager code') return derivatives(() => program(...given), sources)
  const traced = tf.function(program, { onRetrace: 'off' })
  if (mode === 'of a traced function') return derivatives(() => traced(...given), sources)
  const whole = tf.function(
    (...xs: tf.Tensor[]) => {
      let next = 0
      const { value, gradient, second } = derivatives(
        () => program(...xs),
        sources.map((source) => (isVariable(source) ? source : xs[next++]!)),
      )
      return [value, ...gradient, ...second]
    },
    { onRetrace: 'off' },
  )
  const [value, ...rest] = whole(...given)
  return { value: value!, gradient: rest.slice(0, sources.length), second: rest.slice(sources.length) }
}

it('there is a program for every golden case, and no other', () => {
  expect(Object.keys({ ...programs, ...variablePrograms }).sort()).toEqual(cases.map(({ id }) => id).sort())
  expect(cases.length).toBeGreaterThanOrEqual(30)
})

/** Float32 that is amplified by a chaotic map, and thresholds whose derivatives are large. */
const loose: Readonly<Record<string, number>> = { logistic: 2e-4, newton: 2e-5 }

for (const mode of ['in eager code', 'of a traced function', 'inside a traced function'] as const)
  describe(`gradients ${mode}`, () => {
    it.each(cases)('$id', (golden) => {
      for (const [dtype, tolerance] of [
        ['float64', 1e-12],
        ['float32', loose[golden.id] ?? 5e-6],
      ] as const) {
        const { value, gradient, second } = compute(golden, dtype, mode)
        expect(deviation([value], [golden.value]), `${dtype} value`).toBeLessThan(tolerance)
        expect(deviation(gradient, golden.gradient), `${dtype} gradient`).toBeLessThan(tolerance)
        expect(deviation(second, golden.second), `${dtype} second derivative`).toBeLessThan(tolerance)
      }
    })
  })
