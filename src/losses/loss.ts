/**
 * Losses as objects: a function of labels and predictions with its options, as `compile` and training loops take them.
 */
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import * as classification from './classification.ts'
import * as focal from './focal.ts'
import { type LossOptions, type LossReduction, reduceLosses } from './per-sample.ts'
import * as regression from './regression.ts'
import { sparseCategoricalCrossentropy, type SparseCrossentropyOptions } from './sparse.ts'

export interface NamedLossOptions extends LossOptions {
  /** For logs and messages; the kind of loss when absent. */
  readonly name?: string
}

/**
 * Base class of losses. One of one's own overrides `call`, which gives one value for each sample.
 *
 * @example
 * class Quartic extends tf.losses.Loss {
 *   protected override call(labels: tf.TensorLike, predictions: tf.TensorLike) {
 *     return tf.sub(labels, predictions).pow(4).mean(-1)
 *   }
 * }
 * new Quartic('quartic').apply([[0, 0]], [[1, 2]]) // 8.5
 */
export abstract class Loss {
  readonly name: string
  readonly #options: LossOptions

  constructor(name: string, options: NamedLossOptions = {}) {
    this.name = options.name ?? name
    this.#options = options
  }

  /** How the losses of samples become one. */
  get reduction(): LossReduction {
    return this.#options.reduction ?? 'sum_over_batch_size'
  }

  /** The loss, weighted and reduced as the options say. */
  apply(labels: TensorLike, predictions: TensorLike, sampleWeight?: TensorLike): Tensor {
    return reduceLosses(this.name, this.call(labels, predictions), sampleWeight, this.#options)
  }

  /** One value for each sample. */
  protected abstract call(labels: TensorLike, predictions: TensorLike): Tensor
}

/** A loss function in the form that those of `tf.losses` have. */
export type LossFunction<Options extends LossOptions = LossOptions> = (
  labels: TensorLike,
  predictions: TensorLike,
  sampleWeight?: TensorLike,
  options?: Options,
) => Tensor

/** A function of `tf.losses` with its options. */
class FunctionLoss<Options extends LossOptions> extends Loss {
  readonly #function: LossFunction<Options>
  readonly #given: Options

  constructor(name: string, f: LossFunction<Options>, options: Options & NamedLossOptions) {
    super(name, options)
    this.#function = f
    this.#given = options
  }
  override apply(labels: TensorLike, predictions: TensorLike, sampleWeight?: TensorLike): Tensor {
    return this.#function(labels, predictions, sampleWeight, this.#given)
  }
  protected override call(labels: TensorLike, predictions: TensorLike): Tensor {
    return this.#function(labels, predictions, undefined, { ...this.#given, reduction: 'none' })
  }
}

/** `meanSquaredError` as an object. */
export class MeanSquaredError extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('mean_squared_error', regression.meanSquaredError, options)
  }
}
/** `meanAbsoluteError` as an object. */
export class MeanAbsoluteError extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('mean_absolute_error', regression.meanAbsoluteError, options)
  }
}
/** `meanAbsolutePercentageError` as an object. */
export class MeanAbsolutePercentageError extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('mean_absolute_percentage_error', regression.meanAbsolutePercentageError, options)
  }
}
/** `meanSquaredLogarithmicError` as an object. */
export class MeanSquaredLogarithmicError extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('mean_squared_logarithmic_error', regression.meanSquaredLogarithmicError, options)
  }
}
/** `huberLoss` as an object. */
export class Huber extends FunctionLoss<regression.HuberOptions> {
  constructor(options: NamedLossOptions & regression.HuberOptions = {}) {
    super('huber_loss', regression.huberLoss, options)
  }
}
/** `logCosh` as an object. */
export class LogCosh extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('log_cosh', regression.logCosh, options)
  }
}
/** `cosineSimilarity` as an object. */
export class CosineSimilarity extends FunctionLoss<regression.CosineOptions> {
  constructor(options: NamedLossOptions & regression.CosineOptions = {}) {
    super('cosine_similarity', regression.cosineSimilarity, options)
  }
}
/** `poisson` as an object. */
export class Poisson extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('poisson', classification.poisson, options)
  }
}
/** `klDivergence` as an object. */
export class KLDivergence extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('kl_divergence', classification.klDivergence, options)
  }
}
/** `hinge` as an object. */
export class Hinge extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('hinge', classification.hinge, options)
  }
}
/** `squaredHinge` as an object. */
export class SquaredHinge extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('squared_hinge', classification.squaredHinge, options)
  }
}
/** `categoricalHinge` as an object. */
export class CategoricalHinge extends FunctionLoss<LossOptions> {
  constructor(options: NamedLossOptions = {}) {
    super('categorical_hinge', classification.categoricalHinge, options)
  }
}
/** `binaryCrossentropy` as an object. */
export class BinaryCrossentropy extends FunctionLoss<classification.CrossentropyOptions> {
  constructor(options: NamedLossOptions & classification.CrossentropyOptions = {}) {
    super('binary_crossentropy', classification.binaryCrossentropy, options)
  }
}
/** `categoricalCrossentropy` as an object. */
export class CategoricalCrossentropy extends FunctionLoss<classification.CrossentropyOptions> {
  constructor(options: NamedLossOptions & classification.CrossentropyOptions = {}) {
    super('categorical_crossentropy', classification.categoricalCrossentropy, options)
  }
}
/** `sparseCategoricalCrossentropy` as an object. */
export class SparseCategoricalCrossentropy extends FunctionLoss<SparseCrossentropyOptions> {
  constructor(options: NamedLossOptions & SparseCrossentropyOptions = {}) {
    super('sparse_categorical_crossentropy', sparseCategoricalCrossentropy, options)
  }
}
/** `binaryFocalCrossentropy` as an object. */
export class BinaryFocalCrossentropy extends FunctionLoss<focal.BinaryFocalOptions> {
  constructor(options: NamedLossOptions & focal.BinaryFocalOptions = {}) {
    super('binary_focal_crossentropy', focal.binaryFocalCrossentropy, options)
  }
}
/** `categoricalFocalCrossentropy` as an object. */
export class CategoricalFocalCrossentropy extends FunctionLoss<focal.FocalOptions> {
  constructor(options: NamedLossOptions & focal.FocalOptions = {}) {
    super('categorical_focal_crossentropy', focal.categoricalFocalCrossentropy, options)
  }
}
/** `dice` as an object. */
export class Dice extends FunctionLoss<focal.OverlapOptions> {
  constructor(options: NamedLossOptions & focal.OverlapOptions = {}) {
    super('dice', focal.dice, options)
  }
}
/** `tversky` as an object. */
export class Tversky extends FunctionLoss<focal.TverskyOptions> {
  constructor(options: NamedLossOptions & focal.TverskyOptions = {}) {
    super('tversky', focal.tversky, options)
  }
}
