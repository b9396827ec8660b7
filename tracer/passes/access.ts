/**
 * How a node reads its operands, found by asking its lowering.
 *
 * The op's `lower` rule is run once on probe operands that note the index they are read at. Comparing that index with
 * the result's own axes says what fusion needs to know, exactly and without a table per op: how many leading axes the
 * two have in common, and whether every element is read just once.
 */
import type { Axis, Expr } from '../../codegen/expr.ts'
import { ExprPool } from '../../codegen/expr.ts'
import { InternalError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import type { Node, Value } from '../ir/graph.ts'
import { opNamed } from '../op.ts'
import { probeLoad, readElement } from './read-element.ts'

export interface Access {
  readonly value: Value
  /**
   * The number of leading axes that result and operand share: for each of them, element i… of the result reads element
   * i… of the operand, and the two sizes are equal.
   */
  readonly aligned: number
  /** True when no element of the operand is read more than once. */
  readonly once: boolean
}

/** The axis-making part of a pool is watched, so that axes of reductions count as loops of the node. */
class WatchedPool extends ExprPool {
  readonly made: Axis[] = []
  override axis(name: string, extent: Axis['extent']): Axis {
    const axis = super.axis(name, extent)
    if (extent !== 1) this.made.push(axis)
    return axis
  }
}

/**
 * The values `node` reads, through the nodes for which `inlined` gives a definition, each once with its worst case.
 */
export function accessesOf(node: Node, inlined: (value: Value) => Node | undefined): readonly Access[] {
  const { pool, result, index } = probeOf(node)
  const reads: { readonly value: Value; readonly index: readonly Expr[] }[] = []
  const read = (value: Value, at: readonly Expr[]): Expr => {
    const definition = inlined(value)
    if (definition !== undefined) return readElement(pool, definition, at, read)
    reads.push({ value, index: at })
    return probeLoad(pool, value, at)
  }
  readElement(pool, node, index, read)
  const seen = new Map<Value, Access>()
  for (const { value, index: at } of reads) {
    let aligned = 0
    while (
      aligned < at.length &&
      aligned < index.length &&
      at[aligned] === index[aligned] &&
      sizesEqual(value.type.shape[aligned] ?? -1, result.type.shape[aligned] ?? -2) === true
    )
      aligned++
    const axes = at.filter((expr) => expr.kind === 'axis').map((expr) => expr.axis)
    const once = new Set(axes).size === pool.made.length && axes.length === pool.made.length
    const known = seen.get(value)
    seen.set(
      value,
      known === undefined
        ? { value, aligned, once }
        : { value, aligned: Math.min(aligned, known.aligned), once: false },
    )
  }
  return [...seen.values()]
}

/** True when an element of the result combines many elements of an operand: the lowering made axes of its own. */
export function isReduction(node: Node): boolean {
  let answer = reductions.get(node)
  if (answer === undefined) reductions.set(node, (answer = makesAxes(node)))
  return answer
}

const reductions = new WeakMap<Node, boolean>()

function makesAxes(node: Node): boolean {
  const { lower } = opNamed(node.op)
  if (lower.kind !== 'index' && lower.kind !== 'contraction') return false
  const { pool, index } = probeOf(node)
  const own = pool.made.length
  readElement(pool, node, index, (value, at) => probeLoad(pool, value, at))
  return pool.made.length > own
}

function probeOf(node: Node): {
  readonly pool: WatchedPool
  readonly result: Value
  readonly index: readonly Expr[]
} {
  const [result] = node.results
  if (result === undefined) throw new InternalError(`${node.op} has no result to probe`)
  const pool = new WatchedPool()
  return { pool, result, index: result.type.shape.map((size, d) => pool.index(pool.axis(`i${d}`, size))) }
}
