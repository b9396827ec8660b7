/** `tf.nn`. */
export * from './activations.ts'
export * from './softmax.ts'
export * from './normalize.ts'
