/** Layers that move elements and compute nothing: flattening, reshaping, permuting, repeating, padding, cropping. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { multiplySizes } from '../../codegen/size.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireCount } from '../math/checks.ts'
import { broadcastTo, expandDims, pad, repeat, reshape, slice, transpose } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

/** The product, null when a size is not known. */
function productOf(sizes: InputShape): number | null {
  return sizes.reduce<number | null>(
    (product, size) => (product === null || size === null ? null : product * size),
    1,
  )
}

/** [batch, …] becomes [batch, product of the other sizes]. Make one with `tf.layers.flatten`. */
export class Flatten extends Layer {
  constructor(options: LayerOptions = {}) {
    super('flatten', options)
  }
  override outputShape(input: InputShape): InputShape {
    const [batch = null, ...rest] = input
    return [batch, productOf(rest)]
  }
  protected override call(x: Tensor): Tensor {
    this.requireInput(x, 1)
    const [batch = 1, ...rest] = x.type.shape
    return reshape(x, [batch, multiplySizes(...rest)])
  }
}

/** A layer that flattens all axes but the first. */
export function flatten(options: LayerOptions = {}): Flatten {
  return new Flatten(options)
}

/** [batch, …] becomes [batch, …targetShape]. Make one with `tf.layers.reshape`. */
export class Reshape extends Layer {
  /** Without the batch; one size may be −1. */
  readonly targetShape: readonly number[]

  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    super('reshape', options)
    const open = targetShape.filter((size) => size === -1).length
    if (open > 1 || targetShape.some((size) => !Number.isInteger(size) || size < -1))
      throw new ValueError({
        op: this.name,
        problem: `the target shape is [${targetShape.join(', ')}]`,
        fix: 'use integers of at least 0, and −1 at most once.',
      })
    this.targetShape = [...targetShape]
  }
  override outputShape(input: InputShape): InputShape {
    const [batch = null, ...rest] = input
    return [batch, ...this.#target(rest)]
  }
  protected override call(x: Tensor): Tensor {
    this.requireInput(x, 1)
    const [batch = 1, ...rest] = x.type.shape
    const known = rest.map((size) => (typeof size === 'number' ? size : null))
    return reshape(x, [batch, ...this.#target(known).map((size) => size ?? -1)])
  }

  #target(rest: InputShape): InputShape {
    const total = productOf(rest)
    const given = this.targetShape.filter((size) => size !== -1).reduce((product, size) => product * size, 1)
    if (total === null) return this.targetShape.map((size) => (size === -1 ? null : size))
    const fits = this.targetShape.includes(-1) ? given > 0 && total % given === 0 : total === given
    if (!fits)
      throw new ShapeError({
        op: this.name,
        problem: `[${rest.join(', ')}] has ${total} elements, which do not make [${this.targetShape.join(', ')}]`,
        fix: 'give a target shape with as many elements; the batch is not part of it.',
      })
    return this.targetShape.map((size) => (size === -1 ? total / given : size))
  }
}

/**
 * A layer that reshapes all axes but the first.
 *
 * @throws ValueError for a bad shape
 * @example tf.layers.reshape([2, -1]).apply(tf.ones([3, 8])).shape // [3, 2, 4]
 */
export function reshapeTo(targetShape: readonly number[], options: LayerOptions = {}): Reshape {
  return new Reshape(targetShape, options)
}

/** Axis i of the output is axis `dims[i − 1]` of the input; the batch stays. Make one with `tf.layers.permute`. */
export class Permute extends Layer {
  readonly dims: readonly number[]

  constructor(dims: readonly number[], options: LayerOptions = {}) {
    super('permute', options)
    if (dims.toSorted((a, b) => a - b).some((axis, i) => axis !== i + 1))
      throw new ValueError({
        op: this.name,
        problem: `the axes are [${dims.join(', ')}]`,
        fix: 'name each axis from 1 on once; the batch, axis 0, stays where it is.',
      })
    this.dims = [...dims]
  }
  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, this.dims.length + 1, '[batch, …]')
    return [0, ...this.dims].map((axis) => input[axis] ?? null)
  }
  protected override call(x: Tensor): Tensor {
    this.requireRank(x.type.shape, this.dims.length + 1, '[batch, …]')
    return transpose(x, [0, ...this.dims])
  }
}

/** A layer that permutes all axes but the first, which are numbered from 1. Throws ValueError for no permutation. */
export function permute(dims: readonly number[], options: LayerOptions = {}): Permute {
  return new Permute(dims, options)
}

/** [batch, features] becomes [batch, n, features]. Make one with `tf.layers.repeatVector`. */
export class RepeatVector extends Layer {
  readonly n: number

  constructor(n: number, options: LayerOptions = {}) {
    super('repeat_vector', options)
    this.n = requireCount(this.name, 'n', n, 1)
  }
  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, 2, '[batch, features]')
    return [input[0] ?? null, this.n, input[1] ?? null]
  }
  protected override call(x: Tensor): Tensor {
    const { shape } = x.type
    this.requireRank(shape, 2, '[batch, features]')
    const [batch = 1, features = 1] = shape
    return broadcastTo(expandDims(x, 1), [batch, this.n, features])
  }
}

/** A layer that repeats each row n times. Throws ValueError unless n is a positive integer. */
export function repeatVector(n: number, options: LayerOptions = {}): RepeatVector {
  return new RepeatVector(n, options)
}

/** What to add or take at the two ends of an axis: one number for both, or a pair. */
export type Ends = number | readonly [number, number]

function pairsOf(op: string, axes: number, given: number | readonly Ends[]): (readonly [number, number])[] {
  const each = typeof given === 'number' ? Array.from({ length: axes }, () => given) : given
  const pairs = each.map((ends): readonly [number, number] =>
    typeof ends === 'number' ? [ends, ends] : ends,
  )
  if (pairs.length !== axes || pairs.flat().some((count) => !Number.isInteger(count) || count < 0))
    throw new ValueError({
      op,
      problem: `${JSON.stringify(given)} does not say what happens at the ends of ${axes} axes`,
      fix: 'give a number, or for each axis a number or a pair of integers of at least 0.',
    })
  return pairs
}

/** Zeros around the spatial axes of [batch, …spatial, channels]. Make one with `tf.layers.zeroPadding1d` or `2d`. */
export class ZeroPadding extends Layer {
  readonly #pairs: readonly (readonly [number, number])[]

  constructor(axes: 1 | 2, padding: number | readonly Ends[], options: LayerOptions = {}) {
    super(`zero_padding${axes}d`, options)
    this.#pairs = pairsOf(this.name, axes, padding)
  }
  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, this.#pairs.length + 2, '[batch, …, channels]')
    return input.map((size, axis) => {
      const [before, after] = this.#pairs[axis - 1] ?? [0, 0]
      return size === null ? null : size + before + after
    })
  }
  protected override call(x: Tensor): Tensor {
    this.requireRank(x.type.shape, this.#pairs.length + 2, '[batch, …, channels]')
    return pad(x, [
      [0, 0],
      ...this.#pairs.map(([before, after]) => [before, after] as [number, number]),
      [0, 0],
    ])
  }
}

/** Zeros before and after each sequence, one of each unless given. */
export function zeroPadding1d(padding: Ends = 1, options: LayerOptions = {}): ZeroPadding {
  return new ZeroPadding(1, [padding], options)
}
/** Zeros around each image, one pixel unless given: a number, or for rows and columns a number or a pair each. */
export function zeroPadding2d(
  padding: number | readonly Ends[] = 1,
  options: LayerOptions = {},
): ZeroPadding {
  return new ZeroPadding(2, padding, options)
}

/** Takes the ends of the spatial axes of [batch, …spatial, channels] away. Make one with `tf.layers.cropping1d` or `2d`. */
export class Cropping extends Layer {
  readonly #pairs: readonly (readonly [number, number])[]

  constructor(axes: 1 | 2, cropping: number | readonly Ends[], options: LayerOptions = {}) {
    super(`cropping${axes}d`, options)
    this.#pairs = pairsOf(this.name, axes, cropping)
  }
  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, this.#pairs.length + 2, '[batch, …, channels]')
    return input.map((size, axis) => {
      const [before, after] = this.#pairs[axis - 1] ?? [0, 0]
      if (size !== null && size - before - after < 1)
        throw new ShapeError({
          op: this.name,
          problem: `nothing of axis ${axis} of size ${size} is left`,
          fix: 'crop less.',
        })
      return size === null ? null : size - before - after
    })
  }
  protected override call(x: Tensor): Tensor {
    const sizes = this.outputShape(x.type.shape.map((size) => (typeof size === 'number' ? size : null)))
    const starts = sizes.map((_, axis) => this.#pairs[axis - 1]?.[0] ?? 0)
    return slice(
      x,
      starts,
      sizes.map((size) => size ?? -1),
    )
  }
}

/** Takes steps from both ends of each sequence, one of each unless given. */
export function cropping1d(cropping: Ends = 1, options: LayerOptions = {}): Cropping {
  return new Cropping(1, [cropping], options)
}
/** Takes rows and columns from the edges of each image: a number, or for rows and columns a number or a pair each. */
export function cropping2d(cropping: number | readonly Ends[] = 0, options: LayerOptions = {}): Cropping {
  return new Cropping(2, cropping, options)
}

/** Each element of the spatial axes of [batch, …spatial, channels] several times. Make one with `tf.layers.upSampling1d` or `2d`. */
export class UpSampling extends Layer {
  readonly #sizes: readonly number[]

  constructor(axes: 1 | 2, size: number | readonly number[], options: LayerOptions = {}) {
    super(`up_sampling${axes}d`, options)
    const sizes = typeof size === 'number' ? Array.from({ length: axes }, () => size) : [...size]
    if (sizes.length !== axes || sizes.some((each) => !Number.isInteger(each) || each < 1))
      throw new ValueError({
        op: this.name,
        problem: `the factors are [${sizes.join(', ')}]`,
        fix: `use ${axes} integer${axes === 1 ? '' : 's'} of at least 1.`,
      })
    this.#sizes = sizes
  }
  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, this.#sizes.length + 2, '[batch, …, channels]')
    return input.map((size, axis) => (size === null ? null : size * (this.#sizes[axis - 1] ?? 1)))
  }
  protected override call(x: Tensor): Tensor {
    this.requireRank(x.type.shape, this.#sizes.length + 2, '[batch, …, channels]')
    return this.#sizes.reduce((y, size, i) => (size === 1 ? y : repeat(y, size, i + 1)), x)
  }
}

/** Each step `size` times, 2 unless given. */
export function upSampling1d(size = 2, options: LayerOptions = {}): UpSampling {
  return new UpSampling(1, size, options)
}
/** Each pixel `size` times in both directions (nearest neighbour), 2 unless given; a pair for rows and columns. */
export function upSampling2d(size: number | readonly number[] = 2, options: LayerOptions = {}): UpSampling {
  return new UpSampling(2, size, options)
}
