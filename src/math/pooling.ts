/**
 * Pooling in tfjs's names: the maximum or the mean of windows. The mean counts only what lies in the input, as in
 * TensorFlow: padding neither adds to the sum nor to the number of elements it is divided by.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { at, demandDType, floating, operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import { div } from '../../tracer/ops/arithmetic.ts'
import { broadcastTo, filled } from '../../tracer/ops/broadcast.ts'
import { expandDims, reshape } from '../../tracer/ops/movement.ts'
import { type PoolAttrs, poolMax, poolSum } from '../../tracer/ops/pool.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { layoutOf } from './channels.ts'
import { type Padding, perAxis, placeWindows } from './windows.ts'

type PerAxis = number | readonly number[]

interface Request {
  readonly op: string
  readonly kind: 'max' | 'avg'
  readonly rank: number
  readonly windows: PerAxis
  readonly strides: PerAxis
  readonly dilations: PerAxis
  readonly pad: Padding
  readonly dataFormat: string
}

function poolOver(x: TensorLike, request: Request): Tensor {
  const { op, rank, kind } = request
  const layout = layoutOf(op, request.dataFormat, rank)
  const input = convertToTensor(x, { op })
  if (kind === 'avg') demandDType(op, input.type, floating)
  const batched = input.rank === rank + 2
  if (!batched && input.rank !== rank + 1)
    throw new ShapeError({
      op,
      problem: `x needs rank ${rank + 2}, or ${rank + 1} without a batch`,
      rows: operandRows([input.type]),
      fix: 'add axes with expandDims or reshape.',
    })
  const images = batched ? input : expandDims(input, 0)
  const sizes = perAxis(op, 'the window', request.windows, rank)
  const windows = placeWindows({ ...request, input: images.type, spatial: layout.spatial, sizes })
  const attrs: PoolAttrs = {
    axes: layout.spatial,
    windows: sizes,
    strides: windows.strides,
    low: windows.low,
    sizes: windows.counts,
    kernelDilations: windows.dilations,
    inputDilations: sizes.map(() => 1),
  }
  const y =
    kind === 'max'
      ? poolMax(images, attrs)
      : div(poolSum(images, attrs), elementCounts(images, attrs, request.pad))
  return batched ? y : reshape(y, y.type.shape.slice(1))
}

/** How many elements of the input each window has. */
function elementCounts(x: Tensor, attrs: PoolAttrs, pad: Padding): Tensor {
  const { shape } = x.type
  const result = shape.map((size, axis) =>
    attrs.axes.includes(axis) ? at(attrs.sizes, attrs.axes.indexOf(axis)) : size,
  )
  const isPadded = pad !== 0 && !(typeof pad === 'string' && pad.toLowerCase() === 'valid')
  const full = attrs.windows.reduce((product, size) => product * size, 1)
  if (!isPadded) return filled(x.dtype, result, full)
  const ones = filled(
    x.dtype,
    shape.map((_, axis) => (attrs.axes.includes(axis) ? sizeAt(shape, axis) : 1)),
    1,
  )
  return broadcastTo(poolSum(ones, attrs), result)
}

const overImages = { rank: 2, dilations: 1 } as const

/**
 * The maximum of each window of images `x` [batch, height, width, channels] (or without batch). NaN in a window gives NaN;
 * padding never counts. The gradient goes to the first maximum of a window. Numeric dtypes.
 *
 * @param filterSize size of the windows: a number or [height, width].
 * @param strides distance of the windows: a number or [vertical, horizontal].
 * @param pad `'valid'`, `'same'` (as TensorFlow), a number, or pairs [before, after]; see `conv2d`.
 * @throws ShapeError when a window is larger than the input or the rank is wrong; ValueError for sizes, strides, padding
 * or formats that make no sense; DTypeError for bool.
 * @example
 * tf.maxPool([[[1], [2]], [[3], [4]]], 2, 2, 'valid') // [[[4]]]
 */
export function maxPool(
  x: TensorLike,
  filterSize: number | readonly [number, number],
  strides: number | readonly [number, number],
  pad: Padding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
): Tensor {
  return poolOver(x, {
    ...overImages,
    op: 'maxPool',
    kind: 'max',
    windows: filterSize,
    strides,
    pad,
    dataFormat,
  })
}

/**
 * The mean of each window of images `x` [batch, height, width, channels] (or without batch), over what of it lies in the
 * input. float32 or float64. See `maxPool` for the arguments.
 *
 * @throws like maxPool, and DTypeError for integers.
 * @example
 * tf.avgPool([[[1], [2]], [[3], [4]]], 2, 1, 'same') // [[[2.5], [3]], [[3.5], [4]]]
 */
export function avgPool(
  x: TensorLike,
  filterSize: number | readonly [number, number],
  strides: number | readonly [number, number],
  pad: Padding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
): Tensor {
  return poolOver(x, {
    ...overImages,
    op: 'avgPool',
    kind: 'avg',
    windows: filterSize,
    strides,
    pad,
    dataFormat,
  })
}

const formats = ['', 'NWC', 'NHWC', 'NDHWC']

/**
 * Pooling over one, two or three axes of space, as many as `windowShape` has numbers (a single number: two): `x` is
 * [batch, …space, channels], or without batch. See `maxPool` and `avgPool`.
 *
 * @param dilations distance of the elements of a window, default 1.
 * @param strides distance of the windows, default 1.
 * @throws like maxPool.
 * @example
 * tf.pool([[1], [5], [2], [4]], [2], 'max', 'valid', 1, 2) // [[5], [4]]
 */
export function pool(
  x: TensorLike,
  windowShape: number | readonly number[],
  poolingType: 'avg' | 'max',
  pad: Padding,
  dilations: number | readonly number[] = 1,
  strides: number | readonly number[] = 1,
): Tensor {
  const op = 'pool'
  const rank = typeof windowShape === 'number' ? 2 : windowShape.length
  const dataFormat = formats[rank]
  if (dataFormat === undefined || rank === 0 || (poolingType !== 'avg' && poolingType !== 'max'))
    throw new ValueError({
      op,
      problem: `the window is ${JSON.stringify(windowShape)} and the type ${JSON.stringify(poolingType)}`,
      fix: "give a window of one, two or three sizes, and 'avg' or 'max'.",
    })
  return poolOver(x, {
    op,
    kind: poolingType,
    rank,
    windows: windowShape,
    strides,
    dilations,
    pad,
    dataFormat,
  })
}
