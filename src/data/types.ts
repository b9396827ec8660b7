/** Types that say what elements become: numbered, zipped, batched. */
import type { Tensor } from '../../tracer/tensor.ts'
import type { Count } from './counts.ts'
import type { Element } from './element.ts'

/** Elements with their numbers in front. */
export type Enumerated<T> = readonly [index: Tensor, element: T]

/** A structure whose leaves are what the datasets of another give. */
export type Zipped<S> = S extends { readonly kind: 'dataset'; [Symbol.iterator](): Iterator<infer T> }
  ? T
  : { readonly [K in keyof S]: Zipped<S[K]> }

/** A dataset of whatever elements. */
export interface AnyDataset extends Iterable<unknown> {
  readonly kind: 'dataset'
  cardinality(): Count
}

/** Datasets in arrays and plain objects. */
export type Datasets = AnyDataset | readonly Datasets[] | { readonly [name: string]: Datasets }

/** A batch of elements: texts become lists. */
export type Batched<T> = [Element] extends [T]
  ? Element
  : T extends Tensor
    ? Tensor
    : T extends string
      ? readonly string[]
      : T extends object
        ? { readonly [K in keyof T]: Batched<T[K]> }
        : never

/** A batch of elements as a list that a mask can follow. */
export type Listed<T> = [Element] extends [T]
  ? Element[]
  : T extends readonly Element[]
    ? Batched<T> extends infer B extends readonly Element[]
      ? [...B]
      : never
    : [Batched<T>]
