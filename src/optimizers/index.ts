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
export { Optimizer, type OptimizerOptions, type Schedule } from './optimizer.ts'
export { SGD, sgd, type SgdOptions } from './sgd.ts'
