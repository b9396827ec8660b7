/** Dropout: noise in training that keeps units from relying on each other. Srivastava et al. (2014). */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { greaterEqual, mul, where, zerosLike } from '../math/index.ts'
import { type Generator, globalGenerator, keyedGenerator } from '../random/generator.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface DropoutOptions extends LayerOptions {
  /** Gives the layer a random sequence of its own; without one it draws from the shared sequence. */
  readonly seed?: number
}

/** In training, each element is 0 with probability `rate` and otherwise divided by 1 − rate. Make one with `tf.layers.dropout`. */
export class Dropout extends Layer {
  readonly rate: number
  readonly #generator: Generator | undefined

  constructor(rate: number, options: DropoutOptions = {}) {
    super('dropout', options)
    if (!(rate >= 0 && rate <= 1))
      throw new ValueError({
        op: this.name,
        problem: `the rate is ${rate}`,
        fix: 'use a number from 0 to 1.',
      })
    this.rate = rate
    this.#generator = options.seed === undefined ? undefined : keyedGenerator(options.seed)
  }

  override outputShape(input: InputShape): InputShape {
    return input
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    if (!training || this.rate === 0) return x
    if (this.rate === 1) return zerosLike(x)
    const kept = greaterEqual((this.#generator ?? globalGenerator()).uniform(x.type.shape), this.rate)
    return where(kept, mul(x, 1 / (1 - this.rate)), 0)
  }
}

/** A dropout layer: the identity unless applied with `{ training: true }`. Throws ValueError for a rate outside [0, 1]. */
export function dropout(rate: number, options: DropoutOptions = {}): Dropout {
  return new Dropout(rate, options)
}
