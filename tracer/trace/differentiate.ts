/**
 * Gradients of compiled functions.
 *
 * A call under a tape is recorded as one application of the function to its arguments and to the Variables it reads.
 * For first derivatives the function's graph is traced once more together with its gradient, and split in two: a
 * *forward* program, which is the function plus the intermediate values its gradient needs (residuals), and a
 * *backward* program from residuals and the gradients of the results to the gradients of the operands. When the sweep
 * itself is watched, by an outer tape or by a persistent one, a third form is used, pure and differentiable in turn:
 * from operands and gradients of the results to gradients of the operands, computing the forward again.
 * None of these is a retrace: the callback does not run.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { type Graph, type Node, type Value, textAttribute } from '../ir/graph.ts'
import { makeValue } from '../ir/graph.ts'
import { GradientTape } from '../gradient/tape.ts'
import { opNamed, type OpDefinition } from '../op.ts'
import { canonicalize } from '../passes/canonicalize.ts'
import { cse } from '../passes/cse.ts'
import { dce } from '../passes/dce.ts'
import { discharge } from '../passes/discharge.ts'
import { inline } from '../passes/inline.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { currentObservers, eagerTrace, observe, withObservers, withTrace } from './bind.ts'
import { GraphFunction, installDifferentiatedCall } from './graph-function.ts'
import { GraphTrace, type TracedGraph } from './graph-trace.ts'
import { type ReplayCaptures, replay } from './replay.ts'

/** The forward and backward programs for one choice of operands that a gradient is wanted for. */
interface Split {
  readonly forward: GraphFunction
  readonly backward: GraphFunction
  readonly resultCount: number
  /** Residuals that are a variable's value at entry: kept as its snapshot, by position among the backward's params. */
  readonly residuals: readonly (
    | { readonly kind: 'value' }
    | { readonly kind: 'read'; readonly name: string }
  )[]
}

const splits = new WeakMap<GraphFunction, Map<string, Split>>()
const pureGradients = new WeakMap<GraphFunction, Map<string, GraphFunction>>()

function memo<T>(
  cache: WeakMap<GraphFunction, Map<string, T>>,
  callee: GraphFunction,
  key: string,
  make: () => T,
): T {
  const known = cache.get(callee) ?? new Map<string, T>()
  cache.set(callee, known)
  let made = known.get(key)
  if (made === undefined) known.set(key, (made = make()))
  return made
}

function differentiatedCall(
  callee: GraphFunction,
  args: readonly Tensor[],
  variables: ReadonlyMap<string, Variable>,
): readonly Tensor[] {
  const graph = discharge(callee.traced.graph)
  const readNames = graph.nodes
    .filter((node) => node.op === 'read')
    .map((node) => textAttribute(node, 'variable'))
  const reads = readNames.map((name) => {
    const variable = variables.get(name)
    if (variable === undefined) throw new InternalError(`${callee.name} lacks the variable ${name}`)
    const value = eagerTrace().read(variable)
    for (const observer of currentObservers()) observer.read(variable, value)
    return value
  })
  const operands = [...args, ...reads]
  const needed = operands.map(
    (operand) => isFloating(operand.dtype) && currentObservers().some((observer) => observer.tracks(operand)),
  )
  if (!needed.includes(true)) return callee.execute(args, variables)

  const key = needed.map(Number).join('')
  const split = memo(splits, callee, key, () => splitGradient(callee, graph, needed))
  const outputs = split.forward.execute(args, variables)
  const results = outputs.slice(0, split.resultCount)
  let next = split.resultCount
  const residuals = split.residuals.map((residual) => {
    const tensor = residual.kind === 'read' ? reads[readNames.indexOf(residual.name)] : outputs[next++]
    if (tensor === undefined) throw new InternalError(`${callee.name} lacks a residual`)
    return tensor
  })
  const op: OpDefinition = {
    name: callee.name,
    type: () => results.map((result) => result.type),
    gradient: ({ gradients }) => {
      const upstream = results
        .map((result, i) => gradients[i] ?? zerosFor(result))
        .filter((gradient) => isFloating(gradient.dtype))
      const watched = currentObservers().some((observer) =>
        [...operands, ...upstream].some((tensor) => observer.tracks(tensor)),
      )
      const given = watched
        ? memo(pureGradients, callee, key, () => pureGradient(callee, graph, readNames, reads, needed)).call([
            ...operands,
            ...upstream,
          ])
        : withObservers([], () => split.backward.call([...residuals, ...upstream]))
      let at = 0
      return needed.map((wanted) => (wanted ? (given[at++] ?? null) : null))
    },
    lower: { kind: 'program' },
  }
  observe({ op, operands, attrs: {}, regions: [] }, results)
  return results
}

function zerosFor(tensor: Tensor): Tensor {
  return withObservers([], () => tensor.mul(0))
}

/** Traces the graph and its gradient together: results are the graph's, then one gradient per needed operand. */
function jointTrace(
  graph: Graph,
  needed: readonly boolean[],
  prepare: (trace: GraphTrace) => { readonly operands: readonly Tensor[]; readonly captures: ReplayCaptures },
  name: string,
): TracedGraph {
  const trace = new GraphTrace(name)
  return withTrace(trace, () =>
    withObservers([], () => {
      const tape = new GradientTape({ persistent: true, watchAccessedVariables: false })
      const reads = new Map<string, Tensor>()
      const prepared = prepare(trace)
      const results = tape.record(() => {
        for (const operand of prepared.operands) if (isFloating(operand.dtype)) tape.watch(operand)
        return replay(graph, prepared.operands, {
          ...prepared.captures,
          read: (read) => {
            const value = prepared.captures.read(read)
            reads.set(read, value)
            if (isFloating(value.dtype)) tape.watch(value)
            return value
          },
        })
      })
      const floating = results.filter((result) => isFloating(result.dtype))
      const upstream = floating.map((result) => trace.param(result.type))
      const readNames = graph.nodes
        .filter((node) => node.op === 'read')
        .map((node) => textAttribute(node, 'variable'))
      const sources = [...prepared.operands, ...readNames.map((read) => reads.get(read))].filter(
        (_, i) => needed[i],
      )
      const gradients = tape.gradient(
        floating,
        sources.filter((source) => source !== undefined),
        { outputGradients: upstream, unconnected: 'zero' },
      )
      return trace.finish([...results, ...gradients.filter((gradient) => gradient !== null)])
    }),
  )
}

/** The gradient as a pure function of operands and upstream gradients, computing the forward again. */
function pureGradient(
  callee: GraphFunction,
  graph: Graph,
  readNames: readonly string[],
  reads: readonly Tensor[],
  needed: readonly boolean[],
): GraphFunction {
  const traced = jointTrace(
    graph,
    needed,
    (trace) => {
      const params = graph.params.map((param) => trace.param(param.type))
      const values = reads.map((read) => trace.param(read.type))
      return {
        operands: params,
        captures: {
          tensors: callee.traced.tensors,
          read: (name) => {
            const value = values[readNames.indexOf(name)]
            if (value === undefined) throw new InternalError(`${callee.name} lacks the variable ${name}`)
            return value
          },
          assign: () => undefined,
        },
      }
    },
    `gradient of ${callee.name}`,
  )
  const results = traced.graph.results.slice(graph.results.length)
  return new GraphFunction({ ...traced, graph: { ...traced.graph, results } })
}

function splitGradient(callee: GraphFunction, graph: Graph, needed: readonly boolean[]): Split {
  const traced = jointTrace(
    graph,
    needed,
    (trace) => {
      // The forward program is called with the callee's variables, so it must have the callee's names for them.
      for (const [name, variable] of callee.traced.variables) trace.variableParam(variable, name)
      const variableNamed = (name: string): Variable => {
        const variable = callee.traced.variables.get(name)
        if (variable === undefined) throw new InternalError(`${callee.name} lacks the variable ${name}`)
        return variable
      }
      return {
        operands: graph.params.map((param) => trace.param(param.type)),
        captures: {
          tensors: callee.traced.tensors,
          read: (name) => trace.read(variableNamed(name)),
          assign: (name, value) => trace.assign(variableNamed(name), value),
        },
      }
    },
    callee.name,
  )
  return splitGraph(traced, graph.params.length, graph.results.length)
}

/** Cuts a joint graph into what does not depend on the upstream gradients (the params after `argCount`) and the rest. */
function splitGraph(traced: TracedGraph, argCount: number, resultCount: number): Split {
  const joint = dce(cse(canonicalize(inline(traced.graph))))
  const upstream = joint.params.slice(argCount)
  const late = new Set<Value>(upstream)
  const definitions = new Map<Value, Node>()
  const backwardNodes: Node[] = []
  const forwardNodes: Node[] = []
  for (const node of joint.nodes) {
    for (const result of node.results) definitions.set(result, node)
    if (node.operands.some((operand) => late.has(operand))) {
      for (const result of node.results) late.add(result)
      backwardNodes.push(node)
    } else forwardNodes.push(node)
  }
  const gradients = joint.results.slice(resultCount)
  // What the backward takes over: constants and movement are computed again, everything else is handed on.
  const residualParams = new Map<Value, Value>()
  const copied = new Set<Node>()
  const nodes: Node[] = []
  const bring = (value: Value): void => {
    if (late.has(value) || residualParams.has(value)) return
    const definition = definitions.get(value)
    if (definition !== undefined && definition.op !== 'read' && (opNamed(definition.op).cost ?? 1) === 0) {
      if (copied.has(definition)) return
      copied.add(definition)
      for (const operand of definition.operands) bring(operand)
      nodes.push(definition)
    } else residualParams.set(value, makeValue(value.type))
  }
  for (const node of backwardNodes) {
    for (const operand of node.operands) bring(operand)
    nodes.push(node)
  }
  for (const gradient of gradients) bring(gradient)
  const residuals = [...residualParams.keys()]
  const kinds = residuals.map((value) => {
    const definition = definitions.get(value)
    return definition?.op === 'read'
      ? ({ kind: 'read', name: textAttribute(definition, 'variable') } as const)
      : ({ kind: 'value' } as const)
  })
  const renamed = (value: Value): Value => residualParams.get(value) ?? value
  const backward: Graph = {
    name: `gradient of ${joint.name}`,
    params: [...residualParams.values(), ...upstream],
    captures: joint.captures.filter((capture) => capture.kind === 'tensor'),
    nodes: nodes.map((node) => ({ ...node, operands: node.operands.map(renamed) })),
    results: gradients.map(renamed),
    guards: [],
  }
  const forward: Graph = {
    ...joint,
    params: joint.params.slice(0, argCount),
    nodes: forwardNodes,
    results: [
      ...joint.results.slice(0, resultCount),
      ...residuals.filter((_, i) => kinds[i]?.kind === 'value'),
    ],
  }
  return {
    forward: new GraphFunction({ ...traced, graph: forward }),
    backward: new GraphFunction({ graph: backward, variables: new Map(), tensors: traced.tensors }),
    resultCount,
    residuals: kinds,
  }
}

installDifferentiatedCall(differentiatedCall)
