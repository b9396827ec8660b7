/**
 * Non-maximum suppression: of boxes that overlap, the one with the best score. How many there are depends on the values,
 * so it runs in eager code. The soft form (Bodla et al., Soft-NMS, 2017) lowers scores by exp(−overlap²/(2·sigma))
 * instead of dropping boxes; a box whose score was lowered waits for its turn by the new score.
 */
import { ShapeError, ValueError } from '../../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../../tracer/convert.ts'
import { operandRows } from '../../tracer/ops/arguments.ts'
import { constant } from '../../tracer/ops/index.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { requireCount } from './checks.ts'
import { readElements } from './indexing.ts'

export interface SuppressionOptions {
  /** Boxes that overlap a chosen one by more are dropped: area of the intersection over that of the union; 0.5 unless given. */
  readonly iouThreshold?: number
  /** Boxes with a score up to this one are left out; −∞ unless given. */
  readonly scoreThreshold?: number
  /** Above 0, overlaps lower scores; 0 unless given. */
  readonly softNmsSigma?: number
}

interface Candidate {
  readonly box: number
  score: number
  /** How many of the chosen ones it has been compared with. */
  seen: number
}

/** Intersection over union of boxes [y₁, x₁, y₂, x₂]; corners may come in any order. */
function overlap(data: ArrayLike<number>, a: number, b: number): number {
  const range = (box: number, axis: number): readonly [number, number] => {
    const [from, to] = [data[4 * box + axis] ?? 0, data[4 * box + axis + 2] ?? 0]
    return [Math.min(from, to), Math.max(from, to)]
  }
  const area = (box: number): number =>
    [0, 1].reduce((product, axis) => {
      const [from, to] = range(box, axis)
      return product * (to - from)
    }, 1)
  const [first, second] = [area(a), area(b)]
  if (first <= 0 || second <= 0) return 0
  const common = [0, 1].reduce((product, axis) => {
    const [[from, to], [otherFrom, otherTo]] = [range(a, axis), range(b, axis)]
    return product * Math.max(Math.min(to, otherTo) - Math.max(from, otherFrom), 0)
  }, 1)
  return common / (first + second - common)
}

function best(candidates: readonly Candidate[]): number {
  let found = 0
  candidates.forEach(({ score, box }, i) => {
    const { score: most, box: first } = candidates[found] ?? { score: -Infinity, box: 0 }
    if (score > most || (score === most && box < first)) found = i
  })
  return found
}

function chosen(
  op: string,
  boxes: TensorLike,
  scores: TensorLike,
  maxOutputSize: number,
  { iouThreshold = 0.5, scoreThreshold = -Infinity, softNmsSigma = 0 }: SuppressionOptions,
): Candidate[] {
  const corners = convertToTensor(boxes, { op, dtype: 'float32' })
  const given = convertToTensor(scores, { op, dtype: 'float32' })
  requireCount(op, 'maxOutputSize', maxOutputSize)
  if (!(iouThreshold >= 0 && iouThreshold <= 1) || !(softNmsSigma >= 0))
    throw new ValueError({
      op,
      problem: `iouThreshold is ${iouThreshold} and softNmsSigma ${softNmsSigma}`,
      fix: 'use a threshold from 0 to 1 and a sigma of at least 0.',
    })
  if (corners.rank !== 2 || corners.shape[1] !== 4 || given.rank !== 1 || given.size !== corners.shape[0])
    throw new ShapeError({
      op,
      problem: 'boxes are [count, 4] and scores [count]',
      rows: operandRows([corners.type, given.type], ['boxes', 'scores']),
      fix: 'reshape them.',
    })
  const fix = 'choose boxes before the call, or after it from its results.'
  const data = readElements(op, corners, 'boxes', fix)
  let open = Array.from(readElements(op, given, 'scores', fix), (score, box): Candidate => ({
    box,
    score,
    seen: 0,
  }))
  open = open.filter(({ score }) => score > scoreThreshold)
  const selected: Candidate[] = []
  while (selected.length < maxOutputSize && open.length > 0) {
    const at = best(open)
    const candidate = open[at]
    if (candidate === undefined) break
    open.splice(at, 1)
    const before = candidate.score
    let isDropped = false
    for (let i = selected.length - 1; i >= candidate.seen && !isDropped; i--) {
      const shared = overlap(data, candidate.box, selected[i]?.box ?? 0)
      if (shared > iouThreshold && softNmsSigma === 0) isDropped = true
      else if (softNmsSigma > 0)
        candidate.score *= shared > iouThreshold ? 0 : Math.exp((-0.5 / softNmsSigma) * shared * shared)
      isDropped ||= candidate.score <= scoreThreshold
    }
    if (isDropped) continue
    candidate.seen = selected.length
    if (candidate.score === before) selected.push(candidate)
    else open.push(candidate)
  }
  return selected
}

function positions(list: readonly Candidate[]): Tensor {
  return constant(
    'int32',
    [list.length],
    list.map(({ box }) => box),
  )
}

/**
 * The int32 positions of boxes [count, 4] (y₁, x₁, y₂, x₂ each) that are kept, the best score first, at most
 * `maxOutputSize`.
 *
 * @throws ShapeError when the shapes do not fit, ValueError for bad thresholds, TraceError while tracing.
 * @example tf.image.nonMaxSuppression([[0, 0, 1, 1], [0, 0, 1, 0.9], [2, 2, 3, 3]], [0.5, 0.9, 0.6], 3) // [1, 2]
 */
export function nonMaxSuppression(
  boxes: TensorLike,
  scores: TensorLike,
  maxOutputSize: number,
  iouThreshold = 0.5,
  scoreThreshold: number = -Infinity,
): Tensor {
  const options = { iouThreshold, scoreThreshold }
  return positions(chosen('image.nonMaxSuppression', boxes, scores, maxOutputSize, options))
}

/** `nonMaxSuppression` that may lower scores instead (`softNmsSigma`), with the scores as they are in the end. */
export function nonMaxSuppressionWithScore(
  boxes: TensorLike,
  scores: TensorLike,
  maxOutputSize: number,
  options: SuppressionOptions = {},
): { readonly selectedIndices: Tensor; readonly selectedScores: Tensor } {
  const list = chosen('image.nonMaxSuppressionWithScore', boxes, scores, maxOutputSize, options)
  const kept = list.map(({ score }) => score)
  return { selectedIndices: positions(list), selectedScores: constant('float32', [kept.length], kept) }
}
