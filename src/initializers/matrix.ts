/** Initializers for matrices: orthogonal ones (Saxe et al. 2014) and the identity. */
import { ShapeError } from '../../codegen/errors.ts'
import { printShape } from '../../codegen/size.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { eagerTrace, withTrace } from '../../tracer/trace/bind.ts'
import { eye, mul, tensor } from '../math/index.ts'
import { type Initializer, type RandomOptions, randomNormal } from './basic.ts'

/**
 * Makes the columns of a tall matrix orthonormal, in float64: each loses its parts along those before it, twice, so that
 * rounding does not spoil the angles. The factor that makes R's diagonal positive is the one that is kept.
 */
function orthonormalColumns(numbers: Float64Array, rows: number, columns: number): void {
  const at = (i: number, j: number): number => numbers[i * columns + j] ?? 0
  for (let j = 0; j < columns; j++) {
    for (let pass = 0; pass < 2; pass++)
      for (let before = 0; before < j; before++) {
        let product = 0
        for (let i = 0; i < rows; i++) product += at(i, before) * at(i, j)
        for (let i = 0; i < rows; i++) numbers[i * columns + j] = at(i, j) - product * at(i, before)
      }
    let squares = 0
    for (let i = 0; i < rows; i++) squares += at(i, j) ** 2
    const length = Math.sqrt(squares)
    for (let i = 0; i < rows; i++) numbers[i * columns + j] = at(i, j) / length
  }
}

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer, times `gain` (1 unless given); all axes but the
 * last count as rows.
 *
 * @throws ShapeError for fewer than two axes
 * @example tf.initializers.orthogonal({ seed: 1 })([4, 4])
 */
export function orthogonal(options: RandomOptions & { readonly gain?: number } = {}): Initializer {
  const { gain = 1, ...random } = options
  return (shape, dtype = 'float32') => {
    const last = shape.at(-1)
    if (shape.length < 2 || last === undefined)
      throw new ShapeError({
        op: 'orthogonal',
        problem: `${printShape(shape)} has fewer than two axes`,
        fix: 'use another initializer for vectors.',
      })
    const height = shape.slice(0, -1).reduce((product, size) => product * size, 1)
    const [rows, columns] = [Math.max(height, last), Math.min(height, last)]
    return withTrace(eagerTrace(), () => {
      const numbers = Float64Array.from(
        randomNormal({ ...random, mean: 0, std: 1 })([rows, columns], dtype).data(),
      )
      orthonormalColumns(numbers, rows, columns)
      const matrix = tensor(numbers, [rows, columns], dtype)
      return mul((height < last ? matrix.transpose() : matrix).reshape(shape), gain)
    })
  }
}

/**
 * The identity matrix times `gain` (1 unless given).
 *
 * @throws ShapeError for anything but two axes
 */
export function identity(gain = 1): Initializer {
  return (shape, dtype = 'float32'): Tensor => {
    const [rows, columns] = shape
    if (shape.length === 2 && rows !== undefined && columns !== undefined)
      return mul(eye(rows, columns).cast(dtype), gain)
    throw new ShapeError({
      op: 'identity',
      problem: `${printShape(shape)} is not the shape of a matrix`,
      fix: 'use it for weights with two axes.',
    })
  }
}
