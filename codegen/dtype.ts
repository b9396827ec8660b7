/**
 * Element types and how each one is stored.
 *
 * A dtype names both the element's meaning and its storage: float32 and int32 take four bytes, float64 eight,
 * uint8 and bool one. A bool is the byte 0 or 1 in memory; inside a kernel it is a truth value (a lane mask when
 * vectorised) and is narrowed only when it is stored. int32 and uint8 wrap after every operation.
 */

/** An element type. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8' | 'bool'

/** The typed arrays that hold elements, one per storage kind (bool shares `Uint8Array` with uint8). */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array

/** Every dtype, in the order used by tables and messages. */
export const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8', 'bool']

const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
}

const shortNames: Readonly<Record<DType, string>> = {
  float32: 'f32',
  float64: 'f64',
  int32: 'i32',
  uint8: 'u8',
  bool: 'bool',
}

/** Bytes one element takes in memory. */
export function byteSize(dtype: DType): number {
  return bytesPerElement[dtype]
}

/** True for float32 and float64: the dtypes a gradient can flow through. */
export function isFloating(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64'
}

/** True for int32 and uint8. */
export function isInteger(dtype: DType): boolean {
  return dtype === 'int32' || dtype === 'uint8'
}

/** The short spelling used in graph and kernel text: `f32`, `f64`, `i32`, `u8`, `bool`. */
export function shortName(dtype: DType): string {
  return shortNames[dtype]
}

/** The dtype of a short spelling, or undefined. */
export function dtypeOfShortName(text: string): DType | undefined {
  return dtypes.find((dtype) => shortNames[dtype] === text)
}

/** A zero-filled typed array for `length` elements of `dtype`. */
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(length)
    case 'float64':
      return new Float64Array(length)
    case 'int32':
      return new Int32Array(length)
    case 'uint8':
    case 'bool':
      return new Uint8Array(length)
  }
}
