/** NumPy's files: round trips, and files as NumPy writes them. */
import { describe, expect, it } from 'vitest'
import { zipSync } from 'fflate'
import * as tf from '../../src/index.ts'

/** The bytes of an array as numpy.save writes it (version 1.0). */
function npy(header: string, data: readonly number[]): Uint8Array {
  const text = `${header.padEnd(117)}\n`
  return Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0, ...Buffer.from(text), ...data)
}

describe('npy', () => {
  it('keeps dtypes, shapes and elements', () => {
    for (const tensor of [
      tf.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      tf.tensor([Math.E], 'float64'),
      tf.tensor([-1, 2], 'int32'),
      tf.tensor([1, 255], 'uint8'),
      tf.tensor([true, false]),
      tf.scalar(3),
      tf.zeros([2, 0]),
    ]) {
      const bytes = tf.io.encodeNpy(tensor)
      expect((bytes.length - tensor.data().byteLength) % 64).toBe(0)
      const read = tf.io.decodeNpy(bytes)
      expect([read.dtype, read.shape, read.data()]).toEqual([tensor.dtype, tensor.shape, tensor.data()])
    }
  })

  it('reads what NumPy writes: Fortran order, long integers', () => {
    const fortran = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", [1, 4, 2, 5, 3, 6])
    expect(tf.io.decodeNpy(fortran).array()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const long = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", [5, 0, 0, 0, 0, 0, 0, 0])
    expect(tf.io.decodeNpy(long).array()).toEqual([5])
  })

  it.each([
    [
      'big-endian elements',
      npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0]),
      />f4/,
    ],
    ['objects', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", [0]), /\|O/],
    ['complex numbers', npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", [0]), /<c8/],
    [
      'too few bytes',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", [0, 0, 0, 0]),
      /8 bytes, and 4/,
    ],
    [
      'sizes that overflow',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", []),
      /bytes/,
    ],
    ['code in the header', npy("{'descr': __import__('os'), 'shape': (1,)}", []), /not understood/],
    // A pattern that can be matched in many ways would not come back from this.
    [
      'sizes without an end',
      npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (${'1'.repeat(60)}`, []),
      /not understood/,
    ],
    ['something else', new TextEncoder().encode('hello, this is no array'), /no \.npy file/],
    ['a header beyond the end', npy("{'descr': '<f4'}", []).subarray(0, 40), /end at byte/],
  ])('refuses %s', (_name, file, message) => {
    expect(() => tf.io.decodeNpy(file)).toThrow(message)
  })
})

describe('npz', () => {
  it('keeps arrays by name, compressed', () => {
    const bytes = tf.io.encodeNpz({ w: tf.zeros([1000]), b: tf.tensor([1, 2], 'int32') })
    expect(bytes.length).toBeLessThan(2000)
    const read = tf.io.decodeNpz(bytes)
    expect([...read.keys()]).toEqual(['w', 'b'])
    expect(read.get('b')?.array()).toEqual([1, 2])
    expect(read.get('w')?.shape).toEqual([1000])
  })

  it('ignores other files in the archive, and refuses a damaged one', () => {
    const array = tf.io.encodeNpy(tf.scalar(1))
    expect([...tf.io.decodeNpz(zipSync({ 'notes.txt': array, 'a.npy': array })).keys()]).toEqual(['a'])
    const bytes = tf.io.encodeNpz({ w: tf.ones([100]) })
    for (const length of [0, 10, bytes.length - 30])
      expect(() => tf.io.decodeNpz(bytes.subarray(0, length))).toThrow(tf.ValueError)
  })
})
