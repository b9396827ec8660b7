/**
 * Softmax, its logarithm, and the cross entropies on logits.
 *
 * All subtract the row's maximum first, so no exponential overflows. They are written with plain reductions and
 * elementwise ops and share subexpressions (maximum, exponentials, their sum), so a traced step computes each of them
 * once per row. Every one carries its own derivative: it is shorter than what follows from the formula, exact where a
 * probability saturates, and does not differentiate the maximum, whose contribution cancels.
 */
import { customGradient } from '../../tracer/gradient/custom.ts'
import { convertToTensor, convertTogether, type TensorLike } from '../../tracer/convert.ts'
import { DTypeError, ShapeError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { printType } from '../../tracer/ir/type.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { normaliseAxis } from '../../tracer/ops/arguments.ts'
import { bind } from '../../tracer/trace/bind.ts'
import { knownSize, requireFloating } from '../math/checks.ts'
import {
  abs,
  add,
  cast,
  checkOp,
  div,
  equal,
  exp,
  expandDims,
  greaterEqual,
  iota,
  less,
  log,
  log1p,
  logicalAnd,
  maximum,
  mul,
  neg,
  where,
  sigmoid,
  sub,
} from '../../tracer/ops/index.ts'
import { all, max, sum } from '../math/reductions.ts'

/** x − max(x), e to it, and the sum of that along the axis, which disappears. */
function shifted(
  x: Tensor,
  axis: number,
): { readonly difference: Tensor; readonly power: Tensor; readonly total: Tensor } {
  const difference = sub(x, max(x, axis, true))
  const power = exp(difference)
  return { difference, power, total: sum(power, axis) }
}

/** Softmax along an axis counted from the front. */
function softmaxOf(x: Tensor, axis: number): Tensor {
  return customGradient((logits: Tensor) => {
    const { power, total } = shifted(logits, axis)
    const y = div(power, expandDims(total, axis))
    return { value: y, gradient: (dy: Tensor): Tensor => mul(sub(dy, sum(mul(dy, y), axis, true)), y) }
  }, 'softmax')(x)
}

/** Its logarithm. */
function logSoftmaxOf(x: Tensor, axis: number): Tensor {
  return customGradient((logits: Tensor) => {
    const { difference, total } = shifted(logits, axis)
    const y = sub(difference, expandDims(log(total), axis))
    return { value: y, gradient: (dy: Tensor): Tensor => sub(dy, mul(exp(y), sum(dy, axis, true))) }
  }, 'logSoftmax')(x)
}

/** eˣ / Σ eˣ along `axis` (the last by default); floating, same shape. Throws DTypeError, and ValueError for a missing axis. */
export function softmax(x: TensorLike, axis = -1): Tensor {
  const tensor = requireFloating('softmax', x)
  return softmaxOf(tensor, normaliseAxis('softmax', axis, tensor.rank))
}

/** x − log Σ eˣ along `axis` (the last by default); floating, same shape. Throws DTypeError, and ValueError for a missing axis. */
export function logSoftmax(x: TensorLike, axis = -1): Tensor {
  const tensor = requireFloating('logSoftmax', x)
  return logSoftmaxOf(tensor, normaliseAxis('logSoftmax', axis, tensor.rank))
}

function requireSameShape(op: string, labels: Tensor, logits: Tensor): void {
  const x = labels.type.shape
  const y = logits.type.shape
  if (x.length !== y.length || x.some((size, i) => sizesEqual(size, y[i] ?? -1) === false))
    throw new ShapeError({
      op,
      problem: 'labels and logits have different shapes',
      rows: [
        ['labels', printType(labels.type)],
        ['logits', printType(logits.type)],
      ],
      fix: 'give both the same shape; class numbers go to sparseSoftmaxCrossEntropyWithLogits.',
    })
}

/**
 * −Σ labels·logSoftmax(logits) along `axis` (the last by default), which disappears; floating. Each row of `labels` is a
 * distribution. Throws ShapeError when the shapes differ, DTypeError when the dtypes do.
 */
export function softmaxCrossEntropyWithLogits(labels: TensorLike, logits: TensorLike, axis = -1): Tensor {
  const op = 'softmaxCrossEntropyWithLogits'
  const [x, y] = convertTogether(op, [
    ['logits', logits],
    ['labels', labels],
  ]) as [Tensor, Tensor]
  requireFloating(op, x)
  requireSameShape(op, y, x)
  const along = normaliseAxis(op, axis, x.rank)
  return customGradient((targets: Tensor, scores: Tensor) => {
    const { difference, total } = shifted(scores, along)
    return {
      value: sum(mul(targets, sub(expandDims(log(total), along), difference)), along),
      gradient(dy: Tensor): readonly Tensor[] {
        const wide = expandDims(dy, along)
        return [
          neg(mul(wide, logSoftmaxOf(scores, along))),
          mul(wide, sub(softmaxOf(scores, along), targets)),
        ]
      },
    }
  }, op)(y, x)
}

/** Checks at every call that labels are class numbers. */
function requireClasses(op: string, labels: Tensor, count: number): void {
  const numbers = cast(labels, 'int32')
  const inside = all(logicalAnd(greaterEqual(numbers, 0), less(numbers, count)))
  bind(checkOp, [inside, labels], {
    api: op,
    message: `a label is not one of the ${count} classes, which are numbered from 0`,
    labels: ['labels'],
  })
}

/**
 * Cross entropy of the classes `labels` (int32, the shape of `logits` without its last axis) under softmax(logits);
 * floating, the shape of `labels`. Throws CheckError for a label that is no class, ShapeError when the shapes do not fit,
 * DTypeError for labels that are not int32.
 */
export function sparseSoftmaxCrossEntropyWithLogits(labels: TensorLike, logits: TensorLike): Tensor {
  const op = 'sparseSoftmaxCrossEntropyWithLogits'
  const x = requireFloating(op, logits)
  const classes = convertToTensor(labels, { op, dtype: 'int32' })
  const last = normaliseAxis(op, -1, x.rank)
  if (classes.dtype !== 'int32' && classes.dtype !== 'uint8')
    throw new DTypeError({
      op,
      problem: `labels are class numbers and must be int32, not ${classes.dtype}`,
      rows: [
        ['labels', printType(classes.type)],
        ['logits', printType(x.type)],
      ],
      fix: `use labels.cast('int32'), or softmaxCrossEntropyWithLogits for distributions.`,
    })
  const rows = x.type.shape.slice(0, last)
  if (
    classes.rank !== last ||
    classes.type.shape.some((size, i) => sizesEqual(size, rows[i] ?? -1) === false)
  )
    throw new ShapeError({
      op,
      problem: 'labels must have the shape of logits without its last axis',
      rows: [
        ['labels', printType(classes.type)],
        ['logits', printType(x.type)],
      ],
      fix: 'one label for each row of logits.',
    })
  // Comparing class numbers with 0, 1, 2 … stays elementwise and fuses; a gather would be a kernel of its own.
  const count = knownSize(op, x.type, last)
  requireClasses(op, classes, count)
  const numbers = iota([count], 0, classes.dtype)
  const hit = equal(expandDims(classes, last), numbers)
  return customGradient((scores: Tensor) => {
    const { difference, total } = shifted(scores, last)
    return {
      value: sub(log(total), sum(where(hit, difference, 0), last)),
      gradient: (dy: Tensor): Tensor =>
        mul(sub(softmaxOf(scores, last), cast(hit, scores.dtype)), expandDims(dy, last)),
    }
  }, op)(x)
}

/**
 * Cross entropy of independent labels in [0, 1] under sigmoid(logits): max(x, 0) − x·z + log1p(e^−|x|), elementwise with
 * broadcasting; floating. Throws DTypeError when the dtypes differ, ShapeError when the shapes do not broadcast.
 */
export function sigmoidCrossEntropyWithLogits(labels: TensorLike, logits: TensorLike): Tensor {
  const op = 'sigmoidCrossEntropyWithLogits'
  const [x, z] = convertTogether(op, [
    ['logits', logits],
    ['labels', labels],
  ]) as [Tensor, Tensor]
  requireFloating(op, x)
  requireSameShape(op, z, x)
  return customGradient(
    (targets: Tensor, scores: Tensor) => ({
      value: add(sub(maximum(scores, 0), mul(scores, targets)), log1p(exp(neg(abs(scores))))),
      gradient: (dy: Tensor): readonly Tensor[] => [
        neg(mul(dy, scores)),
        mul(dy, sub(sigmoid(scores), targets)),
      ],
    }),
    op,
  )(z, x)
}
