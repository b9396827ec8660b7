/** Layers one after another. */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { Model } from '../models/model.ts'
import type { InputShape, Layer, LayerOptions } from './layer.ts'

/** A model that applies its layers in order. Make one with `tf.layers.sequential`. */
export class Sequential extends Model {
  readonly layers: readonly Layer[]

  constructor(layers: readonly Layer[], options: LayerOptions = {}) {
    super('sequential', { ...(layers[0] === undefined ? {} : { dtype: layers[0].dtype }), ...options })
    if (layers.length === 0)
      throw new ValueError({ op: this.name, problem: 'there are no layers', fix: 'pass at least one.' })
    this.layers = [...layers]
  }

  protected override get inputDtype(): DType {
    return this.layers[0]?.expectedDtype ?? this.dtype
  }
  override get listedLayers(): readonly Layer[] {
    return this.layers
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
