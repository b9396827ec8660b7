/**
 * Variance scaling: numbers whose variance is scale / n, with n the fan-in, the fan-out or their mean.
 *
 * Sources: Glorot & Bengio (2010), He et al. (2015), LeCun et al. (1998).
 */
import { ValueError } from '../../codegen/errors.ts'
import {
  type Initializer,
  randomNormal,
  type RandomOptions,
  randomUniform,
  truncatedNormal,
} from './basic.ts'

/** Standard deviation of a standard normal number on condition that it is within ±2. */
const truncatedDeviation = 0.87962566103423978

export interface VarianceScalingOptions extends RandomOptions {
  /** Variance times n. Default 1. */
  readonly scale?: number
  /** What n is. Default `'fanIn'`. */
  readonly mode?: 'fanIn' | 'fanOut' | 'fanAverage'
  /** Default `'truncatedNormal'`. */
  readonly distribution?: 'truncatedNormal' | 'normal' | 'uniform'
}

/**
 * Inputs and outputs of a unit: the last two axes, times the receptive field (all axes before) for convolutions.
 */
function fansOf(shape: readonly number[]): readonly [fanIn: number, fanOut: number] {
  const [first = 1] = shape
  if (shape.length < 2) return [first, first]
  const field = shape.slice(0, -2).reduce((product, size) => product * size, 1)
  return [field * (shape.at(-2) ?? 1), field * (shape.at(-1) ?? 1)]
}

/**
 * Numbers with mean 0 and variance scale / n.
 *
 * @throws ValueError when the scale is not above 0
 * @example tf.initializers.varianceScaling({ scale: 2, mode: 'fanOut' })([3, 3, 8, 16])
 */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  const { scale = 1, mode = 'fanIn', distribution = 'truncatedNormal', ...random } = options
  if (!(scale > 0))
    throw new ValueError({
      op: 'varianceScaling',
      problem: `the scale is ${scale}`,
      fix: 'use a number above 0.',
    })
  return (shape, dtype) => {
    const [fanIn, fanOut] = fansOf(shape)
    const n = mode === 'fanIn' ? fanIn : mode === 'fanOut' ? fanOut : (fanIn + fanOut) / 2
    const variance = scale / Math.max(1, n)
    switch (distribution) {
      case 'uniform': {
        const limit = Math.sqrt(3 * variance)
        return randomUniform({ ...random, min: -limit, max: limit })(shape, dtype)
      }
      case 'normal':
        return randomNormal({ ...random, std: Math.sqrt(variance) })(shape, dtype)
      case 'truncatedNormal':
        return truncatedNormal({ ...random, std: Math.sqrt(variance) / truncatedDeviation })(shape, dtype)
    }
  }
}

/** Uniform within ±√(6 / (fan-in + fan-out)): the default of dense layers. */
export function glorotUniform(options: RandomOptions = {}): Initializer {
  return varianceScaling({ ...options, mode: 'fanAverage', distribution: 'uniform' })
}
/** Truncated normal with variance 2 / (fan-in + fan-out). */
export function glorotNormal(options: RandomOptions = {}): Initializer {
  return varianceScaling({ ...options, mode: 'fanAverage' })
}
/** Uniform within ±√(6 / fan-in), for layers followed by relu. */
export function heUniform(options: RandomOptions = {}): Initializer {
  return varianceScaling({ ...options, scale: 2, distribution: 'uniform' })
}
/** Truncated normal with variance 2 / fan-in, for layers followed by relu. */
export function heNormal(options: RandomOptions = {}): Initializer {
  return varianceScaling({ ...options, scale: 2 })
}
/** Uniform within ±√(3 / fan-in), for layers followed by selu. */
export function lecunUniform(options: RandomOptions = {}): Initializer {
  return varianceScaling({ ...options, distribution: 'uniform' })
}
/** Truncated normal with variance 1 / fan-in, for layers followed by selu. */
export function lecunNormal(options: RandomOptions = {}): Initializer {
  return varianceScaling(options)
}
