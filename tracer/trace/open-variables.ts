/**
 * What a call demands of open Variables, those whose sizes assignments may change.
 *
 * They select no trace: a trace takes their sizes as names, bound at every call. What it cannot take as it comes is
 * another rank, sizes that it assumed to be equal and are not, and one Variable behind two names, each with sizes of
 * its own.
 */
import { ShapeError, TraceError } from '../../codegen/errors.ts'
import { printSize, type Size, sizesEqual } from '../../codegen/size.ts'
import type { Graph } from '../ir/graph.ts'
import { printType } from '../ir/type.ts'
import type { Variable } from '../variable.ts'

/** Throws TraceError or ShapeError when a call with these Variables cannot use the graph's trace. */
export function demandOpenVariables(
  graph: Graph,
  variables: ReadonlyMap<string, Variable>,
  sizeInCall: (size: Size) => Size,
): void {
  const op = graph.name
  for (const { name, type, open } of graph.captures) {
    const variable = variables.get(name)
    if (open !== true || variable === undefined) continue
    if ([...variables].some(([other, same]) => other !== name && same === variable))
      throw new TraceError({
        op,
        problem: `the variable ${variable.name}, whose sizes may change, is used under two names in one call`,
        fix: 'use it either as an argument or from outside, or declare its sizes.',
      })
    if (variable.storedType.shape.length !== type.shape.length)
      throw new TraceError({
        op,
        problem: `the variable ${variable.name} is ${printType(variable.storedType)} now, but had rank ${type.shape.length} when ${op} was traced`,
        fix: 'declare the rank, as in { shape: [null, null] }, or use another function per rank.',
      })
  }
  for (const { x, y, reason } of graph.guards) {
    const [left, right] = [sizeInCall(x), sizeInCall(y)]
    if (sizesEqual(left, right) === false)
      throw new ShapeError({ op, problem: `${reason}: ${printSize(left)} is not ${printSize(right)}` })
  }
}
