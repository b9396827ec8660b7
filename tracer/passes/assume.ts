/**
 * Takes the guards of a graph at their word: where a guard says that two sizes are equal, one takes the place of the
 * other, so that what follows sees `f32[n0,10]` and `f32[n1,10]` as the shapes of one loop. Calls that break a guard
 * never reach the program, and the guards themselves stay with the traced graph.
 */
import {
  namesOfSize,
  printSize,
  type Size,
  SizePolynomial,
  sizesEqual,
  substituteSize,
} from '../../codegen/size.ts'
import type { Graph } from '../ir/graph.ts'
import { substituteSizes } from '../ir/rewrite.ts'

export function assume(graph: Graph): Graph {
  const replacements = new Map<string, Size>()
  const replaced = (size: Size): Size => substituteSize(size, (name) => replacements.get(name))
  for (const guard of graph.guards) {
    const x = replaced(guard.x)
    const y = replaced(guard.y)
    if (sizesEqual(x, y) !== undefined) continue
    const found = isolated(y, x) ?? isolated(x, y)
    if (found === undefined) continue
    const [name, size] = found
    for (const [earlier, other] of replacements)
      replacements.set(
        earlier,
        substituteSize(other, (each) => (each === name ? size : undefined)),
      )
    replacements.set(name, size)
  }
  if (replacements.size === 0) return graph
  const result = substituteSizes(graph, (name) => replacements.get(name))
  return { ...result, guards: result.guards.filter(({ x, y }) => sizesEqual(x, y) !== true) }
}

/** The name that `x` consists of and what it may be replaced by, unless that contains the name. */
function isolated(x: Size, y: Size): readonly [string, Size] | undefined {
  if (!(x instanceof SizePolynomial)) return undefined
  const names = [...namesOfSize(x)]
  const [name] = names
  if (names.length !== 1 || name === undefined || printSize(x) !== name) return undefined
  return namesOfSize(y).has(name) ? undefined : [name, y]
}
