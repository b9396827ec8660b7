/** `tf.optimizers`. */
export { Adam, adam, AdamW, adamw, Adamax, adamax, type AdamOptions, Nadam, nadam } from './adam.ts'
export {
  Adadelta,
  adadelta,
  type AdadeltaOptions,
  Adagrad,
  adagrad,
  type AdagradOptions,
  Lion,
  lion,
  type LionOptions,
  RMSprop,
  rmsprop,
  type RmspropOptions,
} from './adaptive.ts'
export type { ClipOptions } from './clip.ts'
export { get, type OptimizerName } from './by-name.ts'
export {
  Adafactor,
  adafactor,
  type AdafactorOptions,
  Ftrl,
  ftrl,
  type FtrlOptions,
  Lamb,
  lamb,
  type LambOptions,
} from './factored.ts'
export { Optimizer } from './optimizer.ts'
export type { OptimizerOptions, Slots, SlotStart } from './options.ts'
export * as schedules from './schedules.ts'
export type { LearningRate, Schedule } from './schedules.ts'
export { SGD, sgd, type SgdOptions } from './sgd.ts'
