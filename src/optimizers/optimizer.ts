/**
 * What all optimizers share: state in Variables, gradients in, variables changed.
 *
 * An optimizer keeps slots (momenta, accumulated squares) for the variables it was built with; they are made by `build`
 * or by the first step, outside any trace, so a traced step captures them by reference and is traced once. The learning
 * rate and the number of steps are Variables too: assigning to them takes effect without a retrace. What is the same for
 * all variables of a step is computed once, as scalars; the rest is a formula per element over the variable, its
 * gradient and its slots, which the compiler makes one kernel per variable.
 *
 * Around the formula, in this order: gradients are divided by the scale of the loss, accumulated over steps, clipped;
 * variables decay, are updated, and their moving averages follow.
 */
import { InternalError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { GradientTape } from '../../tracer/gradient/tape.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { inNameScope } from '../../tracer/name-scope.ts'
import { eagerTrace, withObservers, withTrace } from '../../tracer/trace/bind.ts'
import { Variable } from '../../tracer/variable.ts'
import { cond } from '../control.ts'
import { add, cast, div, floorDiv, mul, notEqual, sub, tensor, where, zerosLike } from '../math/index.ts'
import { fill } from '../math/creation.ts'
import { variable } from '../variable.ts'
import { clipGradients, requireOneClip } from './clip.ts'
import {
  isMultiple,
  type OptimizerOptions,
  requireFit,
  requireOptions,
  type Slots,
  type SlotStart,
  warnOfMissing,
} from './options.ts'
import { type LearningRate, type Schedule, scheduleOf } from './schedules.ts'

const accumulatorSlot = 'accumulated_gradient'
const averageSlot = 'average'

/**
 * Base class of optimizers. One of one's own says in `update` how a variable changes, in `slotsOf` what it remembers for
 * each, and may compute in `begin` what is the same for all variables of a step.
 *
 * @example
 * class SignDescent extends tf.optimizers.Optimizer {
 *   protected override slotsOf() { return { mean: 0 } }
 *   protected override update(w: tf.Tensor, g: tf.Tensor, slots: tf.optimizers.Slots, [rate]: readonly tf.Tensor[]) {
 *     const mean = slots('mean').value().mul(0.9).add(g.mul(0.1))
 *     slots('mean').assign(mean)
 *     return w.sub(mean.sign().mul(rate ?? 0))
 *   }
 * }
 * const w = tf.variable([1, 2])
 * const optimizer = new SignDescent('sign', 0.5, {})
 * const step = tf.function(() => optimizer.minimize(() => w.mul(w).sum(), [w]))
 * step().item() // 5
 * w.array() // [0.5, 1.5]
 */
export abstract class Optimizer {
  readonly name: string
  /** Number of steps done: int32 scalar, not trainable. */
  readonly iterations: Variable
  readonly #options: OptimizerOptions
  readonly #weightDecay: number
  readonly #undecayed = new Set<Variable>()
  #undecayedNames: readonly string[] = []
  readonly #rate: Variable | Schedule
  readonly #slots = new Map<Variable, ReadonlyMap<string, Variable>>()
  readonly #warned = new Set<Variable>()
  #built = false

  /**
   * @param learningRate a number, kept in a Variable, or a schedule
   * @throws ValueError when more than one way of clipping is chosen
   */
  constructor(kind: string, learningRate: LearningRate, options: OptimizerOptions = {}) {
    requireOneClip(kind, options)
    requireOptions(kind, options)
    this.name = options.name ?? kind
    this.#options = options
    this.#weightDecay = options.weightDecay ?? 0
    this.iterations = this.stateVariable('iterations', tensor(0, 'int32'))
    this.#rate =
      typeof learningRate === 'number'
        ? this.stateVariable('learning_rate', tensor(learningRate))
        : scheduleOf(learningRate)
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
    return [...this.#shared(), ...[...this.#slots.values()].flatMap((slots) => [...slots.values()])]
  }

  /** The same Variables by names that do not depend on those of the variables: `iterations`, `0/m`, `0/v`, `1/m` … */
  get namedVariables(): ReadonlyMap<string, Variable> {
    const own = (each: Variable): string => each.name.slice(this.name.length + 1)
    const slots = [...this.#slots.values()].flatMap((of, i) =>
      [...of].map(([slot, each]): [string, Variable] => [`${i}/${slot}`, each]),
    )
    return new Map([...this.#shared().map((each): [string, Variable] => [own(each), each]), ...slots])
  }

  /** The learning rate of the next step, a float32 scalar, also when it is a schedule. */
  currentLearningRate(): Tensor {
    if (this.#rate instanceof Variable) return this.#rate.value()
    return cast(
      convertToTensor(this.#rate(cast(this.#updates(this.iterations.value()), 'float32'))),
      'float32',
    )
  }

  /**
   * Spares variables weight decay: these, and those whose name contains one of the texts.
   *
   * @throws ValueError once the optimizer is built
   * @example tf.optimizers.adamw().excludeFromWeightDecay({ names: ['bias'] })
   */
  excludeFromWeightDecay(what: {
    readonly variables?: readonly Variable[]
    readonly names?: readonly string[]
  }): void {
    if (this.#built)
      throw new ValueError({
        op: 'excludeFromWeightDecay',
        problem: `${this.name} has been built`,
        fix: 'call it before the first step.',
      })
    this.#undecayed.clear()
    for (const each of what.variables ?? []) this.#undecayed.add(each)
    this.#undecayedNames = [...(what.names ?? [])]
  }

  /** The loss times `lossScaleFactor`. */
  scaleLoss(loss: Tensor): Tensor {
    const { lossScaleFactor = 1 } = this.#options
    return lossScaleFactor === 1 ? loss : mul(loss, lossScaleFactor)
  }

  /** With `useEma`, makes the variables their moving averages: at the end of a training. Otherwise does nothing. */
  finalizeVariableValues(variables: readonly Variable[]): void {
    if (this.#options.useEma !== true) return
    this.#requireKnown(variables)
    for (const each of variables) each.assign(this.#slot(each, averageSlot).value())
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
      const starts = { ...this.slotsOf(each), ...this.#commonSlots() }
      const slots = Object.entries(starts).map(([slot, given]): [string, Variable] => {
        const { shape, start } = typeof given === 'number' ? { shape: each.shape, start: given } : given
        const initial = withTrace(eagerTrace(), () => fill(shape, start, each.dtype))
        return [slot, this.stateVariable(`${each.name}/${slot}`, initial)]
      })
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
    present.forEach(([gradient, each]) => requireFit(gradient, each))
    this.build(given.map(([, each]) => each))
    this.#warnOfNull(given)
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
    let value: Tensor | undefined
    const scaled = tape.record(() => {
      value = loss()
      return this.scaleLoss(value)
    })
    const targets = typeof variables === 'function' ? variables() : (variables ?? tape.watchedVariables())
    const gradients = tape.gradient(scaled, targets)
    this.applyGradients(targets.map((each, i) => [gradients[i] ?? null, each]))
    return value ?? scaled
  }

  /** The slots of a variable and what each starts from; none unless overridden. */
  protected slotsOf(_variable: Variable): Readonly<Record<string, SlotStart>> {
    return {}
  }

  /** The scalars of a step, `step` counting from 1; both float32. The learning rate alone unless overridden. */
  protected begin(learningRate: Tensor, _step: Tensor): readonly Tensor[] {
    return [learningRate]
  }

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
    return inNameScope('', () => variable(initial, { name: `${this.name}/${name}`, trainable: false }))
  }

  /** The state that belongs to no one variable. */
  #shared(): readonly Variable[] {
    const rate = this.#rate instanceof Variable ? [this.#rate] : []
    return [this.iterations, ...rate, ...this.sharedState()]
  }

  /** What the options add to the slots. */
  #commonSlots(): Readonly<Record<string, number>> {
    const { gradientAccumulationSteps = 1, useEma = false } = this.#options
    return {
      ...(gradientAccumulationSteps > 1 ? { [accumulatorSlot]: 0 } : {}),
      ...(useEma ? { [averageSlot]: 0 } : {}),
    }
  }

  #slot(of: Variable, name: string): Variable {
    const found = this.#slots.get(of)?.get(name)
    if (found === undefined) throw new InternalError(`${this.name} lacks the slot ${name} of ${of.name}`)
    return found
  }

  #step(pairs: readonly (readonly [Tensor, Variable])[]): void {
    const { lossScaleFactor = 1, gradientAccumulationSteps: steps = 1 } = this.#options
    const calls = this.iterations.value()
    const unscaled = pairs.map(([gradient, each]): readonly [Tensor, Variable] => [
      lossScaleFactor === 1 ? gradient : div(gradient, lossScaleFactor),
      each,
    ])
    const done = this.#updates(calls)
    if (steps === 1) this.#update(done, unscaled)
    else this.#accumulate(done, isMultiple(calls, steps), unscaled, steps)
    if (this.#options.useEma === true) this.#average(done)
    this.iterations.assignAdd(1)
  }

  /** How often the variables have been updated after so many steps. */
  #updates(steps: Tensor): Tensor {
    const { gradientAccumulationSteps = 1 } = this.#options
    return gradientAccumulationSteps === 1 ? steps : floorDiv(steps, gradientAccumulationSteps)
  }

  /** Adds the gradients to what is accumulated; when it is time, updates by the mean. */
  #accumulate(
    done: Tensor,
    due: Tensor,
    pairs: readonly (readonly [Tensor, Variable])[],
    steps: number,
  ): void {
    const sums = pairs.map(([gradient, each]) => add(this.#slot(each, accumulatorSlot), gradient))
    cond(
      due,
      () => {
        this.#update(
          done,
          pairs.map(([, each], i) => [div(sums[i] as Tensor, steps), each]),
        )
        for (const each of this.#slots.keys()) {
          const accumulated = this.#slot(each, accumulatorSlot)
          accumulated.assign(zerosLike(accumulated))
        }
        return []
      },
      () => {
        pairs.forEach(([, each], i) => this.#slot(each, accumulatorSlot).assign(sums[i] as Tensor))
        return []
      },
    )
  }

  #update(done: Tensor, pairs: readonly (readonly [Tensor, Variable])[]): void {
    const rate = this.currentLearningRate()
    const scalars = [...this.begin(rate, cast(add(done, 1), 'float32'))]
    const decay = this.#weightDecay === 0 ? undefined : mul(rate, this.#weightDecay)
    const gradients = clipGradients(
      pairs.map(([gradient]) => gradient),
      this.#options,
    )
    pairs.forEach(([, each], i) => {
      const content = each.value()
      const decayed =
        decay === undefined || !this.#decays(each)
          ? content
          : sub(content, mul(content, cast(decay, each.dtype)))
      const next = this.update(
        decayed,
        gradients[i] as Tensor,
        (name) => this.#slot(each, name),
        scalars.map((scalar) => cast(scalar, each.dtype)),
      )
      each.assign(next)
    })
  }

  /** The averages follow the variables, which they are after the first step; now and then it is the other way round. */
  #average(done: Tensor): void {
    const { emaMomentum = 0.99, emaOverwriteFrequency: frequency } = this.#options
    for (const each of this.#slots.keys()) {
      const average = this.#slot(each, averageSlot)
      const momentum = mul(cast(notEqual(done, 0), each.dtype), emaMomentum)
      const content = each.value()
      const next = add(mul(average, momentum), mul(content, sub(1, momentum)))
      average.assign(next)
      if (frequency !== undefined) each.assign(where(isMultiple(done, frequency), next, content))
    }
  }

  #decays(each: Variable): boolean {
    return !this.#undecayed.has(each) && !this.#undecayedNames.some((name) => each.name.includes(name))
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
    for (const each of missing) this.#warned.add(each)
    if (missing.length > 0) warnOfMissing(this.name, missing)
  }
}
