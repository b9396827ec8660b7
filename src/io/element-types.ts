/**
 * Element types of files, and the tensors they become.
 *
 * Five types of files are our own. The others are widened to one that holds every element: halves to float32, short
 * integers to int32. Long integers become int32 when every element fits and are an error, by name, when one does not:
 * nothing is ever rounded or wrapped.
 */
import type { DType, TypedArray } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'

/** An element type as files name it, in safetensors' spelling. */
export type FileType =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'U16'
  | 'I16'
  | 'U32'
  | 'I32'
  | 'U64'
  | 'I64'
  | 'F16'
  | 'BF16'
  | 'F32'
  | 'F64'

interface Reading {
  readonly bytes: number
  readonly dtype: DType
  /** Element number i of the view. */
  readonly read: (view: DataView, at: number) => number | bigint
}

const readings: Readonly<Record<FileType, Reading>> = {
  BOOL: { bytes: 1, dtype: 'bool', read: (view, at) => view.getUint8(at) },
  U8: { bytes: 1, dtype: 'uint8', read: (view, at) => view.getUint8(at) },
  I8: { bytes: 1, dtype: 'int32', read: (view, at) => view.getInt8(at) },
  U16: { bytes: 2, dtype: 'int32', read: (view, at) => view.getUint16(at, true) },
  I16: { bytes: 2, dtype: 'int32', read: (view, at) => view.getInt16(at, true) },
  U32: { bytes: 4, dtype: 'int32', read: (view, at) => view.getUint32(at, true) },
  I32: { bytes: 4, dtype: 'int32', read: (view, at) => view.getInt32(at, true) },
  U64: { bytes: 8, dtype: 'int32', read: (view, at) => view.getBigUint64(at, true) },
  I64: { bytes: 8, dtype: 'int32', read: (view, at) => view.getBigInt64(at, true) },
  F16: { bytes: 2, dtype: 'float32', read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  BF16: { bytes: 2, dtype: 'float32', read: (view, at) => brainToNumber(view.getUint16(at, true)) },
  F32: { bytes: 4, dtype: 'float32', read: (view, at) => view.getFloat32(at, true) },
  F64: { bytes: 8, dtype: 'float64', read: (view, at) => view.getFloat64(at, true) },
}

const fileTypes: Readonly<Record<DType, FileType>> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
}

/** True for the name of an element type of files. */
export function isFileType(name: unknown): name is FileType {
  return typeof name === 'string' && Object.hasOwn(readings, name)
}

/** Bytes of an element. */
export function fileTypeBytes(type: FileType): number {
  return readings[type].bytes
}

/** The element type that a dtype is written as. */
export function fileTypeOf(dtype: DType): FileType {
  return fileTypes[dtype]
}

/**
 * Elements as a tensor holds them.
 *
 * @throws ValueError for an integer that int32 cannot hold
 */
export function decodeElements(
  op: string,
  name: string,
  type: FileType,
  bytes: Uint8Array,
): { readonly dtype: DType; readonly data: TypedArray } {
  const { bytes: size, dtype, read } = readings[type]
  const count = bytes.byteLength / size
  if (isLittleEndian()) {
    // A copy, since files do not align their tensors; slice() of a Buffer would be none.
    const { buffer } = new Uint8Array(bytes)
    if (type === 'F32') return { dtype, data: new Float32Array(buffer) }
    if (type === 'F64') return { dtype, data: new Float64Array(buffer) }
    if (type === 'I32') return { dtype, data: new Int32Array(buffer) }
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data =
    dtype === 'float32'
      ? new Float32Array(count)
      : dtype === 'float64'
        ? new Float64Array(count)
        : dtype === 'int32'
          ? new Int32Array(count)
          : new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const element = Number(read(view, i * size))
    if (dtype === 'int32' && element !== (element | 0))
      throw new ValueError({
        op,
        problem: `element ${i} of '${name}' is the ${type} ${element}, which int32 cannot hold`,
        fix: 'save it as int32, or as float64 if it need not be an integer.',
      })
    if (dtype === 'bool' && element > 1)
      throw new ValueError({
        op,
        problem: `element ${i} of '${name}' is the byte ${element}, which is no BOOL`,
        fix: 'save it as uint8.',
      })
    data[i] = element
  }
  return { dtype, data }
}

/** Elements as little-endian bytes. */
export function encodeElements(dtype: DType, data: TypedArray): Uint8Array<ArrayBuffer> {
  if (isLittleEndian() || data instanceof Uint8Array)
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  const size = fileTypeBytes(fileTypes[dtype])
  const bytes = new Uint8Array(data.length * size)
  const view = new DataView(bytes.buffer)
  const write =
    dtype === 'float32'
      ? (at: number, element: number) => view.setFloat32(at, element, true)
      : dtype === 'float64'
        ? (at: number, element: number) => view.setFloat64(at, element, true)
        : dtype === 'int32'
          ? (at: number, element: number) => view.setInt32(at, element, true)
          : (at: number, element: number) => view.setUint8(at, element)
  data.forEach((element, i) => write(i * size, element))
  return bytes
}

/** Files are little-endian, as are nearly all machines. */
function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The upper half of a float32. */
function brainToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? NaN
}
