/**
 * Jacobians from backward sweeps.
 *
 * A sweep gives the gradient of one weighted sum of the target, so the rows of a Jacobian are sweeps with one-hot
 * weights, stacked. A batch Jacobian has one row for each element of an example: its weights select that element in
 * every example at once, which is right because examples do not depend on each other.
 */
import { allocate } from '../../codegen/dtype.ts'
import { ShapeError, TraceError } from '../../codegen/errors.ts'
import { elementCount, isStaticShape, sizesEqual } from '../../codegen/size.ts'
import { printType, type Shape } from '../ir/type.ts'
import { broadcastTo } from '../ops/broadcast.ts'
import { cast } from '../ops/cast.ts'
import { concat } from '../ops/concat.ts'
import { iota } from '../ops/create.ts'
import { equal } from '../ops/logical.ts'
import { reshape } from '../ops/movement.ts'
import { type Tensor, tensorOf } from '../tensor.ts'
import { isTracing } from '../trace/bind.ts'

/** Most operands of one concatenation: rows are joined in a tree, so that no kernel grows with their number. */
const mostJoined = 16

/** Joins tensors of one type along an axis. */
function join(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length <= mostJoined) return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, axis)
  const joined: Tensor[] = []
  for (let i = 0; i < parts.length; i += mostJoined) joined.push(join(parts.slice(i, i + mostJoined), axis))
  return join(joined, axis)
}

/** A tensor of `shape`, all sizes numbers, that is 1 at the element `at` in row-major order and 0 elsewhere. */
function oneHot(target: Tensor, shape: readonly number[], count: number, at: number): Tensor {
  if (isTracing()) return reshape(cast(equal(iota([count]), at), target.dtype), shape)
  const data = allocate(target.dtype, count)
  data[at] = 1
  return tensorOf(target.dtype, shape, data)
}

function staticShape(op: string, target: Tensor, shape: Shape): readonly number[] {
  if (isStaticShape(shape)) return shape
  throw new TraceError({
    op,
    problem: `the target ${printType(target.type)} has sizes that are not known while tracing, so its elements cannot be counted`,
    fix: 'give these axes a size in the signature.',
  })
}

/** The weights of the sweeps for a Jacobian of `target`: one per element. */
export function jacobianSeeds(target: Tensor): readonly Tensor[] {
  const shape = staticShape('tape.jacobian', target, target.type.shape)
  const count = elementCount(shape) as number
  return Array.from({ length: count }, (_, i) => oneHot(target, shape, count, i))
}

/** The Jacobian with respect to one source, of the target's shape followed by the source's. */
export function jacobianOf(target: Tensor, source: Shape, rows: readonly Tensor[]): Tensor {
  const shape = [...target.type.shape, ...source]
  const [first] = rows
  if (first === undefined) return broadcastTo(cast(0, target.dtype), shape)
  return reshape(
    join(
      rows.map((row) => reshape(row, [1, ...source])),
      0,
    ),
    shape,
  )
}

/** Throws ShapeError unless target and source are both batches, of the same number of examples. */
export function checkBatches(target: Tensor, source: { readonly type: Tensor['type'] }): void {
  const op = 'tape.batchJacobian'
  const rows = [
    ['target', printType(target.type)],
    ['source', printType(source.type)],
  ]
  for (const [name, { shape }] of [
    ['target', target.type],
    ['source', source.type],
  ] as const)
    if (shape.length < 2)
      throw new ShapeError({
        op,
        problem: `the ${name}'s shape must have rank at least 2`,
        rows,
        fix: 'the first axis counts examples; use tape.jacobian for a single one.',
      })
  if (sizesEqual(target.type.shape[0] ?? 0, source.type.shape[0] ?? 0) === false)
    throw new ShapeError({
      op,
      problem: 'the first dimensions of target and source must match',
      rows,
      fix: 'both count the same examples.',
    })
}

/** The weights of the sweeps for a batch Jacobian: one per element of an example. */
export function batchSeeds(target: Tensor): readonly Tensor[] {
  const inner = staticShape('tape.batchJacobian', target, target.type.shape.slice(1))
  const count = elementCount(inner) as number
  return Array.from({ length: count }, (_, i) =>
    broadcastTo(oneHot(target, inner, count, i), target.type.shape),
  )
}

/** The batch Jacobian: examples, then an example's target shape, then an example's source shape. */
export function batchJacobianOf(target: Tensor, source: Shape, rows: readonly Tensor[]): Tensor {
  const [examples = 0, ...inner] = source
  const shape = [...target.type.shape, ...inner]
  const [first] = rows
  if (first === undefined) return broadcastTo(cast(0, target.dtype), shape)
  return reshape(
    join(
      rows.map((row) => reshape(row, [examples, 1, ...inner])),
      1,
    ),
    shape,
  )
}
