/**
 * Where a call finds the numbers for a graph's size names: in the shapes of its arguments, in those of the open
 * Variables it captures, and in the content of Variables that are used as sizes.
 */
import { printSize, type Size, substituteSize } from '../../codegen/size.ts'
import type { Graph } from '../ir/graph.ts'
import type { Shape, TensorType } from '../ir/type.ts'

/** An axis that is just this name, or a Variable that holds the number. */
export type SizeSource =
  | { readonly kind: 'param'; readonly name: string; readonly param: number; readonly axis: number }
  | { readonly kind: 'variable'; readonly name: string; readonly variable: string; readonly axis: number }
  | { readonly kind: 'content'; readonly name: string; readonly variable: string }

/** Shapes as a call has them. */
export interface CallShapes {
  readonly args: readonly { readonly type: TensorType }[]
  /** The type of a Variable's content by capture name; undefined where that does not matter. */
  typeOf(variable: string): TensorType | undefined
  /** Its content as a size, likewise. */
  contentOf(variable: string): Size | undefined
}

/** Every size name with the first axis that is just that name, arguments first. */
export function sizeSourcesOf(
  graph: Graph,
  contentSizes: ReadonlyMap<string, string> = new Map(),
): readonly SizeSource[] {
  const sources = new Map<string, SizeSource>()
  const visit = (shape: Shape, make: (name: string, axis: number) => SizeSource): void => {
    for (const [axis, size] of shape.entries()) {
      const name = printSize(size)
      if (typeof size !== 'number' && /^\w+$/.test(name) && !sources.has(name))
        sources.set(name, make(name, axis))
    }
  }
  graph.params.forEach(({ type }, param) =>
    visit(type.shape, (name, axis) => ({ kind: 'param', name, param, axis })),
  )
  for (const { name: variable, type, open } of graph.captures)
    if (open === true) visit(type.shape, (name, axis) => ({ kind: 'variable', name, variable, axis }))
  for (const [name, variable] of contentSizes) sources.set(name, { kind: 'content', name, variable })
  return [...sources.values()]
}

/** The size that a source stands for in a call, if it is there. */
function sourceSize(source: SizeSource, shapes: CallShapes): Size | undefined {
  if (source.kind === 'content') return shapes.contentOf(source.variable)
  const type = source.kind === 'param' ? shapes.args[source.param]?.type : shapes.typeOf(source.variable)
  return type?.shape[source.axis]
}

/** A size of the graph with the call's sizes in the place of names, as far as the call knows them. */
export function sizeInCall(size: Size, sources: readonly SizeSource[], shapes: CallShapes): Size {
  return substituteSize(size, (name) => {
    const source = sources.find((candidate) => candidate.name === name)
    return source === undefined ? undefined : sourceSize(source, shapes)
  })
}
