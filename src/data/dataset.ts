/**
 * Datasets: sequences of elements that can be gone through any number of times.
 *
 * A dataset is a recipe. Nothing happens until it is iterated, and each iteration starts from the source. Elements flow one
 * by one through the stages of stages.ts; several iterations may be under way at a time.
 */
import { ValueError } from '../../codegen/errors.ts'
import { type BatchOptions, batchStage } from './batch.ts'
import {
  batchCount,
  type Count,
  leastCount,
  repeatCount,
  requireCount,
  skipCount,
  sumOfCounts,
  takeCount,
} from './counts.ts'
import { type Element, type ElementLike, elementOf, type ElementOf, mapTensors } from './element.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { chooser, sharedSeed } from './random-order.ts'
import { rowOf } from './rows.ts'
import type { AnyDataset, Batched, Datasets, Enumerated, Listed, Zipped } from './types.ts'
import {
  enumerateStage,
  filterStage,
  mapStage,
  rowCount,
  shuffleStage,
  skipStage,
  type Stage,
  takeStage,
  unbatchStage,
} from './stages.ts'

export interface ShuffleOptions {
  /** Makes the order the same in every run. Without it `tf.random.setSeed` does. */
  readonly seed?: number
  /** Whether each iteration has an order of its own. Default true. */
  readonly reshuffleEachIteration?: boolean
}

/**
 * A sequence of elements: tensors and texts, in arrays and plain objects. Iterate it with `for…of`, or pass it to `fit`.
 *
 * @example
 * const squares = tf.data.Dataset.range(5).map((x) => x.mul(x)).batch(2)
 * squares.toArray().map((each) => each.array()) // [[0, 1], [4, 9], [16]]
 */
export class Dataset<T = Element> implements Iterable<T> {
  readonly kind = 'dataset'
  readonly #iterate: () => Iterator<T>
  readonly #count: () => Count

  /** For the library's own use: see the functions that make datasets. */
  constructor(iterate: () => Iterator<T>, count: () => Count) {
    this.#iterate = iterate
    this.#count = count
  }

  /**
   * The rows of tensors, along axis 0: of one, or of several in arrays and plain objects, which must have as many.
   *
   * @throws ValueError when the numbers of rows differ
   * @example
   * const data = tf.data.Dataset.fromTensorSlices([tf.tensor([[1, 2], [3, 4]]), tf.tensor([0, 1])])
   * for (const [x, y] of data) console.log(x.array(), y.item())
   * data.cardinality() // 2
   */
  static fromTensorSlices<const S extends ElementLike>(structure: S): Dataset<ElementOf<S>> {
    const element = elementOf('fromTensorSlices', structure)
    const count = rowCount('fromTensorSlices', element)
    return new Dataset(
      function* () {
        for (let i = 0; i < count; i++)
          yield mapTensors(element, (tensor) => rowOf(tensor, i)) as ElementOf<S>
      },
      () => count,
    )
  }

  /** The entries of an array, each as it is; `tf.data.array` for users of tfjs. */
  static fromArray<const S extends ElementLike>(this: void, items: readonly S[]): Dataset<ElementOf<S>> {
    const elements = items.map((item, i) => elementOf('fromArray', item, `[${i}]`) as ElementOf<S>)
    return new Dataset(
      () => elements[Symbol.iterator](),
      () => elements.length,
    )
  }

  /**
   * What a generator function yields; it is called anew for each iteration. For an `async function*` see
   * `AsyncDataset.fromGenerator`.
   *
   * @param options `count`: how many elements there will be, if that is known
   * @example
   * function* countdown() { for (let n = 3; n > 0; n--) yield n }
   * tf.data.Dataset.fromGenerator(countdown).toArray().map((each) => each.item()) // [3, 2, 1]
   */
  static fromGenerator<const S extends ElementLike>(
    this: void,
    generator: () => Iterable<S>,
    options: { readonly count?: number } = {},
  ): Dataset<ElementOf<S>> {
    return new Dataset(
      function* () {
        const values: unknown = generator()
        if (!isIterable(values))
          throw new ValueError({
            op: 'fromGenerator',
            problem: 'the function gives nothing to iterate',
            fix: 'pass a function*; for an async function* use AsyncDataset.fromGenerator.',
          })
        for (const value of values) yield elementOf('fromGenerator', value) as ElementOf<S>
      },
      () => options.count ?? null,
    )
  }

  /** Integers as int32 scalars: `range(stop)`, `range(start, stop)` or `range(start, stop, step)`. */
  static range(start: number, stop?: number, step = 1): Dataset<Tensor> {
    const [from, to] = stop === undefined ? [0, start] : [start, stop]
    for (const each of [from, to, step]) requireCount('range', 'an argument', each, -Infinity)
    if (step === 0) throw new ValueError({ op: 'range', problem: 'step is 0', fix: 'use another step.' })
    const count = Math.max(0, Math.ceil((to - from) / step))
    return new Dataset(
      function* () {
        for (let i = 0; i < count; i++) yield elementOf('range', Int32Array.of(from + i * step)) as Tensor
      },
      () => count,
    ).map((x) => rowOf(x, 0))
  }

  /** Elements that hold what each of several datasets gives; as many as the shortest has. */
  static zip<const S extends Datasets>(this: void, datasets: S): Dataset<Zipped<S>> {
    const sources: AnyDataset[] = []
    const collect = (node: Datasets): void => {
      if (isDataset(node)) sources.push(node)
      else for (const entry of Object.values(node as { readonly [name: string]: Datasets })) collect(entry)
    }
    collect(datasets)
    if (sources.length === 0)
      throw new ValueError({ op: 'zip', problem: 'there are no datasets', fix: 'pass at least one.' })
    const rebuild = (node: Datasets, values: Iterator<unknown>): unknown => {
      if (isDataset(node)) return values.next().value
      if (Array.isArray(node)) return node.map((entry: Datasets) => rebuild(entry, values))
      return Object.fromEntries(
        Object.entries(node).map(([name, entry]) => [name, rebuild(entry as Datasets, values)]),
      )
    }
    return new Dataset(
      function* () {
        const iterators = sources.map((source) => source[Symbol.iterator]())
        try {
          for (;;) {
            const values: unknown[] = []
            for (const iterator of iterators) {
              const next = iterator.next()
              if (next.done === true) return
              values.push(next.value)
            }
            yield rebuild(datasets, values[Symbol.iterator]()) as Zipped<S>
          }
        } finally {
          for (const iterator of iterators) iterator.return?.()
        }
      },
      () => leastCount(sources.map((source) => source.cardinality())),
    )
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#iterate()
  }

  /** The number of elements: Infinity when there is no end, null when only going through them would tell. */
  cardinality(): Count {
    return this.#count()
  }

  /** What `f` gives for each element; `f` gets the element as one argument and may be a traced function. */
  map<const U extends ElementLike>(f: (element: T) => U): Dataset<ElementOf<U>> {
    return this.#through<ElementOf<U>>(() => mapStage<T, ElementOf<U>>(f), this.#count)
  }

  /** The elements for which `f` gives true, or a tensor that holds true. */
  filter(f: (element: T) => boolean | Tensor): Dataset<T> {
    return this.#through(
      () => filterStage(f),
      () => (this.#count() === 0 ? 0 : null),
    )
  }

  /**
   * The elements in random order: of `bufferSize` elements held, a random one is given whenever the next comes. For a
   * uniform order the buffer must hold them all.
   *
   * @example
   * const order = tf.data.Dataset.range(4).shuffle(4, { seed: 1 }).toArray().map((each) => each.item())
   * order.toSorted() // [0, 1, 2, 3]
   */
  shuffle(bufferSize: number, options: ShuffleOptions = {}): Dataset<T> {
    requireCount('shuffle', 'bufferSize', bufferSize, 1)
    const { reshuffleEachIteration = true } = options
    const seed = seedOf(options)
    let iteration = 0
    return this.#through(
      () => shuffleStage(bufferSize, chooser(seed, reshuffleEachIteration ? iteration++ : 0)),
      this.#count,
    )
  }

  /**
   * So many elements stacked into one, along a new axis 0. The last batch may be smaller, unless it is dropped or padded.
   *
   * @throws ShapeError, DTypeError or ValueError, while iterating, for elements that differ
   * @example
   * const [first, last] = tf.data.Dataset.range(1, 4).batch(2, { pad: true }).toArray()
   * last?.map((each) => each.array()) // [[3, 0], [true, false]]
   */
  batch(
    size: number,
    options: BatchOptions & { readonly pad: true },
  ): Dataset<readonly [...Listed<T>, mask: Tensor]>
  batch(size: number, options?: BatchOptions): Dataset<Batched<T>>
  batch(size: number, options: BatchOptions = {}): Dataset {
    requireCount('batch', 'the size', size, 1)
    batchStage(size, options)
    return this.#through<Element>(
      () => batchStage(size, options) as Stage<unknown, Element>,
      () => batchCount(this.#count(), size, options),
    )
  }

  /** The rows of batches, one by one. Throws ValueError, while iterating, when an element's tensors differ in rows. */
  unbatch(): Dataset<T> {
    return this.#through<T>(
      () => unbatchStage() as Stage<unknown, T>,
      () => (this.#count() === 0 ? 0 : null),
    )
  }

  /** The same elements: in synchronous code there is nothing to do meanwhile. See `AsyncDataset.prefetch`. */
  prefetch(bufferSize: number): Dataset<T> {
    requireCount('prefetch', 'bufferSize', bufferSize, 0)
    return this
  }

  /** All elements so many times over; without a number, forever. */
  repeat(times: number = Infinity): Dataset<T> {
    if (times !== Infinity) requireCount('repeat', 'the number of times', times, 0)
    const iterate = (): Iterable<T> => this
    return new Dataset(
      function* () {
        for (let i = 0; i < times; i++) {
          let any = false
          for (const element of iterate()) {
            any = true
            yield element
          }
          if (!any) return
        }
      },
      () => repeatCount(this.#count(), times),
    )
  }

  /** The first so many elements, or all when there are fewer. */
  take(count: number): Dataset<T> {
    if (count !== Infinity) requireCount('take', 'the count', count, 0)
    if (count === 0) return new Dataset<T>(emptyIterator, () => 0)
    return this.#through(
      () => takeStage(count),
      () => takeCount(this.#count(), count),
    )
  }

  /** The elements after the first so many. */
  skip(count: number): Dataset<T> {
    requireCount('skip', 'the count', count, 0)
    return this.#through(
      () => skipStage(count),
      () => skipCount(this.#count(), count),
    )
  }

  /** These elements, then those of another dataset. */
  concatenate(other: Dataset<T>): Dataset<T> {
    const iterate = (): Iterable<T> => this
    return new Dataset(
      function* () {
        yield* iterate()
        yield* other
      },
      () => sumOfCounts(this.#count(), other.cardinality()),
    )
  }

  /** `[number, element]`, the numbers being int32 scalars from `start` on. */
  enumerate(start = 0): Dataset<Enumerated<T>> {
    requireCount('enumerate', 'the start', start, -(2 ** 31))
    return this.#through<Enumerated<T>>(() => enumerateStage(start), this.#count)
  }

  /** The same elements, computed once: the first iteration that comes to the end remembers them for all later ones. */
  cache(): Dataset<T> {
    let cached: readonly T[] | undefined
    const iterate = (): Iterable<T> => this
    return new Dataset(
      function* () {
        if (cached !== undefined) {
          yield* cached
          return
        }
        const seen: T[] = []
        for (const element of iterate()) {
          seen.push(element)
          yield element
        }
        cached ??= seen
      },
      () => cached?.length ?? this.#count(),
    )
  }

  /** All elements. Throws ValueError when there is no end to them. */
  toArray(): T[] {
    if (this.#count() === Infinity)
      throw new ValueError({
        op: 'toArray',
        problem: 'the dataset has no end',
        fix: 'take(n) some of it first.',
      })
    return [...this]
  }

  #through<U>(make: () => Stage<T, U>, count: () => Count): Dataset<U> {
    const iterate = (): Iterable<T> => this
    return new Dataset<U>(function* () {
      const stage = make()
      let out: U[] = []
      const emit = (value: U): void => void out.push(value)
      for (const element of iterate()) {
        const more = stage.push(element, emit)
        if (out.length > 0) {
          const ready = out
          out = []
          yield* ready
        }
        if (!more) return
      }
      stage.end?.(emit)
      yield* out
    }, count)
  }
}

/** For the library's own use: the seed of a shuffle. */
export function seedOf({ seed }: ShuffleOptions): number {
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new ValueError({ op: 'shuffle', problem: `the seed is ${seed}`, fix: 'use an integer.' })
  return seed ?? sharedSeed()
}

function* emptyIterator(): Iterator<never> {}

function isIterable(value: unknown): value is Iterable<unknown> {
  return value !== null && typeof value === 'object' && Symbol.iterator in value
}

function isDataset(node: Datasets): node is AnyDataset {
  return node instanceof Dataset
}
