/**
 * A function of tensors that is traced once and applied in loops traced later, when the types of what it gives are known:
 * what `mapFn` and `scan` apply to elements.
 */
import { convertToTensor } from '../convert.ts'
import type { TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { currentTrace, readVariable } from './bind.ts'
import { leavesOf, withLeaves } from './control.ts'
import { graphTraceNow, OpenRegion, type Region } from './region.ts'
import { replay, variableCaptures } from './replay.ts'

/** A function of tensors traced once, to be applied in regions traced later. */
export class TracedStep {
  readonly #region: Region
  readonly #structure: unknown
  /** The types of the tensors it gives. */
  readonly types: readonly TensorType[]

  constructor(
    name: string,
    types: readonly TensorType[],
    body: (params: readonly Tensor[]) => unknown,
    op: string,
  ) {
    const open = new OpenRegion(name, types)
    const value = open.run(() => body(open.params))
    const tensors = open.run(() => [...leavesOf(value).values()].map((leaf) => convertToTensor(leaf, { op })))
    this.#region = open.finish(tensors)
    this.#structure = value
    this.types = tensors.map(({ type }) => type)
  }

  /** What the function gives, with other tensors at the leaves. */
  structure(tensors: readonly unknown[]): unknown {
    return withLeaves(this.#structure, tensors)
  }

  /** Applies it in the current trace. */
  apply(args: readonly Tensor[]): readonly Tensor[] {
    const { graph, borrowed, entries, count } = this.#region
    const named = new Map(
      [...entries.keys()].map((variable) => [graphTraceNow().captureName(variable), variable]),
    )
    const trace = currentTrace()
    const variables = new Map([...entries].map(([variable, { param }]) => [param, variable]))
    const outer = new Map(borrowed.map((entry) => [entry.param, entry.outer]))
    let next = 0
    const results = replay(
      graph,
      graph.params.map((param) => {
        const variable = variables.get(param)
        if (variable !== undefined) return readVariable(variable)
        const tensor = outer.get(param)
        return tensor === undefined ? (args[next++] as Tensor) : trace.lift(tensor)
      }),
      variableCaptures(named, { tensors: new Map() }),
    )
    return results.slice(0, count)
  }
}
