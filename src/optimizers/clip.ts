/** Clipping of gradients: each element, each gradient's norm, or the norm of all of them together. */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { addN, cast, clipByValue, div, maximum, mul, sqrt, square, sum } from '../math/index.ts'

/** At most one of these. */
export interface ClipOptions {
  /** Longest gradient of a variable; a longer one is scaled down to this norm. */
  readonly clipnorm?: number
  /** Longest gradient of all variables together; all are scaled down by one factor. */
  readonly globalClipnorm?: number
  /** Largest absolute value of an element. */
  readonly clipvalue?: number
}

/** Throws ValueError when more than one is given, or one is not above 0. */
export function requireOneClip(op: string, options: ClipOptions): void {
  const given = (['clipnorm', 'globalClipnorm', 'clipvalue'] as const).filter(
    (name) => options[name] !== undefined,
  )
  if (given.length > 1)
    throw new ValueError({
      op,
      problem: `${given.join(' and ')} are given`,
      fix: 'only one of clipnorm, globalClipnorm and clipvalue can be set.',
    })
  for (const name of given)
    if (!((options[name] ?? 0) > 0))
      throw new ValueError({ op, problem: `${name} is ${options[name]}`, fix: 'use a number above 0.' })
}

/** limit / max(norm, limit): what to multiply by so that the norm is at most the limit. */
function factor(sumOfSquares: Tensor, limit: number): Tensor {
  return div(limit, maximum(sqrt(sumOfSquares), limit))
}

/** The gradients, clipped. */
export function clipGradients(gradients: readonly Tensor[], options: ClipOptions): readonly Tensor[] {
  const { clipnorm, globalClipnorm, clipvalue } = options
  if (clipvalue !== undefined)
    return gradients.map((gradient) => clipByValue(gradient, -clipvalue, clipvalue))
  if (clipnorm !== undefined)
    return gradients.map((gradient) => mul(gradient, factor(sum(square(gradient)), clipnorm)))
  if (globalClipnorm !== undefined) {
    const total = addN(gradients.map((gradient) => cast(sum(square(gradient)), 'float32')))
    const shared = factor(total, globalClipnorm)
    return gradients.map((gradient) => mul(gradient, cast(shared, gradient.dtype)))
  }
  return gradients
}
