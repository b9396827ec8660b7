/**
 * The table of the functions behind the chained methods, which the op library fills in when it is loaded.
 */
import { InternalError } from '../codegen/errors.ts'
import type { DType } from '../codegen/dtype.ts'
import type { Size } from '../codegen/size.ts'
import type { TensorLike } from './convert.ts'
import type { BoolTensor, NestedArray, Tensor } from './tensor.ts'
import type { FeedDict, TensorMethods } from './tensor-methods.ts'

/** Axes to reduce over: all of them when absent or null; negative ones count from the end. */
export type AxisArgument = number | readonly number[] | null

/**
 * Padding of convolutions and pooling: `'valid'`, `'same'`, a number of zeros on every side, or pairs [before, after]: one
 * per axis of the input, those of batch and channels being [0, 0], or one per axis of space.
 */
export type Padding = 'valid' | 'same' | 'VALID' | 'SAME' | number | readonly (readonly [number, number])[]

export type Pair = number | readonly [number, number]
export type ImageFormat = 'NHWC' | 'NCHW'

type Convolve2d = (
  x: TensorLike,
  filter: TensorLike,
  strides: Pair,
  pad: Padding,
  dataFormat?: ImageFormat,
  dilations?: Pair,
) => Tensor

/** The functions behind the methods. */
export interface TensorOps {
  evaluate(x: TensorMethods, feeds?: FeedDict): NestedArray
  neg(x: TensorLike): Tensor
  abs(x: TensorLike): Tensor
  sign(x: TensorLike): Tensor
  floor(x: TensorLike): Tensor
  ceil(x: TensorLike): Tensor
  round(x: TensorLike): Tensor
  sqrt(x: TensorLike): Tensor
  rsqrt(x: TensorLike): Tensor
  square(x: TensorLike): Tensor
  reciprocal(x: TensorLike): Tensor
  exp(x: TensorLike): Tensor
  expm1(x: TensorLike): Tensor
  log(x: TensorLike): Tensor
  log1p(x: TensorLike): Tensor
  sin(x: TensorLike): Tensor
  cos(x: TensorLike): Tensor
  tan(x: TensorLike): Tensor
  tanh(x: TensorLike): Tensor
  sigmoid(x: TensorLike): Tensor
  relu(x: TensorLike): Tensor
  softplus(x: TensorLike): Tensor
  erf(x: TensorLike): Tensor
  isNaN(x: TensorLike): BoolTensor
  isInf(x: TensorLike): BoolTensor
  isFinite(x: TensorLike): BoolTensor
  logicalNot(x: TensorLike): BoolTensor
  add(x: TensorLike, y: TensorLike): Tensor
  sub(x: TensorLike, y: TensorLike): Tensor
  mul(x: TensorLike, y: TensorLike): Tensor
  div(x: TensorLike, y: TensorLike): Tensor
  floorDiv(x: TensorLike, y: TensorLike): Tensor
  mod(x: TensorLike, y: TensorLike): Tensor
  pow(x: TensorLike, y: TensorLike): Tensor
  maximum(x: TensorLike, y: TensorLike): Tensor
  minimum(x: TensorLike, y: TensorLike): Tensor
  squaredDifference(x: TensorLike, y: TensorLike): Tensor
  atan2(x: TensorLike, y: TensorLike): Tensor
  equal(x: TensorLike, y: TensorLike): BoolTensor
  notEqual(x: TensorLike, y: TensorLike): BoolTensor
  less(x: TensorLike, y: TensorLike): BoolTensor
  lessEqual(x: TensorLike, y: TensorLike): BoolTensor
  greater(x: TensorLike, y: TensorLike): BoolTensor
  greaterEqual(x: TensorLike, y: TensorLike): BoolTensor
  logicalAnd(x: TensorLike, y: TensorLike): BoolTensor
  logicalOr(x: TensorLike, y: TensorLike): BoolTensor
  logicalXor(x: TensorLike, y: TensorLike): BoolTensor
  sum(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  mean(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  prod(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  max(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  min(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  all(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): BoolTensor
  any(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): BoolTensor
  logSumExp(x: TensorLike, axis?: AxisArgument, keepDims?: boolean): Tensor
  argMax(x: TensorLike, axis?: number): Tensor
  argMin(x: TensorLike, axis?: number): Tensor
  softmax(x: TensorLike, axis?: number): Tensor
  logSoftmax(x: TensorLike, axis?: number): Tensor
  clip(x: TensorLike, min: TensorLike, max: TensorLike): Tensor
  cast(x: TensorLike, dtype: DType): Tensor
  matMul(x: TensorLike, y: TensorLike, transposeX?: boolean, transposeY?: boolean): Tensor
  conv1d(
    x: TensorLike,
    filter: TensorLike,
    stride: number,
    pad: Padding,
    dataFormat?: 'NWC' | 'NCW',
    dilation?: number,
  ): Tensor
  conv2d: Convolve2d
  conv2dTranspose(
    x: TensorLike,
    filter: TensorLike,
    outputShape: readonly Size[],
    strides: Pair,
    pad: Padding,
  ): Tensor
  depthwiseConv2d: Convolve2d
  separableConv2d(
    x: TensorLike,
    depthwiseFilter: TensorLike,
    pointwiseFilter: TensorLike,
    strides: Pair,
    pad: Padding,
    dilations?: Pair,
    dataFormat?: ImageFormat,
  ): Tensor
  maxPool(x: TensorLike, filterSize: Pair, strides: Pair, pad: Padding): Tensor
  avgPool(x: TensorLike, filterSize: Pair, strides: Pair, pad: Padding): Tensor
  pool(
    x: TensorLike,
    windowShape: number | readonly number[],
    poolingType: 'avg' | 'max',
    pad: Padding,
    dilations?: number | readonly number[],
    strides?: number | readonly number[],
  ): Tensor
  reshape(x: TensorLike, shape: readonly Size[]): Tensor
  transpose(x: TensorLike, permutation?: readonly number[] | null): Tensor
  expandDims(x: TensorLike, axis?: number): Tensor
  squeeze(x: TensorLike, axis?: readonly number[]): Tensor
  slice(x: TensorLike, begin: number | readonly number[], size?: number | readonly number[]): Tensor
  gather(x: TensorLike, indices: TensorLike, axis?: number): Tensor
  at(x: TensorLike, index: number): Tensor
}

let table: TensorOps | undefined

/** Fills in the functions behind the methods. */
export function installTensorOps(ops: TensorOps): void {
  table = ops
}

/** The functions behind the methods. Throws InternalError before they are there. */
export function ops(): TensorOps {
  if (table === undefined) throw new InternalError('the op library is not loaded')
  return table
}
