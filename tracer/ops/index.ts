/**
 * The primitive ops. Importing this file registers their definitions; what it exports are their wrappers, from which
 * everything else is composed.
 */
export { argMax, argMin } from './arg-reduce.ts'
export {
  abs,
  add,
  div,
  mul,
  neg,
  square,
  sub,
  truncatedDiv,
  truncatedMod,
  truncatedModWithin,
  truncatedDivWithin,
} from './arithmetic.ts'
export {
  broadcastAlong,
  broadcastShape,
  broadcastTo,
  broadcastTogether,
  filled,
  onesLike,
  unreduce,
  zerosLike,
} from './broadcast.ts'
export { bitcast, cast } from './cast.ts'
export { concat, stack } from './concat.ts'
export { conv, type ConvolutionAttrs } from './convolution.ts'
export { constant, iota, scalarTensor, sizeOf } from './create.ts'
export { cumprod, cumsum } from './cumulative.ts'
export { dot, type DotAttrs, dotRead } from './dot.ts'
export { dynamicSlice, dynamicUpdate } from './dynamic.ts'
export { checkNumericsOp, checkOp, printOp } from './effects.ts'
export { gather, type IndexingOptions, scatterAdd, scatterUpdate } from './indexing.ts'
export {
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  equal,
  greater,
  greaterEqual,
  leftShift,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  rightShift,
  where,
} from './logical.ts'
export { expandDims, invertPermutation, reshape, reverse, squeeze, transpose } from './movement.ts'
export { type PoolAttrs, poolMax, poolSum } from './pool.ts'
export { atan2, maximum, minimum, pow } from './power.ts'
export { randomBits } from './random.ts'
export { reduceAnd, reduceMax, reduceMin, reduceOr, reduceProd, reduceSum } from './reduce.ts'
export { ceil, floor, round, sign, trunc } from './rounding.ts'
export { argsort, axisLast } from './sort.ts'
export {
  elementAt,
  type PadAttrs,
  padWith,
  shiftByOne,
  slice,
  type SliceAttrs,
  sliceAxis,
  sliceWithStrides,
} from './slice.ts'
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  cosh,
  erf,
  exp,
  expm1,
  log,
  log1p,
  sigmoid,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from './transcendental.ts'
