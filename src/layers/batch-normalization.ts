/** Batch normalisation. Ioffe & Szegedy (2015); defaults are Keras's. */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { ones, zeros } from '../initializers/index.ts'
import { add, moments, mul, rsqrt, sub } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface BatchNormalizationOptions extends LayerOptions {
  /** Share of the old moving statistics in the new. Default 0.99. */
  readonly momentum?: number
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number
  /** Whether to add a trained beta. Default true. */
  readonly center?: boolean
  /** Whether to multiply by a trained gamma. Default true. */
  readonly scale?: boolean
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta for each entry of the last axis. In training the statistics are the
 * batch's and the moving ones follow them; otherwise, and when the layer is frozen, they are the moving ones.
 * Make one with `tf.layers.batchNormalization`.
 */
export class BatchNormalization extends Layer {
  readonly #options: BatchNormalizationOptions
  readonly #momentum: number
  readonly #epsilon: number
  #gamma: Variable | undefined
  #beta: Variable | undefined
  #movingMean: Variable | undefined
  #movingVariance: Variable | undefined

  constructor(options: BatchNormalizationOptions = {}) {
    super('batch_normalization', options)
    this.#options = options
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
    const { center = true, scale = true } = this.#options
    const shape = [this.lastSizeOf(input, 2)]
    if (scale) this.#gamma = this.addWeight('gamma', shape, ones())
    if (center) this.#beta = this.addWeight('beta', shape, zeros())
    this.#movingMean = this.addWeight('moving_mean', shape, zeros(), false)
    this.#movingVariance = this.addWeight('moving_variance', shape, ones(), false)
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    this.requireInput(x, 2, this.movingMean.shape[0])
    const { mean, variance } =
      training && this.trainable
        ? this.#batchStatistics(x)
        : { mean: this.movingMean, variance: this.movingVariance }
    const deviation = rsqrt(add(variance, this.#epsilon))
    const factor = this.#gamma === undefined ? deviation : mul(deviation, this.#gamma)
    const scaled = mul(sub(x, mean), factor)
    return this.#beta === undefined ? scaled : add(scaled, this.#beta)
  }

  #batchStatistics(x: Tensor): { readonly mean: Tensor; readonly variance: Tensor } {
    const axes = Array.from({ length: x.rank - 1 }, (_, axis) => axis)
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
