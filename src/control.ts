/**
 * Control flow that depends on tensors: `cond`, `case`, `switchCase`.
 *
 * In eager code they run the callbacks like any JavaScript. While a function is traced each callback runs once, and what
 * it does becomes part of the program, to run there as often as the values say.
 */
import { DTypeError, TraceError, ValueError } from '../codegen/errors.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { printType } from '../tracer/ir/type.ts'
import { add, equal, less, logicalOr, scalarTensor } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import { isTensorLeaf, predicateOf, traceCond } from '../tracer/trace/control.ts'
import { mapTree } from '../tracer/trace/tree.ts'
import { withArrays, withoutArrays } from './array-structure.ts'
import { assert } from './assertions.ts'
import type { TensorArray } from './tensor-array.ts'

/** A structure with its tensor-like leaves as tensors. */
export type Tensors<T> = T extends TensorLike
  ? T extends readonly (infer _)[]
    ? { [K in keyof T]: Tensors<T[K]> }
    : Tensor
  : T extends TensorArray
    ? TensorArray
    : T extends object
      ? { [K in keyof T]: Tensors<T[K]> }
      : T

type Branch<R> = () => R

/** For the library's own use: throws unless `value` is a function. */
export function demandFunction(op: string, name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new ValueError({ op, problem: `${name} must be a function`, fix: 'pass () => … instead of a value.' })
}

/** For the library's own use: leaves as tensors, in eager code. */
export function asTensors(value: unknown, op: string): unknown {
  return mapTree(value, (leaf) => (isTensorLeaf(leaf) ? convertToTensor(leaf, { op }) : leaf))
}

const resultLabel = (path: string): string =>
  path === '' ? 'the result' : `result ${path.replace(/^\./, '')}`

/** Two branches in a trace, which may give TensorArrays. */
function chooseTraced(
  op: string,
  condition: Tensor,
  branches: readonly [Branch<unknown>, Branch<unknown>],
  names: readonly [string, string],
): unknown {
  const arrays: Map<string, TensorArray>[] = []
  const [then, otherwise] = branches.map((branch) => () => {
    const packed = withoutArrays(branch())
    arrays.push(packed.arrays)
    return packed.plain
  }) as [Branch<unknown>, Branch<unknown>]
  const result = traceCond(condition, then, otherwise, {
    op,
    first: names[0],
    second: names[1],
    label: resultLabel,
  })
  const [first = new Map<string, TensorArray>(), second = first] = arrays
  for (const path of new Set([...first.keys(), ...second.keys()]))
    if (!first.has(path) || !second.has(path)) joinedNowhere(op, path)
  const joined = new Map([...first].map(([path, array]) => [path, array.joinedWith(second.get(path))]))
  return withArrays(result, joined)
}

function joinedNowhere(op: string, path: string): never {
  throw new TraceError({
    op,
    problem: `${resultLabel(path)} is a TensorArray in one branch only`,
    fix: 'return the same structure from both.',
  })
}

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
  return chooseTraced(op, condition, [then, otherwise], names)
}

/**
 * Calls `trueFn` when `predicate` is true, else `falseFn`, and gives what it gives. While a function is traced both are
 * traced, and must give the same structure with tensors of the same dtypes and ranks; sizes that differ are unknown until
 * the function is called. What the branches do happens only when they are taken. A JavaScript boolean decides at once.
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
