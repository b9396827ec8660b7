/** `tf.layers`: what models are made of. A layer owns its Variables; `apply` is its function. */
export type { ActivationLike, ActivationName } from '../activations/index.ts'
export {
  Activation,
  activation,
  elu,
  leakyReLU,
  PReLU,
  prelu,
  type PReLUOptions,
  relu,
  type ReluOptions,
  softmax,
} from './activation.ts'
export {
  type AttentionOptions,
  MultiHeadAttention,
  multiHeadAttention,
  type MultiHeadAttentionOptions,
} from './attention.ts'
export {
  BatchNormalization,
  batchNormalization,
  type BatchNormalizationOptions,
} from './batch-normalization.ts'
export { Dense, dense, type DenseOptions } from './dense.ts'
export {
  Dropout,
  dropout,
  type DropoutOptions,
  GaussianNoise,
  gaussianNoise,
  SpatialDropout,
  spatialDropout,
} from './dropout.ts'
export { Embedding, embedding, type EmbeddingOptions } from './embedding.ts'
export { type ApplyOptions, type InputShape, Layer, type LayerOptions, type WeightOptions } from './layer.ts'
export { Module } from './module.ts'
export {
  GroupNormalization,
  groupNormalization,
  type GroupNormalizationOptions,
  LayerNormalization,
  layerNormalization,
  type LayerNormalizationOptions,
  RMSNormalization,
  rmsNormalization,
  type RMSNormalizationOptions,
  UnitNormalization,
  unitNormalization,
} from './normalization.ts'
export {
  GRU,
  gru,
  type GRUOptions,
  LSTM,
  lstm,
  type LSTMOptions,
  SimpleRNN,
  simpleRNN,
  type SimpleRNNOptions,
} from './recurrent-cells.ts'
export {
  Recurrent,
  type RecurrentApplyOptions,
  type RecurrentOptions,
  type RecurrentOutput,
} from './recurrent.ts'
export {
  Cropping,
  cropping1d,
  cropping2d,
  type Ends,
  Flatten,
  flatten,
  Permute,
  permute,
  RepeatVector,
  repeatVector,
  Reshape,
  reshapeTo as reshape,
  UpSampling,
  upSampling1d,
  upSampling2d,
  ZeroPadding,
  zeroPadding1d,
  zeroPadding2d,
} from './reshaping.ts'
export { Sequential, sequential } from './sequential.ts'
export {
  Bidirectional,
  bidirectional,
  type BidirectionalOptions,
  type MergeMode,
  TimeDistributed,
  timeDistributed,
} from './wrappers.ts'
export {
  globalAveragePooling1d,
  globalAveragePooling2d,
  globalMaxPooling1d,
  globalMaxPooling2d,
  GlobalPooling,
  type GlobalPoolingOptions,
} from './global-pooling.ts'
export {
  Conv1D,
  conv1d,
  Conv2D,
  conv2d,
  type ConvolutionOptions,
  DepthwiseConv2D,
  depthwiseConv2d,
  type DepthwiseConvolutionOptions,
  SeparableConv2D,
  separableConv2d,
  type SeparableConvolutionOptions,
} from './convolutional.ts'
export {
  averagePooling1d,
  averagePooling2d,
  maxPooling1d,
  maxPooling2d,
  Pooling,
  type PoolingOptions,
} from './pooling.ts'
export type { PerAxis, WindowPadding } from './windows.ts'
