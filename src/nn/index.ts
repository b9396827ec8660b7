/** `tf.nn`. */
export * from './activations.ts'
export * from './batch-norm.ts'
export * from './dropout.ts'
export * from './softmax.ts'
export * from './normalize.ts'
