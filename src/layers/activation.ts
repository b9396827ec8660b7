/** Activations by name, and as layers. */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { exp } from '../math/index.ts'
import * as nn from '../nn/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

/** The activations that have a name. */
export type ActivationName =
  | 'elu'
  | 'exponential'
  | 'gelu'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'leakyRelu'
  | 'linear'
  | 'logSoftmax'
  | 'mish'
  | 'relu'
  | 'relu6'
  | 'selu'
  | 'sigmoid'
  | 'silu'
  | 'softmax'
  | 'softplus'
  | 'softsign'
  | 'tanh'

/** The name of an activation, or a function of its own. */
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor)

const byName: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  elu: (x: Tensor) => nn.elu(x),
  exponential: (x: Tensor) => exp(x),
  gelu: (x: Tensor) => nn.gelu(x),
  hardSigmoid: (x: Tensor) => nn.hardSigmoid(x),
  hardSwish: (x: Tensor) => nn.hardSwish(x),
  leakyRelu: (x: Tensor) => nn.leakyRelu(x),
  linear: (x: Tensor) => x,
  logSoftmax: (x: Tensor) => nn.logSoftmax(x),
  mish: (x: Tensor) => nn.mish(x),
  relu: (x: Tensor) => nn.relu(x),
  relu6: (x: Tensor) => nn.relu6(x),
  selu: (x: Tensor) => nn.selu(x),
  sigmoid: (x: Tensor) => nn.sigmoid(x),
  silu: (x: Tensor) => nn.silu(x),
  softmax: (x: Tensor) => nn.softmax(x),
  softplus: (x: Tensor) => nn.softplus(x),
  softsign: (x: Tensor) => nn.softsign(x),
  tanh: (x: Tensor) => nn.tanh(x),
}

/** The function meant. Throws ValueError for an unknown name. */
export function activationOf(op: string, like: ActivationLike | undefined): (x: Tensor) => Tensor {
  if (like === undefined) return byName.linear
  if (typeof like === 'function') return like
  const found = Object.hasOwn(byName, like) ? byName[like] : undefined
  if (found !== undefined) return found
  throw new ValueError({
    op,
    problem: `"${String(like)}" names no activation function`,
    fix: `use one of ${Object.keys(byName).join(', ')}, or a function.`,
  })
}

/** Applies a function to its input. Make one with `tf.layers.activation`. */
export class Activation extends Layer {
  readonly #function: (x: Tensor) => Tensor

  constructor(like: ActivationLike, options: LayerOptions = {}) {
    super('activation', options)
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
