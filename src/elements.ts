/**
 * Loops over the elements of tensors along axis 0: `mapFn`, `scan`, `foldl` and `foldr`.
 *
 * In eager code the callback runs for every element. While a function is traced it is traced once, and a loop over an
 * index applies that to the elements and writes what it gives into tensors made before the loop.
 */
import { DTypeError, ShapeError, TraceError, ValueError } from '../codegen/errors.ts'
import { printSize, type Size } from '../codegen/size.ts'
import { convertToTensor } from '../tracer/convert.ts'
import { printType, type TensorType } from '../tracer/ir/type.ts'
import { sliceInside, updateInside } from '../tracer/ops/dynamic.ts'
import {
  add,
  filled,
  less,
  reshape,
  scalarTensor,
  sizeOf,
  sliceAxis,
  stack,
  sub,
} from '../tracer/ops/index.ts'
import { lastIndex, requireEqual } from '../tracer/ops/sizes.ts'
import type { Tensor } from '../tracer/tensor.ts'
import { isTracing } from '../tracer/trace/bind.ts'
import { leavesOf, structureText, withLeaves } from '../tracer/trace/control.ts'
import { TracedStep } from '../tracer/trace/traced-step.ts'
import { traceWhile } from '../tracer/trace/while.ts'
import { demandFunction, type Tensors } from './control.ts'

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
  if (first === undefined)
    throw new ValueError({ op, problem: 'there are no elements', fix: 'pass a tensor.' })
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
  return updateInside(into, reshape(value, [1, ...shape]), [
    index,
    ...shape.map(() => scalarTensor('int32', 0)),
  ])
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

/** What combines an accumulator and an element into the next accumulator. */
type Combine<E, A> = (accumulator: Tensors<A>, element: Tensors<E>) => unknown

/** The options of `foldl`, `foldr` and `scan`. */
export interface FoldOptions<A> {
  /** What the first call of the function gets as accumulator; without it, that is the first element. */
  readonly initializer: A
}

/** Options of `scan` without an initializer. */
export interface ScanOptions {
  /** Begin with the last element. The results are in the order of the elements. */
  readonly reverse?: boolean
}

/**
 * Applies `f` to an accumulator and each element of `elements` along axis 0, and stacks the accumulators it gives.
 * Without an initializer the first element is the first accumulator, and the first of the results.
 *
 * @param f gives the next accumulator, of the structure, dtypes and shapes of the first one
 * @throws ShapeError, DTypeError, TraceError for accumulators that change
 * @example tf.scan((sum, x) => sum.add(x), tf.tensor([1, 2, 3])) // [1, 3, 6]
 */
export function scan<E>(f: Combine<E, E>, elements: E, options?: ScanOptions): Tensors<E>
export function scan<E, A>(f: Combine<E, A>, elements: E, options: ScanOptions & FoldOptions<A>): Tensors<A>
export function scan<E, A>(
  f: Combine<E, A>,
  elements: E,
  options: ScanOptions & Partial<FoldOptions<A>> = {},
): Tensors<A> {
  return accumulateOver('scan', f, elements, options, options.reverse === true).value as Tensors<A>
}

/**
 * Combines the elements of `elements` along axis 0, from the first to the last, into one: what the last call of `f` gives.
 *
 * @throws as for `scan`
 * @example tf.foldl((sum, x) => sum.add(x), tf.tensor([1, 2, 3])) // 6
 */
export function foldl<E>(f: Combine<E, E>, elements: E): Tensors<E>
export function foldl<E, A>(f: Combine<E, A>, elements: E, options: FoldOptions<A>): Tensors<A>
export function foldl<E, A>(
  f: Combine<E, A>,
  elements: E,
  options: Partial<FoldOptions<A>> = {},
): Tensors<A> {
  return accumulateOver('foldl', f, elements, options, false).state as Tensors<A>
}

/**
 * Combines the elements of `elements` along axis 0, from the last to the first, into one.
 *
 * @throws as for `scan`
 * @example tf.foldr((sum, x) => sum.sub(x), tf.tensor([1, 2, 3])) // 0
 */
export function foldr<E>(f: Combine<E, E>, elements: E): Tensors<E>
export function foldr<E, A>(f: Combine<E, A>, elements: E, options: FoldOptions<A>): Tensors<A>
export function foldr<E, A>(
  f: Combine<E, A>,
  elements: E,
  options: Partial<FoldOptions<A>> = {},
): Tensors<A> {
  return accumulateOver('foldr', f, elements, options, true).state as Tensors<A>
}

function accumulateOver<E, A>(
  op: string,
  f: Combine<E, A>,
  elements: E,
  { initializer }: Partial<FoldOptions<A>>,
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
    before.type.shape.forEach((size, axis) =>
      requireEqual(size, tensor.type.shape[axis] ?? -1, () => complaint),
    )
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
  return isTracing()
    ? tracedElements(op, all, start, step, order)
    : eagerElements(op, all, start, step, order)
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
  const structured = (values: readonly Tensor[]): unknown =>
    (once.structure(values) as { readonly value: unknown }).value
  if (all.count === 0) {
    // A body would read an element, which there is none of.
    const none = once.types.slice(start.length).map(({ dtype, shape }) => filled(dtype, [0, ...shape], 0))
    return { state: start, value: structured([...start, ...none]) }
  }
  const count = sizeOf(all.tensors[0] as Tensor, 0)
  const begin = reverse
    ? sub(count, scalarTensor('int32', first ? 2 : 1))
    : scalarTensor('int32', first ? 1 : 0)
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
  return { state: last.state, value: structured([...last.state, ...last.outputs]) }
}

interface Progress {
  readonly index: Tensor
  readonly state: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}
