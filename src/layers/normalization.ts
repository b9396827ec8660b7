/**
 * Normalisation within each sample: by layer (Ba et al. 2016), by groups of channels (Wu & He 2018), by root mean
 * square (Zhang & Sennrich 2019), and to unit length. Names and defaults are Keras's.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { add, mean, moments, mul, reshape, rsqrt, square, sub } from '../math/index.ts'
import { l2Normalize } from '../nn/normalize.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

interface ScaleAndCenter extends LayerOptions {
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
  readonly betaRegularizer?: RegularizerLike
  readonly gammaRegularizer?: RegularizerLike
}

export interface LayerNormalizationOptions extends ScaleAndCenter {
  /** The axes that are normalised together. Default −1. */
  readonly axis?: number | readonly number[]
}

/** The shape of a weight along some axes, so that it broadcasts against the input. */
function alongAxes(x: Tensor, axes: readonly number[]): readonly Size[] {
  return x.type.shape.map((size, axis) => (axes.includes(axis) ? size : 1))
}

/** The weights gamma and beta that most of these layers have. */
abstract class Scaled<Options extends ScaleAndCenter> extends Layer {
  readonly #options: Options
  #gamma: Variable | undefined
  #beta: Variable | undefined

  constructor(kind: string, options: Options) {
    super(kind, options)
    this.#options = options
  }
  get gamma(): Variable {
    return this.afterBuild(this.#gamma, 'gamma')
  }
  get beta(): Variable {
    return this.afterBuild(this.#beta, 'beta')
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected get options(): Options {
    return this.#options
  }
  /** The size of the weights along their first axis; undefined without weights. */
  protected get weightSize(): number | undefined {
    return (this.#gamma ?? this.#beta)?.shape[0]
  }
  protected get epsilon(): number {
    return this.options.epsilon ?? 1e-3
  }
  protected makeWeights(shape: readonly number[]): void {
    const { center = true, scale = true, gammaRegularizer, betaRegularizer } = this.options
    const { gammaInitializer = 'ones', betaInitializer = 'zeros' } = this.options
    if (scale)
      this.#gamma = this.addWeight('gamma', shape, gammaInitializer, { regularizer: gammaRegularizer })
    if (center) this.#beta = this.addWeight('beta', shape, betaInitializer, { regularizer: betaRegularizer })
  }
  protected scaled(x: Tensor, along: readonly Size[]): Tensor {
    const gamma = this.#gamma
    const beta = this.#beta
    const grown = gamma === undefined ? x : mul(x, reshape(gamma, along))
    return beta === undefined ? grown : add(grown, reshape(beta, along))
  }
}

/**
 * (x − mean) / √(variance + epsilon) · gamma + beta, with the statistics of each sample along `axis`. Make one with
 * `tf.layers.layerNormalization`.
 */
export class LayerNormalization extends Scaled<LayerNormalizationOptions> {
  constructor(options: LayerNormalizationOptions = {}) {
    super('layer_normalization', options)
  }
  #axes(rank: number): number[] {
    const { axis = -1 } = this.options
    return [axis]
      .flat()
      .map((each) => normaliseAxis(this.name, each, rank))
      .toSorted((a, b) => a - b)
  }
  protected override create(input: InputShape): void {
    this.makeWeights(this.#axes(input.length).map((axis) => this.sizeOfAxis(input, axis, 1)))
  }
  protected override call(x: Tensor): Tensor {
    const axes = this.#axes(x.rank)
    if (axes.length === 1 && axes[0] === x.rank - 1) this.requireInput(x, 1, this.weightSize)
    const { mean: center, variance } = moments(x, axes, true)
    return this.scaled(mul(sub(x, center), rsqrt(add(variance, this.epsilon))), alongAxes(x, axes))
  }
}

/**
 * A layer normalisation; its weights are [gamma, beta].
 *
 * @example tf.layers.layerNormalization().apply([[1, 3]]) // ≈ [[-1, 1]]
 */
export function layerNormalization(options: LayerNormalizationOptions = {}): LayerNormalization {
  return new LayerNormalization(options)
}

export interface GroupNormalizationOptions extends ScaleAndCenter {
  /** Into how many groups the channels are divided; −1 for one each. Default 32. */
  readonly groups?: number
  /** The axis of the channels. Default −1. */
  readonly axis?: number
}

/** Like layer normalisation, for each group of channels over all places. Make one with `tf.layers.groupNormalization`. */
export class GroupNormalization extends Scaled<GroupNormalizationOptions> {
  #groups = 0

  constructor(options: GroupNormalizationOptions = {}) {
    super('group_normalization', options)
  }
  protected override create(input: InputShape): void {
    const { groups = 32, axis = -1 } = this.options
    const channels = this.sizeOfAxis(input, axis, 2)
    const count = groups === -1 ? channels : groups
    if (!Number.isInteger(count) || count < 1 || channels % count !== 0)
      throw new ValueError({
        op: this.name,
        problem: `${channels} channels cannot be divided into ${count} groups`,
        fix: 'use a number of groups that divides the number of channels.',
      })
    this.#groups = count
    this.makeWeights([channels])
  }
  protected override call(x: Tensor): Tensor {
    const axis = normaliseAxis(this.name, this.options.axis ?? -1, x.rank)
    this.requireInput(x, 2, axis === x.rank - 1 ? this.weightSize : undefined)
    const { shape } = x.type
    const channels = shape[axis]
    const each = typeof channels === 'number' ? channels / this.#groups : 1
    const grouped = reshape(x, [...shape.slice(0, axis), this.#groups, each, ...shape.slice(axis + 1)])
    const reduced = Array.from({ length: x.rank + 1 }, (_, i) => i).filter((i) => i !== 0 && i !== axis)
    const { mean: center, variance } = moments(grouped, reduced, true)
    const normal = mul(sub(grouped, center), rsqrt(add(variance, this.epsilon)))
    return this.scaled(reshape(normal, shape), alongAxes(x, [axis]))
  }
}

/** A group normalisation; its weights are [gamma, beta]. Throws ValueError when the groups do not divide the channels. */
export function groupNormalization(options: GroupNormalizationOptions = {}): GroupNormalization {
  return new GroupNormalization(options)
}

export interface RMSNormalizationOptions extends LayerOptions {
  /** The axis that is normalised. Default −1. */
  readonly axis?: number
  /** Added to the mean of squares. Default 1e-6. */
  readonly epsilon?: number
}

/** x / √(mean of x² + epsilon) · scale. Make one with `tf.layers.rmsNormalization`. */
export class RMSNormalization extends Layer {
  readonly #axis: number
  readonly #epsilon: number
  #scale: Variable | undefined

  constructor(options: RMSNormalizationOptions = {}) {
    super('rms_normalization', options)
    this.#axis = options.axis ?? -1
    this.#epsilon = options.epsilon ?? 1e-6
  }
  get scale(): Variable {
    return this.afterBuild(this.#scale, 'scale')
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected override create(input: InputShape): void {
    this.#scale = this.addWeight('scale', [this.sizeOfAxis(input, this.#axis, 1)], 'ones')
  }
  protected override call(x: Tensor): Tensor {
    const axis = normaliseAxis(this.name, this.#axis, x.rank)
    const inverse = rsqrt(add(mean(square(x), axis, true), this.#epsilon))
    return mul(mul(x, inverse), reshape(this.scale, alongAxes(x, [axis])))
  }
}

/** A normalisation by the root mean square; its weight is [scale]. */
export function rmsNormalization(options: RMSNormalizationOptions = {}): RMSNormalization {
  return new RMSNormalization(options)
}

/** x divided by its length along `axis`. Make one with `tf.layers.unitNormalization`. */
export class UnitNormalization extends Layer {
  readonly #axis: number | readonly number[]

  constructor(options: LayerOptions & { readonly axis?: number | readonly number[] } = {}) {
    super('unit_normalization', options)
    this.#axis = options.axis ?? -1
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected override call(x: Tensor): Tensor {
    return l2Normalize(x, this.#axis)
  }
}

/** A normalisation to unit length along an axis or several, the last unless given. */
export function unitNormalization(
  options: LayerOptions & { readonly axis?: number | readonly number[] } = {},
): UnitNormalization {
  return new UnitNormalization(options)
}
