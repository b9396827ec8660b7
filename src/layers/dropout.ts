/** Dropout: noise in training that keeps units from relying on each other. Srivastava et al. (2014). */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { add, greaterEqual, mul, where, zerosLike } from '../math/index.ts'
import { type Generator, globalGenerator, keyedGenerator } from '../random/generator.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface DropoutOptions extends LayerOptions {
  /** Gives the layer a random sequence of its own; without one it draws from the shared sequence. */
  readonly seed?: number
  /** The shape of the choice between keeping and dropping, 1 for axes along which it is shared, null for the input's size. */
  readonly noiseShape?: readonly (number | null)[]
}

/** Where random layers take their numbers from. */
export function generatorFor(seed: number | undefined): Generator | undefined {
  return seed === undefined ? undefined : keyedGenerator(seed)
}

/** A rate from 0 to 1. Throws ValueError otherwise. */
export function requireRate(op: string, rate: number, name = 'the rate'): number {
  if (rate >= 0 && rate <= 1) return rate
  throw new ValueError({ op, problem: `${name} is ${rate}`, fix: 'use a number from 0 to 1.' })
}

/** 1 / (1 − rate) where something is kept, and 0 with probability `rate`. */
export function keptFactors(
  generator: Generator | undefined,
  shape: readonly Size[],
  rate: number,
  dtype: DType,
): Tensor {
  const kept = greaterEqual((generator ?? globalGenerator()).uniform(shape), rate)
  return where(kept, rate === 1 ? 0 : 1 / (1 - rate), 0).cast(dtype)
}

/** In training, each element is 0 with probability `rate` and otherwise divided by 1 − rate. Make one with `tf.layers.dropout`. */
export class Dropout extends Layer {
  readonly rate: number
  readonly #generator: Generator | undefined
  readonly #noiseShape: readonly (number | null)[] | undefined

  constructor(rate: number, options: DropoutOptions = {}, kind = 'dropout') {
    super(kind, options)
    this.rate = requireRate(this.name, rate)
    this.#generator = generatorFor(options.seed)
    this.#noiseShape = options.noiseShape
  }

  override outputShape(input: InputShape): InputShape {
    return input
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    if (!training || this.rate === 0) return x
    if (this.rate === 1) return zerosLike(x)
    const shape = x.type.shape.map((size, axis) => this.noiseSize(axis, x.rank) ?? size)
    const kept = greaterEqual((this.#generator ?? globalGenerator()).uniform(shape), this.rate)
    return where(kept, mul(x, 1 / (1 - this.rate)), 0)
  }

  /** The size along an axis of the choice between keeping and dropping; undefined for the input's. */
  protected noiseSize(axis: number, _rank: number): number | undefined {
    return this.#noiseShape?.[axis] ?? undefined
  }
}

/** A dropout layer: the identity unless applied with `{ training: true }`. Throws ValueError for a rate outside [0, 1]. */
export function dropout(rate: number, options: DropoutOptions = {}): Dropout {
  return new Dropout(rate, options)
}

/** Dropout of whole channels of [batch, …spatial, channels]. Make one with `tf.layers.spatialDropout`. */
export class SpatialDropout extends Dropout {
  constructor(rate: number, options: DropoutOptions = {}) {
    super(rate, options, 'spatial_dropout')
  }
  protected override noiseSize(axis: number, rank: number): number | undefined {
    return axis === 0 || axis === rank - 1 ? undefined : 1
  }
}

/** A dropout layer that drops whole channels, of sequences or images. Throws ValueError for a rate outside [0, 1]. */
export function spatialDropout(rate: number, options: DropoutOptions = {}): SpatialDropout {
  return new SpatialDropout(rate, options)
}

/** In training, adds normal numbers of a standard deviation. Make one with `tf.layers.gaussianNoise`. */
export class GaussianNoise extends Layer {
  readonly stddev: number
  readonly #generator: Generator | undefined

  constructor(stddev: number, options: LayerOptions & { readonly seed?: number } = {}) {
    super('gaussian_noise', options)
    if (!(stddev >= 0))
      throw new ValueError({
        op: this.name,
        problem: `the standard deviation is ${stddev}`,
        fix: 'use a number of at least 0.',
      })
    this.stddev = stddev
    this.#generator = generatorFor(options.seed)
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected override call(x: Tensor, training: boolean): Tensor {
    if (!training || this.stddev === 0) return x
    const generator = this.#generator ?? globalGenerator()
    return add(x, generator.normal(x.type.shape, 0, this.stddev).cast(x.dtype))
  }
}

/** A layer that adds noise in training. Throws ValueError for a negative deviation. */
export function gaussianNoise(
  stddev: number,
  options: LayerOptions & { readonly seed?: number } = {},
): GaussianNoise {
  return new GaussianNoise(stddev, options)
}
