/**
 * Control flow that depends on tensors: `cond`, `case`, `switchCase`, `whileLoop`.
 *
 * In eager code they run the callbacks like any JavaScript. While a function is traced each callback runs once, and what
 * it does becomes part of the program, to run there as often as the values say.
 */
import { DTypeError, TraceError, ValueError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { printType } from '../tracer/ir/type.ts'
import { add, equal, less, logicalAnd, logicalOr, scalarTensor } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import {
  isTensorLeaf,
  leavesOf,
  predicateOf,
  structureText,
  traceCond,
  traceWhile,
  withLeaves,
} from '../tracer/trace/control.ts'
import { mapTree } from '../tracer/trace/tree.ts'
import { assert } from './assertions.ts'

/** A structure with its tensor-like leaves as tensors. */
export type Tensors<T> = T extends TensorLike
  ? T extends readonly (infer _)[]
    ? { [K in keyof T]: Tensors<T[K]> }
    : Tensor
  : T extends object
    ? { [K in keyof T]: Tensors<T[K]> }
    : T

type Branch<R> = () => R

/** For the library's own use: throws unless `value` is a function. */
export function demandFunction(op: string, name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new ValueError({ op, problem: `${name} must be a function`, fix: 'pass () => … instead of a value.' })
}

/** Leaves as tensors, in eager code. */
function asTensors(value: unknown, op: string): unknown {
  return mapTree(value, (leaf) => (isTensorLeaf(leaf) ? convertToTensor(leaf, { op }) : leaf))
}

const resultLabel = (path: string): string =>
  path === '' ? 'the result' : `result ${path.replace(/^\./, '')}`

function choose(
  op: string,
  predicate: TensorLike,
  then: Branch<unknown>,
  otherwise: Branch<unknown>,
  names: readonly [string, string],
): unknown {
  if (typeof predicate === 'boolean') return asTensors((predicate ? then : otherwise)(), op)
  const condition = predicateOf(predicate, op)
  if (!isTracing()) return asTensors((condition.item() ? then : otherwise)(), op)
  return traceCond(condition, then, otherwise, {
    op,
    first: names[0],
    second: names[1],
    label: resultLabel,
  })
}

/**
 * Calls `trueFn` when `predicate` is true, else `falseFn`, and gives what it gives. While a function is traced both are
 * traced, and must give the same structure with tensors of the same dtypes and shapes; what they do happens only when
 * they are taken. A JavaScript boolean decides at once.
 *
 * The gradient is that of the branch taken; with respect to what only the other branch uses it is 0.
 *
 * @param predicate a bool scalar
 * @throws DTypeError, ShapeError or TraceError for branches that differ, and for another predicate
 * @example
 * const f = tf.function((x: tf.Tensor) => tf.cond(x.sum().greater(0), () => x.mul(2), () => x.neg()))
 */
export function cond<A, B>(predicate: TensorLike, trueFn: Branch<A>, falseFn: Branch<B>): Tensors<A | B> {
  demandFunction('cond', 'trueFn', trueFn)
  demandFunction('cond', 'falseFn', falseFn)
  return choose('cond', predicate, trueFn, falseFn, ['trueFn', 'falseFn']) as Tensors<A | B>
}

/** The options of `case`. */
export interface CaseOptions<R> {
  /** Called when no predicate is true. Without it one must be. */
  readonly default?: Branch<R>
  /** Refuse several true predicates. */
  readonly exclusive?: boolean
}

/**
 * Calls the function of the first predicate that is true.
 *
 * @throws CheckError when no predicate is true and there is no default, or several are and `exclusive` is set
 * @example
 * const x = tf.scalar(3)
 * tf.case([[x.less(1), () => 10], [x.less(5), () => 20]], { default: () => 30 }) // 20
 */
export function caseOf<R>(
  pairs: readonly (readonly [TensorLike, Branch<R>])[],
  options: CaseOptions<R> = {},
): Tensors<R> {
  const op = 'case'
  if (pairs.length === 0)
    throw new ValueError({ op, problem: 'there are no pairs', fix: 'give at least one.' })
  pairs.forEach(([, branch], i) => demandFunction(op, `the function of pair ${i}`, branch))
  const predicates = pairs.map(([predicate]) => predicateOf(predicate, op))
  const counts = predicates.map((predicate) => predicate.cast('int32'))
  const count = counts.reduce((sum, one) => add(sum, one))
  if (options.exclusive === true)
    assert(less(count, scalarTensor('int32', 2)), 'case: more than one predicate is true')
  const { default: otherwise } = options
  if (otherwise === undefined)
    assert(
      predicates.reduce((x, y) => logicalOr(x, y)),
      'case: no predicate is true, and there is no default',
    )
  const from = (i: number): unknown => {
    const pair = pairs[i]
    if (pair === undefined) return otherwise?.()
    if (i === pairs.length - 1 && otherwise === undefined) return pair[1]()
    const names = [`the function of pair ${i}`, i + 1 < pairs.length ? 'the others' : 'default'] as const
    return choose(
      op,
      typeof pair[0] === 'boolean' ? pair[0] : (predicates[i] as Tensor),
      pair[1],
      () => from(i + 1),
      names,
    )
  }
  return asTensors(from(0), op) as Tensors<R>
}

/**
 * Calls branch number `index`; for an index out of range the default, and without one the last branch.
 *
 * @param index an int32 scalar or a JavaScript number
 * @param branches a list, or an object with the keys 0, 1, 2 …
 * @throws ValueError when keys are missing; like `cond` for branches that differ
 * @example
 * const x = tf.tensor([1, 2])
 * tf.switchCase(1, [() => x, () => x.mul(2)], { default: () => tf.zerosLike(x) }) // [2, 4]
 */
export function switchCase<R>(
  index: TensorLike,
  branches: readonly Branch<R>[] | { readonly [key: number]: Branch<R> },
  options: { readonly default?: Branch<R> } = {},
): Tensors<R> {
  const op = 'switchCase'
  const list = branchList(op, branches)
  const { default: otherwise } = options
  list.forEach((branch, i) => demandFunction(op, `branch ${i}`, branch))
  if (otherwise !== undefined) demandFunction(op, 'default', otherwise)
  const last = otherwise ?? (list.at(-1) as Branch<R>)
  if (typeof index === 'number')
    return asTensors((list[Number.isInteger(index) ? index : -1] ?? last)(), op) as Tensors<R>
  const at = convertToTensor(index, { op, dtype: 'int32' })
  if (at.dtype !== 'int32' || at.rank !== 0)
    throw new DTypeError({
      op,
      problem: `the index is ${printType(at.type)}, not an int32 scalar`,
      fix: "cast it: index.cast('int32').",
    })
  if (!isTracing()) return asTensors((list[at.item()] ?? last)(), op) as Tensors<R>
  const compared = otherwise === undefined ? list.length - 1 : list.length
  const from = (i: number): unknown => {
    const branch = list[i]
    if (i >= compared || branch === undefined) return last()
    const other = i + 1 >= compared ? (otherwise === undefined ? `branch ${i + 1}` : 'default') : 'the others'
    return choose(op, equal(at, scalarTensor('int32', i)), branch, () => from(i + 1), [`branch ${i}`, other])
  }
  return asTensors(from(0), op) as Tensors<R>
}

function branchList<R>(
  op: string,
  branches: readonly Branch<R>[] | { readonly [key: number]: Branch<R> },
): Branch<R>[] {
  const keys = Object.keys(branches).map(Number)
  if (keys.length === 0)
    throw new ValueError({ op, problem: 'there are no branches', fix: 'give at least one.' })
  if (keys.toSorted((x, y) => x - y).some((key, i) => key !== i))
    throw new ValueError({
      op,
      problem: `branch keys must form a contiguous range of [0 to ${keys.length}), but are {${keys.join(',')}}`,
      fix: 'number the branches from 0 without gaps.',
    })
  return keys
    .toSorted((x, y) => x - y)
    .map((key) => (branches as { readonly [key: number]: Branch<R> })[key] as Branch<R>)
}

/** The options of `whileLoop`. */
export interface WhileOptions {
  /** End after so many iterations, even when the condition is still true. */
  readonly maximumIterations?: number | Tensor
}

/** What the callbacks of `whileLoop` get: the entries of a list as arguments, any other structure as one. */
type LoopArguments<V> = V extends readonly unknown[] ? { [K in keyof V]: Tensors<V[K]> } : [Tensors<V>]

/**
 * Calls `body` as long as `condition` is true, both with the loop variables; `body` gives their next values. Gives the
 * last ones. While a function is traced each is traced once, and a variable must keep dtype and shape.
 *
 * A list of variables is passed as arguments, and `body` returns a list (of one variable, the tensor will do); another
 * structure is passed as it is. The gradient runs the loop again and keeps what it needs of every iteration.
 *
 * @param condition gives a bool scalar
 * @throws DTypeError, ShapeError, TraceError for variables that change, naming them; ValueError for none
 * @example
 * const [i, sum] = tf.whileLoop((i) => i.less(10), (i, sum) => [i.add(1), sum.add(i)], [0, 0])
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
  if (leavesOf(variables).size === 0)
    throw new ValueError({ op, problem: 'loop variables must be provided', fix: 'pass at least one tensor.' })
  const spread = (state: unknown): LoopArguments<V> =>
    (Array.isArray(variables) ? (state as unknown[]) : [state]) as LoopArguments<V>
  const test = (state: unknown): TensorLike => condition(...spread(state))
  const step = (state: unknown): unknown => {
    const next = body(...spread(state))
    return Array.isArray(variables) && variables.length === 1 && !Array.isArray(next) ? [next] : next
  }
  const label = (path: string): string => `loop variable${path === '' ? '' : ` ${path.replace(/^\./, '')}`}`
  const { maximumIterations: most } = options
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

/** A loop over a structure, now or in the trace. */
function loop(
  initial: unknown,
  condition: (state: unknown) => TensorLike,
  body: (state: unknown) => unknown,
  names: { readonly op: string; readonly label: (path: string) => string },
): unknown {
  const { op } = names
  if (isTracing()) return traceWhile(initial, condition, body, names)
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
    state = withLeaves(initial, after)
  }
  return state
}
