/**
 * `tf.data`: where batches come from. Names are those of tf.data in camelCase; `array`, `generator`, `csv` and `zip` are
 * those of tfjs, where an element is one argument of callbacks too, and `forEachAsync` is `for await`.
 */
import { Dataset } from './dataset.ts'

export { type AnyAsyncDataset, AsyncDataset } from './async-dataset.ts'
export type { BatchOptions } from './batch.ts'
export { type ColumnOptions, type ColumnType, csv, type CsvOptions } from './csv.ts'
export { Dataset, type ShuffleOptions } from './dataset.ts'
export type { Element, ElementLike, ElementOf, Numbers } from './element.ts'
export { idx } from './idx.ts'
export type { AnyDataset, Batched, Datasets, Enumerated, Listed, Zipped } from './types.ts'

/** As `Dataset.fromArray`. */
export const array: typeof Dataset.fromArray = Dataset.fromArray
/** As `Dataset.fromGenerator`. */
export const generator: typeof Dataset.fromGenerator = Dataset.fromGenerator
/** As `Dataset.zip`. */
export const zip: typeof Dataset.zip = Dataset.zip
