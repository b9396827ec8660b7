/**
 * `tf.v1.Session`: runs parts of a graph, and keeps the contents of its Variables.
 *
 * A run takes the nodes that its fetches need, in the order of their construction, and compiles them as any traced
 * function is compiled: one program per set of fetches and feeds, kept by the graph, so that sessions share it. That is
 * graph mode's retrace, and a session says when it compiles again and again.
 *
 * Contents belong to the session: two sessions of one graph are independent. A Variable has none until its initializer
 * has run. The states of random generators are the session's own as well, and begin from the graph's seed.
 */
import { SignatureError, TraceError, ValueError } from '../../codegen/errors.ts'
import type { Value } from '../../tracer/ir/graph.ts'
import type { NestedArray, Tensor } from '../../tracer/tensor.ts'
import type { FeedDict, TensorMethods } from '../../tracer/tensor-methods.ts'
import { deferredProgram, type DeferredProgram } from '../../tracer/trace/deferred-run.ts'
import { outsideTrace } from '../../tracer/trace/modes.ts'
import { AssignedVariable } from '../../tracer/trace/deferred-trace.ts'
import { Variable } from '../../tracer/variable.ts'
import { stateForSession } from '../random/sequences.ts'
import { feedsOf } from './feeds.ts'
import { type Fetch, type Fetched, FetchPlan } from './fetches.ts'
import { getDefaultGraph, type Graph } from './graph.ts'

/** So many runs in a row that each compile a program are worth a warning. */
const compilingRuns = 5

export class Session {
  readonly graph: Graph
  readonly #contents = new Map<Variable, Variable>()
  readonly #initialized = new Set<Variable>()
  #closed = false
  #compilations = 0
  #inARow = 0
  #versionBefore: number
  #warned = false

  /** @param graph the graph being built, or else the default graph of the process, when absent */
  constructor(graph: Graph = getDefaultGraph()) {
    this.graph = graph
    this.#versionBefore = graph.version
  }

  /** Number of programs that runs of this session had to compile. */
  get compilations(): number {
    return this.#compilations
  }

  /**
   * Runs what the fetches need and gives their values in the same structure: scalars as numbers or booleans, other
   * tensors as nested arrays, operations as null.
   *
   * Nodes run in the order in which they were built. Variables that are fetched are read last.
   *
   * @param fetches a tensor, a Variable, what an assignment returned, an operation, a name, or arrays and objects of these
   * @param feeds values by tensor (a Map) or by name (an object); they take the place of what the graph would compute
   * @throws TraceError in a closed session, for an empty graph, for tensors of another graph and eager ones;
   *   SignatureError for a placeholder that is not fed; ValueError for a Variable that is not initialized, and for
   *   unknown names; ShapeError or DTypeError for a feed that does not fit. No Variable has changed then.
   * @example
   * const graph = new tf.v1.Graph()
   * const [v, update] = graph.asDefault(() => {
   *   const v = tf.variable(0, { name: 'v' })
   *   return [v, v.assignAdd(1)] as const
   * })
   * const session = new tf.v1.Session(graph)
   * session.run(graph.initializer())
   * session.run([update, v]) // [1, 1]
   * session.run({ after: v, step: update }) // { after: 2, step: 2 }
   */
  run<const F extends Fetch>(fetches: F, feeds?: FeedDict): Fetched<F> {
    return outsideTrace(() => this.#run(fetches, feeds)) as Fetched<F>
  }

  /** Runs `body` with this session as the default one, which `x.eval()` uses, and its graph open for more. */
  asDefault<R>(body: (session: this) => R): R {
    this.#demandOpen()
    sessions.push(this)
    try {
      return this.graph.asDefault(() => body(this))
    } finally {
      sessions.splice(sessions.lastIndexOf(this), 1)
    }
  }

  /** Lets the contents of all Variables go; the session cannot be used any more. */
  close(): void {
    this.#closed = true
    this.#contents.clear()
    this.#initialized.clear()
  }

  /** What has been compiled for this session's graph: a line per set of fetches and feeds. */
  explain(): string {
    const programs = [...this.graph.programs.values()].map(({ callee, params }, i) => {
      const nodes = callee?.traced.graph.nodes.length ?? 0
      return `  ${i + 1}  ${nodes} nodes, ${params.length} fed, ${callee?.traced.graph.results.length ?? 0} fetched`
    })
    return [`${this.graph.name}: ${programs.length} programs, ${this.graph.version} nodes`, ...programs].join(
      '\n',
    )
  }

  #run(fetches: unknown, feeds: FeedDict | undefined): unknown {
    this.#demandOpen()
    const { graph } = this
    const plan = new FetchPlan(graph, fetches)
    if (graph.version === 0 && graph.placeholders.size === 0 && graph.names.size === 0)
      throw new TraceError({
        op: 'session.run',
        problem: `the graph ${graph.name} is empty`,
        fix: 'add operations inside graph.asDefault(() => …) before calling run, and make the session for that graph.',
      })
    const fed = feedsOf(graph, feeds)
    const program = this.#programFor(plan, fed)
    for (const { variable, source } of program.reads)
      if (!graph.trace.shared.has(variable)) this.#demandInitialized(variable, source)
    for (const variable of plan.variables)
      if (!program.assigns.includes(variable)) this.#demandInitialized(variable)
    const results = this.#execute(program, fed)
    for (const variable of program.assigns) this.#initialized.add(variable)
    return plan.collect({
      results,
      contentOf: (variable) => this.#contentOf(variable).value(),
      isInitialized: (variable) => this.#initialized.has(variable),
    })
  }

  #programFor(plan: FetchPlan, fed: ReadonlyMap<Value, Tensor>): DeferredProgram {
    const { programs, trace } = this.graph
    const isFed = new Set(fed.keys())
    const key = `${plan.values.map(numberOf).join(',')}|${[...new Set(plan.nodes)].join(',')}|${[...isFed]
      .map(numberOf)
      .toSorted((a, b) => a - b)
      .join(',')}`
    const known = programs.get(key)
    if (known !== undefined) {
      this.#inARow = 0
      return known
    }
    const program = deferredProgram(trace, { values: plan.values, nodes: plan.nodes, fed: isFed })
    programs.set(key, program)
    if (program.callee !== undefined) this.#noteCompilation()
    return program
  }

  #execute({ callee, params }: DeferredProgram, fed: ReadonlyMap<Value, Tensor>): readonly Tensor[] {
    if (callee === undefined) return []
    const args = params.map((param): Tensor => {
      const value = fed.get(param)
      if (value !== undefined) return value
      const placeholder = this.graph.placeholders.get(param)
      throw new SignatureError({
        op: 'session.run',
        problem: `you must feed a value for the placeholder '${placeholder?.name ?? 'unnamed'}' ${placeholder?.tensor.toString() ?? ''}`,
        fix: `session.run(fetches, { ${placeholder?.name ?? 'x'}: value }).`,
      })
    })
    const broken = callee.brokenGuard(args)
    if (broken !== undefined)
      throw new ValueError({
        op: 'session.run',
        problem: `the sizes that are fed do not go together: ${String(broken.x)} is not ${String(broken.y)} (${broken.reason})`,
        fix: 'feed sizes that agree, or declare the size as 1 in the placeholder if it is to broadcast.',
      })
    const contents = new Map(
      [...callee.traced.variables].map(([name, variable]) => [name, this.#contentOf(variable)]),
    )
    return callee.call(args, contents)
  }

  /** Where this session keeps the content of a Variable of the graph. */
  #contentOf(variable: Variable): Variable {
    const base = variable instanceof AssignedVariable ? variable.base : variable
    let content = this.#contents.get(base)
    if (content === undefined) {
      content = this.graph.trace.shared.has(base)
        ? stateForSession(base, this.graph.seed)
        : base.placeholder()
      this.#contents.set(base, content)
    }
    return content
  }

  #demandOpen(): void {
    if (!this.#closed) return
    throw new TraceError({
      op: 'session.run',
      problem: `the session of ${this.graph.name} is closed`,
      fix: 'make a new one: new tf.v1.Session(graph).',
    })
  }

  #demandInitialized(variable: Variable, source?: string): void {
    if (this.#initialized.has(variable)) return
    throw new ValueError({
      op: 'session.run',
      problem: `the variable '${variable.name}' is not initialized in this session`,
      ...(source === undefined ? {} : { rows: [['read', `at ${source}`]] }),
      fix: `run tf.v1.globalVariablesInitializer() first.`,
    })
  }

  #noteCompilation(): void {
    this.#compilations++
    this.#inARow++
    if (this.#inARow < compilingRuns || this.#warned) {
      if (this.#inARow === 1) this.#versionBefore = this.graph.version
      return
    }
    this.#warned = true
    const grown = this.graph.version - this.#versionBefore
    const last = this.graph.trace.nodes.at(-1)
    // oxlint-disable-next-line no-console -- the run goes on, so this can only be a warning
    console.warn(
      grown > 0
        ? `session.run: each of the last ${this.#inARow} runs compiled a program of its own; ${this.graph.name} grew by ${grown} nodes meanwhile, last by ${last?.op ?? 'a node'}${last?.source === undefined ? '' : ` at ${last.source}`}\n  Fix: build ops once, before the loop, and feed what changes; graph.finalize() finds the place.`
        : `session.run: each of the last ${this.#inARow} runs compiled a program of its own, for other fetches or other feeds\n  Fix: fetch the same things in every run of a loop.`,
    )
  }
}

/** Sessions in force, innermost last. */
const sessions: Session[] = []

/** The session that `x.eval()` uses. Throws TraceError when there is none. */
export function getDefaultSession(op = 'v1.getDefaultSession'): Session {
  const session = sessions.at(-1)
  if (session !== undefined) return session
  throw new TraceError({
    op,
    problem: 'no default session is registered',
    fix: 'use session.run(x), or session.asDefault(() => …) around it.',
  })
}

/**
 * What the default session, or the one given, computes for `x`.
 *
 * @throws TraceError without a default session, otherwise as `session.run`
 * @example
 * const graph = new tf.v1.Graph()
 * const c = graph.asDefault(() => tf.scalar(2).mul(3))
 * new tf.v1.Session(graph).asDefault(() => c.eval()) // 6
 */
export function evaluate(x: TensorMethods, feeds?: FeedDict, session?: Session): NestedArray {
  const chosen = session ?? getDefaultSession('eval')
  return chosen.run(x instanceof Variable ? x : x.asTensor(), feeds)
}

const numbers = new WeakMap<Value, number>()
let count = 0

/** A number for each value, for keys. */
function numberOf(value: Value): number {
  const known = numbers.get(value) ?? count++
  numbers.set(value, known)
  return known
}
