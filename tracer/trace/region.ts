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
import type { Graph, Value } from '../ir/graph.ts'
import { sameType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { type Application, currentTrace, withObservers, withTrace } from './bind.ts'
import { GraphTrace } from './graph-trace.ts'

class RegionTrace extends GraphTrace {
  readonly #outer: GraphTrace
  /** The content at entry of the Variables read or assigned: the region's tensor for the outer one. */
  readonly entries = new Map<Variable, { readonly outer: Tensor; readonly inner: Tensor }>()
  /** What has been assigned last. */
  readonly assigned = new Map<Variable, Tensor>()
  #hostCalled = false

  constructor(name: string, outer: GraphTrace) {
    super(name, outer)
    this.#outer = outer
  }

  override apply(application: Application): readonly Tensor[] {
    if (application.op.name === 'host_call') this.#hostCalled = true
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
    const content = this.assigned.get(variable)
    if (content === undefined) return this.entry(variable)
    if (!isFloating(content.dtype)) return content
    const entry = this.entry(variable)
    if (!sameType(content.type, entry.type)) return content
    return withTrace(this, () => withObservers([], () => reread(content, entry)))
  }

  override assign(variable: Variable, value: Tensor): void {
    this.#demandNoHostCall(variable, 'assigned')
    this.entry(variable)
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

  /** A host call may assign any Variable, and is told of assignments; inside a region neither can be followed. */
  #demandNoHostCall(variable: Variable, done: string): void {
    if (!this.#hostCalled) return
    throw new TraceError({
      op: 'hostCall',
      problem: `the variable ${variable.name} is ${done} after a host call inside ${this.name}`,
      fix: 'pass what the host call needs as inputs and use its results, or do one of the two outside.',
    })
  }
}

/** A traced branch or body. */
export interface Region {
  /** Params: those asked for, then one per tensor of `borrowed`. */
  readonly graph: Graph
  /** How many of the graph's results are `results`; the others are contents of `assigned`, in order. */
  readonly count: number
  /** Tensors of the outer trace. */
  readonly borrowed: readonly Tensor[]
  /** Variables read or assigned: the outer trace's content, and the param that stands for it. */
  readonly entries: ReadonlyMap<Variable, { readonly outer: Tensor; readonly param: Value }>
  readonly assigned: readonly Variable[]
}

/** The trace in progress, which regions are part of. */
export function graphTraceNow(): GraphTrace {
  const trace = currentTrace()
  if (trace instanceof GraphTrace) return trace
  throw new InternalError('a region of no graph')
}

/** Runs `body` on params of the given types and records it; no tape sees it. */
export function traceRegion(
  name: string,
  types: readonly TensorType[],
  body: (params: readonly Tensor[]) => readonly Tensor[],
): Region {
  const region = new RegionTrace(name, graphTraceNow())
  const params = types.map((type) => region.param(type))
  const results = withTrace(region, () => withObservers([], () => body(params)))
  const assigned = [...region.assigned]
  const { graph, borrowed } = region.finishRegion([...results, ...assigned.map(([, value]) => value)])
  const entries = new Map(
    [...region.entries].map(([variable, { outer, inner }]) => {
      const { payload } = inner
      if (payload.kind !== 'symbolic') throw new InternalError('the content of a variable is no param')
      return [variable, { outer, param: payload.value }] as const
    }),
  )
  return { graph, count: results.length, borrowed, entries, assigned: assigned.map(([variable]) => variable) }
}
