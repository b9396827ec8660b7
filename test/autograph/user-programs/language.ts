// oxlint-disable no-eval -- the thunk has to be written where the functions are
// What the language has around control flow: recursion, switch, try, classes, patterns, callbacks, closures.
import * as tf from '../../../src/node.ts'
import { type Program, plain } from './program.ts'

const values = [-3, 0, 2, 7]

export const language: readonly Program[] = [
  [
    'recursion on JavaScript numbers, with a branch on a tensor inside',
    (options) => {
      const horner = (x: tf.Tensor, k: number): tf.Tensor => {
        if (k === 0) return tf.scalar(1)
        const rest = horner(x, k - 1)
        if (x.greater(0)) return rest.mul(x).add(k)
        return rest.sub(k)
      }
      const f = tf.function(
        (x: tf.Tensor) => horner(x, 4),
        options((s) => eval(s)),
      )
      const twin = (x: number, k = 4): number =>
        k === 0 ? 1 : x > 0 ? twin(x, k - 1) * x + k : twin(x, k - 1) - k
      return { actual: plain(values.map((x) => f(tf.scalar(x)))), expected: values.map((x) => twin(x)) }
    },
  ],
  [
    'switch on a string and on a counter that has become a tensor',
    (options) => {
      const activate = tf.function(
        (x: tf.Tensor, kind: 'relu' | 'leaky' | 'step') => {
          switch (kind) {
            case 'relu':
              return x.greater(0) ? x : 0
            case 'leaky':
              if (x.greater(0)) return x
              return x.mul(0.1)
            default:
              return x.greater(0) ? 1 : 0
          }
        },
        options((s) => eval(s)),
      )
      const states = tf.function(
        (x: tf.Tensor) => {
          let state = 0
          let visits = 0
          while (x.greater(0)) {
            switch (state % 3) {
              case 0:
                state = 1
                break
              // @ts-expect-error it falls through, as one may in JavaScript
              case 1:
                state += 4
                visits++
              // falls through
              default:
                state++
            }
            x = x.sub(1)
          }
          return [state, visits]
        },
        options((s) => eval(s)),
      )
      const twin = (n: number): number[] => {
        let [state, visits] = [0, 0]
        for (; n > 0; n--)
          switch (state % 3) {
            case 0:
              state = 1
              break
            // @ts-expect-error it falls through, as one may in JavaScript
            case 1:
              state += 4
              visits++
            // falls through
            default:
              state++
          }
        return [state, visits]
      }
      const s = tf.scalar
      return {
        actual: plain([
          activate(s(-2), 'relu'),
          activate(s(-2), 'leaky'),
          activate(s(2), 'step'),
          activate(s(3), 'relu'),
          [0, 1, 5, 9].map((n) => states(s(n))),
        ]),
        expected: [0, -0.2, 1, 3, [0, 1, 5, 9].map(twin)],
      }
    },
  ],
  [
    'try and finally around tensor branches, and returns through them',
    (options) => {
      const log: string[] = []
      const f = tf.function(
        (x: tf.Tensor) => {
          try {
            log.push('try')
            if (x.greater(5)) return x.mul(2)
            let y = x
            while (y.less(1)) y = y.add(1)
            return y
          } finally {
            log.push('finally')
          }
        },
        options((s) => eval(s)),
      )
      const g = tf.function(
        (x: tf.Tensor) => {
          try {
            if (x.greater(0)) return x
            return x.neg()
          } catch {
            return tf.scalar(0)
          }
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain([
          values.map((x) => f(tf.scalar(x))),
          values.map((x) => g(tf.scalar(x))),
          log.join(' '),
        ]),
        expected: [[1, 1, 2, 14], [3, 0, 2, 7], 'try finally'],
      }
    },
  ],
  [
    'closures, default and rest parameters, spread, patterns',
    (options) => {
      const scale = tf.variable(2)
      const f = tf.function(
        (
          { x, bias: { value: bias = 1 } = {} }: { x: tf.Tensor; bias?: { value?: number } },
          factor = 3,
          ...others: readonly tf.Tensor[]
        ) => {
          let total = tf.scalar(0)
          const add = (y: tf.Tensor): void => {
            if (y.greater(0)) total = total.add(y.mul(scale))
          }
          for (const y of [x, ...others]) add(y)
          add(x.mul(factor))
          const [first = x, ...rest] = others
          if (first.less(0)) total = total.sub(rest.length).sub(bias)
          const result = { first }
          return { total, ...result }
        },
        options((s) => eval(s)),
      )
      const s = tf.scalar
      return {
        actual: plain([f({ x: s(1) }), f({ x: s(2), bias: { value: 5 } }, 1, s(-1), s(4), s(-2)), scale]),
        expected: [{ total: 8, first: 1 }, { total: 16 - 2 - 5, first: -1 }, 2],
      }
    },
  ],
  [
    'optional chaining, nullish values, typeof and in beside tensor tests',
    (options) => {
      interface Config {
        readonly clip?: { readonly norm?: number }
        readonly scale?: tf.Tensor | null
      }
      const f = tf.function(
        (x: tf.Tensor, config?: Config) => {
          const limit = config?.clip?.norm ?? 10
          const scale = config?.scale ?? tf.scalar(1)
          if (typeof limit === 'number' && x.abs().greater(limit)) x = x.sign().mul(limit)
          if (config !== undefined && 'clip' in config && x.less(0)) return x.neg()
          return x.mul(scale)
        },
        options((s) => eval(s)),
      )
      const s = tf.scalar
      return {
        actual: plain([
          f(s(20)),
          f(s(-20), { clip: { norm: 3 } }),
          f(s(2), { scale: s(4) }),
          f(s(2), { scale: null }),
          f(s(-2), { clip: {} }),
        ]),
        expected: [10, 3, 8, 2, 2],
      }
    },
  ],
  [
    'array methods with callbacks that branch',
    (options) => {
      const f = tf.function(
        (x: tf.Tensor) => {
          const parts = tf.unstack(x)
          const relus = parts.map((p) => (p.greater(0) ? p : p.mul(0.5)))
          const total = relus.reduce((sum, p) => {
            if (p.greater(3)) return sum.add(3)
            return sum.add(p)
          }, tf.scalar(0))
          let largest = parts[0] as tf.Tensor
          parts.forEach((p) => {
            if (p.greater(largest)) largest = p
          })
          return { relus, total, largest }
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain(f(tf.tensor([-2, 4, 1]))),
        expected: { relus: [-1, 4, 1], total: 3, largest: 4 },
      }
    },
  ],
  [
    'classes with inheritance, static helpers, getters and a loop in a method',
    (options) => {
      class Cell {
        static limit = 2
        readonly kernel = tf.variable(0.5)
        static squash(x: tf.Tensor): tf.Tensor {
          return x.greater(Cell.limit) ? tf.scalar(Cell.limit) : x
        }
        get gain(): tf.Tensor {
          return this.kernel.add(1)
        }
        step(h: tf.Tensor, x: tf.Tensor): tf.Tensor {
          return Cell.squash(h.mul(this.kernel).add(x))
        }
        run(xs: tf.Tensor): tf.Tensor {
          let h = tf.scalar(0)
          for (const x of xs) h = this.step(h, x)
          return h
        }
      }
      class Gated extends Cell {
        override step(h: tf.Tensor, x: tf.Tensor): tf.Tensor {
          if (x.less(0)) return h
          return Cell.squash(h.add(x.mul(this.gain)))
        }
      }
      const [plainCell, gated] = [new Cell(), new Gated()]
      const way = options((s) => eval(s))
      const f = tf.function((model: Cell, xs: tf.Tensor) => model.run(xs), way)
      const xs = tf.tensor([1, -5, 0.2, 0.25])
      return {
        actual: plain([f(plainCell, xs), f(gated, xs)]),
        expected: [((1 * 0.5 - 5) * 0.5 + 0.2) * 0.5 + 0.25, 2],
      }
    },
  ],
  [
    'state in objects: nested properties, computed keys, a counter',
    (options) => {
      const f = tf.function(
        (x: tf.Tensor) => {
          const state = { sums: { even: tf.scalar(0), odd: tf.scalar(0) }, count: 0, last: [x, x] }
          for (let i = 0; x.greater(i); i++) {
            if (i % 2 === 0) state.sums.even = state.sums.even.add(i)
            else state.sums['odd'] = state.sums.odd.add(i)
            state.count++
            state.last[0] = state.last[1] as tf.Tensor
            state.last[1] = tf.scalar(1).mul(i)
          }
          return state
        },
        options((s) => eval(s)),
      )
      const twin = (x: number): unknown => {
        const state = { sums: { even: 0, odd: 0 }, count: 0, last: [x, x] }
        for (let i = 0; x > i; i++) {
          if (i % 2 === 0) state.sums.even += i
          else state.sums.odd += i
          state.count++
          state.last = [state.last[1] ?? 0, i]
        }
        return state
      }
      return { actual: plain(values.map((x) => f(tf.scalar(x)))), expected: values.map(twin) }
    },
  ],
  [
    'early returns out of nested loops, the last value otherwise',
    (options) => {
      const find = tf.function(
        (m: tf.Tensor, wanted: tf.Tensor) => {
          let i = 0
          for (const row of m) {
            let j = 0
            for (const x of row) {
              if (x.equal(wanted)) return { i, j, isFound: true }
              j++
            }
            i++
          }
          return { i: -1, j: -1, isFound: false }
        },
        options((s) => eval(s)),
      )
      const m = tf.tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ])
      return {
        actual: plain([4, 1, 9].map((x) => find(m, tf.scalar(x)))),
        expected: [
          { i: 1, j: 1, isFound: 1 },
          { i: 0, j: 0, isFound: 1 },
          { i: -1, j: -1, isFound: 0 },
        ],
      }
    },
  ],
  [
    'for…in over parameters, Maps, entries and generators of JavaScript',
    (options) => {
      const parameters = { a: tf.variable(1), b: tf.variable(-2), c: tf.variable(3) }
      const f = tf.function(
        (x: tf.Tensor) => {
          let sum = x
          for (const name in parameters) {
            const p = parameters[name as keyof typeof parameters]
            if (p.greater(0)) sum = sum.add(p)
          }
          const seen = new Map<string, tf.Tensor>()
          for (const [name, p] of Object.entries(parameters)) {
            if (name === 'b') continue
            seen.set(name, p.greater(2) ? p.mul(10) : p.mul(1))
          }
          for (const p of seen.values()) if (sum.less(20)) sum = sum.add(p)
          for (const [i, p] of [...seen.values()].entries()) sum = sum.add(p.mul(i))
          return sum
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain([f(tf.scalar(0)), f(tf.scalar(100))]),
        expected: [0 + 4 + 1 + 30 + 30, 100 + 4 + 30],
      }
    },
  ],
  [
    'Variables assigned in branches, read afterwards, in a helper too',
    (options) => {
      const v = tf.variable(1)
      const hits = tf.variable(0, { dtype: 'int32' })
      const touch = (x: tf.Tensor): void => {
        if (x.greater(1)) {
          v.assign(x)
          hits.assignAdd(1)
        } else if (x.less(-1)) v.assignSub(1)
      }
      const f = tf.function(
        (x: tf.Tensor) => {
          touch(x)
          const before = v.value()
          touch(before.mul(2))
          return [before, v.mul(1)]
        },
        options((s) => eval(s)),
      )
      const results = values.map((x) => plain(f(tf.scalar(x))))
      return {
        actual: [results, plain([v, hits])],
        expected: [
          [
            [0, 0],
            [0, 0],
            [2, 4],
            [7, 14],
          ],
          [14, 4],
        ],
      }
    },
  ],
  [
    'logic with side effects on the right, assignments in conditions',
    (options) => {
      const v = tf.variable(0)
      const bump = (x: tf.Tensor): tf.BoolTensor => {
        v.assignAdd(1)
        return x.less(5)
      }
      const f = tf.function(
        (x: tf.Tensor) => {
          let y = x
          let z: tf.Tensor
          if (x.greater(0) && bump(x)) y = y.add(1)
          if (x.greater(0) || bump(x)) y = y.add(10)
          while ((z = y.mul(2)).less(30)) y = y.add(5)
          return [y, z]
        },
        options((s) => eval(s)),
      )
      const twin = (x: number): number[] => {
        let y = x
        let z: number
        if (x > 0 && x < 5) y += 1
        y += x > 0 || x < 5 ? 10 : 0
        while ((z = y * 2) < 30) y += 5
        return [y, z]
      }
      return {
        actual: [values.map((x) => plain(f(tf.scalar(x)))), plain(v)],
        expected: [values.map(twin), 4],
      }
    },
  ],
]
