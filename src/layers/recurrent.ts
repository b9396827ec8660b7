/**
 * What recurrent layers share. What depends on the inputs alone, x·kernel + bias, is one product for all steps; the loop
 * over time then only multiplies the state. In a traced function the whole is one loop of the compiled program, with its
 * gradient; outputs and states are Keras 3's.
 */
import { ShapeError } from '../../codegen/errors.ts'
import { printShape, type Size, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { filled } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type ActivationLike, activationOf } from '../activations/index.ts'
import { foldl, scan } from '../elements.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { requireCount } from '../math/checks.ts'
import { add, expandDims, matMul, mul, reverse, transpose, where, zerosLike } from '../math/index.ts'
import type { Generator } from '../random/generator.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { generatorFor, keptFactors, requireRate } from './dropout.ts'
import { type ApplyOptions, type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface RecurrentOptions extends LayerOptions {
  /** Size of the output and of each state. */
  readonly units: number
  /** Default tanh. */
  readonly activation?: ActivationLike
  /** Default true. */
  readonly useBias?: boolean
  /** Default glorotUniform. */
  readonly kernelInitializer?: InitializerLike
  /** Default orthogonal. */
  readonly recurrentInitializer?: InitializerLike
  /** Default zeros. */
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike
  readonly recurrentRegularizer?: RegularizerLike
  readonly biasRegularizer?: RegularizerLike
  /** In training, the share of input features to drop, the same at every step. Default 0. */
  readonly dropout?: number
  /** The same for the state. Default 0. */
  readonly recurrentDropout?: number
  /** Gives dropout a random sequence of its own. */
  readonly seed?: number
  /** Whether to give the outputs of all steps, [batch, time, units], instead of the last. Default false. */
  readonly returnSequences?: boolean
  /** Whether to give [output, …states] instead of the output. Default false. */
  readonly returnState?: boolean
  /** Whether to begin with the last step; outputs are in the order in which they were computed. Default false. */
  readonly goBackwards?: boolean
}

export interface RecurrentApplyOptions extends ApplyOptions {
  /** The states to begin with, [batch, units] each. Default zeros. */
  readonly initialState?: readonly TensorLike[]
  /** bool[batch, time]: steps where it is false keep output and state as they were. Default: all true. */
  readonly mask?: TensorLike
}

/** What a recurrent layer gives: an output, or with `returnState` the output and the states. */
export type RecurrentOutput = Tensor | readonly Tensor[]

/** A state times the recurrent kernel, or its columns of some gates. */
export type Product = (h: Tensor, fromGate?: number, toGate?: number) => Tensor

type Combine = (carried: readonly Tensor[], element: readonly Tensor[]) => readonly Tensor[]

/** A layer with a loop over time: [batch, time, features] becomes [batch, units] or [batch, time, units]. */
export abstract class Recurrent<Output extends RecurrentOutput = Tensor> extends Layer<Output> {
  readonly units: number
  protected readonly activation: (x: Tensor) => Tensor
  readonly #options: RecurrentOptions
  readonly #generator: Generator | undefined
  #kernel: Variable | undefined
  #recurrentKernel: Variable | undefined
  #bias: Variable | undefined

  constructor(kind: string, options: RecurrentOptions) {
    super(kind, options)
    const units = requireCount(this.name, 'units', options.units, 1)
    requireRate(this.name, options.dropout ?? 0, 'dropout')
    requireRate(this.name, options.recurrentDropout ?? 0, 'recurrentDropout')
    this.units = units
    this.#options = options
    this.activation = activationOf(this.name, options.activation ?? 'tanh')
    this.#generator = generatorFor(options.seed)
  }

  /** How many times `units` the weights are wide: one for each gate. */
  protected abstract get gates(): number
  /** How many states there are; the first is the output. */
  protected abstract get stateCount(): number
  /** The next states from what the inputs of a step contribute, x·kernel + bias, and the states. */
  protected abstract step(
    contribution: Tensor,
    states: readonly Tensor[],
    product: Product,
  ): readonly Tensor[]

  /** [features, gates · units]. Throws ValueError before the layer is built. */
  get kernel(): Variable {
    return this.afterBuild(this.#kernel, 'kernel')
  }
  /** [units, gates · units]. Throws ValueError before the layer is built. */
  get recurrentKernel(): Variable {
    return this.afterBuild(this.#recurrentKernel, 'recurrent kernel')
  }
  /** Throws ValueError before the layer is built, and without a bias. */
  get bias(): Variable {
    return this.afterBuild(this.#bias, 'bias')
  }

  /** For wrappers: whether the layer begins with the last step. */
  get goesBackwards(): boolean {
    return this.#options.goBackwards ?? false
  }
  /** For wrappers: whether the layer gives the outputs of all steps. */
  get returnsSequences(): boolean {
    return this.#options.returnSequences ?? false
  }

  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, 3, '[batch, time, features]')
    const [batch = null, time = null] = input
    return this.returnsSequences ? [batch, time, this.units] : [batch, this.units]
  }

  override apply(x: TensorLike, options: RecurrentApplyOptions = {}): Output {
    return this.#run(this.prepared(x), options)
  }

  protected override create(input: InputShape): void {
    this.requireRank(input, 3, '[batch, time, features]')
    const { kernelInitializer = 'glorotUniform', recurrentInitializer = 'orthogonal' } = this.#options
    const { kernelRegularizer, recurrentRegularizer, biasRegularizer, useBias = true } = this.#options
    const wide = this.gates * this.units
    this.#kernel = this.addWeight('kernel', [this.lastSizeOf(input, 3), wide], kernelInitializer, {
      regularizer: kernelRegularizer,
    })
    this.#recurrentKernel = this.addWeight('recurrent_kernel', [this.units, wide], recurrentInitializer, {
      regularizer: recurrentRegularizer,
    })
    if (useBias)
      this.#bias = this.addWeight('bias', this.biasShape(), this.biasInitializer(), {
        regularizer: biasRegularizer,
      })
  }

  protected biasShape(): readonly number[] {
    return [this.gates * this.units]
  }
  protected biasInitializer(): InitializerLike {
    return this.#options.biasInitializer ?? 'zeros'
  }
  /** The bias of the inputs' contribution. */
  protected inputBias(): Tensor | Variable | undefined {
    return this.#bias
  }
  /** Whether the layer has a bias. */
  protected get hasBias(): boolean {
    return this.#bias !== undefined
  }

  protected override call(x: Tensor, training: boolean): Output {
    return this.#run(x, { training })
  }

  #run(x: Tensor, { training = false, initialState, mask }: RecurrentApplyOptions): Output {
    this.requireRank(x.type.shape, 3, '[batch, time, features]')
    this.requireInput(x, 3, this.kernel.shape[0])
    const [batch = 1, time = 1, features = 1] = x.type.shape
    const { dropout = 0, recurrentDropout = 0, returnState = false } = this.#options
    const factors = (rate: number, shape: readonly Size[]): Tensor | undefined =>
      training && rate > 0 ? keptFactors(this.#generator, shape, rate, x.dtype) : undefined
    const ofInput = factors(dropout, [batch, 1, features])
    const ofState = factors(recurrentDropout, [batch, this.units])
    const products = matMul(ofInput === undefined ? x : mul(x, ofInput), this.kernel)
    const bias = this.inputBias()
    const contributions = this.#byTime(bias === undefined ? products : add(products, bias), [1, 0, 2])
    const kept = mask === undefined ? undefined : this.#byTime(this.#maskOf(mask, [batch, time]), [1, 0])
    const recurrent = this.recurrentKernel.value()
    const product: Product = (h, from = 0, to = this.gates) => {
      const dropped = ofState === undefined ? h : mul(h, ofState)
      const whole = from === 0 && to === this.gates
      const part = whole ? recurrent : recurrent.slice([0, from * this.units], [-1, (to - from) * this.units])
      return matMul(dropped, part)
    }
    const initializer = this.#initialStates(initialState, batch, x)
    const { output, states } =
      kept === undefined
        ? this.#loop(
            (now, [contribution = x]) => this.step(contribution, now, product),
            [contributions],
            initializer,
          )
        : this.#maskedLoop(product, contributions, kept, initializer)
    return (returnState ? [output, ...states] : output) as Output
  }

  /**
   * The loop with an output of its own, which masked steps repeat: before the first step that counts it is 0, whatever
   * the initial states are.
   */
  #maskedLoop(
    product: Product,
    contributions: Tensor,
    kept: Tensor,
    initializer: readonly Tensor[],
  ): { readonly output: Tensor; readonly states: readonly Tensor[] } {
    const combine: Combine = ([before, ...now], [contribution, keep]) => {
      const next = this.step(contribution as Tensor, now, product)
      const rows = expandDims(keep as Tensor, 1)
      const choose = (after: Tensor | undefined, old: Tensor | undefined): Tensor =>
        where(rows, after as Tensor, old as Tensor)
      return [choose(next[0], before), ...next.map((state, i) => choose(state, now[i]))]
    }
    const zeros = zerosLike(initializer[0] as Tensor)
    const { output, states } = this.#loop(combine, [contributions, kept], [zeros, ...initializer])
    return { output, states: states.slice(1) }
  }

  /** The first of what the loop carries, at all steps or the last, and all that it carries in the end. */
  #loop(
    combine: Combine,
    elements: readonly Tensor[],
    initializer: readonly Tensor[],
  ): { readonly output: Tensor; readonly states: readonly Tensor[] } {
    if (!this.returnsSequences) {
      const states: readonly Tensor[] = foldl(combine, elements, { initializer })
      return { output: states[0] as Tensor, states }
    }
    const all: readonly Tensor[] = scan(combine, elements, { initializer })
    return { output: transpose(all[0] as Tensor, [1, 0, 2]), states: all.map((each) => each.at(-1)) }
  }

  /** The time axis first, and backwards when the layer goes backwards. */
  #byTime(x: Tensor, order: readonly number[]): Tensor {
    const first = transpose(x, order)
    return this.goesBackwards ? reverse(first, 0) : first
  }

  #maskOf(mask: TensorLike, wanted: readonly Size[]): Tensor {
    const tensor = convertToTensor(mask, { op: this.name, dtype: 'bool' })
    const fits =
      tensor.dtype === 'bool' &&
      tensor.rank === 2 &&
      tensor.type.shape.every((size, axis) => sizesEqual(size, wanted[axis] ?? -1) !== false)
    if (fits) return tensor
    throw new ShapeError({
      op: this.name,
      problem: `the mask is ${printType(tensor.type)}, and must be bool${printShape(wanted)}`,
      fix: 'give one bool for each step of each sample.',
    })
  }

  #initialStates(given: readonly TensorLike[] | undefined, batch: Size, x: Tensor): readonly Tensor[] {
    const wanted: readonly Size[] = [batch, this.units]
    if (given === undefined) return Array.from({ length: this.stateCount }, () => filled(x.dtype, wanted, 0))
    const states = given.map((state) => convertToTensor(state, { op: this.name, dtype: x.dtype }))
    const fit =
      states.length === this.stateCount &&
      states.every(
        ({ type }) =>
          type.shape.length === 2 &&
          type.shape.every((size, i) => sizesEqual(size, wanted[i] ?? -1) !== false),
      )
    if (fit) return states
    throw new ShapeError({
      op: this.name,
      problem: `initialState must be ${this.stateCount} of shape ${printShape(wanted)}`,
      rows: states.map((state, i) => [`initialState[${i}]`, printType(state.type)]),
      fix: 'give what the layer returned with returnState, or leave it out for zeros.',
    })
  }
}
