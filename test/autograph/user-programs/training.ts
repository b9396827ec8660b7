// oxlint-disable no-eval -- the thunk has to be written where the functions are
// Training as tutorials write it: loops, early stopping, clipping and alternating steps inside one traced call.
import * as tf from '../../../src/node.ts'
import { type Program, plain } from './program.ts'

/** A line through four points, by gradient descent on plain numbers. */
function descend(epochs: number, rate: number, patience: number): { w: number; b: number; used: number } {
  const [xs, ys] = [
    [0, 1, 2, 3],
    [1, 3, 5, 7],
  ]
  let [w, b, best, wait, used] = [0, 0, Infinity, 0, 0]
  for (let epoch = 0; epoch < epochs; epoch++) {
    const errors = xs.map((x, i) => w * x + b - (ys[i] ?? 0))
    const loss = errors.reduce((sum, e) => sum + e * e, 0) / 4
    w -= (rate * 2 * errors.reduce((sum, e, i) => sum + e * (xs[i] ?? 0), 0)) / 4
    b -= (rate * 2 * errors.reduce((sum, e) => sum + e, 0)) / 4
    used++
    if (loss < best - 1e-3) {
      best = loss
      wait = 0
    } else if (++wait >= patience) break
  }
  return { w, b, used }
}

export const training: readonly Program[] = [
  [
    'training with early stopping inside one call',
    (options) => {
      const [w, b] = [tf.variable(0), tf.variable(0)]
      const fit = tf.function(
        (x: tf.Tensor, y: tf.Tensor, epochs: tf.Tensor) => {
          let best = tf.scalar(Infinity)
          let wait = 0
          let used = 0
          for (let epoch = 0; epochs.greater(epoch); epoch++) {
            const tape = new tf.GradientTape()
            const loss = tape.record(() => w.mul(x).add(b).sub(y).square().mean())
            const [dw, db] = tape.gradient(loss, [w, b] as const)
            if (dw === null || db === null) throw new Error('no gradient')
            w.assignSub(dw.mul(0.1))
            b.assignSub(db.mul(0.1))
            used++
            if (loss.less(best.sub(1e-3))) {
              best = loss
              wait = 0
            } else if (++wait >= 3) break
          }
          return used
        },
        options((s) => eval(s)),
      )
      const used = fit(tf.tensor([0, 1, 2, 3]), tf.tensor([1, 3, 5, 7]), tf.scalar(500, 'int32'))
      return { actual: plain({ w, b, used }), expected: descend(500, 0.1, 3) }
    },
  ],
  [
    'gradient clipping by a condition, in a class with private fields',
    (options) => {
      class Trainer {
        readonly #w = tf.variable([3, 4])
        readonly limit = 1
        #clipped = tf.variable(0, { trainable: false })
        get weights(): tf.Variable {
          return this.#w
        }
        get clipped(): tf.Variable {
          return this.#clipped
        }
        #clip(g: tf.Tensor): tf.Tensor {
          const norm = g.square().sum().sqrt()
          if (norm.greater(this.limit)) {
            this.#clipped.assignAdd(1)
            return g.mul(this.limit).div(norm)
          }
          return g
        }
        step(rate: tf.Tensor): tf.Tensor {
          const { value, grad } = tf.valueAndGrad((w: tf.Tensor) => w.square().sum())(this.#w.value())
          this.#w.assignSub(this.#clip(grad).mul(rate))
          return value
        }
        readonly run = tf.function(
          (rate: tf.Tensor) => this.step(rate),
          options((s) => eval(s)),
        )
      }
      const trainer = new Trainer()
      const step = trainer.run
      for (let i = 0; i < 20; i++) step(tf.scalar(0.3))
      let w = [3, 4]
      let clipped = 0
      for (let i = 0; i < 20; i++) {
        const g = w.map((x) => 2 * x)
        const norm = Math.hypot(...g)
        if (norm > 1) clipped++
        w = w.map((x, k) => x - (0.3 * (g[k] ?? 0)) / Math.max(norm, 1))
      }
      return {
        actual: [plain(trainer.weights), plain(trainer.clipped), step.traceCount],
        expected: [w, clipped, 1],
      }
    },
  ],
  [
    'alternating steps, as of a GAN, with an optimizer each',
    (options) => {
      const [g, d] = [tf.variable(2), tf.variable(-1)]
      const optimizers = { g: tf.optimizers.sgd(0.1), d: tf.optimizers.sgd(0.2) }
      const run = tf.function(
        (rounds: tf.Tensor) => {
          for (let i = 0; rounds.greater(i); i++) {
            const tape = new tf.GradientTape()
            if (i % 3 === 2) {
              const loss = tape.record(() => g.mul(d).add(g.square()))
              optimizers.g.applyGradients([[tape.gradient(loss, g), g]])
            } else {
              const loss = tape.record(() => d.sub(g).square())
              optimizers.d.applyGradients([[tape.gradient(loss, d), d]])
            }
          }
        },
        options((s) => eval(s)),
      )
      run(tf.scalar(10, 'int32'))
      let [x, y] = [2, -1]
      for (let i = 0; i < 10; i++)
        if (i % 3 === 2) x -= 0.1 * (y + 2 * x)
        else y -= 0.4 * (y - x)
      return { actual: plain([g, d]), expected: [x, y] }
    },
  ],
  [
    'a learning rate that halves on plateaus, and what is best kept',
    (options) => {
      const w = tf.variable(5)
      const best = tf.variable(Infinity, { trainable: false })
      const kept = tf.variable(0, { trainable: false })
      const train = tf.function(
        (steps: tf.Tensor) => {
          let rate = tf.scalar(1.2)
          let bad = 0
          for (const _ of tf.range(50)) {
            if (bad > 1) {
              rate = rate.mul(0.5)
              bad = 0
            }
            const loss = w.square()
            if (loss.less(best)) {
              best.assign(loss)
              kept.assign(w)
            } else bad++
            w.assignSub(w.mul(2).mul(rate))
            if (steps.lessEqual(0) || loss.less(1e-3)) break
            steps = steps.sub(1)
          }
          return [rate, steps]
        },
        options((s) => eval(s)),
      )
      let [x, low, at, rate, bad, steps] = [5, Infinity, 0, 1.2, 0, 20]
      for (let i = 0; i < 50; i++) {
        if (bad > 1) {
          rate *= 0.5
          bad = 0
        }
        const loss = x * x
        if (loss < low) {
          low = loss
          at = x
        } else bad++
        x -= 2 * x * rate
        if (steps <= 0 || loss < 1e-3) break
        steps--
      }
      return { actual: plain([train(tf.scalar(20)), w, best, kept]), expected: [[rate, steps], x, low, at] }
    },
  ],
  [
    'minibatches of a tensor, the last one short',
    (options) => {
      const w = tf.variable(0)
      const epoch = tf.function(
        (x: tf.Tensor, size: number) => {
          let batches = 0
          const losses: tf.Tensor[] = []
          for (let start = 0; start < 7; start += size) {
            const batch = x.slice([start], [Math.min(size, 7 - start)])
            const loss = batch.sub(w).square().mean()
            if (loss.greater(0.5)) w.assignAdd(batch.sub(w).mean().mul(0.5))
            losses.push(loss)
            batches++
          }
          return { losses: tf.stack(losses), batches }
        },
        options((s) => eval(s)),
      )
      const xs = [1, 2, 3, 4, 5, 6, 7]
      let m = 0
      const losses: number[] = []
      for (let start = 0; start < 7; start += 3) {
        const batch = xs.slice(start, start + 3)
        const loss = batch.reduce((sum, x) => sum + (x - m) ** 2, 0) / batch.length
        if (loss > 0.5) m += 0.5 * (batch.reduce((sum, x) => sum + x, 0) / batch.length - m)
        losses.push(loss)
      }
      return { actual: plain([epoch(tf.tensor(xs), 3), w]), expected: [{ losses, batches: 3 }, m] }
    },
  ],
  [
    'gradients of a loop with respect to captured Variables, and the second derivative',
    (options) => {
      const a = tf.variable(0.5)
      const iterate = tf.function(
        (x: tf.Tensor, n: tf.Tensor) => {
          let y = x
          for (let i = 0; n.greater(i); i++) {
            if (y.greater(4)) y = y.mul(0.5)
            else y = y.mul(a).add(y.square().mul(0.25))
          }
          return y
        },
        options((s) => eval(s)),
      )
      const twin = (x: number, w: number): number => {
        let y = x
        for (let i = 0; i < 4; i++) y = y > 4 ? y * 0.5 : y * w + 0.25 * y * y
        return y
      }
      const [outer, inner] = [new tf.GradientTape(), new tf.GradientTape()]
      const x = tf.scalar(2.5)
      const first = outer.record(() => {
        outer.watch(x)
        const y = inner.record(() => {
          inner.watch(x)
          return iterate(x, tf.scalar(4, 'int32'))
        })
        return inner.gradient(y, [x, a]) as tf.Tensor[]
      })
      const second = outer.gradient(first[0] as tf.Tensor, [x, a])
      const e = 1e-4
      const dx = (v: number, w: number): number => (twin(v + e, w) - twin(v - e, w)) / (2 * e)
      return {
        actual: plain([first, second]),
        expected: [
          [dx(2.5, 0.5), (twin(2.5, 0.5 + e) - twin(2.5, 0.5 - e)) / (2 * e)],
          [(dx(2.5 + e, 0.5) - dx(2.5 - e, 0.5)) / (2 * e), (dx(2.5, 0.5 + e) - dx(2.5, 0.5 - e)) / (2 * e)],
        ],
      }
    },
  ],
  [
    'a step with metrics, assertions and prints in its loop',
    (options) => {
      const lines: string[] = []
      const total = tf.variable(0, { trainable: false })
      const consume = tf.function(
        (x: tf.Tensor) => {
          for (const value of x) {
            tf.assert(value.greaterEqual(0), 'values must not be negative')
            if (value.greater(2)) tf.print('large', value, { sink: (line: string) => void lines.push(line) })
            total.assignAdd(value)
          }
          return total.value()
        },
        options((s) => eval(s)),
      )
      const first = consume(tf.tensor([1, 3, 5]))
      let message = ''
      try {
        consume(tf.tensor([4, -1, 7]))
      } catch (error) {
        message = error instanceof tf.CheckError ? String(error.message.includes('negative')) : String(error)
      }
      return {
        actual: [plain(first), lines, message, plain(total)],
        expected: [9, ['large 3', 'large 5', 'large 4'], 'true', 13],
      }
    },
  ],
]
