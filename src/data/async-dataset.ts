/**
 * Datasets whose elements are waited for: from files, networks, workers.
 *
 * They have the same transformations as synchronous ones, by the same stages, and are iterated with `for await`.
 * Callbacks of `map` and `filter` may return promises. `prefetch` is where waiting and computing overlap.
 */
import { ValueError } from '../../codegen/errors.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { type BatchOptions, batchStage } from './batch.ts'
import {
  batchCount,
  type Count,
  repeatCount,
  requireCount,
  skipCount,
  sumOfCounts,
  takeCount,
} from './counts.ts'
import { type Dataset, seedOf, type ShuffleOptions } from './dataset.ts'
import { type Element, type ElementLike, elementOf, type ElementOf } from './element.ts'
import { chooser } from './random-order.ts'
import {
  enumerateStage,
  shuffleStage,
  skipStage,
  type Stage,
  takeStage,
  truth,
  unbatchStage,
} from './stages.ts'
import type { Batched, Enumerated, Listed } from './types.ts'

/** An async dataset of whatever elements. */
export interface AnyAsyncDataset extends AsyncIterable<unknown> {
  readonly kind: 'async dataset'
  cardinality(): Count
}

/**
 * A sequence of elements that are waited for. Iterate it with `for await`, or pass it to `fitAsync`.
 *
 * @example
 * async function* numbers() { yield 1; yield 2; yield 3 }
 * const data = tf.data.AsyncDataset.fromGenerator(numbers).map(async (x) => x.mul(2)).batch(2)
 * // for await (const batch of data) …  gives [2, 4] and [6]
 */
export class AsyncDataset<T = Element> implements AsyncIterable<T> {
  readonly kind = 'async dataset'
  readonly #iterate: () => AsyncIterator<T>
  readonly #count: () => Count

  /** For the library's own use: see the functions that make datasets. */
  constructor(iterate: () => AsyncIterator<T>, count: () => Count) {
    this.#iterate = iterate
    this.#count = count
  }

  /** What an async generator function yields; it is called anew for each iteration. `count` is their number, if known. */
  static fromGenerator<const S extends ElementLike>(
    generator: () => AsyncIterable<S>,
    options: { readonly count?: number } = {},
  ): AsyncDataset<ElementOf<S>> {
    return new AsyncDataset<ElementOf<S>>(
      () => elementsOf<ElementOf<S>>(generator()),
      () => options.count ?? null,
    )
  }

  /** The elements of a synchronous dataset. */
  static from<T>(dataset: Dataset<T>): AsyncDataset<T> {
    return new AsyncDataset(
      async function* () {
        yield* dataset
      },
      () => dataset.cardinality(),
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#iterate()
  }

  /** As `Dataset.cardinality`. */
  cardinality(): Count {
    return this.#count()
  }

  /** As `Dataset.map`; `f` may return a promise. */
  map<const U extends ElementLike>(f: (element: T) => U | PromiseLike<U>): AsyncDataset<ElementOf<U>> {
    return new AsyncDataset<ElementOf<U>>(() => mapped<T, ElementOf<U>>(this, f), this.#count)
  }

  /** As `Dataset.filter`; `f` may return a promise. */
  filter(f: (element: T) => boolean | Tensor | PromiseLike<boolean | Tensor>): AsyncDataset<T> {
    const iterate = (): AsyncIterable<T> => this
    return new AsyncDataset(
      async function* () {
        for await (const element of iterate()) if (truth(await f(element))) yield element
      },
      () => (this.#count() === 0 ? 0 : null),
    )
  }

  /** As `Dataset.shuffle`. */
  shuffle(bufferSize: number, options: ShuffleOptions = {}): AsyncDataset<T> {
    requireCount('shuffle', 'bufferSize', bufferSize, 1)
    const { reshuffleEachIteration = true } = options
    const seed = seedOf(options)
    let iteration = 0
    return this.#through(
      () => shuffleStage(bufferSize, chooser(seed, reshuffleEachIteration ? iteration++ : 0)),
      this.#count,
    )
  }

  /** As `Dataset.batch`. */
  batch(
    size: number,
    options: BatchOptions & { readonly pad: true },
  ): AsyncDataset<readonly [...Listed<T>, mask: Tensor]>
  batch(size: number, options?: BatchOptions): AsyncDataset<Batched<T>>
  batch(size: number, options: BatchOptions = {}): AsyncDataset {
    requireCount('batch', 'the size', size, 1)
    batchStage(size, options)
    return this.#through<Element>(
      () => batchStage(size, options) as Stage<unknown, Element>,
      () => batchCount(this.#count(), size, options),
    )
  }

  /** As `Dataset.unbatch`. */
  unbatch(): AsyncDataset<T> {
    return this.#through<T>(
      () => unbatchStage() as Stage<unknown, T>,
      () => (this.#count() === 0 ? 0 : null),
    )
  }

  /** The same elements, of which so many are asked for ahead of their use. */
  prefetch(bufferSize: number): AsyncDataset<T> {
    requireCount('prefetch', 'bufferSize', bufferSize, 0)
    if (bufferSize === 0) return this
    const iterate = this.#iterate
    return new AsyncDataset(async function* () {
      const iterator = iterate()
      const ahead: Promise<IteratorResult<T>>[] = []
      const ask = (): void => {
        const next = iterator.next()
        // Its failure is reported when its turn comes, if it does.
        next.catch(() => {})
        ahead.push(next)
      }
      try {
        for (let i = 0; i < bufferSize; i++) ask()
        for (;;) {
          ask()
          const next = await (ahead.shift() as Promise<IteratorResult<T>>)
          if (next.done === true) return
          yield next.value
        }
      } finally {
        await iterator.return?.()
      }
    }, this.#count)
  }

  /** As `Dataset.repeat`. */
  repeat(times: number = Infinity): AsyncDataset<T> {
    if (times !== Infinity) requireCount('repeat', 'the number of times', times, 0)
    const iterate = (): AsyncIterable<T> => this
    return new AsyncDataset(
      async function* () {
        for (let i = 0; i < times; i++) {
          let any = false
          for await (const element of iterate()) {
            any = true
            yield element
          }
          if (!any) return
        }
      },
      () => repeatCount(this.#count(), times),
    )
  }

  /** As `Dataset.take`. */
  take(count: number): AsyncDataset<T> {
    if (count !== Infinity) requireCount('take', 'the count', count, 0)
    if (count === 0) return new AsyncDataset<T>(emptyIterator, () => 0)
    return this.#through(
      () => takeStage(count),
      () => takeCount(this.#count(), count),
    )
  }

  /** As `Dataset.skip`. */
  skip(count: number): AsyncDataset<T> {
    requireCount('skip', 'the count', count, 0)
    return this.#through(
      () => skipStage(count),
      () => skipCount(this.#count(), count),
    )
  }

  /** As `Dataset.concatenate`; the other may be of either kind. */
  concatenate(other: AsyncDataset<T> | Dataset<T>): AsyncDataset<T> {
    const iterate = (): AsyncIterable<T> => this
    return new AsyncDataset(
      async function* () {
        yield* iterate()
        yield* other
      },
      () => sumOfCounts(this.#count(), other.cardinality()),
    )
  }

  /** As `Dataset.enumerate`. */
  enumerate(start = 0): AsyncDataset<Enumerated<T>> {
    requireCount('enumerate', 'the start', start, -(2 ** 31))
    return this.#through<Enumerated<T>>(() => enumerateStage(start), this.#count)
  }

  /** As `Dataset.cache`. */
  cache(): AsyncDataset<T> {
    let cached: readonly T[] | undefined
    const iterate = (): AsyncIterable<T> => this
    return new AsyncDataset(
      async function* () {
        if (cached !== undefined) {
          yield* cached
          return
        }
        const seen: T[] = []
        for await (const element of iterate()) {
          seen.push(element)
          yield element
        }
        cached ??= seen
      },
      () => cached?.length ?? this.#count(),
    )
  }

  /** All elements. Throws ValueError when there is no end to them. */
  async toArray(): Promise<T[]> {
    if (this.#count() === Infinity)
      throw new ValueError({
        op: 'toArray',
        problem: 'the dataset has no end',
        fix: 'take(n) some of it first.',
      })
    const all: T[] = []
    for await (const element of this) all.push(element)
    return all
  }

  #through<U>(make: () => Stage<T, U>, count: () => Count): AsyncDataset<U> {
    const iterate = (): AsyncIterable<T> => this
    return new AsyncDataset(async function* () {
      const stage = make()
      let out: U[] = []
      const emit = (value: U): void => void out.push(value)
      for await (const element of iterate()) {
        const more = stage.push(element, emit)
        const ready = out
        out = []
        yield* ready
        if (!more) return
      }
      stage.end?.(emit)
      yield* out
    }, count)
  }
}

async function* emptyIterator(): AsyncIterator<never> {}

/** Values as the elements that they stand for. */
async function* elementsOf<T>(values: AsyncIterable<unknown>): AsyncIterator<T> {
  for await (const value of values) yield elementOf('fromGenerator', value) as T
}

async function* mapped<A, B>(values: AsyncIterable<A>, f: (value: A) => unknown): AsyncIterator<B> {
  for await (const value of values) yield elementOf('map', await f(value)) as B
}
