/**
 * What a tape is asked, and what that must satisfy: options, tensors of the trace at hand, weights that fit.
 */
import { ShapeError, TraceError, ValueError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { currentTrace, isTracing } from '../trace/bind.ts'
import { Variable } from '../variable.ts'
import type { OutputGradients } from './structure.ts'
import { onesLikeTensor, zerosLikeTensor } from './sweep.ts'

export interface JacobianOptions {
  /** What to give for a source the target does not depend on: null (default) or zeros. */
  readonly unconnected?: 'none' | 'zero'
}

export interface GradientOptions extends JacobianOptions {
  /** Weights of the target's elements, in the structure and shapes of the target; ones when absent or null. */
  readonly outputGradients?: OutputGradients
}

/** Throws ValueError for an option that does not exist. */
export function demandKnownOption(op: string, options: JacobianOptions): void {
  const unconnected = options.unconnected ?? 'none'
  if (unconnected !== 'none' && unconnected !== 'zero')
    throw new ValueError({
      op,
      problem: `unknown value for unconnected: '${String(unconnected)}'`,
      fix: `use 'none' or 'zero'.`,
    })
}

/** Throws TraceError for a tensor of a trace that is not the current one nor around it. */
export function demandInScope(op: string, leaf: Tensor | Variable): void {
  if (leaf instanceof Variable || leaf.payload.kind !== 'symbolic') return
  const { trace } = leaf.payload
  if (isTracing()) return void currentTrace().lift(leaf)
  throw new TraceError({
    op,
    problem: `${printType(leaf.type)} was made while tracing ${trace.name} and is out of scope here`,
    fix: `ask for the gradient inside ${trace.name}, or record the call of ${trace.name} outside.`,
  })
}

/** What stands for the gradient of a source that is not connected. */
export function unconnectedValue(leaf: Tensor | Variable, { unconnected }: JacobianOptions): Tensor | null {
  return unconnected === 'zero' ? zerosLikeTensor({ dtype: leaf.dtype, shape: leaf.type.shape }) : null
}

/** The weights of a target: ones, or those given. */
export function seedOf(target: Tensor, weight: TensorLike | null): Tensor {
  if (weight === null) return onesLikeTensor(target)
  const seed = convertToTensor(weight, { dtype: target.dtype, op: 'tape.gradient' })
  const { shape } = target.type
  const fits =
    seed.rank === target.rank &&
    seed.type.shape.every((size, axis) => sizesEqual(size, shape[axis] ?? -1) !== false)
  if (fits) return seed
  throw new ShapeError({
    op: 'tape.gradient',
    problem: `an output gradient's shape is not its target's`,
    rows: [
      ['target', printType(target.type)],
      ['output gradient', printType(seed.type)],
    ],
    fix: 'give one weight per element of the target.',
  })
}
