/**
 * Batches for training: from tensors whose rows are the samples, or from a dataset.
 *
 * A batch is what a step takes: inputs, labels, weights of the samples, and the mask of a padded batch. Weights of classes
 * become weights of samples here.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import { type AnyAsyncDataset, AsyncDataset } from '../data/async-dataset.ts'
import { isMask } from '../data/batch.ts'
import { type Count, requireCount } from '../data/counts.ts'
import { Dataset } from '../data/dataset.ts'
import type { AnyDataset } from '../data/types.ts'
import { chooser, randomOrder, sharedSeed } from '../data/random-order.ts'
import { rowsAt, rowsBetween } from '../data/rows.ts'
import { TensorMethods } from '../../tracer/tensor-methods.ts'
import type { DType } from '../../codegen/dtype.ts'

export interface Batch {
  readonly x: Tensor
  readonly y: Tensor | undefined
  readonly weights: Tensor | undefined
  /** bool[batch]: which rows are real; undefined when all are. */
  readonly mask: Tensor | undefined
}

/** Where the batches of an epoch come from. */
export interface Batches {
  /** How many there are, when that is known. */
  readonly count: Count
  /** Goes through them once more. */
  pass(): Iterator<Batch> | AsyncIterator<Batch>
}

/** How much samples of a class weigh, by its number; 1 for those not named. */
export type ClassWeights = Readonly<Record<number, number>> | ReadonlyMap<number, number>

/** A dataset of batches: `x`, `[x, y]` or `[x, y, sampleWeight]`, or one of these with the mask of a padded batch. */
export type BatchDataset = AnyDataset | AnyAsyncDataset

/** Samples as tensors. */
export interface Samples {
  readonly x: Tensor
  readonly y: Tensor | undefined
  readonly weights: Tensor | undefined
}

export function isDataset(value: unknown): value is BatchDataset {
  return value instanceof Dataset || value instanceof AsyncDataset
}

/** Inputs, labels and weights as tensors with as many rows each. Throws ValueError or ShapeError. */
export function samplesOf(
  op: string,
  x: TensorLike,
  y: TensorLike | undefined,
  sampleWeight: TensorLike | undefined,
  dtype: DType,
): Samples {
  const given: Samples = {
    x: convertToTensor(x, { op, dtype: inputDtype(x, dtype) }),
    y: y === undefined ? undefined : convertToTensor(y, { op }),
    weights: sampleWeight === undefined ? undefined : convertToTensor(sampleWeight, { op }),
  }
  requireRows(op, given)
  return given
}

/** JavaScript numbers take the model's dtype; typed arrays and tensors keep theirs. */
function inputDtype(x: TensorLike, dtype: DType): DType | undefined {
  return x instanceof TensorMethods || ArrayBuffer.isView(x) ? undefined : dtype
}

function requireRows(op: string, samples: Samples): void {
  const rows = (['x', 'y', 'weights'] as const).flatMap((name): (readonly [string, Tensor])[] => {
    const tensor = samples[name]
    return tensor === undefined ? [] : [[name === 'weights' ? 'sampleWeight' : name, tensor]]
  })
  const count = samples.x.shape[0]
  if (count !== undefined && rows.every(([, tensor]) => tensor.shape[0] === count)) return
  const scalar = rows.find(([, tensor]) => tensor.rank === 0)
  throw new ShapeError({
    op,
    problem:
      scalar === undefined ? 'there are not as many samples in all' : `${scalar[0]} has no axis of samples`,
    rows: rows.map(([name, tensor]) => [name, printType(tensor.type)]),
    fix: 'give all of them the same size along axis 0.',
  })
}

/** Batches of samples in order, or in a new random order for each pass. */
export function batchesOfSamples(op: string, samples: Samples, size: number, shuffled: boolean): Batches {
  requireCount(op, 'batchSize', size, 1)
  const count = samples.x.shape[0] ?? 0
  const seed = shuffled ? sharedSeed() : 0
  let passes = 0
  const of = (tensor: Tensor | undefined, take: (tensor: Tensor) => Tensor): Tensor | undefined =>
    tensor === undefined ? undefined : take(tensor)
  return {
    count: Math.ceil(count / size),
    *pass(): Iterator<Batch> {
      const order = shuffled ? randomOrder(count, chooser(seed, passes++)) : undefined
      for (let start = 0; start < count; start += size) {
        const end = Math.min(count, start + size)
        const take = (tensor: Tensor): Tensor =>
          order === undefined ? rowsBetween(tensor, start, end) : rowsAt(tensor, order.subarray(start, end))
        yield {
          x: take(samples.x),
          y: of(samples.y, take),
          weights: of(samples.weights, take),
          mask: undefined,
        }
      }
    },
  }
}

/** The batches of a dataset, checked as they come. */
export function batchesOfDataset(
  op: string,
  dataset: BatchDataset,
  classWeight: ClassWeights | undefined,
  labelled: boolean,
): Batches {
  const batch = (element: unknown): Batch => weighted(op, batchOf(op, element, labelled), classWeight)
  return {
    count: dataset.cardinality(),
    pass: () => (dataset.kind === 'dataset' ? each(dataset, batch) : eachAsync(dataset, batch)),
  }
}

function* each(elements: Iterable<unknown>, batch: (element: unknown) => Batch): Iterator<Batch> {
  for (const element of elements) yield batch(element)
}

async function* eachAsync(
  elements: AsyncIterable<unknown>,
  batch: (element: unknown) => Batch,
): AsyncIterator<Batch> {
  for await (const element of elements) yield batch(element)
}

/** The batch that an element of a dataset is. */
export function batchOf(op: string, element: unknown, labelled: boolean): Batch {
  const list = Array.isArray(element) ? (element as readonly unknown[]) : [element]
  const masked = isMask(list.at(-1))
  const parts = masked ? list.slice(0, -1) : list
  const tensors = parts.map((part, i): Tensor => {
    if (part instanceof TensorMethods) return part.asTensor()
    const what = Array.isArray(part) ? 'an array' : typeof part === 'string' ? 'a text' : 'an object'
    throw new ValueError({
      op,
      problem: `entry ${i} of a batch is ${what}, not one tensor`,
      fix: 'map the dataset to tensors: [x, y] or [x, y, sampleWeight].',
    })
  })
  const [x, y, weights] = tensors
  if (x === undefined || tensors.length > 3 || (labelled && y === undefined))
    throw new ValueError({
      op,
      problem: `a batch of the dataset has ${tensors.length} ${tensors.length === 1 ? 'tensor' : 'tensors'}`,
      fix: labelled ? 'give [x, y] or [x, y, sampleWeight].' : 'give x, [x, y] or [x, y, sampleWeight].',
    })
  const batch = { x, y, weights, mask: masked ? (list.at(-1) as Tensor) : undefined }
  requireRows(op, batch)
  return batch
}

/** A batch, or all samples, with the weights of their classes. */
export function weighted<B extends Samples>(
  op: string,
  samples: B,
  classWeight: ClassWeights | undefined,
): B {
  if (classWeight === undefined) return samples
  if (samples.weights !== undefined)
    throw new ValueError({
      op,
      problem: 'there are weights of classes and weights of samples',
      fix: 'multiply them, and give weights of samples only.',
    })
  if (samples.y === undefined) return samples
  const numbers = classNumbers(samples.y)
  const weights = Float32Array.from(numbers, (number) => weightOf(op, classWeight, number))
  return { ...samples, weights: tensorOf('float32', [weights.length], weights) }
}

function describe(value: unknown): string {
  return typeof value === 'number' ? String(value) : `a ${typeof value}`
}

function weightOf(op: string, weights: ClassWeights, number: number): number {
  const rounded = Math.round(number)
  const weight: unknown = weights instanceof Map ? weights.get(rounded) : Reflect.get(weights, rounded)
  if (weight === undefined) return 1
  if (typeof weight === 'number' && weight >= 0) return weight
  throw new ValueError({
    op,
    problem: `the weight of class ${rounded} is ${describe(weight)}`,
    fix: 'use a number of at least 0.',
  })
}

/** The class of each label: of one-hot labels the largest entry. */
function classNumbers(y: Tensor): ArrayLike<number> {
  const data = y.data()
  const width = y.rank > 1 ? (y.shape.at(-1) ?? 1) : 1
  if (width === 1) return data
  return Array.from({ length: data.length / width }, (_, i) => {
    let best = 0
    for (let j = 1; j < width; j++) if ((data[i * width + j] ?? 0) > (data[i * width + best] ?? 0)) best = j
    return best
  })
}

/** The last part of samples, for validation. Throws ValueError when either part is empty. */
export function split(
  op: string,
  samples: Samples,
  share: number,
): readonly [training: Samples, validation: Samples] {
  const count = samples.x.shape[0] ?? 0
  const at = Math.floor(count * (1 - share))
  if (!(share > 0 && share < 1) || at === 0 || at === count)
    throw new ValueError({
      op,
      problem: `validationSplit is ${share}, which leaves ${at} of ${count} samples for training`,
      fix: 'use a number between 0 and 1 that leaves samples for both.',
    })
  const part = (start: number, end: number): Samples => ({
    x: rowsBetween(samples.x, start, end),
    y: samples.y === undefined ? undefined : rowsBetween(samples.y, start, end),
    weights: samples.weights === undefined ? undefined : rowsBetween(samples.weights, start, end),
  })
  return [part(0, at), part(at, count)]
}
