/** What all optimizers can be told, and checks of what they are given. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { add, equal, mod } from '../math/index.ts'
import type { ClipOptions } from './clip.ts'

/** The slots of one variable by name. */
export type Slots = (name: string) => Variable

/** What a slot starts from; of the variable's shape unless another is given. */
export type SlotStart = number | { readonly shape: readonly number[]; readonly start: number }

export interface OptimizerOptions extends ClipOptions {
  /** For the names of slots and for messages; the kind of optimizer when absent. */
  readonly name?: string
  /** Decoupled decay: variables lose learningRate · weightDecay of themselves before each update. Default 0. */
  readonly weightDecay?: number
  /** Whether to keep a moving average of each variable; see `finalizeVariableValues`. Default false. */
  readonly useEma?: boolean
  /** Share of the old average in the new. Default 0.99. */
  readonly emaMomentum?: number
  /** After every so many steps the variables become their averages. Default never. */
  readonly emaOverwriteFrequency?: number
  /** What `scaleLoss` multiplies losses by; gradients are divided by it. Default 1. */
  readonly lossScaleFactor?: number
  /** Variables change only at every so many steps, by the mean of the gradients since. Default 1. */
  readonly gradientAccumulationSteps?: number
}

/** Throws ValueError for a number out of range. */
export function requireOptions(op: string, options: OptimizerOptions): void {
  const { emaMomentum = 0.99, lossScaleFactor = 1, weightDecay = 0 } = options
  const complain = (problem: string, fix: string): never => {
    throw new ValueError({ op, problem, fix })
  }
  if (!(emaMomentum >= 0 && emaMomentum <= 1))
    complain(`emaMomentum is ${emaMomentum}`, 'use a number from 0 to 1.')
  if (!(lossScaleFactor > 0)) complain(`lossScaleFactor is ${lossScaleFactor}`, 'use a number above 0.')
  if (!(weightDecay >= 0)) complain(`weightDecay is ${weightDecay}`, 'use a number of at least 0.')
  for (const name of ['emaOverwriteFrequency', 'gradientAccumulationSteps'] as const) {
    const count = options[name]
    if (count !== undefined && !(Number.isInteger(count) && count >= 1))
      complain(`${name} is ${count}`, 'use an integer of at least 1.')
  }
}

/** Throws ShapeError unless the gradient has the variable's type. */
export function requireFit(gradient: Tensor, to: Variable): void {
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

/** Says that variables have no gradient and stay as they are. */
export function warnOfMissing(optimizer: string, variables: readonly Variable[]): void {
  // oxlint-disable-next-line no-console -- the training goes on, so this can only be a warning
  console.warn(
    `${optimizer}: no gradient for ${variables.map((each) => each.name).join(', ')}: the loss does not depend on it, so it is not changed`,
  )
}

/** Whether the step after `done` steps is one of every `steps`. */
export function isMultiple(done: Tensor, steps: number): Tensor {
  return equal(mod(add(done, 1), steps), 0)
}
