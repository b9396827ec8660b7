/**
 * Variables created while a function is traced.
 *
 * A callback may create Variables on the first call only (`v ??= tf.variable(…)`): they are real from then on, their
 * initial values being computed at once from the arguments of that call. The trace in which they were created is thrown
 * away and the callback runs a second time; if it creates Variables again, it would do so on every call, which cannot
 * be traced.
 */
import { TraceError } from '../../codegen/errors.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { eagerTrace, withObservers, withTrace } from './bind.ts'
import type { TracedGraph } from './graph-trace.ts'
import { replay, variableCaptures } from './replay.ts'

/** Whether a trace may create Variables, and those it did. */
export class VariableCreation {
  readonly created: Variable[] = []
  /** 'first': the function has no trace yet; 'again': its second run; 'later': it has traces. */
  readonly #when: 'first' | 'again' | 'later'
  /** The arguments of the call, one per param. */
  readonly #args: Tensor[] = []
  /** The Variables behind placeholders. */
  readonly #behind = new Map<Variable, Variable>()

  constructor(when: 'first' | 'again' | 'later') {
    this.#when = when
  }

  /** The next param of the trace stands for this tensor. */
  param(tensor: Tensor | undefined): void {
    if (tensor !== undefined) this.#args.push(tensor)
  }
  /** A placeholder stands for this Variable. */
  variableParam(placeholder: Variable, variable: Variable): void {
    this.#behind.set(placeholder, variable)
  }

  /** Throws TraceError when no Variable may be created now. */
  demand(name: string, functionName: string): void {
    if (this.#when === 'first') return
    throw new TraceError({
      op: 'tf.variable',
      problem:
        this.#when === 'again'
          ? `${functionName} creates the variable ${name} on every call; a traced function may create variables only once, on its first call`
          : `${functionName} creates the variable ${name} on a call that is not its first`,
      fix: 'create it outside the function, or once: v ??= tf.variable(…). Layers and optimizers create theirs in build(…), which you can call before.',
    })
  }

  /** The callback has run: nothing is evaluated any more, and the arguments need not be kept. */
  end(): void {
    this.#args.length = 0
    this.#behind.clear()
  }

  /** The value of a symbolic tensor of the trace so far, for the arguments of this call. */
  evaluate(soFar: TracedGraph): Tensor | undefined {
    const { graph, variables } = soFar
    if (this.#args.length !== graph.params.length) return undefined
    const actual = new Map(
      [...variables].map(([name, variable]) => [name, this.#behind.get(variable) ?? variable]),
    )
    const captures = {
      ...variableCaptures(actual, { tensors: soFar.tensors, contentSizes: soFar.contentSizes ?? new Map() }),
      assign: (): void => undefined,
    }
    return withTrace(eagerTrace(), () =>
      withObservers([], () => replay(onlyFor(graph), this.#args, captures)),
    )[0]
  }
}

/** The graph with nothing but what its results need. */
function onlyFor(graph: Graph): Graph {
  const needed = new Set<Value>(graph.results)
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.results.some((result) => needed.has(result))) continue
    for (const operand of node.operands) needed.add(operand)
    nodes.unshift(node)
  }
  return { ...graph, nodes }
}
