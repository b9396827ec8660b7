/**
 * Steps of programs for nodes on records and lists, the sizes that a program has to find itself, and the Variables that
 * it reads and stores in the middle.
 */
import { InternalError } from '../../codegen/errors.ts'
import type {
  ListStep,
  MergeStep,
  PopStep,
  ProgramBuffer,
  ProgramSpec,
  PushStep,
  Step,
} from '../../codegen/program.ts'
import { type Size, SizePolynomial } from '../../codegen/size.ts'
import { foundBy, foundSizes } from '../ir/found-sizes.ts'
import type { Graph, Node } from '../ir/graph.ts'
import type { PopAttrs } from '../ops/control.ts'
import { isListOp, type ListValueAttrs } from '../ops/list.ts'
import { sizesUsed } from './sizes-used.ts'

/** The step of a node on records, whose operands and results are in the given buffers. */
function recordStep(
  node: Node,
  id: number,
  [record, ...values]: readonly number[],
  [result, ...taken]: readonly number[],
): PushStep | PopStep | MergeStep {
  const [other] = values
  if (record === undefined || result === undefined) throw new InternalError(`${node.op} without a record`)
  if (node.op === 'record_push') return { kind: 'push', id, record, result, values }
  if (node.op === 'record_merge' && other !== undefined) return { kind: 'merge', id, record, other, result }
  const names = (node.attrs as PopAttrs).types.map((type) => type.record === true)
  return { kind: 'pop', id, record, result, values: taken, names }
}

const actions: { readonly [op: string]: ListStep['action'] } = {
  list_write: 'write',
  list_erase: 'erase',
  list_truncate: 'truncate',
  list_read: 'read',
  list_has: 'has',
  list_length: 'length',
  list_uniform: 'uniform',
  list_stack: 'stack',
  list_unstack: 'unstack',
  list_concat: 'concat',
  list_split: 'split',
}

/** The step of a node on lists, whose operands and result are in the given buffers. */
function listStep(node: Node, id: number, reads: readonly number[], [write]: readonly number[]): ListStep {
  const action = actions[node.op]
  const [result] = node.results
  if (action === undefined || write === undefined || result === undefined)
    throw new InternalError(`${node.op} is no op on lists`)
  const given =
    action === 'write'
      ? node.operands[2]
      : action === 'unstack' || action === 'split'
        ? node.operands[0]
        : undefined
  const { type } = given ?? result
  const names = new Set(foundBy(node))
  const { record } = node.attrs as Partial<ListValueAttrs>
  return {
    kind: 'list',
    id,
    action,
    reads,
    write,
    shape: type.shape,
    isName: type.record === true || record === true,
    found: result.type.shape.flatMap((size: Size, axis) =>
      size instanceof SizePolynomial && names.has(size.key) ? [{ name: size.key, axis }] : [],
    ),
  }
}

/** The Variables that are read or stored inside branches and loops. */
export function cellsOf(graph: Graph): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = ({ nodes }: Graph, isInside: boolean): void => {
    for (const { op, attrs, regions } of nodes) {
      const { variable } = attrs
      if (isInside && (op === 'read' || op === 'commit') && typeof variable === 'string') names.add(variable)
      for (const region of regions) visit(region, true)
    }
  }
  visit(graph, false)
  return names
}

/** The sizes that a program for the graph finds, apart from those that its arguments have. */
function sizesToFind(graph: Graph): readonly string[] {
  const given = new Set(
    [...graph.params, ...graph.captures].flatMap(({ type }) =>
      type.shape.flatMap((size) => (size instanceof SizePolynomial ? [size.key] : [])),
    ),
  )
  return [...foundSizes(graph)].filter((name) => !given.has(name))
}

/** Which sizes a call supplies to the program for a graph, and which the program finds. */
export function sizeFields(
  graph: Graph,
  buffers: readonly ProgramBuffer[],
  steps: readonly Step[],
): Pick<ProgramSpec, 'sizes' | 'found'> {
  const sizes = sizesUsed(graph.params, buffers, steps)
  const found = sizesToFind(graph)
  const supplied = [...sizes].filter((size) => !found.includes(size))
  return found.length === 0 ? { sizes: supplied } : { sizes: supplied, found }
}

/** The step of a node on records or lists, whose operands and results are in the given buffers. */
export function storeStep(
  node: Node,
  id: number,
  operands: readonly number[],
  results: readonly number[],
): Step {
  return (isListOp(node.op) ? listStep : recordStep)(node, id, operands, results)
}
