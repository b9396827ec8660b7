/**
 * Arrays for results. Making a typed array with memory of its own costs far more than making a view, so small results
 * are consecutive pieces of a larger array buffer, which the garbage collector frees once all of its pieces are
 * unreachable. Nothing is handed out twice, so every piece starts as zeros.
 */
import { allocate, byteSize, type DType, type TypedArray } from '../dtype.ts'

const slabBytes = 65536
/** Results of at most this many bytes share a slab. */
const smallBytes = 4096

let slab = new ArrayBuffer(slabBytes)
let used = 0

/** A zero-filled typed array for a result of `elements` elements; its `buffer` may be shared with other results. */
export function carve(dtype: DType, elements: number): TypedArray {
  const bytes = elements * byteSize(dtype)
  if (bytes > smallBytes) return allocate(dtype, elements)
  if (used + bytes > slabBytes) {
    slab = new ArrayBuffer(slabBytes)
    used = 0
  }
  const offset = used
  used += (bytes + 7) & ~7
  switch (dtype) {
    case 'float32':
      return new Float32Array(slab, offset, elements)
    case 'float64':
      return new Float64Array(slab, offset, elements)
    case 'int32':
      return new Int32Array(slab, offset, elements)
    case 'uint8':
    case 'bool':
      return new Uint8Array(slab, offset, elements)
  }
}
