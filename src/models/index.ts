/** Models and what their methods take. */
export type { BatchDataset, ClassWeights } from './batches.ts'
export { Model } from './model.ts'
export type { CompileOptions, EvaluateOptions, FitOptions, PredictOptions } from './options.ts'
