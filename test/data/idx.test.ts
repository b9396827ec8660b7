// IDX files written byte by byte with a DataView, plain and packed.
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

function idxFile(
  type: number,
  shape: readonly number[],
  bytes: number,
  write: (view: DataView, at: number, i: number) => void,
): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1)
  const file = new Uint8Array(4 + 4 * shape.length + count * bytes)
  const view = new DataView(file.buffer)
  file.set([0, 0, type, shape.length])
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size))
  for (let i = 0; i < count; i++) write(view, 4 + 4 * shape.length + i * bytes, i)
  return file
}
const images = idxFile(8, [2, 3, 2], 1, (view, at, i) => view.setUint8(at, 250 + i))

describe('idx', () => {
  it('reads every type', () => {
    expect(tf.data.idx(images).shape).toEqual([2, 3, 2])
    expect(tf.data.idx(images).dtype).toBe('uint8')
    expect(Array.from(tf.data.idx(images).data())).toEqual(
      Array.from({ length: 12 }, (_, i) => (250 + i) % 256),
    )
    const cases = [
      [0x09, 1, 'int32', [-1, 0, 1], (v: DataView, at: number, i: number) => v.setInt8(at, i - 1)],
      [
        0x0b,
        2,
        'int32',
        [-300, 0, 300],
        (v: DataView, at: number, i: number) => v.setInt16(at, 300 * (i - 1)),
      ],
      [
        0x0c,
        4,
        'int32',
        [-70000, 0, 70000],
        (v: DataView, at: number, i: number) => v.setInt32(at, 70000 * (i - 1)),
      ],
      [
        0x0d,
        4,
        'float32',
        [-0.5, 0, 0.5],
        (v: DataView, at: number, i: number) => v.setFloat32(at, (i - 1) / 2),
      ],
      [
        0x0e,
        8,
        'float64',
        [-0.1, 0, 0.1],
        (v: DataView, at: number, i: number) => v.setFloat64(at, (i - 1) / 10),
      ],
    ] as const
    for (const [type, bytes, dtype, wanted, write] of cases) {
      const tensor = tf.data.idx(idxFile(type, [3], bytes, write))
      expect(tensor.dtype).toBe(dtype)
      expect(tensor.array()).toEqual(wanted)
    }
  })

  it('unpacks gzip, takes views and buffers', () => {
    expect(tf.data.idx(gzipSync(images)).array()).toEqual(tf.data.idx(images).array())
    expect(tf.data.idx(images.slice().buffer).shape).toEqual([2, 3, 2])
    const within = new Uint8Array([9, 9, 9, ...images])
    expect(tf.data.idx(within.subarray(3)).array()).toEqual(tf.data.idx(images).array())
  })

  it('refuses damaged files', () => {
    expect(() => tf.data.idx(images.subarray(0, 20))).toThrow('make a file of 28 bytes, and it has 20')
    expect(() => tf.data.idx(new Uint8Array([...images, 0]))).toThrow('it has 29')
    expect(() => tf.data.idx(Uint8Array.of(0, 0, 8, 3, 0))).toThrow('within the sizes of its 3 axes')
    expect(() => tf.data.idx(Uint8Array.of(0, 0, 7, 0))).toThrow('no element type 0x07')
    expect(() => tf.data.idx(Uint8Array.of(1, 2, 3, 4))).toThrow('does not begin as an IDX file')
    expect(() => tf.data.idx(gzipSync(images).subarray(0, 15))).toThrow('cannot be unpacked')
    expect(() => tf.data.idx(new Uint8Array())).toThrow('does not begin')
    expect(() => tf.data.idx(Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255))).toThrow(
      'make a file of',
    )
  })

  it('feeds a dataset', () => {
    const data = tf.data.Dataset.fromTensorSlices([tf.data.idx(images), [1, 0]] as const).map(
      ([x, y]) => [x.cast('float32').div(255), y] as const,
    )
    expect(data.toArray()[0]?.[0].shape).toEqual([3, 2])
  })
})
