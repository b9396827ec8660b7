/**
 * The chained methods of tensors: `x.add(y)` is `tf.add(x, y)`.
 *
 * Ops need tensors and tensors should have methods, so the methods go through a table that the op library fills in when
 * it is loaded. Only ops that read well as methods are here; everything is also a function.
 */
import { InternalError } from '../codegen/errors.ts'
import type { DType } from '../codegen/dtype.ts'
import type { Size } from '../codegen/size.ts'
import type { TensorLike } from './convert.ts'
import type { BoolTensor, NestedArray, Tensor } from './tensor.ts'

/** Axes to reduce over: all of them when absent or null; negative ones count from the end. */
export type AxisArgument = number | readonly number[] | null

/** What a run of a graph is fed: JavaScript values by tensor, or by name. */
export type FeedDict = ReadonlyMap<Tensor | string, TensorLike> | { readonly [name: string]: TensorLike }

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

function ops(): TensorOps {
  if (table === undefined) throw new InternalError('the op library is not loaded')
  return table
}

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

  /** The value as text, as far as it is known. */
  abstract toString(): string
}

// What console.log shows in Node, where an object may say it by this well-known symbol.
Object.defineProperty(TensorMethods.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: TensorMethods): string {
    return this.toString()
  },
})
