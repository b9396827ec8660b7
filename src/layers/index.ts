/** `tf.layers`: what models are made of. A layer owns its Variables; `apply` is its function. */
export { Activation, activation, type ActivationLike, type ActivationName } from './activation.ts'
export {
  BatchNormalization,
  batchNormalization,
  type BatchNormalizationOptions,
} from './batch-normalization.ts'
export { Dense, dense, type DenseOptions } from './dense.ts'
export { Dropout, dropout, type DropoutOptions } from './dropout.ts'
export { type ApplyOptions, type InputShape, Layer, type LayerOptions } from './layer.ts'
export { Module } from './module.ts'
export { Flatten, flatten, Sequential, sequential } from './sequential.ts'
