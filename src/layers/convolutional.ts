/**
 * Convolution layers: Conv1D, Conv2D, DepthwiseConv2D and SeparableConv2D, channels last. Names, weights and defaults are
 * Keras's.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type ActivationLike, activationOf } from '../activations/index.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { requireCount } from '../math/checks.ts'
import {
  add,
  conv1d as convolve1d,
  conv2d as convolve2d,
  depthwiseConv2d as convolveEach,
} from '../math/index.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'
import { type PerAxis, perAxis, requirePadding, windowCounts, type WindowPadding } from './windows.ts'

interface WindowOptions extends LayerOptions {
  /** Size of the filters: one number, or one for each axis. */
  readonly kernelSize: PerAxis
  /** Distance of windows. Default 1. */
  readonly strides?: PerAxis
  /** Default valid. */
  readonly padding?: WindowPadding
  /** Distance of the elements of a window. Default 1. */
  readonly dilationRate?: PerAxis
  /** Applied to the result; none when absent. */
  readonly activation?: ActivationLike
  /** Default true. */
  readonly useBias?: boolean
  /** Default zeros. */
  readonly biasInitializer?: InitializerLike
  readonly biasRegularizer?: RegularizerLike
}

export interface ConvolutionOptions extends WindowOptions {
  /** Number of output channels. */
  readonly filters: number
  /** Into how many groups the channels are divided, each with filters of its own. Default 1. */
  readonly groups?: number
  /** Default glorotUniform. */
  readonly kernelInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike
}

export interface DepthwiseConvolutionOptions extends WindowOptions {
  /** Number of filters of each channel. Default 1. */
  readonly depthMultiplier?: number
  /** Default glorotUniform. */
  readonly depthwiseInitializer?: InitializerLike
  readonly depthwiseRegularizer?: RegularizerLike
}

export interface SeparableConvolutionOptions extends DepthwiseConvolutionOptions {
  /** Number of output channels. */
  readonly filters: number
  /** Default glorotUniform. */
  readonly pointwiseInitializer?: InitializerLike
  readonly pointwiseRegularizer?: RegularizerLike
}

/** Sizes as what the functions take: a number for one axis. */
function pair(sizes: readonly number[]): [number, number] {
  return [sizes[0] ?? 1, sizes[1] ?? 1]
}

/** Windows, the bias and the activation, which all of them have. */
abstract class Convolution<Options extends WindowOptions> extends Layer {
  readonly #axes: number
  readonly #activation: (x: Tensor) => Tensor
  readonly #options: Options
  protected readonly window: readonly number[]
  protected readonly steps: readonly number[]
  protected readonly dilations: readonly number[]
  protected readonly padding: WindowPadding
  #bias: Variable | undefined

  constructor(kind: string, axes: number, options: Options) {
    super(kind, options)
    this.#axes = axes
    this.#options = options
    this.#activation = activationOf(this.name, options.activation)
    this.window = perAxis(this.name, 'kernelSize', options.kernelSize, axes)
    this.steps = perAxis(this.name, 'strides', options.strides ?? 1, axes)
    this.dilations = perAxis(this.name, 'dilationRate', options.dilationRate ?? 1, axes)
    const allowed = axes === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same']
    this.padding = requirePadding(this.name, options.padding ?? 'valid', allowed)
    if (this.steps.some((step) => step > 1) && this.dilations.some((dilation) => dilation > 1))
      throw new ValueError({
        op: this.name,
        problem: 'strides and dilationRate are both above 1',
        fix: 'use one of them.',
      })
  }

  /** [number of output channels]. Throws ValueError before the layer is built, and without a bias. */
  get bias(): Variable {
    return this.afterBuild(this.#bias, 'bias')
  }
  /** Number of output channels for a number of input channels. */
  protected abstract channelsOf(inputChannels: number): number
  /** Makes the filters. */
  protected abstract makeFilters(channels: number): void
  protected abstract convolve(x: Tensor): Tensor

  protected get options(): Options {
    return this.#options
  }

  override outputShape(input: InputShape): InputShape {
    this.requireChannels(input)
    const { window: sizes, steps: strides, dilations, padding } = this
    const counts = windowCounts(input, { op: this.name, sizes, strides, dilations, padding })
    const channels = input.at(-1) ?? null
    return [input[0] ?? null, ...counts, channels === null ? null : this.channelsOf(channels)]
  }

  protected requireChannels(input: readonly unknown[]): void {
    const axes = this.#axes === 1 ? 'time' : 'height, width'
    this.requireRank(input, this.#axes + 2, `[batch, ${axes}, channels]`)
  }

  protected override create(input: InputShape): void {
    this.requireChannels(input)
    const channels = this.lastSizeOf(input, this.#axes + 2)
    this.makeFilters(channels)
    const { useBias = true, biasInitializer = 'zeros', biasRegularizer: regularizer } = this.#options
    if (useBias)
      this.#bias = this.addWeight('bias', [this.channelsOf(channels)], biasInitializer, { regularizer })
  }

  protected override call(x: Tensor): Tensor {
    this.requireChannels(x.type.shape)
    this.requireInput(x, this.#axes + 2, this.inputShape?.at(-1) ?? undefined)
    const y = this.convolve(x)
    return this.#activation(this.#bias === undefined ? y : add(y, this.#bias))
  }
}

/** Filters over sequences or images. */
abstract class FullConvolution extends Convolution<ConvolutionOptions> {
  readonly filters: number
  readonly #groups: number
  #kernel: Variable | undefined

  constructor(kind: string, axes: number, options: ConvolutionOptions) {
    super(kind, axes, options)
    this.filters = requireCount(this.name, 'filters', options.filters, 1)
    this.#groups = requireCount(this.name, 'groups', options.groups ?? 1, 1)
    if (this.filters % this.#groups !== 0)
      throw new ValueError({
        op: this.name,
        problem: `${this.filters} filters cannot be divided into ${this.#groups} groups`,
        fix: 'use a number of groups that divides the number of filters.',
      })
  }
  /** [...kernelSize, channels / groups, filters]. Throws ValueError before the layer is built. */
  get kernel(): Variable {
    return this.afterBuild(this.#kernel, 'kernel')
  }
  protected override channelsOf(): number {
    return this.filters
  }
  protected override makeFilters(channels: number): void {
    if (channels % this.#groups !== 0)
      throw new ValueError({
        op: this.name,
        problem: `${channels} channels cannot be divided into ${this.#groups} groups`,
        fix: 'use a number of groups that divides the number of channels.',
      })
    const { kernelInitializer = 'glorotUniform', kernelRegularizer: regularizer } = this.options
    const shape = [...this.window, channels / this.#groups, this.filters]
    this.#kernel = this.addWeight('kernel', shape, kernelInitializer, { regularizer })
  }
}

/** Filters over sequences, [batch, time, channels]. Make one with `tf.layers.conv1d`. */
export class Conv1D extends FullConvolution {
  constructor(options: ConvolutionOptions) {
    super('conv1d', 1, options)
  }
  protected override convolve(x: Tensor): Tensor {
    const [size = 1, stride = 1, dilation = 1] = [this.window[0], this.steps[0], this.dilations[0]]
    const pad = this.padding === 'causal' ? ([[(size - 1) * dilation, 0]] as const) : this.padding
    return convolve1d(x, this.kernel.value(), stride, pad, 'NWC', dilation)
  }
}

/** Filters over images, [batch, height, width, channels]. Make one with `tf.layers.conv2d`. */
export class Conv2D extends FullConvolution {
  constructor(options: ConvolutionOptions) {
    super('conv2d', 2, options)
  }
  protected override convolve(x: Tensor): Tensor {
    const pad = this.padding === 'same' ? 'same' : 'valid'
    return convolve2d(x, this.kernel.value(), pair(this.steps), pad, 'NHWC', pair(this.dilations))
  }
}

/** Filters over each channel of images on its own. Make one with `tf.layers.depthwiseConv2d`. */
export class DepthwiseConv2D extends Convolution<DepthwiseConvolutionOptions> {
  readonly depthMultiplier: number
  #kernel: Variable | undefined

  constructor(options: DepthwiseConvolutionOptions) {
    super('depthwise_conv2d', 2, options)
    this.depthMultiplier = requireCount(this.name, 'depthMultiplier', options.depthMultiplier ?? 1, 1)
  }
  /** [height, width, channels, depthMultiplier]. Throws ValueError before the layer is built. */
  get kernel(): Variable {
    return this.afterBuild(this.#kernel, 'kernel')
  }
  protected override channelsOf(inputChannels: number): number {
    return inputChannels * this.depthMultiplier
  }
  protected override makeFilters(channels: number): void {
    const { depthwiseInitializer = 'glorotUniform', depthwiseRegularizer: regularizer } = this.options
    const shape = [...this.window, channels, this.depthMultiplier]
    this.#kernel = this.addWeight('kernel', shape, depthwiseInitializer, { regularizer })
  }
  protected override convolve(x: Tensor): Tensor {
    const pad = this.padding === 'same' ? 'same' : 'valid'
    return convolveEach(x, this.kernel.value(), pair(this.steps), pad, 'NHWC', pair(this.dilations))
  }
}

/** A depthwise convolution, and a product of the channels of each pixel. Make one with `tf.layers.separableConv2d`. */
export class SeparableConv2D extends Convolution<SeparableConvolutionOptions> {
  readonly filters: number
  readonly #multiplier: number
  #depthwise: Variable | undefined
  #pointwise: Variable | undefined

  constructor(options: SeparableConvolutionOptions) {
    super('separable_conv2d', 2, options)
    this.filters = requireCount(this.name, 'filters', options.filters, 1)
    this.#multiplier = requireCount(this.name, 'depthMultiplier', options.depthMultiplier ?? 1, 1)
  }
  /** [height, width, channels, depthMultiplier]. Throws ValueError before the layer is built. */
  get depthwiseKernel(): Variable {
    return this.afterBuild(this.#depthwise, 'depthwise kernel')
  }
  /** [1, 1, channels · depthMultiplier, filters]. Throws ValueError before the layer is built. */
  get pointwiseKernel(): Variable {
    return this.afterBuild(this.#pointwise, 'pointwise kernel')
  }
  protected override channelsOf(): number {
    return this.filters
  }
  protected override makeFilters(channels: number): void {
    const { depthwiseInitializer = 'glorotUniform', pointwiseInitializer = 'glorotUniform' } = this.options
    const { depthwiseRegularizer, pointwiseRegularizer } = this.options
    const shape = [...this.window, channels, this.#multiplier]
    this.#depthwise = this.addWeight('depthwise_kernel', shape, depthwiseInitializer, {
      regularizer: depthwiseRegularizer,
    })
    const mixing = [1, 1, channels * this.#multiplier, this.filters]
    this.#pointwise = this.addWeight('pointwise_kernel', mixing, pointwiseInitializer, {
      regularizer: pointwiseRegularizer,
    })
  }
  protected override convolve(x: Tensor): Tensor {
    const pad = this.padding === 'same' ? 'same' : 'valid'
    const each = convolveEach(
      x,
      this.depthwiseKernel.value(),
      pair(this.steps),
      pad,
      'NHWC',
      pair(this.dilations),
    )
    return convolve2d(each, this.pointwiseKernel.value(), 1, 'valid')
  }
}

/** A convolution of sequences; see `Conv1D`. Its weights are [kernel, bias]. Throws ValueError for sizes below 1. */
export function conv1d(options: ConvolutionOptions): Conv1D {
  return new Conv1D(options)
}
/**
 * A convolution of images; see `Conv2D`. Its weights are [kernel, bias].
 *
 * @throws ValueError for sizes below 1, or strides together with dilation
 * @example
 * const layer = tf.layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' })
 * layer.apply(tf.ones([1, 6, 6, 3])).shape // [1, 6, 6, 8]
 */
export function conv2d(options: ConvolutionOptions): Conv2D {
  return new Conv2D(options)
}
/** A depthwise convolution of images; see `DepthwiseConv2D`. Its weights are [kernel, bias]. Throws ValueError for sizes below 1. */
export function depthwiseConv2d(options: DepthwiseConvolutionOptions): DepthwiseConv2D {
  return new DepthwiseConv2D(options)
}
/** A separable convolution of images; see `SeparableConv2D`. Its weights are [depthwise kernel, pointwise kernel, bias]. */
export function separableConv2d(options: SeparableConvolutionOptions): SeparableConv2D {
  return new SeparableConv2D(options)
}
