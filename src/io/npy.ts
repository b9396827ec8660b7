/**
 * NumPy's files: `.npy` is one array, `.npz` a ZIP archive of them.
 *
 * An `.npy` file is a magic number, a version, and a header that is a Python dictionary of three known keys; it is read
 * with one pattern and nothing of it is evaluated. Arrays in Fortran's order are transposed on reading. Archives are
 * unpacked by fflate; what an archive says of an entry's size is checked before it is unpacked. Format:
 * numpy.lib.format, versions 1.0 to 3.0.
 */
import { unzipSync, zipSync } from 'fflate'
import type { DType } from '../../codegen/dtype.ts'
import { ValueError } from '../../codegen/errors.ts'
import { transpose } from '../../tracer/ops/index.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import type { TensorMethods } from '../../tracer/tensor-methods.ts'
import { decodeElements, encodeElements, fileTypeBytes, type FileType } from './element-types.ts'

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
/** The longest array or archive that is read, unpacked. */
const mostBytes = 0x7fffffff

const descriptions: Readonly<Record<DType, string>> = {
  float32: '<f4',
  float64: '<f8',
  int32: '<i4',
  uint8: '|u1',
  bool: '|b1',
}

const fileTypes: ReadonlyMap<string, FileType> = new Map([
  ['f2', 'F16'],
  ['f4', 'F32'],
  ['f8', 'F64'],
  ['b1', 'BOOL'],
  ['u1', 'U8'],
  ['i1', 'I8'],
  ['u2', 'U16'],
  ['i2', 'I16'],
  ['u4', 'U32'],
  ['i4', 'I32'],
  ['u8', 'U64'],
  ['i8', 'I64'],
])

/**
 * A tensor as the bytes of an `.npy` file.
 *
 * @throws TraceError while tracing
 * @example tf.io.decodeNpy(tf.io.encodeNpy(tf.tensor([[1, 2]]))).array() // [[1, 2]]
 */
export function encodeNpy(value: TensorMethods): Uint8Array<ArrayBuffer> {
  const tensor = value.asTensor()
  const sizes = tensor.shape.map((size) => `${size},`).join(' ')
  const dictionary = `{'descr': '${descriptions[tensor.dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`
  // The header ends with a line feed, and the array begins at a multiple of 64 bytes.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10
  const data = encodeElements(tensor.dtype, tensor.elements('io.encodeNpy'))
  const file = new Uint8Array(10 + length + data.length)
  file.set([...magic, 1, 0, length & 0xff, length >> 8])
  file.set(new TextEncoder().encode(`${dictionary.padEnd(length - 1)}\n`), 10)
  file.set(data, 10 + length)
  return file
}

/**
 * The tensor in the bytes of an `.npy` file. Halves become float32 and other integers int32 if every element fits.
 *
 * @throws ValueError for anything that is no such file, for big-endian, complex, text and object arrays, and for an
 *   integer beyond int32
 */
export function decodeNpy(file: Uint8Array): Tensor {
  return decodeNamed(file, 'the array')
}

/**
 * Tensors and Variables as the bytes of an `.npz` file.
 *
 * @example
 * const bytes = tf.io.encodeNpz({ w: tf.ones([2]) })
 * tf.io.decodeNpz(bytes).get('w')?.array() // [1, 1]
 */
export function encodeNpz(
  tensors: ReadonlyMap<string, TensorMethods> | { readonly [name: string]: TensorMethods },
): Uint8Array {
  const entries: readonly (readonly [string, TensorMethods])[] =
    tensors instanceof Map ? [...(tensors as ReadonlyMap<string, TensorMethods>)] : Object.entries(tensors)
  return zipSync(Object.fromEntries(entries.map(([name, value]) => [`${name}.npy`, encodeNpy(value)])))
}

/**
 * The tensors in the bytes of an `.npz` file, by name.
 *
 * @throws ValueError as `decodeNpy`, and for a damaged archive or one that unpacks to more than 2 GB
 */
export function decodeNpz(file: Uint8Array): Map<string, Tensor> {
  let total = 0
  const names = new Set<string>()
  let entries: Readonly<Record<string, Uint8Array>>
  try {
    entries = unzipSync(file, {
      filter: ({ name, originalSize }) => {
        total += originalSize
        if (total > mostBytes) fail('io.decodeNpz', `the archive unpacks to more than ${mostBytes} bytes`)
        if (names.has(name)) fail('io.decodeNpz', `the archive has '${name}' twice`)
        names.add(name)
        return name.endsWith('.npy')
      },
    })
  } catch (error) {
    if (error instanceof ValueError) throw error
    return fail(
      'io.decodeNpz',
      `the archive cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  return new Map(
    Object.entries(entries).map(([name, bytes]) => {
      const plain = name.slice(0, -'.npy'.length)
      return [plain, decodeNamed(bytes, `'${plain}'`)]
    }),
  )
}

function fail(op: string, problem: string): never {
  throw new ValueError({
    op,
    problem,
    fix: 'save it with numpy.save or numpy.savez, as plain little-endian arrays.',
  })
}

function decodeNamed(file: Uint8Array, name: string): Tensor {
  const op = 'io.decodeNpy'
  const [major = 0] = file.subarray(6, 7)
  if (file.length < 10 || magic.some((byte, i) => file[i] !== byte)) fail(op, `${name} is no .npy file`)
  if (major < 1 || major > 3) fail(op, `${name} is of version ${major}`)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const start = major === 1 ? 10 : 12
  if (file.length < start) fail(op, `${name} ends in its header`)
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (end > file.length) fail(op, `the header of ${name} is said to end at byte ${end} of ${file.length}`)
  const { description, fortran, shape } = readHeader(
    new TextDecoder().decode(file.subarray(start, end)),
    name,
  )
  const type = /^[<|]/.test(description) ? fileTypes.get(description.slice(1)) : undefined
  if (type === undefined) fail(op, `the elements of ${name} are '${description}'`)
  const expected = shape.reduce((product, size) => product * BigInt(size), BigInt(fileTypeBytes(type)))
  if (expected > BigInt(mostBytes))
    fail(op, `${name} has ${expected} bytes; a tensor has at most ${mostBytes}`)
  if (BigInt(file.length - end) !== expected)
    fail(
      op,
      `${name} is '${description}' (${shape.join(', ')}) of ${expected} bytes, and ${file.length - end} follow the header`,
    )
  const { dtype, data } = decodeElements(op, name, type, file.subarray(end))
  return fortran ? transpose(tensorOf(dtype, shape.toReversed(), data)) : tensorOf(dtype, shape, data)
}

function readHeader(
  header: string,
  name: string,
): { readonly description: string; readonly fortran: boolean; readonly shape: readonly number[] } {
  const field = (pattern: RegExp): string | undefined => pattern.exec(header)?.[1]
  const description = field(/'descr':\s*'([^']*)'/)
  const fortran = field(/'fortran_order':\s*(True|False)/)
  const sizes = field(/'shape':\s*\(([\d\s,]*)\)/)
  if (description === undefined || fortran === undefined || sizes === undefined)
    fail('io.decodeNpy', `the header of ${name} is not understood: ${header.trim().slice(0, 200)}`)
  const shape = [...sizes.matchAll(/\d+/g)].map(([size]) => Number(size))
  return { description, fortran: fortran === 'True', shape }
}
