// Datasets against the same thing done with arrays.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const { AsyncDataset, Dataset } = tf.data

/** An element with its tensors as arrays. */
function plain(value: unknown): unknown {
  if (value instanceof tf.Tensor) return value.array()
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, plain(entry)]))
  return value
}
const all = (dataset: Iterable<unknown>): unknown[] => Array.from(dataset, plain)
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const range = (n: number): tf.data.Dataset<tf.Tensor> => Dataset.range(n)

describe('sources', () => {
  it('take structures of tensors apart', () => {
    const data = Dataset.fromTensorSlices({
      x: tf.tensor([
        [1, 2],
        [3, 4],
      ]),
      more: [new Int32Array([7, 8]), [0.5, 1.5]],
    })
    expect(data.cardinality()).toBe(2)
    expect(all(data)).toEqual([
      { x: [1, 2], more: [7, 0.5] },
      { x: [3, 4], more: [8, 1.5] },
    ])
    const [first] = data.toArray()
    expect(first?.more[0].dtype).toBe('int32')
    expect(all(Dataset.fromTensorSlices(tf.variable([5, 6])))).toEqual([5, 6])
  })

  it('keep the entries of arrays', () => {
    const data = tf.data.array([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ])
    expect(all(data)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ])
    expect(all(data.batch(2))).toEqual([{ a: [1, 2], b: ['x', 'y'] }])
  })

  it('call generators anew for each iteration, and end them early', () => {
    let ended = 0
    const data = tf.data.generator(function* () {
      try {
        for (let i = 0; ; i++) yield [i, tf.tensor([i])] as const
      } finally {
        ended++
      }
    })
    expect(data.cardinality()).toBe(null)
    expect(all(data.take(2))).toEqual([
      [0, [0]],
      [1, [1]],
    ])
    expect(all(data.take(1))).toEqual([[0, [0]]])
    expect(ended).toBe(2)
  })

  it('count', () => {
    for (const [start, stop, step] of [
      [0, 5, 1],
      [5, 0, -2],
      [3, 3, 1],
      [1, 8, 3],
    ] as const) {
      const wanted: number[] = []
      for (let i = start; step > 0 ? i < stop : i > stop; i += step) wanted.push(i)
      const data = Dataset.range(start, stop, step)
      expect(all(data)).toEqual(wanted)
      expect(data.cardinality()).toBe(wanted.length)
    }
    expect(range(1).toArray()[0]?.dtype).toBe('int32')
  })

  it('refuse what is no data', () => {
    expect(() => Dataset.fromTensorSlices([tf.ones([2]), tf.ones([3])])).toThrow(
      /same number of rows[^]*\[0\]\s+2[^]*\[1\]\s+3/,
    )
    expect(() => Dataset.fromTensorSlices(tf.tensor(1))).toThrow('rows')
    expect(() => tf.data.array([{ a: null as unknown as number }])).toThrow(/\.a of an element is null/)
    expect(() => Dataset.fromGenerator(() => 3 as unknown as Iterable<number>).toArray()).toThrow('function*')
    expect(() => Dataset.range(0, 4, 0)).toThrow('step is 0')
  })
})

describe('transformations', () => {
  it('map, filter, take, skip, enumerate, repeat, concatenate, cache', () => {
    const array = numbers(7)
    expect(all(range(7).map((x) => x.mul(x)))).toEqual(array.map((x) => x * x))
    expect(all(range(7).map((x) => ({ x, y: [x, x] })))).toEqual(array.map((x) => ({ x, y: [x, x] })))
    expect(all(range(7).map(() => [1, 2, 3])).length).toBe(7)
    expect(all(range(7).filter((x) => x.mod(2).equal(0)))).toEqual([0, 2, 4, 6])
    expect(all(range(7).filter((x) => x.item() > 4))).toEqual([5, 6])
    for (const n of [0, 1, 6, 7, 9]) {
      expect(all(range(7).take(n))).toEqual(array.slice(0, n))
      expect(all(range(7).skip(n))).toEqual(array.slice(n))
      expect(range(7).take(n).cardinality()).toBe(Math.min(7, n))
      expect(range(7).skip(n).cardinality()).toBe(Math.max(0, 7 - n))
    }
    expect(all(range(2).enumerate(5))).toEqual([
      [5, 0],
      [6, 1],
    ])
    expect(all(range(2).repeat(3))).toEqual([0, 1, 0, 1, 0, 1])
    expect(all(range(2).repeat().take(5))).toEqual([0, 1, 0, 1, 0])
    expect(range(2).repeat().cardinality()).toBe(Infinity)
    expect(all(range(0).repeat())).toEqual([])
    expect(all(range(2).concatenate(range(3)))).toEqual([0, 1, 0, 1, 2])
    expect(all(range(3).prefetch(2))).toEqual([0, 1, 2])
    let computed = 0
    const cached = range(3)
      .map((x) => {
        computed++
        return x
      })
      .cache()
    expect(all(cached.take(2))).toEqual([0, 1])
    expect(all(cached)).toEqual([0, 1, 2])
    expect(all(cached)).toEqual([0, 1, 2])
    expect(computed).toBe(5)
  })

  it('batch', () => {
    for (const [count, size] of [
      [7, 3],
      [6, 3],
      [2, 5],
      [0, 2],
    ] as const) {
      const wanted: number[][] = []
      for (let i = 0; i < count; i += size) wanted.push(numbers(count).slice(i, i + size))
      const data = range(count).batch(size)
      expect(all(data)).toEqual(wanted)
      expect(data.cardinality()).toBe(wanted.length)
      const dropped = range(count).batch(size, { dropRemainder: true })
      expect(all(dropped)).toEqual(wanted.filter((batch) => batch.length === size))
      expect(dropped.cardinality()).toBe(Math.floor(count / size))
      const padded = range(count).batch(size, { pad: true })
      const zeros = (batch: readonly unknown[]): number[] =>
        Array.from({ length: size - batch.length }, () => 0)
      expect(all(padded)).toEqual(
        wanted.map((batch) => [
          [...batch, ...zeros(batch)],
          [...batch.map(() => true), ...zeros(batch).map(() => false)],
        ]),
      )
      expect(all(data.unbatch())).toEqual(numbers(count))
    }
    const pairs = Dataset.zip([range(3), range(3).map((x) => tf.stack([x, x]))])
    expect(all(pairs.batch(2, { pad: true }))).toEqual([
      [
        [0, 1],
        [
          [0, 0],
          [1, 1],
        ],
        [true, true],
      ],
      [
        [2, 0],
        [
          [2, 2],
          [0, 0],
        ],
        [true, false],
      ],
    ])
  })

  it('complain about elements that cannot be batched', () => {
    const of =
      (...items: tf.data.ElementLike[]) =>
      () =>
        all(tf.data.array(items).batch(2))
    expect(of(tf.ones([2]), tf.ones([3]))).toThrow(/different shapes[^]*f32\[2\][^]*f32\[3\]/)
    expect(of(tf.tensor(1), tf.tensor(1, 'int32'))).toThrow(/different dtypes/)
    expect(of({ a: 1 }, { b: 1 })).toThrow(/same structure/)
    expect(of({ a: [1, 'x'] }, { a: [1] })).toThrow(/same structure at \.a/)
    expect(of({ a: 1 }, { a: 'x' })).toThrow(/texts and others are not at \.a/)
    for (const size of [0, -1, 1.5, NaN]) expect(() => range(3).batch(size)).toThrow(`the size is ${size}`)
    expect(() => range(3).batch(2, { pad: true, dropRemainder: true })).toThrow('dropped or padded')
    expect(() => range(3).take(-1)).toThrow('the count is -1')
    expect(() => range(3).repeat().toArray()).toThrow('no end')
    expect(() => tf.data.array(['x']).unbatch().toArray()).toThrow('no tensor')
  })

  it('zip structures, to the end of the shortest', () => {
    let ended = false
    const long = Dataset.fromGenerator(function* () {
      try {
        for (let i = 0; ; i++) yield i * 10
      } finally {
        ended = true
      }
    })
    const data = tf.data.zip({ a: range(2), b: [long, range(3)] })
    expect(all(data)).toEqual([
      { a: 0, b: [0, 0] },
      { a: 1, b: [10, 1] },
    ])
    expect(ended).toBe(true)
    expect(data.cardinality()).toBe(null)
    expect(tf.data.zip([range(2), range(3).repeat()]).cardinality()).toBe(2)
    expect(() => tf.data.zip([])).toThrow('no datasets')
  })

  it('may be iterated twice at a time', () => {
    const data = range(6).shuffle(3, { seed: 1, reshuffleEachIteration: false }).batch(2).skip(1)
    const [one, two] = [data[Symbol.iterator](), data[Symbol.iterator]()]
    const seen: unknown[][] = [[], []]
    for (let i = 0; i < 3; i++)
      for (const [k, iterator] of [one, two].entries()) {
        const next = iterator.next()
        if (next.done !== true) seen[k]?.push(plain(next.value))
      }
    expect(seen[0]).toEqual(seen[1])
    expect(seen[0]).toEqual(all(data))
  })
})

describe('shuffle', () => {
  it('gives each element once, in an order of the seed', () => {
    const data = range(50).shuffle(50, { seed: 3 })
    const [first, second] = [all(data), all(data)]
    expect(first).not.toEqual(numbers(50))
    expect(first).not.toEqual(second)
    expect((first as number[]).toSorted((a, b) => a - b)).toEqual(numbers(50))
    expect(all(range(50).shuffle(50, { seed: 3 }))).toEqual(first)
    expect(all(range(50).shuffle(50, { seed: 4 }))).not.toEqual(first)
    const same = range(50).shuffle(50, { seed: 3, reshuffleEachIteration: false })
    expect(all(same)).toEqual(all(same))
    expect(all(range(5).shuffle(1))).toEqual(numbers(5))
    expect(() => range(5).shuffle(0)).toThrow('bufferSize is 0')
    expect(() => range(5).shuffle(2, { seed: 0.5 })).toThrow('the seed is 0.5')
  })

  it('follows tf.random.setSeed', () => {
    const order = (): unknown[] => {
      tf.random.setSeed(11)
      return all(range(20).shuffle(20))
    }
    expect(order()).toEqual(order())
  })

  it('moves nothing further ahead than the buffer', () => {
    const order = all(range(200).shuffle(10, { seed: 5 })) as number[]
    order.forEach((value, at) => expect(value).toBeLessThan(at + 10))
  })

  it('is uniform: each element comes first about as often', () => {
    const counts = [0, 0, 0, 0]
    const data = range(4).shuffle(4, { seed: 9 })
    for (let i = 0; i < 4000; i++) counts[(all(data.take(1)) as number[])[0] ?? 0]! += 1
    // Four standard deviations of a binomial distribution around 1000.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(750))
  })
})

describe('async datasets', () => {
  const slowly = (n: number) =>
    AsyncDataset.fromGenerator(async function* () {
      for (let i = 0; i < n; i++) {
        await Promise.resolve()
        yield i
      }
    })
  const collect = async (data: { toArray(): Promise<unknown[]> }): Promise<unknown[]> =>
    (await data.toArray()).map(plain)

  it('do what synchronous ones do', async () => {
    expect(await collect(slowly(5).map(async (x) => x.mul(2)))).toEqual([0, 2, 4, 6, 8])
    expect(await collect(slowly(5).filter(async (x) => x.item() > 2))).toEqual([3, 4])
    expect(await collect(slowly(5).batch(2, { pad: true }))).toEqual(all(range(5).batch(2, { pad: true })))
    expect(await collect(slowly(5).batch(2).unbatch().skip(1).take(3))).toEqual([1, 2, 3])
    expect(await collect(slowly(2).repeat(2).concatenate(slowly(1)).enumerate())).toEqual([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
      [4, 0],
    ])
    expect(await collect(slowly(2).concatenate(tf.data.array([5])))).toEqual([0, 1, 5])
    expect(await collect(slowly(9).shuffle(4, { seed: 2 }))).toEqual(all(range(9).shuffle(4, { seed: 2 })))
    expect(await collect(AsyncDataset.from(range(3)).cache())).toEqual([0, 1, 2])
    expect(await collect(slowly(3).take(0))).toEqual([])
    const cached = slowly(3).cache()
    expect([await collect(cached), await collect(cached), cached.cardinality()]).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      3,
    ])
  })

  it('prefetch asks ahead, reports failures in their turn, and closes the source', async () => {
    let asked = 0
    let closed = false
    const source = AsyncDataset.fromGenerator(async function* () {
      try {
        for (let i = 0; i < 6; i++) {
          asked++
          if (i === 4) throw new Error('no more')
          yield i
        }
      } finally {
        closed = true
      }
    })
    const seen: number[] = []
    const askedFor: number[] = []
    const go = async (): Promise<void> => {
      for await (const x of source.prefetch(3)) {
        seen.push(x.item())
        await new Promise((resolve) => setTimeout(resolve, 1))
        askedFor.push(asked)
      }
    }
    await expect(go()).rejects.toThrow('no more')
    expect(seen).toEqual([0, 1, 2, 3])
    expect(askedFor[0]).toBeGreaterThanOrEqual(3)
    expect(closed).toBe(true)
    expect(await collect(slowly(4).prefetch(10))).toEqual([0, 1, 2, 3])
  })
})
