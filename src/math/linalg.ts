/** `tf.linalg`. */
export { bandPart, trace } from './matrix.ts'
export { gramSchmidt, qr } from './orthogonal.ts'
