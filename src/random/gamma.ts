/**
 * Exponential and gamma distributed numbers.
 *
 * Gamma numbers come from Marsaglia and Tsang, A Simple Method for Generating Gamma Variables (2000): a transformed normal
 * number is kept with a probability above 0.95, else drawn again. Here a fixed number of attempts is drawn for every
 * element and the first one that is kept counts, so that an element still depends on its own place in the sequence alone;
 * none is kept less often than once in 10⁷ elements, and the element is then the mode of the transformed number.
 */
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { stopGradient } from '../../tracer/gradient/custom.ts'
import {
  add,
  argMax,
  broadcastTo,
  cast,
  cos,
  div,
  equal,
  greater,
  iota,
  less,
  log,
  logicalAnd,
  maximum,
  mul,
  neg,
  pow,
  reduceOr,
  reduceSum,
  reshape,
  sliceAxis,
  sqrt,
  square,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { type BitSource, requireFloat, requireShape, unitNumbers } from './distributions.ts'

function requirePositive(op: string, name: string, value: TensorLike): void {
  if (typeof value === 'number' && !(value > 0))
    throw new ValueError({ op, problem: `${name} is ${value}`, fix: 'use a number above 0.' })
}

/** Exponential numbers by inversion. */
export function exponentialNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  rate: TensorLike,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  requirePositive(op, 'the rate', rate)
  const standard = neg(log(sub(1, unitNumbers(draw, shape, requireFloat(op, dtype)))))
  return rate === 1 ? standard : div(standard, convertToTensor(rate, { op, dtype }))
}

const attempts = 6
/** Uniform numbers of an attempt: two make a normal number, one decides. */
const perAttempt = 3

/** Gamma numbers; the gradient reaches `beta`, not `alpha`. */
export function gammaNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  alpha: TensorLike,
  beta: TensorLike,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  requirePositive(op, 'alpha', alpha)
  requirePositive(op, 'beta', beta)
  const float = requireFloat(op, dtype)
  const spread = (value: TensorLike): Tensor => broadcastTo(convertToTensor(value, { op, dtype }), shape)
  const uniform = unitNumbers((of) => draw(of, shape), [attempts * perAttempt + 1, ...shape], float)
  const perKind = reshape(sliceAxis(uniform, 0, 0, attempts * perAttempt), [attempts, perAttempt, ...shape])
  const kind = (i: number): Tensor => reshape(sliceAxis(perKind, 1, i, 1), [attempts, ...shape])
  const normal = mul(sqrt(mul(log(maximum(kind(0), 1e-7)), -2)), cos(mul(kind(1), 2 * Math.PI)))
  // Shapes below 1 are those above it times a power of a uniform number.
  const given = stopGradient(spread(alpha))
  const isSmall = less(given, 1)
  const d = sub(where(isSmall, add(given, 1), given), 1 / 3)
  const root = add(mul(normal, div(1 / 3, sqrt(d))), 1)
  const isPositive = greater(root, 0)
  const v = mul(root, square(root))
  const logV = log(where(isPositive, v, 1))
  const bound = add(mul(square(normal), 0.5), mul(d, add(sub(1, v), logV)))
  const kept = logicalAnd(isPositive, less(log(kind(2)), bound))
  const first = argMax(cast(kept, 'int32'), 0)
  const chosen = reduceSum(where(equal(iota([attempts, ...shape], 0, 'int32'), first), v, 0), [0])
  const standard = mul(d, where(reduceOr(kept, [0]), chosen, 1))
  const last = reshape(sliceAxis(uniform, 0, attempts * perAttempt, 1), shape)
  const power = pow(sub(1, last), div(1, given))
  const result = stopGradient(where(isSmall, mul(standard, power), standard))
  return beta === 1 ? result : div(result, spread(beta))
}
