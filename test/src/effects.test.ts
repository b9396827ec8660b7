// Effects: printing, assertions, numeric checks, host calls and leaving the trace. Titles name the rows of the table of
// behaviours. Texts of tensors were printed by TensorFlow 2.21.
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as tf from '../../src/index.ts'

afterEach(() => {
  tf.config.disableCheckNumerics()
  vi.restoreAllMocks()
})

function printed(...values: readonly unknown[]): string {
  let text = ''
  tf.print(...values, { sink: (line: string) => (text += line) })
  return text
}

function message(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    return String(error)
  }
  return 'nothing was thrown'
}

describe('print', () => {
  test('rows 118 and 119: a print runs at every call, console.log in the body once per trace', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const lines: unknown[] = []
    const f = tf.function((x: tf.Tensor) => {
      lines.push('traced')
      tf.print('x is', x)
      return x
    })
    f(tf.tensor([1, 2.5]))
    f(tf.tensor([3, 4]))
    expect(lines).toEqual(['traced'])
    expect(log.mock.calls).toEqual([['x is [1 2.5]'], ['x is [3 4]']])
  })

  test('row 119: sink, sep, end and summarize', () => {
    const lines: string[] = []
    const sink = (text: string): void => void lines.push(text)
    const f = tf.function((x: tf.Tensor) => {
      tf.print(x, 'of', x.sum(), { sink, sep: '|', end: '.', summarize: 1 })
      tf.print(x, { sink, summarize: -1 })
    })
    f(tf.range(0, 8))
    expect(lines).toEqual(['[0 ... 7]|of|28.', '[0 1 2 3 4 5 6 7]'])
    expect(printed(tf.range(0, 7))).toBe('[0 1 2 ... 4 5 6]')
    expect(printed(tf.range(0, 6))).toBe('[0 1 2 3 4 5]')
    expect(() => tf.print(1, { summarize: -2 })).toThrow(tf.ValueError)
  })

  test.each([
    [tf.tensor([1, 2.5]), '[1 2.5]'],
    [
      tf.tensor([1 / 3, 1e-8, 1e10, 123456789, 0.0001, 0.00001, 1234567]),
      '[0.333333343 1e-08 1e+10 ... 0.0001 1e-05 1234567]',
    ],
    [tf.tensor([NaN, Infinity, -Infinity, -0]), '[nan inf -inf -0]'],
    [tf.tensor([1 / 3, 1e22, 0.1], 'float64'), '[0.33333333333333331 1e+22 0.1]'],
    [tf.tensor([true, false]), '[1 0]'],
    [tf.tensor([3, -4], 'int32'), '[3 -4]'],
    [tf.scalar(7), '7'],
    [
      tf.tensor([
        [1, 2],
        [3, 4],
      ]),
      '[[1 2]\n [3 4]]',
    ],
    [tf.range(0, 8).reshape([2, 2, 2]), '[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]'],
    [tf.zeros([0]), '[]'],
    [tf.zeros([2, 0]), '[[]\n []]'],
    [
      tf.range(0, 64).reshape([8, 8]),
      '[[0 1 2 ... 5 6 7]\n [8 9 10 ... 13 14 15]\n [16 17 18 ... 21 22 23]\n ...\n [40 41 42 ... 45 46 47]\n [48 49 50 ... 53 54 55]\n [56 57 58 ... 61 62 63]]',
    ],
  ])('row 120: a tensor prints as %#', (tensor, text) => {
    expect(printed(tensor)).toBe(text)
    let traced = ''
    tf.function((x: tf.Tensor) => tf.print(x, { sink: (line: string) => (traced += line) }))(tensor)
    expect(traced).toBe(text)
  })

  test('row 120: strings are bare at the top and quoted inside, structures keep their brackets', () => {
    const v = tf.variable([1, 2])
    expect(printed('a', 1, -0, null, undefined, true)).toBe('a 1 -0 null undefined true')
    expect(printed({ a: tf.scalar(1), b: ['x', [1, 2.5], v] })).toBe("{'a': 1, 'b': ['x', [1, 2.5], [1 2]]}")
    expect(printed('{}', new Float32Array([1, 2]))).toBe('{} [1 2]')
    // An object that is not all options is a value.
    expect(printed({ sep: 1 })).toBe("{'sep': 1}")
  })

  test('row 121: what the callback prints while it is traced comes first', () => {
    const lines: string[] = []
    const f = tf.function(() => {
      tf.print('A', { sink: (text: string) => void lines.push(text) })
      lines.push('B')
    })
    f()
    expect(lines).toEqual(['B', 'A'])
  })

  test('prints and assignments run in program order, with unknown sizes too', () => {
    const lines: string[] = []
    const sink = (text: string): void => void lines.push(text)
    const v = tf.variable(1)
    const f = tf.function(
      (x: tf.Tensor) => {
        tf.print(v, { sink })
        v.assign(x.sum())
        tf.print(v, x, { sink })
        v.assignAdd(1)
        return v.value()
      },
      { inputSignature: [tf.spec([null, 2])] },
    )
    expect(f(tf.ones([2, 2])).item()).toBe(5)
    f(tf.ones([1, 2]))
    expect(lines).toEqual(['1', '4 [[1 1]\n [1 1]]', '5', '2 [[1 1]]'])
  })

  test('a print stays when the call is inlined or differentiated', () => {
    const lines: string[] = []
    const inner = tf.function((x: tf.Tensor) => {
      tf.print(x, { sink: (text: string) => void lines.push(text) })
      return x.mul(x)
    })
    tf.function((x: tf.Tensor) => inner(x).add(1))(tf.scalar(2))
    expect(tf.grad(inner)(3).item()).toBe(6)
    expect(lines).toEqual(['2', '3'])
  })
})

describe('JavaScript', () => {
  test('row 118: what JavaScript does happens once per trace, and its values are frozen', () => {
    let n = 0
    const times: number[] = []
    const f = tf.function((x: tf.Tensor) => {
      n++
      times.push(Date.now())
      return x.mul(0).sum().add(Math.random())
    })
    const first = f(tf.scalar(1)).item()
    expect([f(tf.scalar(2)).item(), f(tf.scalar(3)).item()]).toEqual([first, first])
    expect([n, times.length]).toEqual([1, 1])
    f(tf.ones([2]))
    expect([n, times.length]).toEqual([2, 2])
  })
})

describe('assert', () => {
  test('row 126: a failing assert stops the rest and keeps earlier effects', () => {
    const v = tf.variable(0)
    const f = tf.function(() => {
      v.assignAdd(1)
      tf.assert(false)
      v.assignAdd(10)
    })
    expect(f).toThrow(tf.CheckError)
    expect(v.item()).toBe(1)
    expect(f).toThrow(tf.CheckError)
    expect(v.item()).toBe(2)
    expect(f.traceCount).toBe(1)
  })

  test('row 127: a failure poisons nothing', () => {
    const v = tf.variable(0)
    const f = tf.function((x: tf.Tensor) => {
      v.assignAdd(x.sum())
      tf.assert(x.greater(0), 'x must be positive', x)
      v.assignAdd(10)
      return v.add(x)
    })
    expect(f(tf.tensor([1, 2])).array()).toEqual([14, 15])
    expect(() => f(tf.tensor([1, -3]))).toThrow(
      /tf.assert: x must be positive\n {2}data {2}f32\[2\] {2}\[1 -3\]\n {2}at effects\.test\.ts:\d+/,
    )
    expect(v.item()).toBe(11)
    expect(f(tf.tensor([1, 1])).array()).toEqual([24, 24])
  })

  test('it says where it stands also when its function is called in another', () => {
    const inner = tf.function((x: tf.Tensor) => {
      tf.assert(x.less(5), 'too large', x, x.mul(2))
      return x
    })
    const line = (text: string): string | undefined => /effects\.test\.ts:\d+/.exec(text)?.[0]
    const here = line(message(() => inner(tf.scalar(7))))
    expect(here).toBeDefined()
    expect(line(message(() => tf.function((x: tf.Tensor) => inner(x.mul(2)))(tf.scalar(4))))).toBe(here)
    const text = message(() => inner(tf.scalar(7)))
    expect(text).toContain('data[0]  f32[]  7')
    expect(text).toContain('data[1]  f32[]  14')
  })

  test('eagerly it throws at once, and the condition may be an array', () => {
    expect(() => tf.assert(tf.tensor([true, false]), 'no')).toThrow(/tf.assert: no\n/)
    tf.assert(tf.tensor([true, true]))
    tf.assert(true)
    expect(() => tf.assert(tf.scalar(1))).toThrow(tf.DTypeError)
    const held = tf.function((x: tf.Tensor) => (tf.assert(true), x))
    expect(held(tf.scalar(1)).item()).toBe(1)
  })

  test('row 265: assertEqual fails at run time for what is dynamic, at trace time for what is not', () => {
    const f = tf.function((x: tf.Tensor) => (tf.assertEqual(x, 3, 'three'), x))
    expect(f(tf.scalar(3)).item()).toBe(3)
    expect(() => f(tf.scalar(4))).toThrow(
      /assertEqual: three\n {2}x {2}f32\[\] {2}4\n {2}y {2}f32\[\] {2}3\n/,
    )
    expect(f.traceCount).toBe(1)
    let after = 0
    const g = tf.function(function g(x: tf.Tensor) {
      tf.assertLess(2, 1)
      after++
      return x
    })
    expect(() => g(tf.scalar(1))).toThrow(/assertLess: x < y does not hold[^]*while tracing g/)
    expect([after, g.cacheSize]).toEqual([0, 0])
  })

  test.each([
    [tf.assertEqual, [1, 2], [1, 2], [1, 3]],
    [tf.assertNotEqual, [1, 2], [2, 1], [1, 3]],
    [tf.assertLess, [1, 2], [2, 3], [2, 2]],
    [tf.assertLessEqual, [1, 2], [1, 2], [2, 1]],
    [tf.assertGreater, [1, 2], [0, 1], [0, 2]],
    [tf.assertGreaterEqual, [1, 2], [1, 2], [0, 3]],
  ])('row 265: %o', (check, x, good, bad) => {
    check(x, good)
    expect(() => check(x, bad)).toThrow(tf.CheckError)
    const f = tf.function((y: tf.Tensor) => check(x, y))
    f(tf.tensor(good))
    expect(() => f(tf.tensor(bad))).toThrow(tf.CheckError)
  })
})

describe('order', () => {
  test('row 124: effects stay though unused, unused pure ops go, also those that would fail', () => {
    const v = tf.variable(0)
    const f = tf.function((x: tf.Tensor, i: tf.Tensor) => {
      v.assign(3)
      x.log()
      tf.floorDiv(i, 0)
      tf.gather(x, i)
      return x
    })
    expect(f(tf.tensor([-1]), tf.tensor([9], 'int32')).array()).toEqual([-1])
    expect(v.item()).toBe(3)
    expect(tf.debug.show(f, 'fused')).not.toMatch(/log|floor_?div|gather/)
    expect(() => tf.floorDiv(tf.tensor([9], 'int32'), 0)).toThrow(tf.CheckError)
  })

  test('row 125: effects run in program order', () => {
    const v = tf.variable(3)
    const f = tf.function(() => {
      v.assign(1)
      v.assign(v.mul(5))
      return v.value()
    })
    expect(f().item()).toBe(5)
    expect(v.item()).toBe(5)
  })

  test('row 126: an op that fails keeps what was assigned before it, wherever its operands were computed', () => {
    const v = tf.variable([0, 0, 0])
    const f = tf.function((x: tf.Tensor, i: tf.Tensor) => {
      const moved = x.exp().add(1)
      v.assignAdd(moved)
      const picked = tf.gather(moved, i)
      v.assignAdd(picked)
      return picked.sum()
    })
    const bad = tf.tensor([0, 1, 5], 'int32')
    expect(() => f(tf.zeros([3]), bad)).toThrow(tf.CheckError)
    expect(v.array()).toEqual([2, 2, 2])
    f(tf.zeros([3]), tf.tensor([0, 1, 2], 'int32'))
    expect(v.array()).toEqual([6, 6, 6])
  })

  test('row 128: effects of a branch happen if it is taken, of a loop in every iteration', () => {
    const v = tf.variable(0)
    const f = tf.function((p: tf.Tensor) => {
      tf.cond(
        p,
        () => v.assignAdd(1).value(),
        () => v.assignAdd(5).value(),
      )
    })
    f(tf.tensor(true))
    expect(v.item()).toBe(1)
    f(tf.tensor(false))
    expect([v.item(), f.traceCount]).toEqual([6, 1])
    let tests = ''
    const bodies = tf.variable(0)
    const loop = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i) => {
          tf.print(i, { sink: (text: string) => (tests += text) })
          return i.less(n)
        },
        (i) => {
          bodies.assignAdd(1)
          return [i.add(1)]
        },
        [tf.scalar(0)],
      ),
    )
    expect(loop(tf.scalar(4))[0]?.item()).toBe(4)
    expect([tests, bodies.item()]).toEqual(['01234', 4])
    loop(tf.scalar(0))
    expect([tests, bodies.item(), loop.traceCount]).toEqual(['012340', 4, 1])
  })

  test('row 129: returned reads are snapshots of their place, a returned Variable is one of the end', () => {
    const v = tf.variable(1)
    const f = tf.function(() => {
      const r = v.value()
      v.assign(9)
      return r
    })
    expect(f().item()).toBe(1)
    expect(v.item()).toBe(9)
    const w = tf.variable(1)
    const g = tf.function((): unknown => {
      const r = w
      w.assign(9)
      return r
    })
    expect((g() as tf.Tensor).item()).toBe(9)
  })

  test('row 130: JavaScript arithmetic happens while tracing', () => {
    const f = tf.function(() => tf.tensor(2 * 3 + 1))
    expect(f().item()).toBe(7)
    expect(tf.debug.show(f, 'trace')).not.toMatch(/mul|add/)
  })
})

describe('eagerly', () => {
  test('row 123: runs once, at trace time, outside the trace', () => {
    const v = tf.variable(0)
    const seen: unknown[] = []
    const f = tf.function((x: tf.Tensor) => {
      seen.push(tf.eagerly(() => (v.assignAdd(1), tf.isTracing(), v.item())))
      return x.add(v)
    })
    expect(f(tf.scalar(1)).item()).toBe(2)
    expect(f(tf.scalar(2)).item()).toBe(3)
    expect(v.item()).toBe(1)
    expect(seen).toEqual([1])
  })

  test('row 123: a tensor of the trace is out of scope there, and no tape records it', () => {
    const f = tf.function((x: tf.Tensor) => tf.eagerly(() => x.add(1)))
    expect(() => f(tf.scalar(1))).toThrow(/out of scope/)
    const x = tf.variable(3)
    const tape = new tf.GradientTape()
    const y = tape.record(() => x.mul(tf.eagerly(() => x.mul(2))))
    expect(tape.gradient(y, x)?.item()).toBe(6)
  })
})

describe('config', () => {
  test('row 261: functionsRunEagerly is false until set', () => {
    expect(tf.config.functionsRunEagerly).toBe(false)
    tf.config.runFunctionsEagerly(true)
    expect(tf.config.functionsRunEagerly).toBe(true)
    tf.config.runFunctionsEagerly(false)
    expect(tf.config.functionsRunEagerly).toBe(false)
  })
})
