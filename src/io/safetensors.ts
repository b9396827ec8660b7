/**
 * Safetensors: a header in JSON that says where each tensor lies, then the bytes of all of them.
 *
 *     8 bytes  length of the header, little-endian
 *     n bytes  {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text"}}
 *     the rest the tensors without a gap, in the order of their offsets
 *
 * A file may come from anybody, so everything the header says is checked before anything is read: no size is believed
 * that the bytes do not bear out, and what is returned is a Map, where no name means anything. Format:
 * https://github.com/huggingface/safetensors.
 */
import { ValueError } from '../../codegen/errors.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import type { TensorMethods } from '../../tracer/tensor-methods.ts'
import {
  decodeElements,
  encodeElements,
  fileTypeBytes,
  fileTypeOf,
  type FileType,
  isFileType,
} from './element-types.ts'
import { duplicateKey } from './json-keys.ts'

/** The longest header that is read; the format's own limit is 100 MB. */
const longestHeader = 16 * 2 ** 20
const mostTensors = 100_000
const metadataKey = '__metadata__'

/** The tensors of a file, and what it says of itself. */
export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>
  readonly metadata: Map<string, string>
}

interface Entry {
  readonly name: string
  readonly type: FileType
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/**
 * Tensors and Variables as the bytes of a safetensors file.
 *
 * @param tensors by name
 * @param metadata texts by key, for whoever reads the file
 * @throws ValueError for the name `__metadata__`, TraceError while tracing
 * @example
 * const bytes = tf.io.encodeSafetensors({ w: tf.ones([2, 2]) })
 * tf.io.decodeSafetensors(bytes).tensors.get('w')?.array() // [[1, 1], [1, 1]]
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorMethods> | { readonly [name: string]: TensorMethods },
  metadata: { readonly [key: string]: string } = {},
): Uint8Array<ArrayBuffer> {
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  const header: [string, unknown][] =
    Object.keys(metadata).length === 0 ? [] : [[metadataKey, { ...metadata }]]
  const parts: Uint8Array[] = []
  let offset = 0
  for (const [name, value] of entries as readonly (readonly [string, TensorMethods])[]) {
    if (name === metadataKey)
      throw new ValueError({
        op: 'io.encodeSafetensors',
        problem: `a tensor is called ${metadataKey}, which the format keeps for itself`,
        fix: 'use another name.',
      })
    const tensor = value.asTensor()
    const bytes = encodeElements(tensor.dtype, tensor.elements('io.encodeSafetensors'))
    const end = offset + bytes.length
    header.push([name, { dtype: fileTypeOf(tensor.dtype), shape: tensor.shape, data_offsets: [offset, end] }])
    parts.push(bytes)
    offset = end
  }
  // Written entry by entry: an object would take a tensor called __proto__ for its prototype.
  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
  const text = new TextEncoder().encode(json)
  // The tensors begin at a multiple of 8 bytes; blanks may follow the header.
  const length = Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(8 + length + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true)
  file.fill(0x20, 8, 8 + length)
  file.set(text, 8)
  let at = 8 + length
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/**
 * The tensors in the bytes of a safetensors file, by name. F16 and BF16 become float32; I8, I16 and U16 int32; U32, U64
 * and I64 int32 if every element fits.
 *
 * @throws ValueError for anything that is no such file, whole and without contradiction, and for an integer beyond int32
 */
export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const { entries, metadata, data } = readHeader(file)
  const tensors = new Map<string, Tensor>()
  for (const { name, type, shape, start, end } of entries) {
    const elements = decodeElements('io.decodeSafetensors', name, type, data.subarray(start, end))
    tensors.set(name, tensorOf(elements.dtype, shape, elements.data))
  }
  return { tensors, metadata }
}

function fail(problem: string, fix = 'the file is damaged or no safetensors file; get it again.'): never {
  throw new ValueError({ op: 'io.decodeSafetensors', problem, fix })
}

function readHeader(file: Uint8Array): {
  readonly entries: readonly Entry[]
  readonly metadata: Map<string, string>
  readonly data: Uint8Array
} {
  if (file.length < 8) fail(`the file has ${file.length} bytes, fewer than the length of its header takes`)
  const length = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(longestHeader))
    fail(`the header is said to have ${length} bytes; at most ${longestHeader} are read`)
  const end = 8 + Number(length)
  if (end > file.length) fail(`the header is said to have ${length} bytes, and ${file.length - 8} follow`)
  const header = parseHeader(file.subarray(8, end))
  const data = file.subarray(end)
  const metadata = new Map<string, string>()
  const entries: Entry[] = []
  for (const [name, value] of header) {
    if (name === metadataKey) readMetadata(value, metadata)
    else entries.push(readEntry(name, value))
  }
  if (entries.length > mostTensors)
    fail(`it names ${entries.length} tensors; at most ${mostTensors} are read`)
  demandNoGaps(entries, data.length)
  return { entries, metadata, data }
}

function parseHeader(bytes: Uint8Array): readonly (readonly [string, unknown])[] {
  if (bytes[0] !== 0x7b) fail("the header does not start with '{'")
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    fail('the header is not UTF-8')
  }
  let header: unknown
  try {
    header = JSON.parse(text)
  } catch (error) {
    fail(`the header is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const repeated = duplicateKey(text)
  if (repeated !== undefined) fail(`the header names '${repeated}' twice`)
  if (!isRecord(header)) fail('the header is no object')
  return Object.entries(header)
}

function readMetadata(value: unknown, into: Map<string, string>): void {
  if (!isRecord(value)) fail(`${metadataKey} is no object`)
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(`${metadataKey}.${key} is no text`)
    into.set(key, text)
  }
}

function readEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) fail(`the entry of '${name}' is no object`)
  const { dtype, shape, data_offsets: offsets, ...rest } = value
  const [extra] = Object.keys(rest)
  if (extra !== undefined) fail(`the entry of '${name}' has the unknown field '${extra}'`)
  if (!isFileType(dtype))
    fail(
      `the dtype of '${name}' is ${JSON.stringify(dtype)}`,
      'convert the tensor to a type that can be read: F32, F64, F16, BF16, integers or BOOL.',
    )
  if (!isCounts(shape)) fail(`the shape of '${name}' is ${JSON.stringify(shape)}, which is no list of sizes`)
  if (!isCounts(offsets) || offsets.length !== 2)
    fail(`the data_offsets of '${name}' are ${JSON.stringify(offsets)}, which is no pair of positions`)
  const [start = 0, end = 0] = offsets
  const elements = shape.reduce((product, size) => product * BigInt(size), 1n)
  const expected = elements * BigInt(fileTypeBytes(dtype))
  if (expected > 0x7fffffffn) fail(`'${name}' has ${expected} bytes; a tensor has at most ${0x7fffffff}`)
  if (end < start || BigInt(end - start) !== expected)
    fail(
      `'${name}' is ${dtype}[${shape.join(',')}] of ${expected} bytes, and its data_offsets are [${start}, ${end}]`,
    )
  return { name, type: dtype, shape, start, end }
}

/** The tensors lie one after another from the first byte to the last. */
function demandNoGaps(entries: readonly Entry[], length: number): void {
  let at = 0
  for (const { name, start, end } of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start > at) fail(`${start - at} bytes before '${name}' belong to no tensor`)
    if (start < at) fail(`'${name}' overlaps the tensor before it by ${at - start} bytes`)
    at = end
  }
  if (at > length) fail(`the tensors have ${at} bytes, and ${length} follow the header`)
  if (at < length) fail(`${length - at} bytes follow the last tensor`)
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCounts(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.every((size: unknown) => Number.isSafeInteger(size) && Number(size) >= 0)
  )
}
