/**
 * What all layers share: they are built once, for the sizes of their first input, and then applied.
 *
 * Building makes the variables in eager code, also when the layer is first applied inside a traced function: the trace
 * captures them by reference, and later calls find them. A build that throws leaves the layer as it was.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { printShape, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { get as initializerOf, type InitializerLike } from '../initializers/by-name.ts'
import { type Regularizer, get as regularizerOf, type RegularizerLike } from '../regularizers/index.ts'
import { variable } from '../variable.ts'
import { Module, modulesOf } from './module.ts'
import { shapeByTracing } from './output-shape.ts'
import { summaryOf } from './summary.ts'
import { assignWeights } from './weights.ts'

/** Sizes of an input, the batch first; null for those that do not matter or are not known. */
export type InputShape = readonly (number | null)[]

export interface LayerOptions {
  /** For messages and the names of variables; the kind and a number when absent. */
  readonly name?: string
  /** The dtype of the variables. Default float32. */
  readonly dtype?: DType
  /** Whether an optimizer may change its variables. Default true. */
  readonly trainable?: boolean
}

export interface ApplyOptions {
  /** Whether to behave as in training: drop units, use the batch's statistics. Default false. */
  readonly training?: boolean
}

export interface WeightOptions {
  /** Default true. */
  readonly trainable?: boolean
  /** A penalty that `layer.losses` gives. */
  readonly regularizer?: RegularizerLike | undefined
}

const countByKind = new Map<string, number>()

function nameOf(kind: string): string {
  const count = countByKind.get(kind) ?? 0
  countByKind.set(kind, count + 1)
  return count === 0 ? kind : `${kind}_${count}`
}

/**
 * A layer: Variables made for the first input, and a function of inputs. `Output` is what `apply` gives.
 *
 * A layer of one's own overrides `call`, and `build` when it has weights; layers kept in its fields are part of it.
 *
 * @example
 * class Scale extends tf.layers.Layer {
 *   factor: tf.Variable | undefined
 *   constructor() { super('scale') }
 *   override build(input: tf.layers.InputShape) {
 *     this.factor = this.addWeight('factor', [input.at(-1) ?? 1], 'ones')
 *   }
 *   protected override call(x: tf.Tensor) { return x.mul(this.factor ?? 1) }
 * }
 * const layer = new Scale()
 * layer.apply([[1, 2]]) // [[1, 2]]
 * layer.countParams() // 2
 */
export abstract class Layer<Output = Tensor> extends Module {
  readonly name: string
  readonly dtype: DType
  readonly #weights = new Map<string, Variable>()
  readonly #regularizers = new Map<Variable, Regularizer>()
  #built = false
  #building = false

  /** @param kind for the name, when the options have none: `dense` gives `dense`, `dense_1`, … */
  constructor(kind: string, options: LayerOptions = {}) {
    super()
    this.name = options.name ?? nameOf(kind)
    this.dtype = options.dtype ?? 'float32'
    if (options.trainable === false) this.trainable = false
    // A subclass's own build gets what every build has: once, for a shape, and all or nothing.
    // oxlint-disable-next-line typescript/unbound-method -- it is called on this layer
    const own = this.build
    if (own !== Layer.prototype.build)
      Object.defineProperty(this, 'build', {
        value: (input: number | InputShape) => this.#buildOnce(input, (shape) => own.call(this, shape)),
      })
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
    if (this.#building) return
    this.#buildOnce(input, (shape) => this.create(shape))
  }

  /** The layer's output for `x`; builds the layer at the first call. Throws ShapeError when x does not fit. */
  apply(x: TensorLike, options: ApplyOptions = {}): Output {
    const tensor = this.prepared(x)
    return this.call(tensor, options.training ?? false)
  }

  /** The shape of the output for inputs of a shape, null where it is not known; found by tracing unless overridden. */
  outputShape(input: InputShape): InputShape {
    return shapeByTracing(
      this.name,
      (x) => this.call(x, false),
      input,
      this.inputDtype,
      () => this.build(input),
    )
  }

  /** All Variables of the layer and of those inside it, in the order in which they were made; the same as `variables`. */
  get weights(): Variable[] {
    return this.variables
  }

  /** The values of `weights`. */
  getWeights(): Tensor[] {
    return this.weights.map((weight) => weight.value())
  }

  /**
   * Assigns a value to each of `weights`.
   *
   * @throws ValueError for another number of values, ShapeError or DTypeError for one that does not fit; nothing is then
   *   assigned
   * @example
   * const layer = tf.layers.dense({ units: 1, inputSize: 2 })
   * layer.setWeights([[[1], [2]], [0.5]])
   * layer.apply([[1, 1]]) // [[3.5]]
   */
  setWeights(values: readonly TensorLike[]): void {
    if (!this.#built) this.afterBuild(undefined, 'weights')
    assignWeights(this.name, this.weights, values)
  }

  /** The number of elements of all weights. Throws ValueError before the layer is built. */
  countParams(): number {
    if (!this.#built) this.afterBuild(undefined, 'weights')
    return this.weights.reduce((total, weight) => total + weight.size, 0)
  }

  /** The penalties of all regularized weights, those of frozen layers left out: scalars to add to a loss. */
  get losses(): Tensor[] {
    return modulesOf(this)
      .filter((module): module is Layer<unknown> => module instanceof Layer)
      .flatMap((layer) => (layer.trainable ? layer.#penalties() : []))
  }

  /**
   * Prints a table of the layers, their output shapes and numbers of parameters.
   *
   * @param options `sink` gets the text; `console.log` unless given
   */
  summary(options: { readonly sink?: (text: string) => void } = {}): void {
    const text = summaryOf(this)
    // oxlint-disable-next-line no-console -- printing is what the method is for
    const { sink = console.log } = options
    sink(text)
  }

  /** For the library's own use: the layers a summary lists; none for a layer that is listed alone. */
  get listedLayers(): readonly Layer<unknown>[] {
    return []
  }

  /** The shape the layer was built for. */
  get inputShape(): InputShape | undefined {
    return this.#inputShape
  }
  #inputShape: InputShape | undefined

  /** Makes the variables of the library's own layers; others override `build`. */
  protected create(_input: InputShape): void {}

  /** The output. */
  protected abstract call(x: Tensor, training: boolean): Output

  /** The dtype that JavaScript numbers take as inputs. */
  protected get inputDtype(): DType {
    return this.dtype
  }

  /** For the library's own use: the dtype that JavaScript numbers take as inputs. */
  get expectedDtype(): DType {
    return this.inputDtype
  }

  /** `x` as a tensor, the layer built for it. */
  protected prepared(x: TensorLike): Tensor {
    const tensor = convertToTensor(x, { op: this.name, dtype: this.inputDtype })
    if (!this.#built) this.build(knownSizes(tensor.type.shape))
    return tensor
  }

  protected override ownVariables(): ReadonlyMap<string, Variable> {
    return this.#weights
  }

  /**
   * Makes a variable of the layer; the order of these calls is the order of `weights`.
   *
   * @throws ValueError for a second weight of the same name
   */
  protected addWeight(
    name: string,
    shape: readonly number[],
    initializer: InitializerLike = 'glorotUniform',
    options: WeightOptions = {},
  ): Variable {
    if (this.#weights.has(name))
      throw new ValueError({
        op: this.name,
        problem: `it has a weight "${name}" already`,
        fix: 'give each weight a name of its own.',
      })
    const make = initializerOf(initializer)
    const { trainable = true } = options
    const weight = variable(() => make(shape, this.dtype), { name: `${this.name}/${name}`, trainable })
    if (options.regularizer !== undefined) this.#regularizers.set(weight, regularizerOf(options.regularizer))
    this.#weights.set(name, weight)
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

  /** Complains unless an input has this rank; `what` names the axes. */
  protected requireRank(input: readonly unknown[], rank: number, what: string): void {
    if (input.length === rank) return
    throw new ShapeError({
      op: this.name,
      problem: `the input must have ${rank} axes ${what}, and has ${input.length}`,
      rows: [['x', `rank ${input.length}`]],
      fix: 'reshape it, or give it a batch axis: tf.expandDims(x, 0).',
    })
  }

  /** The size of the input's last axis. */
  protected lastSizeOf(input: InputShape, least: number): number {
    return this.sizeOfAxis(input, -1, least)
  }

  /** The size of an axis of the input, which must have `least` axes. */
  protected sizeOfAxis(input: InputShape, axis: number, least: number): number {
    const size = input.at(axis)
    if (input.length >= least && typeof size === 'number') return size
    const few = input.length < least
    throw new ShapeError({
      op: this.name,
      problem: few
        ? `the input must have at least ${least} axes, and has ${input.length}`
        : `the size of ${axis === -1 ? 'the last axis' : `axis ${axis}`} of the input must be known`,
      rows: [['x', printShape(input.map((each) => each ?? -1)).replaceAll('-1', '?')]],
      fix: few
        ? 'give it a batch axis: tf.expandDims(x, 0).'
        : 'give the axis a size in the signature, or build the layer before.',
    })
  }

  #buildOnce(input: number | InputShape, make: (shape: InputShape) => void): void {
    if (this.#built || this.#building) return
    this.#building = true
    const shape = typeof input === 'number' ? [null, input] : input
    try {
      make(shape)
      this.#inputShape = shape
      this.#built = true
    } finally {
      this.#building = false
      if (!this.#built) {
        this.#weights.clear()
        this.#regularizers.clear()
      }
    }
  }

  #penalties(): Tensor[] {
    return [...this.#regularizers]
      .filter(([weight]) => weight.trainable)
      .map(([weight, regularizer]) => regularizer(weight.value()))
  }
}

function knownSizes(shape: readonly Size[]): InputShape {
  return shape.map((size) => (typeof size === 'number' ? size : null))
}
