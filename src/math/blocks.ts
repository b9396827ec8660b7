/** Elements of images moved between space, batch and channels: reshapes and transposes with padding or cropping. */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { floorDivideSizes, modSizes, multiplySizes, type Size, subtractSizes } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { sizeAt } from '../../tracer/ops/arguments.ts'
import { reshape, sliceAxis, transpose } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireCount } from './checks.ts'
import { pad } from './shape.ts'

/** One [before, after] per axis, or per block axis. */
type Margins = readonly (readonly [before: number, after: number])[]

/** `size` in parts of `by`. Throws ShapeError when it surely cannot be divided. */
function divided(op: string, x: Tensor, size: Size, by: number): Size {
  const rest = modSizes(size, by)
  if (typeof rest === 'number' && rest !== 0)
    throw new ShapeError({
      op,
      problem: `a size of ${String(size)} cannot be divided by ${by}`,
      rows: [['x', printType(x.type)]],
      fix: 'pad or crop first, or use other blocks.',
    })
  return floorDivideSizes(size, by)
}

function requireBlocks(op: string, x: Tensor, blocks: readonly number[], margins: Margins): void {
  for (const block of blocks) requireCount(op, 'a block', block, 1)
  for (const margin of margins) for (const size of margin) requireCount(op, 'a margin', size)
  if (blocks.length === margins.length && blocks.length < x.rank) return
  throw new ValueError({
    op,
    problem: `${blocks.length} blocks and ${margins.length} margins for ${x.rank} axes`,
    rows: [['x', printType(x.type)]],
    fix: 'give one of each per axis after the first, as far as there are blocks.',
  })
}

/**
 * Blocks of the axes after the first become elements of the batch: with blocks b, element (i, j) of each block of
 * b₀ × b₁ goes to another image of the batch. The axes are padded with zeros by `paddings` first. Any dtype.
 *
 * @throws ValueError for blocks and paddings that do not fit the rank, ShapeError when a padded size cannot be divided.
 * @example tf.spaceToBatchND([[[[1], [2]], [[3], [4]]]], [2, 2], [[0, 0], [0, 0]]) // [[[[1]]], [[[2]]], [[[3]]], [[[4]]]]
 */
export function spaceToBatchND(x: TensorLike, blockShape: readonly number[], paddings: Margins): Tensor {
  const op = 'spaceToBatchND'
  const given = convertToTensor(x, { op })
  requireBlocks(op, given, blockShape, paddings)
  const rest = given.rank - 1 - blockShape.length
  const none = [0, 0] as const
  const padded = pad(given, [none, ...paddings, ...Array.from({ length: rest }, () => none)])
  const { shape } = padded.type
  const parts = blockShape.map((block, i) => divided(op, padded, sizeAt(shape, i + 1), block))
  const after = shape.slice(1 + blockShape.length)
  const split = reshape(padded, [
    sizeAt(shape, 0),
    ...parts.flatMap((part, i) => [part, blockShape[i] ?? 1]),
    ...after,
  ])
  const order = [
    ...blockShape.map((_, i) => 2 * i + 2),
    0,
    ...blockShape.map((_, i) => 2 * i + 1),
    ...after.map((_, i) => 1 + 2 * blockShape.length + i),
  ]
  return reshape(transpose(split, order), [
    multiplySizes(sizeAt(shape, 0), ...blockShape),
    ...parts,
    ...after,
  ])
}

/**
 * The inverse of `spaceToBatchND`: images of the batch become blocks, and `crops` is cut off the axes. Any dtype.
 *
 * @throws ValueError for blocks and crops that do not fit the rank, ShapeError when the batch cannot be divided.
 * @example tf.batchToSpaceND([[[[1]]], [[[2]]], [[[3]]], [[[4]]]], [2, 2], [[0, 0], [0, 0]]) // [[[[1], [2]], [[3], [4]]]]
 */
export function batchToSpaceND(x: TensorLike, blockShape: readonly number[], crops: Margins): Tensor {
  const op = 'batchToSpaceND'
  const given = convertToTensor(x, { op })
  requireBlocks(op, given, blockShape, crops)
  const { shape } = given.type
  const count = blockShape.length
  const batch = divided(
    op,
    given,
    sizeAt(shape, 0),
    blockShape.reduce((a, b) => a * b, 1),
  )
  const after = shape.slice(1 + count)
  const split = reshape(given, [...blockShape, batch, ...shape.slice(1)])
  const order = [
    count,
    ...blockShape.flatMap((_, i) => [count + 1 + i, i]),
    ...after.map((_, i) => 2 * count + 1 + i),
  ]
  const sizes = blockShape.map((block, i) => multiplySizes(sizeAt(shape, i + 1), block))
  const whole = reshape(transpose(split, order), [batch, ...sizes, ...after])
  return crops.reduce((image, [before, behind], i) => {
    const size = sizeAt(sizes, i)
    if (typeof size === 'number' && before + behind > size)
      throw new ValueError({
        op,
        problem: `${before} + ${behind} are cut off an axis of ${size}`,
        fix: 'crop less than there is.',
      })
    return before + behind === 0
      ? image
      : sliceAxis(image, i + 1, before, subtractSizes(size, before + behind))
  }, whole)
}

function requireImages(op: string, x: TensorLike, blockSize: number): Tensor {
  const tensor = convertToTensor(x, { op })
  requireCount(op, 'the block size', blockSize, 1)
  if (tensor.rank === 4) return tensor
  throw new ShapeError({
    op,
    problem: 'images are [batch, height, width, channels]',
    rows: [['x', printType(tensor.type)]],
    fix: 'use expandDims.',
  })
}

/**
 * Channels become blocks of space: [n, h, w, b·b·c] becomes [n, h·b, w·b, c]. Any dtype.
 *
 * @throws ShapeError for another rank or channels that cannot be divided, ValueError for a bad block size.
 * @example tf.depthToSpace([[[[1, 2, 3, 4]]]], 2) // [[[[1], [2]], [[3], [4]]]]
 */
export function depthToSpace(x: TensorLike, blockSize: number): Tensor {
  const tensor = requireImages('depthToSpace', x, blockSize)
  const [batch, height, width, depth] = tensor.type.shape as [Size, Size, Size, Size]
  const channels = divided('depthToSpace', tensor, depth, blockSize * blockSize)
  const split = reshape(tensor, [batch, height, width, blockSize, blockSize, channels])
  const space = transpose(split, [0, 1, 3, 2, 4, 5])
  return reshape(space, [batch, multiplySizes(height, blockSize), multiplySizes(width, blockSize), channels])
}

/**
 * Blocks of space become channels: [n, h·b, w·b, c] becomes [n, h, w, b·b·c]. Any dtype.
 *
 * @throws ShapeError for another rank or sizes that cannot be divided, ValueError for a bad block size.
 * @example tf.spaceToDepth([[[[1], [2]], [[3], [4]]]], 2) // [[[[1, 2, 3, 4]]]]
 */
export function spaceToDepth(x: TensorLike, blockSize: number): Tensor {
  const op = 'spaceToDepth'
  const tensor = requireImages(op, x, blockSize)
  const [batch, height, width, channels] = tensor.type.shape as [Size, Size, Size, Size]
  const [rows, columns] = [divided(op, tensor, height, blockSize), divided(op, tensor, width, blockSize)]
  const split = reshape(tensor, [batch, rows, blockSize, columns, blockSize, channels])
  const depth = transpose(split, [0, 1, 3, 2, 4, 5])
  return reshape(depth, [batch, rows, columns, multiplySizes(blockSize * blockSize, channels)])
}
