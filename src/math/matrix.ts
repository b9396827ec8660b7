/** Parts of matrices: bands and traces over the last two axes, found by comparing row and column numbers. */
import { ShapeError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import {
  equal,
  greaterEqual,
  iota,
  lessEqual,
  logicalAnd,
  reduceSum,
  sub,
  where,
  zerosLike,
} from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'

/** The shape of the matrices in `x`. */
function matrixShape(op: string, x: Tensor): readonly Size[] {
  const shape = x.type.shape.slice(-2)
  if (shape.length < 2)
    throw new ShapeError({
      op,
      problem: 'a matrix is needed: at least two axes',
      rows: [['x', printType(x.type)]],
      fix: 'use expandDims or reshape.',
    })
  return shape
}

/**
 * The matrices in the last two axes with everything outside a band set to 0: `numLower` diagonals below the main one
 * and `numUpper` above are kept; a negative number keeps all on that side. Any dtype.
 *
 * @throws ShapeError when there are fewer than two axes.
 */
export function bandPart(x: TensorLike, numLower: number, numUpper: number): Tensor {
  const tensor = convertToTensor(x, { op: 'bandPart' })
  const shape = matrixShape('bandPart', tensor)
  const offset = sub(iota(shape, 1), iota(shape, 0))
  const inside: Tensor[] = []
  if (numLower >= 0) inside.push(greaterEqual(offset, -numLower))
  if (numUpper >= 0) inside.push(lessEqual(offset, numUpper))
  const [first, second] = inside
  if (first === undefined) return tensor
  return where(second === undefined ? first : logicalAnd(first, second), tensor, zerosLike(tensor))
}

/** The sum of the main diagonal of the matrices in the last two axes; numeric. Throws ShapeError when there are fewer than two. */
export function trace(x: TensorLike): Tensor {
  const tensor = convertToTensor(x, { op: 'trace' })
  const shape = matrixShape('trace', tensor)
  const diagonal = where(equal(iota(shape, 0), iota(shape, 1)), tensor, zerosLike(tensor))
  return reduceSum(diagonal, [tensor.rank - 2, tensor.rank - 1])
}
