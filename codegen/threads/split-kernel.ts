/**
 * Whether the iterations of a kernel's outermost loops may run in any order, and so in several threads.
 *
 * They may when no two store the same element, and none reads what another stores: every buffer that is stored to is
 * stored to by one statement, as often as it has elements, at a place that depends on loop indices alone; and what is
 * read of it, or of an operand in the same place, is read where it is stored, in the same iteration (a result that lies
 * over an operand was checked for that, run/overwrite.ts). Each thread evaluates what stands before the loops
 * for itself.
 */
import type { Expr } from '../expr.ts'
import type { Kernel, Loop, Statement, Store } from '../kernel.ts'
import type { KernelStep } from '../program.ts'
import { storesEachElementOnce } from '../run/overwrite.ts'
import { bodiesOf, expressionsOf, visitExprs } from '../schedule/contents.ts'

interface Site {
  readonly store: Store
  readonly loops: readonly Loop[]
}

/** True when parts of the step's outermost loops may run at once. Looks at the kernel as it is before the loop passes. */
export function canSplit(step: KernelStep): boolean {
  if (step.checks !== undefined) return false
  const { kernel, buffers } = step
  const bound = new Map(kernel.buffers.map((buffer, i) => [buffer, buffers[i]]))
  /** By program buffer. */
  const sites = new Map<number | undefined, Site>()
  const loads: {
    readonly buffer: number | undefined
    readonly index: Expr
    readonly top: Loop | undefined
  }[] = []
  const seen = new Map<Loop | undefined, Set<Expr>>()
  let fits = true

  const visit = (statement: Statement, loops: readonly Loop[]): void => {
    const [top] = loops
    const known = seen.get(top) ?? new Set()
    seen.set(top, known)
    visitExprs(
      expressionsOf(statement),
      (expr) => {
        if (expr.kind === 'load') loads.push({ buffer: bound.get(expr.buffer), index: expr.index, top })
      },
      known,
    )
    switch (statement.kind) {
      case 'store': {
        const buffer = bound.get(statement.buffer)
        if (sites.has(buffer) || !storesEachOnce(statement, loops)) fits = false
        sites.set(buffer, { store: statement, loops })
        return
      }
      case 'while':
      case 'fail':
        fits = false
        return
      case 'if':
        // A store under a condition is no store of each element.
        for (const inner of bodiesOf(statement).flat()) {
          if (containsStore(inner)) fits = false
          visit(inner, loops)
        }
        return
      case 'loop':
        for (const inner of statement.body) visit(inner, [...loops, statement])
        return
      case 'let':
      case 'set':
    }
  }
  for (const statement of kernel.body) visit(statement, [])
  if (!fits || sites.size === 0) return false
  return loads.every(({ buffer, index, top }) => {
    const site = sites.get(buffer)
    return site === undefined || (index === site.store.index && top === site.loops[0])
  })
}

function containsStore(statement: Statement): boolean {
  return statement.kind === 'store' || bodiesOf(statement).flat().some(containsStore)
}

/** True when the loops around the store run it exactly as often as its buffer has elements, at places they give. */
function storesEachOnce(store: Store, loops: readonly Loop[]): boolean {
  if (loops.length === 0) return false
  const { index } = store
  const atoms = index.kind === 'linear' ? index.terms.map(({ atom }) => atom) : [index]
  if (atoms.some(({ kind }) => kind !== 'axis' && kind !== 'const')) return false
  return storesEachElementOnce(store, loops)
}

/** The outermost loops of a kernel after the passes, if its code can be split: nothing else stands beside them. */
export function splitLoops(kernel: Kernel): readonly Loop[] | undefined {
  const loops = kernel.body.filter((statement) => statement.kind === 'loop')
  const others = kernel.body.filter((statement) => statement.kind !== 'loop')
  if (others.some((other) => other.kind !== 'let' || other.local.mutable)) return undefined
  // The first loop of all begins at 0; one that does not is the rest of the one before it.
  return loops[0]?.from.kind === 'const' ? loops : undefined
}

/** About how many nanoseconds an innermost iteration takes: a third of one for every instruction. */
export function iterationCost(kernel: Kernel): number {
  let steps = 0
  const nodes = new Set<Expr>()
  let stores = 0
  const visit = (statement: Statement): void => {
    visitExprs(expressionsOf(statement), (expr) => nodes.add(expr))
    if (statement.kind === 'store') stores++
    const inner = bodiesOf(statement).flat()
    if (statement.kind === 'loop' && !inner.some(({ kind }) => kind === 'loop')) steps += statement.step
    inner.forEach(visit)
  }
  kernel.body.forEach(visit)
  const instructions = [...nodes].filter(
    ({ kind }) =>
      kind !== 'const' && kind !== 'axis' && kind !== 'linear' && kind !== 'local' && kind !== 'size',
  ).length
  return steps === 0 ? 0 : (0.3 * (instructions + stores)) / steps
}
