/** Gradients through control flow: against central differences, known values, and the eager tape. */
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Scalar = (...xs: tf.Tensor[]) => tf.Tensor

/** The derivative of `f` at `xs` by central differences, in float64. */
function differences(f: Scalar, xs: readonly tf.Tensor[]): number[][] {
  const step = 1e-5
  return xs.map((x, k) => {
    const data = [...x.data()]
    return data.map((_, i) => {
      const at = (delta: number): number => {
        const moved = tf.tensor(
          data.map((value, j) => (j === i ? value + delta : value)),
          undefined,
          'float64',
        )
        return f(...xs.map((other, j) => (j === k ? moved.reshape(x.shape) : other))).item()
      }
      return (at(step) - at(-step)) / (2 * step)
    })
  })
}

const float64 = (value: number | number[] | number[][]): tf.Tensor => tf.tensor(value, undefined, 'float64')

/**
 * The largest deviation from central differences of the eager gradient, the one inside a traced function and that of a
 * traced function; and from the eager second derivatives of the traced ones.
 */
function deviation(f: Scalar, ...xs: tf.Tensor[]): number {
  const traced = tf.function(f, { onRetrace: 'off' })
  const firstOf =
    (g: Scalar) =>
    (...ys: tf.Tensor[]): tf.Tensor[] =>
      tf.grads(g)(ys)
  const secondOf = (g: Scalar) =>
    firstOf((...ys) =>
      firstOf(g)(...ys)
        .map((gradient) => gradient.sum())
        .reduce((a, b) => a.add(b)),
    )
  const inside = (g: (...ys: tf.Tensor[]) => tf.Tensor[]) => tf.function(g, { onRetrace: 'off' })
  const values = (tensors: readonly tf.Tensor[]): number[] => tensors.flatMap((tensor) => [...tensor.data()])
  const slopes = differences(f, xs).flat()
  const curvatures = values(secondOf(f)(...xs))
  const apart = (found: readonly tf.Tensor[], wanted: readonly number[]): number =>
    Math.max(...values(found).map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN))))
  return Math.max(
    ...[firstOf(f), inside(firstOf(f)), firstOf(traced)].map((g) => apart(g(...xs), slopes)),
    ...[inside(secondOf(f)), secondOf(traced)].map((g) => apart(g(...xs), curvatures)),
  )
}

const loop = (n: number, start: tf.Tensor, step: (x: tf.Tensor, i: tf.Tensor) => tf.Tensor): tf.Tensor =>
  tf.whileLoop(
    (i) => i.less(n),
    (i, x) => [i.add(1), step(x, i)],
    [tf.tensor(0, undefined, 'int32'), start] as const,
  )[1]

describe('against central differences', () => {
  it('cond, both ways, with what only one branch uses', () => {
    const f: Scalar = (x, y) =>
      tf.cond(
        x.sum().greater(0),
        () => x.mul(x).sum(),
        () => x.mul(y).tanh().sum(),
      )
    expect(deviation(f, float64([0.5, 1.5]), float64([2, 3]))).toBeLessThan(1e-5)
    expect(deviation(f, float64([-0.5, -1.5]), float64([2, 3]))).toBeLessThan(1e-5)
  })
  it('while with an invariant, any number of trips', () => {
    for (const n of [0, 1, 2, 5])
      expect(
        deviation(
          (x, w) => loop(n, x, (y) => y.mul(w).sin()).sum(),
          float64([0.3, -0.7]),
          float64([1.1, 0.9]),
        ),
      ).toBeLessThan(1e-5)
  })
  it('while whose length depends on the data', () => {
    const f: Scalar = (x, w) =>
      tf
        .whileLoop(
          (y) => y.sum().less(10),
          (y) => [y.mul(w)],
          [x],
        )[0]!
        .sum()
    expect(deviation(f, float64([0.5, 0.7]), float64([1.5, 1.3]))).toBeLessThan(1e-5)
    expect(deviation(f, float64([50, 0.7]), float64([1.5, 1.3]))).toBeLessThan(1e-5)
  })
  it('several carried values that depend on each other', () => {
    const f: Scalar = (x, y) => {
      const [, a, b] = tf.whileLoop(
        (i) => i.less(4),
        (i, a, b) => [i.add(1), b.mul(y).tanh(), a.add(b.mul(x))],
        [tf.tensor(0, undefined, 'int32'), x, y],
      )
      return a!.mul(b!).sum()
    }
    expect(deviation(f, float64(0.4), float64(0.8))).toBeLessThan(1e-5)
  })
  it('nested: a loop in a loop in a branch', () => {
    const f: Scalar = (x, w) =>
      tf.cond(
        w.greater(0),
        () =>
          loop(3, x, (y, i) =>
            tf
              .whileLoop(
                (j) => j.less(i),
                (j, z) => [j.add(1), z.mul(w).add(x)],
                [tf.tensor(0, undefined, 'int32'), y] as const,
              )[1]
              .sin(),
          ),
        () => x,
      )
    expect(deviation(f, float64(0.4), float64(0.8))).toBeLessThan(1e-5)
    expect(deviation(f, float64(0.4), float64(-0.8))).toBeLessThan(1e-5)
  })
  it('a branch in a loop', () => {
    const f: Scalar = (x, w) =>
      loop(4, x, (y) =>
        tf.cond(
          y.greater(0.5),
          () => y.mul(w).cos(),
          () => y.add(w.mul(y)),
        ),
      )
    expect(deviation(f, float64(0.3), float64(0.7))).toBeLessThan(1e-5)
  })
  it('scan, map and folds', () => {
    const initializer = float64(0.5)
    expect(
      deviation(
        (x) =>
          tf
            .scan((a, e) => a.mul(e).sin(), x)
            .mul(x)
            .sum(),
        float64([0.2, 0.7, 1.1]),
      ),
    ).toBeLessThan(1e-5)
    expect(
      deviation(
        (x, w) =>
          tf
            .scan((a, e) => a.mul(w).add(e).tanh(), x, { initializer, reverse: true })
            .mul(x)
            .sum(),
        float64([0.2, 0.7, 1.1]),
        float64(0.9),
      ),
    ).toBeLessThan(1e-5)
    expect(
      deviation((x, w) => tf.mapFn((e) => e.mul(w).exp(), x).sum(), float64([0.2, 0.7]), float64([0.4, 0.3])),
    ).toBeLessThan(1e-5)
    expect(deviation((x) => tf.foldl((a, e) => a.mul(e), x), float64([0.2, 0.7, 1.1]))).toBeLessThan(1e-5)
    expect(deviation((x) => tf.foldr((a, e) => a.mul(e).cos(), x), float64([0.2, 0.7, 1.1]))).toBeLessThan(
      1e-5,
    )
  })
})

describe('known values', () => {
  it('235: y = x·x·x·x has the gradient 32 at 2, and 1 without a trip', () => {
    const f = (x: tf.Tensor, n: tf.Tensor): tf.Tensor =>
      tf.whileLoop(
        (i) => i.less(n),
        (i, y) => [i.add(1), y.mul(x)],
        [0, x] as const,
      )[1]
    const graph = tf.function(f)
    for (const g of [
      (x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => f(z, n))(x),
      tf.function((x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => f(z, n))(x)),
      (x: tf.Tensor, n: tf.Tensor) => tf.grad((z) => graph(z, n))(x),
    ]) {
      expect(g(tf.tensor(2), tf.tensor(3)).item()).toBe(32)
      expect(g(tf.tensor(2), tf.tensor(0)).item()).toBe(1)
    }
  })
  it('235: higher derivatives, to the fourth', () => {
    const f = (x: tf.Tensor): tf.Tensor => loop(3, x, (y) => y.mul(x))
    const derivatives = tf.function((x: tf.Tensor) => {
      const values: tf.Tensor[] = []
      for (let g: (x: tf.Tensor) => tf.Tensor = f; values.length < 5;) {
        values.push(g(x))
        const last = g
        g = (z) => tf.grad(last)(z)
      }
      return values
    })
    expect(derivatives(tf.tensor(2)).map((value) => value.item())).toEqual([16, 32, 48, 48, 24])
  })
  it('236: the gradient of a running product', () => {
    const f = (x: tf.Tensor): tf.Tensor =>
      tf
        .scan((a, e) => a.mul(e), x)
        .slice([2], [1])
        .sum()
    for (const g of [tf.grad(f), tf.function((x: tf.Tensor) => tf.grad(f)(x)), tf.grad(tf.function(f))])
      expect(g(tf.tensor([2, 3, 4])).array()).toEqual([12, 8, 6])
  })
  it('234: the variable of the branch not taken has the gradient 0 in a trace', () => {
    const [v, w] = [tf.variable(2), tf.variable(3)]
    const gradients = tf.function((p: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const y = tape.record(() =>
        tf.cond(
          p,
          () => v.mul(v),
          () => w.mul(3),
        ),
      )
      return tape.gradient(y, [v, w])
    })
    expect(gradients(tf.tensor(true)).map((g) => g?.item())).toEqual([4, 0])
    expect(gradients(tf.tensor(false)).map((g) => g?.item())).toEqual([0, 3])
  })
})

describe('variables', () => {
  it("read and assigned inside: the gradient of every read is the variable's, as in eager code", () => {
    const make = (): { v: tf.Variable; f: (x: tf.Tensor) => tf.Tensor } => {
      const v = tf.variable(1.5)
      return {
        v,
        f: (x) =>
          tf
            .whileLoop(
              (i) => i.less(3),
              (i, y) => {
                const next = y.mul(v)
                v.assign(v.mul(0.5).add(i))
                return [i.add(1), next.add(v)]
              },
              [0, x] as const,
            )[1]
            .mul(v),
      }
    }
    const run = (wrap: (f: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.Tensor): number[] => {
      const { v, f } = make()
      const tape = new tf.GradientTape()
      const x = tf.tensor(2)
      const g = wrap(f)
      const y = tape.record(() => {
        tape.watch(x)
        return g(x)
      })
      const [dx, dv] = tape.gradient(y, [x, v])
      return [y.item(), dx?.item() ?? Number.NaN, dv?.item() ?? Number.NaN, v.item()]
    }
    const inside = (): number[] => {
      const { v, f } = make()
      const g = tf.function((x: tf.Tensor) => {
        const tape = new tf.GradientTape()
        const y = tape.record(() => {
          tape.watch(x)
          return f(x)
        })
        return [y, ...tape.gradient(y, [x, v])]
      })
      return [...g(tf.tensor(2)).map((value) => value?.item() ?? Number.NaN), v.item()]
    }
    const eager = run((f) => f)
    run((f) => tf.function(f)).forEach((value, i) => expect(value).toBeCloseTo(eager[i] ?? 0, 4))
    inside().forEach((value, i) => expect(value).toBeCloseTo(eager[i] ?? 0, 4))
  })
  it('a training loop inside one call', () => {
    const make = (): { w: tf.Variable; train: (x: tf.Tensor, steps: tf.Tensor) => unknown } => {
      const w = tf.variable([0.5, -0.5])
      return {
        w,
        train: (x, steps) =>
          tf.whileLoop(
            (i) => i.less(steps),
            (i) => {
              const tape = new tf.GradientTape()
              const loss = tape.record(() => w.mul(x).sum().sub(1).square())
              w.assignSub((tape.gradient(loss, w) as tf.Tensor).mul(0.1))
              return [i.add(1)]
            },
            [0],
          ),
      }
    }
    const [eager, traced] = [make(), make()]
    const train = tf.function(traced.train)
    const x = tf.tensor([1, 2])
    for (const steps of [3, 0, 5]) {
      eager.train(x, tf.tensor(steps))
      train(x, tf.tensor(steps))
      traced.w.data().forEach((value, i) => expect(value).toBeCloseTo(eager.w.data()[i] ?? 0, 5))
    }
  })
})

it('an unknown batch', () => {
  const rnn = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    tf
      .foldl((h, e) => h.matMul(w).add(e).tanh(), x, {
        initializer: tf.zerosLike(x.slice([0, 0, 0], [1, -1, -1]).squeeze([0])),
      })
      .mul(1)
      .sum()
  const gradients = tf.function((x: tf.Tensor, w: tf.Tensor) => tf.grads(rnn)([x, w]), {
    inputSignature: [tf.spec([null, null, 2]), tf.spec([2, 2])],
  })
  const w = tf.tensor([
    [0.1, 0.2],
    [-0.3, 0.4],
  ])
  for (const [steps, rows] of [
    [3, 2],
    [1, 4],
    [5, 1],
  ] as const) {
    const x = tf
      .tensor(Array.from({ length: steps * rows * 2 }, (_, i) => Math.sin(i)))
      .reshape([steps, rows, 2])
    const eager = tf.grads(rnn)([x, w])
    gradients(x, w).forEach((gradient, k) =>
      gradient.data().forEach((value, i) => expect(value).toBeCloseTo(eager[k]?.data()[i] ?? 0, 5)),
    )
  }
  expect(gradients.traceCount).toBe(1)
})
