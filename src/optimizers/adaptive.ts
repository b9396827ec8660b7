/**
 * Optimizers that scale each element's step by its own past gradients, and Lion, which steps by signs.
 *
 * Sources: Duchi et al., Adagrad (2011); Zeiler, Adadelta (2012); Hinton's lecture 6e (2012) and Graves (2013) for
 * RMSprop; Chen et al., Symbolic Discovery of Optimization Algorithms (2023). Formulas and defaults are Keras's.
 */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { add, div, mul, sign, sqrt, square, sub } from '../math/index.ts'
import { Optimizer } from './optimizer.ts'
import type { OptimizerOptions, Slots } from './options.ts'
import type { LearningRate } from './schedules.ts'

/** slot ← decay·slot + (1 − decay)·target, given and assigned. */
function average(slot: Variable, target: Tensor, decay: number): Tensor {
  const after = add(mul(slot, decay), mul(target, 1 - decay))
  slot.assign(after)
  return after
}

export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean of squares. Default 0.9. */
  readonly rho?: number
  /** Momentum of the increments. Default 0. */
  readonly momentum?: number
  /** Inside the root. Default 1e-7. */
  readonly epsilon?: number
  /** Divide by the deviation instead of the root mean square. Default false. */
  readonly centered?: boolean
}

/** v ← ρv + (1 − ρ)g²; w ← w − rate·g / √(v + ε); centred: v − ḡ² in the place of v, ḡ ← ρḡ + (1 − ρ)g. */
export class RMSprop extends Optimizer {
  readonly #rho: number
  readonly #momentum: number
  readonly #epsilon: number
  readonly #centered: boolean

  constructor(learningRate: LearningRate = 0.001, options: RmspropOptions = {}) {
    super('rmsprop', learningRate, options)
    this.#rho = options.rho ?? 0.9
    this.#momentum = options.momentum ?? 0
    this.#epsilon = options.epsilon ?? 1e-7
    this.#centered = options.centered ?? false
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { v: 0, ...(this.#centered ? { mean: 0 } : {}), ...(this.#momentum > 0 ? { momentum: 0 } : {}) }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const v = average(slots('v'), square(gradient), this.#rho)
    const spread = this.#centered ? sub(v, square(average(slots('mean'), gradient, this.#rho))) : v
    const increment = div(mul(gradient, rate), sqrt(add(spread, this.#epsilon)))
    if (this.#momentum <= 0) return sub(content, increment)
    const momentum = add(mul(slots('momentum'), this.#momentum), increment)
    slots('momentum').assign(momentum)
    return sub(content, momentum)
  }
}

export interface AdagradOptions extends OptimizerOptions {
  /** What the sums of squares start from. Default 0.1. */
  readonly initialAccumulator?: number
  /** Inside the root. Default 1e-7. */
  readonly epsilon?: number
}

/** a ← a + g²; w ← w − rate·g / √(a + ε). */
export class Adagrad extends Optimizer {
  readonly #initial: number
  readonly #epsilon: number

  constructor(learningRate: LearningRate = 0.001, options: AdagradOptions = {}) {
    super('adagrad', learningRate, options)
    this.#initial = options.initialAccumulator ?? 0.1
    this.#epsilon = options.epsilon ?? 1e-7
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { accumulator: this.#initial }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const accumulated = add(slots('accumulator'), square(gradient))
    slots('accumulator').assign(accumulated)
    return sub(content, div(mul(gradient, rate), sqrt(add(accumulated, this.#epsilon))))
  }
}

export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of both means. Default 0.95. */
  readonly rho?: number
  /** Inside both roots. Default 1e-7. */
  readonly epsilon?: number
}

/** d ← g·√(b + ε)/√(a + ε) with a and b the means of g² and (after this step) d²; w ← w − rate·d. */
export class Adadelta extends Optimizer {
  readonly #rho: number
  readonly #epsilon: number

  constructor(learningRate: LearningRate = 0.001, options: AdadeltaOptions = {}) {
    super('adadelta', learningRate, options)
    this.#rho = options.rho ?? 0.95
    this.#epsilon = options.epsilon ?? 1e-7
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { gradients: 0, changes: 0 }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const squares = average(slots('gradients'), square(gradient), this.#rho)
    const ratio = div(sqrt(add(slots('changes'), this.#epsilon)), sqrt(add(squares, this.#epsilon)))
    const change = mul(gradient, ratio)
    average(slots('changes'), square(change), this.#rho)
    return sub(content, mul(change, rate))
  }
}

export interface LionOptions extends OptimizerOptions {
  /** Share of the slot in the step's direction. Default 0.9. */
  readonly beta1?: number
  /** Decay of the slot. Default 0.99. */
  readonly beta2?: number
}

/** w ← w − rate·sign(β₁m + (1 − β₁)g); m ← β₂m + (1 − β₂)g. */
export class Lion extends Optimizer {
  readonly #beta1: number
  readonly #beta2: number

  constructor(learningRate: LearningRate = 0.001, options: LionOptions = {}) {
    super('lion', learningRate, options)
    this.#beta1 = options.beta1 ?? 0.9
    this.#beta2 = options.beta2 ?? 0.99
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { m: 0 }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const direction = sign(add(mul(slots('m'), this.#beta1), mul(gradient, 1 - this.#beta1)))
    average(slots('m'), gradient, this.#beta2)
    return sub(content, mul(direction, rate))
  }
}

/** RMSprop; the learning rate is 0.001 unless given. */
export function rmsprop(learningRate: LearningRate = 0.001, options: RmspropOptions = {}): RMSprop {
  return new RMSprop(learningRate, options)
}
/** Adagrad; the learning rate is 0.001 unless given. */
export function adagrad(learningRate: LearningRate = 0.001, options: AdagradOptions = {}): Adagrad {
  return new Adagrad(learningRate, options)
}
/** Adadelta; the learning rate is 0.001 unless given. */
export function adadelta(learningRate: LearningRate = 0.001, options: AdadeltaOptions = {}): Adadelta {
  return new Adadelta(learningRate, options)
}
/** Lion; the learning rate is 0.001 unless given. */
export function lion(learningRate: LearningRate = 0.001, options: LionOptions = {}): Lion {
  return new Lion(learningRate, options)
}
