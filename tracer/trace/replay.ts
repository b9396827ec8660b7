/**
 * Replaying a graph: applying its nodes again, in the current trace, to other tensors.
 *
 * That is how a traced function is used inside another trace (its nodes are recorded there, so tapes see them), how a
 * compiled function is differentiated (replay under a tape), and how the region of a custom gradient is applied.
 */
import { allocate, type DType } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { printSize, type Size } from '../../codegen/size.ts'
import { withNewFoundSizes } from '../ir/found-sizes.ts'
import { type AttrValue, type Graph, type Node, type Value, textAttribute } from '../ir/graph.ts'
import { effectOf, mapRegions, sizeBindings, substituteSizes, withoutEffects } from '../ir/rewrite.ts'
import type { TensorType } from '../ir/type.ts'
import { opNamed } from '../op.ts'
import { type Tensor, tensorOf } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { bind, currentTrace, readVariable } from './bind.ts'
import { contentOf } from './content-size.ts'
import type { TracedGraph } from './graph-trace.ts'

/** What the captures of a graph stand for. Regions have none. */
export interface ReplayCaptures {
  readonly tensors: ReadonlyMap<string, Tensor>
  /** The value of a `read` by the capture's name. */
  read(name: string): Tensor
  /** What an `assign` or `commit` does. */
  assign(name: string, value: Tensor): void
  /** The tensors behind `constant` and `captured` nodes, by the node's position, where their identity matters. */
  readonly lifted?: ReadonlyMap<number, Tensor>
  /** Leave out printing and checking. */
  readonly withoutEffects?: boolean
  /** The type of an open Variable's content when the replay begins; the capture's own when absent. */
  typeOf?(name: string): TensorType
  /** Size names that stand for the content of a Variable, by capture name; `contentOf` gives it. */
  readonly contentSizes?: ReadonlyMap<string, string>
  contentOf?(name: string): Size | undefined
  /** The name in the current trace of a capture that is a Variable, which regions mention; the same name when absent. */
  nameOf?(name: string): string
  /** A callback on the host has run, which may have assigned any Variable. */
  hostCalled?(): void
}

/** Captures that are Variables of the current trace. */
export function variableCaptures(
  variables: ReadonlyMap<string, Variable>,
  {
    tensors,
    lifted,
    contentSizes,
  }: Pick<TracedGraph, 'tensors' | 'contentSizes'> & Partial<Pick<TracedGraph, 'lifted'>>,
): ReplayCaptures {
  const named = (name: string): Variable => {
    const variable = variables.get(name)
    if (variable === undefined) throw new InternalError(`the variable ${name} is not known`)
    return variable
  }
  return {
    tensors,
    ...(lifted === undefined ? {} : { lifted }),
    ...(contentSizes === undefined ? {} : { contentSizes }),
    contentOf: (name) => contentOf('shape', named(name)),
    read: (name) => readVariable(named(name)),
    nameOf: (name) => currentTrace().captureName?.(named(name)) ?? name,
    typeOf: (name) => named(name).type,
    assign: (name, value) => currentTrace().assign(named(name), value),
  }
}

const noCaptures: ReplayCaptures = variableCaptures(new Map(), { tensors: new Map() })

/**
 * Applies the nodes of `graph` to `args`, one per param, and returns its results. The graph's size names take the sizes
 * of the arguments.
 */
export function replay(
  original: Graph,
  args: readonly Tensor[],
  captures: ReplayCaptures = noCaptures,
): readonly Tensor[] {
  const graph = withSizesOf(withNewFoundSizes(original), args, captures)
  const tensors = new Map<Value, Tensor>()
  graph.params.forEach((param, i) => {
    const arg = args[i]
    if (arg === undefined)
      throw new InternalError(`${graph.name} takes ${graph.params.length} values, ${args.length} were given`)
    tensors.set(param, arg)
  })
  const tensorFor = (value: Value): Tensor => {
    const tensor = tensors.get(value)
    if (tensor === undefined) throw new InternalError(`a value of ${graph.name} is used before it is defined`)
    return tensor
  }
  for (const [at, node] of graph.nodes.entries()) {
    const lifted = captures.lifted?.get(at)
    const results = lifted === undefined ? replayNode(node, node.operands.map(tensorFor), captures) : [lifted]
    if (node.op === 'host_call') captures.hostCalled?.()
    node.results.forEach((value, i) => {
      const result = results[i]
      if (result !== undefined) tensors.set(value, result)
    })
  }
  return graph.results.map(tensorFor)
}

function withSizesOf(graph: Graph, args: readonly Tensor[], captures: ReplayCaptures): Graph {
  const open = graph.captures.filter((capture) => capture.open === true)
  const bindings = sizeBindings(
    [...graph.params, ...open],
    [...args.map((arg) => arg.type), ...open.map(({ name, type }) => captures.typeOf?.(name) ?? type)],
  )
  for (const [name, variable] of captures.contentSizes ?? []) {
    const size = captures.contentOf?.(variable)
    if (size !== undefined) bindings.set(name, size)
  }
  const unchanged = [...bindings].every(([name, size]) => printSize(size) === name)
  return unchanged ? graph : substituteSizes(graph, (name) => bindings.get(name))
}

function replayNode(node: Node, operands: readonly Tensor[], captures: ReplayCaptures): readonly Tensor[] {
  const { op, attrs } = node
  switch (op) {
    case 'read':
      return [captures.read(textAttribute(node, 'variable'))]
    case 'assign':
    case 'commit': {
      const [value] = operands
      if (value !== undefined) captures.assign(textAttribute(node, 'variable'), value)
      return []
    }
    case 'captured': {
      const tensor = captures.tensors.get(textAttribute(node, 'name'))
      if (tensor === undefined)
        throw new InternalError(`the captured tensor ${textAttribute(node, 'name')} is not known`)
      return [tensor]
    }
    case 'constant':
      return [constantTensor(attrs['dtype'], attrs['shape'], attrs['values'])]
    default:
      if (captures.withoutEffects === true && node.results.length === 0 && effectOf(node) === 'write')
        return []
      return bind(
        opNamed(op),
        operands,
        attrs,
        (captures.withoutEffects === true ? node.regions.map(withoutEffects) : node.regions).map((region) =>
          withNames(region, captures),
        ),
        node.host,
        node.source,
      )
  }
}

/** The region with the current trace's names for the Variables it mentions. */
function withNames(region: Graph, captures: ReplayCaptures): Graph {
  if (captures.nameOf === undefined || !region.nodes.some(mentionsVariables)) return region
  const nodes = region.nodes.map((node) => {
    const { variable } = node.attrs
    const renamed = mapRegions(node, (inner) => withNames(inner, captures))
    if (typeof variable !== 'string') return renamed
    return { ...renamed, attrs: { ...node.attrs, variable: captures.nameOf?.(variable) ?? variable } }
  })
  return { ...region, nodes }
}

function mentionsVariables({ attrs, regions }: Node): boolean {
  return typeof attrs['variable'] === 'string' || regions.some(({ nodes }) => nodes.some(mentionsVariables))
}

/** The tensor a `constant` node stands for; a single number fills the shape. */
export function constantTensor(
  dtype: AttrValue | undefined,
  shape: AttrValue | undefined,
  values: AttrValue | undefined,
): Tensor {
  const sizes = shape as readonly number[]
  const count = sizes.reduce((a, b) => a * b, 1)
  const data = allocate(dtype as DType, count)
  if (typeof values === 'number') data.fill(values)
  else (values as readonly Size[]).forEach((value, i) => (data[i] = value as number))
  return tensorOf(dtype as DType, sizes, data)
}
