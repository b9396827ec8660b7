/**
 * What all layers share: they are built once, for the sizes of their first input, and then applied.
 *
 * Building makes the variables in eager code, also when the layer is first applied inside a traced function: the trace
 * captures them by reference, and later calls find them.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { printShape, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import type { Initializer } from '../initializers/index.ts'
import { variable } from '../variable.ts'
import { Module } from './module.ts'

/** Sizes of an input, the batch first; null for those that do not matter or are not known. */
export type InputShape = readonly (number | null)[]

export interface LayerOptions {
  /** For messages and the names of variables; the kind and a number when absent. */
  readonly name?: string
  /** The dtype of the variables. Default float32. */
  readonly dtype?: DType
}

export interface ApplyOptions {
  /** Whether to behave as in training: drop units, use the batch's statistics. Default false. */
  readonly training?: boolean
}

const countByKind = new Map<string, number>()

function nameOf(kind: string): string {
  const count = countByKind.get(kind) ?? 0
  countByKind.set(kind, count + 1)
  return count === 0 ? kind : `${kind}_${count}`
}

export abstract class Layer extends Module {
  readonly name: string
  readonly dtype: DType
  readonly #weights: Variable[] = []
  #built = false

  constructor(kind: string, options: LayerOptions = {}) {
    super()
    this.name = options.name ?? nameOf(kind)
    this.dtype = options.dtype ?? 'float32'
  }

  /** Whether the variables exist. */
  get built(): boolean {
    return this.#built
  }

  /**
   * Makes the variables for inputs of this shape; a number stands for the last axis of a batch. Later calls do nothing.
   *
   * @throws ShapeError when the layer cannot take such inputs
   */
  build(input: number | InputShape): void {
    if (this.#built) return
    // A build that failed half-way starts anew.
    this.#weights.length = 0
    this.create(typeof input === 'number' ? [null, input] : input)
    this.#built = true
  }

  /** The layer's output for `x`; builds the layer at the first call. Throws ShapeError when x does not fit. */
  apply(x: TensorLike, options: ApplyOptions = {}): Tensor {
    const tensor = convertToTensor(x, { op: this.name, dtype: this.dtype })
    if (!this.#built) this.build(knownSizes(tensor.type.shape))
    return this.call(tensor, options.training ?? false)
  }

  /** The shape of the output for inputs of a shape, null where it is not known. */
  abstract outputShape(input: InputShape): InputShape

  /** Makes the variables. */
  protected create(_input: InputShape): void {}

  /** The output. */
  protected abstract call(x: Tensor, training: boolean): Tensor

  protected override ownVariables(): readonly Variable[] {
    return this.#weights
  }

  /** Makes a variable of the layer; the order of these calls is the order of `variables`. */
  protected addWeight(
    name: string,
    shape: readonly number[],
    initializer: Initializer,
    trainable = true,
  ): Variable {
    const weight = variable(() => initializer(shape, this.dtype), { name: `${this.name}/${name}`, trainable })
    this.#weights.push(weight)
    return weight
  }

  /** `value` when the layer is built. */
  protected afterBuild<T>(value: T | undefined, what: string): T {
    if (value !== undefined) return value
    throw new ValueError({
      op: this.name,
      problem: `it has no ${what}${this.#built ? '' : ' before it is built'}`,
      fix: this.#built ? 'turn it on in the options.' : 'apply it to an input, or call build(inputSize).',
    })
  }

  /** Complains unless x has `least` axes and, when a size is given, its last axis has it. */
  protected requireInput(x: Tensor, least: number, lastSize?: number): void {
    const rows = [['x', printType(x.type)]]
    if (x.rank < least)
      throw new ShapeError({
        op: this.name,
        problem: `the input must have at least ${least} axes, and has ${x.rank}`,
        rows,
        fix: 'give it a batch axis: tf.expandDims(x, 0).',
      })
    const last = x.type.shape.at(-1)
    if (lastSize !== undefined && typeof last === 'number' && last !== lastSize)
      throw new ShapeError({
        op: this.name,
        problem: `axis -1 of the input must be ${lastSize}, and is ${last}`,
        rows,
        fix: `the layer was built for ${lastSize}; make another layer for ${last}.`,
      })
  }

  /** The size of the input's last axis. */
  protected lastSizeOf(input: InputShape, least: number): number {
    const last = input.at(-1)
    if (input.length >= least && typeof last === 'number') return last
    throw new ShapeError({
      op: this.name,
      problem:
        input.length < least
          ? `the input must have at least ${least} axes, and has ${input.length}`
          : 'the size of the last axis of the input must be known',
      rows: [['x', printShape(input.map((size) => size ?? -1)).replaceAll('-1', '?')]],
      fix:
        input.length < least
          ? 'give it a batch axis: tf.expandDims(x, 0).'
          : 'give the axis a size in the signature, or build the layer before.',
    })
  }
}

function knownSizes(shape: readonly Size[]): InputShape {
  return shape.map((size) => (typeof size === 'number' ? size : null))
}
