/**
 * A graph that can be called.
 *
 * In eager code a call runs the compiled program: one per pattern of Variables that are the same (an argument may be the
 * very Variable the function captures), compiled when that pattern is first met. While another function is traced the
 * nodes are replayed into that trace. Under a tape the call is recorded as one application whose gradient is a compiled
 * program too; see differentiate.ts.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import type { Slot } from '../../codegen/run/memory.ts'
import {
  evaluateSize,
  isStaticShape,
  namesOfSize,
  type Size,
  sizeName,
  sizesEqual,
} from '../../codegen/size.ts'
import { type Graph, type Node, textAttribute } from '../ir/graph.ts'
import type { TensorType } from '../ir/type.ts'
import { Executable } from '../lower/executable.ts'
import { evaluateNode } from '../lower/evaluate.ts'
import { fuse } from '../passes/fuse.ts'
import { runPasses } from '../passes/pipeline.ts'
import { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { currentObservers, currentTrace, isTracing } from './bind.ts'
import { GraphTrace, type TracedGraph } from './graph-trace.ts'
import { contentOf, storedSize } from './content-size.ts'
import { demandOpenVariables } from './open-variables.ts'
import { replay, variableCaptures } from './replay.ts'
import { sizeInCall, type SizeSource, sizeSourcesOf } from './size-sources.ts'
import { isSupplied, supply } from './supplied.ts'

/** A guard that a call does not meet: two sizes that were taken to be equal are not. */
export interface GuardFailure {
  readonly x: Size
  readonly y: Size
  readonly reason: string
  /** The sizes the guard names, as far as the arguments say, and sizes of 1 that further broken guards name. */
  readonly sizes: ReadonlyMap<string, number>
}

/** A compiled alias pattern. */
interface Compiled {
  readonly executable: Executable
  readonly graph: Graph
  /** Names of the variables the program takes, in order, and whether it changes them. */
  readonly variables: readonly { readonly name: string; readonly changed: boolean }[]
  /** For each size of the program, the position of its name among `#sizes`. */
  readonly sizes: readonly number[]
}

/** Makes a call differentiable; installed by differentiate.ts, which needs this file. */
let differentiated:
  | ((
      callee: GraphFunction,
      args: readonly Tensor[],
      variables: ReadonlyMap<string, Variable>,
    ) => readonly Tensor[])
  | undefined
export function installDifferentiatedCall(call: typeof differentiated): void {
  differentiated = call
}

export class GraphFunction {
  readonly traced: TracedGraph
  readonly #sizes: readonly SizeSource[]
  readonly #static: boolean
  /** Whether sizes depend on Variables. */
  readonly #open: boolean
  readonly #compiled = new Map<string, Compiled>()
  /** The pattern in which every variable is another one: nearly every call. */
  #usual: Compiled | undefined
  /** Milliseconds spent in passes, lowering and code generation so far. */
  compileMilliseconds = 0

  constructor(traced: TracedGraph) {
    this.traced = traced
    this.#sizes = sizeSourcesOf(traced.graph, traced.contentSizes)
    this.#static = this.#sizes.length === 0
    this.#open =
      this.#sizes.some((source) => source.kind !== 'param') ||
      traced.graph.captures.some((capture) => capture.open === true)
  }

  get name(): string {
    return this.traced.graph.name
  }

  /** False when it closed over tensors of a trace around it that has ended: nobody can call it any more. */
  get isCallable(): boolean {
    const { supplied } = this.traced
    return supplied === undefined || supplied.every(isSupplied)
  }

  /** The first guard that the arguments certainly break, or undefined. */
  brokenGuard(args: readonly Tensor[]): GuardFailure | undefined {
    const { guards } = this.traced.graph
    if (guards.length === 0) return undefined
    const isPlain = !this.#open && args.length === this.traced.graph.params.length
    const values =
      isPlain && args.every((arg) => isStaticShape(arg.type.shape))
        ? this.#sizeValues(args, this.traced.variables)
        : undefined
    const sizeOf = (size: Size): Size =>
      values === undefined ? this.#sizeIn(size, args) : this.#evaluate(size, values)
    let failure: { readonly x: Size; readonly y: Size; readonly reason: string } | undefined
    const sizes = new Map<string, number>()
    for (const guard of guards) {
      const x = sizeOf(guard.x)
      const y = sizeOf(guard.y)
      if (x === y || sizesEqual(x, y) !== false) continue
      for (const name of namesOfSize(guard.y, namesOfSize(guard.x))) {
        const size = this.#sizeIn(sizeName(name), args)
        // Of later guards only sizes of 1 are of interest: they are what broadcasts.
        if (typeof size === 'number' && (failure === undefined || size === 1)) sizes.set(name, size)
      }
      failure ??= { x, y, reason: guard.reason }
    }
    return failure === undefined ? undefined : { ...failure, sizes }
  }

  /** Calls the graph; `variables` are the Variables behind its variable captures by name. */
  call(
    args: readonly Tensor[],
    variables: ReadonlyMap<string, Variable> = this.traced.variables,
  ): readonly Tensor[] {
    const { supplied } = this.traced
    const complete =
      supplied === undefined || supplied.length === 0 ? args : [...args, ...supply(supplied, this.name)]
    if (this.#open)
      demandOpenVariables(this.traced, variables, (size) => this.#sizeIn(size, complete, variables))
    if (isTracing()) {
      const trace = currentTrace()
      if (trace instanceof GraphTrace) this.#assumeGuards(complete, trace, variables)
      const inserted = (): readonly Tensor[] =>
        replay(
          this.traced.graph,
          complete.map((arg) => trace.lift(arg)),
          variableCaptures(variables, this.traced),
        )
      // In graph mode a call runs as a whole: what it does belongs to what it returns.
      const around: ReturnType<typeof currentTrace> = currentTrace()
      return around.together === undefined ? inserted() : around.together(inserted)
    }
    if (currentObservers().length > 0 && differentiated !== undefined)
      return differentiated(this, complete, variables)
    return this.execute(complete, variables)
  }

  /** Runs the compiled program. */
  execute(args: readonly Tensor[], variables: ReadonlyMap<string, Variable>): readonly Tensor[] {
    const compiled = this.#compiledFor(variables)
    const inputs: TypedArray[] = []
    for (const arg of args) inputs.push(arg.elements(this.name))
    const slots: Slot[] = []
    for (const { name, changed } of compiled.variables) {
      const variable = variables.get(name)
      if (variable === undefined) throw new InternalError(`${this.name} lacks the variable ${name}`)
      if (changed) variable.beforeChange()
      slots.push(variable.slot)
    }
    const values = this.#static ? noSizes : this.#sizeValues(args, variables)
    const sizes = this.#static ? noSizes : compiled.sizes.map((at) => values[at] ?? 0)
    const outputs = this.#open
      ? compiled.executable.runWithOpen(inputs, slots, sizes, (name, type, data) =>
          variables.get(name)?.store(data, type.shape),
        )
      : compiled.executable.run(inputs, slots, sizes)
    const results: Tensor[] = []
    const types = this.traced.graph.results
    const { found = noNames } = compiled.executable.program.spec
    for (let i = 0; i < types.length; i++) {
      const type = types[i]?.type
      const data = outputs[i]
      if (type === undefined || data === undefined) throw new InternalError(`${this.name} lacks result ${i}`)
      const known =
        found.length > 0
          ? compiled.executable.foundType(compiled.graph.results[i] ?? { type }, (name) =>
              this.#valueNamed(name, values),
            )
          : this.#static
            ? type
            : this.#resultType(type, values)
      results.push(new Tensor(known, { kind: 'data', data }))
    }
    return results
  }

  /** Compiles for the usual pattern of variables, so that the first call does not have to. */
  prepare(variables: ReadonlyMap<string, Variable> = this.traced.variables): Executable {
    return this.#compiledFor(variables).executable
  }

  /** Size of the modules compiled so far. */
  get wasmBytes(): number {
    const all = [...(this.#usual === undefined ? [] : [this.#usual]), ...this.#compiled.values()]
    return all.reduce((sum, { executable }) => sum + executable.program.wasmBytes.length, 0)
  }

  /** The graph after all passes, for the usual pattern. */
  fusedGraph(): Graph {
    return this.#compiledFor(this.traced.variables).graph
  }

  #compiledFor(variables: ReadonlyMap<string, Variable>): Compiled {
    const pattern = variables === this.traced.variables ? undefined : aliasesOf(variables)
    if (pattern === undefined) return (this.#usual ??= this.#compile(new Map()))
    const key = [...pattern].map(([name, representative]) => `${name}=${representative}`).join(',')
    let compiled = this.#compiled.get(key)
    if (compiled === undefined) this.#compiled.set(key, (compiled = this.#compile(pattern)))
    return compiled
  }

  #compile(aliases: ReadonlyMap<string, string>): Compiled {
    const start = performance.now()
    const { graph: original, tensors } = this.traced
    const graph = runPasses(original, { aliases, fuse, evaluate: evaluateNode })
    const names = graph.captures
      .filter((capture) => capture.kind === 'variable')
      .map((capture) => capture.name)
    const executable = new Executable(graph, names, (name) => {
      const tensor = tensors.get(name)
      if (tensor === undefined) throw new InternalError(`${this.name} lacks the captured tensor ${name}`)
      return tensor.elements(this.name)
    })
    const changed = new Set(
      allNodes(graph).flatMap((node) => (node.op === 'commit' ? [textAttribute(node, 'variable')] : [])),
    )
    const sizes = executable.program.spec.sizes.map((size) =>
      this.#sizes.findIndex((source) => source.name === size),
    )
    this.compileMilliseconds += performance.now() - start
    return {
      executable,
      graph,
      variables: names.map((name) => ({ name, changed: changed.has(name) })),
      sizes,
    }
  }

  #sizeValues(args: readonly Tensor[], variables: ReadonlyMap<string, Variable>): number[] {
    return this.#sizes.map((source) => {
      if (source.kind === 'param') return args[source.param]?.shape[source.axis] ?? 0
      const variable = variables.get(source.variable)
      if (variable === undefined)
        throw new InternalError(`${this.name} lacks the variable ${source.variable}`)
      return source.kind === 'variable' ? (variable.shape[source.axis] ?? 0) : storedSize(this.name, variable)
    })
  }

  #evaluate(size: Size, values: readonly number[]): number {
    return evaluateSize(size, (name) => this.#valueNamed(name, values))
  }

  #valueNamed(name: string, values: readonly number[]): number {
    return values[this.#sizes.findIndex((source) => source.name === name)] ?? 0
  }

  #resultType(type: TensorType, values: readonly number[]): TensorType {
    return { dtype: type.dtype, shape: type.shape.map((size) => this.#evaluate(size, values)) }
  }

  /** What this graph takes for granted about its sizes, its caller's trace takes for granted too. */
  #assumeGuards(args: readonly Tensor[], trace: GraphTrace, variables: ReadonlyMap<string, Variable>): void {
    for (const guard of this.traced.graph.guards) {
      const x = this.#sizeIn(guard.x, args, variables)
      const y = this.#sizeIn(guard.y, args, variables)
      if (sizesEqual(x, y) !== true) trace.guard(x, y, guard.reason)
    }
  }

  /** A size of this graph, with the sizes of the arguments (and Variables) in the place of its names. */
  #sizeIn(size: Size, args: readonly Tensor[], variables?: ReadonlyMap<string, Variable>): Size {
    return sizeInCall(size, this.#sizes, {
      args,
      typeOf: (name) => variables?.get(name)?.type,
      contentOf: (name) => contentOf(this.name, variables?.get(name)),
    })
  }
}

const noSizes: readonly number[] = []
const noNames: readonly string[] = []

function allNodes({ nodes }: Graph): readonly Node[] {
  return nodes.flatMap((node) => [node, ...node.regions.flatMap(allNodes)])
}

/** For variables that stand behind more than one name: name → first name; undefined when there are none. */
export function aliasesOf(variables: ReadonlyMap<string, Variable>): ReadonlyMap<string, string> | undefined {
  if (variables.size < 2) return undefined
  const first = new Map<Variable, string>()
  let aliases: Map<string, string> | undefined
  for (const [name, variable] of variables) {
    const known = first.get(variable)
    if (known === undefined) first.set(variable, name)
    else (aliases ??= new Map()).set(name, known)
  }
  return aliases
}
