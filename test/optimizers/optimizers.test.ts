// Optimizers and schedules of one's own, sparing weight decay, names, state by name, loss scaling, bad options.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { optimizers } = tf

/** Steps of a fixed length, with a memory of how many there were. */
class Steps extends optimizers.Optimizer {
  constructor(rate: tf.optimizers.LearningRate) {
    super('steps', rate)
  }
  protected override slotsOf(): Readonly<Record<string, number>> {
    return { count: 10 }
  }
  protected override update(
    content: tf.Tensor,
    gradient: tf.Tensor,
    slots: tf.optimizers.Slots,
    [rate]: readonly tf.Tensor[],
  ): tf.Tensor {
    slots('count').assignAdd(tf.onesLike(content))
    return content.sub(gradient.sign().mul(rate ?? 0))
  }
}

describe('an optimizer of one’s own', () => {
  it('updates in a traced step, by a schedule of one’s own', () => {
    class Halving extends optimizers.schedules.LearningRateSchedule {
      override call(step: tf.Tensor): tf.Tensor {
        return tf.pow(0.5, step)
      }
    }
    const w = tf.variable([4, -4])
    const optimizer = new Steps(new Halving())
    const step = tf.function(() => optimizer.minimize(() => w.mul(w).sum(), [w]))
    const values = [1, 2, 3].map(() => {
      step()
      return w.array()
    })
    expect(values).toEqual([
      [3, -3],
      [2.5, -2.5],
      [2.25, -2.25],
    ])
    expect(step.cacheSize).toBe(1)
    expect(optimizer.namedVariables.get('0/count')?.array()).toEqual([13, 13])
    expect(optimizer.currentLearningRate().item()).toBe(0.125)
  })
})

describe('state', () => {
  it('has names that do not depend on those of the variables', () => {
    const optimizer = optimizers.adam(0.1, { useEma: true })
    optimizer.build([tf.variable([1], { name: 'same' }), tf.variable([1], { name: 'same' })])
    expect([...optimizer.namedVariables.keys()]).toEqual([
      'iterations',
      'learning_rate',
      '0/m',
      '0/v',
      '0/average',
      '1/m',
      '1/v',
      '1/average',
    ])
    expect([...optimizer.namedVariables.values()]).toEqual(optimizer.variables)
  })

  it('is that of a factored variable for Adafactor', () => {
    const optimizer = optimizers.adafactor()
    optimizer.build([tf.variable(tf.ones([2, 3])), tf.variable([1, 2])])
    expect([...optimizer.namedVariables].slice(2).map(([name, { shape }]) => [name, shape])).toEqual([
      ['0/r', [2]],
      ['0/c', [3]],
      ['1/v', [2]],
    ])
  })
})

describe('options', () => {
  it('spare variables weight decay', () => {
    const [kernel, bias, other] = ['kernel', 'bias', 'other'].map((name) => tf.variable(1, { name }))
    const all = [kernel, bias, other].filter((each) => each !== undefined)
    const optimizer = optimizers.sgd(0.5, { weightDecay: 0.5 })
    optimizer.excludeFromWeightDecay({ names: ['bias'], variables: all.slice(2) })
    optimizer.applyGradients(all.map((each) => [tf.scalar(0), each]))
    expect(all.map((each) => each.item())).toEqual([0.75, 1, 1])
    expect(() => optimizer.excludeFromWeightDecay({})).toThrow(/sgd has been built/)
  })

  it('scale the loss and not the step', () => {
    const w = tf.variable(3)
    const optimizer = optimizers.sgd(0.5, { lossScaleFactor: 1024 })
    expect(optimizer.minimize(() => w.mul(w), [w]).item()).toBe(9)
    expect(w.item()).toBe(0)
    expect(optimizer.scaleLoss(tf.scalar(2)).item()).toBe(2048)
  })

  it('are checked', () => {
    expect(() => optimizers.sgd(0.1, { emaMomentum: 2 })).toThrow(/emaMomentum is 2/)
    expect(() => optimizers.sgd(0.1, { gradientAccumulationSteps: 0 })).toThrow(
      /gradientAccumulationSteps is 0/,
    )
    expect(() => optimizers.sgd(0.1, { lossScaleFactor: 0 })).toThrow(/lossScaleFactor is 0/)
    expect(() => optimizers.sgd(0.1, { weightDecay: -1 })).toThrow(/weightDecay is -1/)
    expect(() => optimizers.ftrl(0.1, { learningRatePower: 1 })).toThrow(/minus learningRatePower is -1/)
    expect(() =>
      optimizers.schedules.exponentialDecay({ initialLearningRate: 1, decaySteps: 0, decayRate: 1 }),
    ).toThrow(/decaySteps is 0/)
    expect(() =>
      optimizers.schedules.piecewiseConstantDecay({ boundaries: [2, 1], values: [1, 2, 3] }),
    ).toThrow(/do not ascend/)
    expect(() => optimizers.schedules.piecewiseConstantDecay({ boundaries: [2], values: [1] })).toThrow(
      /1 values/,
    )
  })

  it('a gradient that does not fit changes nothing, not even what is built', () => {
    const w = tf.variable([1, 2])
    const optimizer = optimizers.adam(0.1)
    expect(() => optimizer.applyGradients([[tf.tensor([1]), w]])).toThrow(/the gradient's type/)
    expect([optimizer.variables.length, optimizer.iterations.item()]).toEqual([2, 0])
    expect(w.array()).toEqual([1, 2])
  })
})

describe('optimizers by name', () => {
  it('are new ones with defaults', () => {
    expect(optimizers.get('adam')).toBeInstanceOf(optimizers.Adam)
    expect(optimizers.get('adam')).not.toBe(optimizers.get('adam'))
    const mine = optimizers.lamb()
    expect(optimizers.get(mine)).toBe(mine)
    expect(() => optimizers.get('nope' as 'sgd')).toThrow(/"nope" names no optimizer/)
  })
})
