/** Layers one after another, and the flattening of what lies between them. */
import { ValueError } from '../../codegen/errors.ts'
import { multiplySizes } from '../../codegen/size.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { reshape } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

/** [batch, …] becomes [batch, product of the other sizes]. Make one with `tf.layers.flatten`. */
export class Flatten extends Layer {
  constructor(options: LayerOptions = {}) {
    super('flatten', options)
  }
  override outputShape(input: InputShape): InputShape {
    const [batch = null, ...rest] = input
    const sizes = rest.filter((size) => size !== null)
    return [batch, sizes.length < rest.length ? null : sizes.reduce((product, size) => product * size, 1)]
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

/** Applies its layers in order. Make one with `tf.layers.sequential`. */
export class Sequential extends Layer {
  readonly layers: readonly Layer[]

  constructor(layers: readonly Layer[], options: LayerOptions = {}) {
    super('sequential', { ...(layers[0] === undefined ? {} : { dtype: layers[0].dtype }), ...options })
    if (layers.length === 0)
      throw new ValueError({ op: this.name, problem: 'there are no layers', fix: 'pass at least one.' })
    this.layers = [...layers]
  }

  override outputShape(input: InputShape): InputShape {
    return this.layers.reduce((shape, layer) => layer.outputShape(shape), input)
  }

  protected override create(input: InputShape): void {
    let shape = input
    for (const layer of this.layers) {
      layer.build(shape)
      shape = layer.outputShape(shape)
    }
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    return this.layers.reduce((value, layer) => layer.apply(value, { training }), x)
  }
}

/**
 * Layers one after another; its variables are those of the layers, in order.
 *
 * @throws ValueError without layers
 * @example
 * const model = tf.layers.sequential([tf.layers.dense({ units: 128, activation: 'relu' }), tf.layers.dense(10)])
 * model.build(784)
 */
export function sequential(layers: readonly Layer[], options: LayerOptions = {}): Sequential {
  return new Sequential(layers, options)
}
