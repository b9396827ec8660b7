// oxlint-disable -- the callbacks are written as the rows have them
// The specification of control flow, row by row: loops over elements, jumps, lists, objects, errors, what stays JavaScript.
import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { noConvert } from '../../src/autograph.ts'
import * as tf from '../../src/node.ts'
import { closeInspector } from '../../tracer/autograph/inspector.ts'

afterEach(closeInspector)

const scalar = (value: number, dtype?: tf.DType): tf.Tensor => tf.scalar(value, dtype)
const item = (value: unknown): unknown => (value instanceof tf.Tensor ? value.array() : value)

describe('for', () => {
  test('row 181: over a tensor the body is traced once, over an array it is unrolled', () => {
    let traced = 0
    const trace = noConvert(() => void traced++)
    const f = tf.function((xs: tf.Tensor) => {
      let s = scalar(0)
      for (const e of xs) {
        trace()
        s = s.add(e)
      }
      return s
    })
    expect(item(f(tf.tensor([1, 2, 3])))).toBe(6)
    // A scratch trace finds the types of the state.
    expect(traced).toBeLessThanOrEqual(2)
    traced = 0
    const g = tf.function((x: tf.Tensor) => {
      for (const e of [1, 2, 3]) {
        trace()
        x = x.add(e)
      }
      return x
    })
    expect(item(g(scalar(0)))).toBe(6)
    expect(traced).toBe(3)
    const symbolic = tf.function((xs: tf.Tensor) => [...xs].length, { inputSignature: [tf.spec([null])] })
    expect(() => symbolic(tf.ones([3]))).toThrow(/number of rows of f32\[n0\] is not known/)
  })
  test('row 181: a classic for has a binding per iteration', () => {
    const f = tf.function((n: tf.Tensor) => {
      let s = scalar(0)
      for (let i = 0; n.greater(i); i++) {
        const add = (): void => {
          s = s.add(i)
        }
        add()
      }
      return s
    })
    expect(item(f(scalar(4)))).toBe(6)
  })
  test('row 183: break and continue, in loops inside of each other', () => {
    const f = tf.function((xs: tf.Tensor) => {
      let s = scalar(0)
      for (const e of xs) {
        if (e.equal(2)) continue
        if (e.greater(3)) break
        s = s.add(e)
      }
      return s
    })
    expect(item(f(tf.tensor([1, 2, 3, 4, 5])))).toBe(4)
  })
  test('row 184: a break that depends on a tensor, in a loop that does not', () => {
    const f = tf.function((t: tf.Tensor) => {
      let n = 0
      for (let i = 0; i < 5; i++) {
        if (t.greater(i)) break
        n++
      }
      return n
    })
    expect([-1, 0, 2, 9].map((t) => item(f(scalar(t))))).toEqual([5, 5, 0, 0])
    const g = tf.function((t: tf.Tensor) => {
      let n = 0
      for (let i = 0; i < 5; i++) {
        if (t.lessEqual(i)) break
        n++
      }
      return n
    })
    expect([-1, 0, 2, 9].map((t) => item(g(scalar(t))))).toEqual([0, 0, 2, 5])
  })
  test('row 185: a return in a loop', () => {
    const f = tf.function((xs: tf.Tensor) => {
      for (const e of xs) if (e.greater(2)) return e
      return -1
    })
    expect([item(f(tf.tensor([1, 2, 3]))), item(f(tf.tensor([1, 2, 0])))]).toEqual([3, -1])
  })
  test('row 186: an array grows', () => {
    const f = tf.function((k: tf.Tensor) => {
      const l: tf.Tensor[] = []
      for (const i of tf.range(3)) l.push(i.mul(k))
      return tf.stack(l)
    })
    expect(item(f(scalar(2, 'int32')))).toEqual([0, 2, 4])
  })
  test('row 187: a TensorArray is what its write returns', () => {
    const f = tf.function(() => {
      let ta = tf.tensorArray('int32')
      for (const i of tf.range(3)) ta = ta.write(i, i.mul(i))
      return ta.stack()
    })
    expect(item(f())).toEqual([0, 1, 4])
  })
})

describe('state in places', () => {
  test('row 188: properties are state, in branches new ones too', () => {
    const f = tf.function((k: tf.Tensor) => {
      const o = { a: scalar(0, 'int32'), deep: { b: [scalar(1, 'int32')] } }
      for (const i of tf.range(4)) {
        o.a = o.a.add(i)
        o.deep['b'][0] = (o.deep.b[0] as tf.Tensor).mul(k)
      }
      return [o.a, o.deep.b[0]]
    })
    expect((f(scalar(2, 'int32')) as unknown[]).map(item)).toEqual([6, 16])
    const g = tf.function((x: tf.Tensor) => {
      const o: { y?: tf.Tensor } = {}
      if (x.greater(0)) o.y = x
      else o.y = x.mul(2)
      return o
    })
    expect(item((g(scalar(-2)) as { y: tf.Tensor }).y)).toBe(-4)
    const accessor = tf.function((k: tf.Tensor) => {
      const o = {
        kept: scalar(0),
        get v(): tf.Tensor {
          return this.kept
        },
        set v(x: tf.Tensor) {
          this.kept = x
        },
      }
      for (let i = 0; k.greater(i); i++) o.v = o.v.add(2)
      return o.v
    })
    const outcome = (): unknown => item(accessor(scalar(3)))
    try {
      expect(outcome()).toBe(6)
    } catch (error) {
      expect(error).toBeInstanceOf(tf.TraceError)
    }
  })
  test('row 189: what a closure writes is seen', () => {
    const f = tf.function((k: tf.Tensor) => {
      let y = scalar(0)
      const inc = (): void => {
        y = y.add(1)
      }
      for (let i = 0; k.greater(i); i++) inc()
      return y
    })
    expect(item(f(scalar(3)))).toBe(3)
  })
  test('row 190: what is outside holds no tensor of the trace afterwards', () => {
    const c: { n: unknown } = { n: 0 }
    const f = tf.function((k: tf.Tensor) => {
      for (let i = 0; k.greater(i); i++) (c as { n: number }).n++
      return k
    })
    expect(() => f(scalar(3))).toThrow(/c\.n is not its own[^]*tf\.variable/)
    expect(c.n).toBe(0)
  })
  test('row 194: every kind of write is one', () => {
    const f = tf.function((k: tf.Tensor) => {
      let [a, b, p, x] = [1, 2, 0, 0]
      const o = { p: 0 }
      for (let i = 0; k.greater(i); i++) {
        x++
        ;[a, b] = [b, a]
        o.p += 2
        ;({ p } = o)
        ;[, ...[x]] = [0, x]
      }
      return [a, b, p, x]
    })
    expect((f(scalar(3)) as unknown[]).map(item)).toEqual([2, 1, 6, 3])
  })
})

describe('errors', () => {
  test('row 192: assertions at run time, those of the console once while tracing', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x.greater(-9)) tf.assert(x.greater(0), 'pos')
      return x
    })
    expect(() => f(scalar(-1))).toThrow(/pos/)
    expect([item(f(scalar(1))), item(f(scalar(-10)))]).toEqual([1, -10])
  })
  test('row 193: try around branches', () => {
    const f = tf.function((x: tf.Tensor) => {
      try {
        if (x.greater(0)) return x
        return x.neg()
      } catch {
        return scalar(0)
      }
    })
    expect(item(f(scalar(-3)))).toBe(3)
    const caught = tf.function((x: tf.Tensor) => {
      try {
        if (x.sum().greater(0)) return x.matMul(tf.ones([5, 5])).sum()
        return x.sum()
      } catch (error) {
        return scalar(error instanceof tf.ShapeError ? 1 : 2)
      }
    })
    expect(item(caught(tf.ones([2, 3])))).toBe(1)
  })
  test('row 195: both branches are checked, also the one that never runs', () => {
    const f = tf.function((x: tf.Tensor) => {
      let y = x.slice([0], [1])
      if (x.sum().greater(4)) y = x.slice([4], [1])
      return y
    })
    expect(() => f(tf.tensor([1, 2, 3]))).toThrow(/index 4 of axis 0[^]*while tracing the main branch/)
  })
  test('row 196: a loop that unrolls into very many ops is warned of, once, with its line', () => {
    const f = tf.function((x: tf.Tensor) => {
      for (let i = 0; i < 1500; i++) x = x.add(1)
      return x
    })
    const warnings: string[] = []
    const { warn } = console
    console.warn = (text: string): void => void warnings.push(text)
    try {
      expect(item(f(scalar(0)))).toBe(1500)
    } finally {
      console.warn = warn
    }
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/rows-181-200\.test\.ts:\d+/)
  })
  test('row 197: an error of an op names the line, and is of its class', () => {
    const f = tf.function((x: tf.Tensor) => {
      if (x.sum().greater(0)) x = x.add(1)
      return x.matMul(tf.ones([7, 7]))
    })
    let error: unknown
    try {
      f(tf.ones([2, 3]))
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(tf.ShapeError)
    expect((error as Error).message).toMatch(/rows-181-200\.test\.ts:\d+:\d+/)
    expect((error as Error).stack).toMatch(/rows-181-200\.test\.ts:\d+:\d+/)
  })
})

describe('texts', () => {
  test('row 198: what a minifier makes of branches', () => {
    const minified = (0, eval)(
      '(x,n)=>{let a=0,b=x;return n>0&&(b=b.mul(n)),x.greater(0)?(a=1,b=b.add(1)):x.less(-5)&&(a=2),a===void 0||b.greater(9)&&(b=b.sub(9)),[a,b]}',
    ) as (x: tf.Tensor, n: number) => readonly [number, tf.Tensor]
    const f = tf.function(minified)
    expect([3, -1, -7].map((x) => (f(scalar(x), 4) as readonly unknown[]).map(item))).toEqual([
      [1, 4],
      [0, -4],
      [2, -28],
    ])
  })
  test('row 199: functions on one line are told apart', () => {
    const [f, g] = [
      (x: tf.Tensor) => (x.greater(0) ? x.add(1) : x),
      (x: tf.Tensor) => (x.greater(0) ? x.add(2) : x),
    ]
    expect([item(tf.function(f)(scalar(1))), item(tf.function(g)(scalar(1)))]).toEqual([2, 3])
  })
  test('row 200: console.log prints the symbolic tensor, once', () => {
    const program = `import * as tf from ${JSON.stringify(new URL('../../src/node.ts', import.meta.url).href)}
const f = tf.function((x) => { if (x.greater(0)) console.log(String(x)); return x })
f(tf.scalar(1)); f(tf.scalar(2)); f(tf.scalar(-2))`
    const { stdout } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    )
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stdout).toContain('float32')
  })
})
