/** Multi-head attention. Vaswani et al., Attention Is All You Need (2017); weights and defaults are Keras's. */
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import type { InitializerLike } from '../initializers/index.ts'
import { requireCount } from '../math/checks.ts'
import {
  add,
  cast,
  expandDims,
  greaterEqual,
  logicalAnd,
  matMul,
  mul,
  reshape,
  transpose,
  where,
} from '../math/index.ts'
import { multiplySizes, type Size } from '../../codegen/size.ts'
import { iota } from '../../tracer/ops/index.ts'
import { softmax } from '../nn/softmax.ts'
import type { Generator } from '../random/generator.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { generatorFor, keptFactors, requireRate } from './dropout.ts'
import { type ApplyOptions, type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface MultiHeadAttentionOptions extends LayerOptions {
  readonly numHeads: number
  /** Size of each head's queries and keys. */
  readonly keyDim: number
  /** Size of each head's values. Default keyDim. */
  readonly valueDim?: number
  /** Size of the output. Default that of the query. */
  readonly outputShape?: number
  /** In training, the share of attention scores to drop. Default 0. */
  readonly dropout?: number
  /** Default true. */
  readonly useBias?: boolean
  /** Default glorotUniform. */
  readonly kernelInitializer?: InitializerLike
  /** Default zeros. */
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike
  readonly biasRegularizer?: RegularizerLike
  /** Gives dropout a random sequence of its own. */
  readonly seed?: number
}

export interface AttentionOptions extends ApplyOptions {
  /** What is attended to, [batch, source, features]. Default the query: self-attention. */
  readonly value?: TensorLike
  /** By what it is found, [batch, source, features]. Default `value`. */
  readonly key?: TensorLike
  /** bool that broadcasts to [batch, target, source], or with an axis for the heads: false hides a source. */
  readonly attentionMask?: TensorLike
  /** Whether each place attends only to itself and those before. Default false. */
  readonly useCausalMask?: boolean
}

/** A linear map into heads or out of them. */
interface Projection {
  readonly kernel: Variable
  readonly bias: Variable | undefined
}

/** Added to scores of hidden places. */
const hidden = -1e9

/**
 * softmax(query·keyᵀ / √keyDim)·value for each head, each of the three mapped linearly before, and all heads together
 * afterwards. Make one with `tf.layers.multiHeadAttention`.
 */
export class MultiHeadAttention extends Layer {
  readonly #options: MultiHeadAttentionOptions
  readonly #generator: Generator | undefined
  readonly #valueDim: number
  #sources: readonly [value: number, key: number] | undefined
  #projections: Readonly<Record<'query' | 'key' | 'value' | 'output', Projection>> | undefined

  constructor(options: MultiHeadAttentionOptions) {
    super('multi_head_attention', options)
    const { numHeads, keyDim, valueDim = keyDim } = options
    for (const [name, size] of Object.entries({ numHeads, keyDim, valueDim }))
      requireCount(this.name, name, size, 1)
    requireRate(this.name, options.dropout ?? 0, 'dropout')
    this.#options = options
    this.#valueDim = valueDim
    this.#generator = generatorFor(options.seed)
  }

  override outputShape(input: InputShape): InputShape {
    this.requireRank(input, 3, '[batch, target, features]')
    return [...input.slice(0, -1), this.#options.outputShape ?? input.at(-1) ?? null]
  }

  /** The output, [batch, target, features]; see `AttentionOptions`. Throws ShapeError when something does not fit. */
  override apply(query: TensorLike, options: AttentionOptions = {}): Tensor {
    return this.applyWithScores(query, options)[0]
  }

  /** The output and the attention scores, [batch, heads, target, source]. */
  applyWithScores(
    query: TensorLike,
    options: AttentionOptions = {},
  ): readonly [output: Tensor, scores: Tensor] {
    const from = (given: TensorLike): Tensor => convertToTensor(given, { op: this.name, dtype: this.dtype })
    const q = from(query)
    const v = options.value === undefined ? q : from(options.value)
    const k = options.key === undefined ? v : from(options.key)
    for (const each of [q, v, k]) this.requireRank(each.type.shape, 3, '[batch, place, features]')
    if (!this.built) this.#sources = [knownLast(v), knownLast(k)]
    this.prepared(q)
    return this.#attend(q, v, k, options)
  }

  protected override create(input: InputShape): void {
    this.requireRank(input, 3, '[batch, target, features]')
    const { numHeads, keyDim, outputShape } = this.#options
    const size = this.lastSizeOf(input, 3)
    const [ofValue, ofKey] = this.#sources ?? [size, size]
    const output = outputShape ?? size
    this.#projections = {
      query: this.#projection('query', [size, numHeads, keyDim], [numHeads, keyDim]),
      key: this.#projection('key', [ofKey, numHeads, keyDim], [numHeads, keyDim]),
      value: this.#projection('value', [ofValue, numHeads, this.#valueDim], [numHeads, this.#valueDim]),
      output: this.#projection('attention_output', [numHeads, this.#valueDim, output], [output]),
    }
  }

  protected override call(x: Tensor, training: boolean): Tensor {
    return this.#attend(x, x, x, { training })[0]
  }

  #projection(name: string, kernel: readonly number[], bias: readonly number[]): Projection {
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros', useBias = true } = this.#options
    const { kernelRegularizer, biasRegularizer } = this.#options
    return {
      kernel: this.addWeight(`${name}/kernel`, kernel, kernelInitializer, { regularizer: kernelRegularizer }),
      bias: useBias
        ? this.addWeight(`${name}/bias`, bias, biasInitializer, { regularizer: biasRegularizer })
        : undefined,
    }
  }

  /** [batch, place, features] as [batch, heads, place, size]. */
  #heads(x: Tensor, { kernel, bias }: Projection): Tensor {
    const [features = 1, heads = 1, size = 1] = kernel.shape
    this.requireInput(x, 3, features)
    const product = matMul(x, reshape(kernel, [features, heads * size]))
    const shifted = bias === undefined ? product : add(product, reshape(bias, [heads * size]))
    const [batch = 1, places = 1] = x.type.shape
    return transpose(reshape(shifted, [batch, places, heads, size]), [0, 2, 1, 3])
  }

  #attend(q: Tensor, v: Tensor, k: Tensor, options: AttentionOptions): readonly [Tensor, Tensor] {
    const projections = this.afterBuild(this.#projections, 'weights')
    const { numHeads, keyDim, dropout = 0 } = this.#options
    const query = mul(this.#heads(q, projections.query), 1 / Math.sqrt(keyDim))
    const products = matMul(query, this.#heads(k, projections.key), false, true)
    const visible = this.#visible(q, k, options)
    const scores = softmax(visible === undefined ? products : where(visible, products, hidden))
    const kept =
      options.training === true && dropout > 0
        ? mul(scores, keptFactors(this.#generator, scores.type.shape, dropout, scores.dtype))
        : scores
    const heads = transpose(matMul(kept, this.#heads(v, projections.value)), [0, 2, 1, 3])
    const [batch = 1, places = 1] = q.type.shape
    const joined = reshape(heads, [batch, places, multiplySizes(numHeads, this.#valueDim)])
    const { kernel, bias } = projections.output
    const output = matMul(joined, reshape(kernel, [numHeads * this.#valueDim, kernel.shape.at(-1) ?? 1]))
    return [bias === undefined ? output : add(output, bias), scores]
  }

  /** Which sources each place may attend to, broadcasting to the scores; undefined for all. */
  #visible(
    q: Tensor,
    k: Tensor,
    { attentionMask, useCausalMask = false }: AttentionOptions,
  ): Tensor | undefined {
    let mask: Tensor | undefined
    if (attentionMask !== undefined) {
      const given = convertToTensor(attentionMask, { op: this.name, dtype: 'bool' })
      const bool = given.dtype === 'bool' ? given : cast(given, 'bool')
      mask = bool.rank === 3 ? expandDims(bool, 1) : bool
    }
    if (!useCausalMask) return mask
    const count = (x: Tensor): Size => x.type.shape[1] ?? 1
    const causal = greaterEqual(expandDims(iota([count(q)], 0), 1), iota([count(k)], 0))
    return mask === undefined ? causal : logicalAnd(mask, causal)
  }
}

function knownLast(x: Tensor): number {
  const last = x.type.shape.at(-1)
  return typeof last === 'number' ? last : 1
}

/**
 * A layer of attention; see `MultiHeadAttention`. Its weights are the kernel [features, heads, size] and bias
 * [heads, size] of query, key and value, then the kernel [heads, valueDim, output] and bias [output] of the output.
 *
 * @throws ValueError for sizes below 1
 * @example
 * const layer = tf.layers.multiHeadAttention({ numHeads: 2, keyDim: 4 })
 * layer.apply(tf.ones([1, 3, 8])).shape // [1, 3, 8]
 * layer.apply(tf.ones([1, 3, 8]), { value: tf.ones([1, 5, 8]) }).shape // [1, 3, 8]
 */
export function multiHeadAttention(options: MultiHeadAttentionOptions): MultiHeadAttention {
  return new MultiHeadAttention(options)
}
