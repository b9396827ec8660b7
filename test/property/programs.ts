// Random programs over a few small tensors, written with the public functions, for the property tests. A program is a
// list of steps; each step applies an op to tensors made before. The same steps run eagerly, traced, and traced with
// unknown sizes. With every tensor goes a bound on its rounding: the sum of the magnitudes that its elements add up.
import fc from 'fast-check'
import * as tf from '../../src/index.ts'

export interface Step {
  readonly op: string
  readonly picks: readonly number[]
  /** What the result is multiplied by to keep magnitudes small; found when the program is planned. */
  readonly scale?: number
}

/** A tensor, with the largest difference two correct evaluations may have at any element, in units of float32's ε. */
export interface Tracked {
  readonly value: tf.Tensor
  /** Bounds |element|. */
  readonly magnitude: number
  /** Bounds the error of an element. */
  readonly error: number
}

export const epsilon: number = 2 ** -23

const unary = ['neg', 'abs', 'square', 'relu', 'floor', 'sign', 'sigmoid', 'tanh', 'sin', 'exp'] as const
const binary = ['add', 'sub', 'mul', 'maximum', 'minimum', 'div'] as const
const others = [
  'select',
  'sum',
  'sum',
  'mean',
  'max',
  'reshape',
  'transpose',
  'transpose',
  'slice',
  'concat',
  'matMul',
  'matMul',
  'softmax',
  'broadcast',
  'reverse',
  'compare',
] as const

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    op: fc.constantFrom<string>(...unary, ...binary, ...binary, ...others),
    picks: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
  }),
  { minLength: 3, maxLength: 12 },
)

/** Steps whose results are the same bits however they are grouped into kernels: no sums, no products of matrices. */
export const exactSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    op: fc.constantFrom<string>(
      'neg',
      'abs',
      'square',
      'relu',
      'floor',
      'sign',
      'sigmoid',
      'tanh',
      'exp',
      ...binary,
      'max',
      'select',
      'reshape',
      'transpose',
      'slice',
      'concat',
      'broadcast',
      'reverse',
      'compare',
    ),
    picks: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
  }),
  { minLength: 3, maxLength: 12 },
)

/** Largest number of elements of a tensor on the way. */
const mostElements = 400
const mostRank = 4

function pick<T>(choices: readonly T[], number: number): T {
  const choice = choices[number % choices.length]
  if (choice === undefined) throw new Error('nothing to pick from')
  return choice
}

/** Prefers the latest values, so that programs are deep. */
function choose(values: readonly Tracked[], number: number): Tracked {
  return number % 3 === 0
    ? pick(values, Math.floor(number / 3))
    : pick(values.slice(-2), Math.floor(number / 3))
}

/** Magnitudes beyond this are pulled back, so that nothing overflows and bounds mean something. */
const largest = 50

function scaleFor({ magnitude }: Tracked): number {
  return magnitude <= largest ? 1 : 2 ** -Math.ceil(Math.log2(magnitude / 4))
}

function scaled({ value, magnitude, error }: Tracked, scale: number): Tracked {
  if (scale === 1) return { value, magnitude, error }
  return { value: value.mul(scale), magnitude: magnitude * scale, error: error * scale }
}

/** The size of an axis; of an unknown one any number will do, since bounds are not wanted while tracing. */
function extent(x: tf.Tensor, axis: number): number {
  const size: unknown = x.shape[axis]
  return typeof size === 'number' ? size : 1
}

function applyUnary(op: (typeof unary)[number], x: Tracked): Tracked {
  const value = op === 'relu' ? tf.relu(x.value) : x.value[op]()
  switch (op) {
    case 'square':
      return {
        value,
        magnitude: x.magnitude ** 2,
        error: 2 * x.magnitude * x.error + x.error ** 2 + epsilon * x.magnitude ** 2,
      }
    case 'floor':
    case 'sign':
      // A step function: an error may cross a step.
      return { value, magnitude: x.magnitude + 1, error: x.error === 0 ? 0 : Infinity }
    case 'sigmoid':
    case 'tanh':
    case 'sin':
      return { value, magnitude: 1, error: x.error + 4 * epsilon }
    case 'exp': {
      // Of a number clipped to at most 3.
      const clipped = tf.minimum(x.value, 3).exp()
      return { value: clipped, magnitude: 21, error: 21 * (Math.expm1(Math.min(x.error, 50)) + 4 * epsilon) }
    }
    default:
      return { value, magnitude: x.magnitude, error: x.error }
  }
}

function applyBinary(op: (typeof binary)[number], x: Tracked, y: Tracked): Tracked {
  const sum = x.magnitude + y.magnitude
  switch (op) {
    case 'mul':
      return {
        value: x.value.mul(y.value),
        magnitude: x.magnitude * y.magnitude,
        error:
          x.magnitude * y.error +
          y.magnitude * x.error +
          x.error * y.error +
          epsilon * x.magnitude * y.magnitude,
      }
    case 'div':
      // By a number of at least 1.
      return {
        value: x.value.div(y.value.abs().add(1)),
        magnitude: x.magnitude,
        error: x.error + x.magnitude * (y.error + 2 * epsilon * (1 + y.magnitude)) + epsilon * x.magnitude,
      }
    case 'maximum':
    case 'minimum':
      return {
        value: tf[op](x.value, y.value),
        magnitude: Math.max(x.magnitude, y.magnitude),
        error: Math.max(x.error, y.error),
      }
    default:
      return { value: x.value[op](y.value), magnitude: sum, error: x.error + y.error + epsilon * sum }
  }
}

/** Elements of a sum of `n` terms: the bound of design section 5, eight ε times the sum of the magnitudes. */
function summed(value: tf.Tensor, n: number, x: Tracked): Tracked {
  const magnitude = n * x.magnitude
  return { value, magnitude, error: n * x.error + 8 * epsilon * magnitude }
}

function applyOther(
  op: string,
  x: Tracked,
  y: Tracked,
  z: Tracked,
  [a, b]: readonly [number, number],
): Tracked {
  const t = x.value
  const { rank } = t
  const axis = a % Math.max(rank, 1)
  const n = extent(t, axis)
  const same = (value: tf.Tensor): Tracked => ({ value, magnitude: x.magnitude, error: x.error })
  switch (op) {
    case 'sum':
      return summed(t.sum(axis, b % 2 === 0), n, x)
    case 'mean': {
      const sum = summed(t.mean(axis, b % 2 === 0), n, x)
      return n === 0
        ? { ...sum, error: 0 }
        : { value: sum.value, magnitude: x.magnitude, error: sum.error / n + epsilon * x.magnitude }
    }
    case 'max':
      return same(t.max(axis, b % 2 === 0))
    case 'reshape':
      return same(
        rank >= 2 && b % 2 === 0 ? t.reshape([-1, ...t.shape.slice(2)]) : t.expandDims(a % (rank + 1)),
      )
    case 'transpose':
      return same(b % 2 === 0 ? t.transpose() : t.transpose(rotated(rank, a)))
    case 'reverse':
      return same(tf.reverse(t, [axis]))
    case 'slice': {
      // The start is inside the tensor, and the rest of the axis is taken.
      const start = Array.from({ length: rank }, (_, i) => (i === axis && n > 1 ? b % n : 0))
      return same(t.slice(start))
    }
    case 'concat':
      return same(tf.concat([t, t.mul(-1)], axis))
    case 'broadcast':
      return same(tf.broadcastTo(t, [2, ...t.shape]))
    case 'softmax':
      return { value: tf.softmax(t), magnitude: 1, error: 4 * x.error + 16 * epsilon }
    case 'compare':
      return {
        value: t.less(y.value).cast('float32'),
        magnitude: 1,
        error: x.error + y.error === 0 ? 0 : Infinity,
      }
    case 'select':
      return {
        value: tf.where(t.greater(0), y.value, z.value),
        magnitude: Math.max(y.magnitude, z.magnitude),
        error: x.error === 0 ? Math.max(y.error, z.error) : Infinity,
      }
    case 'matMul': {
      const left = b % 2 === 0 ? t : t.transpose()
      const value = left.matMul(y.value)
      const inner = extent(left, 1)
      const magnitude = inner * x.magnitude * y.magnitude
      return {
        value,
        magnitude,
        error:
          inner * (x.magnitude * y.error + y.magnitude * x.error + x.error * y.error) +
          8 * epsilon * magnitude,
      }
    }
    default:
      throw new Error(`${op} is not an op of random programs`)
  }
}

function rotated(rank: number, by: number): number[] {
  return Array.from({ length: rank }, (_, i) => (i + by) % Math.max(rank, 1))
}

/** Sizes that `fits` may ask about are those of a plan made with known sizes. */
function isReasonable({ value, error }: Tracked): boolean {
  return value.rank <= mostRank && value.size <= mostElements && value.size > 0 && Number.isFinite(error)
}

function applyStep(
  { op, picks, scale }: Step,
  values: readonly Tracked[],
): Tracked & { readonly scale: number } {
  const [first = 0, second = 0, third = 0, fourth = 0] = picks
  const [x, y, z] = [choose(values, first), choose(values, second), choose(values, third)]
  const result = (unary as readonly string[]).includes(op)
    ? applyUnary(op as (typeof unary)[number], x)
    : (binary as readonly string[]).includes(op)
      ? applyBinary(op as (typeof binary)[number], x, y)
      : applyOther(op, x, y, z, [third, fourth])
  const used = scale ?? scaleFor(result)
  return { ...scaled(result, used), scale: used }
}

/** Keeps the steps that make sense for these inputs. */
export function planProgram(args: readonly tf.Tensor[], program: readonly Step[]): Step[] {
  const values = args.map(start)
  const kept: Step[] = []
  for (const step of program) {
    try {
      const result = applyStep(step, values)
      if (!isReasonable(result)) continue
      values.push(result)
      kept.push({ ...step, scale: result.scale })
    } catch (error) {
      if (!(error instanceof tf.TracemillError) || error instanceof tf.InternalError) throw error
    }
  }
  return kept
}

/** Runs planned steps; gives the last values. */
export function runProgram(args: readonly tf.Tensor[], program: readonly Step[]): Tracked[] {
  const values = args.map(start)
  for (const step of program) values.push(applyStep(step, values))
  return values.slice(-3)
}

function start(value: tf.Tensor): Tracked {
  return { value, magnitude: 4, error: 0 }
}

/** Inputs x[n,m], y[m,k] and z[n,m] with elements of at most 4. */
export const inputs: fc.Arbitrary<tf.Tensor[]> = fc
  .tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 5 }),
    fc.nat(1e6),
  )
  .map(([n, m, k, seed]) => {
    const make = (rows: number, columns: number, offset: number): tf.Tensor =>
      tf.tensor(
        Float32Array.from(
          { length: rows * columns },
          (_, i) => 4 * Math.sin((i + 1) * 12.9898 + seed * 0.618 + offset),
        ),
        [rows, columns],
      )
    return [make(n, m, 0), make(m, k, 1), make(n, m, 2)]
  })
