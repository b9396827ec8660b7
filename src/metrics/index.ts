/** `tf.metrics`: measures of a model, accumulated over batches; and functions that give them for each sample. */
export * from './accuracy.ts'
export { AUC, type AUCOptions } from './auc.ts'
export { get, type MetricLike, type MetricName } from './by-name.ts'
export {
  type Cell,
  ConfusionMetric,
  type DecisionOptions,
  FalseNegatives,
  FalsePositives,
  Precision,
  Recall,
  type SelectionOptions,
  TrueNegatives,
  TruePositives,
} from './confusion.ts'
export { F1Score, FBetaScore, type FScoreOptions, MeanIoU } from './f-score.ts'
export * from './losses.ts'
export { Mean, MeanMetricWrapper, Metric, type MetricFunction, type MetricOptions, Sum } from './metric.ts'
