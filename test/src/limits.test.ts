// Values that do not fit: errors that say what was asked for, and a process that goes on.
import { afterEach, describe, expect, test } from 'vitest'
import { memoryStatistics } from '../../codegen/run/memory.ts'
import * as tf from '../../src/index.ts'

afterEach(() => {
  tf.config.setThreads(1)
})

const outer = (x: tf.Tensor): tf.Tensor => tf.cumsum(tf.matMul(x, x, false, true), 0).slice([0, 0], [1, 1])

describe.each([1, 2])('with %i threads', (threads) => {
  test('more than 4 GiB is refused with the number of bytes, and nothing is lost', () => {
    tf.config.setThreads(threads)
    const kept = tf.variable([1, 2, 3])
    const f = tf.function(outer, { inputSignature: [tf.spec([null, 1])] })
    expect(f(tf.ones([10, 1])).array()).toEqual([[1]])
    const { bytesInUse } = memoryStatistics()
    for (let i = 0; i < 3; i++)
      // 2 x 40,000 x 40,000 x 4 bytes at least.
      expect(() => f(tf.ones([40_000, 1]))).toThrow(/6400\d{6} more bytes do not fit.*4 GiB/)
    expect(memoryStatistics().bytesInUse).toBeLessThanOrEqual(bytesInUse)
    expect(f(tf.ones([10, 1])).array()).toEqual([[1]])
    expect(kept.value().array()).toEqual([1, 2, 3])
    expect(tf.ones([3]).add(1).array()).toEqual([2, 2, 2])
  })

  test('a number of elements beyond 32 bits is refused before anything is allocated', () => {
    tf.config.setThreads(threads)
    const f = tf.function(outer, { inputSignature: [tf.spec([null, 1])] })
    f(tf.ones([2, 1]))
    const { highWater } = memoryStatistics()
    expect(() => f(tf.ones([70_000, 1]))).toThrow('4900000000 elements has too many elements')
    expect(memoryStatistics().highWater).toBeLessThan(highWater + 2 ** 20)
    expect(f(tf.ones([2, 1])).array()).toEqual([[1]])
  })
})

test('also where the value would never be in memory', () => {
  const one = tf.ones([1])
  expect(() => tf.broadcastTo(one, [60_000, 60_000])).toThrow('f32[60000,60000] has too many elements')
  const f = tf.function((x: tf.Tensor) => tf.sum(tf.broadcastTo(x, [60_000, 60_000])))
  expect(() => f(one)).toThrow(tf.ValueError)
  expect(() => tf.matMul(tf.ones([100_000, 1]), tf.ones([1, 100_000]))).toThrow('too many elements')
  expect(tf.broadcastTo(one, [0, 60_000, 60_000]).size).toBe(0)
})
