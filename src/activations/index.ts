/** `tf.activations`: activation functions by name. The functions themselves are in `tf.nn`. */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { exp } from '../math/index.ts'
import * as nn from '../nn/index.ts'

/** The activations that have a name. */
export type ActivationName =
  | 'elu'
  | 'exponential'
  | 'gelu'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'leakyRelu'
  | 'linear'
  | 'logSigmoid'
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
  | 'swish'
  | 'tanh'
  | 'tanhShrink'

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
  logSigmoid: (x: Tensor) => nn.logSigmoid(x),
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
  swish: (x: Tensor) => nn.silu(x),
  tanh: (x: Tensor) => nn.tanh(x),
  tanhShrink: (x: Tensor) => nn.tanhShrink(x),
}

/** For the library's own use: the function meant, complaining in the name of `op`. */
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

/**
 * The activation meant by a name or function; the identity for none. Throws ValueError for an unknown name.
 *
 * @example tf.activations.get('relu')(tf.tensor([-1, 2])) // [0, 2]
 */
export function get(like?: ActivationLike): (x: Tensor) => Tensor {
  return activationOf('activations.get', like)
}
