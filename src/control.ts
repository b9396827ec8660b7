/**
 * Control flow that depends on tensors: `cond`, `case`, `switchCase`, `whileLoop`, and loops over the elements of
 * tensors, `mapFn`, `scan`, `foldl` and `foldr`.
 *
 * In eager code they run the callbacks like any JavaScript. While a function is traced each callback runs once, and what
 * it does becomes part of the program, to run there as often as the values say.
 */
import { DTypeError, ShapeError, TraceError, ValueError } from '../codegen/errors.ts'
import { printSize, type Size } from '../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { printType, type TensorType } from '../tracer/ir/type.ts'
import { lastIndex, requireEqual } from '../tracer/ops/sizes.ts'
import {
  add,
  equal,
  filled,
  less,
  logicalAnd,
  logicalOr,
  reshape,
  scalarTensor,
  sizeOf,
  sliceAxis,
  stack,
  sub,
} from '../tracer/ops/index.ts'
import { sliceInside, updateInside } from '../tracer/ops/dynamic.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import {
  isTensorLeaf,
  leavesOf,
  predicateOf,
  structureText,
  traceCond,
  TracedStep,
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

function demandFunction(op: string, name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new ValueError({ op, problem: `${name} must be a function`, fix: 'pass () => … instead of a value.' })
}

/** Leaves as tensors, in eager code. */
function asTensors(value: unknown, op: string): unknown {
  return mapTree(value, (leaf) => (isTensorLeaf(leaf) ? convertToTensor(leaf, { op }) : leaf))
}

const resultLabel = (path: string): string => (path === '' ? 'the result' : `result ${path.replace(/^\./, '')}`)

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
  return traceCond(condition, then, otherwise, { op, then: names[0], otherwise: names[1], label: resultLabel })
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
export function cond<R>(predicate: TensorLike, trueFn: Branch<R>, falseFn: Branch<R>): Tensors<R> {
  demandFunction('cond', 'trueFn', trueFn)
  demandFunction('cond', 'falseFn', falseFn)
  return choose('cond', predicate, trueFn, falseFn, ['trueFn', 'falseFn']) as Tensors<R>
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
  if (pairs.length === 0) throw new ValueError({ op, problem: 'there are no pairs', fix: 'give at least one.' })
  pairs.forEach(([, branch], i) => demandFunction(op, `the function of pair ${i}`, branch))
  const predicates = pairs.map(([predicate]) => predicateOf(predicate, op))
  const counts = predicates.map((predicate) => predicate.cast('int32'))
  const count = counts.reduce((sum, one) => add(sum, one))
  if (options.exclusive === true)
    assert(less(count, scalarTensor('int32', 2)), 'case: more than one predicate is true')
  const { default: otherwise } = options
  if (otherwise === undefined)
    assert(predicates.reduce((x, y) => logicalOr(x, y)), 'case: no predicate is true, and there is no default')
  const from = (i: number): unknown => {
    const pair = pairs[i]
    if (pair === undefined) return otherwise?.()
    if (i === pairs.length - 1 && otherwise === undefined) return pair[1]()
    const names = [`the function of pair ${i}`, i + 1 < pairs.length ? 'the others' : 'default'] as const
    return choose(op, typeof pair[0] === 'boolean' ? pair[0] : (predicates[i] as Tensor), pair[1], () => from(i + 1), names)
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

function branchList<R>(op: string, branches: readonly Branch<R>[] | { readonly [key: number]: Branch<R> }): Branch<R>[] {
  const keys = Object.keys(branches).map(Number)
  if (keys.length === 0) throw new ValueError({ op, problem: 'there are no branches', fix: 'give at least one.' })
  if (keys.toSorted((x, y) => x - y).some((key, i) => key !== i))
    throw new ValueError({
      op,
      problem: `branch keys must form a contiguous range of [0 to ${keys.length}), but are {${keys.join(',')}}`,
      fix: 'number the branches from 0 without gaps.',
    })
  return keys.toSorted((x, y) => x - y).map((key) => (branches as { readonly [key: number]: Branch<R> })[key] as Branch<R>)
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

/** The tensors that a loop over elements goes through, and how many elements there are. */
interface Elements {
  readonly structure: unknown
  readonly tensors: readonly Tensor[]
  readonly count: Size
  /** The types of one element. */
  readonly types: readonly TensorType[]
}

function elementsOf(op: string, given: unknown): Elements {
  const tensors = [...leavesOf(given)].map(([path, leaf]) => {
    const tensor = convertToTensor(leaf, { op })
    if (tensor.rank > 0) return tensor
    throw new ShapeError({
      op,
      problem: `elements${path} is the scalar ${printType(tensor.type)}, which has no elements`,
      fix: 'pass tensors with at least one axis.',
    })
  })
  const [first, ...others] = tensors
  if (first === undefined) throw new ValueError({ op, problem: 'there are no elements', fix: 'pass a tensor.' })
  const count = first.type.shape[0] as Size
  for (const { type } of others)
    requireEqual(count, type.shape[0] as Size, () => ({
      op,
      problem: `the tensors have ${printSize(count)} and ${printSize(type.shape[0] as Size)} elements`,
      rows: tensors.map((tensor) => [printType(tensor.type)]),
      fix: 'pass tensors that agree along axis 0.',
    }))
  return {
    structure: given,
    tensors,
    count,
    types: tensors.map(({ type }) => ({ dtype: type.dtype, shape: type.shape.slice(1) })),
  }
}

/** Element `index`, an int32 scalar known to be inside, of each tensor. */
function elementsAt({ tensors, types }: Elements, index: Tensor): Tensor[] {
  return tensors.map((tensor, i) => {
    const rest = types[i]?.shape ?? []
    const zero = rest.map(() => scalarTensor('int32', 0))
    return reshape(sliceInside(tensor, [index, ...zero], [1, ...rest]), rest)
  })
}

/** Element `index`, known while the program is written. */
function fixedElements({ tensors, types }: Elements, index: Size): Tensor[] {
  return tensors.map((tensor, i) => reshape(sliceAxis(tensor, 0, index, 1), types[i]?.shape ?? []))
}

function withElement(into: Tensor, index: Tensor, value: Tensor): Tensor {
  const { shape } = value.type
  return updateInside(into, reshape(value, [1, ...shape]), [index, ...shape.map(() => scalarTensor('int32', 0))])
}

const one = (): Tensor => scalarTensor('int32', 1)

/**
 * Applies `f` to each element of `elements` along axis 0 and stacks what it gives.
 *
 * @param elements a tensor, or a structure of tensors that agree along axis 0; `f` gets one of that structure
 * @param f gives a tensor or a structure of tensors, each of one shape. Traced once in a traced function
 * @throws ShapeError for scalars; in eager code ValueError when there are no elements
 * @example tf.mapFn((x) => x.mul(2), tf.tensor([1, 2])) // [2, 4]
 */
export function mapFn<E, R>(f: (element: Tensors<E>) => R, elements: E): Tensors<R> {
  const op = 'mapFn'
  demandFunction(op, 'f', f)
  const all = elementsOf(op, elements)
  const { value } = eachElement(op, all, [], (_, parts) => ({
    state: [],
    value: f(withLeaves(elements, parts) as Tensors<E>),
  }))
  return value as Tensors<R>
}

/** The options of `scan`, `foldl` and `foldr`. */
export interface ScanOptions<A> {
  /** What the first call of the function gets as accumulator; the first element when absent. */
  readonly initializer?: A
}

/**
 * Applies `f` to an accumulator and each element of `elements` along axis 0, and stacks the accumulators it gives.
 * Without an initializer the first element is the first accumulator, and the first of the results.
 *
 * @param f gives the next accumulator, of the structure, dtypes and shapes of the first one
 * @param options `reverse` begins with the last element; the results are in the order of the elements
 * @throws ShapeError, DTypeError, TraceError for accumulators that change
 * @example tf.scan((sum, x) => sum.add(x), tf.tensor([1, 2, 3])) // [1, 3, 6]
 */
export function scan<E, A = E>(
  f: (accumulator: Tensors<A>, element: Tensors<E>) => unknown,
  elements: E,
  options: ScanOptions<A> & { readonly reverse?: boolean } = {},
): Tensors<A> {
  return accumulateOver('scan', f, elements, options, options.reverse === true).value as Tensors<A>
}

/**
 * Combines the elements of `elements` along axis 0, from the first to the last, into one: what the last call of `f` gives.
 *
 * @throws as for `scan`
 * @example tf.foldl((sum, x) => sum.add(x), tf.tensor([1, 2, 3])) // 6
 */
export function foldl<E, A = E>(
  f: (accumulator: Tensors<A>, element: Tensors<E>) => unknown,
  elements: E,
  options: ScanOptions<A> = {},
): Tensors<A> {
  return accumulateOver('foldl', f, elements, options, false).state as Tensors<A>
}

/**
 * Combines the elements of `elements` along axis 0, from the last to the first, into one.
 *
 * @throws as for `scan`
 * @example tf.foldr((sum, x) => sum.sub(x), tf.tensor([1, 2, 3])) // 0
 */
export function foldr<E, A = E>(
  f: (accumulator: Tensors<A>, element: Tensors<E>) => unknown,
  elements: E,
  options: ScanOptions<A> = {},
): Tensors<A> {
  return accumulateOver('foldr', f, elements, options, true).state as Tensors<A>
}

function accumulateOver<E, A>(
  op: string,
  f: (accumulator: Tensors<A>, element: Tensors<E>) => unknown,
  elements: E,
  { initializer }: ScanOptions<A>,
  reverse: boolean,
): { readonly state: unknown; readonly value: unknown } {
  demandFunction(op, 'f', f)
  const all = elementsOf(op, elements)
  const first = initializer === undefined
  const structure: unknown = first ? elements : initializer
  if (first && all.count === 0)
    throw new ValueError({ op, problem: 'there are no elements', fix: 'pass an initializer.' })
  const start = first
    ? fixedElements(all, reverse ? lastIndex(all.count) : 0)
    : [...leavesOf(initializer).values()].map((leaf) => convertToTensor(leaf, { op }))
  const { state, value } = eachElement(
    op,
    all,
    start,
    (accumulator, parts) => {
      const next = f(
        withLeaves(structure, accumulator) as Tensors<A>,
        withLeaves(elements, parts) as Tensors<E>,
      )
      const tensors = accumulatorOf(op, structure, next, start)
      return { state: tensors, value: op === 'scan' ? withLeaves(structure, tensors) : [] }
    },
    { reverse, first },
  )
  return { state: withLeaves(structure, state), value }
}

/** The tensors of the next accumulator. */
function accumulatorOf(op: string, structure: unknown, next: unknown, start: readonly Tensor[]): Tensor[] {
  const [wanted, given] = [structureText(structure), structureText(next)]
  if (wanted !== given)
    throw new TraceError({
      op,
      problem: `the accumulator is ${wanted} at first, but f gives ${given}`,
      fix: 'return the structure of the accumulator.',
    })
  return [...leavesOf(next)].map(([path, leaf], i) => {
    const before = start[i] as Tensor
    const tensor = convertToTensor(leaf, { op, dtype: typeof leaf === 'number' ? before.dtype : undefined })
    if (tensor.dtype !== before.dtype)
      throw new DTypeError({
        op,
        problem: `accumulator${path}: ${before.dtype} → ${tensor.dtype}`,
        fix: `keep its dtype: cast it, or start with ${tensor.dtype}.`,
      })
    const complaint = {
      op,
      problem: `accumulator${path}: ${printType(before.type)} → ${printType(tensor.type)}`,
      fix: 'keep its shape for every element.',
    }
    if (tensor.rank !== before.rank) throw new ShapeError(complaint)
    before.type.shape.forEach((size, axis) => requireEqual(size, tensor.type.shape[axis] ?? -1, () => complaint))
    return tensor
  })
}

/** What is done with one element: from the state before it to the state after it, and a value of its own. */
type ElementStep = (
  state: readonly Tensor[],
  parts: readonly Tensor[],
) => { readonly state: readonly Tensor[]; readonly value: unknown }

interface ElementOrder {
  readonly reverse?: boolean
  /** The first element is the state at the beginning, which is also its value. */
  readonly first?: boolean
}

/** Goes through the elements; gives the last state, and the values stacked. */
function eachElement(
  op: string,
  all: Elements,
  start: readonly Tensor[],
  step: ElementStep,
  order: ElementOrder = {},
): { readonly state: readonly Tensor[]; readonly value: unknown } {
  return isTracing() ? tracedElements(op, all, start, step, order) : eagerElements(op, all, start, step, order)
}

function eagerElements(
  op: string,
  all: Elements,
  start: readonly Tensor[],
  step: ElementStep,
  { reverse = false, first = false }: ElementOrder,
): { readonly state: readonly Tensor[]; readonly value: unknown } {
  const count = all.count as number
  const rows: Tensor[][] = first ? [[...start]] : []
  let structure: unknown
  let state = start
  for (let i = first ? 1 : 0; i < count; i++) {
    const done = step(state, fixedElements(all, reverse ? count - 1 - i : i))
    state = done.state
    if (structure !== undefined && structureText(structure) !== structureText(done.value))
      throw new TraceError({
        op,
        problem: `f gives ${structureText(structure)} for one element, but ${structureText(done.value)} for another`,
        fix: 'return one structure.',
      })
    structure = done.value
    rows.push([...leavesOf(done.value).values()].map((leaf) => convertToTensor(leaf, { op })))
  }
  if (reverse) rows.reverse()
  if (structure === undefined && start.length === 0)
    throw new ValueError({
      op,
      problem: 'there are no elements to tell what f gives',
      fix: 'pass at least one element, or call it in a traced function.',
    })
  const width = structure === undefined ? start.length : leavesOf(structure).size
  const columns = Array.from({ length: width }, (_, column) => {
    const { dtype, shape } = start[column]?.type ?? { dtype: 'float32' as const, shape: [] }
    return rows.length === 0
      ? filled(dtype, [0, ...shape], 0)
      : stack(rows.map((row) => row[column] as Tensor))
  })
  return { state, value: structure === undefined ? columns : withLeaves(structure, columns) }
}

function tracedElements(
  op: string,
  all: Elements,
  start: readonly Tensor[],
  step: ElementStep,
  { reverse = false, first = false }: ElementOrder,
): { readonly state: readonly Tensor[]; readonly value: unknown } {
  const stateTypes = start.map(({ type }) => type)
  const once = new TracedStep(
    op,
    [...stateTypes, ...all.types],
    (params) => step(params.slice(0, start.length), params.slice(start.length)),
    op,
  )
  const count = sizeOf(all.tensors[0] as Tensor, 0)
  const begin = reverse ? sub(count, scalarTensor('int32', first ? 2 : 1)) : scalarTensor('int32', first ? 1 : 0)
  const firstIndex = reverse ? sub(count, one()) : scalarTensor('int32', 0)
  const outputs = once.types.slice(start.length).map(({ dtype, shape }, i) => {
    const empty = filled(dtype, [all.count, ...shape], 0)
    return first ? withElement(empty, firstIndex, start[i] as Tensor) : empty
  })
  const last = traceWhile(
    { index: begin, state: start, outputs },
    (values) => {
      const { index } = values as Progress
      return reverse ? less(scalarTensor('int32', -1), index) : less(index, count)
    },
    (values) => {
      const { index, state, outputs: into } = values as Progress
      const results = once.apply([...state, ...elementsAt(all, index)])
      return {
        index: reverse ? sub(index, one()) : add(index, one()),
        state: results.slice(0, start.length),
        outputs: into.map((output, i) => withElement(output, index, results[start.length + i] as Tensor)),
      }
    },
    { op, label: (path) => path.replace(/^\.state/, 'accumulator') },
  ) as Progress
  const { value } = once.structure([...last.state, ...last.outputs]) as { readonly value: unknown }
  return { state: last.state, value }
}

interface Progress {
  readonly index: Tensor
  readonly state: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}
