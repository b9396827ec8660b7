/**
 * Copying elements between JavaScript's typed arrays and wasm memory.
 *
 * For a few elements a loop beats `set`, which has to make a view of the memory first; the loops are one function per
 * element type, because a loop that meets several kinds of typed array is compiled to slow generic accesses.
 */
import type { DType, TypedArray } from '../dtype.ts'
import { type Views, viewAt } from './heap.ts'
import { carve } from './slabs.ts'

/** Up to this many elements are copied by a loop. */
const loopLimit = 32

function copyFloat32(to: Float32Array, at: number, from: Float32Array, first: number, count: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[first + i] as number
}
function copyFloat64(to: Float64Array, at: number, from: Float64Array, first: number, count: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[first + i] as number
}
function copyInt32(to: Int32Array, at: number, from: Int32Array, first: number, count: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[first + i] as number
}
function copyBytes(to: Uint8Array, at: number, from: Uint8Array, first: number, count: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[first + i] as number
}

/** Writes all of `data`, whose elements have `dtype`, to `address`. */
export function copyIn(views: Views, dtype: DType, address: number, data: TypedArray): void {
  const count = data.length
  switch (dtype) {
    case 'float32':
      if (count <= loopLimit) copyFloat32(views.f32, address / 4, data as Float32Array, 0, count)
      else views.f32.set(data, address / 4)
      return
    case 'float64':
      if (count <= loopLimit) copyFloat64(views.f64, address / 8, data as Float64Array, 0, count)
      else views.f64.set(data, address / 8)
      return
    case 'int32':
      if (count <= loopLimit) copyInt32(views.i32, address / 4, data as Int32Array, 0, count)
      else views.i32.set(data, address / 4)
      return
    case 'uint8':
    case 'bool':
      if (count <= loopLimit) copyBytes(views.u8, address, data as Uint8Array, 0, count)
      else views.u8.set(data, address)
  }
}

/** The `count` elements at `address`, in an array of their own. */
export function copyOut(views: Views, dtype: DType, address: number, count: number): TypedArray {
  const result = carve(dtype, count)
  if (count > loopLimit) {
    result.set(viewAt(dtype, address, count))
    return result
  }
  switch (dtype) {
    case 'float32':
      copyFloat32(result as Float32Array, 0, views.f32, address / 4, count)
      break
    case 'float64':
      copyFloat64(result as Float64Array, 0, views.f64, address / 8, count)
      break
    case 'int32':
      copyInt32(result as Int32Array, 0, views.i32, address / 4, count)
      break
    case 'uint8':
    case 'bool':
      copyBytes(result as Uint8Array, 0, views.u8, address, count)
  }
  return result
}
