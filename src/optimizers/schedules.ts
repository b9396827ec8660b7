/**
 * `tf.optimizers.schedules`: learning rates that depend on the number of steps done. Each is a function from that number
 * to the rate, written with ops, so a traced step evaluates it at every call. Formulas, names and defaults are Keras's.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  add,
  ceil,
  cos,
  div,
  equal,
  floor,
  lessEqual,
  less,
  log,
  maximum,
  minimum,
  mul,
  pow,
  scalar,
  sub,
  where,
} from '../math/index.ts'

/** A learning rate that depends on the number of steps done, a float32 scalar; written with ops, it works in traces. */
export type Schedule = (step: Tensor) => TensorLike

/**
 * Base class of schedules with state or parameters of their own; a function will do as well.
 *
 * @example
 * class Halving extends tf.optimizers.schedules.LearningRateSchedule {
 *   override call(step: tf.Tensor) { return tf.pow(0.5, step) }
 * }
 * tf.optimizers.sgd(new Halving())
 */
export abstract class LearningRateSchedule {
  /** The learning rate after so many steps, a float32 scalar. */
  abstract call(step: Tensor): TensorLike
}

/** A number, kept in a Variable, or a schedule. */
export type LearningRate = number | Schedule | LearningRateSchedule

/** For the library's own use: the function behind a schedule. */
export function scheduleOf(schedule: Schedule | LearningRateSchedule): Schedule {
  return schedule instanceof LearningRateSchedule ? (step) => schedule.call(step) : schedule
}

function requireSteps(op: string, name: string, steps: number): void {
  if (!(steps > 0))
    throw new ValueError({
      op: `schedules.${op}`,
      problem: `${name} is ${steps}`,
      fix: 'use a number above 0.',
    })
}

export interface DecayOptions {
  readonly initialLearningRate: number
  /** After how many steps the decay is by `decayRate`. */
  readonly decaySteps: number
  readonly decayRate: number
  /** Whether to decay in jumps, at multiples of `decaySteps`. Default false. */
  readonly staircase?: boolean
}

function progress(step: Tensor, { decaySteps, staircase = false }: DecayOptions): Tensor {
  const fraction = div(step, decaySteps)
  return staircase ? floor(fraction) : fraction
}

/**
 * initialLearningRate · decayRate^(step / decaySteps).
 *
 * @throws ValueError when decaySteps is not above 0
 * @example
 * const rate = tf.optimizers.schedules.exponentialDecay({ initialLearningRate: 1, decaySteps: 10, decayRate: 0.5 })
 * rate(tf.scalar(20)) // 0.25
 */
export function exponentialDecay(options: DecayOptions): Schedule {
  requireSteps('exponentialDecay', 'decaySteps', options.decaySteps)
  return (step) => mul(pow(scalar(options.decayRate), progress(step, options)), options.initialLearningRate)
}

/** initialLearningRate / (1 + decayRate · step / decaySteps). Throws ValueError when decaySteps is not above 0. */
export function inverseTimeDecay(options: DecayOptions): Schedule {
  requireSteps('inverseTimeDecay', 'decaySteps', options.decaySteps)
  return (step) => div(options.initialLearningRate, add(mul(progress(step, options), options.decayRate), 1))
}

export interface PiecewiseOptions {
  /** Ascending numbers of steps. */
  readonly boundaries: readonly number[]
  /** The rates up to and with each boundary, and after the last: one more. */
  readonly values: readonly number[]
}

/**
 * One rate up to the first boundary, another up to the second, and so on.
 *
 * @throws ValueError unless there is one value more than boundaries, and those ascend
 */
export function piecewiseConstantDecay({ boundaries, values }: PiecewiseOptions): Schedule {
  const op = 'schedules.piecewiseConstantDecay'
  if (boundaries.length === 0 || values.length !== boundaries.length + 1)
    throw new ValueError({
      op,
      problem: `there are ${boundaries.length} boundaries and ${values.length} values`,
      fix: 'give at least one boundary, and one value more than boundaries.',
    })
  if (boundaries.some((boundary, i) => i > 0 && !(boundary > (boundaries[i - 1] ?? 0))))
    throw new ValueError({
      op,
      problem: `the boundaries [${boundaries.join(', ')}] do not ascend`,
      fix: 'sort them.',
    })
  return (step) =>
    boundaries.reduceRight<TensorLike>(
      (after, boundary, i) => where(lessEqual(step, boundary), values[i] ?? 0, after),
      values.at(-1) ?? 0,
    )
}

export interface PolynomialOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  /** Default 0.0001. */
  readonly endLearningRate?: number
  /** Default 1: a line. */
  readonly power?: number
  /** Whether to start again, from ever later ends, instead of staying at the end. Default false. */
  readonly cycle?: boolean
}

/** (initial − end) · (1 − step / decaySteps)^power + end. Throws ValueError when decaySteps is not above 0. */
export function polynomialDecay(options: PolynomialOptions): Schedule {
  const { initialLearningRate, decaySteps, endLearningRate = 0.0001, power = 1, cycle = false } = options
  requireSteps('polynomialDecay', 'decaySteps', decaySteps)
  return (step) => {
    const end = cycle
      ? mul(where(equal(step, 0), 1, ceil(div(step, decaySteps))), decaySteps)
      : scalar(decaySteps)
    const fraction = div(cycle ? step : minimum(step, decaySteps), end)
    return add(mul(pow(sub(1, fraction), power), initialLearningRate - endLearningRate), endLearningRate)
  }
}

/** (1 − alpha) · ½(1 + cos πfraction) + alpha. */
function cosine(fraction: Tensor, alpha: number, amplitude: TensorLike = 1): Tensor {
  const wave = mul(mul(add(cos(mul(fraction, Math.PI)), 1), 0.5), amplitude)
  return add(mul(wave, 1 - alpha), alpha)
}

export interface CosineDecayOptions {
  readonly initialLearningRate: number
  /** Length of the decay, after the warmup. */
  readonly decaySteps: number
  /** What is left in the end, as a share of the highest rate. Default 0. */
  readonly alpha?: number
  /** What the rate rises to before the decay. Default: no warmup. */
  readonly warmupTarget?: number
  /** Length of that rise. Default 0. */
  readonly warmupSteps?: number
}

/**
 * Half a cosine wave from the initial rate down to alpha times that, after a linear warmup to `warmupTarget` if there is
 * one. Loshchilov & Hutter, SGDR (2017).
 *
 * @throws ValueError when decaySteps is not above 0
 */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options
  requireSteps('cosineDecay', 'decaySteps', decaySteps)
  return (step) => {
    if (warmupTarget === undefined)
      return mul(cosine(div(minimum(step, decaySteps), decaySteps), alpha), initialLearningRate)
    const rise = warmupTarget - initialLearningRate
    // The branch not taken stays finite.
    const rising = add(mul(div(step, Math.max(warmupSteps, 1)), rise), initialLearningRate)
    const fraction = div(minimum(maximum(sub(step, warmupSteps), 0), decaySteps), decaySteps)
    return where(less(step, warmupSteps), rising, mul(cosine(fraction, alpha), warmupTarget))
  }
}

export interface CosineRestartsOptions {
  readonly initialLearningRate: number
  /** Length of the first period. */
  readonly firstDecaySteps: number
  /** Each period is this many times as long as the one before. Default 2. */
  readonly tMul?: number
  /** Each period starts from this share of the one before. Default 1. */
  readonly mMul?: number
  /** What is left at the end of a period, as a share of the initial rate. Default 0. */
  readonly alpha?: number
}

/** Cosine decay that starts again and again. Throws ValueError when firstDecaySteps is not above 0. */
export function cosineDecayRestarts(options: CosineRestartsOptions): Schedule {
  const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options
  requireSteps('cosineDecayRestarts', 'firstDecaySteps', firstDecaySteps)
  return (step) => {
    const completed = div(step, firstDecaySteps)
    let [restarts, fraction] = [floor(completed), sub(completed, floor(completed))]
    if (tMul !== 1) {
      // The periods before the i-th add up to (1 − tMul^i) / (1 − tMul).
      restarts = floor(div(log(sub(1, mul(completed, 1 - tMul))), Math.log(tMul)))
      const growth = pow(scalar(tMul), restarts)
      fraction = div(sub(completed, div(sub(1, growth), 1 - tMul)), growth)
    }
    return mul(cosine(fraction, alpha, pow(scalar(mMul), restarts)), initialLearningRate)
  }
}
