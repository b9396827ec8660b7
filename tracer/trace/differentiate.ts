/**
 * Gradients of compiled functions.
 *
 * A call under a tape is recorded as one application of the function: to its arguments, to the Variables it reads and
 * to the tensors it closes over. For first derivatives the function's graph is traced once more together with its
 * gradient, and split in two: a *forward* program, which is the function plus the intermediate values its gradient
 * needs (residuals), and a *backward* program from residuals and the gradients of the results to the gradients of the
 * operands. When the sweep itself is watched, by an outer tape or by a persistent one, a third form is used, pure and
 * differentiable in turn: from operands and gradients of the results to gradients of the operands, computing the
 * forward again. None of these is a retrace: the callback does not run.
 *
 * A sweep may reach only some of the results. What does not depend on those has no gradient, rather than zero times
 * something, so the programs are made for the results reached. A call cannot know them; it expects those of the last
 * sweep, and when another set is reached the pure form serves.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { GradientError, InternalError } from '../../codegen/errors.ts'
import { sameShape } from '../../codegen/size.ts'
import { reread } from '../gradient/custom.ts'
import { refuseReadAfterHostCall } from '../gradient/host-call.ts'
import { GradientTape } from '../gradient/tape.ts'
import { type Graph, type Node, textAttribute } from '../ir/graph.ts'
import type { TensorType } from '../ir/type.ts'
import type { OpDefinition } from '../op.ts'
import { installGuardRecorder } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { currentObservers, eagerTrace, observe, withObservers, withTrace } from './bind.ts'
import { aliasesOf, GraphFunction, installDifferentiatedCall } from './graph-function.ts'
import { GraphTrace, type TracedGraph } from './graph-trace.ts'
import { replay } from './replay.ts'
import { type Residual, splitGraph } from './split-gradient.ts'

/** A function in one pattern of Variables that are the same. */
interface Pattern {
  readonly callee: GraphFunction
  /** The graph with one name for each Variable. */
  readonly graph: Graph
  /** The Variables read, in order of first access. */
  readonly reads: readonly { readonly name: string; readonly type: TensorType }[]
  /** The floating tensors closed over, with the positions of their nodes. */
  readonly closures: readonly { readonly at: number; readonly tensor: Tensor }[]
  readonly derivatives: Map<string, Derivative>
}

/** What a gradient program gives: which operands have a gradient. */
interface Pure {
  readonly program: GraphFunction
  readonly given: readonly boolean[]
}

interface Split {
  readonly forward: GraphFunction
  readonly backward: GraphFunction
  readonly residuals: readonly Residual[]
  readonly given: readonly boolean[]
}

const patterns = new WeakMap<GraphFunction, Map<string, Pattern>>()

function patternOf(callee: GraphFunction, variables: ReadonlyMap<string, Variable>): Pattern {
  const aliases: ReadonlyMap<string, string> =
    (variables === callee.traced.variables ? undefined : aliasesOf(variables)) ?? new Map<string, string>()
  const key = [...aliases].map(([name, first]) => `${name}=${first}`).join(',')
  const known = patterns.get(callee) ?? new Map<string, Pattern>()
  patterns.set(callee, known)
  let pattern = known.get(key)
  if (pattern === undefined) known.set(key, (pattern = makePattern(callee, aliases)))
  return pattern
}

function makePattern(callee: GraphFunction, aliases: ReadonlyMap<string, string>): Pattern {
  const original = callee.traced.graph
  const rename = (node: Node): Node => {
    const name = node.attrs['variable']
    const first = typeof name === 'string' ? aliases.get(name) : undefined
    return first === undefined ? node : { ...node, attrs: { ...node.attrs, variable: first } }
  }
  const graph = aliases.size === 0 ? original : { ...original, nodes: original.nodes.map(rename) }
  const reads = new Map<string, TensorType>()
  for (const node of graph.nodes) {
    const [result] = node.results
    const name = node.op === 'read' ? textAttribute(node, 'variable') : undefined
    if (name !== undefined && result !== undefined && !reads.has(name)) reads.set(name, result.type)
  }
  return {
    callee,
    graph,
    reads: [...reads].map(([name, type]) => ({ name, type })),
    closures: [...callee.traced.lifted]
      .filter(([, tensor]) => isFloating(tensor.dtype))
      .map(([at, tensor]) => ({ at, tensor })),
    derivatives: new Map(),
  }
}

/** The gradient of a pattern with respect to some of its operands: arguments, reads, then closures. */
class Derivative {
  readonly #pattern: Pattern
  readonly #needed: readonly boolean[]
  /** Those of the closures that are operands. */
  readonly #closures: Pattern['closures']
  readonly #splits = new Map<string, Split>()
  readonly #pures = new Map<string, Pure>()
  /** The results that sweeps are expected to reach, a character per result. */
  expected: string

  constructor(pattern: Pattern, needed: readonly boolean[], closures: Pattern['closures']) {
    this.#pattern = pattern
    this.#needed = needed
    this.#closures = closures
    this.expected = pattern.graph.results.map(({ type }) => (isFloating(type.dtype) ? '1' : '0')).join('')
  }

  split(reached: string): Split {
    let split = this.#splits.get(reached)
    if (split === undefined) this.#splits.set(reached, (split = this.#makeSplit(reached)))
    return split
  }

  pure(reached: string): Pure {
    let pure = this.#pures.get(reached)
    if (pure === undefined) this.#pures.set(reached, (pure = this.#makePure(reached)))
    return pure
  }

  #makeSplit(reached: string): Split {
    const { callee, graph, reads } = this.#pattern
    const { traced, given } = this.#jointTrace(callee.name, reached, (trace) => {
      // The forward program is called with the callee's variables, so it must have the callee's names for them.
      for (const [name, variable] of callee.traced.variables) trace.variableParam(variable, name)
      const variableNamed = (name: string): Variable => {
        const variable = callee.traced.variables.get(name)
        if (variable === undefined) throw new InternalError(`${callee.name} lacks the variable ${name}`)
        return variable
      }
      return {
        params: graph.params.map((param) => trace.param(param.type)),
        reads: reads.map(({ name }) => trace.read(variableNamed(name))),
        closures: this.#closures.map(({ tensor }) => tensor),
        assign: (name, value) => trace.assign(variableNamed(name), value),
        readNow: (name) => trace.read(variableNamed(name)),
      }
    })
    return { ...splitGraph(traced, graph.params.length, graph.results.length), given }
  }

  /** The gradient as a pure function of operands and upstream gradients, computing the forward again. */
  #makePure(reached: string): Pure {
    const { callee, graph, reads } = this.#pattern
    const { traced, given } = this.#jointTrace(`gradient of ${callee.name}`, reached, (trace) => ({
      params: graph.params.map((param) => trace.param(param.type)),
      reads: reads.map(({ type }) => trace.param(type)),
      closures: this.#closures.map(({ tensor }) => trace.param(tensor.type)),
      assign: undefined,
      readNow: (name) => refuseReadAfterHostCall(callee.name, name),
    }))
    const results = traced.graph.results.slice(graph.results.length)
    return { program: new GraphFunction({ ...traced, graph: { ...traced.graph, results } }), given }
  }

  /** Traces the graph and its gradient together: results are the graph's, then the gradients that there are. */
  #jointTrace(
    name: string,
    reached: string,
    prepare: (trace: GraphTrace) => {
      readonly params: readonly Tensor[]
      readonly reads: readonly Tensor[]
      readonly closures: readonly Tensor[]
      /** Undefined leaves assignments, prints and checks out. */
      readonly assign: ((name: string, value: Tensor) => void) | undefined
      /** The Variable's content at this place of the program, after a host call that may have changed it. */
      readonly readNow: (name: string) => Tensor
    },
  ): { readonly traced: TracedGraph; readonly given: readonly boolean[] } {
    const { callee, graph, reads } = this.#pattern
    const trace = new GraphTrace(name)
    const before = installGuardRecorder((x, y, reason) => trace.guard(x, y, reason))
    try {
      return withTrace(trace, () =>
        withObservers([], () => {
          const tape = new GradientTape({ watchAccessedVariables: false })
          const { params, reads: entries, closures, assign, readNow } = prepare(trace)
          const operands = [...params, ...entries, ...closures]
          const lifted = new Map(callee.traced.lifted)
          this.#closures.forEach(({ at }, i) => {
            const tensor = closures[i]
            if (tensor !== undefined) lifted.set(at, tensor)
          })
          const assigned = new Map<string, Tensor>()
          let hostCalled = false
          const read = (variable: string): Tensor => {
            const entry = entries[reads.findIndex((candidate) => candidate.name === variable)]
            if (entry === undefined) throw new InternalError(`${callee.name} lacks the variable ${variable}`)
            const content = assigned.get(variable) ?? (hostCalled ? readNow(variable) : undefined)
            // Content of another size cannot be the variable's own.
            return content === undefined
              ? entry
              : sameShape(content.type.shape, entry.type.shape)
                ? reread(content, entry)
                : content
          }
          for (const guard of graph.guards) trace.guard(guard.x, guard.y, guard.reason)
          const sources = operands.filter((_, i) => this.#needed[i] === true)
          const results = tape.record(() => {
            tape.watch(sources)
            return replay(graph, params, {
              tensors: callee.traced.tensors,
              lifted,
              withoutEffects: assign === undefined,
              read,
              assign: (variable, value) => {
                assigned.set(variable, value)
                assign?.(variable, value)
              },
              hostCalled: () => {
                hostCalled = true
                assigned.clear()
              },
            })
          })
          const targets = results.filter((_, i) => reached[i] === '1')
          const upstream = targets.map((target) => trace.param(target.type))
          const gradients = tape.gradient(targets, sources, { outputGradients: upstream })
          let next = 0
          const given = this.#needed.map((wanted) => wanted && gradients[next++] !== null)
          return {
            traced: trace.finish([...results, ...gradients.filter((gradient) => gradient !== null)]),
            given,
          }
        }),
      )
    } finally {
      installGuardRecorder(before)
    }
  }
}

/** The programs of a gradient know the sizes that their operands have, and no others. */
function refuseContentSizes({ name, traced }: GraphFunction): void {
  const [variable] = traced.contentSizes?.values() ?? []
  if (variable === undefined) return
  throw new GradientError({
    op: name,
    problem: `it uses the variable ${variable} as a size, which the gradient of a call does not support`,
    fix: 'use the tape inside the function, or pass a tensor of that size as an argument.',
  })
}

function differentiatedCall(
  callee: GraphFunction,
  args: readonly Tensor[],
  variables: ReadonlyMap<string, Variable>,
): readonly Tensor[] {
  const observers = currentObservers()
  const tracked = (tensor: Tensor): boolean =>
    isFloating(tensor.dtype) && observers.some((observer) => observer.tracks(tensor))
  refuseContentSizes(callee)
  const pattern = patternOf(callee, variables)
  const reads = pattern.reads.map(({ name }) => {
    const variable = variables.get(name)
    if (variable === undefined) throw new InternalError(`${callee.name} lacks the variable ${name}`)
    const value = eagerTrace().read(variable)
    for (const observer of observers) observer.read(variable, value)
    return value
  })
  const closures = pattern.closures.filter(({ tensor }) => tracked(tensor))
  const operands = [...args, ...reads, ...closures.map(({ tensor }) => tensor)]
  const needed = operands.map(tracked)
  if (!needed.includes(true)) return callee.execute(args, variables)

  const key = `${needed.map(Number).join('')} ${closures.map(({ at }) => at).join()}`
  let derivative = pattern.derivatives.get(key)
  if (derivative === undefined)
    pattern.derivatives.set(key, (derivative = new Derivative(pattern, needed, closures)))
  const gradient = derivative
  const expected = gradient.expected
  const split = gradient.split(expected)
  const outputs = split.forward.execute(args, variables)
  const results = outputs.slice(0, pattern.graph.results.length)
  let next = results.length
  const residuals = split.residuals.map((residual) => {
    const tensor =
      residual.kind === 'argument'
        ? args[residual.index]
        : residual.kind === 'read'
          ? reads[pattern.reads.findIndex(({ name }) => name === residual.name)]
          : residual.kind === 'result'
            ? results[residual.index]
            : outputs[next++]
    if (tensor === undefined) throw new InternalError(`${callee.name} lacks a residual`)
    return tensor
  })
  const op: OpDefinition = {
    name: callee.name,
    type: () => results.map((result) => result.type),
    gradient: ({ gradients }) => {
      const upstream = gradients.filter((given) => given !== null)
      const reached = gradients.map((given) => (given === null ? '0' : '1')).join('')
      const watched = currentObservers().some((observer) =>
        [...operands, ...upstream].some((tensor) => observer.tracks(tensor)),
      )
      gradient.expected = reached
      const form = watched || reached !== expected ? gradient.pure(reached) : split
      const given =
        form === split
          ? withObservers([], () => split.backward.call([...residuals, ...upstream]))
          : gradient.pure(reached).program.call([...operands, ...upstream])
      let at = 0
      return form.given.map((present) => (present ? (given[at++] ?? null) : null))
    },
    lower: { kind: 'program' },
  }
  observe({ op, operands, attrs: {}, regions: [] }, results)
  return results
}

installDifferentiatedCall(differentiatedCall)
