/**
 * Tracing loops: condition and body become the regions of a `while` node, whose operands are the loop variables, the
 * Variables that the body assigns, and what the regions use of the trace around.
 *
 * A variable that may change its size is carried in a box (ops/list.ts), and has sizes of its own in every iteration.
 */
import { DTypeError, InternalError, ShapeError, TraceError } from '../../codegen/errors.ts'
import { printSize, type Size } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { whileOp, withParams } from '../gradient/control.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { add, less, logicalAnd, scalarTensor } from '../ops/index.ts'
import { boxed, type OpenType, unboxed } from '../ops/list.ts'
import { requireEqual } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { bind, currentTrace } from './bind.ts'
import { assignAll, dtypeOf, leavesOf, predicateOf, structureText, withLeaves } from './control.ts'
import {
  graphTraceNow,
  observeReads,
  OpenRegion,
  type Region,
  SharedOperands,
  traceRegion,
} from './region.ts'

/** How messages speak of a loop. */
export interface LoopNames {
  readonly op: string
  /** The name of the loop variable at a path. */
  readonly label: (path: string) => string
}

/** A shape with null for sizes that may change from iteration to iteration. */
export type ShapeInvariant = readonly (Size | null)[]

/** What a loop may do besides running until its condition is false. */
export interface LoopOptions {
  /** By path of the loop variable. A variable without one must keep its shape. */
  readonly invariants?: ReadonlyMap<string, ShapeInvariant>
  /** An int32 scalar: the loop ends after so many iterations. */
  readonly maximumIterations?: Tensor | undefined
}

/**
 * Adds a `while` node: as long as `condition` of the state is true, `body` gives the next state. The state is a
 * structure with tensors at its leaves.
 */
export function traceWhile(
  initial: unknown,
  condition: (state: unknown) => TensorLike,
  body: (state: unknown) => unknown,
  names: LoopNames,
  options: LoopOptions = {},
): unknown {
  const { op } = names
  const { maximumIterations: limit, invariants } = options
  if (limit !== undefined) {
    const zero = scalarTensor('int32', 0)
    const counted = traceWhile(
      { count: zero, state: initial },
      (all) => {
        const { count, state } = all as Counted
        return logicalAnd(less(count, limit), predicateOf(condition(state), op))
      },
      (all) => {
        const { count, state } = all as Counted
        return { count: add(count, scalarTensor('int32', 1)), state: body(state) }
      },
      ...asPart(names, invariants),
    )
    return (counted as Counted).state
  }
  const trace = currentTrace()
  const start = [...leavesOf(initial)].map(([path, value]) => {
    const tensor = trace.lift(convertToTensor(value, { op }))
    return startOf(path, tensor, invariants?.get(path), names)
  })
  const types = start.map(({ carried }) => carried.type)
  const stateOf = (params: readonly Tensor[]): unknown =>
    withLeaves(
      initial,
      params.map((param, i) => {
        const open = start[i]?.open
        return open === undefined ? param : unboxed(param, open)
      }),
    )
  const test = traceRegion(`condition of ${op}`, types, (params) => [
    predicateOf(condition(stateOf(params)), op),
  ])
  if (test.assigned.length > 0) return traceAskedWhile(initial, condition, body, names, invariants)
  const open = new OpenRegion(`body of ${op}`, types, { isBody: true })
  const results = open.run(() => {
    const next = body(stateOf(open.params))
    return nextState(initial, next, start, names)
  })
  const step = open.finish(results)
  return stateOf(
    bindWhile(
      start.map(({ carried }) => carried),
      test,
      step,
      op,
    ),
  )
}

/**
 * A loop whose condition assigns Variables: it is asked once before the loop and then at the end of every iteration, so
 * that what it assigns is assigned as often as it is asked.
 */
function traceAskedWhile(
  initial: unknown,
  condition: (state: unknown) => TensorLike,
  body: (state: unknown) => unknown,
  names: LoopNames,
  invariants: LoopOptions['invariants'],
): unknown {
  const { op } = names
  const tensors = [...leavesOf(initial).values()].map((leaf) => convertToTensor(leaf, { op }))
  const wanted = structureText(initial)
  const state = withLeaves(initial, tensors)
  const asked = traceWhile(
    { go: predicateOf(condition(state), op), state },
    (all) => (all as Asked).go,
    (all) => {
      const given = body((all as Asked).state)
      // What is wrong with the structure is said where the loop compares the two.
      if (structureText(given) !== wanted) return { go: true, state: given }
      const leaves = [...leavesOf(given).values()].map((leaf, i) =>
        convertToTensor(leaf, { op, dtype: dtypeOf(leaf) ?? tensors[i]?.dtype }),
      )
      const next = withLeaves(given, leaves)
      return { go: predicateOf(condition(next), op), state: next }
    },
    ...asPart(names, invariants),
  )
  return (asked as Asked).state
}

/** Names and options for a loop whose state is the part `state` of a larger one. */
function asPart(
  { op, label }: LoopNames,
  invariants: LoopOptions['invariants'] = new Map(),
): readonly [LoopNames, LoopOptions] {
  return [
    { op, label: (path) => label(path.replace(/^\.state/, '')) },
    { invariants: new Map([...invariants].map(([path, shape]) => [`.state${path}`, shape])) },
  ]
}

interface Asked {
  readonly go: Tensor
  readonly state: unknown
}

interface Counted {
  readonly count: Tensor
  readonly state: unknown
}

/** A loop variable where the loop begins. */
interface Start {
  readonly path: string
  readonly type: TensorType
  /** What is carried: the tensor, or a box with it. */
  readonly carried: Tensor
  /** The type of what is in the box. */
  readonly open: OpenType | undefined
}

function startOf(
  path: string,
  tensor: Tensor,
  invariant: ShapeInvariant | undefined,
  { op, label }: LoopNames,
): Start {
  const { type } = tensor
  if (invariant === undefined) return { path, type, carried: tensor, open: undefined }
  const open = { ...type, shape: invariant }
  const complaint = {
    op,
    problem: `${label(path)} is ${printType(type)} before the loop, which its shape invariant ${printInvariant(invariant)} does not allow`,
    fix: 'give a size per axis: the one it keeps, or null.',
  }
  if (invariant.length !== type.shape.length) throw new ShapeError(complaint)
  invariant.forEach((size, axis) => {
    if (size !== null) requireEqual(type.shape[axis] ?? -1, size, () => complaint)
  })
  if (!invariant.includes(null)) return { path, type, carried: tensor, open: undefined }
  return { path, type, carried: boxed(tensor), open }
}

function printInvariant(shape: ShapeInvariant): string {
  return `[${shape.map((size) => (size === null ? 'null' : printSize(size))).join(', ')}]`
}

/** The tensors of the next state, which must be like the ones at the start. */
function nextState(
  initial: unknown,
  next: unknown,
  start: readonly Start[],
  { op, label }: LoopNames,
): readonly Tensor[] {
  const [wanted, given] = [structureText(initial), structureText(next)]
  if (wanted !== given)
    throw new TraceError({
      op,
      problem: `the loop variables are ${wanted} before the loop, but ${given} after one iteration`,
      fix: 'return the same structure from the body.',
    })
  const leaves = leavesOf(next)
  return start.map(({ path, type: before, open }) => {
    const value = leaves.get(path)
    if (value === undefined) throw new InternalError(`no loop variable at ${path}`)
    const after = convertToTensor(value, { op, dtype: dtypeOf(value) ?? before.dtype })
    if (open === undefined) {
      demandKept(before, after.type, label(path), op)
      return after
    }
    demandAllowed(before, open, after.type, label(path), op)
    return boxed(after)
  })
}

/** Throws unless a variable has the dtype it had, and a shape that its invariant allows. */
function demandAllowed(
  before: TensorType,
  { shape }: OpenType,
  after: TensorType,
  label: string,
  op: string,
): void {
  if (before.dtype !== after.dtype) demandKept(before, after, label, op)
  const complaint = {
    op,
    problem: `${label}: ${printType(after)} after one iteration, which its shape invariant ${printInvariant(shape)} does not allow`,
    rows: [
      ['before the loop', printType(before)],
      ['after one iteration', printType(after)],
    ],
    fix: 'keep the sizes that the invariant names, or let it have null for them.',
  }
  if (shape.length !== after.shape.length) throw new ShapeError(complaint)
  shape.forEach((size, axis) => {
    if (size !== null) requireEqual(size, after.shape[axis] ?? -1, () => complaint)
  })
}

function demandKept(before: TensorType, after: TensorType, label: string, op: string): void {
  const rows = [
    ['before the loop', printType(before)],
    ['after one iteration', printType(after)],
  ]
  if (before.dtype !== after.dtype)
    throw new DTypeError({
      op,
      problem: `${label}: ${before.dtype} → ${after.dtype}`,
      rows,
      fix: `keep its dtype: cast it, or start with ${after.dtype}.`,
    })
  const complaint = {
    op,
    problem: `${label}: ${printType(before)} → ${printType(after)}`,
    rows,
    fix:
      before.shape.length === after.shape.length
        ? 'keep its shape in every iteration, or say which sizes change: shapeInvariants with null for them.'
        : 'keep its rank in every iteration.',
  }
  if (before.shape.length !== after.shape.length) throw new ShapeError(complaint)
  before.shape.forEach((size, axis) => requireEqual(size, after.shape[axis] ?? -1, () => complaint))
}

function bindWhile(start: readonly Tensor[], test: Region, step: Region, op: string): readonly Tensor[] {
  const shared = new SharedOperands()
  start.forEach((tensor, i) => shared.add(tensor, test.graph.params[i], step.graph.params[i]))
  if (test.hostCalled || step.hostCalled) return bindStoredWhile(shared, test, step)
  const contents = step.assigned.map((variable, i) => {
    const entry = step.entries.get(variable)
    const after = step.graph.results[step.count + i]
    if (entry === undefined || after === undefined) throw new InternalError(`${variable.name} has no content`)
    demandKept(entry.outer.type, after.type, `the variable ${variable.name}`, op)
    return entry
  })
  const carriedInTest = new Set<Value>()
  step.assigned.forEach((variable, i) => {
    const inTest = test.entries.get(variable)?.param
    if (inTest !== undefined) carriedInTest.add(inTest)
    shared.add(contents[i]?.outer as Tensor, inTest, step.contents.get(variable))
  })
  const carried = shared.tensors.length
  for (const { outer, param } of test.borrowed) if (!carriedInTest.has(param)) shared.add(outer, param)
  for (const { outer, param } of step.borrowed) shared.add(outer, undefined, param)
  for (const [variable, param] of step.contents)
    if (!step.assigned.includes(variable)) {
      const entry = step.entries.get(variable)
      if (entry !== undefined) shared.add(entry.outer, undefined, param)
    }
  observeReads([test, step])
  // What iterations before have assigned is not in storage yet.
  const entered = (region: Region, params: readonly Value[]): Graph => {
    const nodes = step.assigned.map((variable, i) =>
      variableNode('assign', variable, [params[start.length + i] as Value], []),
    )
    return { ...withParams(region.graph, params), nodes: [...nodes, ...region.graph.nodes] }
  }
  const results = bind(whileOp, shared.tensors, { carried }, [
    entered(test, shared.params[0]),
    entered(step, shared.params[1]),
  ])
  assignAll(step.assigned, results.slice(step.count))
  return results.slice(0, step.count)
}

function variableNode(
  op: 'read' | 'assign',
  variable: Variable,
  operands: readonly Value[],
  results: readonly Value[],
): Node {
  const name = graphTraceNow().captureName(variable)
  const [type] = results.map((result) => result.type)
  const attrs =
    type === undefined ? { variable: name } : { variable: name, dtype: type.dtype, shape: type.shape }
  return { op, operands, attrs, regions: [], results }
}

/** A loop that calls the host, which may assign any Variable: they are read from their storage in every iteration. */
function bindStoredWhile(shared: SharedOperands, test: Region, step: Region): readonly Tensor[] {
  const carried = shared.tensors.length
  const read = new Map([...test.entries].map(([variable, { param }]) => [param, variable]))
  for (const { outer, param } of test.borrowed) if (!read.has(param)) shared.add(outer, param)
  for (const { outer, param } of step.borrowed) shared.add(outer, undefined, param)
  observeReads([test, step])
  const entered = (
    { graph, count }: Region,
    params: readonly Value[],
    reads: Iterable<readonly [Variable, Value]>,
  ): Graph => {
    const nodes = [...reads].map(([variable, content]) => variableNode('read', variable, [], [content]))
    return { ...withParams(graph, params, graph.results.slice(0, count)), nodes: [...nodes, ...graph.nodes] }
  }
  return bind(whileOp, shared.tensors, { carried }, [
    entered(
      test,
      shared.params[0],
      [...read].map(([param, variable]) => [variable, param] as const),
    ),
    entered(step, shared.params[1], step.contents),
  ])
}
