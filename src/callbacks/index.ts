/** `tf.callbacks`: what runs between the steps of `fit`. */
export {
  Callback,
  type CallbackLike,
  type Done,
  type Hooks,
  LambdaCallback,
  type Logs,
  type TrainedModel,
  type TrainingParameters,
} from './callback.ts'
export { EarlyStopping, type EarlyStoppingOptions, TerminateOnNaN } from './early-stopping.ts'
export {
  type CheckpointTarget,
  CSVLogger,
  type CSVLoggerOptions,
  ModelCheckpoint,
  type ModelCheckpointOptions,
} from './files.ts'
export { History } from './history.ts'
export { LearningRateScheduler, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './learning-rate.ts'
export type { MonitorOptions } from './monitor.ts'
