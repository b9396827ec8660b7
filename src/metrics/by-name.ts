/** Metrics by name, with their defaults. */
import { ValueError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import * as accuracy from './accuracy.ts'
import { AUC } from './auc.ts'
import * as confusion from './confusion.ts'
import { F1Score } from './f-score.ts'
import * as losses from './losses.ts'
import { Mean, MeanMetricWrapper, Metric, type MetricFunction, Sum } from './metric.ts'

/** The metrics that have a name. */
export type MetricName =
  | 'acc'
  | 'accuracy'
  | 'auc'
  | 'binaryAccuracy'
  | 'binaryCrossentropy'
  | 'categoricalAccuracy'
  | 'categoricalCrossentropy'
  | 'categoricalHinge'
  | 'cosineSimilarity'
  | 'crossentropy'
  | 'f1Score'
  | 'falseNegatives'
  | 'falsePositives'
  | 'hinge'
  | 'klDivergence'
  | 'logCosh'
  | 'mae'
  | 'mape'
  | 'mean'
  | 'meanAbsoluteError'
  | 'meanAbsolutePercentageError'
  | 'meanSquaredError'
  | 'meanSquaredLogarithmicError'
  | 'mse'
  | 'msle'
  | 'poisson'
  | 'precision'
  | 'r2Score'
  | 'recall'
  | 'rmse'
  | 'rootMeanSquaredError'
  | 'sparseCategoricalAccuracy'
  | 'sparseCategoricalCrossentropy'
  | 'sparseTopKCategoricalAccuracy'
  | 'squaredHinge'
  | 'sum'
  | 'topKCategoricalAccuracy'
  | 'trueNegatives'
  | 'truePositives'

const byName: Readonly<Record<MetricName, () => Metric>> = {
  acc: () => new accuracy.Accuracy(),
  accuracy: () => new accuracy.Accuracy(),
  auc: () => new AUC(),
  binaryAccuracy: () => new accuracy.BinaryAccuracy(),
  binaryCrossentropy: () => new losses.BinaryCrossentropy(),
  categoricalAccuracy: () => new accuracy.CategoricalAccuracy(),
  categoricalCrossentropy: () => new losses.CategoricalCrossentropy(),
  categoricalHinge: () => new losses.CategoricalHinge(),
  cosineSimilarity: () => new losses.CosineSimilarity(),
  crossentropy: () => new losses.CategoricalCrossentropy(),
  f1Score: () => new F1Score(),
  falseNegatives: () => new confusion.FalseNegatives(),
  falsePositives: () => new confusion.FalsePositives(),
  hinge: () => new losses.Hinge(),
  klDivergence: () => new losses.KLDivergence(),
  logCosh: () => new losses.LogCoshError(),
  mae: () => new losses.MeanAbsoluteError(),
  mape: () => new losses.MeanAbsolutePercentageError(),
  mean: () => new Mean(),
  meanAbsoluteError: () => new losses.MeanAbsoluteError(),
  meanAbsolutePercentageError: () => new losses.MeanAbsolutePercentageError(),
  meanSquaredError: () => new losses.MeanSquaredError(),
  meanSquaredLogarithmicError: () => new losses.MeanSquaredLogarithmicError(),
  mse: () => new losses.MeanSquaredError(),
  msle: () => new losses.MeanSquaredLogarithmicError(),
  poisson: () => new losses.Poisson(),
  precision: () => new confusion.Precision(),
  r2Score: () => new losses.R2Score(),
  recall: () => new confusion.Recall(),
  rmse: () => new losses.RootMeanSquaredError(),
  rootMeanSquaredError: () => new losses.RootMeanSquaredError(),
  sparseCategoricalAccuracy: () => new accuracy.SparseCategoricalAccuracy(),
  sparseCategoricalCrossentropy: () => new losses.SparseCategoricalCrossentropy(),
  sparseTopKCategoricalAccuracy: () => new accuracy.SparseTopKCategoricalAccuracy(),
  squaredHinge: () => new losses.SquaredHinge(),
  sum: () => new Sum(),
  topKCategoricalAccuracy: () => new accuracy.TopKCategoricalAccuracy(),
  trueNegatives: () => new confusion.TrueNegatives(),
  truePositives: () => new confusion.TruePositives(),
}

/** What stands for a metric: a name with its defaults, a metric, or a function that gives one value for each sample. */
export type MetricLike = MetricName | Metric | MetricFunction

/**
 * The metric meant. `'accuracy'` and `'crossentropy'` depend on what is compared: with the shapes of labels and
 * predictions they mean those of binary labels, one-hot labels or class numbers.
 *
 * @throws ValueError for an unknown name
 * @example tf.metrics.get('mae').name // 'mean_absolute_error'
 */
export function get(
  like: MetricLike,
  shapes?: { readonly labels: readonly Size[]; readonly predictions: readonly Size[] },
): Metric {
  if (like instanceof Metric) return like
  if (typeof like === 'function') return new MeanMetricWrapper(like)
  if (like === 'accuracy' || like === 'acc' || like === 'crossentropy') {
    const kind = shapes === undefined ? undefined : kindOf(shapes.labels, shapes.predictions)
    return kind === undefined
      ? byName[like]()
      : byKind[like === 'crossentropy' ? 'crossentropy' : 'accuracy'][kind]()
  }
  if (Object.hasOwn(byName, like)) return byName[like]()
  throw new ValueError({
    op: 'metrics.get',
    problem: `"${String(like)}" names no metric`,
    fix: `use one of ${Object.keys(byName).join(', ')}, a metric, or a function.`,
  })
}

type Kind = 'binary' | 'sparse' | 'categorical'

/** What labels are, by the shapes. */
function kindOf(labels: readonly Size[], predictions: readonly Size[]): Kind {
  if (predictions.at(-1) === 1 || predictions.length < 2) return 'binary'
  const sparse = labels.length < predictions.length || labels.at(-1) === 1
  return sparse ? 'sparse' : 'categorical'
}

const byKind: Readonly<Record<'accuracy' | 'crossentropy', Readonly<Record<Kind, () => Metric>>>> = {
  accuracy: {
    binary: () => new accuracy.BinaryAccuracy({ name: 'accuracy' }),
    sparse: () => new accuracy.SparseCategoricalAccuracy({ name: 'accuracy' }),
    categorical: () => new accuracy.CategoricalAccuracy({ name: 'accuracy' }),
  },
  crossentropy: {
    binary: () => new losses.BinaryCrossentropy({ name: 'crossentropy' }),
    sparse: () => new losses.SparseCategoricalCrossentropy({ name: 'crossentropy' }),
    categorical: () => new losses.CategoricalCrossentropy({ name: 'crossentropy' }),
  },
}
