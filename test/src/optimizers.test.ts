// tf.optimizers: values computed with Keras 3.15 on TensorFlow 2.21, eagerly and traced; state, clipping, errors.
import { describe, expect, it, vi } from 'vitest'
import { machineryOf } from '../../src/function.ts'
import * as tf from '../../src/index.ts'
import type { Optimizer } from '../../src/optimizers/index.ts'

const { optimizers } = tf

/** w after each of the gradients .5, −1, 2, from 1. */
const trajectories: Readonly<Record<string, readonly [() => Optimizer, readonly number[]]>> = {
  sgd: [() => optimizers.sgd(0.1), [0.95, 1.05, 0.85]],
  'sgd with momentum': [() => optimizers.sgd(0.1, { momentum: 0.9 }), [0.95, 1.005, 0.8545]],
  'sgd by Nesterov': [() => optimizers.sgd(0.1, { momentum: 0.9, nesterov: true }), [0.905, 1.0545, 0.71905]],
  adam: [() => optimizers.adam(0.1), [0.9000013, 0.9366112, 0.8946458]],
  adamw: [() => optimizers.adamw(0.1), [0.8996013, 0.9358513, 0.8935117]],
  adamax: [() => optimizers.adamax(0.1), [0.9, 0.9289474, 0.9011799]],
  nadam: [() => optimizers.nadam(0.1), [0.8937212, 0.9818875, 0.890661]],
  rmsprop: [() => optimizers.rmsprop(0.1), [0.6837729, 0.9694871, 0.6894997]],
  adagrad: [() => optimizers.adagrad(0.1), [0.9154846, 1.0015509, 0.9150833]],
  lion: [() => optimizers.lion(0.1), [0.9, 1, 0.9]],
}

function close(values: readonly number[], digits = 6): number[] {
  return values.map((value) => expect.closeTo(value, digits) as number)
}

describe('updates', () => {
  for (const [name, [make, expected]] of Object.entries(trajectories)) {
    it(`${name}, eagerly and traced`, () => {
      for (const traced of [false, true]) {
        const optimizer = make()
        const w = tf.variable(1)
        const body = (g: tf.Tensor): void => optimizer.applyGradients([[g, w]])
        const f = tf.function(body)
        optimizer.build([w])
        const got = [0.5, -1, 2].map((g) => {
          if (traced) f(tf.tensor(g))
          else body(tf.tensor(g))
          return w.item()
        })
        // Nadam's product of coefficients loses digits in float32, there as here.
        expect(got).toEqual(close(expected, name === 'nadam' ? 5 : 6))
        expect(optimizer.iterations.item()).toBe(3)
        expect(f.traceCount).toBe(traced ? 1 : 0)
      }
    })
  }

  it('amsgrad, centred rmsprop with momentum and adadelta follow their formulas in float64', () => {
    const gradients = [0.5, -1, 2, 0.1]
    const run = (optimizer: Optimizer): number[] => {
      const w = tf.variable(1, { dtype: 'float64' })
      return gradients.map((g) => {
        optimizer.applyGradients([[tf.tensor(g, 'float64'), w]])
        return w.item()
      })
    }
    let w = 1
    let m = 0
    let v = 0
    let largest = 0
    const amsgrad = gradients.map((g, i) => {
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      largest = Math.max(largest, v)
      return (w -=
        (0.1 * Math.sqrt(1 - 0.999 ** (i + 1)) * m) / ((1 - 0.9 ** (i + 1)) * (Math.sqrt(largest) + 1e-7)))
    })
    expect(run(optimizers.adam(0.1, { amsgrad: true }))).toEqual(close(amsgrad, 5))
    w = 1
    v = 0
    let mean = 0
    let momentum = 0
    const rmsprop = gradients.map((g) => {
      v = 0.9 * v + 0.1 * g * g
      mean = 0.9 * mean + 0.1 * g
      momentum = 0.5 * momentum + (0.1 * g) / Math.sqrt(v - mean * mean + 1e-7)
      return (w -= momentum)
    })
    expect(run(optimizers.rmsprop(0.1, { centered: true, momentum: 0.5 }))).toEqual(close(rmsprop))
    w = 1
    let squares = 0
    let changes = 0
    const adadelta = gradients.map((g) => {
      squares = 0.95 * squares + 0.05 * g * g
      const change = (g * Math.sqrt(changes + 1e-7)) / Math.sqrt(squares + 1e-7)
      changes = 0.95 * changes + 0.05 * change * change
      return (w -= 10 * change)
    })
    expect(run(optimizers.adadelta(10))).toEqual(close(adadelta))
  })

  it('take one kernel per variable in a traced step', () => {
    const optimizer = optimizers.adam(0.1)
    const variables = [tf.variable(tf.ones([8, 4])), tf.variable(tf.ones([4]))]
    optimizer.build(variables)
    const step = tf.function((a: tf.Tensor, b: tf.Tensor) => {
      optimizer.applyGradients([a, b].map((g, i) => [g, variables[i] as tf.Variable]))
    })
    step(tf.ones([8, 4]), tf.ones([4]))
    const fusions = machineryOf(step)
      ?.current?.fusedGraph()
      .nodes.filter((node) => node.op === 'fusion')
    // One for the scalars of the step, one for each variable with its two slots.
    expect(
      fusions?.map((node) => node.results.filter((result) => result.type.shape.length > 0).length),
    ).toEqual([0, 3, 3])
  })
})

describe('state', () => {
  it('is in variables that build makes before the trace', () => {
    const w = tf.variable([1, 2], { name: 'w' })
    const optimizer = optimizers.adam(0.1)
    optimizer.build([w])
    expect(optimizer.variables.map((each) => each.name)).toEqual([
      'adam/iterations',
      'adam/learning_rate',
      'adam/w/m',
      'adam/w/v',
    ])
    expect(optimizer.variables.every((each) => !each.trainable)).toBe(true)
    optimizer.applyGradients([[tf.tensor([1, -2]), w]])
    expect(optimizer.variables[2]?.array()).toEqual(close([0.1, -0.2]))
    expect(optimizer.variables[3]?.array()).toEqual(close([0.001, 0.004]))
  })

  it('has a learning rate that changes traced steps without a retrace', () => {
    const w = tf.variable(10)
    const optimizer = optimizers.sgd(0.1)
    const step = tf.function((g: tf.Tensor) => optimizer.applyGradients([[g, w]]))
    step(tf.tensor(1))
    expect(w.item()).toBeCloseTo(9.9, 5)
    optimizer.learningRate = 1
    step(tf.tensor(1))
    expect(w.item()).toBeCloseTo(8.9, 5)
    expect(step.traceCount).toBe(1)
    expect(optimizer.learningRate.item()).toBe(1)
  })

  it('is made by the first call of a traced step when it was not before', () => {
    const w = tf.variable(1)
    const optimizer = optimizers.sgd(0.1, { momentum: 0.9 })
    const step = tf.function((g: tf.Tensor) => optimizer.applyGradients([[g, w]]))
    const values = [0.5, -1, 2].map((g) => {
      step(tf.tensor(g))
      return w.item()
    })
    expect(values).toEqual(close([0.95, 1.005, 0.8545]))
    expect(step.cacheSize).toBe(1)
    expect(optimizer.variables).toHaveLength(3)
  })

  it('may have a schedule, evaluated from the iterations', () => {
    const w = tf.variable(10)
    const optimizer = optimizers.sgd((step) => tf.pow(0.5, step))
    const step = tf.function(() => optimizer.applyGradients([[tf.tensor(1), w]]))
    const values = [1, 2, 3].map(() => {
      step()
      return w.item()
    })
    expect(values).toEqual([9, 8.5, 8.25])
    expect(step.traceCount).toBe(1)
    expect(() => optimizer.learningRate).toThrow(/is a schedule/)
  })

  it('minimizes', () => {
    const w = tf.variable(2)
    const other = tf.variable(7)
    const optimizer = optimizers.sgd(0.1)
    const step = tf.function(() =>
      optimizer.minimize(
        () => w.mul(w),
        () => [w],
      ),
    )
    const losses = [1, 2, 3].map(() => step().item())
    expect(losses).toEqual(close([4, 2.56, 1.6384], 5))
    expect(other.item()).toBe(7)
    optimizers.sgd(0.1).minimize(() => w.mul(other).sum())
    expect(other.item()).toBeCloseTo(7 - 0.1 * 1.024, 5)
  })
})

describe('clipping', () => {
  const step = (options: object): unknown[] => {
    const variables = [tf.variable([3, 4]), tf.variable([12])]
    optimizers.sgd(1, options).applyGradients(variables.map((each) => [each.value(), each]))
    return variables.map((each) => each.array())
  }

  it('by the joint norm, by each norm, by value', () => {
    expect(step({ globalClipnorm: 6.5 })).toEqual([close([1.5, 2]), close([6])])
    expect(step({ clipnorm: 5 })).toEqual([close([0, 0]), close([7])])
    expect(step({ clipvalue: 3.5 })).toEqual([close([0, 0.5]), close([8.5])])
    expect(step({ globalClipnorm: 100 })).toEqual([[0, 0], [0]])
  })

  it('only one way at a time', () => {
    expect(() => optimizers.sgd(1, { clipnorm: 1, clipvalue: 1 })).toThrow(/only one of clipnorm/)
    expect(() => optimizers.sgd(1, { clipnorm: 0 })).toThrow(/clipnorm is 0/)
  })
})

describe('errors', () => {
  it('no gradients, unknown variables, gradients that do not fit', () => {
    const w = tf.variable([1, 2], { name: 'w' })
    const other = tf.variable(1, { name: 'other' })
    expect(() => optimizers.sgd().applyGradients([[null, w]])).toThrow(
      /no gradients provided for any variable: w/,
    )
    expect(() => optimizers.sgd().applyGradients([])).toThrow(/no gradients provided/)
    const optimizer = optimizers.sgd(0.1, { momentum: 0.9 })
    optimizer.build([w])
    expect(() => optimizer.applyGradients([[tf.tensor(1), other]])).toThrow(/unknown variable: other/)
    expect(() => optimizer.applyGradients([[tf.tensor([1]), w]])).toThrow(
      /the gradient's type is not the variable's/,
    )
    expect(w.array()).toEqual([1, 2])
  })

  it('warn once of a variable without a gradient', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      const [a, b] = [tf.variable(1, { name: 'a' }), tf.variable(1, { name: 'b' })]
      const optimizer = optimizers.sgd(1)
      for (let i = 0; i < 2; i++)
        optimizer.applyGradients([
          [tf.tensor(1), a],
          [null, b],
        ])
      expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
        expect.stringContaining('no gradient for b') as string,
      ])
      expect([a.item(), b.item()]).toEqual([-1, 1])
    } finally {
      warn.mockRestore()
    }
  })
})
