// tf.initializers: limits, variances, seeds.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
import type { Initializer } from '../../src/initializers/index.ts'

const { initializers } = tf

function statistics(
  initializer: Initializer,
  shape: readonly number[],
): { mean: number; std: number; largest: number } {
  const values = initializer(shape)
  return { mean: values.mean().item(), std: tf.std(values).item(), largest: values.abs().max().item() }
}

describe('initializers', () => {
  it('constants', () => {
    expect(initializers.zeros()([2]).array()).toEqual([0, 0])
    expect(initializers.ones()([2], 'int32').array()).toEqual([1, 1])
    expect(initializers.constant(2.5)([1, 2]).array()).toEqual([[2.5, 2.5]])
  })

  it('glorotUniform stays within ±√(6 / (fan-in + fan-out)) and nearly reaches it', () => {
    const { largest } = statistics(initializers.glorotUniform({ seed: 1 }), [4, 3])
    expect(largest).toBeLessThanOrEqual(Math.sqrt(6 / 7))
    const wide = statistics(initializers.glorotUniform({ seed: 1 }), [100, 50])
    expect(wide.largest).toBeGreaterThan(Math.sqrt(6 / 150) * 0.99)
    expect(wide.std).toBeCloseTo(Math.sqrt(2 / 150), 2)
  })

  it('scaled ones have the variance scale / n', () => {
    const shape = [100, 200]
    const cases: readonly (readonly [Initializer, number])[] = [
      [initializers.glorotNormal({ seed: 2 }), 2 / 300],
      [initializers.heUniform({ seed: 3 }), 2 / 100],
      [initializers.heNormal({ seed: 4 }), 2 / 100],
      [initializers.lecunUniform({ seed: 5 }), 1 / 100],
      [initializers.lecunNormal({ seed: 6 }), 1 / 100],
      [initializers.varianceScaling({ seed: 7, scale: 3, mode: 'fanOut', distribution: 'normal' }), 3 / 200],
    ]
    for (const [initializer, variance] of cases) {
      const { mean, std } = statistics(initializer, shape)
      expect(std / Math.sqrt(variance)).toBeCloseTo(1, 1)
      expect(Math.abs(std / Math.sqrt(variance) - 1)).toBeLessThan(0.02)
      expect(Math.abs(mean)).toBeLessThan((4 * Math.sqrt(variance)) / Math.sqrt(20_000))
    }
    // The cut of a truncated normal is at twice the deviation before it.
    expect(statistics(initializers.lecunNormal({ seed: 6 }), shape).largest).toBeLessThanOrEqual(
      0.2 / 0.8796256,
    )
  })

  it('fans of convolution kernels count the receptive field, and vectors their only size', () => {
    expect(statistics(initializers.lecunUniform({ seed: 1 }), [3, 3, 8, 500]).largest).toBeCloseTo(
      Math.sqrt(3 / 72),
      2,
    )
    expect(statistics(initializers.lecunUniform({ seed: 1 }), [300]).largest).toBeLessThanOrEqual(0.1)
  })

  it('a seed gives the same numbers always, the shared sequence after setSeed', () => {
    const seeded = initializers.glorotUniform({ seed: 8 })
    expect(seeded([3]).array()).toEqual(seeded([3]).array())
    const free = initializers.heNormal()
    tf.random.setSeed(3)
    const first = free([3]).array()
    expect(free([3]).array()).not.toEqual(first)
    tf.random.setSeed(3)
    expect(free([3]).array()).toEqual(first)
    for (const make of [initializers.randomUniform, initializers.randomNormal, initializers.truncatedNormal])
      expect(make({ seed: 1 })([5]).array()).toEqual(make({ seed: 1 })([5]).array())
  })

  it('take dtypes, and refuse a scale of 0', () => {
    expect(initializers.glorotNormal({ seed: 1 })([2, 2], 'float64').dtype).toBe('float64')
    expect(() => initializers.varianceScaling({ scale: 0 })).toThrow(/the scale is 0/)
  })
})
