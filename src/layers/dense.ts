/** Dense layers: every output depends on every input. */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type ActivationLike, activationOf } from '../activations/index.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { requireCount } from '../math/checks.ts'
import { add, matMul } from '../math/index.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface DenseOptions extends LayerOptions {
  /** Size of the output's last axis. */
  readonly units: number
  /** Applied to the result; none when absent. */
  readonly activation?: ActivationLike
  /** Default true. */
  readonly useBias?: boolean
  /** Default glorotUniform. */
  readonly kernelInitializer?: InitializerLike
  /** Default zeros. */
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike
  readonly biasRegularizer?: RegularizerLike
  /** Size of the input's last axis: builds the layer at once. */
  readonly inputSize?: number
}

/** activation(x·kernel + bias) over the last axis of x, whose rank is 2 or more. Make one with `tf.layers.dense`. */
export class Dense extends Layer {
  readonly units: number
  readonly #activation: (x: Tensor) => Tensor
  readonly #options: DenseOptions
  #kernel: Variable | undefined
  #bias: Variable | undefined

  constructor(options: DenseOptions) {
    super('dense', options)
    this.units = requireCount(this.name, 'units', options.units, 1)
    this.#options = options
    this.#activation = activationOf(this.name, options.activation)
    if (options.inputSize !== undefined) this.build(options.inputSize)
  }

  /** [input size, units]. Throws ValueError before the layer is built. */
  get kernel(): Variable {
    return this.afterBuild(this.#kernel, 'kernel')
  }
  /** [units]. Throws ValueError before the layer is built, and without a bias. */
  get bias(): Variable {
    return this.afterBuild(this.#bias, 'bias')
  }

  override outputShape(input: InputShape): InputShape {
    return [...input.slice(0, -1), this.units]
  }

  protected override create(input: InputShape): void {
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros', useBias = true } = this.#options
    const { kernelRegularizer, biasRegularizer } = this.#options
    const shape = [this.lastSizeOf(input, 2), this.units]
    this.#kernel = this.addWeight('kernel', shape, kernelInitializer, { regularizer: kernelRegularizer })
    if (useBias)
      this.#bias = this.addWeight('bias', [this.units], biasInitializer, { regularizer: biasRegularizer })
  }

  protected override call(x: Tensor): Tensor {
    this.requireInput(x, 2, this.kernel.shape[0])
    const product = matMul(x, this.kernel)
    return this.#activation(this.#bias === undefined ? product : add(product, this.#bias))
  }
}

/**
 * A dense layer; see `Dense`. Its variables are [kernel, bias].
 *
 * @throws ValueError for units below 1 or an unknown activation
 * @example
 * const layer = tf.layers.dense({ units: 3, activation: 'relu' })
 * layer.apply(tf.ones([2, 4])).shape // [2, 3]
 */
export function dense(options: number | DenseOptions): Dense {
  return new Dense(typeof options === 'number' ? { units: options } : options)
}
