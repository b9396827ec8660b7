/**
 * Convolutions as users know them, in tfjs's names and order of arguments: filters over images, sequences and volumes.
 *
 * All of them are one primitive (tracer/ops/convolution.ts) with its axes in the right parts. Channels may come last or
 * first; the number of groups follows from the shapes, as in TensorFlow: a filter with a third of the input's channels
 * makes three groups. A depthwise convolution has a group per channel. A filter of one element is a matrix product.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { multiplySizes, printShape, type Size, sizesEqual, subtractSizes } from '../../codegen/size.ts'
import { convertTogether, type TensorLike } from '../../tracer/convert.ts'
import { printType, type TensorType } from '../../tracer/ir/type.ts'
import { at, operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import { conv, type ConvolutionAttrs } from '../../tracer/ops/convolution.ts'
import { dot } from '../../tracer/ops/dot.ts'
import { expandDims, reshape } from '../../tracer/ops/movement.ts'
import { lastIndex } from '../../tracer/ops/sizes.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { groupsOf, inputText, joinChannels, type Layout, layoutOf, splitChannels } from './channels.ts'
import { type Padding, placeWindows, type Windows } from './windows.ts'

/** Numbers per axis of space, or one for all. */
type PerAxis<Pair> = number | Pair

/** The two operands, the input with a batch axis, and what removes that again. */
interface Operands {
  readonly x: Tensor
  readonly filter: Tensor
  readonly finish: (y: Tensor) => Tensor
}

function operandsOf(
  op: string,
  x: TensorLike,
  filter: TensorLike,
  rank: number,
  filterRank = rank + 2,
): Operands {
  const [input, kernel] = convertTogether(op, [
    ['x', x],
    ['filter', filter],
  ]) as [Tensor, Tensor]
  const batched = input.rank === rank + 2
  if ((!batched && input.rank !== rank + 1) || kernel.rank !== filterRank)
    throw new ShapeError({
      op,
      problem: `x needs rank ${rank + 2} (or ${rank + 1} without a batch) and the filter rank ${filterRank}`,
      rows: operandRows([input.type, kernel.type], ['x', 'filter']),
      fix: 'add axes with expandDims or reshape.',
    })
  return {
    x: batched ? input : expandDims(input, 0),
    filter: kernel,
    finish: batched ? (y) => y : (y) => reshape(y, y.type.shape.slice(1)),
  }
}

const digits = (rank: number): string => Array.from({ length: rank }, (_, d) => d).join('')

interface Request {
  readonly op: string
  readonly rank: number
  readonly strides: number | readonly number[]
  readonly pad: Padding
  readonly dataFormat: string
  readonly dilations: number | readonly number[]
}

/** Where the windows of a filter lie in an input. */
function windowsOf(
  request: Omit<Request, 'rank' | 'dataFormat'>,
  input: TensorType,
  filter: TensorType,
  { spatial }: Layout,
): Windows {
  return placeWindows({
    ...request,
    input,
    spatial,
    sizes: filter.shape.slice(0, spatial.length),
    rows: [['filter', printType(filter)]],
  })
}

/** A convolution over `rank` axes of space. */
function convolve(x: TensorLike, filter: TensorLike, request: Request): Tensor {
  const { op, rank, strides, pad, dilations } = request
  const layout = layoutOf(op, request.dataFormat, rank)
  const operands = operandsOf(op, x, filter, rank)
  const { type } = operands.filter
  const windows = windowsOf({ op, strides, dilations, pad }, operands.x.type, type, layout)
  const groups = groupsOf(op, operands.x.type, layout.channel, type)
  const common = {
    strides: windows.strides,
    low: windows.low,
    sizes: windows.counts,
    kernelDilations: windows.dilations,
    inputDilations: windows.strides.map(() => 1),
    reversed: false,
  }
  if (groups > 1) return operands.finish(grouped(operands, layout, groups, common))
  if (isPointwise(type.shape.slice(0, rank), common, pad) && layout.channelsLast)
    return operands.finish(
      dot(operands.x, reshape(operands.filter, type.shape.slice(rank)), {
        contractA: [layout.channel],
        contractB: [0],
        batchA: [],
        batchB: [],
      }),
    )
  const text = inputText(layout, rank)
  return operands.finish(
    conv(operands.x, operands.filter, { ...common, axes: `${text},${digits(rank)}io->${text}` }),
  )
}

/** True when every window is one element, and each element a window. */
function isPointwise(sizes: readonly Size[], attrs: Omit<ConvolutionAttrs, 'axes'>, pad: Padding): boolean {
  return (
    sizes.every((size) => size === 1) &&
    attrs.strides.every((stride) => stride === 1) &&
    (typeof pad === 'string' || pad === 0)
  )
}

function grouped(
  { x, filter }: Operands,
  layout: Layout,
  groups: number,
  attrs: Omit<ConvolutionAttrs, 'axes'>,
): Tensor {
  const rank = layout.spatial.length
  const text = inputText(layout, rank, true)
  const y = conv(splitChannels(x, layout.channel, groups), splitChannels(filter, rank + 1, groups), {
    ...attrs,
    axes: `${text},${digits(rank)}igo->${text}`,
  })
  return joinChannels(y, layout.channel)
}

/**
 * Convolves sequences `x` [batch, width, channels] (or without batch) with `filter` [size, channels, filters], giving
 * [batch, width′, filters]. float32, float64 or int32. See `conv2d` for the arguments.
 *
 * @throws ShapeError when ranks or channels do not fit or a window is longer than the input; ValueError for strides,
 * padding or formats that make no sense; DTypeError for different dtypes or bool.
 * @example
 * tf.conv1d(tf.tensor([1, 2, 3], [1, 3, 1]), tf.ones([2, 1, 1]), 1, 'valid') // [[[3], [5]]]
 */
export function conv1d(
  x: TensorLike,
  filter: TensorLike,
  stride: number,
  pad: Padding,
  dataFormat: 'NWC' | 'NCW' = 'NWC',
  dilation = 1,
): Tensor {
  return convolve(x, filter, { op: 'conv1d', rank: 1, strides: stride, pad, dataFormat, dilations: dilation })
}

/**
 * Convolves images `x` [batch, height, width, channels] (or without batch) with `filter` [filterHeight, filterWidth,
 * channels / groups, filters]: y[b, i, j, f] = Σ x[b, i·stride + di·dilation − before, …, c] · filter[di, dj, c, f] (no
 * reversal of the filter). float32, float64 or int32, the same for both. Differentiable in both any number of times.
 *
 * @param strides distance of windows: a number or [vertical, horizontal].
 * @param pad `'valid'`, `'same'` (as TensorFlow: an odd element goes behind), a number of zeros on each side, or pairs
 * [before, after], one per axis of `x` or one per axis of space.
 * @param dataFormat `'NHWC'`, or `'NCHW'` for channels before height and width, in `x` and in the result.
 * @param dilations distance of the elements of a window: a number or [vertical, horizontal].
 * @throws ShapeError when ranks or channels do not fit or a window is larger than the input; ValueError for strides,
 * padding or formats that make no sense; DTypeError for different dtypes or bool.
 * @example
 * const x = tf.tensor([[[[1], [2]], [[3], [4]]]])
 * tf.conv2d(x, tf.ones([2, 2, 1, 1]), 1, 'valid') // [[[[10]]]]
 * x.conv2d(tf.ones([2, 2, 1, 1]), 1, 'same') // [[[[10], [6]], [[7], [4]]]]
 */
export function conv2d(
  x: TensorLike,
  filter: TensorLike,
  strides: PerAxis<readonly [number, number]>,
  pad: Padding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
  dilations: PerAxis<readonly [number, number]> = 1,
): Tensor {
  return convolve(x, filter, { op: 'conv2d', rank: 2, strides, pad, dataFormat, dilations })
}

/**
 * Convolves volumes `x` [batch, depth, height, width, channels] (or without batch) with `filter` [depth, height, width,
 * channels, filters]. See `conv2d` for the arguments; runs as plain loops.
 *
 * @throws like conv2d.
 * @example
 * tf.conv3d(tf.ones([1, 2, 2, 2, 1]), tf.ones([2, 2, 2, 1, 1]), 1, 'valid') // [[[[[8]]]]]
 */
export function conv3d(
  x: TensorLike,
  filter: TensorLike,
  strides: PerAxis<readonly [number, number, number]>,
  pad: Padding,
  dataFormat: 'NDHWC' | 'NCDHW' = 'NDHWC',
  dilations: PerAxis<readonly [number, number, number]> = 1,
): Tensor {
  return convolve(x, filter, { op: 'conv3d', rank: 3, strides, pad, dataFormat, dilations })
}

/**
 * Convolves each channel of `x` [batch, height, width, channels] (or without batch) on its own with `filter` [height,
 * width, channels, multiplier]: channel c gives the channels c·multiplier … of the result. See `conv2d` for the arguments.
 *
 * @throws like conv2d.
 * @example
 * tf.depthwiseConv2d([[[[1, 2]]]], [[[[3], [4]]]], 1, 'valid') // [[[[3, 8]]]]
 */
export function depthwiseConv2d(
  x: TensorLike,
  filter: TensorLike,
  strides: PerAxis<readonly [number, number]>,
  pad: Padding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
  dilations: PerAxis<readonly [number, number]> = 1,
): Tensor {
  const op = 'depthwiseConv2d'
  const layout = layoutOf(op, dataFormat, 2)
  const operands = operandsOf(op, x, filter, 2)
  const { type } = operands.filter
  const channels = sizeAt(type.shape, 2)
  if (sizesEqual(channels, sizeAt(operands.x.type.shape, layout.channel)) === false)
    throw new ShapeError({
      op,
      problem: 'the numbers of channels differ',
      rows: operandRows([operands.x.type, type], ['x', 'filter']),
      fix: 'the filter has the shape [height, width, channels, multiplier].',
    })
  const windows = windowsOf({ op, strides, dilations, pad }, operands.x.type, type, layout)
  const text = inputText(layout, 2, true)
  const y = conv(expandDims(operands.x, layout.channel + 1), expandDims(operands.filter, 3), {
    axes: `${text},01gio->${text}`,
    strides: windows.strides,
    low: windows.low,
    sizes: windows.counts,
    kernelDilations: windows.dilations,
    inputDilations: [1, 1],
    reversed: false,
  })
  return operands.finish(joinChannels(y, layout.channel))
}

/**
 * A depthwise convolution followed by a filter of one element: `depthwiseFilter` [height, width, channels, multiplier],
 * `pointwiseFilter` [1, 1, channels·multiplier, filters]. See `conv2d` for the arguments.
 *
 * @throws like conv2d.
 * @example
 * tf.separableConv2d([[[[1, 2]]]], [[[[3], [4]]]], [[[[1], [1]]]], 1, 'valid') // [[[[11]]]]
 */
export function separableConv2d(
  x: TensorLike,
  depthwiseFilter: TensorLike,
  pointwiseFilter: TensorLike,
  strides: PerAxis<readonly [number, number]>,
  pad: Padding,
  dilations: PerAxis<readonly [number, number]> = 1,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
): Tensor {
  const y = depthwiseConv2d(x, depthwiseFilter, strides, pad, dataFormat, dilations)
  const { filter } = operandsOf('separableConv2d', y, pointwiseFilter, 2)
  if (filter.type.shape[0] !== 1 || filter.type.shape[1] !== 1)
    throw new ShapeError({
      op: 'separableConv2d',
      problem: 'the pointwise filter is larger than one element',
      rows: operandRows([filter.type], ['pointwiseFilter']),
      fix: 'give it the shape [1, 1, channels·multiplier, filters].',
    })
  return conv2d(y, filter, 1, 'valid', dataFormat)
}

/**
 * The transpose of a convolution: from its results `x` [batch, height, width, channels] (or without batch) back to
 * `outputShape`, with `filter` [filterHeight, filterWidth, outputChannels, channels]. It is the gradient of `conv2d` with
 * respect to its input, which must be able to make a tensor like `x` out of one of `outputShape`.
 *
 * @param outputShape shape of the result, with batch if `x` has one.
 * @throws ShapeError when a convolution of that stride and padding would not lead from `outputShape` to `x`; otherwise like
 * conv2d.
 * @example
 * tf.conv2dTranspose(tf.ones([1, 1, 1, 1]), tf.ones([2, 2, 1, 1]), [1, 2, 2, 1], 2, 'valid') // [[[[1], [1]], [[1], [1]]]]
 */
export function conv2dTranspose(
  x: TensorLike,
  filter: TensorLike,
  outputShape: readonly Size[],
  strides: PerAxis<readonly [number, number]>,
  pad: Padding,
  dataFormat: 'NHWC' | 'NCHW' = 'NHWC',
  dilations: PerAxis<readonly [number, number]> = 1,
): Tensor {
  const op = 'conv2dTranspose'
  const layout = layoutOf(op, dataFormat, 2)
  const operands = operandsOf(op, x, filter, 2)
  const { type } = operands.filter
  const given = operands.x.type.shape
  if (outputShape.length !== 4 && outputShape.length !== 3)
    throw new ValueError({ op, problem: `outputShape is ${printShape(outputShape)}`, fix: 'give 4 sizes.' })
  const shape = outputShape.length === 3 ? [sizeAt(given, 0), ...outputShape] : outputShape
  const input = { dtype: operands.x.dtype, shape }
  const windows = windowsOf({ op, strides, dilations, pad }, input, type, layout)
  const expected = shape.map((size, axis) => {
    if (axis === 0) return size
    return axis === layout.channel ? sizeAt(type.shape, 3) : at(windows.counts, layout.spatial.indexOf(axis))
  })
  const fits = expected.every((size, axis) => sizesEqual(size, at(given, axis)) !== false)
  if (!fits || sizesEqual(sizeAt(shape, layout.channel), sizeAt(type.shape, 2)) === false)
    throw new ShapeError({
      op,
      problem: `a convolution from ${printShape(shape)} gives ${printShape(expected)}, not the shape of x`,
      rows: operandRows([operands.x.type, type], ['x', 'filter']),
      fix: 'the filter has the shape [height, width, outputChannels, channels]; choose outputShape to match.',
    })
  const text = inputText(layout, 2)
  const y = conv(operands.x, operands.filter, {
    axes: `${text},01oi->${text}`,
    strides: [1, 1],
    low: windows.low.map((low, d) =>
      subtractSizes(multiplySizes(lastIndex(sizeAt(type.shape, d)), at(windows.dilations, d)), low),
    ),
    sizes: layout.spatial.map((axis) => sizeAt(shape, axis)),
    kernelDilations: windows.dilations,
    inputDilations: windows.strides,
    reversed: true,
  })
  return operands.finish(y)
}
