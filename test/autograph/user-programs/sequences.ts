// oxlint-disable no-eval -- the thunk has to be written where the functions are
// Programs over sequences: recurrent cells, masks, scans, lists that grow, searches.
import * as tf from '../../../src/node.ts'
import { type Program, plain } from './program.ts'

export const sequences: readonly Program[] = [
  [
    'an RNN cell over time with a mask per sequence',
    (options) => {
      const w = tf.variable([
        [0.5, -0.2],
        [0.1, 0.3],
      ])
      const u = tf.variable([[1, -1]])
      const rnn = tf.function(
        (x: tf.Tensor, lengths: tf.Tensor) => {
          let h = tf.zeros([3, 2])
          let t = 0
          for (const step of x) {
            const next = h.matMul(w).add(step.matMul(u)).tanh()
            const isInside = lengths.greater(t).expandDims(1)
            h = tf.where(isInside, next, h)
            t++
          }
          return h
        },
        options((s) => eval(s)),
      )
      const xs = [
        [1, 2, 3],
        [0.5, -1, 2],
        [2, 0, 1],
        [-1, 1, 0.5],
      ]
      const lengths = [4, 2, 0]
      const h = lengths.map((length, i) => {
        let [a, b] = [0, 0]
        for (let t = 0; t < length; t++) {
          const x = xs[t]?.[i] ?? 0
          ;[a, b] = [Math.tanh(0.5 * a + 0.1 * b + x), Math.tanh(-0.2 * a + 0.3 * b - x)]
        }
        return [a, b]
      })
      return {
        actual: plain(rnn(tf.tensor(xs).reshape([4, 3, 1]), tf.tensor(lengths, 'int32'))),
        expected: h,
      }
    },
  ],
  [
    'a batch of unknown size, row by row, one trace',
    (options) => {
      const clipRows = tf.function(
        (x: tf.Tensor) => {
          let sum = tf.scalar(0)
          let large = 0
          for (const row of x) {
            const norm = row.square().sum().sqrt()
            if (norm.greater(5)) {
              sum = sum.add(row.sum().mul(5).div(norm))
              large++
            } else sum = sum.add(row.sum())
          }
          return { sum, large }
        },
        { inputSignature: [tf.spec([null, 2])], ...options((s) => eval(s)) },
      )
      const batches = [
        [
          [3, 4],
          [6, 8],
        ],
        [[1, 1]],
        [
          [30, 40],
          [0, 0],
          [5, 12],
        ],
      ]
      const twin = (rows: readonly (readonly number[])[]): { sum: number; large: number } => {
        let [sum, large] = [0, 0]
        for (const row of rows) {
          const norm = Math.hypot(...row)
          const total = row.reduce((a, b) => a + b, 0)
          if (norm > 5) {
            sum += (total * 5) / norm
            large++
          } else sum += total
        }
        return { sum, large }
      }
      return {
        actual: [
          batches.map((rows) => plain(clipRows(tf.tensor(rows)))),
          plain(clipRows(tf.zeros([0, 2]))),
          clipRows.traceCount,
        ],
        expected: [batches.map(twin), { sum: 0, large: 0 }, 1],
      }
    },
  ],
  [
    'running maxima and their positions in lists that grow',
    (options) => {
      const peaks = tf.function(
        (x: tf.Tensor) => {
          const values: tf.Tensor[] = []
          const places: (tf.Tensor | number)[] = []
          let high = tf.scalar(-Infinity)
          let i = 0
          for (const value of x) {
            if (value.greater(high)) {
              high = value
              values.push(value)
              places.push(i)
            }
            i++
          }
          return [tf.stack(values), tf.stack(places)]
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain(peaks(tf.tensor([1, 3, 2, 5, 4, 9]))),
        expected: [
          [1, 3, 5, 9],
          [0, 1, 3, 5],
        ],
      }
    },
  ],
  [
    'a beam search of width two with lists of states',
    (options) => {
      const transition = tf
        .tensor([
          [0.1, 0.6, 0.3],
          [0.5, 0.2, 0.3],
          [0.3, 0.3, 0.4],
        ])
        .log()
      const search = tf.function(
        (steps: tf.Tensor) => {
          let beams = [tf.scalar(0, 'int32'), tf.scalar(2, 'int32')]
          let scores = [tf.scalar(0), tf.scalar(-0.5)]
          for (let t = 0; steps.greater(t); t++) {
            const table = tf.stack(
              beams.map((state, k) => tf.gather(transition, state).add(scores[k] as tf.Tensor)),
            )
            const flat = table.reshape([6])
            const first = tf.argMax(flat, 0)
            const rest = tf.where(tf.range(6).equal(first), -Infinity, flat)
            const second = tf.argMax(rest, 0)
            beams = [first.mod(3), second.mod(3)]
            scores = [flat.max(), rest.max()]
          }
          return { beams, scores }
        },
        options((s) => eval(s)),
      )
      const p = [
        [0.1, 0.6, 0.3],
        [0.5, 0.2, 0.3],
        [0.3, 0.3, 0.4],
      ].map((row) => row.map(Math.log))
      let beams = [0, 2]
      let scores = [0, -0.5]
      for (let t = 0; t < 5; t++) {
        const flat = beams.flatMap((state, k) => (p[state] ?? []).map((q) => q + (scores[k] ?? 0)))
        const order = flat.map((score, i) => [score, i] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1])
        beams = order.slice(0, 2).map(([, i]) => i % 3)
        scores = order.slice(0, 2).map(([score]) => score)
      }
      return { actual: plain(search(tf.scalar(5, 'int32'))), expected: { beams, scores } }
    },
  ],
  [
    'a scan with Variables: a bank account that refuses overdrafts',
    (options) => {
      const balance = tf.variable(10)
      const refused = tf.variable(0, { dtype: 'int32' })
      const post = tf.function(
        (amounts: tf.Tensor) => {
          const history: tf.Tensor[] = []
          for (const amount of amounts) {
            if (balance.add(amount).less(0)) {
              refused.assignAdd(1)
              continue
            }
            balance.assignAdd(amount)
            history.push(balance.value())
          }
          return tf.stack(history)
        },
        options((s) => eval(s)),
      )
      const first = plain(post(tf.tensor([5, -20, -15, 3])))
      return {
        actual: [first, plain(post(tf.tensor([-4, 2, 1, 1]))), plain([balance, refused])],
        expected: [
          [15, 0, 3],
          [5, 6, 7],
          [7, 2],
        ],
      }
    },
  ],
  [
    'binary search in a sorted tensor, and a two-pointer walk',
    (options) => {
      const way = options((s) => eval(s))
      const find = tf.function((xs: tf.Tensor, wanted: tf.Tensor) => {
        let low = 0
        let high = xs.shape[0] as number
        while (low < high) {
          const middle = Math.floor((low + high) / 2)
          if (tf.gather(xs, middle).less(wanted)) low = middle + 1
          else high = middle
        }
        return low
      }, way)
      const hasPair = tf.function((xs: tf.Tensor, sum: tf.Tensor) => {
        let [i, j] = [0, xs.size - 1]
        while (i < j) {
          const total = tf.gather(xs, i).add(tf.gather(xs, j))
          if (total.equal(sum)) return true
          if (total.less(sum)) i++
          else j--
        }
        return false
      }, way)
      const xs = tf.tensor([1, 3, 5, 7, 9, 11])
      return {
        actual: plain([
          [0, 3, 4, 12].map((x) => find(xs, tf.scalar(x))),
          [8, 20, 21].map((s) => hasPair(xs, tf.scalar(s))),
        ]),
        expected: [
          [0, 1, 2, 6],
          [1, 1, 0],
        ],
      }
    },
  ],
  [
    'bubble sort in a JavaScript array of tensors',
    (options) => {
      const sort = tf.function(
        (x: tf.Tensor) => {
          const xs = tf.unstack(x)
          for (let i = 0; i < xs.length; i++)
            for (let j = 0; j + 1 < xs.length - i; j++) {
              const [a, b] = [xs[j] as tf.Tensor, xs[j + 1] as tf.Tensor]
              if (a.greater(b)) [xs[j], xs[j + 1]] = [b, a]
            }
          return tf.stack(xs)
        },
        options((s) => eval(s)),
      )
      return { actual: plain(sort(tf.tensor([5, 1, 4, 2, 3]))), expected: [1, 2, 3, 4, 5] }
    },
  ],
  [
    'nested loops over rows and elements with break and continue',
    (options) => {
      const f = tf.function(
        (m: tf.Tensor) => {
          let sum = tf.scalar(0)
          rows: for (const row of m) {
            let seen = 0
            for (const x of row) {
              if (x.less(0)) continue rows
              if (x.equal(0)) break
              if (x.greater(100)) break rows
              sum = sum.add(x)
              seen++
            }
            sum = sum.add(seen * 10)
          }
          return sum
        },
        options((s) => eval(s)),
      )
      const twin = (m: readonly (readonly number[])[]): number => {
        let sum = 0
        rows: for (const row of m) {
          let seen = 0
          for (const x of row) {
            if (x < 0) continue rows
            if (x === 0) break
            if (x > 100) break rows
            sum += x
            seen++
          }
          sum += seen * 10
        }
        return sum
      }
      const inputs = [
        [
          [1, 2, 3],
          [4, -1, 5],
          [6, 0, 7],
        ],
        [
          [1, 1, 1],
          [2, 200, 2],
          [9, 9, 9],
        ],
      ]
      return { actual: plain(inputs.map((m) => f(tf.tensor(m)))), expected: inputs.map(twin) }
    },
  ],
]
