// oxlint-disable typescript/no-explicit-any -- TypeScript allows no other type of a pattern in catch
// `throw` under a tensor's condition: a check of the compiled program, which fails only where it is reached.
import { describe, expect, test } from 'vitest'
import * as tf from '../../src/node.ts'

const scalar = tf.scalar
const item = (value: unknown): unknown => (value instanceof tf.Tensor ? value.item() : value)
const fail = (message: string): never => {
  throw new Error(message)
}

describe('a throw that a tensor decides about (row 191)', () => {
  test('is a CheckError of the calls that get there', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) throw new RangeError('positive')
      return x.mul(2)
    })
    expect(f(scalar(-1)).item()).toBe(-2)
    expect(() => f(scalar(1))).toThrow(tf.CheckError)
    expect(() => f(scalar(1))).toThrow(/RangeError: positive[^]*throw\.test\.ts:13:25/)
    expect(f(scalar(-3)).item()).toBe(-6)
    expect(f.traceCount).toBe(1)
  })
  test('ends a loop, with what was assigned before it; what the rest leaves stands', () => {
    const seen = tf.variable(0)
    const f = tf.function((xs: tf.Tensor) => {
      let sum = scalar(0)
      let skipped = 0
      const kept: tf.Tensor[] = []
      for (const x of xs) {
        seen.assignAdd(1)
        if (x.less(0)) throw new Error('negative')
        else if (x.equal(7)) {
          skipped++
          continue
        }
        kept.push(x)
        sum = sum.add(x)
      }
      return [sum, skipped, tf.stack(kept)]
    })
    const [sum, skipped, kept] = f(tf.tensor([1, 7, 3])) as [tf.Tensor, tf.Tensor, tf.Tensor]
    expect([sum.item(), skipped.item(), kept.array()]).toEqual([4, 1, [1, 3]])
    expect(() => f(tf.tensor([1, -7, 3]))).toThrow(/Error: negative/)
    expect(seen.item()).toBe(5)
  })
  test('in helpers, expressions, switches, every branch, and what is traced by itself', () => {
    const helper = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) fail('helper')
      return x
    })
    expect(helper(scalar(-1)).item()).toBe(-1)
    expect(() => helper(scalar(1))).toThrow(/helper/)
    const value = tf.function((x: tf.Tensor) => (x.greater(0) ? x : fail('value')))
    expect(value(scalar(1)).item()).toBe(1)
    expect(() => value(scalar(-1))).toThrow(/value/)
    const counter = tf.function((x: tf.Tensor) => {
      let k = 0
      while (x.greater(k))
        switch (k % 3) {
          case 2:
            throw new Error('two')
          default:
            k++
        }
      return k
    })
    expect(item(counter(scalar(2)))).toBe(2)
    expect(() => counter(scalar(3))).toThrow(/two/)
    const both = tf.function((x: tf.Tensor, y: tf.Tensor) => {
      if (y.greater(0)) {
        if (x.greater(0)) throw new Error('first')
        else throw new Error('second')
      }
      return x.mul(2)
    })
    expect(both(scalar(1), scalar(-1)).item()).toBe(2)
    expect(() => both(scalar(1), scalar(1))).toThrow(/first/)
    expect(() => both(scalar(-1), scalar(1))).toThrow(/second/)
    const loop = tf.function((x: tf.Tensor) => {
      while (x.greater(0)) throw new Error('loop')
      return x
    })
    expect(loop(scalar(-1)).item()).toBe(-1)
    expect(() => loop(scalar(1))).toThrow(/loop/)
    const inner = tf.function((x: tf.Tensor) => {
      if (x.less(5)) return x.neg()
      throw new Error('inner')
    })
    const outer = tf.function((x: tf.Tensor) => (x.greater(0) ? inner(x) : x))
    expect([outer(scalar(-9)).item(), outer(scalar(1)).item()]).toEqual([-9, -1])
    expect(() => outer(scalar(9))).toThrow(/inner/)
  })
  test('keeps JavaScript values that the rest agrees on, and gradients', () => {
    const f = tf.function((x: tf.Tensor) => {
      let mode = 'none'
      let count = 1
      if (x.greater(3)) throw new Error('large')
      else {
        mode = 'small'
        count = 2
      }
      return tf.grad((y) => (mode === 'small' ? y.square().mul(count) : y))(x)
    })
    expect(f(scalar(2)).item()).toBe(8)
    expect(() => f(scalar(4))).toThrow(/large/)
  })
  test('is refused where it would be caught, or where nothing is left to return', () => {
    const caught = tf.function((x: tf.Tensor) => {
      try {
        if (x.greater(0)) throw new Error('a')
        return x
      } catch {
        return scalar(0)
      }
    })
    expect(() => caught(scalar(1))).toThrow(
      /whether this is thrown \(Error: a\) depends on a tensor[^]*caught[^]*tf\.assert/,
    )
    const pattern = tf.function((x: tf.Tensor, k: number) => {
      try {
        if (k > 0) throw new Error('5')
        if (x.greater(0)) return x
        return x.neg()
      } catch ({ message }: any) {
        return scalar(Number(message))
      }
    })
    expect([pattern(scalar(-1), 0).item(), pattern(scalar(-1), 1).item()]).toEqual([1, 5])
    const always = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) throw new Error('a')
      else throw new Error('b')
    })
    expect(() => always(scalar(1))).toThrow(/so does every other branch/)
  })
  test('in eager runs it is what was thrown', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) throw new RangeError('eager')
      return x
    })
    tf.config.runFunctionsEagerly(true)
    try {
      expect(() => f(scalar(1))).toThrow(RangeError)
      expect(f(scalar(-1)).item()).toBe(-1)
    } finally {
      tf.config.runFunctionsEagerly(false)
    }
  })
})

test('recursion that a tensor would have to end is told by name', () => {
  const factorial = (x: tf.Tensor): tf.Tensor => {
    if (x.lessEqual(1)) return scalar(1)
    return x.mul(factorial(x.sub(1)))
  }
  expect(() => tf.function(factorial)(scalar(3))).toThrow(
    /factorial: it calls itself without end[^]*JavaScript number/,
  )
})

test('what is no function is told by its name and place', () => {
  const f = tf.function((x: tf.Tensor) => {
    if (x.greater(0)) Reflect.get(x, 'add').call(x, 1)
    const broken = x as tf.Tensor & { missing(): void }
    if (x.greater(0)) broken.missing()
    return x
  })
  expect(() => f(scalar(1))).toThrow(/tensor\.missing is not a function \(.*throw\.test\.ts:\d+:\d+\)/)
})
