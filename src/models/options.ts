/** What `compile`, `fit`, `evaluate` and `predict` can be told, and what it means. */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { type Callback, type CallbackLike, callbackOf } from '../callbacks/callback.ts'
import { requireCount } from '../data/counts.ts'
import { joinRows, rowsAt } from '../data/rows.ts'
import type { LossLike } from '../losses/by-name.ts'
import type { MetricLike } from '../metrics/by-name.ts'
import type { OptimizerName } from '../optimizers/by-name.ts'
import type { Optimizer } from '../optimizers/optimizer.ts'
import {
  type Batch,
  type BatchDataset,
  batchesOfDataset,
  batchesOfSamples,
  type ClassWeights,
  isDataset,
  type Samples,
  samplesOf,
  split,
  weighted,
} from './batches.ts'
import type { Loop } from './loop.ts'
import type { Steps } from './steps.ts'
import { type Evaluation, predictions, type Training } from './training.ts'

export interface CompileOptions {
  /** Default rmsprop. */
  readonly optimizer?: OptimizerName | Optimizer
  readonly loss: LossLike
  /** Measured without the weights of samples. */
  readonly metrics?: readonly MetricLike[]
  /** Measured with them. */
  readonly weightedMetrics?: readonly MetricLike[]
}

export interface PredictOptions {
  /** Samples in a batch. Default 32. A dataset has its own. */
  readonly batchSize?: number
  /** Batches to take of a dataset; all unless given. */
  readonly steps?: number
}

export interface EvaluateOptions extends PredictOptions {
  /** How much each sample counts. */
  readonly sampleWeight?: TensorLike
  /** 1 draws a progress bar, 2 prints a line. Default 0. */
  readonly verbose?: 0 | 1 | 2
  readonly callbacks?: CallbackLike | readonly CallbackLike[]
}

export interface FitOptions {
  /** Samples in a batch. Default 32. A dataset has its own. */
  readonly batchSize?: number
  /** The epoch to stop before. Default 1. */
  readonly epochs?: number
  /** The epoch to begin with, to go on with a training. Default 0. */
  readonly initialEpoch?: number
  /** What is measured after each epoch: `[x, y]`, `[x, y, sampleWeight]`, or a dataset of batches. */
  readonly validationData?: readonly [x: TensorLike, y: TensorLike, sampleWeight?: TensorLike] | BatchDataset
  /** The share of samples, the last ones, that is kept for validation instead. */
  readonly validationSplit?: number
  /** Default that of training. */
  readonly validationBatchSize?: number
  /** Batches to take of a validation dataset; all unless given. */
  readonly validationSteps?: number
  /** Validates after every so many epochs. Default 1. */
  readonly validationFrequency?: number
  /** Whether samples come in a new random order in each epoch. Default true; datasets have their own `shuffle`. */
  readonly shuffle?: boolean
  readonly callbacks?: CallbackLike | readonly CallbackLike[]
  /** 0 prints nothing, 1 draws a progress bar, 2 prints a line per epoch. Default 1. */
  readonly verbose?: 0 | 1 | 2
  /** How much samples of a class count, by the number of the class; others count 1. */
  readonly classWeight?: ClassWeights
  /** How much each sample counts. */
  readonly sampleWeight?: TensorLike
  /** Batches in an epoch; all there are unless given. Data that ends earlier starts again. */
  readonly stepsPerEpoch?: number
}

function refused(op: string, problem: string, fix: string): ValueError {
  return new ValueError({ op, problem, fix })
}

function verboseOf(op: string, verbose: number | undefined, otherwise: 0 | 1): 0 | 1 | 2 {
  const value = verbose ?? otherwise
  if (value === 0 || value === 1 || value === 2) return value
  throw refused(op, `verbose is ${value}`, 'use 0 (silent), 1 (a progress bar) or 2 (a line per epoch).')
}

function callbacksOf(given: CallbackLike | readonly CallbackLike[] | undefined): readonly Callback[] {
  return [given ?? []].flat().map((each) => callbackOf(each))
}

/** Options that only make sense for samples, given with a dataset. */
function refuseWithDataset(op: string, options: object, names: readonly string[]): void {
  const given = names.find((name) => Reflect.get(options, name) !== undefined)
  if (given !== undefined)
    throw refused(
      op,
      `${given} does not go with a dataset`,
      'do it with the dataset: batch, shuffle, take, skip, map.',
    )
}

function labelled(
  op: string,
  x: TensorLike,
  y: TensorLike | undefined,
  weight: TensorLike | undefined,
  dtype: DType,
): Samples {
  if (y === undefined)
    throw refused(op, 'there are no labels', `pass them: ${op}(x, y); or a dataset of batches [x, y].`)
  return samplesOf(op, x, y, weight, dtype)
}

export function trainingOf(
  x: TensorLike | BatchDataset,
  y: TensorLike | undefined,
  options: FitOptions = {},
  dtype: DType,
): Training {
  const op = 'fit'
  const { epochs = 1, initialEpoch = 0, validationFrequency = 1, shuffle = true, batchSize = 32 } = options
  const shared = {
    epochs: requireCount(op, 'epochs', epochs, 0),
    initialEpoch: requireCount(op, 'initialEpoch', initialEpoch, 0),
    validationFrequency: requireCount(op, 'validationFrequency', validationFrequency, 1),
    verbose: verboseOf(op, options.verbose, 1),
    callbacks: callbacksOf(options.callbacks),
    limit: options.stepsPerEpoch,
  }
  if (isDataset(x)) {
    refuseWithDataset(op, options, ['batchSize', 'shuffle', 'validationSplit', 'sampleWeight'])
    const batches = batchesOfDataset(op, x, options.classWeight, true)
    return { ...shared, batches, validation: validationOf(options, undefined, dtype) }
  }
  const all = labelled(op, x, y, options.sampleWeight, dtype)
  const divided =
    options.validationSplit === undefined || options.validationData !== undefined
      ? undefined
      : split(op, all, options.validationSplit)
  const samples = weighted(op, divided?.[0] ?? all, options.classWeight)
  return {
    ...shared,
    batches: batchesOfSamples(op, samples, batchSize, shuffle),
    validation: validationOf(options, divided?.[1], dtype),
  }
}

function validationOf(options: FitOptions, held: Samples | undefined, dtype: DType): Evaluation | undefined {
  const op = 'fit: validationData'
  const { validationData, validationBatchSize = options.batchSize ?? 32, validationSteps: limit } = options
  if (validationData !== undefined && isDataset(validationData))
    return { batches: batchesOfDataset(op, validationData, undefined, true), limit }
  if (validationData !== undefined && !(Array.isArray(validationData) && validationData.length >= 2))
    throw refused(op, 'it is no pair', 'give [x, y], [x, y, sampleWeight] or a dataset of batches.')
  const samples =
    validationData === undefined
      ? held
      : labelled(op, validationData[0], validationData[1], validationData[2], dtype)
  return samples === undefined
    ? undefined
    : { batches: batchesOfSamples(op, samples, validationBatchSize, false), limit }
}

export function evaluationOf(
  op: string,
  x: TensorLike | BatchDataset,
  y: TensorLike | undefined,
  options: EvaluateOptions = {},
  dtype: DType,
): { readonly what: Evaluation; readonly callbacks: readonly Callback[]; readonly verbose: 0 | 1 | 2 } {
  const shared = { callbacks: callbacksOf(options.callbacks), verbose: verboseOf(op, options.verbose, 0) }
  if (isDataset(x)) {
    refuseWithDataset(op, options, ['batchSize', 'sampleWeight'])
    return { ...shared, what: { batches: batchesOfDataset(op, x, undefined, true), limit: options.steps } }
  }
  const samples = labelled(op, x, y, options.sampleWeight, dtype)
  const batches = batchesOfSamples(op, samples, options.batchSize ?? 32, false)
  return { ...shared, what: { batches, limit: options.steps } }
}

/** All outputs, one after another; those of rows that only fill a batch up are left out. */
export function* predictionOf(
  steps: Steps,
  x: TensorLike | BatchDataset,
  options: PredictOptions,
  dtype: DType,
): Loop<Tensor> {
  const op = 'predict'
  if (isDataset(x)) refuseWithDataset(op, options, ['batchSize'])
  const batches = isDataset(x)
    ? batchesOfDataset(op, x, undefined, false)
    : batchesOfSamples(op, samplesOf(op, x, undefined, undefined, dtype), options.batchSize ?? 32, false)
  return joinRows(op, yield* predictions(steps, { batches, limit: options.steps }, realRows))
}

function realRows({ mask }: Batch, output: Tensor): Tensor {
  if (mask === undefined) return output
  const real = mask.data()
  return rowsAt(
    output,
    Array.from(real.keys()).filter((i) => real[i] !== 0),
  )
}
