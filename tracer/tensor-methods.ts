/**
 * The chained methods of tensors: `x.add(y)` is `tf.add(x, y)`.
 *
 * Ops need tensors and tensors should have methods, so the methods go through a table that the op library fills in when
 * it is loaded. Only ops that read well as methods are here; everything is also a function.
 */
import type { DType } from '../codegen/dtype.ts'
import type { Size } from '../codegen/size.ts'
import type { TensorLike } from './convert.ts'
import type { Device } from './device.ts'
import type { BoolTensor, NestedArray, Tensor } from './tensor.ts'
import { type AxisArgument, type ImageFormat, ops, type Padding, type Pair } from './tensor-ops.ts'

export { type AxisArgument, installTensorOps, type Padding } from './tensor-ops.ts'

/** What a run of a graph is fed: JavaScript values by tensor, or by name. */
export type FeedDict = ReadonlyMap<Tensor | string, TensorLike> | { readonly [name: string]: TensorLike }

/** Base class of Tensor and Variable: every method is the function of the same name applied to `this`. */
export abstract class TensorMethods {
  neg(): Tensor {
    return ops().neg(this.asTensor())
  }
  abs(): Tensor {
    return ops().abs(this.asTensor())
  }
  sign(): Tensor {
    return ops().sign(this.asTensor())
  }
  floor(): Tensor {
    return ops().floor(this.asTensor())
  }
  ceil(): Tensor {
    return ops().ceil(this.asTensor())
  }
  round(): Tensor {
    return ops().round(this.asTensor())
  }
  sqrt(): Tensor {
    return ops().sqrt(this.asTensor())
  }
  rsqrt(): Tensor {
    return ops().rsqrt(this.asTensor())
  }
  square(): Tensor {
    return ops().square(this.asTensor())
  }
  reciprocal(): Tensor {
    return ops().reciprocal(this.asTensor())
  }
  exp(): Tensor {
    return ops().exp(this.asTensor())
  }
  expm1(): Tensor {
    return ops().expm1(this.asTensor())
  }
  log(): Tensor {
    return ops().log(this.asTensor())
  }
  log1p(): Tensor {
    return ops().log1p(this.asTensor())
  }
  sin(): Tensor {
    return ops().sin(this.asTensor())
  }
  cos(): Tensor {
    return ops().cos(this.asTensor())
  }
  tan(): Tensor {
    return ops().tan(this.asTensor())
  }
  tanh(): Tensor {
    return ops().tanh(this.asTensor())
  }
  sigmoid(): Tensor {
    return ops().sigmoid(this.asTensor())
  }
  relu(): Tensor {
    return ops().relu(this.asTensor())
  }
  softplus(): Tensor {
    return ops().softplus(this.asTensor())
  }
  erf(): Tensor {
    return ops().erf(this.asTensor())
  }
  isNaN(): BoolTensor {
    return ops().isNaN(this.asTensor())
  }
  isInf(): BoolTensor {
    return ops().isInf(this.asTensor())
  }
  isFinite(): BoolTensor {
    return ops().isFinite(this.asTensor())
  }
  logicalNot(): BoolTensor {
    return ops().logicalNot(this.asTensor())
  }
  add(y: TensorLike): Tensor {
    return ops().add(this.asTensor(), y)
  }
  sub(y: TensorLike): Tensor {
    return ops().sub(this.asTensor(), y)
  }
  mul(y: TensorLike): Tensor {
    return ops().mul(this.asTensor(), y)
  }
  div(y: TensorLike): Tensor {
    return ops().div(this.asTensor(), y)
  }
  floorDiv(y: TensorLike): Tensor {
    return ops().floorDiv(this.asTensor(), y)
  }
  mod(y: TensorLike): Tensor {
    return ops().mod(this.asTensor(), y)
  }
  pow(y: TensorLike): Tensor {
    return ops().pow(this.asTensor(), y)
  }
  maximum(y: TensorLike): Tensor {
    return ops().maximum(this.asTensor(), y)
  }
  minimum(y: TensorLike): Tensor {
    return ops().minimum(this.asTensor(), y)
  }
  squaredDifference(y: TensorLike): Tensor {
    return ops().squaredDifference(this.asTensor(), y)
  }
  atan2(y: TensorLike): Tensor {
    return ops().atan2(this.asTensor(), y)
  }
  equal(y: TensorLike): BoolTensor {
    return ops().equal(this.asTensor(), y)
  }
  notEqual(y: TensorLike): BoolTensor {
    return ops().notEqual(this.asTensor(), y)
  }
  less(y: TensorLike): BoolTensor {
    return ops().less(this.asTensor(), y)
  }
  lessEqual(y: TensorLike): BoolTensor {
    return ops().lessEqual(this.asTensor(), y)
  }
  greater(y: TensorLike): BoolTensor {
    return ops().greater(this.asTensor(), y)
  }
  greaterEqual(y: TensorLike): BoolTensor {
    return ops().greaterEqual(this.asTensor(), y)
  }
  logicalAnd(y: TensorLike): BoolTensor {
    return ops().logicalAnd(this.asTensor(), y)
  }
  logicalOr(y: TensorLike): BoolTensor {
    return ops().logicalOr(this.asTensor(), y)
  }
  logicalXor(y: TensorLike): BoolTensor {
    return ops().logicalXor(this.asTensor(), y)
  }
  sum(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().sum(this.asTensor(), axis, keepDims)
  }
  mean(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().mean(this.asTensor(), axis, keepDims)
  }
  prod(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().prod(this.asTensor(), axis, keepDims)
  }
  max(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().max(this.asTensor(), axis, keepDims)
  }
  min(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().min(this.asTensor(), axis, keepDims)
  }
  all(axis?: AxisArgument, keepDims?: boolean): BoolTensor {
    return ops().all(this.asTensor(), axis, keepDims)
  }
  any(axis?: AxisArgument, keepDims?: boolean): BoolTensor {
    return ops().any(this.asTensor(), axis, keepDims)
  }
  logSumExp(axis?: AxisArgument, keepDims?: boolean): Tensor {
    return ops().logSumExp(this.asTensor(), axis, keepDims)
  }
  argMax(axis?: number): Tensor {
    return ops().argMax(this.asTensor(), axis)
  }
  argMin(axis?: number): Tensor {
    return ops().argMin(this.asTensor(), axis)
  }
  softmax(axis?: number): Tensor {
    return ops().softmax(this.asTensor(), axis)
  }
  logSoftmax(axis?: number): Tensor {
    return ops().logSoftmax(this.asTensor(), axis)
  }
  clip(min: TensorLike, max: TensorLike): Tensor {
    return ops().clip(this.asTensor(), min, max)
  }
  cast(dtype: DType): Tensor {
    return ops().cast(this.asTensor(), dtype)
  }
  matMul(y: TensorLike, transposeX?: boolean, transposeY?: boolean): Tensor {
    return ops().matMul(this.asTensor(), y, transposeX, transposeY)
  }
  conv1d(
    filter: TensorLike,
    stride: number,
    pad: Padding,
    dataFormat?: 'NWC' | 'NCW',
    dilation?: number,
  ): Tensor {
    return ops().conv1d(this.asTensor(), filter, stride, pad, dataFormat, dilation)
  }
  conv2d(
    filter: TensorLike,
    strides: Pair,
    pad: Padding,
    dataFormat?: ImageFormat,
    dilations?: Pair,
  ): Tensor {
    return ops().conv2d(this.asTensor(), filter, strides, pad, dataFormat, dilations)
  }
  conv2dTranspose(filter: TensorLike, outputShape: readonly Size[], strides: Pair, pad: Padding): Tensor {
    return ops().conv2dTranspose(this.asTensor(), filter, outputShape, strides, pad)
  }
  depthwiseConv2d(
    filter: TensorLike,
    strides: Pair,
    pad: Padding,
    dataFormat?: ImageFormat,
    dilations?: Pair,
  ): Tensor {
    return ops().depthwiseConv2d(this.asTensor(), filter, strides, pad, dataFormat, dilations)
  }
  separableConv2d(
    depthwiseFilter: TensorLike,
    pointwiseFilter: TensorLike,
    strides: Pair,
    pad: Padding,
    dilations?: Pair,
    dataFormat?: ImageFormat,
  ): Tensor {
    const tensor = this.asTensor()
    return ops().separableConv2d(
      tensor,
      depthwiseFilter,
      pointwiseFilter,
      strides,
      pad,
      dilations,
      dataFormat,
    )
  }
  maxPool(filterSize: Pair, strides: Pair, pad: Padding): Tensor {
    return ops().maxPool(this.asTensor(), filterSize, strides, pad)
  }
  avgPool(filterSize: Pair, strides: Pair, pad: Padding): Tensor {
    return ops().avgPool(this.asTensor(), filterSize, strides, pad)
  }
  pool(
    windowShape: number | readonly number[],
    poolingType: 'avg' | 'max',
    pad: Padding,
    dilations?: number | readonly number[],
    strides?: number | readonly number[],
  ): Tensor {
    return ops().pool(this.asTensor(), windowShape, poolingType, pad, dilations, strides)
  }
  reshape(shape: readonly Size[]): Tensor {
    return ops().reshape(this.asTensor(), shape)
  }
  transpose(permutation?: readonly number[] | null): Tensor {
    return ops().transpose(this.asTensor(), permutation)
  }
  expandDims(axis?: number): Tensor {
    return ops().expandDims(this.asTensor(), axis)
  }
  squeeze(axis?: readonly number[]): Tensor {
    return ops().squeeze(this.asTensor(), axis)
  }
  slice(begin: number | readonly number[], size?: number | readonly number[]): Tensor {
    return ops().slice(this.asTensor(), begin, size)
  }
  gather(indices: TensorLike, axis?: number): Tensor {
    return ops().gather(this.asTensor(), indices, axis)
  }
  at(index: number): Tensor {
    return ops().at(this.asTensor(), index)
  }

  /** In graph mode: what the default session computes; see `tf.v1.Session`. Throws TraceError without a session. */
  eval(feeds?: FeedDict): NestedArray {
    return ops().evaluate(this, feeds)
  }

  /** The tensor itself, or a variable's current value. */
  abstract asTensor(): Tensor

  /** Where it is. */
  get device(): Device {
    return 'wasm:0'
  }

  /** The value as text, as far as it is known. */
  abstract toString(): string
}

// What console.log shows in Node, where an object may say it by this well-known symbol.
Object.defineProperty(TensorMethods.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: TensorMethods): string {
    return this.toString()
  },
})
