// oxlint-disable -- the callbacks are written as the rows have them
// The specification of control flow, row by row: conditions, variables, returns, whiles.
import { afterEach, describe, expect, test } from 'vitest'
import { noConvert, toCode } from '../../src/autograph.ts'
import * as tf from '../../src/node.ts'
import { closeInspector } from '../../tracer/autograph/inspector.ts'

afterEach(closeInspector)

const scalar = (value: number, dtype?: tf.DType): tf.Tensor => tf.scalar(value, dtype)
const item = (value: unknown): unknown => (value instanceof tf.Tensor ? value.array() : value)
/** Operators on tensors, as rewritten code may have them: TypeScript refuses them. */
const text = <T>(source: string): T => (0, eval)(source) as T

describe('conditions', () => {
  test('row 159: a boolean traces one branch, a tensor both', () => {
    let [first, second] = [0, 0]
    const f = tf.function((x: tf.Tensor, flag: boolean) => {
      if (flag) first++
      else second++
      return x
    })
    const inFirst = noConvert(() => void first++)
    const inSecond = noConvert(() => void second++)
    f(scalar(1), true)
    expect([first, second]).toEqual([1, 0])
    const g = tf.function((x: tf.Tensor) => {
      let y: tf.Tensor
      if (x.greater(0)) {
        inFirst()
        y = x
      } else {
        inSecond()
        y = x.neg()
      }
      return y
    })
    expect(item(g(scalar(1)))).toBe(1)
    expect(item(g(scalar(-1)))).toBe(1)
    expect([first, second]).toEqual([2, 1])
  })
  test('row 160: untransformed tests are told, operators throw', () => {
    const untouched = tf.function((x: tf.Tensor) => (x.greater(0) ? x : x.neg()), { autograph: false })
    expect(() => untouched(scalar(1))).toThrow(/bool tensor is computed and then not used/)
    const operator = tf.function(text<(x: tf.Tensor) => tf.Tensor>('(x) => x > 0'), { autograph: false })
    expect(() => operator(scalar(1))).toThrow(/operators such as \+ and </)
  })
  test('row 161: the scope is that of the function, by the inspector and by a thunk', () => {
    const k = scalar(3)
    const f = (x: tf.Tensor): tf.Tensor => {
      if (x.greater(0)) return x.mul(k)
      return k
    }
    expect(item(tf.function(f, { scope: (s) => eval(s) })(scalar(2)))).toBe(6)
    expect(item(tf.function(f)(scalar(-2)))).toBe(3)
  })
  test('row 162: async is refused at the wrap; a bound function without control flow runs as it is', () => {
    expect(() => tf.function((async (x: tf.Tensor) => x) as never)).toThrow(/async and generator/)
    expect(() =>
      tf.function(function* () {
        yield 1
      } as never),
    ).toThrow(/async and generator/)
    const bound = function (this: { k: number }, x: tf.Tensor): tf.Tensor {
      return x.mul(this.k)
    }.bind({ k: 2 })
    expect(item(tf.function(bound)(scalar(3)))).toBe(6)
    const branching = function (this: { k: number }, x: tf.Tensor): tf.Tensor {
      if (x.greater(0)) return x.mul(this.k)
      return x
    }.bind({ k: 2 })
    expect(() => tf.function(branching)(scalar(3))).toThrow(tf.TraceError)
  })
  test('row 163: helpers are converted, those of helpers too', () => {
    const relu = (x: tf.Tensor): tf.Tensor => {
      if (x.greater(0)) return x
      return x.mul(0)
    }
    const twice = (x: tf.Tensor): tf.Tensor => relu(relu(x).add(1))
    expect(item(tf.function((x: tf.Tensor) => twice(x))(scalar(-2)))).toBe(1)
  })
  test('row 164: noConvert leaves a function as it is', () => {
    const h = noConvert(text<(x: tf.Tensor) => number>('(x) => (x > 0 ? 1 : 2)'))
    expect(() => tf.function((x: tf.Tensor) => h(x))(scalar(1))).toThrow(/operators/)
    const kept = noConvert((x: tf.Tensor) => (x.greater(0) ? 1 : 2))
    expect(() => tf.function((x: tf.Tensor) => kept(x))(scalar(1))).toThrow(/not used/)
  })
  test('row 165: the code can be looked at', () => {
    const f = (x: tf.Tensor): tf.Tensor => {
      if (x.greater(0)) x = x.mul(x)
      return x
    }
    expect(toCode(f)).toContain('$ag.if(')
    expect(toCode(tf.function(f))).toContain('$ag.if(')
  })
  test('row 166: a condition is a bool scalar, also of !, && and ||', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x) return 1
      return 0
    })
    expect(() => f(scalar(3, 'int32'))).toThrow(/i32\[\], not a bool scalar[^]*cast\('bool'\)/)
    for (const g of [
      (x: tf.Tensor) => !x,
      (x: tf.Tensor) => x && x.less(0),
      (x: tf.Tensor | boolean) => x || tf.scalar(1).less(0),
    ])
      expect(() => tf.function(g as (x: tf.Tensor) => tf.Tensor)(scalar(3, 'int32'))).toThrow(
        /i32\[\], not (?:a )?bool/,
      )
    // A bool of one element counts, as in `if (x)` of a scalar.
    const h = tf.function((x: tf.Tensor) => (x.greater(0) ? 1 : 0))
    expect(item(h(scalar(3)))).toBe(1)
  })
  test('row 172: ?: in both orders, nested; a chain of comparisons is left to JavaScript', () => {
    const f = tf.function((x: tf.Tensor) => (x.greater(0) ? x : x.neg()))
    expect(item(f(scalar(-3)))).toBe(3)
    const chain = tf.function(text<(x: tf.Tensor) => tf.Tensor>('(x) => 0 < x < 5 ? 1 : 0'))
    expect(() => chain(scalar(7))).toThrow()
  })
  test('row 173: the right of && and || happens only when it is asked', () => {
    const v = tf.variable(0)
    const side = (): tf.BoolTensor => {
      v.assignAdd(1)
      return scalar(1).greater(0)
    }
    let traced = 0
    const f = tf.function((x: tf.Tensor) => {
      const a = x.greater(0) && side()
      const b = x.greater(0) || side()
      const c = false && traced++
      return [a, b, c]
    })
    expect((f(scalar(-1)) as unknown[]).map(item).map(Number)).toEqual([0, 1, 0])
    expect(v.item()).toBe(1)
    f(scalar(1))
    expect(v.item()).toBe(2)
    expect(traced).toBe(0)
    const nullish = tf.function((x: tf.Tensor, o?: { k?: number } | null) => x.mul(o?.k ?? 7))
    expect([
      item(nullish(scalar(1))),
      item(nullish(scalar(1), { k: 2 })),
      item(nullish(scalar(1), null)),
    ]).toEqual([7, 2, 7])
  })
  test('row 174: ! is logicalNot', () => {
    expect(Boolean(item(tf.function((x: tf.Tensor) => !x.greater(0))(scalar(1))))).toBe(false)
  })
  test('row 175: === with a number compares, with null and undefined stays with JavaScript', () => {
    const f = tf.function((n: tf.Tensor) => {
      let [even, i] = [0, 0]
      let y: tf.Tensor | null = null
      while (n.greater(i)) {
        if (i % 2 === 0) even++
        if (y === null) y = n
        i++
      }
      return [even, y === null]
    })
    expect((f(scalar(5)) as unknown[]).map(item).map(Number)).toEqual([3, 0])
    const identity = tf.function((x: tf.Tensor) => (Object.is(x, x) ? x : x.neg()))
    expect(item(identity(scalar(1)))).toBe(1)
  })
})

describe('variables and returns', () => {
  test('row 167: a variable that is wanted must have a value in both', () => {
    expect(() =>
      tf.function((x: tf.Tensor) => {
        let y
        if (x.greater(0)) y = x
        return y
      })(scalar(1)),
    ).toThrow(/'y' must also be initialized in the else branch[^]*rows-159-180\.test\.ts:\d+:\d+/)
  })
  test('row 168: one that is local to a branch is free', () => {
    const lines: string[] = []
    const f = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) {
        const t = x.mul(2)
        tf.print(t, { sink: (line: string) => void lines.push(line) })
      }
      return x
    })
    f(scalar(2))
    f(scalar(-2))
    expect(lines).toEqual(['4'])
  })
  test('row 169: dtypes must agree; sizes may differ', () => {
    const dtypes = tf.function((x: tf.Tensor) => {
      const y = x.greater(0) ? tf.scalar(1, 'int32') : tf.scalar(2)
      return y
    })
    expect(() => dtypes(scalar(1))).toThrow(/int32 in the main branch, but dtype float32 in the else branch/)
    const sizes = tf.function((x: tf.Tensor) => (x.greater(0) ? tf.ones([2]) : tf.zeros([3])))
    expect([item(sizes(scalar(1))), item(sizes(scalar(-1)))]).toEqual([
      [1, 1],
      [0, 0, 0],
    ])
    expect(sizes.concrete(tf.spec([])).signature.outputs).toMatchObject([{ shape: [null] }])
  })
  test('row 170: a number that control flow changes is a tensor afterwards', () => {
    const f = tf.function((x: tf.Tensor) => {
      let c = 0
      while (x.greater(c)) c++
      return [c, (c as unknown) instanceof tf.Tensor]
    })
    expect((f(scalar(3)) as unknown[]).map(item).map(Number)).toEqual([3, 1])
  })
  test('row 171: every path returns', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) return x
      return x.neg()
    })
    expect(item(f(scalar(-4)))).toBe(4)
    // @ts-expect-error TypeScript sees it too
    const half = tf.function((x: tf.Tensor) => {
      if (x.greater(0)) return x
    })
    expect(() => half(scalar(1))).toThrow(/the else branch must also have a return statement/)
  })
})

describe('while', () => {
  test('row 176: the body is traced once, no trip is one too', () => {
    let traced = 0
    const trace = noConvert(() => void traced++)
    const f = tf.function((x: tf.Tensor) => {
      while (x.less(100)) {
        trace()
        x = x.mul(2)
      }
      return x
    })
    expect([item(f(scalar(7))), item(f(scalar(300)))]).toEqual([112, 300])
    expect(traced).toBe(1)
  })
  test('rows 177 and 178: types stay, unless setLoopOptions says which sizes change', () => {
    const grow = (isOpen: boolean) => (k: tf.Tensor) => {
      let y = tf.zeros([1])
      for (let i = 0; k.greater(i); i++) {
        if (isOpen) tf.setLoopOptions({ shapeInvariants: [[y, [null]]] })
        y = tf.concat([y, y])
      }
      return y
    }
    expect(() => tf.function(grow(false))(scalar(2, 'int32'))).toThrow(/'y': f32\[1\] → f32\[2\]/)
    expect(item(tf.function(grow(true))(scalar(2, 'int32')))).toEqual([0, 0, 0, 0])
    expect(() =>
      tf.function((x: tf.Tensor) => {
        let y = x
        while (y.less(3)) y = y.cast('int32')
        return y
      })(scalar(1)),
    ).toThrow(/'y': float32 → int32/)
  })
  test('row 179: a first value in the loop needs an iteration', () => {
    const f = tf.function((k: tf.Tensor) => {
      let y: number | undefined
      let i = 0
      while (k.greater(i)) {
        y = i
        i = i + 1
      }
      return y
    })
    expect(item(f(scalar(3)))).toBe(2)
    expect(() => f(scalar(0))).toThrow(/must iterate at least once to initialize 'y'/)
  })
  test('row 180: a loop without a test, and one whose test becomes a tensor', () => {
    const f = tf.function((x: tf.Tensor) => {
      while (true) {
        if (x.greater(5)) break
        x = x.add(1)
      }
      return x
    })
    expect([item(f(scalar(1))), item(f(scalar(9)))]).toEqual([6, 9])
    const late = tf.function((x: tf.Tensor) => {
      let go: boolean | tf.BoolTensor = true
      while (go) {
        x = x.mul(2)
        go = x.less(50)
      }
      return x
    })
    expect([item(late(scalar(3))), item(late(scalar(60)))]).toEqual([96, 120])
  })
})
