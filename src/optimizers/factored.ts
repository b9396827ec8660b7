/**
 * Optimizers whose step depends on a whole variable: Adafactor (Shazeer & Stern 2018), which keeps the mean squares of
 * rows and columns only, and Lamb (You et al. 2020), which scales by norms; and Ftrl (McMahan et al. 2013), which solves
 * for the variable. Formulas and defaults are Keras's.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import {
  add,
  clipByValue,
  div,
  expandDims,
  greater,
  logicalAnd,
  maximum,
  mean,
  minimum,
  mul,
  pow,
  rsqrt,
  sqrt,
  square,
  sub,
  sum,
  where,
} from '../math/index.ts'
import { AdamFamily, type AdamOptions, approach } from './adam.ts'
import { Optimizer } from './optimizer.ts'
import type { OptimizerOptions, Slots, SlotStart } from './options.ts'
import type { LearningRate } from './schedules.ts'

export interface AdafactorOptions extends OptimizerOptions {
  /** The exponent of the decay of the mean squares. Default −0.8. */
  readonly beta2Decay?: number
  /** Added to squares. Default 1e-30. */
  readonly epsilon1?: number
  /** The least root mean square of a variable that counts. Default 0.001. */
  readonly epsilon2?: number
  /** The largest root mean square of a step. Default 1. */
  readonly clipThreshold?: number
  /** Whether the rate is at most 1 / √step. Default true. */
  readonly relativeStep?: boolean
}

const rootMeanSquare = (x: Tensor): Tensor => sqrt(mean(square(x)))

/**
 * d ← 1 − stepᵇ; for a matrix the mean squares r of rows and c of columns follow with decay d, and v = r·c / mean r; for
 * a vector v follows itself. u = g/√v, at most `clipThreshold` in root mean square; w ← w − max(ε₂, rms w)·ρ·u.
 */
export class Adafactor extends Optimizer {
  readonly #options: Required<Omit<AdafactorOptions, keyof OptimizerOptions>>
  readonly #relative: boolean

  constructor(learningRate: LearningRate = 0.001, options: AdafactorOptions = {}) {
    super('adafactor', learningRate, options)
    const { beta2Decay = -0.8, epsilon1 = 1e-30, epsilon2 = 1e-3, clipThreshold = 1 } = options
    const { relativeStep = true } = options
    this.#options = { beta2Decay, epsilon1, epsilon2, clipThreshold, relativeStep }
    this.#relative = relativeStep && typeof learningRate === 'number'
  }

  protected override slotsOf(variable: Variable): Readonly<Record<string, SlotStart>> {
    const { shape } = variable
    if (shape.length < 2) return { v: 0 }
    return {
      r: { shape: shape.slice(0, -1), start: 0 },
      c: { shape: [...shape.slice(0, -2), shape.at(-1) ?? 1], start: 0 },
    }
  }

  protected override begin(learningRate: Tensor, step: Tensor): readonly Tensor[] {
    const rate = this.#relative ? minimum(learningRate, rsqrt(step)) : learningRate
    return [minimum(rate, rsqrt(step)), pow(step, this.#options.beta2Decay)]
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content, share = content]: readonly Tensor[],
  ): Tensor {
    const { epsilon1, epsilon2, clipThreshold } = this.#options
    const squares = add(square(gradient), epsilon1)
    const follow = (name: string, target: Tensor): Tensor => {
      const next = add(mul(slots(name), sub(1, share)), mul(target, share))
      slots(name).assign(next)
      return next
    }
    let v: Tensor
    if (content.rank < 2) v = follow('v', squares)
    else {
      const r = follow('r', mean(squares, -1))
      const c = follow('c', mean(squares, -2))
      v = mul(expandDims(div(r, mean(r, -1, true)), -1), expandDims(c, -2))
    }
    const direction = div(gradient, sqrt(v))
    const limited = div(direction, maximum(div(rootMeanSquare(direction), clipThreshold), 1))
    const size = mul(maximum(rootMeanSquare(content), epsilon2), rate)
    return sub(content, mul(limited, size))
  }
}

export type LambOptions = AdamOptions

/** Adam's direction u = m̂ / (√v̂ + ε), with steps of length rate·‖w‖: w ← w − rate·(‖w‖/‖u‖)·u. */
export class Lamb extends AdamFamily {
  constructor(learningRate: LearningRate = 0.001, options: LambOptions = {}) {
    super('lamb', learningRate, options)
  }

  protected override begin(learningRate: Tensor, step: Tensor): readonly Tensor[] {
    return [learningRate, this.correction(this.beta1, step), this.correction(this.beta2, step)]
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content, first = content, second = content]: readonly Tensor[],
  ): Tensor {
    const m = approach(slots('m'), gradient, 1 - this.beta1)
    const v = approach(slots('v'), square(gradient), 1 - this.beta2)
    const direction = div(div(m, first), add(sqrt(div(v, second)), this.epsilon))
    const [ofContent, ofDirection] = [sum(square(content)), sum(square(direction))]
    const both = logicalAnd(greater(ofContent, 0), greater(ofDirection, 0))
    const ratio = where(both, sqrt(div(ofContent, where(both, ofDirection, 1))), 1)
    return sub(content, mul(direction, mul(ratio, rate)))
  }
}

export interface FtrlOptions extends OptimizerOptions {
  /** The exponent of the accumulated squares, at most 0. Default −0.5. */
  readonly learningRatePower?: number
  /** What the sums of squares start from. Default 0.1. */
  readonly initialAccumulator?: number
  /** Default 0. */
  readonly l1Regularization?: number
  /** Default 0. */
  readonly l2Regularization?: number
  /** A penalty on the size of weights at each step. Default 0. */
  readonly l2Shrinkage?: number
  /** Adds beta / (2·rate) to the second regularization. Default 0. */
  readonly beta?: number
}

/**
 * n ← n + g²; z ← z + g − (n^p − n_old^p)/rate · w; w ← (clip(z, ±l₁) − z) / (n^p/rate + 2·l₂), with p the negative of the
 * learning rate's power.
 */
export class Ftrl extends Optimizer {
  readonly #options: Required<Omit<FtrlOptions, keyof OptimizerOptions>>

  constructor(learningRate: LearningRate = 0.001, options: FtrlOptions = {}) {
    super('ftrl', learningRate, options)
    const { learningRatePower = -0.5, initialAccumulator = 0.1, l1Regularization = 0 } = options
    const { l2Regularization = 0, l2Shrinkage = 0, beta = 0 } = options
    const atLeastZero = { initialAccumulator, l1Regularization, l2Regularization, l2Shrinkage }
    for (const [name, value] of Object.entries({
      ...atLeastZero,
      'minus learningRatePower': -learningRatePower,
    }))
      if (!(value >= 0))
        throw new ValueError({
          op: 'ftrl',
          problem: `${name} is ${value}`,
          fix: 'use a number of at least 0.',
        })
    this.#options = { learningRatePower, ...atLeastZero, beta }
  }

  protected override slotsOf(): Readonly<Record<string, SlotStart>> {
    return { accumulator: this.#options.initialAccumulator, linear: 0 }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const { learningRatePower, l1Regularization, l2Regularization, l2Shrinkage, beta } = this.#options
    const before = slots('accumulator').value()
    const after = add(before, square(gradient))
    const power = (x: Tensor): Tensor => (learningRatePower === -0.5 ? sqrt(x) : pow(x, -learningRatePower))
    const shrunk = l2Shrinkage === 0 ? gradient : add(gradient, mul(content, 2 * l2Shrinkage))
    const slope = div(sub(power(after), power(before)), rate)
    const linear = add(slots('linear'), sub(shrunk, mul(slope, content)))
    slots('accumulator').assign(after)
    slots('linear').assign(linear)
    const penalty = mul(add(div(beta / 2, rate), l2Regularization), 2)
    const quadratic = add(div(power(after), rate), penalty)
    return div(sub(clipByValue(linear, -l1Regularization, l1Regularization), linear), quadratic)
  }
}

/** Adafactor; the learning rate is 0.001 unless given. */
export function adafactor(learningRate: LearningRate = 0.001, options: AdafactorOptions = {}): Adafactor {
  return new Adafactor(learningRate, options)
}
/** Lamb; the learning rate is 0.001 unless given. */
export function lamb(learningRate: LearningRate = 0.001, options: LambOptions = {}): Lamb {
  return new Lamb(learningRate, options)
}
/** Ftrl; the learning rate is 0.001 unless given. */
export function ftrl(learningRate: LearningRate = 0.001, options: FtrlOptions = {}): Ftrl {
  return new Ftrl(learningRate, options)
}
