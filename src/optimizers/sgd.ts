/** Gradient descent, plain and with momentum. */
import type { Tensor } from '../../tracer/tensor.ts'
import { add, mul, sub } from '../math/index.ts'
import { Optimizer } from './optimizer.ts'
import type { OptimizerOptions, Slots } from './options.ts'
import type { LearningRate } from './schedules.ts'

export interface SgdOptions extends OptimizerOptions {
  /** μ, from 0 to 1; 0 (default) keeps no slot. */
  readonly momentum?: number
  /** Nesterov's momentum: the step looks ahead. Default false. */
  readonly nesterov?: boolean
}

/** w ← w − rate·g. With momentum: m ← μm − rate·g and w ← w + m, or by Nesterov w ← w + μm − rate·g. */
export class SGD extends Optimizer {
  readonly #momentum: number
  readonly #nesterov: boolean

  constructor(learningRate: LearningRate = 0.01, options: SgdOptions = {}) {
    super('sgd', learningRate, options)
    this.#momentum = options.momentum ?? 0
    this.#nesterov = options.nesterov ?? false
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return this.#momentum === 0 ? {} : { momentum: 0 }
  }

  protected override update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    [rate = content]: readonly Tensor[],
  ): Tensor {
    const change = mul(gradient, rate)
    if (this.#momentum === 0) return sub(content, change)
    const slot = slots('momentum')
    const momentum = sub(mul(slot, this.#momentum), change)
    slot.assign(momentum)
    return this.#nesterov ? sub(add(content, mul(momentum, this.#momentum)), change) : add(content, momentum)
  }
}

/** Gradient descent; see `SGD`. The learning rate is 0.01 unless given. */
export function sgd(learningRate: LearningRate = 0.01, options: SgdOptions = {}): SGD {
  return new SGD(learningRate, options)
}
