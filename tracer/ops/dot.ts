/**
 * The general matrix product: multiplies two operands and sums over paired axes.
 *
 * The axes of the result are the batch pairs in the order written, then the free axes of a, then those of b. Its
 * gradients are products of the same kind whose results are put in the operand's order by a transpose.
 */
import type { Expr } from '../../codegen/expr.ts'
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import { printSize, type Size } from '../../codegen/size.ts'
import { convertTogether, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { defineOp, type LowerContext, type OpDefinition } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { bindOne } from '../trace/bind.ts'
import {
  at,
  demandDType,
  normaliseAxis,
  numeric,
  onlyGradient,
  operandRows,
  readerAt,
  sizeAt,
} from './arguments.ts'
import { axisName } from './lowering.ts'
import { invertPermutation, transpose } from './movement.ts'
import { mergeSizes } from './sizes.ts'

/** Paired axes: contractA[i] with contractB[i], batchA[i] with batchB[i]. */
export type DotAttrs = {
  readonly contractA: readonly number[]
  readonly contractB: readonly number[]
  readonly batchA: readonly number[]
  readonly batchB: readonly number[]
}

/** The axes that are neither contracted nor batch, in order. */
export function freeAxes(rank: number, contract: readonly number[], batch: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) => !contract.includes(axis) && !batch.includes(axis),
  )
}

function pairSizes(a: TensorType, b: TensorType, axisA: number, axisB: number, what: string): Size {
  return mergeSizes(sizeAt(a.shape, axisA), sizeAt(b.shape, axisB), () => ({
    op: 'dot',
    problem: `${what} sizes differ`,
    rows: [
      ['a', printType(a), `axis ${axisA} is ${printSize(sizeAt(a.shape, axisA))}`],
      ['b', printType(b), `axis ${axisB} is ${printSize(sizeAt(b.shape, axisB))}`],
    ],
    fix: `transpose an operand, or ${what === 'batch' ? 'broadcast its batch axes' : 'contract another axis'}.`,
  }))
}

const dotOp: OpDefinition<DotAttrs> = defineOp<DotAttrs>({
  name: 'dot',
  cost: 100,
  type: (operands, attrs) => {
    const [a, b] = [at(operands, 0), at(operands, 1)]
    demandDType('dot', a, numeric, operands, ['a', 'b'])
    if (a.dtype !== b.dtype)
      throw new DTypeError({
        op: 'dot',
        problem: 'operands have different dtypes',
        rows: operandRows(operands, ['a', 'b']),
        fix: `cast one of them, e.g. b.cast('${a.dtype}').`,
      })
    const used = [
      { name: 'a', axes: [...attrs.contractA, ...attrs.batchA], rank: a.shape.length },
      { name: 'b', axes: [...attrs.contractB, ...attrs.batchB], rank: b.shape.length },
    ]
    for (const { name, axes, rank } of used) {
      for (const axis of axes) normaliseAxis('dot', axis, rank)
      if (
        new Set(axes).size !== axes.length ||
        attrs.contractA.length !== attrs.contractB.length ||
        attrs.batchA.length !== attrs.batchB.length
      )
        throw new ShapeError({
          op: 'dot',
          problem: `the axes [${axes.join(',')}] of ${name} do not pair up`,
          rows: operandRows(operands, ['a', 'b']),
          fix: 'name every axis at most once, in pairs.',
        })
    }
    attrs.contractA.forEach((axis, i) => pairSizes(a, b, axis, at(attrs.contractB, i), 'contracted'))
    const batch = attrs.batchA.map((axis, i) => pairSizes(a, b, axis, at(attrs.batchB, i), 'batch'))
    const freeA = freeAxes(a.shape.length, attrs.contractA, attrs.batchA).map((axis) => sizeAt(a.shape, axis))
    const freeB = freeAxes(b.shape.length, attrs.contractB, attrs.batchB).map((axis) => sizeAt(b.shape, axis))
    return [{ dtype: a.dtype, shape: [...batch, ...freeA, ...freeB] }]
  },
  gradient: ({ attrs, operands, gradients, needed }) => {
    const g = onlyGradient(gradients)
    const [a, b] = [at(operands, 0), at(operands, 1)]
    const { contractA, contractB, batchA, batchB } = attrs
    const freeA = freeAxes(a.rank, contractA, batchA)
    const freeB = freeAxes(b.rank, contractB, batchB)
    const batch = batchA.map((_, i) => i)
    const rowsOfG = freeA.map((_, i) => batch.length + i)
    const columnsOfG = freeB.map((_, i) => batch.length + freeA.length + i)
    // Contracting g with one operand leaves the other's axes: batch, free and contracted, the latter in the order in
    // which they stand in the operand that was contracted.
    const inOrderOf = (mine: readonly number[], theirs: readonly number[]): number[] =>
      theirs
        .map((axis, i) => ({ axis, own: at(mine, i) }))
        .sort((p, q) => p.axis - q.axis)
        .map(({ own }) => own)
    return [
      needed[0] === true
        ? transpose(
            dot(g, b, { contractA: columnsOfG, contractB: freeB, batchA: batch, batchB }),
            invertPermutation([...batchA, ...freeA, ...inOrderOf(contractA, contractB)]),
          )
        : null,
      needed[1] === true
        ? transpose(
            dot(a, g, { contractA: freeA, contractB: rowsOfG, batchA, batchB: batch }),
            invertPermutation([...batchB, ...inOrderOf(contractB, contractA), ...freeB]),
          )
        : null,
    ]
  },
  lower: { kind: 'contraction' },
})

/** An element of a product in index notation: the sum over the contracted axes, in the order written. */
export function dotRead(context: LowerContext<DotAttrs>, index: readonly Expr[]): Expr {
  const { e, attrs, operands } = context
  const [a, b] = [readerAt(operands, 0), readerAt(operands, 1)]
  const over = attrs.contractA.map((axis, i) => e.axis(`r${axisName(i)}`, sizeAt(a.type.shape, axis)))
  const rankA = a.type.shape.length
  const rankB = b.type.shape.length
  const freeA = freeAxes(rankA, attrs.contractA, attrs.batchA)
  const freeB = freeAxes(rankB, attrs.contractB, attrs.batchB)
  const indexA: Expr[] = Array.from({ length: rankA })
  const indexB: Expr[] = Array.from({ length: rankB })
  let next = 0
  attrs.batchA.forEach((axis, i) => (indexB[at(attrs.batchB, i)] = indexA[axis] = at(index, next++)))
  for (const axis of freeA) indexA[axis] = at(index, next++)
  for (const axis of freeB) indexB[axis] = at(index, next++)
  over.forEach((axis, i) => (indexB[at(attrs.contractB, i)] = indexA[at(attrs.contractA, i)] = e.index(axis)))
  return e.reduce(
    'sum',
    over.filter((axis) => axis.extent !== 1),
    e.binary('mul', a.read(indexA), b.read(indexB)),
  )
}

/**
 * The product of `a` and `b` summed over the axis pairs contractA[i], contractB[i], for each index of the batch pairs
 * batchA[i], batchB[i]. Result axes: batch, free axes of a, free axes of b. Numeric dtypes, one for both; integers wrap.
 *
 * @throws ShapeError when paired sizes differ or axes do not pair up; DTypeError for different dtypes or bool.
 * @example dot([[1, 2]], [[3], [4]], { contractA: [1], contractB: [0], batchA: [], batchB: [] }) // [[11]]
 */
export function dot(a: TensorLike, b: TensorLike, attrs: DotAttrs): Tensor {
  return bindOne(
    dotOp,
    convertTogether('dot', [
      ['a', a],
      ['b', b],
    ]),
    attrs,
  )
}
