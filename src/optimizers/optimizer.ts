/**
 * What all optimizers share: state in Variables, gradients in, variables changed.
 *
 * An optimizer keeps slots (momenta, accumulated squares) for the variables it was built with; they are made by `build`
 * or by the first step, outside any trace, so a traced step captures them by reference and is traced once. The learning
 * rate and the number of steps are Variables too: assigning to them takes effect without a retrace. What is the same for
 * all variables of a step is computed once, as scalars; the rest is a formula per element over the variable, its
 * gradient and its slots, which the compiler makes one kernel per variable.
 */
import { InternalError, ShapeError, ValueError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import { GradientTape } from '../../tracer/gradient/tape.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { eagerTrace, withObservers, withTrace } from '../../tracer/trace/bind.ts'
import { Variable } from '../../tracer/variable.ts'
import { add, cast, mul, sub, tensor } from '../math/index.ts'
import { fill } from '../math/creation.ts'
import { variable } from '../variable.ts'
import { type ClipOptions, clipGradients, requireOneClip } from './clip.ts'

/** A learning rate that depends on the number of steps done, a float32 scalar; written with ops, it works in traces. */
export type Schedule = (step: Tensor) => TensorLike

export interface OptimizerOptions extends ClipOptions {
  /** For the names of slots and for messages; the kind of optimizer when absent. */
  readonly name?: string
  /** Decoupled decay: variables lose learningRate · weightDecay of themselves before each update. Default 0. */
  readonly weightDecay?: number
}

/** The slots of one variable by name. */
export type Slots = (name: string) => Variable

export abstract class Optimizer {
  readonly name: string
  /** Number of steps done: int32 scalar, not trainable. */
  readonly iterations: Variable
  readonly #options: OptimizerOptions
  readonly #weightDecay: number
  readonly #rate: Variable | Schedule
  readonly #slots = new Map<Variable, ReadonlyMap<string, Variable>>()
  readonly #warned = new Set<Variable>()
  #built = false

  /**
   * @param learningRate a number, kept in a Variable, or a schedule
   * @throws ValueError when more than one way of clipping is chosen
   */
  constructor(kind: string, learningRate: number | Schedule, options: OptimizerOptions) {
    requireOneClip(kind, options)
    this.name = options.name ?? kind
    this.#options = options
    this.#weightDecay = options.weightDecay ?? 0
    this.iterations = this.stateVariable('iterations', tensor(0, 'int32'))
    this.#rate =
      typeof learningRate === 'function'
        ? learningRate
        : this.stateVariable('learning_rate', tensor(learningRate))
  }

  /**
   * The learning rate's Variable, a float32 scalar; assigning a number changes it, also for functions already traced.
   *
   * @throws ValueError when the learning rate is a schedule
   */
  get learningRate(): Variable {
    if (this.#rate instanceof Variable) return this.#rate
    throw new ValueError({
      op: 'learningRate',
      problem: `that of ${this.name} is a schedule`,
      fix: 'change the schedule, or make the optimizer with a number.',
    })
  }
  set learningRate(value: TensorLike) {
    this.learningRate.assign(value)
  }

  /** All state: iterations, the learning rate unless it is a schedule, then the slots in the order of the variables. */
  get variables(): readonly Variable[] {
    const shared = this.#rate instanceof Variable ? [this.iterations, this.#rate] : [this.iterations]
    return [
      ...shared,
      ...this.sharedState(),
      ...[...this.#slots.values()].flatMap((slots) => [...slots.values()]),
    ]
  }

  /**
   * Makes the slots for these variables; called by the first step when it was not before.
   *
   * @throws ValueError for a variable that an earlier build did not name
   */
  build(variables: readonly Variable[]): void {
    if (this.#built) return this.#requireKnown(variables)
    // A build that failed half-way starts anew.
    this.#slots.clear()
    for (const each of variables) {
      if (this.#slots.has(each)) continue
      const slots = Object.entries(this.slotsOf()).map(([slot, initial]): [string, Variable] => [
        slot,
        this.stateVariable(
          `${each.name}/${slot}`,
          withTrace(eagerTrace(), () => fill(each.shape, initial, each.dtype)),
        ),
      ])
      this.#slots.set(each, new Map(slots))
    }
    this.#built = true
  }

  /**
   * One step: changes each variable by its gradient. A null gradient leaves its variable alone, with a warning.
   *
   * @throws ValueError when every gradient is null or a variable is unknown, ShapeError when a gradient does not fit
   * @example
   * const w = tf.variable(3)
   * const tape = new tf.GradientTape()
   * const loss = tape.record(() => w.mul(w))
   * tf.optimizers.sgd(0.5).applyGradients([[tape.gradient(loss, w), w]])
   * w.item() // 0
   */
  applyGradients(pairs: Iterable<readonly [gradient: Tensor | null, variable: Variable]>): void {
    const given = [...pairs]
    const present = given.filter((pair): pair is [Tensor, Variable] => pair[0] !== null)
    if (present.length === 0)
      throw new ValueError({
        op: 'applyGradients',
        problem: `no gradients provided for any variable${given.length === 0 ? '' : `: ${given.map(([, each]) => each.name).join(', ')}`}`,
        fix:
          given.length === 0
            ? 'pass at least one; a layer has variables once it is built: layer.build(inputSize).'
            : 'compute the loss from these variables inside tape.record(…).',
      })
    this.build(given.map(([, each]) => each))
    this.#warnOfNull(given)
    present.forEach(([gradient, each]) => requireFit(gradient, each))
    withObservers([], () => this.#step(present))
  }

  /**
   * Computes the loss, its gradients and one step; gives the loss. Without `variables`, all trainable ones that the
   * loss reads; a function is called after the loss, when layers that it applies have been built.
   *
   * @example
   * const model = tf.layers.dense({ units: 1, inputSize: 2 })
   * const optimizer = tf.optimizers.sgd(0.1)
   * const step = tf.function((x: tf.Tensor, y: tf.Tensor) =>
   *   optimizer.minimize(() => tf.losses.meanSquaredError(y, model.apply(x)), () => model.trainableVariables),
   * )
   * step(tf.ones([4, 2]), tf.zeros([4, 1])).shape.length // 0
   */
  minimize(loss: () => Tensor, variables?: readonly Variable[] | (() => readonly Variable[])): Tensor {
    const tape = new GradientTape()
    const value = tape.record(loss)
    const targets = typeof variables === 'function' ? variables() : (variables ?? tape.watchedVariables())
    const gradients = tape.gradient(value, targets)
    this.applyGradients(targets.map((each, i) => [gradients[i] ?? null, each]))
    return value
  }

  /** The slots of a variable and what each starts from. */
  protected abstract slotsOf(): Readonly<Record<string, number>>

  /** The scalars of a step, `step` counting from 1; both float32. */
  protected abstract begin(learningRate: Tensor, step: Tensor): readonly Tensor[]

  /** The variable's new content; assigns the new content of its slots. Everything has the variable's dtype. */
  protected abstract update(
    content: Tensor,
    gradient: Tensor,
    slots: Slots,
    scalars: readonly Tensor[],
  ): Tensor

  /** State that belongs to no one variable, besides the iterations and the learning rate. */
  protected sharedState(): readonly Variable[] {
    return []
  }

  /** A Variable of the optimizer's own. */
  protected stateVariable(name: string, initial: Tensor): Variable {
    return variable(initial, { name: `${this.name}/${name}`, trainable: false })
  }

  #step(pairs: readonly (readonly [Tensor, Variable])[]): void {
    const done = this.iterations.value()
    const rate =
      this.#rate instanceof Variable ? this.#rate.value() : cast(this.#rate(cast(done, 'float32')), 'float32')
    const scalars = [...this.begin(rate, cast(add(done, 1), 'float32'))]
    const decay = this.#weightDecay === 0 ? undefined : mul(rate, this.#weightDecay)
    const gradients = clipGradients(
      pairs.map(([gradient]) => gradient),
      this.#options,
    )
    pairs.forEach(([, each], i) => {
      const gradient = gradients[i]
      const slots = this.#slots.get(each)
      if (gradient === undefined || slots === undefined)
        throw new InternalError(`${this.name} lacks the slots of ${each.name}`)
      const content = each.value()
      const decayed = decay === undefined ? content : sub(content, mul(content, cast(decay, each.dtype)))
      const slot = (name: string): Variable => {
        const found = slots.get(name)
        if (found === undefined)
          throw new InternalError(`${this.name} lacks the slot ${name} of ${each.name}`)
        return found
      }
      each.assign(
        this.update(
          decayed,
          gradient,
          slot,
          scalars.map((scalar) => cast(scalar, each.dtype)),
        ),
      )
    })
    this.iterations.assignAdd(1)
  }

  #requireKnown(variables: readonly Variable[]): void {
    const unknown = variables.find((each) => !this.#slots.has(each))
    if (unknown === undefined) return
    throw new ValueError({
      op: 'applyGradients',
      problem: `unknown variable: ${unknown.name} ${printType(unknown.type)}; ${this.name} can only be called for the variables it was built with`,
      rows: [...this.#slots.keys()].map((each) => [each.name, printType(each.type)]),
      fix: 'call build(variables) with all of them before the first step, or make a new optimizer.',
    })
  }

  #warnOfNull(pairs: readonly (readonly [Tensor | null, Variable])[]): void {
    const missing = pairs
      .filter(([gradient, each]) => gradient === null && !this.#warned.has(each))
      .map(([, each]) => each)
    if (missing.length === 0) return
    for (const each of missing) this.#warned.add(each)
    // oxlint-disable-next-line no-console -- the training goes on, so this can only be a warning
    console.warn(
      `${this.name}: no gradient for ${missing.map((each) => each.name).join(', ')}: the loss does not depend on it, so it is not changed`,
    )
  }
}

function requireFit(gradient: Tensor, to: Variable): void {
  const fits =
    gradient.dtype === to.dtype &&
    gradient.rank === to.rank &&
    gradient.type.shape.every((size, i) => sizesEqual(size, to.shape[i] ?? -1) !== false)
  if (fits) return
  throw new ShapeError({
    op: 'applyGradients',
    problem: `the gradient's type is not the variable's`,
    rows: [
      ['gradient', printType(gradient.type)],
      ['variable', `${to.name} ${printType(to.type)}`],
    ],
    fix: 'pair each gradient with its own variable.',
  })
}
