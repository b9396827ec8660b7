// Loops over small values, from the public functions to the kernels they become: values against plain JavaScript, and a
// golden text of the kernels (`UPDATE=1` rewrites it), in which a loop over scalars is one kernel without memory inside.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

const updating = process.env['UPDATE'] === '1'
const path = new URL('../golden/loops/loops.txt', import.meta.url)
const separator = /^# (.*)\n/m
const golden = new Map<string, string>()
const parts = readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split(separator)
for (let i = 1; i + 1 < parts.length; i += 2) golden.set(parts[i] ?? '', parts[i + 1] ?? '')
const shown = new Map<string, string>()

/** Compares the kernels of a function that has been called once with the golden text. */
function expectKernels(name: string, f: Parameters<typeof tf.debug.show>[0], count = 1): void {
  const text = `${tf.debug.show(f, 'loops').trim()}\n\n`
  expect(text.match(/^kernel @/gm)?.length ?? 0, text).toBe(count)
  shown.set(name, text)
  expect(text).toBe(updating ? text : golden.get(name))
}

afterAll(() => {
  if (updating) writeFileSync(path, [...shown].map(([name, text]) => `# ${name}\n${text}`).join(''))
})

const int = (value: number): tf.Tensor => tf.scalar(value, 'int32')
const items = (tensors: readonly tf.Tensor[]): number[] => tensors.map((tensor) => tensor.item())

describe('one kernel', () => {
  test('a counter and a value', () => {
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, x: tf.Tensor) => [i.add(1), x.mul(0.999).add(1)],
        [int(0), tf.scalar(0)],
      ),
    )
    for (const n of [0, 1, 7, 30000]) {
      let x = 0
      for (let i = 0; i < n; i++) x = Math.fround(Math.fround(x * Math.fround(0.999)) + 1)
      expect(items(f(int(n)))).toEqual([n, x])
    }
    expectKernels('a counter and a value', f)
  })

  test('Collatz: a branch, integer division, a remainder', () => {
    const f = tf.function((start: tf.Tensor) =>
      tf.whileLoop(
        (n: tf.Tensor) => n.greater(1),
        (n: tf.Tensor, steps: tf.Tensor) => [
          tf.cond(
            n.mod(2).equal(0),
            () => n.floorDiv(2),
            () => n.mul(3).add(1),
          ),
          steps.add(1),
        ],
        [start, int(0)],
      ),
    )
    const steps = [1, 2, 3, 27, 97, 871, 6171].map((n) => items(f(int(n)))[1])
    expect(steps).toEqual([0, 1, 7, 111, 118, 178, 261])
    expectKernels('Collatz', f)
  })

  test('Newton in float64, until it stands still', () => {
    const f = tf.function((a: tf.Tensor) =>
      tf.whileLoop(
        (x: tf.Tensor, before: tf.Tensor) => x.sub(before).abs().greater(1e-14),
        (x: tf.Tensor) => [x.add(a.div(x)).mul(0.5), x],
        [a, tf.zerosLike(a)],
      ),
    )
    for (const a of [2, 10, 1e-4]) {
      let [x, before] = [a, 0]
      while (Math.abs(x - before) > 1e-14) [x, before] = [(x + a / x) * 0.5, x]
      expect(items(f(tf.scalar(a, 'float64')))).toEqual([x, before])
    }
    expectKernels('Newton', f)
  })

  test('bisection: two branches that carry different variables', () => {
    const f = tf.function((target: tf.Tensor) =>
      tf.whileLoop(
        (low: tf.Tensor, high: tf.Tensor) => high.sub(low).greater(1e-9),
        (low: tf.Tensor, high: tf.Tensor) => {
          const middle = low.add(high).mul(0.5)
          return tf.cond(
            middle.mul(middle).mul(middle).less(target),
            () => [middle, high],
            () => [low, middle],
          )
        },
        [tf.scalar(0, 'float64'), tf.scalar(10, 'float64')],
      ),
    )
    let [low, high] = [0, 10]
    while (high - low > 1e-9) {
      const middle = (low + high) * 0.5
      if (middle * middle * middle < 20) low = middle
      else high = middle
    }
    expect(items(f(tf.scalar(20, 'float64')))).toEqual([low, high])
    expectKernels('bisection', f)
  })

  test('Mandelbrot: a loop in a loop, and elements of a vector', () => {
    const re = tf.tensor([-2, -0.75, -0.5, 0.1, 0.28, 0.4, -1.25, 0, 0.3], 'float64')
    const im = tf.tensor([0, 0.1, 0.5, 0.2, 0.53, 0.3, 0.02, 1, -0.5], 'float64')
    const f = tf.function((most: tf.Tensor) =>
      tf.whileLoop(
        (k: tf.Tensor) => k.less(9),
        (k: tf.Tensor, total: tf.Tensor) => {
          const [cx, cy] = [re.gather(k), im.gather(k)]
          const zero = tf.scalar(0, 'float64')
          const [i] = tf.whileLoop(
            (n: tf.Tensor, x: tf.Tensor, y: tf.Tensor) =>
              n.less(most).logicalAnd(x.mul(x).add(y.mul(y)).lessEqual(4)),
            (n: tf.Tensor, x: tf.Tensor, y: tf.Tensor) => [
              n.add(1),
              x.mul(x).sub(y.mul(y)).add(cx),
              x.mul(y).mul(2).add(cy),
            ],
            [int(0), zero, zero],
          )
          return [k.add(1), total.mul(3).add(i as tf.Tensor)]
        },
        [int(0), int(0)],
      ),
    )
    const expected = (most: number): number => {
      let total = 0
      re.data().forEach((cx, k) => {
        const cy = im.data()[k] ?? 0
        let [n, x, y] = [0, 0, 0]
        while (n < most && x * x + y * y <= 4) [n, x, y] = [n + 1, x * x - y * y + cx, x * y * 2 + cy]
        total = (Math.imul(total, 3) + n) | 0
      })
      return total
    }
    for (const most of [0, 10, 500, 20000]) expect(items(f(int(most)))[1]).toBe(expected(most))
    expectKernels('Mandelbrot', f)
  })

  test('an element per iteration, whose index is checked there', () => {
    const x = tf.variable([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], { name: 'x' })
    const f = tf.function((n: tf.Tensor) => {
      const values = x.value()
      return tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, s: tf.Tensor) => [i.add(1), s.add(values.gather(i))],
        [int(0), tf.scalar(0)],
      )
    })
    expect(items(f(int(10)))).toEqual([10, 55])
    expect(() => f(int(11))).toThrow(/gather: indices\[\] .*is not in \[0, 10\)/)
    expect(items(f(int(4)))).toEqual([4, 10])
    x.assign(x.mul(2))
    expect(items(f(int(10)))).toEqual([10, 110])
    expectKernels('elements', f)
  })

  test('an assertion in a loop quotes what it has got to', () => {
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, x: tf.Tensor) => {
          tf.assert(x.less(1000), 'too large', i, x)
          return [i.add(1), x.mul(2)]
        },
        [int(0), tf.scalar(1)],
      ),
    )
    expect(items(f(int(5)))).toEqual([5, 32])
    expect(() => f(int(50))).toThrow(/1024/)
    expectKernels('assertion', f)
  })

  test('a failure leaves the variables that are assigned afterwards as they were', () => {
    const total = tf.variable(1, { name: 'total' })
    const calls = tf.variable(0, { name: 'calls', dtype: 'int32' })
    const f = tf.function((n: tf.Tensor) => {
      calls.assignAdd(1)
      const [, x] = tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, value: tf.Tensor) => {
          tf.assert(i.less(10), 'too many')
          return [i.add(1), value.add(2)]
        },
        [int(0), total.value()],
      )
      total.assign(x as tf.Tensor)
    })
    f(int(3))
    expect([total.value().item(), calls.value().item()]).toEqual([7, 1])
    expect(() => f(int(20))).toThrow(/too many/)
    expect([total.value().item(), calls.value().item()]).toEqual([7, 2])
    f(int(1))
    expect([total.value().item(), calls.value().item()]).toEqual([9, 3])
  })

  test('values that change places', () => {
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => [i.add(1), b, a.add(b)],
        [int(0), int(0), int(1)],
      ),
    )
    expect(items(f(int(40)))).toEqual([40, 102334155, 165580141])
    expectKernels('Fibonacci', f)
  })

  test('short vectors and a matrix', () => {
    const a = tf.tensor([1, 0.25, 0, 0.25, 1, 0.25, 0, 0.25, 1], [3, 3])
    const f = tf.function((start: tf.Tensor) => {
      const [, x] = tf.whileLoop(
        (i: tf.Tensor) => i.less(20),
        (i: tf.Tensor, v: tf.Tensor) => {
          const product = tf.matVec(a, v)
          return [i.add(1), product.div(product.abs().max())]
        },
        [int(0), start],
      )
      return x as tf.Tensor
    })
    let v = [1, 2, 3]
    for (let i = 0; i < 20; i++) {
      const [p, q, r] = v as [number, number, number]
      const product = [p + q / 4, p / 4 + q + r / 4, q / 4 + r]
      const largest = Math.max(...product)
      v = product.map((value) => value / largest)
    }
    const result = f(tf.tensor([1, 2, 3])).data()
    v.forEach((value, i) => expect(result[i]).toBeCloseTo(value, 5))
    expectKernels('power iteration', f)
  })
})

describe('more than one', () => {
  test('a print keeps a loop out of a kernel, and joins what is beside it', () => {
    const lines: string[] = []
    const f = tf.function((n: tf.Tensor) =>
      tf.whileLoop(
        (i: tf.Tensor) => i.less(n),
        (i: tf.Tensor, x: tf.Tensor) => {
          const y = tf.cond(
            x.greater(10),
            () => x.sub(10),
            () => x.mul(3),
          )
          tf.print(y, { sink: (line: string) => void lines.push(line) })
          return [i.add(1), y]
        },
        [int(0), tf.scalar(2)],
      ),
    )
    expect(items(f(int(5)))).toEqual([5, 14])
    expect(lines.map(Number)).toEqual([6, 18, 8, 24, 14])
  })

  test('what is too long for one function stays a kernel of its own', () => {
    const f = tf.function((start: tf.Tensor) =>
      tf.whileLoop(
        (i: tf.Tensor) => i.less(3),
        (i: tf.Tensor, x: tf.Tensor) => [i.add(1), x.mul(2).add(1)],
        [int(0), start],
      ),
    )
    const [i, x] = f(tf.ones([40000]))
    expect(i?.item()).toBe(3)
    expect(new Set(x?.data())).toEqual(new Set([15]))
    expect(tf.debug.show(f, 'loops')).not.toMatch(/while/)
  })
})
