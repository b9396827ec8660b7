/**
 * `tf.regularizers`: penalties on the size of weights, which `layer.losses` gives and a training loss adds.
 *
 * A regularizer is a function from a weight to a scalar, written with ops.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { abs, add, matMul, mul, square, sub, sum } from '../math/index.ts'
import { eye } from '../math/creation.ts'
import { l2Normalize } from '../nn/normalize.ts'

/** From a weight to a scalar. */
export type Regularizer = (weight: Tensor) => Tensor

/** The regularizers that have a name. */
export type RegularizerName = 'l1' | 'l2' | 'l1l2'

/** The name of a regularizer with its default strength, or a function. */
export type RegularizerLike = RegularizerName | Regularizer

function requireStrength(op: string, strength: number): void {
  if (!(strength >= 0 && Number.isFinite(strength)))
    throw new ValueError({ op, problem: `the strength is ${strength}`, fix: 'use a number of at least 0.' })
}

/** strength · Σ |w|; 0.01 unless given. Throws ValueError for a negative strength. */
export function l1(strength = 0.01): Regularizer {
  requireStrength('regularizers.l1', strength)
  return (weight) => mul(sum(abs(weight)), strength)
}

/** strength · Σ w²; 0.01 unless given. Throws ValueError for a negative strength. */
export function l2(strength = 0.01): Regularizer {
  requireStrength('regularizers.l2', strength)
  return (weight) => mul(sum(square(weight)), strength)
}

/**
 * Both: l1 · Σ |w| + l2 · Σ w²; each 0 unless given.
 *
 * @throws ValueError for a negative strength
 * @example tf.regularizers.l1l2({ l1: 0.1, l2: 0.01 })(tf.tensor([3, -4])) // 0.95
 */
export function l1l2(options: { readonly l1?: number; readonly l2?: number } = {}): Regularizer {
  const [first, second] = [l1(options.l1 ?? 0), l2(options.l2 ?? 0)]
  return (weight) => add(first(weight), second(weight))
}

/**
 * Keeps the rows (or columns) of a matrix at right angles: strength times the mean of |cosine| over all pairs of them.
 *
 * @throws ValueError for a negative strength
 */
export function orthogonal(
  options: { readonly strength?: number; readonly mode?: 'rows' | 'columns' } = {},
): Regularizer {
  const { strength = 0.01, mode = 'rows' } = options
  requireStrength('regularizers.orthogonal', strength)
  return (weight) => {
    const byRows = mode === 'rows'
    const unit = l2Normalize(weight, byRows ? 1 : 0)
    const cosines = matMul(unit, unit, !byRows, byRows)
    const [size = 1] = cosines.type.shape
    const count = typeof size === 'number' ? size : 1
    const pairs = Math.max(1, (count * (count - 1)) / 2)
    return mul(sum(abs(mul(cosines, sub(1, eye(count))))), (0.5 * strength) / pairs)
  }
}

const byName: Readonly<Record<RegularizerName, () => Regularizer>> = {
  l1: () => l1(),
  l2: () => l2(),
  l1l2: () => l1l2({ l1: 0.01, l2: 0.01 }),
}

/** The regularizer meant by a name or function. Throws ValueError for an unknown name. */
export function get(like: RegularizerLike): Regularizer {
  if (typeof like === 'function') return like
  if (Object.hasOwn(byName, like)) return byName[like]()
  throw new ValueError({
    op: 'regularizers.get',
    problem: `"${String(like)}" names no regularizer`,
    fix: `use one of ${Object.keys(byName).join(', ')}, or a function.`,
  })
}
