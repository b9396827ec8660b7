/**
 * `tf.image`: images are [batch, height, width, channels]; where a single [height, width, channels] is taken too, it says
 * so. Resizing and cropping gather pixels at computed places and mix them, so gradients flow to the images. The places are
 * TensorFlow's: pixel i of n is at i·(size/n), with `alignCorners` at i·(size−1)/(n−1), and with `halfPixelCenters` the
 * centres of pixels are compared instead of their corners.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { multiplySizes, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { operandRows, sizeAt } from '../../tracer/ops/arguments.ts'
import {
  add,
  broadcastTo,
  cast,
  ceil,
  constant,
  expandDims,
  floor,
  gather,
  greaterEqual,
  lessEqual,
  logicalAnd,
  maximum,
  minimum,
  mul,
  reduceSum,
  reshape,
  reverse,
  sliceAxis,
  sub,
  where,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { knownSize, requireCount, requireInteger } from './checks.ts'

export {
  nonMaxSuppression,
  nonMaxSuppressionWithScore,
  type SuppressionOptions,
} from './non-max-suppression.ts'

function requireImages(op: string, x: TensorLike, single = false): Tensor {
  const tensor = convertToTensor(x, { op })
  if (tensor.rank === 4 || (single && tensor.rank === 3)) return tensor
  throw new ShapeError({
    op,
    problem: `images are [batch, height, width, channels]${single ? ' or [height, width, channels]' : ''}`,
    rows: [['images', printType(tensor.type)]],
    fix: 'use expandDims or reshape.',
  })
}

/** Mirrors images left to right; also a single one, any dtype. Throws ShapeError for another rank. */
export function flipLeftRight(images: TensorLike): Tensor {
  const tensor = requireImages('image.flipLeftRight', images, true)
  return reverse(tensor, [tensor.rank - 2])
}

/** Mirrors images upside down; also a single one, any dtype. Throws ShapeError for another rank. */
export function flipUpDown(images: TensorLike): Tensor {
  const tensor = requireImages('image.flipUpDown', images, true)
  return reverse(tensor, [tensor.rank - 3])
}

function requireChannels(op: string, x: TensorLike, count: number): Tensor {
  const tensor = convertToTensor(x, { op })
  const channels = tensor.type.shape.at(-1)
  if (channels === count || (channels !== undefined && typeof channels !== 'number')) return tensor
  throw new ShapeError({
    op,
    problem: `the last axis must have ${count} ${count === 1 ? 'channel' : 'channels'}`,
    rows: [['images', printType(tensor.type)]],
    fix: count === 1 ? 'use expandDims(images, -1).' : 'slice or stack the channels.',
  })
}

/**
 * The luma of colours: 0.2989·red + 0.587·green + 0.114·blue of the last axis, which becomes 1; integers are rounded down.
 *
 * @throws ShapeError when the last axis is not 3.
 * @example tf.image.rgbToGrayscale([[[255, 255, 255]]]).shape // [1, 1, 1]
 */
export function rgbToGrayscale(images: TensorLike): Tensor {
  const tensor = requireChannels('image.rgbToGrayscale', images, 3)
  const isDouble = tensor.dtype === 'float64'
  const weights = constant(isDouble ? 'float64' : 'float32', [3], [0.2989, 0.587, 0.114])
  const gray = reduceSum(mul(isDouble ? tensor : cast(tensor, 'float32'), weights), [tensor.rank - 1])
  return cast(expandDims(gray, -1), tensor.dtype)
}

/** Grey images as colours: the last axis, which is 1, becomes 3. Throws ShapeError when it is not 1. */
export function grayscaleToRGB(images: TensorLike): Tensor {
  const tensor = requireChannels('image.grayscaleToRGB', images, 1)
  return broadcastTo(tensor, [...tensor.type.shape.slice(0, -1), 3])
}

function requireSize(op: string, size: readonly number[]): readonly [number, number] {
  const [height, width] = size
  if (size.length !== 2 || height === undefined || width === undefined)
    throw new ValueError({ op, problem: `the size is [${size.join(', ')}]`, fix: 'use [height, width].' })
  requireCount(op, 'the height', height, 1)
  requireCount(op, 'the width', width, 1)
  return [height, width]
}

/** Where the pixels of a resized axis lie in the old one, in float32. */
function placesOf(from: number, to: number, alignCorners: boolean, halfPixelCenters: boolean): number[] {
  const scale = Math.fround(alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to)
  return Array.from({ length: to }, (_, i) =>
    halfPixelCenters ? Math.fround(Math.fround((i + 0.5) * scale) - 0.5) : Math.fround(i * scale),
  )
}

function requireOneRule(op: string, alignCorners: boolean, halfPixelCenters: boolean): void {
  if (alignCorners && halfPixelCenters)
    throw new ValueError({
      op,
      problem: 'corners and centres cannot both be aligned',
      fix: 'use either alignCorners or halfPixelCenters.',
    })
}

/** Resizes both axes of images, or of a single one, with a function for one axis. */
function resized(
  op: string,
  images: TensorLike,
  size: readonly number[],
  alongAxis: (x: Tensor, axis: number, from: number, to: number) => Tensor,
): Tensor {
  const tensor = requireImages(op, images, true)
  const [height, width] = requireSize(op, size)
  const axis = tensor.rank - 3
  const wide = alongAxis(tensor, axis + 1, knownSize(op, tensor.type, axis + 1), width)
  return alongAxis(wide, axis, knownSize(op, tensor.type, axis), height)
}

/**
 * Images of another size, [height, width], each pixel mixed from the four around its place; also a single image. float32,
 * or float64 for float64. The sizes of the images must be known.
 *
 * @throws ShapeError for another rank, ValueError for a bad size or both kinds of alignment.
 * @example tf.image.resizeBilinear([[[1], [3]]], [1, 4]) // [[[1], [2], [3], [3]]]
 */
export function resizeBilinear(
  images: TensorLike,
  size: readonly [number, number],
  alignCorners = false,
  halfPixelCenters = false,
): Tensor {
  const op = 'image.resizeBilinear'
  requireOneRule(op, alignCorners, halfPixelCenters)
  const tensor = convertToTensor(images, { op })
  const floats = tensor.dtype === 'float64' ? tensor : cast(tensor, 'float32')
  return resized(op, floats, size, (x, axis, from, to) => {
    const places = placesOf(from, to, alignCorners, halfPixelCenters)
    const at = (round: (place: number) => number): Tensor =>
      gather(
        x,
        constant(
          'int32',
          [to],
          places.map((place) => Math.min(Math.max(round(place), 0), from - 1)),
        ),
        { axis },
      )
    const [low, high] = [at(Math.floor), at(Math.ceil)]
    const shape = Array.from({ length: x.rank - axis }, (_, i) => (i === 0 ? to : 1))
    const part = constant(
      x.dtype,
      shape,
      places.map((place) => Math.fround(place - Math.floor(place))),
    )
    return add(low, mul(sub(high, low), part))
  })
}

/**
 * Images of another size, [height, width], each pixel the nearest one of its place; also a single image, any dtype. The
 * sizes of the images must be known.
 *
 * @throws ShapeError for another rank, ValueError for a bad size or both kinds of alignment.
 * @example tf.image.resizeNearestNeighbor([[[1], [3]]], [1, 4]) // [[[1], [1], [3], [3]]]
 */
export function resizeNearestNeighbor(
  images: TensorLike,
  size: readonly [number, number],
  alignCorners = false,
  halfPixelCenters = false,
): Tensor {
  const op = 'image.resizeNearestNeighbor'
  requireOneRule(op, alignCorners, halfPixelCenters)
  return resized(op, images, size, (x, axis, from, to) => {
    // Half a pixel is added to both sides of a centre, so that it falls into the pixel it is in.
    const places = placesOf(from, to, alignCorners, halfPixelCenters).map((place) =>
      alignCorners ? Math.round(place) : Math.floor(halfPixelCenters ? place + 0.5 : place),
    )
    const indices = places.map((place) => Math.min(Math.max(place, 0), from - 1))
    return gather(x, constant('int32', [to], indices), { axis })
  })
}

/** The places of a cropped axis, [boxes, count], in pixels of images with `size` of them. */
function cropPlaces(from: Tensor, until: Tensor, count: number, size: number): Tensor {
  const last = size - 1
  if (count === 1) return expandDims(mul(add(from, until), 0.5 * last), 1)
  const steps = constant(
    'float32',
    [1, count],
    Array.from({ length: count }, (_, i) => i),
  )
  const step = mul(sub(until, from), last / (count - 1))
  return add(expandDims(mul(from, last), 1), mul(expandDims(step, 1), steps))
}

/**
 * Cut-outs of images, resized to one size [height, width]: `boxes` [count, 4] holds y₁, x₁, y₂, x₂ as fractions of the
 * images' last row and column (outside 0 … 1 there is `extrapolationValue`; a box with y₁ > y₂ is flipped), `boxInd`
 * int32[count] the image of each. float32 [count, height, width, channels].
 *
 * @throws ShapeError when the shapes do not fit, CheckError for an image that is not there, ValueError for a bad size.
 * @example tf.image.cropAndResize([[[[1], [3]], [[5], [7]]]], [[0, 0, 1, 1]], [0], [1, 1]) // [[[[4]]]]
 */
export function cropAndResize(
  images: TensorLike,
  boxes: TensorLike,
  boxInd: TensorLike,
  cropSize: readonly [number, number],
  method: 'bilinear' | 'nearest' = 'bilinear',
  extrapolationValue = 0,
): Tensor {
  const op = 'image.cropAndResize'
  const tensor = cast(requireImages(op, images), 'float32')
  const given = convertToTensor(boxes, { op, dtype: 'float32' })
  const owner = requireInteger(op, boxInd, 'boxInd')
  const [rows, columns] = requireSize(op, cropSize)
  if (given.rank !== 2 || given.shape[1] !== 4 || owner.rank !== 1)
    throw new ShapeError({
      op,
      problem: 'boxes are [count, 4] and boxInd is [count]',
      rows: operandRows([tensor.type, given.type, owner.type], ['images', 'boxes', 'boxInd']),
      fix: 'reshape them.',
    })
  const [height, width] = [knownSize(op, tensor.type, 1), knownSize(op, tensor.type, 2)]
  const channels = sizeAt(tensor.type.shape, 3)
  const count = sizeAt(given.type.shape, 0)
  const side = (i: number): Tensor => reshape(sliceAxis(given, 1, i, 1), [count])
  const y = expandDims(cropPlaces(side(0), side(2), rows, height), 2)
  const x = expandDims(cropPlaces(side(1), side(3), columns, width), 1)
  const pixels = reshape(tensor, [multiplySizes(sizeAt(tensor.type.shape, 0), height, width), channels])
  const pixelAt = (row: Tensor, column: Tensor): Tensor => {
    const inside = (place: Tensor, size: number): Tensor =>
      cast(minimum(maximum(place, 0), size - 1), 'int32')
    const image = mul(reshape(owner, [count, 1, 1]), height)
    const index = add(mul(add(image, inside(row, height)), width), inside(column, width))
    return gather(pixels, index)
  }
  const sampled = (): Tensor => {
    // Halves are rounded up.
    if (method === 'nearest') return pixelAt(floor(add(y, 0.5)), floor(add(x, 0.5)))
    const [top, bottom, left, right] = [floor(y), ceil(y), floor(x), ceil(x)]
    const [down, across] = [expandDims(sub(y, top), -1), expandDims(sub(x, left), -1)]
    const mixed = (row: Tensor): Tensor => {
      const [first, second] = [pixelAt(row, left), pixelAt(row, right)]
      return add(first, mul(sub(second, first), across))
    }
    const [above, below] = [mixed(top), mixed(bottom)]
    return add(above, mul(sub(below, above), down))
  }
  const within = (place: Tensor, size: number): Tensor =>
    logicalAnd(greaterEqual(place, 0), lessEqual(place, size - 1))
  const shape: Size[] = [count, rows, columns, channels]
  const isInside = expandDims(logicalAnd(within(y, height), within(x, width)), -1)
  return where(broadcastTo(isInside, shape), sampled(), extrapolationValue)
}
