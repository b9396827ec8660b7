/**
 * The recurrent layers: SimpleRNN (Elman 1990), LSTM (Hochreiter & Schmidhuber 1997) and GRU (Cho et al. 2014), with
 * Keras's order of gates.
 */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type ActivationLike, activationOf } from '../activations/index.ts'
import { type Initializer, type InitializerLike, get as initializerOf } from '../initializers/index.ts'
import { add, concat, mul, ones, split, sub } from '../math/index.ts'
import { type Product, Recurrent, type RecurrentOptions, type RecurrentOutput } from './recurrent.ts'

export type SimpleRNNOptions = RecurrentOptions

/** h ← activation(x·kernel + bias + h·recurrentKernel). Make one with `tf.layers.simpleRNN`. */
export class SimpleRNN<Output extends RecurrentOutput = Tensor> extends Recurrent<Output> {
  constructor(options: SimpleRNNOptions) {
    super('simple_rnn', options)
  }
  protected override get gates(): number {
    return 1
  }
  protected override get stateCount(): number {
    return 1
  }
  protected override step(
    contribution: Tensor,
    [h = contribution]: readonly Tensor[],
    product: Product,
  ): readonly Tensor[] {
    return [this.activation(add(contribution, product(h)))]
  }
}

export interface GatedOptions extends RecurrentOptions {
  /** The gates' activation. Default sigmoid. */
  readonly recurrentActivation?: ActivationLike
}

export interface LSTMOptions extends GatedOptions {
  /** Whether the forget gate's bias starts from 1. Default true. */
  readonly unitForgetBias?: boolean
}

/**
 * Gates i, f, candidate, o: c ← f·c + i·activation(candidate), h ← o·activation(c); the states are [h, c]. Make one with
 * `tf.layers.lstm`.
 */
export class LSTM<Output extends RecurrentOutput = Tensor> extends Recurrent<Output> {
  readonly #gate: (x: Tensor) => Tensor
  readonly #unitForgetBias: boolean

  constructor(options: LSTMOptions) {
    super('lstm', options)
    this.#gate = activationOf(this.name, options.recurrentActivation ?? 'sigmoid')
    this.#unitForgetBias = options.unitForgetBias ?? true
  }
  protected override get gates(): number {
    return 4
  }
  protected override get stateCount(): number {
    return 2
  }
  protected override biasInitializer(): InitializerLike {
    const make = initializerOf(super.biasInitializer())
    if (!this.#unitForgetBias) return make
    const { units } = this
    const initializer: Initializer = (_, dtype = 'float32') =>
      concat([make([units], dtype), ones([units], dtype), make([2 * units], dtype)])
    return initializer
  }
  protected override step(
    contribution: Tensor,
    [h = contribution, c = contribution]: readonly Tensor[],
    product: Product,
  ): readonly Tensor[] {
    const [i, f, candidate, o] = split(add(contribution, product(h)), 4, 1) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const carry = add(mul(this.#gate(f), c), mul(this.#gate(i), this.activation(candidate)))
    return [mul(this.#gate(o), this.activation(carry)), carry]
  }
}

export interface GRUOptions extends GatedOptions {
  /** Whether the reset gate is applied after the product with the state, as in cuDNN. Default true. */
  readonly resetAfter?: boolean
}

/**
 * Gates z, r, candidate: h ← z·h + (1 − z)·activation(x·kernel + r·(h·recurrentKernel)). The bias is [2, 3 · units] with
 * `resetAfter`, for inputs and state, and [3 · units] without. Make one with `tf.layers.gru`.
 */
export class GRU<Output extends RecurrentOutput = Tensor> extends Recurrent<Output> {
  readonly #gate: (x: Tensor) => Tensor
  readonly #resetAfter: boolean

  constructor(options: GRUOptions) {
    super('gru', options)
    this.#gate = activationOf(this.name, options.recurrentActivation ?? 'sigmoid')
    this.#resetAfter = options.resetAfter ?? true
  }
  protected override get gates(): number {
    return 3
  }
  protected override get stateCount(): number {
    return 1
  }
  protected override biasShape(): readonly number[] {
    return this.#resetAfter ? [2, 3 * this.units] : [3 * this.units]
  }
  protected override inputBias(): Tensor | Variable | undefined {
    return this.#resetAfter && this.hasBias ? this.bias.value().at(0) : super.inputBias()
  }
  protected override step(
    contribution: Tensor,
    [h = contribution]: readonly Tensor[],
    product: Product,
  ): readonly Tensor[] {
    const [ofZ, ofR, ofCandidate] = split(contribution, 3, 1) as [Tensor, Tensor, Tensor]
    let gates: Tensor[]
    if (this.#resetAfter) {
      const inner = product(h)
      gates = split(this.hasBias ? add(inner, this.bias.value().at(1)) : inner, 3, 1)
    } else gates = split(product(h, 0, 2), 2, 1)
    const [z, r] = [add(ofZ, gates[0] ?? h), add(ofR, gates[1] ?? h)].map(this.#gate) as [Tensor, Tensor]
    const memory = this.#resetAfter ? mul(r, gates[2] ?? h) : product(mul(r, h), 2, 3)
    const candidate = this.activation(add(ofCandidate, memory))
    return [add(mul(z, h), mul(sub(1, z), candidate))]
  }
}

/**
 * A simple recurrent layer; its weights are [kernel, recurrentKernel, bias]. Throws ValueError for units below 1, or an
 * unknown activation.
 */
export function simpleRNN(
  options: SimpleRNNOptions & { readonly returnState: true },
): SimpleRNN<readonly Tensor[]>
export function simpleRNN(options: SimpleRNNOptions): SimpleRNN
export function simpleRNN(options: SimpleRNNOptions): SimpleRNN<RecurrentOutput> {
  return new SimpleRNN<RecurrentOutput>(options)
}

/**
 * An LSTM layer; its weights are [kernel, recurrentKernel, bias]. Throws ValueError for units below 1, or an unknown
 * activation.
 *
 * @example
 * const layer = tf.layers.lstm({ units: 3, returnSequences: true })
 * layer.apply(tf.ones([2, 5, 4])).shape // [2, 5, 3]
 */
export function lstm(options: LSTMOptions & { readonly returnState: true }): LSTM<readonly Tensor[]>
export function lstm(options: LSTMOptions): LSTM
export function lstm(options: LSTMOptions): LSTM<RecurrentOutput> {
  return new LSTM<RecurrentOutput>(options)
}

/** A GRU layer; its weights are [kernel, recurrentKernel, bias]. Throws ValueError for units below 1, or an unknown activation. */
export function gru(options: GRUOptions & { readonly returnState: true }): GRU<readonly Tensor[]>
export function gru(options: GRUOptions): GRU
export function gru(options: GRUOptions): GRU<RecurrentOutput> {
  return new GRU<RecurrentOutput>(options)
}
