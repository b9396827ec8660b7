/** Embedding: from numbers of things to vectors. */
import type { DType } from '../../codegen/dtype.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { Variable } from '../../tracer/variable.ts'
import { type InitializerLike, randomUniform } from '../initializers/index.ts'
import { requireCount } from '../math/checks.ts'
import { cast, gather, notEqual } from '../math/index.ts'
import type { RegularizerLike } from '../regularizers/index.ts'
import { type InputShape, Layer, type LayerOptions } from './layer.ts'

export interface EmbeddingOptions extends LayerOptions {
  /** How many things there are; they are numbered from 0. */
  readonly inputDim: number
  /** Size of their vectors. */
  readonly outputDim: number
  /** Default uniform in ±0.05. */
  readonly embeddingsInitializer?: InitializerLike
  readonly embeddingsRegularizer?: RegularizerLike
  /** Whether number 0 means that there is nothing; see `computeMask`. Default false. */
  readonly maskZero?: boolean
}

/** Rows of a trained matrix by their numbers: int32 of any shape becomes that shape and outputDim. Make one with `tf.layers.embedding`. */
export class Embedding extends Layer {
  readonly inputDim: number
  readonly outputDim: number
  readonly #options: EmbeddingOptions
  #embeddings: Variable | undefined

  constructor(options: EmbeddingOptions) {
    super('embedding', options)
    this.#options = options
    this.inputDim = requireCount(this.name, 'inputDim', options.inputDim, 1)
    this.outputDim = requireCount(this.name, 'outputDim', options.outputDim, 1)
  }

  /** [inputDim, outputDim]. Throws ValueError before the layer is built. */
  get embeddings(): Variable {
    return this.afterBuild(this.#embeddings, 'embeddings')
  }

  /** Where the numbers are not 0, when the layer was made with `maskZero`; undefined otherwise. For recurrent layers. */
  computeMask(x: TensorLike): Tensor | undefined {
    return this.#options.maskZero === true
      ? notEqual(convertToTensor(x, { op: this.name, dtype: 'int32' }), 0)
      : undefined
  }

  override outputShape(input: InputShape): InputShape {
    return [...input, this.outputDim]
  }

  protected override get inputDtype(): DType {
    return 'int32'
  }

  protected override create(): void {
    const { embeddingsInitializer = randomUniform(), embeddingsRegularizer: regularizer } = this.#options
    const shape = [this.inputDim, this.outputDim]
    this.#embeddings = this.addWeight('embeddings', shape, embeddingsInitializer, { regularizer })
  }

  protected override call(x: Tensor): Tensor {
    return gather(this.embeddings, x.dtype === 'int32' ? x : cast(x, 'int32'))
  }
}

/**
 * An embedding; see `Embedding`. Its weight is [embeddings].
 *
 * @throws ValueError for sizes below 1; CheckError, when applied, for a number that is out of range
 * @example tf.layers.embedding({ inputDim: 10, outputDim: 4 }).apply([[1, 2, 3]]).shape // [1, 3, 4]
 */
export function embedding(options: EmbeddingOptions): Embedding {
  return new Embedding(options)
}
