/** Safetensors: what is written is read, and nothing is believed that the bytes do not bear out. */
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

/** A file with this header text and these bytes after it. */
function fileOf(header: string | Uint8Array, data = 0): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + text.length + data)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  return file
}

const entry = (dtype: string, shape: string, start: number, end: number): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${start},${end}]}`

describe('round trips', () => {
  it('keeps names, dtypes, shapes and bits', () => {
    const tensors = new Map<string, tf.Tensor>([
      [
        'a/b',
        tf.tensor([
          [1.5, -0],
          [Infinity, NaN],
        ]),
      ],
      ['i', tf.tensor([1, -2147483648], 'int32')],
      ['d', tf.tensor([Math.PI], 'float64')],
      ['u', tf.tensor([255, 0, 1], 'uint8')],
      ['empty', tf.zeros([0, 3])],
      ['truth', tf.tensor([true, false])],
      ['scalar', tf.scalar(7)],
      ['__proto__', tf.scalar(3)],
      ['with "quotes"\n', tf.scalar(4)],
    ])
    const file = tf.io.decodeSafetensors(tf.io.encodeSafetensors(tensors, { format: 'test' }))
    expect([...file.tensors.keys()]).toEqual([...tensors.keys()])
    for (const [name, tensor] of tensors) {
      const read = file.tensors.get(name)
      expect(read?.dtype).toBe(tensor.dtype)
      expect(read?.shape).toEqual(tensor.shape)
      expect(read?.data()).toEqual(tensor.data())
    }
    expect(Object.is(file.tensors.get('a/b')?.data()[1], -0)).toBe(true)
    expect(file.metadata).toEqual(new Map([['format', 'test']]))
    expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false)
  })

  it('has the layout of the format', () => {
    const file = tf.io.encodeSafetensors({ w: tf.tensor([1, 2]) })
    const length = Number(new DataView(file.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    expect(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)))).toEqual({
      w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    })
    expect([...new Float32Array(file.slice(8 + length).buffer)]).toEqual([1, 2])
  })

  it('reads a part of a larger buffer', () => {
    const bytes = tf.io.encodeSafetensors({ w: tf.tensor([1, 2]), n: tf.tensor([3], 'int32') })
    const within = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
    expect(tf.io.decodeSafetensors(within).tensors.get('w')?.data()).toEqual(Float32Array.of(1, 2))
  })

  it('widens the types of other programs', () => {
    const bytes = [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0x80, 0x3f, 0xff, 0xfe, 0xff]
    const header = `{"h":${entry('F16', '[3]', 0, 6)},"b":${entry('BF16', '[1]', 6, 8)},"i":${entry('I8', '[1]', 8, 9)},"s":${entry('I16', '[1]', 9, 11)}}`
    const file = fileOf(header, bytes.length)
    file.set(bytes, file.length - bytes.length)
    const { tensors } = tf.io.decodeSafetensors(file)
    expect(tensors.get('h')?.array()).toEqual([1, 2 ** -24, -Infinity])
    expect(tensors.get('b')?.array()).toEqual([1])
    expect(tensors.get('i')?.array()).toEqual([-1])
    expect(tensors.get('s')?.array()).toEqual([-2])
    expect(tensors.get('s')?.dtype).toBe('int32')
  })

  it('reads long integers that fit, and names the one that does not', () => {
    const file = fileOf(`{"n":${entry('I64', '[2]', 0, 16)}}`, 16)
    const view = new DataView(file.buffer)
    view.setBigInt64(file.length - 16, -5n, true)
    view.setBigInt64(file.length - 8, 2147483647n, true)
    expect(tf.io.decodeSafetensors(file).tensors.get('n')?.array()).toEqual([-5, 2147483647])
    view.setBigInt64(file.length - 8, 2147483648n, true)
    expect(() => tf.io.decodeSafetensors(file)).toThrow(/element 1 of 'n' is the I64 2147483648/)
  })
})

describe('hostile files', () => {
  const half = entry('F32', '[1]', 0, 4)
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['no header', new Uint8Array(3), /3 bytes/],
    ['a header beyond the end', fileOf('{}').subarray(0, 9), /2 bytes, and 1 follow/],
    ['a header over 16 MB', fileOf(new Uint8Array(16 * 2 ** 20 + 1)), /at most 16777216/],
    ['a length of 2⁶⁴ − 1', new Uint8Array(16).fill(255), /18446744073709551615/],
    ['no brace', fileOf(' {}'), /does not start with/],
    ['bad UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /not UTF-8/],
    ['no JSON', fileOf('{"a":}'), /not JSON/],
    ['a name twice', fileOf(`{"a":${half},"a":${half}}`, 4), /names 'a' twice/],
    [
      'a name twice, once escaped',
      fileOf(`{"a":${half},"\\u0061"${' '.repeat(99)}:${half}}`, 4),
      /names 'a' twice/,
    ],
    [
      'a field twice',
      fileOf('{"a":{"dtype":"F32","dtype":"U8","shape":[],"data_offsets":[0,4]}}', 4),
      /twice/,
    ],
    ['an entry that is no object', fileOf('{"a":[]}'), /no object/],
    [
      'an unknown field',
      fileOf(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}`, 1),
      /unknown field 'x'/,
    ],
    ['an unknown dtype', fileOf(`{"a":${entry('F8_E4M3', '[1]', 0, 1)}}`, 1), /F8_E4M3/],
    ['a dtype of Object.prototype', fileOf(`{"a":${entry('constructor', '[1]', 0, 1)}}`, 1), /constructor/],
    ['a broken size', fileOf(`{"a":${entry('U8', '[1.5]', 0, 1)}}`, 1), /no list of sizes/],
    ['a negative size', fileOf(`{"a":${entry('U8', '[-1]', 0, 1)}}`, 1), /no list of sizes/],
    [
      'sizes whose product overflows',
      fileOf(
        `{"a":${entry('F32', '[4294967296,4294967296,0.0]', 0, 0)},"b":${entry('F32', '[4294967296,4294967296]', 0, 0)}}`,
      ),
      /'b' has 73786976294838206464 bytes/,
    ],
    ['bytes that are not the shape’s', fileOf(`{"a":${entry('F32', '[2]', 0, 4)}}`, 4), /of 8 bytes/],
    ['offsets backwards', fileOf(`{"a":${entry('F32', '[1]', 4, 0)}}`, 4), /data_offsets/],
    [
      'a gap',
      fileOf(`{"a":${entry('U8', '[1]', 0, 1)},"b":${entry('U8', '[1]', 2, 3)}}`, 3),
      /1 bytes before 'b'/,
    ],
    [
      'an overlap',
      fileOf(`{"a":${entry('U8', '[2]', 0, 2)},"b":${entry('U8', '[2]', 1, 3)}}`, 3),
      /'b' overlaps/,
    ],
    ['bytes that follow', fileOf(`{"a":${entry('U8', '[1]', 0, 1)}}`, 3), /2 bytes follow the last tensor/],
    ['too few bytes', fileOf(`{"a":${entry('U8', '[3]', 0, 3)}}`, 2), /3 bytes, and 2 follow/],
    ['metadata that is no text', fileOf('{"__metadata__":{"a":1}}'), /no text/],
    [
      'a BOOL of 2',
      (() => {
        const file = fileOf(`{"a":${entry('BOOL', '[1]', 0, 1)}}`, 1)
        file[file.length - 1] = 2
        return file
      })(),
      /the byte 2/,
    ],
    [
      'too many tensors',
      fileOf(
        `{${Array.from({ length: 100_001 }, (_, i) => `"${i}":${entry('U8', '[0]', 0, 0)}`).join(',')}}`,
      ),
      /100001 tensors/,
    ],
  ]
  it.each(cases)('refuses %s', (_name, file, message) => {
    expect(() => tf.io.decodeSafetensors(file)).toThrow(message)
    expect(() => tf.io.decodeSafetensors(file)).toThrow(tf.ValueError)
  })

  it('reads names of many megabytes', () => {
    const name = `${'a'.repeat(15 * 2 ** 20)}\\`
    const file = fileOf(`{${JSON.stringify(name)}:${half}}`, 4)
    expect([...tf.io.decodeSafetensors(file).tensors.keys()]).toEqual([name])
  })

  it('refuses every truncation, and every change of the length', () => {
    const file = tf.io.encodeSafetensors({ a: tf.tensor([1, 2]), b: tf.tensor([3], 'int32') })
    for (let length = 0; length < file.length; length++)
      expect(() => tf.io.decodeSafetensors(file.subarray(0, length))).toThrow(tf.ValueError)
    for (let byte = 0; byte < 8; byte++) {
      const changed = file.slice()
      changed[byte] = (changed[byte] ?? 0) ^ 1
      expect(() => tf.io.decodeSafetensors(changed)).toThrow(tf.ValueError)
    }
  })
})
