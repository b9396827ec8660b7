/** Activations as layers: by name or as a function, and those that have parameters. */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type ActivationLike, activationOf } from '../activations/index.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { greater, maximum, minimum, mul, where } from '../math/index.ts'
import * as nn from '../nn/index.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

/** Applies a function to its input. Make one with `tf.layers.activation`. */
export class Activation extends Layer {
  readonly #function: (x: Tensor) => Tensor

  constructor(like: ActivationLike, options: LayerOptions = {}, kind = 'activation') {
    super(kind, options)
    this.#function = activationOf(this.name, like)
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected override call(x: Tensor): Tensor {
    return this.#function(x)
  }
}

/** A layer that applies an activation, by name or as a function of its own. Throws ValueError for an unknown name. */
export function activation(like: ActivationLike, options: LayerOptions = {}): Activation {
  return new Activation(like, options)
}

export interface ReluOptions extends LayerOptions {
  /** The largest output. Default: none. */
  readonly maxValue?: number
  /** The slope below the threshold. Default 0. */
  readonly negativeSlope?: number
  /** Where the activation begins. Default 0. */
  readonly threshold?: number
}

/**
 * x from the threshold on (at most `maxValue`), and negativeSlope·(x − threshold) below it.
 *
 * @throws ValueError for a negative option
 */
export function relu(options: ReluOptions = {}): Activation {
  const { maxValue = Infinity, negativeSlope = 0, threshold = 0 } = options
  for (const [name, value] of Object.entries({ maxValue, negativeSlope, threshold }))
    if (!(value >= 0))
      throw new ValueError({ op: 'layers.relu', problem: `${name} is ${value}`, fix: 'use at least 0.' })
  const apply = (x: Tensor): Tensor => {
    if (negativeSlope === 0 && threshold === 0 && maxValue === Infinity) return nn.relu(x)
    const below = negativeSlope === 0 ? mul(x, 0) : mul(x.sub(threshold), negativeSlope)
    const above = maxValue === Infinity ? x : minimum(x, maxValue)
    return where(greater(x, threshold), above, below)
  }
  return new Activation(apply, options, 're_lu')
}

/** x, and `negativeSlope` (0.3 unless given) times x below 0. */
export function leakyReLU(options: LayerOptions & { readonly negativeSlope?: number } = {}): Activation {
  const { negativeSlope = 0.3 } = options
  return new Activation((x) => nn.leakyRelu(x, negativeSlope), options, 'leaky_re_lu')
}

/** x, and alpha·(eˣ − 1) below 0; alpha is 1 unless given. */
export function elu(options: LayerOptions & { readonly alpha?: number } = {}): Activation {
  const { alpha = 1 } = options
  return new Activation((x) => where(greater(x, 0), x, mul(nn.elu(x), alpha)), options, 'elu')
}

/** Softmax along `axis`, the last unless given. */
export function softmax(options: LayerOptions & { readonly axis?: number } = {}): Activation {
  const { axis = -1 } = options
  return new Activation((x) => nn.softmax(x, axis), options, 'softmax')
}

export interface PReLUOptions extends LayerOptions {
  /** Default zeros. */
  readonly alphaInitializer?: InitializerLike
  readonly alphaRegularizer?: RegularizerLike
  /** Axes (the batch is 0) along which one alpha is shared. Default none. */
  readonly sharedAxes?: readonly number[]
}

/** max(x, 0) + alpha·min(x, 0), with a trained alpha for each place of the input. Make one with `tf.layers.prelu`. */
export class PReLU extends Layer {
  readonly #options: PReLUOptions
  #alpha: Variable | undefined

  constructor(options: PReLUOptions = {}) {
    super('p_re_lu', options)
    this.#options = options
  }
  /** The input's shape without the batch; 1 for shared axes. */
  get alpha(): Variable {
    return this.afterBuild(this.#alpha, 'alpha')
  }
  override outputShape(input: InputShape): InputShape {
    return input
  }
  protected override create(input: InputShape): void {
    const { alphaInitializer = 'zeros', alphaRegularizer, sharedAxes = [] } = this.#options
    const shape = input
      .slice(1)
      .map((_, i) => (sharedAxes.includes(i + 1) ? 1 : this.sizeOfAxis(input, i + 1, 2)))
    this.#alpha = this.addWeight('alpha', shape, alphaInitializer, { regularizer: alphaRegularizer })
  }
  protected override call(x: Tensor): Tensor {
    return maximum(x, 0).add(mul(minimum(x, 0), this.alpha))
  }
}

/** A layer of rectified units with trained slopes; see `PReLU`. Its weight is [alpha]. */
export function prelu(options: PReLUOptions = {}): PReLU {
  return new PReLU(options)
}
