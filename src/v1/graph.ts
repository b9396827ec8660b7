/**
 * `tf.v1.Graph`: ops that are built now and run later.
 *
 * Inside `graph.asDefault(() => …)` the functions of the library build nodes instead of computing; that is the whole of
 * graph mode, there is no switch for the process. A graph has no values: a Session runs parts of it and keeps the
 * contents of its Variables.
 */
import { TraceError, ValueError } from '../../codegen/errors.ts'
import type { DType } from '../../codegen/dtype.ts'
import { type Size, sizeName } from '../../codegen/size.ts'
import type { Value } from '../../tracer/ir/graph.ts'
import { installGuardRecorder } from '../../tracer/ops/sizes.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import type { TensorLike } from '../../tracer/convert.ts'
import {
  type Application,
  currentTrace,
  isTracing,
  type Observer,
  withObservers,
  withTrace,
} from '../../tracer/trace/bind.ts'
import { AssignedVariable, DeferredTrace } from '../../tracer/trace/deferred-trace.ts'
import type { DeferredProgram } from '../../tracer/trace/deferred-run.ts'
import type { Variable } from '../../tracer/variable.ts'
import { randomStates } from '../random/sequences.ts'

/** An op that was applied, for gradients. */
export interface Applied {
  readonly application: Application
  readonly results: readonly Tensor[]
}

/** What a placeholder is fed when nothing else is. */
export interface Placeholder {
  readonly name: string
  readonly tensor: Tensor
  readonly defaultValue: TensorLike | undefined
}

let graphs = 0
/** The graph that each open trace belongs to. */
const graphOf = new WeakMap<object, Graph>()

export class Graph {
  readonly name: string
  /** For the library's own use: what has been built. */
  readonly trace: DeferredTrace
  /** For the library's own use: everything applied, and the reads of each Variable. */
  readonly applied: Applied[] = []
  readonly reads: Map<Variable, Tensor[]> = new Map()
  /** For the library's own use: what can be fetched and fed by name. */
  readonly names: Map<string, Operation | Tensor | Variable> = new Map()
  readonly placeholders: Map<Value, Placeholder> = new Map()
  /** For the library's own use: compiled programs by what they fetch and are fed. */
  readonly programs: Map<string, DeferredProgram> = new Map()
  /** Variables by the name that `v1.getVariable` gave them. */
  readonly scoped: Map<string, Variable> = new Map()
  #seed: number | undefined
  readonly #observer: Observer = {
    applied: (application, results) => this.applied.push({ application, results }),
    read: (variable, value) => {
      const reads = this.reads.get(variable)
      if (reads === undefined) this.reads.set(variable, [value])
      else reads.push(value)
    },
    tracks: () => true,
  }

  constructor(name?: string) {
    graphs++
    this.name = name ?? (graphs === 1 ? 'graph' : `graph_${graphs - 1}`)
    this.trace = new DeferredTrace(this.name, randomStates)
    graphOf.set(this.trace, this)
  }

  /**
   * Runs `body`, in which ops and Variables become part of this graph; returns what it returns.
   *
   * @throws TraceError inside a traced function
   * @example
   * const graph = new tf.v1.Graph()
   * const c = graph.asDefault(() => tf.scalar(2).mul(3))
   * new tf.v1.Session(graph).run(c) // 6
   */
  asDefault<R>(body: () => R): R {
    if (isTracing() && currentTrace().deferred !== true)
      throw new TraceError({
        op: 'graph.asDefault',
        problem: `${this.name} is entered while ${currentTrace().name} is traced`,
        fix: 'a traced function is a graph already; build this one outside.',
      })
    const before = installGuardRecorder((x, y, reason) => this.trace.guard(x, y, reason))
    try {
      return withTrace(this.trace, () => withObservers([this.#observer], body))
    } finally {
      installGuardRecorder(before)
    }
  }

  /** Number of nodes; a graph grows only. */
  get version(): number {
    return this.trace.nodes.length
  }
  get finalized(): boolean {
    return this.trace.finalized
  }
  /** From now on adding to the graph throws a TraceError. */
  finalize(): void {
    this.trace.finalize()
  }

  /** The seed of random ops in the sessions of this graph; undefined is an arbitrary one. See `tf.v1.setRandomSeed`. */
  get seed(): number | undefined {
    return this.#seed
  }
  set seed(seed: number | undefined) {
    if (seed !== undefined && !Number.isSafeInteger(seed))
      throw new ValueError({
        op: 'v1.setRandomSeed',
        problem: `the seed is ${seed}`,
        fix: 'use an integer of at most 53 bits.',
      })
    this.#seed = seed
  }

  /** The Variables of this graph, in the order of their creation. */
  get variables(): readonly Variable[] {
    return [...this.trace.initializers.keys()]
  }

  /** An operation that gives every Variable that exists now its initial value, in the order of their creation. */
  initializer(): Operation {
    return new Operation(this, 'init', [...this.trace.initializers.values()])
  }

  /** A tensor that is fed. See `tf.v1.placeholder`. */
  addPlaceholder(
    dtype: DType,
    shape: readonly (number | null)[],
    wanted: string,
    defaultValue?: TensorLike,
  ): Tensor {
    const name = this.uniqueName(wanted)
    const sizes = shape.map((size, axis): Size => size ?? sizeName(`${name.replaceAll(/\W/g, '_')}_${axis}`))
    const tensor = this.trace.param({ dtype, shape: sizes }, name)
    this.placeholders.set(this.valueOf('v1.placeholder', tensor), { name, tensor, defaultValue })
    this.names.set(name, tensor)
    return tensor
  }

  /** The value behind a tensor of this graph. Throws TraceError for any other. */
  valueOf(op: string, tensor: Tensor): Value {
    const payload = tensor.payload
    if (payload.kind === 'symbolic') {
      if (payload.trace === this.trace) return payload.value
      throw foreign(op, `a tensor of ${payload.trace.name}`, this)
    }
    throw new TraceError({
      op,
      problem: `${tensor.toString()} is an eager tensor, which has its value already`,
      fix: 'read it with data(), array() or item(), or build it inside graph.asDefault(() => …).',
    })
  }

  /** Throws TraceError unless the Variable is of this graph. */
  demandOwn(op: string, variable: Variable): void {
    const base = variable instanceof AssignedVariable ? variable.base : variable
    if (!this.trace.initializers.has(base)) throw foreign(op, `the variable ${variable.name}`, this)
  }

  /** What a name stands for: `'x'` or `'x:0'`, as given to placeholders, operations, Variables and `v1.identity`. */
  find(op: string, name: string): Operation | Tensor | Variable {
    const plain = name.endsWith(':0') ? name.slice(0, -2) : name
    const found = this.names.get(plain) ?? this.variables.find((variable) => variable.name === plain)
    if (found !== undefined) return found
    const known = [...this.names.keys(), ...this.variables.map((variable) => variable.name)]
    throw new ValueError({
      op,
      problem: `the name '${name}' refers to nothing in ${this.name}`,
      fix:
        known.length === 0
          ? `give names to placeholders, variables, or with v1.identity(x, name).`
          : `the names are ${known.join(', ')}.`,
    })
  }

  /** `wanted`, or with a number after it when that is taken. */
  uniqueName(wanted: string): string {
    if (!this.names.has(wanted)) return wanted
    for (let i = 1; ; i++) if (!this.names.has(`${wanted}_${i}`)) return `${wanted}_${i}`
  }
}

/** Something to run in a graph for what it does; running it gives null. A list of positions in the graph. */
export class Operation {
  readonly graph: Graph
  /** For messages, and to fetch it by. */
  readonly name: string
  /** For the library's own use: positions of its nodes. */
  readonly nodes: readonly number[]

  constructor(graph: Graph, name: string, nodes: readonly number[]) {
    this.graph = graph
    this.name = graph.uniqueName(name)
    this.nodes = nodes
    graph.names.set(this.name, this)
    Object.freeze(this)
  }

  toString(): string {
    return `Operation(${this.name})`
  }
}

/** The error for something of another graph. */
export function foreign(op: string, what: string, graph: Graph): TraceError {
  return new TraceError({
    op,
    problem: `${what} is not an element of ${graph.name}`,
    fix: 'build it inside the same graph.asDefault(() => …), and run it in a session of that graph.',
  })
}

let standard: Graph | undefined

/** The graph being built, or undefined in eager code and in traced functions. */
function currentGraph(): Graph | undefined {
  return graphOf.get(currentTrace())
}

/** The graph being built; outside of any, one graph that is the default of the process. */
export function getDefaultGraph(): Graph {
  return currentGraph() ?? (standard ??= new Graph('default_graph'))
}

/** The graph being built. Throws TraceError in eager code. */
export function graphInScope(op: string): Graph {
  const graph = currentGraph()
  if (graph !== undefined) return graph
  throw new TraceError({
    op,
    problem: 'it belongs to graph mode, and no graph is being built',
    fix: 'use it inside graph.asDefault(() => …).',
  })
}
