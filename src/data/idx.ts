/**
 * IDX, the format of the MNIST files: two zero bytes, a byte for the type, a byte for the number of axes, the sizes as
 * big-endian 32-bit integers, then the elements, big-endian. Format: http://yann.lecun.com/exdb/mnist (kept by the
 * Internet Archive). A file packed by gzip is unpacked first.
 */
import { gunzipSync } from 'fflate'
import { allocate, type DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'

interface IdxType {
  readonly dtype: DType
  readonly bytes: number
  readonly read: (view: DataView, at: number) => number
}

/** By the type byte. Small integers become int32, as there is nothing smaller that is signed. */
const types: ReadonlyMap<number, IdxType> = new Map([
  [0x08, { dtype: 'uint8', bytes: 1, read: (view, at) => view.getUint8(at) }],
  [0x09, { dtype: 'int32', bytes: 1, read: (view, at) => view.getInt8(at) }],
  [0x0b, { dtype: 'int32', bytes: 2, read: (view, at) => view.getInt16(at) }],
  [0x0c, { dtype: 'int32', bytes: 4, read: (view, at) => view.getInt32(at) }],
  [0x0d, { dtype: 'float32', bytes: 4, read: (view, at) => view.getFloat32(at) }],
  [0x0e, { dtype: 'float64', bytes: 8, read: (view, at) => view.getFloat64(at) }],
])

function damaged(problem: string): ValueError {
  return new ValueError({
    op: 'data.idx',
    problem,
    fix: 'check that the file is an IDX file and came whole.',
  })
}

/**
 * The tensor in an IDX file, or in one packed by gzip: uint8, int32, float32 or float64.
 *
 * @throws ValueError for bytes that are no IDX file, or end too early or too late
 * @example
 * tf.data.idx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4)) // [5, 0, 4]
 */
export function idx(file: Uint8Array | ArrayBuffer): Tensor {
  const bytes = unpacked(file instanceof Uint8Array ? file : new Uint8Array(file))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0)
    throw damaged('the file does not begin as an IDX file does')
  const type = types.get(bytes[2] ?? 0)
  if (type === undefined)
    throw damaged(`there is no element type 0x${(bytes[2] ?? 0).toString(16).padStart(2, '0')}`)
  const rank = bytes[3] ?? 0
  const start = 4 + 4 * rank
  if (bytes.length < start) throw damaged(`the file ends within the sizes of its ${rank} axes`)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const count = shape.reduce((total, size) => total * size, 1)
  const end = start + count * type.bytes
  if (bytes.length !== end)
    throw damaged(`the sizes [${shape.join(', ')}] make a file of ${end} bytes, and it has ${bytes.length}`)
  const data = allocate(type.dtype, count)
  if (type.bytes === 1 && type.dtype === 'uint8') data.set(bytes.subarray(start))
  else for (let i = 0; i < count; i++) data[i] = type.read(view, start + i * type.bytes)
  return tensorOf(type.dtype, shape, data)
}

function unpacked(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw damaged(`it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`)
  }
}
