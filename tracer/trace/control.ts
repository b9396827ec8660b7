/**
 * Tracing control flow: branches and loop bodies become regions of a `cond` or `while` node.
 *
 * Both branches are traced, and a loop's condition and body once each, whatever happens when the program runs. Results
 * are structures: their tensors become results of the node, and branches must agree in structure, dtypes and shapes, as
 * must a loop's variables before and after an iteration. What a region assigns to Variables becomes results of the node
 * too, and is assigned after it; in a loop it is carried.
 */
import type { DType } from '../../codegen/dtype.ts'
import { DTypeError, InternalError, ShapeError, TraceError } from '../../codegen/errors.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../convert.ts'
import { condOp, whileOp, withParams } from '../gradient/control.ts'
import { type Value } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { requireEqual } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Variable } from '../variable.ts'
import { bind, currentTrace, readVariable } from './bind.ts'
import { observeReads, OpenRegion, type Region, SharedOperands, traceRegion } from './region.ts'
import { replay } from './replay.ts'
import { isPlainObject, mapTree } from './tree.ts'

/** True for what becomes a tensor; other leaves of a structure are constants. */
export function isTensorLeaf(value: unknown): value is TensorLike {
  return (
    value instanceof TensorMethods ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    isTypedArray(value)
  )
}

/** `[Tensor,{a:Tensor}]`: equal for structures that agree. */
export function structureText(value: unknown): string {
  if (isTensorLeaf(value)) return 'Tensor'
  if (Array.isArray(value)) return `[${value.map(structureText).join(',')}]`
  if (isPlainObject(value))
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${key}:${structureText(value[key])}`)
      .join(',')}}`
  return typeof value === 'function' ? `function ${value.name}` : String(value)
}

/** The tensor leaves of a structure by path. */
export function leavesOf(value: unknown): Map<string, TensorLike> {
  const leaves = new Map<string, TensorLike>()
  mapTree(value, (leaf, path) => (isTensorLeaf(leaf) ? leaves.set(path, leaf) : undefined))
  return leaves
}

/** The structure with other tensors at its leaves, in the order of `leavesOf`. */
export function withLeaves(structure: unknown, tensors: readonly unknown[]): unknown {
  let next = 0
  return mapTree(structure, (leaf) => (isTensorLeaf(leaf) ? tensors[next++] : leaf))
}

/** How messages speak of branches and of the values they give. */
export interface BranchNames {
  readonly op: string
  readonly first: string
  readonly second: string
  /** The name of the result at a path, `''` for a single one. */
  readonly label: (path: string) => string
}

/** Adds a `cond` node for two branches; gives what the branch taken gives. */
export function traceCond(
  predicate: Tensor,
  then: () => unknown,
  otherwise: () => unknown,
  names: BranchNames,
): unknown {
  const { op } = names
  const regions = [new OpenRegion(names.first, []), new OpenRegion(names.second, [])] as const
  const values = [regions[0].run(then), regions[1].run(otherwise)] as const
  const [first, second] = [structureText(values[0]), structureText(values[1])]
  if (first !== second)
    throw new TraceError({
      op,
      problem: `branches differ: ${first} vs ${second}`,
      rows: [
        [names.first, first],
        [names.second, second],
      ],
      fix: 'return the same structure from both.',
    })
  const [xs, ys] = [leavesOf(values[0]), leavesOf(values[1])]
  const results: readonly [Tensor[], Tensor[]] = [[], []]
  for (const [path, x] of xs) {
    const y = ys.get(path)
    if (y === undefined) throw new InternalError(`no result at ${path}`)
    const a = regions[0].run(() => convertToTensor(x, { op, dtype: dtypeOf(x) ?? dtypeOf(y) }))
    const b = regions[1].run(() => convertToTensor(y, { op, dtype: dtypeOf(y) ?? dtypeOf(x) }))
    demandSame(a.type, b.type, names.label(path), names)
    results[0].push(a)
    results[1].push(b)
  }
  const tensors = bindCond(predicate, regions[0].finish(results[0]), regions[1].finish(results[1]))
  return withLeaves(values[0], tensors)
}

function dtypeOf(value: TensorLike): DType | undefined {
  return value instanceof TensorMethods ? value.dtype : undefined
}

function demandSame(x: TensorType, y: TensorType, label: string, { op, first, second }: BranchNames): void {
  const rows = [
    [first, printType(x)],
    [second, printType(y)],
  ]
  if (x.dtype !== y.dtype)
    throw new DTypeError({
      op,
      problem: `${label} has dtype ${x.dtype} in ${first}, but dtype ${y.dtype} in ${second}`,
      rows,
      fix: 'cast one of them.',
    })
  const complaint = {
    op,
    problem: `${label} is ${printType(x)} in ${first}, but ${printType(y)} in ${second}; a result must have one shape`,
    rows,
    fix: 'pad, broadcast or slice so that both have the same shape.',
  }
  if (x.shape.length !== y.shape.length) throw new ShapeError(complaint)
  x.shape.forEach((size, axis) => requireEqual(size, y.shape[axis] ?? -1, () => complaint))
}

function bindCond(predicate: Tensor, then: Region, otherwise: Region): readonly Tensor[] {
  const shared = new SharedOperands()
  for (const { outer, param } of then.borrowed) shared.add(outer, param)
  for (const { outer, param } of otherwise.borrowed) shared.add(outer, undefined, param)
  const variables = [...new Set([...then.assigned, ...otherwise.assigned])]
  // A branch that does not assign a Variable leaves it as it was.
  const contentsOf = (region: Region, other: Region): Value[] =>
    variables.map((variable) => {
      const at = region.assigned.indexOf(variable)
      const content = at < 0 ? region.entries.get(variable)?.param : region.graph.results[region.count + at]
      if (content !== undefined) return content
      const outer = other.entries.get(variable)?.outer
      if (outer === undefined) throw new InternalError(`${variable.name} has no content`)
      shared.add(outer)
      const param = shared.params[region === then ? 0 : 1].at(-1)
      if (param === undefined) throw new InternalError(`${variable.name} has no param`)
      return param
    })
  const contents = [contentsOf(then, otherwise), contentsOf(otherwise, then)] as const
  variables.forEach((variable, i) => {
    const [x, y] = [contents[0][i]?.type, contents[1][i]?.type]
    const label = `the variable ${variable.name}`
    const names = { op: 'cond', first: then.graph.name, second: otherwise.graph.name, label: () => label }
    if (x !== undefined && y !== undefined) demandSame(x, y, label, names)
  })
  const graphs = ([then, otherwise] as const).map(({ graph, count }, i) =>
    withParams(graph, shared.params[i === 0 ? 0 : 1], [
      ...graph.results.slice(0, count),
      ...(contents[i === 0 ? 0 : 1] ?? []),
    ]),
  )
  observeReads([then, otherwise])
  const results = bind(condOp, [predicate, ...shared.tensors], {}, graphs)
  assignAll(variables, results.slice(then.count))
  return results.slice(0, then.count)
}

function assignAll(variables: readonly Variable[], contents: readonly Tensor[]): void {
  const trace = currentTrace()
  variables.forEach((variable, i) => {
    const content = contents[i]
    if (content !== undefined) trace.assign(variable, content)
  })
}

/** How messages speak of a loop. */
export interface LoopNames {
  readonly op: string
  /** The name of the loop variable at a path. */
  readonly label: (path: string) => string
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
): unknown {
  const { op } = names
  const trace = currentTrace()
  const start = [...leavesOf(initial)].map(
    ([path, value]) => [path, trace.lift(convertToTensor(value, { op }))] as const,
  )
  const types = start.map(([, tensor]) => tensor.type)
  const test = traceRegion(`condition of ${op}`, types, (params) => [
    predicateOf(condition(withLeaves(initial, params)), op),
  ])
  const [assigned] = test.assigned
  if (assigned !== undefined)
    throw new TraceError({
      op,
      problem: `the condition assigns the variable ${assigned.name}`,
      fix: 'assign it in the body.',
    })
  const open = new OpenRegion(`body of ${op}`, types, true)
  const results = open.run(() => {
    const next = body(withLeaves(initial, open.params))
    return nextState(initial, next, start, names)
  })
  const step = open.finish(results)
  return withLeaves(
    initial,
    bindWhile(
      start.map(([, tensor]) => tensor),
      test,
      step,
      op,
    ),
  )
}

/** The tensors of the next state, which must be like the ones at the start. */
function nextState(
  initial: unknown,
  next: unknown,
  start: readonly (readonly [string, Tensor])[],
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
  return start.map(([path, before]) => {
    const value = leaves.get(path)
    if (value === undefined) throw new InternalError(`no loop variable at ${path}`)
    const after = convertToTensor(value, { op, dtype: dtypeOf(value) ?? before.dtype })
    demandKept(before.type, after.type, label(path), op)
    return after
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
    fix: 'keep its shape in every iteration.',
  }
  if (before.shape.length !== after.shape.length) throw new ShapeError(complaint)
  before.shape.forEach((size, axis) => requireEqual(size, after.shape[axis] ?? -1, () => complaint))
}

/** A condition as a bool scalar. */
export function predicateOf(value: TensorLike, op: string): Tensor {
  const tensor = convertToTensor(value, { op })
  if (tensor.dtype === 'bool' && tensor.rank === 0) return tensor
  throw new DTypeError({
    op,
    problem: `the condition is ${printType(tensor.type)}, not a bool scalar`,
    fix: 'compare it, e.g. x.greater(0); reduce several with tf.all or tf.any.',
  })
}

function bindWhile(start: readonly Tensor[], test: Region, step: Region, op: string): readonly Tensor[] {
  const shared = new SharedOperands()
  start.forEach((tensor, i) => shared.add(tensor, test.graph.params[i], step.graph.params[i]))
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
  const results = bind(whileOp, shared.tensors, { carried }, [
    withParams(test.graph, shared.params[0]),
    withParams(step.graph, shared.params[1]),
  ])
  assignAll(step.assigned, results.slice(step.count))
  return results.slice(0, step.count)
}

/** A function of tensors traced once, to be applied in regions traced later. */
export class TracedStep {
  readonly #region: Region
  readonly #structure: unknown
  /** The types of the tensors it gives. */
  readonly types: readonly TensorType[]

  constructor(
    name: string,
    types: readonly TensorType[],
    body: (params: readonly Tensor[]) => unknown,
    op: string,
  ) {
    const open = new OpenRegion(name, types)
    const value = open.run(() => body(open.params))
    const tensors = open.run(() => [...leavesOf(value).values()].map((leaf) => convertToTensor(leaf, { op })))
    this.#region = open.finish(tensors)
    this.#structure = value
    this.types = tensors.map(({ type }) => type)
  }

  /** What the function gives, with other tensors at the leaves. */
  structure(tensors: readonly unknown[]): unknown {
    return withLeaves(this.#structure, tensors)
  }

  /** Applies it in the current trace. */
  apply(args: readonly Tensor[]): readonly Tensor[] {
    const { graph, borrowed, entries, assigned, count } = this.#region
    const trace = currentTrace()
    const variables = new Map([...entries].map(([variable, { param }]) => [param, variable]))
    const outer = new Map(borrowed.map((entry) => [entry.param, entry.outer]))
    let next = 0
    const results = replay(
      graph,
      graph.params.map((param) => {
        const variable = variables.get(param)
        if (variable !== undefined) return readVariable(variable)
        const tensor = outer.get(param)
        return tensor === undefined ? (args[next++] as Tensor) : trace.lift(tensor)
      }),
    )
    assignAll(assigned, results.slice(count))
    return results.slice(0, count)
  }
}
