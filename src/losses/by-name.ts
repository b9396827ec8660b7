/** Losses by name, with their defaults. */
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import * as losses from './loss.ts'

/** The losses that have a name. */
export type LossName =
  | 'binaryCrossentropy'
  | 'binaryFocalCrossentropy'
  | 'categoricalCrossentropy'
  | 'categoricalFocalCrossentropy'
  | 'categoricalHinge'
  | 'cosineSimilarity'
  | 'dice'
  | 'hinge'
  | 'huber'
  | 'huberLoss'
  | 'klDivergence'
  | 'logCosh'
  | 'mae'
  | 'mape'
  | 'meanAbsoluteError'
  | 'meanAbsolutePercentageError'
  | 'meanSquaredError'
  | 'meanSquaredLogarithmicError'
  | 'mse'
  | 'msle'
  | 'poisson'
  | 'sparseCategoricalCrossentropy'
  | 'squaredHinge'
  | 'tversky'

const byName: Readonly<Record<LossName, () => losses.Loss>> = {
  binaryCrossentropy: () => new losses.BinaryCrossentropy(),
  binaryFocalCrossentropy: () => new losses.BinaryFocalCrossentropy(),
  categoricalCrossentropy: () => new losses.CategoricalCrossentropy(),
  categoricalFocalCrossentropy: () => new losses.CategoricalFocalCrossentropy(),
  categoricalHinge: () => new losses.CategoricalHinge(),
  cosineSimilarity: () => new losses.CosineSimilarity(),
  dice: () => new losses.Dice(),
  hinge: () => new losses.Hinge(),
  huber: () => new losses.Huber(),
  huberLoss: () => new losses.Huber(),
  klDivergence: () => new losses.KLDivergence(),
  logCosh: () => new losses.LogCosh(),
  mae: () => new losses.MeanAbsoluteError(),
  mape: () => new losses.MeanAbsolutePercentageError(),
  meanAbsoluteError: () => new losses.MeanAbsoluteError(),
  meanAbsolutePercentageError: () => new losses.MeanAbsolutePercentageError(),
  meanSquaredError: () => new losses.MeanSquaredError(),
  meanSquaredLogarithmicError: () => new losses.MeanSquaredLogarithmicError(),
  mse: () => new losses.MeanSquaredError(),
  msle: () => new losses.MeanSquaredLogarithmicError(),
  poisson: () => new losses.Poisson(),
  sparseCategoricalCrossentropy: () => new losses.SparseCategoricalCrossentropy(),
  squaredHinge: () => new losses.SquaredHinge(),
  tversky: () => new losses.Tversky(),
}

/** A function of one's own: gives the loss, or one value for each sample. */
class OwnLoss extends losses.Loss {
  readonly #function: (labels: TensorLike, predictions: TensorLike) => Tensor

  constructor(f: (labels: TensorLike, predictions: TensorLike) => Tensor) {
    super(f.name === '' ? 'loss' : f.name)
    this.#function = f
  }
  protected override call(labels: TensorLike, predictions: TensorLike): Tensor {
    return this.#function(labels, predictions)
  }
}

/** What stands for a loss: a name with its defaults, a loss, or a function that gives one value for each sample. */
export type LossLike = LossName | losses.Loss | ((labels: TensorLike, predictions: TensorLike) => Tensor)

/**
 * The loss meant. Throws ValueError for an unknown name.
 *
 * @example tf.losses.get('mse').apply([[0, 0]], [[1, 3]]) // 5
 */
export function get(like: LossLike): losses.Loss {
  if (like instanceof losses.Loss) return like
  if (typeof like === 'function') return new OwnLoss(like)
  if (Object.hasOwn(byName, like)) return byName[like]()
  throw new ValueError({
    op: 'losses.get',
    problem: `"${String(like)}" names no loss`,
    fix: `use one of ${Object.keys(byName).join(', ')}, a loss, or a function.`,
  })
}
