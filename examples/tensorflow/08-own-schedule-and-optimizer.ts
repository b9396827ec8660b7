/**
 * A learning rate that warms up and then falls, and an optimizer of one's own with a slot per Variable, both in a traced
 * step. The number of steps is a Variable, so the rate changes without a new trace.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

/** Rises in a straight line for `steps` steps, then falls with the root of their number. */
class WarmUp extends tf.optimizers.schedules.LearningRateSchedule {
  readonly #peak: number
  readonly #steps: number

  constructor(peak: number, steps: number) {
    super()
    this.#peak = peak
    this.#steps = steps
  }

  override call(step: tf.Tensor): tf.Tensor {
    const at = step.add(1).div(this.#steps)
    return tf.minimum(at, at.rsqrt()).mul(this.#peak)
  }
}

/** Momentum, of which only the sign counts. */
class SignMomentum extends tf.optimizers.Optimizer {
  readonly #decay: number

  constructor(rate: tf.optimizers.LearningRate, decay: number) {
    super('sign_momentum', rate)
    this.#decay = decay
  }

  protected override slotsOf(): Readonly<Record<string, number>> {
    return { momentum: 0 }
  }

  protected override begin(rate: tf.Tensor): readonly tf.Tensor[] {
    return [rate]
  }

  protected override update(
    content: tf.Tensor,
    gradient: tf.Tensor,
    slots: tf.optimizers.Slots,
    [rate = content]: readonly tf.Tensor[],
  ): tf.Tensor {
    const momentum = slots('momentum')
      .mul(this.#decay)
      .add(gradient.mul(1 - this.#decay))
    slots('momentum').assign(momentum)
    return content.sub(momentum.sign().mul(rate))
  }
}

export function ownScheduleAndOptimizer(print: (line: string) => void = console.log): void {
  const w = tf.variable([4, -2], { name: 'w' })
  const optimizer = new SignMomentum(new WarmUp(1, 4), 0.5)
  optimizer.build([w])
  const step = tf.function(() => optimizer.minimize(() => w.sub([1, 1]).square().sum(), [w]))
  for (let i = 1; i <= 8; i++) {
    const rate = optimizer.currentLearningRate().item()
    const loss = step().item()
    print(
      `step ${i}: rate ${rate.toFixed(4)}, loss ${loss.toFixed(4)}, w = [${Array.from(w.data(), (x) => x.toFixed(4)).join(', ')}]`,
    )
  }
  print(`steps: ${optimizer.iterations.item()}, traces: ${step.traceCount}`)
}

if (isMain(import.meta.url)) ownScheduleAndOptimizer()
