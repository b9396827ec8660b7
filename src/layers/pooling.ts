/** Pooling layers: the maximum or mean of each window of [batch, …spatial, channels]. */
import type { Tensor } from '../../tracer/tensor.ts'
import { pool } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'
import { type PerAxis, perAxis, requirePadding, windowCounts, type WindowPadding } from './windows.ts'

export interface PoolingOptions extends LayerOptions {
  /** Size of a window: one number, or one for each axis. Default 2. */
  readonly poolSize?: PerAxis
  /** Distance of windows. Default poolSize. */
  readonly strides?: PerAxis
  /** Default valid. With same, what lies outside does not count. */
  readonly padding?: 'valid' | 'same'
}

/** The maximum or mean of each window. Make one with `tf.layers.maxPooling2d` and its relatives. */
export class Pooling extends Layer {
  readonly #kind: 'avg' | 'max'
  readonly #axes: number
  readonly #sizes: readonly number[]
  readonly #strides: readonly number[]
  readonly #padding: WindowPadding

  constructor(kind: 'average' | 'max', axes: 1 | 2, options: PoolingOptions = {}) {
    super(`${kind}_pooling${axes}d`, options)
    this.#kind = kind === 'max' ? 'max' : 'avg'
    this.#axes = axes
    this.#sizes = perAxis(this.name, 'poolSize', options.poolSize ?? 2, axes)
    this.#strides = perAxis(this.name, 'strides', options.strides ?? this.#sizes, axes)
    this.#padding = requirePadding(this.name, options.padding ?? 'valid', ['valid', 'same'])
  }
  override outputShape(input: InputShape): InputShape {
    this.#require(input)
    const windows = { op: this.name, sizes: this.#sizes, strides: this.#strides, padding: this.#padding }
    return [input[0] ?? null, ...windowCounts(input, { ...windows, dilations: [] }), input.at(-1) ?? null]
  }
  protected override call(x: Tensor): Tensor {
    this.#require(x.type.shape)
    const pad = this.#padding === 'same' ? 'same' : 'valid'
    return pool(x, this.#sizes, this.#kind, pad, 1, this.#strides)
  }
  #require(input: readonly unknown[]): void {
    this.requireRank(
      input,
      this.#axes + 2,
      `[batch, ${this.#axes === 1 ? 'time' : 'height, width'}, channels]`,
    )
  }
}

/** The maximum of each window of sequences, of size 2 unless given. Throws ValueError for sizes below 1. */
export function maxPooling1d(options: PoolingOptions = {}): Pooling {
  return new Pooling('max', 1, options)
}
/**
 * The maximum of each window of images, of size 2 × 2 unless given.
 *
 * @throws ValueError for sizes below 1
 * @example tf.layers.maxPooling2d().apply(tf.ones([1, 6, 4, 3])).shape // [1, 3, 2, 3]
 */
export function maxPooling2d(options: PoolingOptions = {}): Pooling {
  return new Pooling('max', 2, options)
}
/** The mean of each window of sequences, of size 2 unless given. Throws ValueError for sizes below 1. */
export function averagePooling1d(options: PoolingOptions = {}): Pooling {
  return new Pooling('average', 1, options)
}
/** The mean of each window of images, of size 2 × 2 unless given. Throws ValueError for sizes below 1. */
export function averagePooling2d(options: PoolingOptions = {}): Pooling {
  return new Pooling('average', 2, options)
}
