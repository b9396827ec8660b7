/** `tf.linalg`. */
export { bandPart, trace } from './matrix.ts'
