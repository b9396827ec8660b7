/** Batch normalisation. Ioffe & Szegedy (2015); defaults are Keras's. */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { add, moments, mul, reshape, rsqrt, sub } from '../math/index.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface BatchNormalizationOptions extends LayerOptions {
  /** The axis of the features, each of which has statistics of its own. Default −1. */
  readonly axis?: number
  /** Share of the old moving statistics in the new. Default 0.99. */
  readonly momentum?: number
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number
  /** Whether to add a trained beta. Default true. */
  readonly center?: boolean
  /** Whether to multiply by a trained gamma. Default true. */
  readonly scale?: boolean
  /** Default zeros. */
  readonly betaInitializer?: InitializerLike
  /** Default ones. */
  readonly gammaInitializer?: InitializerLike
  /** Default zeros. */
  readonly movingMeanInitializer?: InitializerLike
  /** Default ones. */
  readonly movingVarianceInitializer?: InitializerLike
  readonly betaRegularizer?: RegularizerLike
  readonly gammaRegularizer?: RegularizerLike
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta for each entry of the feature axis. In training the statistics are the
 * batch's and the moving ones follow them; otherwise, and when the layer is frozen, they are the moving ones.
 * Make one with `tf.layers.batchNormalization`.
 */
export class BatchNormalization extends Layer {
  readonly #options: BatchNormalizationOptions
  readonly #axis: number
  readonly #momentum: number
  readonly #epsilon: number
  #gamma: Variable | undefined
  #beta: Variable | undefined
  #movingMean: Variable | undefined
  #movingVariance: Variable | undefined

  constructor(options: BatchNormalizationOptions = {}) {
    super('batch_normalization', options)
    this.#options = options
    this.#axis = options.axis ?? -1
    this.#momentum = options.momentum ?? 0.99
    this.#epsilon = options.epsilon ?? 1e-3
  }

  get gamma(): Variable {
    return this.afterBuild(this.#gamma, 'gamma')
  }
  get beta(): Variable {
    return this.afterBuild(this.#beta, 'beta')
  }
  /** Not trainable; starts from 0. */
  get movingMean(): Variable {
    return this.afterBuild(this.#movingMean, 'moving mean')
  }
  /** Not trainable; starts from 1. */
  get movingVariance(): Variable {
    return this.afterBuild(this.#movingVariance, 'moving variance')
  }

  override outputShape(input: InputShape): InputShape {
    return input
  }

  protected override create(input: InputShape): void {
    const { center = true, scale = true, gammaRegularizer, betaRegularizer } = this.#options
    const { gammaInitializer = 'ones', betaInitializer = 'zeros' } = this.#options
    const { movingMeanInitializer = 'zeros', movingVarianceInitializer = 'ones' } = this.#options
    const shape = [this.sizeOfAxis(input, this.#axis, 2)]
    if (scale)
      this.#gamma = this.addWeight('gamma', shape, gammaInitializer, { regularizer: gammaRegularizer })
    if (center) this.#beta = this.addWeight('beta', shape, betaInitializer, { regularizer: betaRegularizer })
    const fixed = { trainable: false }
    this.#movingMean = this.addWeight('moving_mean', shape, movingMeanInitializer, fixed)
    this.#movingVariance = this.addWeight('moving_variance', shape, movingVarianceInitializer, fixed)
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    this.requireInput(x, 2, this.#axis === -1 ? this.movingMean.shape[0] : undefined)
    const axis = normaliseAxis(this.name, this.#axis, x.rank)
    const { mean, variance } =
      training && this.trainable
        ? this.#batchStatistics(x, axis)
        : { mean: this.movingMean, variance: this.movingVariance }
    const deviation = rsqrt(add(variance, this.#epsilon))
    const factor = this.#gamma === undefined ? deviation : mul(deviation, this.#gamma)
    // Along the feature axis; the last one needs no reshaping to broadcast.
    const along = (each: Tensor | Variable): Tensor | Variable =>
      axis === x.rank - 1 ? each : reshape(each, [-1, ...Array.from({ length: x.rank - 1 - axis }, () => 1)])
    const scaled = mul(sub(x, along(mean)), along(factor))
    return this.#beta === undefined ? scaled : add(scaled, along(this.#beta))
  }

  #batchStatistics(x: Tensor, axis: number): { readonly mean: Tensor; readonly variance: Tensor } {
    const axes = Array.from({ length: x.rank }, (_, i) => i).filter((i) => i !== axis)
    const statistics = moments(x, axes)
    this.#follow(this.movingMean, statistics.mean)
    this.#follow(this.movingVariance, statistics.variance)
    return statistics
  }

  #follow(moving: Variable, batch: Tensor): void {
    moving.assign(add(mul(moving, this.#momentum), mul(batch, 1 - this.#momentum)))
  }
}

/** A batch normalisation layer; its variables are [gamma, beta, moving mean, moving variance]. */
export function batchNormalization(options: BatchNormalizationOptions = {}): BatchNormalization {
  return new BatchNormalization(options)
}
