/**
 * Gather and scatter along one axis, each other's transposes.
 *
 * With operand axes [B…, M…, N, R…], N being the axis and B… the batch axes, and indices [B…, I…], a gather gives
 * [B…, M…, I…, R…], and a scatter takes updates of exactly that shape into an operand. Indices of several axes at once
 * are flattened into one by the composites. What an index outside 0 … N−1 does is the attribute `outside`: 'check'
 * refuses it; 'drop' gathers 0 and scatters nothing.
 */
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import type { Expr } from '../../codegen/expr.ts'
import type { Statement } from '../../codegen/kernel.ts'
import { printShape, printSize } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType, type Shape, type TensorType } from '../ir/type.ts'
import { defineOp, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import {
  at,
  demandDType,
  integral,
  normaliseAxis,
  numeric,
  onlyGradient,
  operandRows,
  readerAt,
  sizeAt,
} from './arguments.ts'
import { zerosLike } from './broadcast.ts'
import {
  axisName,
  badPosition,
  clampIndex,
  elementText,
  firstBad,
  insideRange,
  loopNest,
  positionText,
} from './lowering.ts'
import { mergeShapes, mergeSizes } from './sizes.ts'

/** `axis` counts in the operand; the first `batchDims` axes of operand and indices go together. */
export type IndexingAttrs = {
  readonly axis: number
  readonly batchDims: number
  readonly outside: 'check' | 'drop'
}

/** Checks operand and indices; gives the shape of the gathered elements. */
function gatheredShape(op: string, x: TensorType, indices: TensorType, attrs: IndexingAttrs): Shape {
  const { axis, batchDims } = attrs
  const rows = operandRows([x, indices], ['x', 'indices'])
  demandDType(op, indices, integral, [x, indices], ['x', 'indices'])
  normaliseAxis(op, axis, x.shape.length)
  if (batchDims > axis || batchDims > indices.shape.length || batchDims < 0)
    throw new ShapeError({
      op,
      problem: `${batchDims} batch axes do not fit axis ${axis} and these indices`,
      rows,
      fix: 'use batchDims ≤ axis.',
    })
  const batch = indices.shape
    .slice(0, batchDims)
    .map((size, d) =>
      mergeSizes(sizeAt(x.shape, d), size, () => ({ op, problem: `sizes of batch axis ${d} differ`, rows })),
    )
  return [
    ...batch,
    ...x.shape.slice(batchDims, axis),
    ...indices.shape.slice(batchDims),
    ...x.shape.slice(axis + 1),
  ]
}

/** Splits an index of the gathered shape into the index of the indices and the rest of the operand's index. */
function splitIndex(
  index: readonly Expr[],
  attrs: IndexingAttrs,
  indicesRank: number,
): { forIndices: readonly Expr[]; before: readonly Expr[]; after: readonly Expr[] } {
  const { axis, batchDims } = attrs
  const inner = axis + indicesRank - batchDims
  return {
    forIndices: [...index.slice(0, batchDims), ...index.slice(axis, inner)],
    before: index.slice(0, axis),
    after: index.slice(inner),
  }
}

/** Refuses indices outside the axis; operand 1 are the indices. */
function indexCheck(op: string): NonNullable<OpDefinition<IndexingAttrs>['check']> {
  return {
    code: ({ e, attrs, operands }) => {
      const indices = readerAt(operands, 1)
      const size = sizeAt(readerAt(operands, 0).type.shape, attrs.axis)
      if (attrs.outside === 'drop') return e.const('int32', 0)
      return firstBad(e, indices.type.shape, (index) =>
        e.unary('not', insideRange(e, e.convert(indices.read(index), 'int32'), size)),
      )
    },
    message: (attrs, operands, code, read) => {
      const size = sizeAt(at(operands, 0).shape, attrs.axis)
      const bound = typeof size === 'number' ? ` [0, ${size})` : ` [0, ${printSize(size)})`
      return {
        op,
        problem: `indices${positionText(badPosition(code), operands[1])}${elementText(read(1), badPosition(code))} is not in${bound}`,
        rows: operands.map((type, i) => [
          ['x', 'indices', 'updates'][i] ?? '',
          printType(type),
          ...(i === 0 ? [`axis ${attrs.axis} is ${printSize(size)}`] : []),
        ]),
        fix:
          op === 'gather'
            ? 'clip the indices, or mask them with tf.where.'
            : 'clip the indices, or drop the updates that do not fit.',
      }
    },
  }
}

const gatherOp: OpDefinition<IndexingAttrs> = defineOp<IndexingAttrs>({
  name: 'gather',
  cost: 1,
  type: (operands, attrs) => {
    const x = at(operands, 0)
    return [{ dtype: x.dtype, shape: gatheredShape('gather', x, at(operands, 1), attrs) }]
  },
  gradient: ({ attrs, operands, gradients }) => [
    scatterAdd(zerosLike(at(operands, 0)), at(operands, 1), onlyGradient(gradients), attrs),
    null,
  ],
  check: indexCheck('gather'),
  lower: {
    kind: 'index',
    read: ({ e, attrs, operands }, index) => {
      const [x, indices] = [readerAt(operands, 0), readerAt(operands, 1)]
      const { forIndices, before, after } = splitIndex(index, attrs, indices.type.shape.length)
      const size = sizeAt(x.type.shape, attrs.axis)
      const wanted = e.convert(indices.read(forIndices), 'int32')
      const element = x.read([...before, clampIndex(e, wanted, size), ...after])
      return attrs.outside === 'check'
        ? element
        : e.select(insideRange(e, wanted, size), element, e.const(x.type.dtype, 0))
    },
  },
})

/** Scatters updates into a copy of the operand, one after the other in row-major order. */
function defineScatter(
  name: string,
  label: string,
  combine: 'add' | 'update',
  gradient: OpDefinition<IndexingAttrs>['gradient'],
): OpDefinition<IndexingAttrs> {
  return defineOp<IndexingAttrs>({
    name,
    cost: 100,
    type: (operands, attrs) => {
      const [x, indices, updates] = [at(operands, 0), at(operands, 1), at(operands, 2)]
      const names = ['x', 'indices', 'updates']
      if (combine === 'add') demandDType(label, x, numeric, operands, names)
      if (updates.dtype !== x.dtype)
        throw new DTypeError({
          op: label,
          problem: 'the updates have another dtype',
          rows: operandRows(operands, names),
          fix: `cast them: updates.cast('${x.dtype}').`,
        })
      const expected = gatheredShape(label, x, indices, attrs)
      mergeShapes([expected, updates.shape], () => ({
        op: label,
        problem: `the updates must have the shape ${printShape(expected)}`,
        rows: operandRows(operands, names),
        fix: 'reshape or broadcast the updates.',
      }))
      return [x]
    },
    gradient,
    check: indexCheck(label),
    lower: {
      kind: 'loops',
      build: ({ e, attrs, operands, result, output, axis }) => {
        const [x, indices, updates] = [readerAt(operands, 0), readerAt(operands, 1), readerAt(operands, 2)]
        const copied = result.shape.map((size, d) => axis(axisName(d), size))
        const source = copied.map((a) => e.index(a))
        const copy = loopNest(e, copied, [
          { kind: 'store', buffer: output, index: e.offset(source, result.shape), value: x.read(source) },
        ])
        const size = sizeAt(result.shape, attrs.axis)
        if (size === 0) return copy
        const visited = updates.type.shape.map((n, d) => axis(axisName(d), n))
        const index = visited.map((a) => e.index(a))
        const { forIndices, before, after } = splitIndex(index, attrs, indices.type.shape.length)
        const wanted = e.convert(indices.read(forIndices), 'int32')
        const target = e.offset([...before, clampIndex(e, wanted, size), ...after], result.shape)
        const update = updates.read(index)
        const store: Statement = {
          kind: 'store',
          buffer: output,
          index: target,
          value: combine === 'add' ? e.binary('add', e.load(output, target), update) : update,
        }
        const guarded: Statement =
          attrs.outside === 'check'
            ? store
            : { kind: 'if', condition: insideRange(e, wanted, size), body: [store] }
        return [...copy, ...loopNest(e, visited, [guarded])]
      },
    },
  })
}

const scatterAddOp: OpDefinition<IndexingAttrs> = defineScatter(
  'scatter_add',
  'scatterAdd',
  'add',
  ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    return [g, null, needed[2] === true ? gather(g, at(operands, 1), attrs) : null]
  },
)

const scatterUpdateOp: OpDefinition<IndexingAttrs> = defineScatter(
  'scatter_update',
  'scatterUpdate',
  'update',
  ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const indices = at(operands, 1)
    return [
      needed[0] === true ? scatterUpdate(g, indices, zerosLike(at(operands, 2)), attrs) : null,
      null,
      needed[2] === true ? gather(g, indices, attrs) : null,
    ]
  },
)

/** Options of gather and scatter; the axis may be negative. */
export interface IndexingOptions {
  /** The axis the indices select from. Default: batchDims. */
  readonly axis?: number
  /** How many leading axes of x and indices go together. Default 0. */
  readonly batchDims?: number
  /** What an index out of range does: 'check' throws, 'drop' gathers 0 and scatters nothing. Default 'check'. */
  readonly outside?: 'check' | 'drop'
}

function completeAttrs(op: string, x: Tensor, indices: Tensor, options: IndexingOptions): IndexingAttrs {
  const given = options.batchDims ?? 0
  const batchDims = given < 0 ? given + indices.rank : given
  return {
    axis: normaliseAxis(op, options.axis ?? batchDims, x.rank),
    batchDims,
    outside: options.outside ?? 'check',
  }
}

function indicesTensor(op: string, indices: TensorLike): Tensor {
  return convertToTensor(indices, { op, dtype: 'int32' })
}

/**
 * The elements of `x` (any dtype) at `indices` (int32 or uint8) along an axis: the shape of `x` with that axis replaced
 * by the axes of `indices`, less the batch axes they share.
 *
 * @throws CheckError for an index out of range; ShapeError when batch axes differ; ValueError when the axis does not
 *   exist; DTypeError for float indices.
 * @example tf.gather([10, 20, 30], [2, 0]) // [30, 10]
 */
export function gather(x: TensorLike, indices: TensorLike, options: IndexingOptions = {}): Tensor {
  const tensor = convertToTensor(x, { op: 'gather' })
  const positions = indicesTensor('gather', indices)
  return bindOne(gatherOp, [tensor, positions], completeAttrs('gather', tensor, positions, options))
}

function applyScatter(
  op: OpDefinition<IndexingAttrs>,
  label: string,
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: IndexingOptions,
): Tensor {
  const tensor = convertToTensor(x, { op: label })
  const positions = indicesTensor(label, indices)
  const values = convertToTensor(updates, { op: label, dtype: tensor.dtype })
  return bindOne(op, [tensor, positions, values], completeAttrs(label, tensor, positions, options))
}

/**
 * `x` with `updates` added at `indices` (int32 or uint8) along an axis; repeated indices add up. `updates` has the shape
 * that `gather(x, indices)` has. Numeric dtypes.
 *
 * @throws CheckError for an index out of range; ShapeError when the shapes do not fit; DTypeError for different dtypes.
 * @example scatterAdd([1, 1, 1], [2, 2], [5, 6]) // [1, 1, 12]
 */
export function scatterAdd(
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: IndexingOptions = {},
): Tensor {
  return applyScatter(scatterAddOp, 'scatterAdd', x, indices, updates, options)
}

/**
 * `x` with `updates` in place of its elements at `indices` (int32 or uint8) along an axis; of repeated indices the last
 * wins, and the gradient is then undefined. `updates` has the shape that `gather(x, indices)` has. Any dtype.
 *
 * @throws CheckError for an index out of range; ShapeError when the shapes do not fit; DTypeError for different dtypes.
 * @example scatterUpdate([1, 1, 1], [2], [5]) // [1, 1, 5]
 */
export function scatterUpdate(
  x: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: IndexingOptions = {},
): Tensor {
  return applyScatter(scatterUpdateOp, 'scatterUpdate', x, indices, updates, options)
}
