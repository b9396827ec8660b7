/**
 * Adam and its relatives: each variable keeps a mean of its gradients (m) and a mean of their squares (v or u).
 *
 * Sources: Kingma & Ba, Adam (2015), with the bias corrections gathered in one scalar per step and epsilon outside of
 * them; Loshchilov & Hutter, Decoupled Weight Decay Regularization (2019); Dozat, Incorporating Nesterov Momentum into
 * Adam (2016); Reddi et al., On the Convergence of Adam and Beyond (2018). Defaults are Keras's.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { abs, add, div, expm1, maximum, mul, neg, pow, scalar, sqrt, square, sub } from '../math/index.ts'
import { Optimizer } from './optimizer.ts'
import type { OptimizerOptions, Slots } from './options.ts'
import type { LearningRate } from './schedules.ts'

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number
  /** Decay of the mean of squares. Default 0.999. */
  readonly beta2?: number
  /** Added to the root. Default 1e-7. */
  readonly epsilon?: number
}

/** The i-th scalar of a step. */
function scalarAt(scalars: readonly Tensor[], i: number): Tensor {
  const found = scalars[i]
  if (found === undefined) throw new InternalError(`an optimizer's step lacks scalar ${i}`)
  return found
}

/** For the library's own use: slot ← slot + (target − slot)·rate, given and assigned. */
export function approach(slot: Variable, target: Tensor, rate: number): Tensor {
  const before = slot.value()
  const after = add(before, mul(sub(target, before), rate))
  slot.assign(after)
  return after
}

/** For the library's own use: the options and slots that Adam and its relatives share. */
export abstract class AdamFamily extends Optimizer {
  protected readonly beta1: number
  protected readonly beta2: number
  protected readonly epsilon: number

  constructor(kind: string, learningRate: LearningRate, options: AdamOptions) {
    super(kind, learningRate, options)
    this.beta1 = options.beta1 ?? 0.9
    this.beta2 = options.beta2 ?? 0.999
    this.epsilon = options.epsilon ?? 1e-7
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { m: 0, v: 0 }
  }

  /** 1 − betaᵗ. */
  protected correction(beta: number, step: Tensor): Tensor {
    return sub(1, pow(scalar(beta), step))
  }
}

/** m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − α·m / (√v + ε), α = rate·√(1 − β₂ᵗ) / (1 − β₁ᵗ). */
export class Adam extends AdamFamily {
  readonly #amsgrad: boolean

  constructor(
    learningRate: LearningRate = 0.001,
    options: AdamOptions & { readonly amsgrad?: boolean } = {},
    kind = 'adam',
  ) {
    super(kind, learningRate, options)
    this.#amsgrad = options.amsgrad ?? false
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return this.#amsgrad ? { m: 0, v: 0, largest: 0 } : { m: 0, v: 0 }
  }

  protected override begin(learningRate: Tensor, step: Tensor): readonly Tensor[] {
    const root = sqrt(this.correction(this.beta2, step))
    return [div(mul(learningRate, root), this.correction(this.beta1, step))]
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    scalars: readonly Tensor[],
  ): Tensor {
    const m = approach(slots('m'), gradient, 1 - this.beta1)
    let v = approach(slots('v'), square(gradient), 1 - this.beta2)
    if (this.#amsgrad) {
      v = maximum(slots('largest'), v)
      slots('largest').assign(v)
    }
    return sub(content, div(mul(m, scalarAt(scalars, 0)), add(sqrt(v), this.epsilon)))
  }
}

/** Adam on variables that first lose rate · weightDecay (0.004 unless given) of themselves. */
export class AdamW extends Adam {
  constructor(
    learningRate: LearningRate = 0.001,
    options: AdamOptions & { readonly amsgrad?: boolean } = {},
  ) {
    super(learningRate, { weightDecay: 0.004, ...options }, 'adamw')
  }
}

/** u ← max(β₂·u, |g|) in the place of the squares; w ← w − rate·m / ((1 − β₁ᵗ)(u + ε)). */
export class Adamax extends AdamFamily {
  constructor(learningRate: LearningRate = 0.001, options: AdamOptions = {}) {
    super('adamax', learningRate, options)
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { m: 0, u: 0 }
  }

  protected override begin(learningRate: Tensor, step: Tensor): readonly Tensor[] {
    return [div(learningRate, this.correction(this.beta1, step))]
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    scalars: readonly Tensor[],
  ): Tensor {
    const m = approach(slots('m'), gradient, 1 - this.beta1)
    const u = maximum(mul(slots('u'), this.beta2), abs(gradient))
    slots('u').assign(u)
    return sub(content, div(mul(m, scalarAt(scalars, 0)), add(u, this.epsilon)))
  }
}

/** Adam with Nesterov's momentum, whose coefficient β₁(1 − ½·0.96ᵗ) grows with the steps. */
export class Nadam extends AdamFamily {
  /** The product of all coefficients so far. */
  readonly #product: Variable

  constructor(learningRate: LearningRate = 0.001, options: AdamOptions = {}) {
    super('nadam', learningRate, options)
    this.#product = this.stateVariable('product', scalar(1))
  }

  protected override sharedState(): readonly Variable[] {
    return [this.#product]
  }

  protected override begin(learningRate: Tensor, step: Tensor): readonly Tensor[] {
    const coefficient = (t: Tensor): Tensor => mul(sub(1, mul(pow(scalar(0.96), t), 0.5)), this.beta1)
    const now = coefficient(step)
    const next = coefficient(add(step, 1))
    const product = mul(this.#product, now)
    this.#product.assign(product)
    return [
      learningRate,
      div(next, sub(1, mul(product, next))),
      div(sub(1, now), sub(1, product)),
      // 1 − β₂ᵗ, without the rounding of β₂ to float32, which the first steps would amplify.
      neg(expm1(mul(step, Math.log(this.beta2)))),
    ]
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    scalars: readonly Tensor[],
  ): Tensor {
    const [rate, ofMean, ofGradient, correction] = [0, 1, 2, 3].map((i) => scalarAt(scalars, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const m = approach(slots('m'), gradient, 1 - this.beta1)
    const v = approach(slots('v'), square(gradient), 1 - this.beta2)
    const ahead = add(mul(m, ofMean), mul(gradient, ofGradient))
    return sub(content, div(mul(ahead, rate), add(sqrt(div(v, correction)), this.epsilon)))
  }
}

/** Adam; the learning rate is 0.001 unless given. */
export function adam(
  learningRate: LearningRate = 0.001,
  options: AdamOptions & { readonly amsgrad?: boolean } = {},
): Adam {
  return new Adam(learningRate, options)
}
/** Adam with decoupled weight decay; see `AdamW`. */
export function adamw(
  learningRate: LearningRate = 0.001,
  options: AdamOptions & { readonly amsgrad?: boolean } = {},
): AdamW {
  return new AdamW(learningRate, options)
}
/** Adam with the largest gradient in the place of the squares; see `Adamax`. */
export function adamax(learningRate: LearningRate = 0.001, options: AdamOptions = {}): Adamax {
  return new Adamax(learningRate, options)
}
/** Adam with Nesterov's momentum; see `Nadam`. */
export function nadam(learningRate: LearningRate = 0.001, options: AdamOptions = {}): Nadam {
  return new Nadam(learningRate, options)
}
