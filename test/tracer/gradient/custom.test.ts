// Custom gradients: their contract, variables, nesting, higher orders, in the three settings.
import { describe, expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'
import { arrays, bodies, settings, tapeGradients } from '../../support/settings.ts'

/** log(1 + eˣ), whose plain gradient is NaN for large x. */
const log1pexp = tf.customGradient((x: tf.Tensor) => {
  const e = tf.exp(x)
  return {
    value: tf.log(e.add(1)),
    gradient: (dy: tf.Tensor) => dy.mul(tf.sub(1, tf.div(1, e.add(1)))),
  }
}, 'log1pexp')

const once =
  (f: (x: tf.Tensor) => tf.Tensor) =>
  (x: tf.Tensor): tf.Tensor =>
    tapeGradients(f, [x])[0] as tf.Tensor

describe.each(settings)('customGradient, in $setting', ({ derive }) => {
  test('242: the rule given is the gradient', () => {
    const f = tf.customGradient((x: tf.Tensor) => ({ value: x, gradient: (dy: tf.Tensor) => dy.mul(5) }))
    expect(arrays(derive((x) => f(x))(tf.tensor(3)))).toEqual([5])
    expect(arrays(derive((x) => f(x).mul(x))(tf.tensor(3)))).toEqual([5 * 3 + 3])
  })

  test('242: several arguments, null for one of them', () => {
    const f = tf.customGradient((x: tf.Tensor, y: tf.Tensor) => ({
      value: x.mul(y),
      gradient: (dy: tf.Tensor) => [dy.mul(100), null],
    }))
    expect(arrays(derive((x, y) => f(x, y))(tf.tensor(3), tf.tensor(4)))).toEqual([100, null])
  })

  test('242: another number of gradients than arguments is an error', () => {
    const f = tf.customGradient(
      (x: tf.Tensor, y: tf.Tensor) => ({ value: x.mul(y), gradient: (dy: tf.Tensor) => [dy] }),
      'bad',
    )
    expect(() => derive((x, y) => f(x, y))(tf.tensor(3), tf.tensor(4))).toThrow(
      /the gradient of bad should return 2 gradients, but returned 1/,
    )
  })

  test('242: a gradient of another shape is an error', () => {
    const f = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(2),
      gradient: (dy: tf.Tensor) => tf.sum(dy),
    }))
    expect(() => derive((x) => f(x))(tf.tensor([3, 4]))).toThrow(tf.ShapeError)
  })

  test('243: log1pexp at 100 is 1, not NaN; its second derivative follows the rule', () => {
    expect(derive((x) => log1pexp(x))(tf.tensor(100))[0]?.item()).toBe(1)
    const sigmoid = 1 / (1 + Math.exp(-0.5))
    expect(derive((x) => log1pexp(x))(tf.tensor(0.5))[0]?.item()).toBeCloseTo(sigmoid, 6)
    const second = derive((x) => once((y) => log1pexp(y))(x))
    expect(second(tf.tensor(0.5))[0]?.item()).toBeCloseTo(sigmoid * (1 - sigmoid), 5)
  })

  test('243: custom gradients nest, each order with a rule of its own', () => {
    const derivative = tf.customGradient(
      (x: tf.Tensor) => ({ value: x.mul(10), gradient: (dy: tf.Tensor) => dy.mul(77) }),
      'derivative',
    )
    const f = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(x),
      gradient: (dy: tf.Tensor) => dy.mul(derivative(x)),
    }))
    expect(arrays(derive((x) => f(x))(tf.tensor(3)))).toEqual([30])
    expect(arrays(derive((x) => once((y) => f(y))(x))(tf.tensor(3)))).toEqual([77])
  })

  test('243: a custom gradient inside another one', () => {
    const inner = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(2),
      gradient: (dy: tf.Tensor) => dy.mul(7),
    }))
    const outer = tf.customGradient((x: tf.Tensor) => {
      const tape = new tf.GradientTape()
      const value = tape.record(() => {
        tape.watch(x)
        return inner(x).mul(x)
      })
      return { value, gradient: (dy: tf.Tensor) => dy.mul(once((y) => inner(y).mul(y))(x)).mul(1000) }
    })
    // (2x·x)' by the inner rule: 7x + 2x.
    expect(arrays(derive((x) => outer(x))(tf.tensor(3)))).toEqual([27000])
  })

  test('242: a value that is a tensor from outside has no other way for the gradient', () => {
    const c = tf.tensor(4)
    const f = tf.customGradient((_x: tf.Tensor) => ({ value: c, gradient: (dy: tf.Tensor) => dy.mul(3) }))
    expect(arrays(derive((x) => f(x).add(c))(tf.tensor(1)))).toEqual([3])
  })
})

describe.each(bodies)('customGradient with variables, in $setting', ({ run }) => {
  test('242: variables need a rule of their own', () => {
    const v = tf.variable(3, { name: 'v' })
    const f = tf.customGradient(
      (x: tf.Tensor) => ({ value: x.mul(v), gradient: (dy: tf.Tensor) => dy }),
      'needy',
    )
    expect(() => run(() => f(tf.tensor(2)))).toThrow(
      /needy uses trainable variables \(v\) but gives no variableGradients/,
    )
  })

  test('242: and then have gradients', () => {
    const [v, w] = [tf.variable(3), tf.variable(4)]
    const f = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(v).mul(w),
      gradient: (dy: tf.Tensor) => dy.mul(100),
      variableGradients: (dy: tf.Tensor) => [dy.mul(10), dy.mul(20)],
    }))
    const got = run(() => {
      const x = tf.tensor(2)
      const tape = new tf.GradientTape()
      const y = tape.record(() => {
        tape.watch(x)
        return f(x).mul(w)
      })
      return tape.gradient(y, [x, v, w])
    })
    // y = f·w: the plain w adds f(2) = 24.
    expect(arrays(got)).toEqual([400, 40, 80 + 24])
  })

  test('242: too few variable gradients', () => {
    const v = tf.variable(3, { name: 'v' })
    const f = tf.customGradient(
      (x: tf.Tensor) => ({ value: x.mul(v), gradient: (dy: tf.Tensor) => dy, variableGradients: () => [] }),
      'few',
    )
    expect(() =>
      run(() => {
        const tape = new tf.GradientTape()
        const y = tape.record(() => f(2))
        return tape.gradient(y, v)
      }),
    ).toThrow(/variableGradients of few should return 1 gradients, but returned 0/)
  })

  test('243: the rule is differentiated with respect to variables it reads', () => {
    const v = tf.variable(3)
    const f = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(v),
      gradient: (dy: tf.Tensor) => dy.mul(v).mul(v),
      variableGradients: (dy: tf.Tensor) => [dy.mul(x)],
    }))
    const got = run(() => {
      const x = tf.tensor(2)
      const outer = new tf.GradientTape()
      const g = outer.record(() => {
        const inner = new tf.GradientTape()
        const y = inner.record(() => {
          inner.watch(x)
          return f(x)
        })
        return inner.gradient(y, x) as tf.Tensor
      })
      return [g, outer.gradient(g, v)]
    })
    expect(arrays(got)).toEqual([9, 6])
  })
})

describe('customGradient in functions', () => {
  test('243: an untaped trace keeps the rule, for two orders under an outer tape', () => {
    const f = tf.function((x: tf.Tensor) => log1pexp(x.mul(1)))
    f(tf.tensor(1))
    expect(once(f)(tf.tensor(100)).item()).toBe(1)
    const s = 1 / (1 + Math.exp(-0.5))
    expect(once(once(f))(tf.tensor(0.5)).item()).toBeCloseTo(s * (1 - s), 5)
    expect(once(once(once(f)))(tf.tensor(0.5)).item()).toBeCloseTo(s * (1 - s) * (1 - 2 * s), 4)
    expect(f.traceCount).toBe(1)
  })

  test('242: variables in a function that is called under a tape', () => {
    const v = tf.variable([3, 5])
    const custom = tf.customGradient((x: tf.Tensor) => ({
      value: x.mul(v),
      gradient: (dy: tf.Tensor) => dy.mul(v),
      variableGradients: (dy: tf.Tensor) => [dy.mul(x).mul(10)],
    }))
    const f = tf.function((x: tf.Tensor) => custom(x).mul(v))
    const x = tf.tensor([1, 2])
    const tape = new tf.GradientTape()
    const y = tape.record(() => {
      tape.watch(x)
      return f(x)
    })
    expect(arrays(tape.gradient(y, [x, v]))).toEqual([
      [9, 25],
      [3 * 10 + 3, 5 * 20 + 10],
    ])
    expect(tape.watchedVariables()).toEqual([v])
  })

  test('a value that is a variable keeps the value of its time', () => {
    const v = tf.variable(3)
    const f = tf.customGradient((x: tf.Tensor) => ({ value: x, gradient: (dy: tf.Tensor) => dy }))
    const tape = new tf.GradientTape()
    const y = tape.record(() => f(v))
    v.assign(10)
    expect(y.item()).toBe(3)
    expect(tape.gradient(y, v)?.item()).toBe(1)
  })
})
