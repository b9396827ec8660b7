/**
 * What a call demands of open Variables, those whose sizes assignments may change, and of those that are sizes.
 *
 * They select no trace: a trace takes their sizes as names, bound at every call. What it cannot take as it comes is
 * another rank, sizes that it assumed to be equal and are not, and one Variable behind two names, each with sizes of
 * its own.
 */
import { ShapeError, TraceError } from '../../codegen/errors.ts'
import { printSize, type Size, sizesEqual } from '../../codegen/size.ts'
import { printType } from '../ir/type.ts'
import type { Variable } from '../variable.ts'
import type { TracedGraph } from './graph-trace.ts'

/** Throws TraceError or ShapeError when a call with these Variables cannot use the trace. */
export function demandOpenVariables(
  { graph, contentSizes }: TracedGraph,
  variables: ReadonlyMap<string, Variable>,
  sizeInCall: (size: Size) => Size,
): void {
  const op = graph.name
  const contents = new Set(contentSizes?.values())
  for (const { name, type, open } of graph.captures) {
    const variable = variables.get(name)
    if (variable === undefined || (open !== true && !contents.has(name))) continue
    if ([...variables].some(([other, same]) => other !== name && same === variable))
      throw new TraceError({
        op,
        problem: `the variable ${variable.name}, ${open === true ? 'whose sizes may change' : 'which is a size'}, is used under two names in one call`,
        fix: `use it either as an argument or from outside${open === true ? ', or declare its sizes' : ''}.`,
      })
    if (variable.type.shape.length !== type.shape.length)
      throw new TraceError({
        op,
        problem: `the variable ${variable.name} is ${printType(variable.type)} now, but had rank ${type.shape.length} when ${op} was traced`,
        fix: 'declare the rank, as in { shape: [null, null] }, or use another function per rank.',
      })
  }
  for (const { x, y, reason } of graph.guards) {
    const [left, right] = [sizeInCall(x), sizeInCall(y)]
    if (sizesEqual(left, right) === false)
      throw new ShapeError({ op, problem: `${reason}: ${printSize(left)} is not ${printSize(right)}` })
  }
}
