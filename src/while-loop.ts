/**
 * `tf.whileLoop`. In eager code its callbacks run like any JavaScript; while a function is traced they are traced once
 * each, or a few times where what a TensorArray holds is known only when the body has been traced.
 */
import { DTypeError, TraceError, ValueError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { add, less, logicalAnd, scalarTensor } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import { isTensorLeaf, leavesOf, predicateOf, structureText, withLeaves } from '../tracer/trace/control.ts'
import { TensorSpec } from '../tracer/trace/spec.ts'
import { isPlainObject } from '../tracer/trace/tree.ts'
import { type LoopOptions, type ShapeInvariant, traceWhile } from '../tracer/trace/while.ts'
import { holdsArray, withArrays, withoutArrays } from './array-structure.ts'
import { asTensors, demandFunction, type Tensors } from './control.ts'
import { TensorArray } from './tensor-array.ts'

/** The options of `whileLoop`. */
export interface WhileOptions {
  /** End after so many iterations, even when the condition is still true. */
  readonly maximumIterations?: number | Tensor
  /**
   * For variables whose sizes change from iteration to iteration: the structure of the variables with shapes at the
   * leaves, in which null stands for a size that may change; undefined for variables that keep their shape.
   */
  readonly shapeInvariants?: unknown
  /** Accepted for programs written for TensorFlow: iterations run one after the other. */
  readonly parallelIterations?: number
  /** Accepted for programs written for TensorFlow: there is no other memory to swap to. */
  readonly swapMemory?: boolean
}

/** What the callbacks of `whileLoop` get: the entries of a list as arguments, any other structure as one. */
type LoopArguments<V> = V extends readonly unknown[] ? { [K in keyof V]: Tensors<V[K]> } : [Tensors<V>]

/**
 * Calls `body` as long as `condition` is true, both with the loop variables; `body` gives their next values. Gives the
 * last ones. While a function is traced each is traced once, and a variable must keep dtype, structure and shape, but for
 * the sizes that `shapeInvariants` leaves open. A TensorArray may be a variable.
 *
 * A list of variables is passed as arguments, and `body` returns a list (of one variable, the tensor will do); another
 * structure is passed as it is. The gradient runs the loop again and keeps what it needs of every iteration.
 *
 * @param condition gives a bool scalar
 * @throws DTypeError, ShapeError, TraceError for variables that change, naming them; ValueError for none
 * @example
 * const [i, sum] = tf.whileLoop((i) => i.less(10), (i, sum) => [i.add(1), sum.add(i)], [0, 0])
 * const doubled = tf.function((n: tf.Tensor) =>
 *   tf.whileLoop(
 *     (i) => i.less(n),
 *     (i, x) => [i.add(1), tf.concat([x, x])],
 *     [tf.scalar(0, 'int32'), tf.ones([1])],
 *     { shapeInvariants: [undefined, [null]] },
 *   )[1])
 * doubled(tf.scalar(2, 'int32')) // [1, 1, 1, 1]
 */
export function whileLoop<V>(
  condition: (...variables: LoopArguments<V>) => TensorLike,
  body: (...variables: LoopArguments<V>) => unknown,
  variables: V,
  options: WhileOptions = {},
): Tensors<V> {
  const op = 'whileLoop'
  demandFunction(op, 'condition', condition)
  demandFunction(op, 'body', body)
  if (leavesOf(variables).size === 0 && !holdsArray(variables))
    throw new ValueError({ op, problem: 'loop variables must be provided', fix: 'pass at least one tensor.' })
  const spread = (state: unknown): LoopArguments<V> =>
    (Array.isArray(variables) ? (state as unknown[]) : [state]) as LoopArguments<V>
  const test = (state: unknown): TensorLike => condition(...spread(state))
  const step = (state: unknown): unknown => {
    const next = body(...spread(state))
    return Array.isArray(variables) && variables.length === 1 && !Array.isArray(next) ? [next] : next
  }
  const label = (path: string): string => `loop variable${path === '' ? '' : ` ${path.replace(/^\./, '')}`}`
  const { maximumIterations: most, shapeInvariants } = options
  if (isTracing()) {
    const maximumIterations = most === undefined ? undefined : convertToTensor(most, { op, dtype: 'int32' })
    const invariants = invariantsOf(variables, shapeInvariants)
    return tracedLoop(variables, test, step, { op, label }, { maximumIterations, invariants }) as Tensors<V>
  }
  if (most === undefined) return loop(variables, test, step, { op, label }) as Tensors<V>
  const limit = convertToTensor(most, { op, dtype: 'int32' })
  const counted = loop(
    { count: scalarTensor('int32', 0), state: asTensors(variables, op) },
    (all) => {
      const { count, state } = all as Counted
      return logicalAnd(less(count, limit), predicateOf(test(state), op))
    },
    (all) => {
      const { count, state } = all as Counted
      return { count: add(count, scalarTensor('int32', 1)), state: step(state) }
    },
    { op, label: (path) => label(path.replace(/^\.state/, '')) },
  )
  return (counted as Counted).state as Tensors<V>
}

interface Counted {
  readonly count: Tensor
  readonly state: unknown
}

/** The shapes at the leaves of `given`, by path of the variable. */
function invariantsOf(variables: unknown, given: unknown, path = ''): Map<string, ShapeInvariant> {
  const found = new Map<string, ShapeInvariant>()
  if (given === undefined || given === null) return found
  if (isTensorLeaf(variables)) {
    const shape: unknown = given instanceof TensorSpec ? given.shape : given
    const isShape =
      Array.isArray(shape) && shape.every((size) => size === null || (Number.isInteger(size) && size >= 0))
    if (isShape) return found.set(path, shape as ShapeInvariant)
    throw new ValueError({
      op: 'whileLoop',
      problem: `the shape invariant of loop variable ${path} is no shape`,
      fix: 'give an array with a number or null per axis.',
    })
  }
  const enter = (part: unknown, inner: unknown, at: string): void => {
    for (const [key, shape] of invariantsOf(part, inner, `${path}${at}`)) found.set(key, shape)
  }
  if (Array.isArray(variables) && Array.isArray(given))
    variables.forEach((part, i) => enter(part, given[i], `[${i}]`))
  else if (isPlainObject(variables) && isPlainObject(given))
    for (const [key, part] of Object.entries(variables)) enter(part, given[key], `.${key}`)
  else if (!(variables instanceof TensorArray))
    throw new ValueError({
      op: 'whileLoop',
      problem: 'shapeInvariants has not the structure of the variables',
      fix: 'give a shape, or undefined, where the variables have a tensor.',
    })
  return found
}

/** How often a loop is traced to find what the elements of its TensorArrays are. */
const mostTraces = 8

/** A loop in a trace. What the elements of a TensorArray are may be known only when the body has been traced. */
function tracedLoop(
  initial: unknown,
  condition: (state: unknown) => TensorLike,
  body: (state: unknown) => unknown,
  names: { readonly op: string; readonly label: (path: string) => string },
  options: LoopOptions,
): unknown {
  const { arrays, plain } = withoutArrays(initial)
  if (arrays.size === 0) return traceWhile(plain, condition, body, names, options)
  let known: ReadonlyMap<string, TensorArray> = arrays
  for (let attempt = 0; ; attempt++) {
    let after: ReadonlyMap<string, TensorArray> = arrays
    const trial = new Error('the elements of a TensorArray are of another type')
    try {
      const result = traceWhile(
        plain,
        (state) => condition(withArrays(state, known)),
        (state) => {
          const next = withoutArrays(body(withArrays(state, known)))
          after = new Map(
            [...known].map(([path, array]) => {
              const given = next.arrays.get(path)
              if (given === undefined) throw notAnArray(names, path)
              return [path, array.joinedWith(given)]
            }),
          )
          const isSettled = [...after].every(([path, array]) => known.get(path)?.agreesWith(array) === true)
          if (!isSettled && attempt < mostTraces) throw trial
          return next.plain
        },
        names,
        options,
      )
      return withArrays(result, after)
    } catch (error) {
      if (error !== trial) throw error
      known = after
    }
  }
}

function notAnArray(
  { op, label }: { readonly op: string; readonly label: (path: string) => string },
  path: string,
): Error {
  return new TraceError({
    op,
    problem: `${label(path)} is a TensorArray before the loop, but not after one iteration`,
    fix: 'return the TensorArray that the last write gave.',
  })
}

/** A loop over a structure in eager code. */
function loop(
  initial: unknown,
  condition: (state: unknown) => TensorLike,
  body: (state: unknown) => unknown,
  names: { readonly op: string; readonly label: (path: string) => string },
): unknown {
  const { op } = names
  let state = asTensors(initial, op)
  const wanted = structureText(initial)
  while (predicateOf(condition(state), op).item()) {
    const next = body(state)
    if (structureText(next) !== wanted)
      throw new TraceError({
        op,
        problem: `the loop variables are ${wanted} before the loop, but ${structureText(next)} after one iteration`,
        fix: 'return the same structure from the body.',
      })
    const before = [...leavesOf(state).values()] as Tensor[]
    const after = [...leavesOf(next)].map(([path, leaf], i) => {
      const kept = before[i] as Tensor
      const tensor = convertToTensor(leaf, { op, ...(typeof leaf === 'object' ? {} : { dtype: kept.dtype }) })
      if (tensor.dtype !== kept.dtype)
        throw new DTypeError({
          op,
          problem: `${names.label(path)}: ${kept.dtype} → ${tensor.dtype}`,
          fix: `keep its dtype: cast it, or start with ${tensor.dtype}.`,
        })
      return tensor
    })
    state = withLeaves(next, after)
  }
  return state
}
