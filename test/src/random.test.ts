// tf.random: known answers, TensorFlow's values, repeatability, the same numbers eagerly and traced, and distributions.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'
import { randomBits } from '../../tracer/ops/random.ts'

const { random } = tf

/** One block of Philox-4x32-10 in BigInt: the independent reference. */
function philox(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn
  let x = counter.map((word) => BigInt(word >>> 0))
  let k = key.map((word) => BigInt(word >>> 0))
  for (let round = 0; round < 10; round++) {
    const [x0 = 0n, x1 = 0n, x2 = 0n, x3 = 0n] = x
    const [k0 = 0n, k1 = 0n] = k
    const p0 = x0 * 0xd2511f53n
    const p1 = x2 * 0xcd9e8d57n
    x = [(p1 >> 32n) ^ x1 ^ k0, p1 & mask, (p0 >> 32n) ^ x3 ^ k1, p0 & mask]
    k = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask]
  }
  return x.map((word) => Number(word) | 0)
}

function words(x: tf.Tensor): number[] {
  return Array.from(x.data())
}

/** Largest distance between the sample's distribution function and `cdf` (Kolmogorov and Smirnov's statistic). */
function distance(sample: tf.Tensor, cdf: (x: number) => number): number {
  const sorted = words(sample).sort((a, b) => a - b)
  return Math.max(
    ...sorted.map((x, i) =>
      Math.max(Math.abs(cdf(x) - i / sorted.length), Math.abs(cdf(x) - (i + 1) / sorted.length)),
    ),
  )
}

/** Abramowitz & Stegun 7.1.26, absolute error 1.5e-7. */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * z)
  const tail =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    Math.exp(-z * z)
  return x < 0 ? tail / 2 : 1 - tail / 2
}

describe('Philox-4x32-10', () => {
  it('meets the published known answers', () => {
    const cases: readonly (readonly [counter: number[], key: number[], output: number[]])[] = [
      [
        [0, 0, 0, 0],
        [0, 0],
        [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
      ],
      [
        [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
        [0xffffffff, 0xffffffff],
        [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
      ],
      [
        [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        [0xa4093822, 0x299f31d0],
        [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      ],
    ]
    for (const [counter, key, output] of cases) {
      const wrapped = (list: number[]): number[] => list.map((word) => word | 0)
      expect(words(randomBits(wrapped(key), wrapped(counter), [4]))).toEqual(wrapped(output))
      expect(philox(counter, key)).toEqual(wrapped(output))
    }
  })

  it('takes further blocks from the counters that follow, with carries', () => {
    const drawn = words(randomBits([7, -9], [-1, -1, 4, 0], [3, 3]))
    expect(drawn).toEqual(
      [
        ...philox([-1, -1, 4, 0], [7, -9]),
        ...philox([0, 0, 5, 0], [7, -9]),
        ...philox([1, 0, 5, 0], [7, -9]),
      ].slice(0, 9),
    )
  })
})

describe('generators', () => {
  it('give the normal numbers of TensorFlow 2.21 for from_seed(1)', () => {
    const g = random.generator(1)
    expect(g.normal([]).item()).toBeCloseTo(0.43842274, 6)
    g.reset(1)
    expect(g.normal([3]).data()[0]).toBeCloseTo(0.43842274, 6)
  })

  it('go on with the numbers of TensorFlow 2.21, of every kind', () => {
    const g = random.generator(1)
    const near = (values: number[]): number[] => values.map((x) => expect.closeTo(x, 6) as number)
    expect(words(g.uniform([3]))).toEqual(near([0.78749514, 0.3906511, 0.29263055]))
    expect(words(g.state.value())).toEqual([769, 0, 0, 0, 0, 0])
    expect(words(g.bits([2]))).toEqual([-2024220317, 107206807])
    expect(words(g.counter)).toEqual([1281, 0, 0, 0])
    g.reset(1)
    expect(words(g.uniform([4], 0, 10, 'int32'))).toEqual([4, 9, 3, 3])
    g.reset(1)
    g.skip(3)
    expect(words(g.counter)).toEqual([769, 0, 0, 0])
    g.reset(1)
    const keys = g.split(2).map(({ key }) => words(key).map((word, i) => (i === 0 ? word >>> 0 : word)))
    expect(keys.map(([low = 0, high = 0]) => (BigInt(high) << 32n) + BigInt(low))).toEqual([
      6679402142117448868n,
      684265014234019051n,
    ])
    expect(words(g.counter)).toEqual([513, 0, 0, 0])
    expect(words(random.generator(2 ** 40 + 5).counter)).toEqual([5, 256, 0, 0])
    const seventh = random.Generator.fromState([1, 0, 0, 0, 7, 0])
    expect(words(seventh.uniform([2]))).toEqual(near([0.36372697, 0.18542707]))
    expect(words(seventh.key)).toEqual([7, 0])
    expect(seventh.algorithm).toBe('philox')
  })

  it('begin where another is, or at a place that is given', () => {
    const g = random.generator(5)
    g.normal([3])
    const copy = random.Generator.fromState(g.state)
    const other = random.Generator.fromKeyCounter(g.key, g.counter)
    const expected = words(g.uniform([4]))
    expect(words(copy.uniform([4]))).toEqual(expected)
    expect(words(other.uniform([4]))).toEqual(expected)
    other.resetFromKeyCounter([0, 0], [5, 0, 0, 0])
    g.reset(5)
    expect(words(other.bits([2]))).toEqual(words(g.bits([2])))
    expect(words(random.Generator.fromSeed(5).bits([2]))).toEqual(words(random.generator(5).bits([2])))
    expect(words(random.Generator.fromNonDeterministicState().bits([2]))).not.toEqual(
      words(random.Generator.fromNonDeterministicState().bits([2])),
    )
    expect(() => random.Generator.fromState([1, 2])).toThrow(/it takes 6 words[\s\S]*i32\[2\]/)
    expect(() => random.Generator.fromKeyCounter([1], [1, 2, 3, 4])).toThrow(/it takes 2 words/)
    expect(() => g.skip(-1)).toThrow(/the count is -1/)
  })

  it('skip in traced functions what they skip eagerly, also past a word', () => {
    const [eager, traced] = [random.generator(0), random.generator(0)]
    for (const g of [eager, traced]) g.state.assign([-5, -1, 3, 0, 1, 2])
    const count = 2 ** 26 + 3
    eager.skip(count)
    tf.function(() => traced.skip(count))()
    expect(words(traced.state.value())).toEqual(words(eager.state.value()))
    expect(words(eager.state.value())).toEqual([763, 4, 4, 0, 1, 2])
  })

  it('move their state past what was drawn, the same eagerly and traced, with carries', () => {
    for (const counter of [
      [5, 0, 0, 0],
      [-2, -1, -1, 3],
      [0x7fffffff, 0, 0, 0],
      [-1, 0x7fffffff, 0, 0],
    ]) {
      const draw = (g: InstanceType<typeof random.Generator>): tf.Tensor => g.bits([9])
      const eager = random.generator(0)
      const traced = random.generator(0)
      for (const g of [eager, traced]) g.state.assign([...counter, 11, 12])
      const f = tf.function(() => draw(traced))
      const value = counter.reduceRight((sum, word) => (sum << 32n) + BigInt(word >>> 0), 0n) + 9n * 256n
      const expected = [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffffffffn) | 0)
      expect(words(f())).toEqual(words(draw(eager)))
      expect(words(eager.state.value())).toEqual([...expected, 11, 12])
      expect(words(traced.state.value())).toEqual([...expected, 11, 12])
    }
  })

  it('are captured by reference: two calls differ, reset repeats the first', () => {
    const g = random.generator(1)
    const f = tf.function(() => g.normal([4]))
    const first = words(f())
    expect(words(f())).not.toEqual(first)
    g.reset(1)
    expect(words(f())).toEqual(first)
    expect(f.traceCount).toBe(1)
  })

  it('split into unrelated ones', () => {
    const parts = random.generator(3).split(3)
    const again = random.generator(3).split(3)
    const draws = parts.map((g) => words(g.bits([8])))
    expect(again.map((g) => words(g.bits([8])))).toEqual(draws)
    expect(new Set(draws.flat()).size).toBe(24)
  })

  it('refuse seeds that are no integers', () => {
    expect(() => random.generator(1.5)).toThrow(/the seed is 1.5/)
    expect(() => random.setSeed(Number.NaN)).toThrow(/the seed is NaN/)
  })
})

describe('the shared sequence', () => {
  it('repeats after setSeed and differs otherwise', () => {
    random.setSeed(1)
    const a = words(random.uniform([5]))
    const b = words(random.uniform([5]))
    random.setSeed(1)
    expect(words(random.uniform([5]))).toEqual(a)
    expect(b).not.toEqual(a)
    random.setSeed(2)
    expect(words(random.uniform([5]))).not.toEqual(a)
  })

  it('is drawn from anew by every call of a traced function, which repeats after setSeed', () => {
    const f = tf.function(() => [random.uniform([]), random.uniform([])])
    const call = (): number[] => f().map((x) => x.item())
    random.setSeed(7)
    const first = call()
    const second = call()
    expect(new Set([...first, ...second]).size).toBe(4)
    random.setSeed(7)
    expect([call(), call()]).toEqual([first, second])
    expect(f.traceCount).toBe(1)
  })

  it('gives every kind of number the same eagerly and traced, from a generator', () => {
    const g = random.generator(4)
    const all = (): tf.Tensor[] => [
      g.uniform([3]),
      g.uniform([2, 3], -1, 4),
      g.uniform([5], 0, 10, 'int32'),
      g.uniform([3], 0, 2, 'float64'),
      g.normal([7], 1, 2),
      g.normal([3], 0, 1, 'float64'),
      g.truncatedNormal([4, 1]),
      g.bernoulli([6], 0.3),
      g.uniform([2], [0, 10], [1, 11]),
      g.exponential([3], 2),
      g.categorical([[0.1, 0.5, 0.2]], 5),
      g.permutation(7),
      g.shuffle([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ]
    const eager = all().map((x) => x.array())
    g.reset(4)
    expect(
      tf
        .function(all)()
        .map((x) => x.array()),
    ).toEqual(eager)
  })

  it('moves a generator by the sizes of the call where they are unknown while tracing', () => {
    const g = random.generator(9)
    const f = tf.function((x: tf.Tensor) => [g.normal(x.shape), g.shuffle(x)], {
      inputSignature: [tf.spec([null, 3])],
    })
    const call = (rows: number): unknown => f(counting(rows)).map((x) => x.array())
    const counting = (rows: number): tf.Tensor => tf.range(0, rows * 3, 1, 'float32').reshape([rows, 3])
    const traced = [call(3), call(1), g.uniform([]).array()]
    g.reset(9)
    const eager = (rows: number): unknown => [g.normal([rows, 3]).array(), g.shuffle(counting(rows)).array()]
    expect([eager(3), eager(1), g.uniform([]).array()]).toEqual(traced)
    expect(f.traceCount).toBe(1)
  })

  it('permutes and shuffles, in traced functions too', () => {
    random.setSeed(2)
    const sorted = (x: tf.Tensor): number[] => words(x).toSorted((a, b) => a - b)
    const order = random.permutation(100)
    expect(sorted(order)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(words(order)).not.toEqual(sorted(order))
    random.setSeed(2)
    expect(words(random.permutation(100))).toEqual(words(order))
    const f = tf.function(() => random.permutation(50))
    const [first, second] = [f(), f()]
    expect(sorted(first)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(words(second)).not.toEqual(words(first))
    const rows = random
      .shuffle([
        [1, 10],
        [2, 20],
        [3, 30],
      ])
      .array() as number[][]
    expect(rows.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0))).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ])
    expect(random.permutation(0).shape).toEqual([0])
    expect(() => random.shuffle(1)).toThrow(/a scalar has no rows/)
    expect(() => random.permutation(1.5)).toThrow(/the count is 1.5/)
  })

  it('permutes without preference', () => {
    random.setSeed(0)
    const counts = new Map<string, number>()
    for (let i = 0; i < 1200; i++) {
      const order = words(random.permutation(3)).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    const squares = [...counts.values()].map((count) => (count - 200) ** 2 / 200)
    expect(counts.size).toBe(6)
    // Chi-squared with 5 degrees of freedom is above 20.5 once in a thousand times.
    expect(squares.reduce((a, b) => a + b)).toBeLessThan(20.5)
  })
})

describe('stateless numbers', () => {
  it('are those of TensorFlow 2.21', () => {
    expect(words(random.statelessUniform([2], [1, 2]))).toEqual(
      [0.84406, 0.192045].map((x) => expect.closeTo(x, 5) as number),
    )
    expect(words(random.statelessNormal([2], [1, 2]))).toEqual(
      [0.54411, 0.20738].map((x) => expect.closeTo(x, 5) as number),
    )
  })

  it('are those of TensorFlow 2.21 for integers, float64, classes and seeds', () => {
    expect(words(random.statelessUniform([4], [1, 2], 0, 10, 'int32'))).toEqual([0, 9, 4, 9])
    expect(words(random.statelessUniform([2], [1, 2], 0, 1, 'float64'))).toEqual(
      [0.75248375, 0.96978577].map((x) => expect.closeTo(x, 7) as number),
    )
    const logits = tf.log([[0.2, 0.3, 0.5]])
    expect(words(random.statelessCategorical(logits, 8, [1, 2]))).toEqual([2, 2, 0, 2, 2, 2, 2, 1])
    expect(random.split([1, 2], 3).array()).toEqual([
      [1105988140, 1738052849],
      [-335576002, 370444179],
      [10670227, -246211131],
    ])
    expect(words(random.foldIn([1, 2], 7))).toEqual([1105988140, 7])
  })

  it('shuffle and draw of every kind by the seed', () => {
    const draws = (seed: number[]): number[] =>
      [
        random.statelessShuffle(tf.range(0, 20), seed),
        random.statelessGamma([5], seed, 2),
        random.statelessExponential([5], seed),
        random.statelessBernoulli([20], seed).cast('int32'),
        random.statelessTruncatedNormal([5], seed),
      ].flatMap(words)
    expect(draws([3, 4])).toEqual(draws([3, 4]))
    expect(draws([3, 4])).not.toEqual(draws([3, 5]))
    expect(words(random.statelessShuffle(tf.range(0, 20), [0, 1])).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    )
    expect(() => random.split([1, 2], 0)).toThrow(/the count is 0/)
    expect(() => random.statelessShuffle(1, [1, 2])).toThrow(/a scalar has no rows/)
  })

  it('depend on the seed alone, which may be a tensor', () => {
    const f = tf.function((seed: tf.Tensor) => [
      random.statelessUniform([4], seed),
      random.statelessUniform([4], seed),
    ])
    const expected = words(random.statelessUniform([4], [-5, 3]))
    for (let call = 0; call < 2; call++)
      for (const drawn of f(tf.tensor([-5, 3], 'int32'))) expect(words(drawn)).toEqual(expected)
    expect(words(random.statelessUniform([4], [-5, 4]))).not.toEqual(expected)
    expect(() => random.statelessUniform([4], [1, 2, 3])).toThrow(/two 32-bit integers/)
  })
})

describe('distributions', () => {
  const count = 20_000
  // Kolmogorov's bound that is crossed once in a thousand times.
  const bound = 1.95 / Math.sqrt(count)

  it('uniform', () => {
    random.setSeed(11)
    expect(distance(random.uniform([count]), (x) => x)).toBeLessThan(bound)
    expect(distance(random.uniform([count], -3, 1), (x) => (x + 3) / 4)).toBeLessThan(bound)
    expect(distance(random.uniform([count], 0, 1, 'float64'), (x) => x)).toBeLessThan(bound)
    const unit = random.uniform([count])
    expect(unit.min().item()).toBeGreaterThanOrEqual(0)
    expect(unit.max().item()).toBeLessThan(1)
    expect(words(unit).every((x) => Number.isInteger(x * 2 ** 23))).toBe(true)
  })

  it('normal', () => {
    random.setSeed(12)
    expect(distance(random.normal([count]), normalCdf)).toBeLessThan(bound)
    expect(distance(random.normal([count], 5, 3), (x) => normalCdf((x - 5) / 3))).toBeLessThan(bound)
    expect(distance(random.normal([count], 0, 1, 'float64'), normalCdf)).toBeLessThan(bound)
    const pairs = random.normal([count / 2, 2])
    const correlation = pairs
      .slice([0, 0], [-1, 1])
      .mul(pairs.slice([0, 1], [-1, 1]))
      .mean()
      .item()
    expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(count / 2))
  })

  it('truncated normal', () => {
    random.setSeed(13)
    const cdf = (x: number): number => (normalCdf(x) - normalCdf(-2)) / (normalCdf(2) - normalCdf(-2))
    const drawn = random.truncatedNormal([count])
    expect(distance(drawn, cdf)).toBeLessThan(bound)
    expect(drawn.abs().max().item()).toBeLessThanOrEqual(2)
    expect(tf.std(drawn).item()).toBeCloseTo(0.8796, 1)
  })

  it('integers, each equally often and over the whole range', () => {
    random.setSeed(14)
    const drawn = words(random.uniform([count], -2, 3, 'int32'))
    const squares = [-2, -1, 0, 1, 2].map(
      (value) => (drawn.filter((x) => x === value).length - count / 5) ** 2 / (count / 5),
    )
    // Chi-squared with 4 degrees of freedom is above 18.5 once in a thousand times.
    expect(squares.reduce((a, b) => a + b)).toBeLessThan(18.5)
    expect(drawn.every((x) => x >= -2 && x < 3)).toBe(true)
    const wide = words(random.uniform([count], -(2 ** 31), 2 ** 31 - 1, 'int32'))
    expect(Math.min(...wide)).toBeLessThan(-2.1e9)
    expect(Math.max(...wide)).toBeGreaterThan(2.1e9)
  })

  it('bernoulli', () => {
    random.setSeed(15)
    const drawn = random.bernoulli([count], 0.3)
    expect(drawn.dtype).toBe('bool')
    expect(Math.abs(drawn.cast('float32').mean().item() - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / count))
    expect(random.bernoulli([3], [0, 1, 0], 'int32').array()).toEqual([0, 1, 0])
  })

  it('exponential', () => {
    random.setSeed(16)
    expect(distance(random.exponential([count], 3), (x) => 1 - Math.exp(-3 * x))).toBeLessThan(bound)
    expect(() => random.exponential([2], 0)).toThrow(/the rate is 0/)
  })

  it('gamma, of shapes below and above 1', () => {
    random.setSeed(17)
    // With an integer shape k the distribution function is 1 − e^(−x) Σ xⁱ/i!, i < k; with ½ it is erf √x.
    const third = (x: number): number => 1 - Math.exp(-x) * (1 + x + (x * x) / 2)
    expect(distance(random.gamma([count], 3), third)).toBeLessThan(bound)
    expect(distance(random.gamma([count], 3, 4, 'float64'), (x) => third(4 * x))).toBeLessThan(bound)
    const half = (x: number): number => 2 * normalCdf(Math.sqrt(2 * x)) - 1
    expect(distance(random.gamma([count], 0.5), half)).toBeLessThan(bound)
    const each = random.gamma([2, count], [[1], [20]]).mean(1)
    expect(each.array()).toEqual([expect.closeTo(1, 1), expect.closeTo(20, 0)])
    expect(
      tf
        .grad((beta: tf.Tensor) => random.statelessGamma([], [1, 2], 2, beta))(2)
        .item(),
    ).toBeCloseTo(-random.statelessGamma([], [1, 2], 2).item() / 4, 5)
    expect(() => random.gamma([2], 0)).toThrow(/alpha is 0/)
  })

  it('categorical, as often as the logits say', () => {
    random.setSeed(18)
    const drawn = random.categorical(
      tf.log([
        [1, 2, 7],
        [8, 1, 1],
      ]),
      count,
    )
    expect([drawn.dtype, drawn.shape]).toEqual(['int32', [2, count]])
    const expected = [
      [0.1, 0.2, 0.7],
      [0.8, 0.1, 0.1],
    ]
    expected.forEach((row, i) => {
      const own = words(drawn.slice([i, 0], [1, -1]))
      const squares = row.map((p, k) => (own.filter((x) => x === k).length - count * p) ** 2 / (count * p))
      // Chi-squared with 2 degrees of freedom is above 13.8 once in a thousand times.
      expect(squares.reduce((a, b) => a + b)).toBeLessThan(13.8)
    })
    expect(() => random.categorical([1, 2], 3)).toThrow(/logits are \[batch, classes\]/)
  })

  it('refuse what they cannot draw', () => {
    expect(() => random.uniform([2], 1, 1)).toThrow(/no number is in \[1, 1\)/)
    expect(() => random.uniform([2], 0, undefined, 'int32')).toThrow(/integers need an upper bound/)
    expect(() => random.uniform([2], 0, 1, 'uint8')).toThrow(/no such numbers of dtype uint8/)
    expect(() => random.normal([2], 0, 1, 'int32')).toThrow(/no such numbers of dtype int32/)
    expect(() => random.normal([-1])).toThrow(/-1 is not a size/)
    expect(() => random.bernoulli([2], 1.5)).toThrow(/the probability is 1.5/)
    expect(random.normal([0, 3]).shape).toEqual([0, 3])
  })
})
