// Devices and name scopes (rows 3 and 304 to 307 of the behaviours).
import { describe, expect, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

describe('tf.device', () => {
  test('tensors, views and Variables say where they are', () => {
    const x = tf.tensor([1, 2])
    expect(x.device).toBe('wasm:0')
    expect(tf.ones([3]).device).toBe('wasm:0')
    expect(tf.variable(1).device).toBe('wasm:0')
    expect(tf.function((a: tf.Tensor) => a.add(1))(x).device).toBe('wasm:0')
    expect(tf.listDevices()).toEqual(['wasm:0'])
  })

  test.each([
    'cpu',
    'CPU:0',
    '/cpu:0',
    '/CPU:0',
    '/device:CPU:0',
    'device:cpu:0',
    'wasm:0',
    'WASM',
    '/job:localhost/replica:0/task:0/device:CPU:0',
  ])('%s is this device', (name) => {
    expect(tf.device(name, () => tf.tensor([1]).device)).toBe('wasm:0')
  })

  test.each(['', 'foo:0', 'cpu:1', 'wasm:2', 'cpu:', 'cpu 0', '/job:worker/cpu:0'])('%j is none', (name) => {
    let ran = false
    const call = (): unknown => tf.device(name, () => (ran = true))
    expect(call).toThrow(tf.ValueError)
    expect(call).toThrow(`there is no device ${JSON.stringify(name)}`)
    expect(call).toThrow("the devices are 'wasm:0'")
    expect(ran).toBe(false)
  })

  test('what is no text is no device', () => {
    // @ts-expect-error a name is a text
    expect(() => tf.device(0, () => 1)).toThrow(tf.ValueError)
    // @ts-expect-error a name is a text
    expect(() => tf.device(undefined, () => 1)).toThrow(/there is no device undefined/)
  })

  test('a graphics processor is replaced, and that is said once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      expect(tf.device('gpu:0', () => tf.ones([1]).add(1).item())).toBe(2)
      expect(tf.device('/GPU:1', () => 3)).toBe(3)
      expect(warn).toHaveBeenCalledTimes(1)
      expect(warn.mock.calls[0]?.[0]).toContain('runs on wasm:0')
    } finally {
      warn.mockRestore()
    }
  })

  test('scopes nest, inside traced functions too, and pass on what is thrown', () => {
    const f = tf.function((x: tf.Tensor) => tf.device('cpu', () => tf.device('wasm:0', () => x.mul(2))))
    expect(f(tf.tensor([3])).array()).toEqual([6])
    tf.device('cpu', () => f(tf.tensor([4])))
    expect(f.traceCount).toBe(1)
    expect(() =>
      tf.device('cpu', () => {
        throw new RangeError('own')
      }),
    ).toThrow(RangeError)
  })
})

describe('tf.nameScope', () => {
  test('puts its name in front of those of Variables', () => {
    const names = tf.nameScope('outer', () => {
      const w = tf.variable(1, { name: 'w' })
      const inner = tf.nameScope('inner', () => tf.variable(1, { name: 'w' }))
      const absolute = tf.nameScope('', () => tf.variable(1, { name: 'w' }))
      return [w, inner, absolute, tf.variable(1, { name: 'b' })].map(({ name }) => name)
    })
    expect(names).toEqual(['outer/w', 'outer/inner/w', 'w', 'outer/b'])
    expect(tf.variable(1, { name: 'w' }).name).toBe('w')
    expect(tf.nameScope('s', () => tf.variable(1)).name).toMatch(/^s\/Variable(?:_\d+)?$/)
  })

  test('ends when the body throws', () => {
    expect(() =>
      tf.nameScope('a', () => {
        throw new RangeError('own')
      }),
    ).toThrow(RangeError)
    expect(tf.variable(1, { name: 'w' }).name).toBe('w')
  })

  test('holds for Variables that a traced function makes', () => {
    let made: tf.Variable | undefined
    const f = tf.function((x: tf.Tensor) => {
      made ??= tf.nameScope('foo', () => tf.variable(1, { name: 'bar' }))
      return x.mul(made)
    })
    expect(f(tf.scalar(3)).item()).toBe(3)
    expect(made?.name).toBe('foo/bar')
  })

  test.each(['a b', '/a', 'ä', '-a'])('%j is no name', (name) => {
    expect(() => tf.nameScope(name, () => 1)).toThrow(tf.ValueError)
  })
})
