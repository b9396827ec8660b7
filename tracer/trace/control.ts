/**
 * Tracing control flow: branches and loop bodies become regions of a `cond` or `while` node.
 *
 * Both branches are traced, and a loop's condition and body once each, whatever happens when the program runs. Results
 * are structures: their tensors become results of the node, and branches must agree in structure, dtypes and ranks, as
 * must a loop's variables before and after an iteration. Sizes that differ between branches, or that a loop's variable is
 * allowed to change, are found when the program runs: the tensor crosses the border in a box (ops/list.ts). What a region assigns to Variables becomes results of the node
 * too, and is assigned after it; in a loop it is carried.
 */
import type { DType } from '../../codegen/dtype.ts'
import { DTypeError, InternalError, ShapeError, TraceError } from '../../codegen/errors.ts'
import { type Size, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../convert.ts'
import { condOp, withParams } from '../gradient/control.ts'
import { dependsOnFound } from '../ir/found-sizes.ts'
import type { Value } from '../ir/graph.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { boxed, type OpenType, unboxed } from '../ops/list.ts'
import { requireEqual } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Variable } from '../variable.ts'
import { bind, currentTrace } from './bind.ts'
import { observeReads, OpenRegion, type Region, SharedOperands } from './region.ts'
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
  const open: (OpenType | undefined)[] = []
  for (const [path, x] of xs) {
    const y = ys.get(path)
    if (y === undefined) throw new InternalError(`no result at ${path}`)
    const a = regions[0].run(() => convertToTensor(x, { op, dtype: dtypeOf(x) ?? dtypeOf(y) }))
    const b = regions[1].run(() => convertToTensor(y, { op, dtype: dtypeOf(y) ?? dtypeOf(x) }))
    const common = commonType(a.type, b.type, names.label(path), names)
    const differs = common.shape.includes(null)
    open.push(differs ? common : undefined)
    results[0].push(differs ? regions[0].run(() => boxed(a)) : a)
    results[1].push(differs ? regions[1].run(() => boxed(b)) : b)
  }
  const tensors = bindCond(predicate, regions[0].finish(results[0]), regions[1].finish(results[1]))
  return withLeaves(
    values[0],
    tensors.map((tensor, i) => {
      const type = open[i]
      return type === undefined ? tensor : unboxed(tensor, type)
    }),
  )
}

/** The type of a result that is one or the other: null for sizes that differ. */
function commonType(x: TensorType, y: TensorType, label: string, names: BranchNames): OpenType {
  if (x.dtype !== y.dtype || x.shape.length !== y.shape.length) demandSame(x, y, label, names)
  const differs = (size: Size, other: Size): boolean => {
    const equal = sizesEqual(size, other)
    return equal === false || (equal === undefined && (dependsOnFound(size) || dependsOnFound(other)))
  }
  const shape = x.shape.map((size, axis) => {
    const other = y.shape[axis] ?? -1
    return differs(size, other) ? null : size
  })
  if (!shape.includes(null)) demandSame(x, y, label, names)
  return { ...x, shape }
}

/** The dtype of a tensor; that of a number is open. */
export function dtypeOf(value: TensorLike): DType | undefined {
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
    problem: `${label} is ${printType(x)} in ${first}, but ${printType(y)} in ${second}; a result must have one ${x.shape.length === y.shape.length ? 'shape' : 'rank'}`,
    rows,
    fix: 'pad, broadcast, reshape or slice so that both have the same shape.',
  }
  if (x.shape.length !== y.shape.length) throw new ShapeError(complaint)
  x.shape.forEach((size, axis) => requireEqual(size, y.shape[axis] ?? -1, () => complaint))
}

function bindCond(predicate: Tensor, then: Region, otherwise: Region): readonly Tensor[] {
  const shared = new SharedOperands()
  for (const { outer, param } of then.borrowed) shared.add(outer, param)
  for (const { outer, param } of otherwise.borrowed) shared.add(outer, undefined, param)
  const isStored = then.hostCalled || otherwise.hostCalled
  const variables = isStored ? [] : [...new Set([...then.assigned, ...otherwise.assigned])]
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

/** Says in the current trace what a node has left in Variables. */
export function assignAll(variables: readonly Variable[], contents: readonly Tensor[]): void {
  const trace = currentTrace()
  variables.forEach((variable, i) => {
    const content = contents[i]
    if (content !== undefined) trace.assign(variable, content)
  })
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
