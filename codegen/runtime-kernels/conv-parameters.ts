/** The arguments of the convolution's functions, for those who make and those who call them. */

/**
 * The parameters of `conv` and `convKernel`, in order; strides in bytes. `x` and `w` are input and kernel, `y` the result.
 * The names of strides say of which axis: of batch, inner (summed) and outer features, groups, and space.
 */
export const convParameters = [
  'x',
  'w',
  'y',
  'init',
  'scratch',
  'flags',
  'batch',
  'groups',
  'inner',
  'outer',
  'inputHeight',
  'inputWidth',
  'kernelHeight',
  'kernelWidth',
  'height',
  'width',
  'strideHeight',
  'strideWidth',
  'dilationHeight',
  'dilationWidth',
  'spreadHeight',
  'spreadWidth',
  'lowHeight',
  'lowWidth',
  'xBatch',
  'xInner',
  'xGroup',
  'xRow',
  'xPixel',
  'wInner',
  'wOuter',
  'wGroup',
  'wRow',
  'wPixel',
  'yBatch',
  'yGroup',
  'yRow',
  'yPixel',
] as const

export type ConvParameter = (typeof convParameters)[number]

/** A value for every parameter. */
export type ConvOperands<T> = { readonly [name in ConvParameter]: T }

/** Bit of `flags`: accumulators start from init (a row of `outer` numbers per group), not from zero. `conv` only. */
export const convInitFlag = 1
/** Bit of `flags`: the result is `max(x, 0)`, NaN kept. `conv` only. */
export const convReluFlag = 2

/** Scratch memory begins with this many numbers: an edge tile and a line of zeros. */
export const convHeadFloats = 64
/**
 * Positions that `convKernel` packs at a time, if a row of its kernel is not longer: 8 numbers of scratch memory each.
 * Their pixels stay in the first-level cache, on a line each, for all rows of the result.
 */
export const convBlockPositions = 128
/** Rows and pixels of a padded image may be this many numbers further apart than need be. */
export const convSpreadFloats = 16
