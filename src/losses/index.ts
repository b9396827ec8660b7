/** `tf.losses`. */
export { get, type LossLike, type LossName } from './by-name.ts'
export {
  type BinaryFocalOptions,
  binaryFocalCrossentropy,
  categoricalFocalCrossentropy,
  dice,
  type FocalOptions,
  type OverlapOptions,
  tversky,
  type TverskyOptions,
} from './focal.ts'
export * from './loss.ts'
export type { LossOptions, LossReduction } from './per-sample.ts'
export * from './regression.ts'
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  categoricalHinge,
  type CrossentropyOptions,
  hinge,
  klDivergence,
  poisson,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  squaredHinge,
} from './classification.ts'
export { sparseCategoricalCrossentropy, type SparseCrossentropyOptions } from './sparse.ts'
