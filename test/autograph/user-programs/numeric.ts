// oxlint-disable no-eval -- the thunk has to be written where the functions are
// Numerical methods, as textbooks and tutorials write them.
import * as tf from '../../../src/node.ts'
import { type Program, plain } from './program.ts'

export const numeric: readonly Program[] = [
  [
    'Newton until the step is small',
    (options) => {
      const tolerance = 1e-5
      const root = tf.function(
        (a: tf.Tensor) => {
          let x = a.maximum(1)
          let step = x
          let count = 0
          while (step.abs().greater(tolerance)) {
            step = x.square().sub(a).div(x.mul(2))
            x = x.sub(step)
            count++
          }
          return { x, count }
        },
        options((s) => eval(s)),
      )
      const twin = (a: number): { x: number; count: number } => {
        let x = Math.max(a, 1)
        let step = x
        let count = 0
        while (Math.abs(step) > tolerance) {
          step = (x * x - a) / (2 * x)
          x -= step
          count++
        }
        return { x, count }
      }
      const actual = [2, 9, 0.25].map((a) => plain(root(tf.scalar(a))))
      return { actual: [actual, root.traceCount], expected: [[2, 9, 0.25].map(twin), 1] }
    },
  ],
  [
    'bisection of a function that is passed in',
    (options) => {
      const bisect = tf.function(
        (f: (x: tf.Tensor) => tf.Tensor, low: tf.Tensor, high: tf.Tensor) => {
          for (let i = 0; i < 100; i++) {
            if (high.sub(low).less(1e-4)) break
            const middle = low.add(high).div(2)
            const value = f(middle)
            if (value.equal(0)) return middle
            if (value.sign().equal(f(low).sign())) low = middle
            else high = middle
          }
          return low.add(high).div(2)
        },
        { ...options((s) => eval(s)), onRetrace: 'off' },
      )
      const cubic = (x: tf.Tensor): tf.Tensor => x.pow(3).sub(x).sub(2)
      const line = (x: tf.Tensor): tf.Tensor => x.sub(0.5)
      return {
        actual: plain([bisect(cubic, tf.scalar(1), tf.scalar(2)), bisect(line, tf.scalar(0), tf.scalar(1))]),
        expected: [1.5213797, 0.5],
      }
    },
  ],
  [
    'backtracking line search in gradient descent',
    (options) => {
      const minimize = tf.function(
        (start: tf.Tensor) => {
          const f = (p: tf.Tensor): tf.Tensor =>
            p
              .sub(tf.tensor([1, -2]))
              .square()
              .mul(tf.tensor([1, 10]))
              .sum()
          let p = start
          let evaluations = 0
          for (let k = 0; k < 200; k++) {
            const g = tf.grad(f)(p)
            const norm = g.square().sum()
            if (norm.less(1e-8)) break
            let t = tf.scalar(1)
            while (f(p.sub(g.mul(t))).greater(f(p).sub(t.mul(norm).mul(0.3)))) {
              t = t.mul(0.5)
              evaluations += 1
            }
            p = p.sub(g.mul(t))
          }
          return [p, evaluations]
        },
        options((s) => eval(s)),
      )
      const [p, evaluations] = minimize(tf.tensor([4, 3])) as [tf.Tensor, tf.Tensor]
      return {
        actual: [plain(p), evaluations.item() > 3, evaluations.dtype],
        expected: [[1, -2], true, 'int32'],
      }
    },
  ],
  [
    'power iteration until the eigenvalue stands still',
    (options) => {
      const power = tf.function(
        (a: tf.Tensor) => {
          let v = tf.ones([2, 1])
          let before = tf.scalar(0)
          let value = tf.scalar(1)
          let steps = 0
          do {
            before = value
            const w = a.matMul(v)
            value = w.square().sum().sqrt()
            v = w.div(value)
            steps++
          } while (value.sub(before).abs().greater(1e-6) && steps < 1000)
          return { value, v: v.reshape([2]), steps: steps < 1000 }
        },
        options((s) => eval(s)),
      )
      const h = Math.SQRT1_2
      return {
        actual: plain(
          power(
            tf.tensor([
              [2, 1],
              [1, 2],
            ]),
          ),
        ),
        expected: { value: 3, v: [h, h], steps: 1 },
      }
    },
  ],
  [
    'Fibonacci, Collatz, greatest common divisor',
    (options) => {
      const way = options((s) => eval(s))
      const fibonacci = tf.function((n: tf.Tensor) => {
        let [a, b] = [tf.scalar(0, 'int32'), tf.scalar(1, 'int32')]
        for (let i = 0; n.greater(i); i++) [a, b] = [b, a.add(b)]
        return a
      }, way)
      const collatz = tf.function((n: tf.Tensor) => {
        let steps = 0
        while (!n.equal(1)) {
          n = n.mod(2).equal(0) ? n.floorDiv(2) : n.mul(3).add(1)
          steps++
        }
        return steps
      }, way)
      const gcd = tf.function((a: tf.Tensor, b: tf.Tensor) => {
        while (b.notEqual(0)) [a, b] = [b, a.mod(b)]
        return a
      }, way)
      const i32 = (n: number): tf.Tensor => tf.scalar(n, 'int32')
      return {
        actual: plain([
          [0, 1, 2, 10, 30].map((n) => fibonacci(i32(n))),
          [1, 6, 27].map((n) => collatz(i32(n))),
          gcd(i32(84), i32(36)),
        ]),
        expected: [[0, 1, 1, 55, 832040], [0, 8, 111], 12],
      }
    },
  ],
  [
    'primes by trial division, with a labelled continue',
    (options) => {
      const primesBelow = tf.function(
        (n: tf.Tensor) => {
          let [count, sum] = [0, 0]
          let candidate = 1
          next: while (n.greater(candidate + 1)) {
            candidate++
            for (let d = 2; d * d <= candidate; d++) {
              if (candidate % d === 0) continue next
            }
            count++
            sum += candidate
          }
          return [count, sum]
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain([primesBelow(tf.scalar(30, 'int32')), primesBelow(tf.scalar(100, 'int32'))]),
        expected: [
          [10, 129],
          [25, 1060],
        ],
      }
    },
  ],
  [
    'k-means until no assignment changes',
    (options) => {
      const points = [
        [0, 0],
        [0, 1],
        [1, 0],
        [9, 9],
        [9, 8],
        [8, 9],
      ]
      const kMeans = tf.function(
        (x: tf.Tensor, start: tf.Tensor) => {
          let centers = start
          let labels = tf.zeros([6], 'int32')
          let isMoving = true
          let rounds = 0
          while (isMoving) {
            const distances = x.expandDims(1).sub(centers.expandDims(0)).square().sum(2)
            const next = distances.argMin(1)
            const oneHot = tf.oneHot(next, 2)
            centers = oneHot.transpose().matMul(x).div(oneHot.sum(0).maximum(1).expandDims(1))
            isMoving = tf.any(next.notEqual(labels))
            labels = next
            rounds++
          }
          return { centers, labels, rounds }
        },
        options((s) => eval(s)),
      )
      return {
        actual: plain(
          kMeans(
            tf.tensor(points),
            tf.tensor([
              [0, 0],
              [1, 1],
            ]),
          ),
        ),
        expected: {
          centers: [
            [1 / 3, 1 / 3],
            [26 / 3, 26 / 3],
          ],
          labels: [0, 0, 0, 1, 1, 1],
          rounds: 2,
        },
      }
    },
  ],
  [
    'a while over floats with a step size that adapts (Euler)',
    (options) => {
      const decay = tf.function(
        (rate: tf.Tensor) => {
          let [t, y, h] = [tf.scalar(0), tf.scalar(1), tf.scalar(0.1)]
          let rejected = 0
          while (t.less(1)) {
            if (t.add(h).greater(1)) h = tf.scalar(1).sub(t)
            const one = y.sub(rate.mul(y).mul(h))
            const half = y.sub(rate.mul(y).mul(h).div(2))
            const two = half.sub(rate.mul(half).mul(h).div(2))
            if (two.sub(one).abs().greater(1e-3)) {
              h = h.div(2)
              rejected++
              continue
            }
            t = t.add(h)
            y = two
            if (two.sub(one).abs().less(1e-4)) h = h.mul(2)
          }
          return { y, rejected }
        },
        options((s) => eval(s)),
      )
      const twin = (rate: number): { y: number; rejected: number } => {
        const f = Math.fround
        let [t, y, h, rejected] = [0, 1, f(0.1), 0]
        while (t < 1) {
          if (f(t + h) > 1) h = f(1 - t)
          const one = f(y - f(f(rate * y) * h))
          const half = f(y - f(f(f(rate * y) * h) / 2))
          const two = f(half - f(f(f(rate * half) * h) / 2))
          if (Math.abs(f(two - one)) > f(1e-3)) {
            h = f(h / 2)
            rejected++
            continue
          }
          t = f(t + h)
          y = two
          if (Math.abs(f(two - one)) < f(1e-4)) h = f(h * 2)
        }
        return { y, rejected }
      }
      return { actual: plain([decay(tf.scalar(1)), decay(tf.scalar(3))]), expected: [twin(1), twin(3)] }
    },
  ],
]
