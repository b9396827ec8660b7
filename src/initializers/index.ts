/**
 * `tf.initializers`: what variables start from. An initializer is a function from shape and dtype to a tensor.
 *
 * With a seed it gives the same tensor every time; without one it draws from the shared sequence, so `tf.random.setSeed`
 * makes a whole model repeatable. The scaled ones keep the variance of what flows through a layer: they divide by the
 * number of inputs (fan-in) or outputs (fan-out) of a unit.
 */
export {
  constant,
  type Initializer,
  ones,
  type RandomOptions,
  randomNormal,
  randomUniform,
  truncatedNormal,
  zeros,
} from './basic.ts'
export { get, type InitializerLike, type InitializerName } from './by-name.ts'
export { identity, orthogonal } from './matrix.ts'
export {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  varianceScaling,
  type VarianceScalingOptions,
} from './scaling.ts'
