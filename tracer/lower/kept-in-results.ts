/**
 * Values that a kernel keeps for itself need no memory of their own where a result of the kernel will lie: the
 * exponentials of a softmax wait in the row of quotients, each until it is divided.
 *
 * That is right when the result's root looks only at the kept element it replaces, apart from reductions that are done
 * before its innermost loops begin, and no later root looks at the kept value.
 */
import type { Axis, Buffer, Expr, ExprPool } from '../../codegen/expr.ts'
import { operandsOf } from '../../codegen/expr.ts'
import type { Root } from '../../codegen/schedule.ts'
import { sizesEqual } from '../../codegen/size.ts'

/** The roots with kept buffers replaced by those of results where that is possible. `shared` are the loops of all roots. */
export function keepInResults(
  pool: ExprPool,
  roots: readonly Root[],
  kept: ReadonlySet<Buffer>,
  shared: readonly Axis[],
): readonly Root[] {
  let current = roots
  const taken = new Set<Buffer>()
  for (const buffer of kept) {
    const place = current.findIndex((root, i) => isPlaceFor(buffer, root, i, current, shared, kept, taken))
    const result = current[place]?.buffer
    if (result === undefined) continue
    taken.add(result)
    const replace = replacer(pool, buffer, result)
    current = current.map((root) => ({
      ...root,
      buffer: root.buffer === buffer ? result : root.buffer,
      index: replace(root.index),
      value: replace(root.value),
    }))
  }
  return current
}

function isPlaceFor(
  buffer: Buffer,
  root: Root,
  position: number,
  roots: readonly Root[],
  shared: readonly Axis[],
  kept: ReadonlySet<Buffer>,
  taken: ReadonlySet<Buffer>,
): boolean {
  const result = root.buffer
  if (kept.has(result) || taken.has(result) || result.dtype !== buffer.dtype) return false
  if (sizesEqual(result.elements, buffer.elements) !== true) return false
  const stored = roots.findIndex((other) => other.buffer === buffer)
  if (stored < 0 || stored >= position || !readsOwnElement(root, buffer, shared)) return false
  const reads = (other: Root, what: Buffer): boolean =>
    readsBuffer(other.value, what) || readsBuffer(other.index, what)
  return roots.every((other, i) =>
    i < position ? !reads(other, result) : i === position || !reads(other, buffer),
  )
}

/** True when the root reads the buffer, and only where it stores, or for reductions done before its own loops. */
function readsOwnElement(root: Root, buffer: Buffer, shared: readonly Axis[]): boolean {
  let found = false
  const seen = new Set<Expr>()
  const visit = (expr: Expr): boolean => {
    if (seen.has(expr)) return true
    seen.add(expr)
    if (expr.kind === 'load' && expr.buffer === buffer) {
      found ||= expr.index === root.index
      return expr.index === root.index
    }
    if (
      (expr.kind === 'reduce' || expr.kind === 'argReduce') &&
      expr.axes.every((axis) => shared.includes(axis))
    )
      return true
    return operandsOf(expr).every(visit)
  }
  return visit(root.value) && found
}

function readsBuffer(root: Expr, buffer: Buffer): boolean {
  const seen = new Set<Expr>()
  const visit = (expr: Expr): boolean => {
    if (seen.has(expr)) return false
    seen.add(expr)
    return (expr.kind === 'load' && expr.buffer === buffer) || operandsOf(expr).some(visit)
  }
  return visit(root)
}

function replacer(pool: ExprPool, from: Buffer, to: Buffer): (expr: Expr) => Expr {
  const made = new Map<Expr, Expr>()
  const replace = (expr: Expr): Expr => {
    const known = made.get(expr)
    if (known !== undefined) return known
    const operands = operandsOf(expr)
    const replaced = operands.map(replace)
    let result = replaced.every((operand, i) => operand === operands[i])
      ? expr
      : pool.withOperands(expr, replaced)
    if (result.kind === 'load' && result.buffer === from) result = pool.load(to, result.index, result.lanes)
    made.set(expr, result)
    return result
  }
  return replace
}
