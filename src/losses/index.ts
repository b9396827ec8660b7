/** `tf.losses`. */
export type { LossOptions, LossReduction } from './per-sample.ts'
export * from './regression.ts'
export * from './classification.ts'
