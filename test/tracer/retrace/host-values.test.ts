// oxlint-disable no-eval -- the scope has to be given
/** The warning that a JavaScript value from outside has changed, and the line where an argument's value mattered. */
import { describe, expect, test } from 'vitest'
import * as tf from '../../../src/index.ts'
import '../../../src/autograph.ts'

describe('a captured value that changes without a retrace', () => {
  test('is told once, with the line and both values', () => {
    let scale = 3
    let w = tf.scalar(2)
    let asked = 0
    const config = {
      rate: 0.5,
      get lazy(): number {
        asked++
        return 1
      },
    }
    const f = tf.function(
      (x: tf.Tensor): tf.Tensor => {
        if (x.greater(100)) return x.mul(config.lazy)
        return x.mul(scale).add(config.rate).mul(w)
      },
      { scope: (s) => eval(s) as unknown, name: 'step' },
    )
    const calls = (count: number): readonly string[] =>
      tf.captureWarnings(() => {
        for (let i = 0; i < count; i++) f(tf.scalar(1))
      }).warnings
    expect(calls(3)).toEqual([])
    scale = 5
    const [warning, ...others] = calls(3)
    expect(warning).toMatch(
      /step — scale was 3 when it was traced, and is 5 now: results still use 3 .*:\d+:\d+/,
    )
    expect(warning).toContain('tf.live(() => scale)')
    expect(others).toEqual([])
    config.rate = 1
    w = tf.scalar(7)
    const later = calls(64)
    expect(later).toHaveLength(2)
    expect(later.join('\n')).toMatch(/config\.rate was 0\.5 [^]*w is not the tensor it was/)
    scale = 6
    expect(calls(64)).toEqual([])
    expect(f(tf.scalar(1)).item()).toBe(7)
    expect(asked).toBe(1)
  })
  test('is not told of what the function writes, of objects, of what tf.live reads, or when it is off', () => {
    let count = 0
    let k = 2
    let off = 1
    let config = { rate: 2 }
    const f = tf.function(
      (x: tf.Tensor): tf.Tensor => {
        count++
        if (x.greater(100)) return x
        return x.mul(config.rate).mul(tf.live(() => k))
      },
      { scope: (s) => eval(s) as unknown },
    )
    const silent = tf.function((x: tf.Tensor) => x.mul(off), {
      scope: (s) => eval(s) as unknown,
      onRetrace: 'off',
    })
    const { warnings } = tf.captureWarnings(() => {
      for (let i = 0; i < 32; i++) {
        f(tf.scalar(1))
        silent(tf.scalar(1))
        k++
        off++
        count = 100
        config = { rate: 2 }
      }
    })
    expect(warnings).toEqual([])
    expect([count, config.rate]).toEqual([100, 2])
  })
})

describe('the line where a value first mattered', () => {
  const linesOf = (warnings: readonly string[]): string[] =>
    warnings.flatMap((text) => [...text.matchAll(/read at +(.*)/g)].map(([, line]) => line ?? ''))
  const traceTwice = (f: (x: tf.Tensor, ...numbers: number[]) => tf.Tensor): string[] =>
    linesOf(
      tf
        .captureWarnings(() => {
          for (let i = 1; i < 6; i++) f(tf.scalar(1), i + 0.25, i + 0.75)
        })
        .warnings.slice(-1),
    )

  test('is that of the op whose constant differs, for each value', () => {
    const f = tf.function(
      (x: tf.Tensor, a: number, b: number) => {
        const y = x.mul(2)
        const z = y.mul(a)
        return z.add(1).add(b)
      },
      { autograph: false },
    )
    const text = tf.captureWarnings(() => {
      for (let i = 1; i < 6; i++) f(tf.scalar(1), i + 0.25, i + 0.75)
    })
    const lines = linesOf(text.warnings.slice(-1)).concat(
      text.warnings.slice(-1).flatMap((message) => [...message.matchAll(/^ {7,}(\S+:\d+:\d+ .*never.*)$/gm)].map(([, line]) => line ?? '')), // prettier-ignore
    )
    const numbers = lines.map((line) => Number(/host-values\.test\.ts:(\d+):/.exec(line)?.[1]))
    expect(numbers).toHaveLength(2)
    expect((numbers[1] ?? 0) - (numbers[0] ?? 0)).toBe(1)
    expect(lines.every((line) => line.includes('never used to choose code'))).toBe(true)
  })
  test('is where the graphs part for a value that chooses code', () => {
    const f = tf.function(
      (x: tf.Tensor, n: number) => {
        let y = x.add(1)
        for (let i = 0; i < n; i++) y = y.mul(2)
        return y
      },
      { autograph: false },
    )
    const [line] = traceTwice((x, n = 0) => f(x, Math.floor(n)))
    expect(line).toMatch(/^host-values\.test\.ts:\d+:\d+$/)
  })
})
