/**
 * From random bits to random numbers.
 *
 * Every distribution here takes a fixed number of 32-bit words per element (float64 takes two for one), so element i
 * depends only on the key and on its own place in the counter's sequence: nothing is rejected and drawn again. The
 * conversions are TensorFlow's on the CPU (mantissa bits for uniform numbers, Box–Muller pairs for normal ones), so its
 * stateless values are met up to rounding; truncated normals invert the distribution function instead of rejecting.
 */
import type { DType } from '../../codegen/dtype.ts'
import { DTypeError, ValueError } from '../../codegen/errors.ts'
import { addSizes, elementCount, floorDivideSizes, multiplySizes, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { sliceAxis } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import {
  add,
  bitcast,
  bitwiseAnd,
  bitwiseOr,
  cast,
  cos,
  div,
  equal,
  floor,
  iota,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  reshape,
  sin,
  sqrt,
  sub,
  where,
} from '../../tracer/ops/index.ts'

/**
 * Gives an int32 tensor of the shape, each word independent and uniformly random; `drawn` is the shape of the numbers
 * that are made of them.
 */
export type BitSource = (shape: readonly Size[], drawn: readonly Size[]) => Tensor

/** Distances between neighbouring uniform numbers: the mantissa of a float32 takes 23 bits. */
const floatStep = 2 ** -23
const twoTo32 = 2 ** 32

/** Throws ValueError for what is no shape. */
export function requireShape(op: string, shape: readonly Size[]): readonly Size[] {
  const bad = shape.find((size) => typeof size === 'number' && (!Number.isInteger(size) || size < 0))
  const count = elementCount(shape)
  if (bad !== undefined || (typeof count === 'number' && count > 0x0fffffff))
    throw new ValueError({
      op,
      problem:
        bad === undefined ? `[${shape.join(',')}] has too many elements` : `${String(bad)} is not a size`,
      fix: 'use integers ≥ 0 whose product is below 2²⁸.',
    })
  return shape
}

/** Throws DTypeError for what is no float. */
export function requireFloat(op: string, dtype: DType): 'float32' | 'float64' {
  if (dtype === 'float32' || dtype === 'float64') return dtype
  throw new DTypeError({
    op,
    problem: `there are no such numbers of dtype ${dtype}`,
    fix: 'use float32 or float64.',
  })
}

/** [0, 1) from one word per element: 23 of its bits become the mantissa of a number in [1, 2). */
function unitFloat(bits: Tensor): Tensor {
  return sub(bitcast(bitwiseOr(bitwiseAnd(bits, 0x7fffff), 0x3f800000), 'float32'), 1)
}

/** The word as an unsigned number, exact in float64. */
function unsigned(bits: Tensor): Tensor {
  const signed = cast(bits, 'float64')
  return where(less(bits, 0), add(signed, twoTo32), signed)
}

/** [0, 1) in float64: 20 bits of `high` and 32 of `low` become the mantissa. */
function unitDouble(high: Tensor, low: Tensor): Tensor {
  return mul(add(mul(cast(bitwiseAnd(high, 0xfffff), 'float64'), twoTo32), unsigned(low)), 2 ** -52)
}

function word(words: Tensor, at: number): Tensor {
  return sliceAxis(words, words.rank - 1, at, 1)
}

/** Numbers in [0, 1), a multiple of 2⁻²³ (float32) or 2⁻⁵² (float64). */
export function unitNumbers(draw: BitSource, shape: readonly Size[], dtype: 'float32' | 'float64'): Tensor {
  if (dtype === 'float32') return unitFloat(draw(shape, shape))
  const words = draw([...shape, 2], shape)
  return reshape(unitDouble(word(words, 0), word(words, 1)), shape)
}

/** Uniform numbers in [min, max); float32, float64 or int32. */
export function uniformNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  min: TensorLike,
  max: TensorLike | undefined,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  if (typeof min === 'number' && typeof max === 'number' && !(min < max))
    throw new ValueError({
      op,
      problem: `no number is in [${min}, ${max})`,
      fix: 'use bounds with min < max.',
    })
  if (dtype === 'int32') {
    if (max === undefined)
      throw new ValueError({
        op,
        problem: 'integers need an upper bound',
        fix: 'pass max, which is not drawn itself.',
      })
    const low = convertToTensor(min, { op, dtype })
    const first = cast(low, 'float64')
    const span = sub(cast(convertToTensor(max, { op, dtype }), 'float64'), first)
    // The remainder, as in TensorFlow. The quotient is at least 1/span away from an integer that it is not, which is far
    // above float64's rounding.
    const number = unsigned(draw(shape, shape))
    return cast(add(sub(number, mul(floor(div(number, span)), span)), first), 'int32')
  }
  const unit = unitNumbers(draw, shape, requireFloat(op, dtype))
  if (typeof min === 'number' && (typeof max === 'number' || max === undefined)) {
    const span = (max ?? 1) - min
    const scaled = span === 1 ? unit : mul(unit, span)
    return min === 0 ? scaled : add(scaled, min)
  }
  const low = convertToTensor(min, { op, dtype })
  return add(mul(unit, sub(convertToTensor(max ?? 1, { op, dtype }), low)), low)
}

/**
 * Normal numbers by pairs: two uniform numbers u, v give √(−2 ln u)·sin 2πv and √(−2 ln u)·cos 2πv.
 * Box & Muller, A Note on the Generation of Random Normal Deviates (1958).
 */
export function normalNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  mean: TensorLike,
  std: TensorLike,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  const float = requireFloat(op, dtype)
  const count = elementCount(shape)
  const pairs = floorDivideSizes(addSizes(count, 1), 2)
  const words = draw([pairs, float === 'float32' ? 2 : 4], shape)
  const [u, v] =
    float === 'float32'
      ? [unitFloat(word(words, 0)), unitFloat(word(words, 1))]
      : [unitDouble(word(words, 0), word(words, 1)), unitDouble(word(words, 2), word(words, 3))]
  const radius = sqrt(mul(log(maximum(u, 1e-7)), -2))
  const angle = mul(v, 2 * Math.PI)
  const isFirst = equal(iota([pairs, 2], 1, 'int32'), 0)
  const both = where(isFirst, mul(radius, sin(angle)), mul(radius, cos(angle)))
  const flat = reshape(both, [multiplySizes(pairs, 2)])
  const odd = typeof count !== 'number' || count % 2 === 1
  const standard = reshape(odd ? sliceAxis(flat, 0, 0, count) : flat, shape)
  return scaleAndShift(standard, mean, std)
}

function scaleAndShift(standard: Tensor, mean: TensorLike, std: TensorLike): Tensor {
  const scaled = std === 1 ? standard : mul(standard, std)
  return mean === 0 ? scaled : add(scaled, mean)
}

// The central polynomial of erf⁻¹ for |x| < 0.9966. Giles, Approximating the erfinv function (2010), single precision.
const inverseErf = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
]
/** erf(√2): the probability of a normal number within two standard deviations. */
const withinTwo = 0.9544997361036416

/** Normal numbers on condition that they are within two standard deviations of the mean. */
export function truncatedNormalNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  mean: TensorLike,
  std: TensorLike,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  const unit = unitNumbers(draw, shape, requireFloat(op, dtype))
  const x = add(mul(unit, 2 * withinTwo), (floatStep - 1) * withinTwo)
  const w = sub(neg(log(mul(sub(1, x), add(x, 1)))), 2.5)
  const [lead = 0, ...rest] = inverseErf
  const polynomial = rest.reduce((sum: Tensor | number, coefficient) => add(mul(sum, w), coefficient), lead)
  const standard = mul(mul(polynomial, x), Math.SQRT2)
  return scaleAndShift(minimum(maximum(standard, -2), 2), mean, std)
}

/** True with the given probability. */
export function bernoulliNumbers(
  draw: BitSource,
  op: string,
  shape: readonly Size[],
  probability: TensorLike,
  dtype: DType,
): Tensor {
  requireShape(op, shape)
  if (typeof probability === 'number' && !(probability >= 0 && probability <= 1))
    throw new ValueError({
      op,
      problem: `the probability is ${probability}`,
      fix: 'use a number from 0 to 1.',
    })
  return cast(less(unitNumbers(draw, shape, 'float32'), probability), dtype)
}
