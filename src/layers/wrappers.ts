/** Layers made of other layers: both directions of time, and one layer for every step. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { multiplySizes } from '../../codegen/size.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { add, concat, mul, reshape, reverse } from '../math/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'
import type { Recurrent } from './recurrent.ts'

/** How the outputs of two directions become one. */
export type MergeMode = 'concat' | 'sum' | 'mul' | 'ave'

const mergers: Readonly<Record<MergeMode, (a: Tensor, b: Tensor) => Tensor>> = {
  concat: (a, b) => concat([a, b], -1),
  sum: add,
  mul,
  ave: (a, b) => mul(add(a, b), 0.5),
}

export interface BidirectionalOptions extends LayerOptions {
  /** Default concat. */
  readonly mergeMode?: MergeMode
}

/** Two recurrent layers, one of which begins with the last step. Make one with `tf.layers.bidirectional`. */
export class Bidirectional extends Layer {
  readonly forward: Recurrent
  readonly backward: Recurrent
  readonly mergeMode: MergeMode

  constructor(forward: Recurrent, backward: Recurrent, options: BidirectionalOptions = {}) {
    super('bidirectional', { dtype: forward.dtype, ...options })
    const mode = options.mergeMode ?? 'concat'
    if (!Object.hasOwn(mergers, mode))
      throw new ValueError({
        op: this.name,
        problem: `"${String(mode)}" is no way of merging`,
        fix: `use one of ${Object.keys(mergers).join(', ')}.`,
      })
    if (
      forward.goesBackwards ||
      !backward.goesBackwards ||
      forward.returnsSequences !== backward.returnsSequences
    )
      throw new ValueError({
        op: this.name,
        problem: 'the layers are not a forward and a backward one with outputs of the same form',
        fix: 'give the second goBackwards: true, and both the same returnSequences.',
      })
    this.mergeMode = mode
    this.forward = forward
    this.backward = backward
  }
  override outputShape(input: InputShape): InputShape {
    const shape = this.forward.outputShape(input)
    if (this.mergeMode !== 'concat') return shape
    return [...shape.slice(0, -1), this.forward.units + this.backward.units]
  }
  // The order of their weights is this one, not that of the fields' names.
  override contents(): readonly (readonly [string, unknown])[] {
    return [
      ['forward', this.forward],
      ['backward', this.backward],
    ]
  }
  protected override create(input: InputShape): void {
    this.forward.build(input)
    this.backward.build(input)
  }
  protected override call(x: Tensor, training: boolean): Tensor {
    const ahead = this.forward.apply(x, { training })
    const back = this.backward.apply(x, { training })
    return mergers[this.mergeMode](ahead, this.forward.returnsSequences ? reverse(back, 1) : back)
  }
}

/**
 * A recurrent layer for each direction, whose outputs are joined, or merged in another way. Its weights are those of the
 * forward layer, then those of the backward one.
 *
 * @throws ValueError unless the second layer, and not the first, goes backwards
 * @example
 * const layer = tf.layers.bidirectional(
 *   tf.layers.gru({ units: 3 }),
 *   tf.layers.gru({ units: 3, goBackwards: true }),
 * )
 * layer.apply(tf.ones([2, 5, 4])).shape // [2, 6]
 */
export function bidirectional(
  forward: Recurrent,
  backward: Recurrent,
  options: BidirectionalOptions = {},
): Bidirectional {
  return new Bidirectional(forward, backward, options)
}

/** One layer applied to every step of [batch, time, …]. Make one with `tf.layers.timeDistributed`. */
export class TimeDistributed extends Layer {
  readonly layer: Layer

  constructor(layer: Layer, options: LayerOptions = {}) {
    super('time_distributed', { dtype: layer.dtype, ...options })
    this.layer = layer
  }
  override outputShape(input: InputShape): InputShape {
    const [batch = null, time = null, ...rest] = input
    return [batch, time, ...this.layer.outputShape([null, ...rest]).slice(1)]
  }
  protected override create(input: InputShape): void {
    const [batch, time, ...rest] = input
    if (batch === undefined || time === undefined)
      throw new ShapeError({
        op: this.name,
        problem: `the input must have at least 2 axes, batch and time, and has ${input.length}`,
        fix: 'give it a time axis: tf.expandDims(x, 1).',
      })
    this.layer.build([null, ...rest])
  }
  protected override call(x: Tensor, training: boolean): Tensor {
    this.requireInput(x, 2)
    const [batch = 1, time = 1, ...rest] = x.type.shape
    const y = this.layer.apply(reshape(x, [multiplySizes(batch, time), ...rest]), { training })
    return reshape(y, [batch, time, ...y.type.shape.slice(1)])
  }
}

/** A layer that applies another to each step of a sequence; its weights are the other's. */
export function timeDistributed(layer: Layer, options: LayerOptions = {}): TimeDistributed {
  return new TimeDistributed(layer, options)
}
