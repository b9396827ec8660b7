/**
 * Tracing a branch or a loop body into a closed region.
 *
 * Inside, Variables are values: the first read of one takes the outer trace's content as an operand, and after an
 * assignment the content is what was assigned; its gradient stays the Variable's own, as it is for every read. What a
 * region assigns is given back as further results, and assigned by the trace around once the node is there.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { InternalError, TraceError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { reread } from '../gradient/custom.ts'
import { type Graph, makeValue, type Value } from '../ir/graph.ts'
import { sameType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { type Application, currentObservers, currentTrace, withObservers, withTrace } from './bind.ts'
import { GraphTrace } from './graph-trace.ts'

class RegionTrace extends GraphTrace {
  readonly #outer: GraphTrace
  /** The content at entry of the Variables read or assigned: the region's tensor for the outer one. */
  readonly entries = new Map<Variable, { readonly outer: Tensor; readonly inner: Tensor }>()
  /** What has been assigned last. */
  readonly assigned = new Map<Variable, Tensor>()
  #hostCalled = false

  /** In the body of a loop, params for the contents that Variables have when an iteration begins. */
  readonly contents = new Map<Variable, Tensor>()
  readonly #isBody: boolean

  constructor(name: string, outer: GraphTrace, isBody: boolean) {
    super(name, outer)
    this.#outer = outer
    this.#isBody = isBody
  }

  override apply(application: Application): readonly Tensor[] {
    if (application.op.name === 'host_call') this.#noteHostCall()
    return super.apply(application)
  }

  override lift(tensor: Tensor): Tensor {
    // A gradient may flow to a tensor from outside, so it must not become a constant of the region.
    if (tensor.payload.kind !== 'symbolic' && isFloating(tensor.dtype))
      return super.lift(this.#outer.lift(tensor))
    return super.lift(tensor)
  }

  override typeOf(variable: Variable): TensorType {
    return this.assigned.get(variable)?.type ?? this.#outer.typeOf(variable)
  }

  override contentSize(variable: Variable): Size {
    if (this.assigned.has(variable))
      throw new TraceError({
        op: 'shape',
        problem: `the variable ${variable.name} is used as a size after it was assigned, in ${this.name}: sizes must be known when a call begins`,
        fix: 'assign it outside, or pass the size as an argument.',
      })
    return super.contentSize(variable)
  }

  override read(variable: Variable): Tensor {
    this.#demandNoHostCall(variable, 'read')
    const content = this.assigned.get(variable) ?? this.#contentAtStart(variable)
    if (content === undefined) return this.entry(variable)
    if (!isFloating(content.dtype)) return content
    const entry = this.entry(variable)
    if (!sameType(content.type, entry.type)) return content
    return withTrace(this, () => withObservers([], () => reread(content, entry)))
  }

  override assign(variable: Variable, value: Tensor): void {
    this.#demandNoHostCall(variable, 'assigned')
    this.entry(variable)
    this.#contentAtStart(variable)
    this.assigned.set(variable, this.lift(value))
  }

  override initialValue(_initial: Tensor, name: string): Tensor {
    throw new TraceError({
      op: 'tf.variable',
      problem: `the variable ${name} is created inside ${this.name}, which may run any number of times`,
      fix: 'create it before.',
    })
  }

  entry(variable: Variable): Tensor {
    const known = this.entries.get(variable)
    if (known !== undefined) return known.inner
    const outer = this.#outer.read(variable)
    const inner = this.lift(outer)
    this.entries.set(variable, { outer, inner })
    return inner
  }

  /** An iteration may find what the one before assigned: whether one does is known when the body has been traced. */
  #contentAtStart(variable: Variable): Tensor | undefined {
    if (!this.#isBody) return undefined
    const known = this.contents.get(variable)
    if (known !== undefined) return known
    const content = this.param(this.entry(variable).type)
    this.contents.set(variable, content)
    return content
  }

  /** A host call may assign any Variable, and sees what has been assigned: inside a region neither can be followed. */
  #noteHostCall(): void {
    this.#hostCalled = true
    const [variable] = this.assigned.keys()
    if (variable !== undefined) this.#refuse(variable, 'assigned before')
    if (this.#outer instanceof RegionTrace) this.#outer.#noteHostCall()
  }

  #demandNoHostCall(variable: Variable, done: string): void {
    if (this.#hostCalled) this.#refuse(variable, `${done} after`)
  }

  /** What one iteration does after a host call comes before that of the next. */
  demandFollowed(): void {
    const [variable] = this.entries.keys()
    if (this.#isBody && this.#hostCalled && variable !== undefined)
      this.#refuse(variable, 'used in the loop of')
  }

  #refuse(variable: Variable, done: string): never {
    throw new TraceError({
      op: 'hostCall',
      problem: `the variable ${variable.name} is ${done} a host call inside ${this.name}, which may assign it`,
      fix: 'give the host call what it needs as inputs and use its results, or do one of the two outside.',
    })
  }
}

/** A tensor of the trace around a region, and the region's param for it. */
export interface Borrowed {
  readonly outer: Tensor
  readonly param: Value
}

/** A traced branch or body. */
export interface Region {
  /** Params: those asked for, and those of `borrowed` and `contents`. */
  readonly graph: Graph
  /** How many of the graph's results are given; the others are contents of `assigned`, in order. */
  readonly count: number
  /** Tensors of the outer trace that are used, and the params that stand for them. */
  readonly borrowed: readonly Borrowed[]
  /** Variables read or assigned: the outer trace's content, and the param that stands for it, one of `borrowed`. */
  readonly entries: ReadonlyMap<Variable, Borrowed>
  /** For the body of a loop, the params for the contents of Variables when an iteration begins. */
  readonly contents: ReadonlyMap<Variable, Value>
  readonly assigned: readonly Variable[]
}

/** The trace in progress, which regions are part of. */
export function graphTraceNow(): GraphTrace {
  const trace = currentTrace()
  if (trace instanceof GraphTrace) return trace
  throw new InternalError('a region of no graph')
}

/** A region that is being traced. */
export class OpenRegion {
  readonly #trace: RegionTrace
  readonly params: readonly Tensor[]

  /** @param isBody it may run several times, and then finds in Variables what it has left there */
  constructor(name: string, types: readonly TensorType[], isBody = false) {
    this.#trace = new RegionTrace(name, graphTraceNow(), isBody)
    this.params = types.map((type) => this.#trace.param(type))
  }

  /** Records what `body` does; no tape sees it. */
  run<R>(body: () => R): R {
    return withTrace(this.#trace, () => withObservers([], body))
  }

  finish(results: readonly Tensor[]): Region {
    const { assigned, entries, contents } = this.#trace
    this.#trace.demandFollowed()
    const { graph, borrowed } = this.#trace.finishRegion([...results, ...assigned.values()])
    const contentParams = new Map([...contents].map(([variable, tensor]) => [variable, valueOf(tensor)]))
    this.#trace.unusedTests.demand(graph.results, this.#trace.name)
    const known = new Set([...this.params.map(valueOf), ...contentParams.values()])
    const params = graph.params.filter((param) => !known.has(param))
    return {
      graph,
      count: results.length,
      borrowed: borrowed.map((outer, i) => ({ outer, param: params[i] as Value })),
      entries: new Map(
        [...entries].map(([variable, { outer, inner }]) => [variable, { outer, param: valueOf(inner) }]),
      ),
      contents: contentParams,
      assigned: [...assigned.keys()],
    }
  }
}

function valueOf({ payload }: Tensor): Value {
  if (payload.kind !== 'symbolic') throw new InternalError('the content of a variable is no param')
  return payload.value
}

/** Runs `body` on params of the given types and records it as a region. */
export function traceRegion(
  name: string,
  types: readonly TensorType[],
  body: (params: readonly Tensor[]) => readonly Tensor[],
): Region {
  const region = new OpenRegion(name, types)
  return region.finish(region.run(() => body(region.params)))
}

/** Tells the tapes of the Variables that regions read: call it before the node that holds them is recorded. */
export function observeReads(regions: readonly Region[]): void {
  for (const observer of currentObservers())
    for (const region of regions)
      for (const [variable, { outer }] of region.entries) observer.read(variable, outer)
}

/** The operands of a node with two regions, each with params of its own for them. */
export class SharedOperands {
  readonly tensors: Tensor[] = []
  readonly params: readonly [Value[], Value[]] = [[], []]

  /** Adds an operand; a region without a param for it gets one. */
  add(tensor: Tensor, first?: Value, second?: Value): void {
    this.tensors.push(tensor)
    this.params[0].push(first ?? makeValue(tensor.type))
    this.params[1].push(second ?? makeValue(tensor.type))
  }
}
