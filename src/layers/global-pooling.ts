/** Pooling over whole sequences and images: means and maxima. */
import type { Tensor } from '../../tracer/tensor.ts'
import { max, mean } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface GlobalPoolingOptions extends LayerOptions {
  /** Whether the pooled axes stay, with size 1. Default false. */
  readonly keepDims?: boolean
}

/** The mean or maximum over the spatial axes of [batch, …spatial, channels]. Make one with `tf.layers.globalAveragePooling2d`. */
export class GlobalPooling extends Layer {
  readonly #axes: readonly number[]
  readonly #keepDims: boolean
  readonly #reduce: typeof mean

  constructor(kind: 'average' | 'max', axes: 1 | 2, options: GlobalPoolingOptions = {}) {
    super(`global_${kind}_pooling${axes}d`, options)
    this.#axes = Array.from({ length: axes }, (_, i) => i + 1)
    this.#keepDims = options.keepDims ?? false
    this.#reduce = kind === 'max' ? max : mean
  }
  override outputShape(input: InputShape): InputShape {
    this.#require(input)
    const [batch = null] = input
    const channels = input.at(-1) ?? null
    return this.#keepDims ? [batch, ...this.#axes.map(() => 1), channels] : [batch, channels]
  }
  protected override call(x: Tensor): Tensor {
    this.#require(x.type.shape)
    return this.#reduce(x, this.#axes, this.#keepDims)
  }
  #require(input: readonly unknown[]): void {
    const axes = this.#axes.length === 1 ? 'time' : 'height, width'
    this.requireRank(input, this.#axes.length + 2, `[batch, ${axes}, channels]`)
  }
}

/** The mean of each channel of a sequence: [batch, time, channels] becomes [batch, channels]. */
export function globalAveragePooling1d(options: GlobalPoolingOptions = {}): GlobalPooling {
  return new GlobalPooling('average', 1, options)
}
/** The mean of each channel of an image: [batch, height, width, channels] becomes [batch, channels]. */
export function globalAveragePooling2d(options: GlobalPoolingOptions = {}): GlobalPooling {
  return new GlobalPooling('average', 2, options)
}
/** The maximum of each channel of a sequence: [batch, time, channels] becomes [batch, channels]. */
export function globalMaxPooling1d(options: GlobalPoolingOptions = {}): GlobalPooling {
  return new GlobalPooling('max', 1, options)
}
/** The maximum of each channel of an image: [batch, height, width, channels] becomes [batch, channels]. */
export function globalMaxPooling2d(options: GlobalPoolingOptions = {}): GlobalPooling {
  return new GlobalPooling('max', 2, options)
}
