/**
 * Tracing a branch or a loop body into a closed region.
 *
 * Inside, Variables are values: the first read of one takes the outer trace's content as an operand, and after an
 * assignment the content is what was assigned; its gradient stays the Variable's own, as it is for every read. What a
 * region assigns is given back as further results, and assigned by the trace around once the node is there; `assign`
 * nodes say when it happens, for discharge to store it before something that may fail. Once the host has been called,
 * which may assign any Variable, they are read from their storage, and nothing is given back.
 */
import { isFloating } from '../../codegen/dtype.ts'
import { InternalError, TraceError } from '../../codegen/errors.ts'
import type { Size } from '../../codegen/size.ts'
import { reread } from '../gradient/custom.ts'
import { callsHostInside, type Graph, makeValue, type Value } from '../ir/graph.ts'
import { opNamed } from '../op.ts'
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
  /** What Variables have been found to hold since the last host call. */
  readonly #readAgain = new Map<Variable, Tensor>()

  /** In the body of a loop, params for the contents that Variables have when an iteration begins. */
  readonly contents = new Map<Variable, Tensor>()
  readonly #isBody: boolean

  constructor(name: string, outer: GraphTrace, isBody: boolean) {
    super(name, outer)
    this.#outer = outer
    this.#isBody = isBody
  }

  override apply(application: Application): readonly Tensor[] {
    const results = super.apply(application)
    if (application.op.name === 'host_call' || application.regions.some(callsHostInside)) this.#noteHostCall()
    return results
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
    if (this.assigned.has(variable) || this.#hostCalled)
      throw new TraceError({
        op: 'shape',
        problem: `the variable ${variable.name} is used as a size after ${this.#hostCalled ? 'a host call, which may assign it' : 'it was assigned'}, in ${this.name}: sizes must be known when a call begins`,
        fix: 'assign it outside, or pass the size as an argument.',
      })
    return super.contentSize(variable)
  }

  override read(variable: Variable): Tensor {
    const content = this.assigned.get(variable) ?? this.#contentNow(variable)
    if (content === undefined) return this.entry(variable)
    if (!isFloating(content.dtype)) return content
    const entry = this.entry(variable)
    if (!sameType(content.type, entry.type)) return content
    return withTrace(this, () => withObservers([], () => reread(content, entry)))
  }

  override assign(variable: Variable, value: Tensor): void {
    this.entry(variable)
    if (!this.#hostCalled) this.#contentAtStart(variable)
    const content = this.lift(value)
    this.assigned.set(variable, content)
    // Says where in the region that happens: what fails later does not undo it.
    const attrs = { variable: this.captureName(variable) }
    this.apply({ op: opNamed('assign'), operands: [content], attrs, regions: [] })
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

  /** What a Variable that has not been assigned since holds; undefined for what it held at entry. */
  #contentNow(variable: Variable): Tensor | undefined {
    if (!this.#hostCalled) return this.#contentAtStart(variable)
    const known = this.#readAgain.get(variable)
    if (known !== undefined) return known
    const { dtype, shape } = this.entry(variable).type
    const attrs = { variable: this.captureName(variable), dtype, shape }
    const [content] = this.apply({ op: opNamed('read'), operands: [], attrs, regions: [] })
    if (content === undefined) throw new InternalError('read gave no result')
    this.#readAgain.set(variable, content)
    return content
  }

  /** A host call sees what has been assigned, and may assign any Variable. */
  #noteHostCall(): void {
    this.#hostCalled = true
    this.assigned.clear()
    this.#readAgain.clear()
    if (this.#outer instanceof RegionTrace) this.#outer.#noteHostCall()
  }

  /** Whether the host is called here or in a region inside. */
  get hostCalled(): boolean {
    return this.#hostCalled
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
  /** The host is called: Variables are in their storage when the region begins and when it ends, and none is in `assigned`. */
  readonly hostCalled: boolean
}

/** The trace in progress, which regions are part of. */
export function graphTraceNow(): GraphTrace {
  const trace = currentTrace()
  if (trace instanceof GraphTrace) return trace
  throw new InternalError('a region of no graph')
}

/** What a region is for. */
export interface RegionKind {
  /** It may run several times, and then finds in Variables what it has left there. */
  readonly isBody?: boolean
  /** No user wrote it, so a bool that nothing uses is no sign of a mistake. */
  readonly isDerived?: boolean
}

/** A region that is being traced. */
export class OpenRegion {
  readonly #trace: RegionTrace
  readonly params: readonly Tensor[]
  readonly #isDerived: boolean

  constructor(
    name: string,
    types: readonly TensorType[],
    { isBody = false, isDerived = false }: RegionKind = {},
  ) {
    this.#isDerived = isDerived
    this.#trace = new RegionTrace(name, graphTraceNow(), isBody)
    this.params = types.map((type) => this.#trace.param(type))
  }

  /** Records what `body` does; no tape sees it. */
  run<R>(body: () => R): R {
    return withTrace(this.#trace, () => withObservers([], body))
  }

  finish(results: readonly Tensor[]): Region {
    const { entries, contents, hostCalled } = this.#trace
    const assigned = hostCalled ? new Map<Variable, Tensor>() : this.#trace.assigned
    const { graph, borrowed } = this.#trace.finishRegion([...results, ...assigned.values()])
    const contentParams = new Map([...contents].map(([variable, tensor]) => [variable, valueOf(tensor)]))
    if (!this.#isDerived) this.#trace.unusedTests.demand(graph.results, this.#trace.name)
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
      hostCalled,
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
  kind: RegionKind = {},
): Region {
  const region = new OpenRegion(name, types, kind)
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
