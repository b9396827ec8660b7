// Decoding and comparing golden tensors. A golden writes NaN, the infinities and -0 as strings; floats pass when they
// are within atol + rtol·|expected| or within a number of float32 units in the last place; integers and bools exactly.
import type { DType, TypedArray } from '../../codegen/dtype.ts'

export type GoldenNumber = number | boolean | string

/** A tensor as it stands in the JSON files. */
export interface GoldenTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: readonly GoldenNumber[]
}

export interface Tolerance {
  readonly exact?: boolean
  readonly signedZero?: boolean
  readonly anyFloat?: boolean
  readonly rtol?: number
  readonly atol?: number
  readonly ulp?: number
}

/** What a test has in hand: a tensor's dtype, shape and elements. */
export interface Result {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

/** A number of `data` or of an attribute: itself, or one of the strings for what JSON cannot write. */
export function decodeNumber(value: GoldenNumber): number {
  switch (value) {
    case 'NaN':
      return Number.NaN
    case 'Infinity':
      return Number.POSITIVE_INFINITY
    case '-Infinity':
      return Number.NEGATIVE_INFINITY
    case '-0':
      return -0
    default:
      return Number(value)
  }
}

/** The elements of a golden tensor in the typed array of its dtype. */
export function decodeData(tensor: GoldenTensor): TypedArray {
  const numbers = tensor.data.map(decodeNumber)
  switch (tensor.dtype) {
    case 'float32':
      return Float32Array.from(numbers)
    case 'float64':
      return Float64Array.from(numbers)
    case 'int32':
      return Int32Array.from(numbers)
    case 'uint8':
    case 'bool':
      return Uint8Array.from(numbers)
  }
}

/** Distance from |x|, rounded to float32, to the next larger float32; 0 for NaN and the infinities. */
export function unitInLastPlace(x: number): number {
  const magnitude = Math.abs(Math.fround(x))
  if (!Number.isFinite(magnitude)) return 0
  // 2^-149 is the spacing of subnormals; above 2^-126 it doubles with every power of two.
  const exponent = magnitude < 2 ** -126 ? -126 : Math.floor(Math.log2(magnitude))
  const power =
    2 ** exponent > magnitude ? exponent - 1 : 2 ** (exponent + 1) <= magnitude ? exponent + 1 : exponent
  return 2 ** (power - 23)
}

function isClose(got: number, expected: number, tolerance: Tolerance, dtype: DType): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(got)
  if (got === expected) return tolerance.signedZero !== true || expected !== 0 || Object.is(got, expected)
  if (tolerance.exact === true || !Number.isFinite(expected) || !Number.isFinite(got)) return false
  const difference = Math.abs(got - expected)
  if (difference <= (tolerance.atol ?? 0) + (tolerance.rtol ?? 0) * Math.abs(expected)) return true
  return dtype === 'float32' && difference <= (tolerance.ulp ?? 0) * unitInLastPlace(expected)
}

/** What is wrong with `got`, or undefined when it is within the tolerance of `expected`. */
export function difference(got: Result, expected: GoldenTensor, tolerance: Tolerance): string | undefined {
  if (got.dtype !== expected.dtype && !(tolerance.anyFloat === true && got.dtype.startsWith('float')))
    return `dtype ${got.dtype}, expected ${expected.dtype}`
  if (got.shape.length !== expected.shape.length || got.shape.some((size, i) => size !== expected.shape[i]))
    return `shape [${got.shape.join(',')}], expected [${expected.shape.join(',')}]`
  const wanted = decodeData(expected)
  if (got.data.length !== wanted.length) return `${got.data.length} elements, expected ${wanted.length}`
  const used = expected.dtype.startsWith('float') ? tolerance : { exact: true }
  for (const [i, value] of wanted.entries()) {
    const element = got.data[i]
    if (element === undefined || !isClose(element, value, used, got.dtype))
      return `[${i}] is ${element}, expected ${value} (${JSON.stringify(used)}); all: ${Array.from(got.data).slice(0, 12).join(' ')}`
  }
  return undefined
}

/** `difference` for gradients: where none is expected, none and zeros are both right. */
export function gradientDifference(
  got: Result | null,
  expected: GoldenTensor | null,
  tolerance: Tolerance,
): string | undefined {
  if (expected === null)
    return got === null || Array.from(got.data).every((value) => value === 0)
      ? undefined
      : 'a gradient, expected none or zeros'
  return got === null ? 'no gradient, expected one' : difference(got, expected, tolerance)
}
