// oxlint-disable -- the callbacks are written in every style that people write
import { describe, expect, test } from 'vitest'
import { toCode } from '../../src/autograph.ts'
import * as tf from '../../src/index.ts'
import { convert } from '../../tracer/autograph/convert.ts'
import { Plain, type Twin } from './twins.ts'

const run = (fn: Twin, ...args: unknown[]): unknown => tf.function(fn, { onRetrace: 'off' })(...args)
const scalar = (value: number): tf.Tensor => tf.scalar(value)

describe('what cannot be staged is refused', () => {
  test('a condition that is no bool scalar', () => {
    expect(() =>
      run((x) => {
        if (x) return 1
        return 0
      }, scalar(3)),
    ).toThrow(/f32\[\], not a bool scalar/)
    expect(() =>
      run(
        (x) => {
          if (x.greater(0)) return 1
          return 0
        },
        tf.tensor([1, 2]),
      ),
    ).toThrow(/bool\[2\], not a bool scalar[^]*tf\.any or tf\.all/)
    expect(() => run((x) => !x, scalar(3))).toThrow(/f32\[\], not bool/)
    expect(() => run((x) => x.greater(0) && x, scalar(3))).toThrow(/f32\[\], not bool/)
  })
  test('a variable with a value in one branch only', () => {
    expect(() =>
      run((x) => {
        let y
        if (x.greater(0)) y = x
        return y
      }, scalar(1)),
    ).toThrow(/'y' must also be initialized in the else branch/)
    expect(() =>
      run((x) => {
        let y
        if (x.greater(0)) {
          void 0
        } else y = x
        return y
      }, scalar(1)),
    ).toThrow(/'y' must also be initialized in the main branch/)
  })
  test('branches of different dtypes, shapes and structures', () => {
    expect(() =>
      run((x) => {
        let y
        if (x.greater(0)) y = x.cast('int32')
        else y = x
        return y
      }, scalar(1)),
    ).toThrow(/'y' has dtype int32 in the main branch, but dtype float32 in the else branch/)
    expect(() =>
      run(
        (x) => {
          let y = x
          if (x.sum().greater(0)) y = x.sum()
          return y
        },
        tf.tensor([1, 2]),
      ),
    ).toThrow(/'y' is f32\[\] in the main branch, but f32\[2\] in the else branch/)
    expect(() =>
      run((x) => {
        let y = [x]
        if (x.greater(0)) y = [x, x]
        return y
      }, scalar(1)),
    ).toThrow(/'y' has length 2 in the main branch, but 1 in the else branch/)
    expect(() =>
      run((x) => {
        let s = 'a'
        if (x.greater(0)) s = 'b'
        return [x, s.length]
      }, scalar(1)),
    ).toThrow(/'s2?' is "b" in the main branch, but "a" in the else branch/)
  })
  test('a return on one path', () => {
    expect(() =>
      run((x) => {
        if (x.greater(0)) return x
      }, scalar(1)),
    ).toThrow(/the else branch must also have a return statement/)
  })
  test('a loop that changes a dtype, a shape or a kind', () => {
    expect(() =>
      run((x) => {
        let y = x
        while (y.less(3)) y = y.cast('int32').add(1)
        return y
      }, scalar(1)),
    ).toThrow(/'y': float32 → int32/)
    expect(() =>
      run((x) => {
        let y = x,
          i = 0
        while (x.greater(i)) {
          y = y.reshape([1])
          i++
        }
        return y
      }, scalar(1)),
    ).toThrow(/'y': f32\[\] → f32\[1\]/)
    expect(() =>
      run((x) => {
        let s = 'a',
          i = 0
        while (x.greater(i)) {
          s = s + 'b'
          i++
        }
        return [x, s.length]
      }, scalar(1)),
    ).toThrow(/'s2?' is "a" before the loop, but "ab" after one iteration/)
  })
  test('a list that grows in a loop over tensors', () => {
    expect(() =>
      run(
        (xs) => {
          const list = []
          for (const x of xs) list.push(x)
          return list
        },
        tf.tensor([1, 2]),
      ),
    ).toThrow(/'list' grew in a loop over tensors[^]*tf\.stack\(list\)/)
    expect(() =>
      run(
        (xs) => {
          const o = { list: [] as unknown[] }
          for (const x of xs) o.list.push(x)
          return o.list
        },
        tf.tensor([1, 2]),
      ),
    ).toThrow(/length 0 before an iteration, but 1 after it[^]*const a = \[\], or use tf\.scan or tf\.mapFn/)
  })
  test('a throw that depends on a tensor, when it is reached', () => {
    expect(() =>
      run((x) => {
        if (x.greater(0)) throw new Error('no')
        return x
      }, scalar(1)),
    ).toThrow(/Error: no/)
  })
  test('a variable first set in a loop that does not run', () => {
    const f = tf.function(((x: tf.Tensor) => {
      let y: unknown
      let i = x
      while (i.less(3)) {
        y = i
        i = i.add(1)
      }
      return y
    }) as Twin)
    expect(String(f(scalar(0)))).toContain('Tensor(2')
    expect(() => f(scalar(5))).toThrow(/at least once to initialize 'y'/)
  })
  test('a rewritten function that has lost its scope', () => {
    const limit = scalar(2)
    const f = (x: tf.Tensor): tf.Tensor => {
      if (x.greater(limit)) return x
      return limit
    }
    expect(() => run(f as Twin, scalar(1))).toThrow(
      /f decides by a tensor[^]*if \(x\.greater\(limit\)\)[^]*scope: s => eval\(s\)/,
    )
    const scoped = tf.function(f, { scope: (s) => eval(s) as unknown })
    expect([scoped(scalar(1)).item(), scoped(scalar(5)).item()]).toEqual([2, 5])
  })
})

describe('a test that cannot be rewritten is found before tracing', () => {
  const limit = scalar(2)
  test.each([
    [
      'by a constant',
      (x: tf.Tensor) => {
        const m = x.greater(limit)
        if (m) return x
        return limit
      },
    ],
    [
      'used besides',
      (x: tf.Tensor) => {
        const m = x.greater(limit)
        if (m) return x
        return tf.where(m, x, limit)
      },
    ],
    [
      'by a constant that is chosen',
      (x: tf.Tensor, c: unknown) => {
        const m = c === 1 ? x.greater(limit) : c
        return m ? x : limit
      },
    ],
    [
      'by what !, && and a comma give',
      (x: tf.Tensor, c: unknown) => {
        const m = (void c, !(c === 1 && x.isNaN()))
        while (m) x = limit
        return x
      },
    ],
  ] as const)('%s', (_, f) => {
    expect(() => run(f as Twin, scalar(1))).toThrow(
      /decides by a tensor[^]*(?:if \(m\)|m \?|const m = \(void)[^]*tracemill\/plugin[^]*tracemill\/register[^]*inspector[^]*scope: s => eval\(s\)[^]*tf\.cond/,
    )
  })
})

describe('operators of JavaScript on tensors', () => {
  const untold: Twin = (x) => {
    const y = x as unknown as number
    return [() => y + 1, () => y < 1, () => -y, () => y * 2]
  }
  test.each([0, 1, 2, 3])('throw where nothing is rewritten, number %i', (i) => {
    const act = (x: tf.Tensor): unknown => (untold(x) as readonly (() => unknown)[])[i]?.()
    const f = tf.function(
      (x: tf.Tensor) => {
        act(x)
        return x
      },
      { autograph: false },
    )
    expect(() => f(scalar(1))).toThrow(/operator|add|symbolic|value/)
  })
})

describe('a bool that nothing uses', () => {
  test('is told when autograph is off', () => {
    const f = tf.function(
      ((x: tf.Tensor) => {
        if (x.greater(0)) return x
        return x.neg()
      }) as Twin,
      { autograph: false },
    )
    expect(() => f(scalar(1))).toThrow(/computed and then not used[^]*errors\.test\.ts/)
  })
  test('ends a loop that would never', () => {
    const f = tf.function(
      ((x: tf.Tensor) => {
        while (x.less(10)) x = x.add(1)
        return x
      }) as Twin,
      { autograph: false },
    )
    expect(() => f(scalar(1))).toThrow(/computed and then not used/)
  })
  test('may be ignored', () => {
    const f = tf.function(
      ((x: tf.Tensor) => {
        tf.ignore(x.less(10))
        return x
      }) as Twin,
      { autograph: false },
    )
    expect(String(f(scalar(1)))).toContain('Tensor(1')
  })
})

describe('scope', () => {
  test('variables outside are read and written where they are', () => {
    let calls = 0
    const w = tf.variable(1)
    const f = tf.function(
      (x: tf.Tensor): tf.Tensor => {
        calls++
        if (x.greater(0)) w.assignAdd(x)
        else w.assign(0)
        return w.mul(2)
      },
      { scope: (s) => eval(s) as unknown },
    )
    expect([f(scalar(3)).item(), f(scalar(-3)).item(), f(scalar(5)).item()]).toEqual([8, 0, 10])
    expect(calls).toBe(1)
  })
  test('functions called are rewritten too', () => {
    const relu = (x: tf.Tensor): tf.Tensor => { if (x.greater(0)) return x; return x.mul(0) } // prettier-ignore
    const f = tf.function((x: tf.Tensor) => relu(x).add(1), { scope: (s) => eval(s) as unknown })
    expect([f(scalar(3)).item(), f(scalar(-3)).item()]).toEqual([4, 1])
  })
  test('methods keep their receiver', () => {
    class Model {
      w = tf.variable(2)
      step(x: tf.Tensor): tf.Tensor {
        if (x.greater(0)) return this.w.mul(x)
        return x
      }
    }
    const model = new Model()
    const step = tf.function(model, 'step')
    expect([step(scalar(3)).item(), step(scalar(-3)).item()]).toEqual([6, -3])
  })
  test('eager runs are of the rewritten function', () => {
    const f = tf.function(((x: tf.Tensor) => {
      if (x.greater(0)) return x
      return x.mul(10)
    }) as Twin)
    tf.config.runFunctionsEagerly(true)
    try {
      expect([String(f(scalar(2))), String(f(scalar(-2)))]).toEqual([
        expect.stringContaining('(2'),
        expect.stringContaining('(-20'),
      ])
    } finally {
      tf.config.runFunctionsEagerly(false)
    }
  })
})

describe('what is rewritten', () => {
  test('code can be looked at', () => {
    expect(
      toCode(((x: Plain) => {
        if (x.greater(0)) x = x.mul(x)
        return x
      }) as never),
    ).toContain('$ag.if(')
  })
  test('a chain in parentheses keeps them', () => {
    const f = (o: { a?: { b: number } } | undefined, x: Plain): number => {
      if (x.greater(0)) return (o?.a)!.b
      return 0
    }
    expect(() => convert(f)(undefined, new Plain(1))).toThrow(TypeError)
    expect(toCode((0, eval)('(o) => { if (o) return (o?.a).b; return 0 }'))).toContain('(o?.a).b')
  })
  test('plain code stays as it is', () => {
    const f = (n: number): number => {
      let s = 0
      for (let i = 0; i < 10; i++) s += i
      return s + n
    }
    expect(convert(f)).toBe(f)
  })
  test('a value that two variables of a loop are to have reaches both', () => {
    const f = tf.function(((x: tf.Tensor) => {
      let a = x,
        b = x,
        n = x
      while (n.less(5)) {
        const next = n.add(1)
        a = next
        b = next
        n = next
      }
      return [a, b, n]
    }) as Twin)
    expect((f(scalar(2)) as tf.Tensor[]).map((tensor) => tensor.item())).toEqual([5, 5, 5])
  })
  test('gradients flow through', () => {
    const f = tf.function(((x: tf.Tensor) => {
      let y = x
      while (y.less(20)) y = y.mul(x)
      return y
    }) as Twin)
    const gradient = tf.grad((x: tf.Tensor) => f(x) as tf.Tensor)
    expect(gradient(scalar(3)).item()).toBeCloseTo(27)
  })
})
