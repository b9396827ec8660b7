/**
 * Whether a kernel may store its result over one of its operands.
 *
 * It may when each element of the operand is read before the same element of the result is stored and never after.
 * That is sure when there is one store, executed once per element of the result (so no two iterations store the same
 * element), and every load of the operand has the index of that store and happens in the same iteration, before it.
 * Loads that come later in the iteration, as those for a second result do, are moved to its beginning.
 */
import { type Buffer, type Expr, type ExprPool, type LoadExpr, operandsOf } from '../expr.ts'
import type { Kernel, Loop, Statement, Store } from '../kernel.ts'
import { multiplySizes, type Size, sizesEqual } from '../size.ts'
import { bodiesOf, expressionsOf, withBodies, withExpressions } from '../schedule/contents.ts'
import { eachLoad } from './access.ts'

interface Place {
  readonly body: readonly Statement[]
  readonly at: number
}

/** Where a statement is: the bodies around it, outermost first, and its position in each. */
type Path = readonly Place[]

interface StoreSite {
  readonly store: Store
  readonly path: Path
  readonly loops: readonly Loop[]
  readonly conditional: boolean
}

interface LoadSite {
  readonly load: LoadExpr
  readonly path: Path
}

/**
 * The kernel, changed where necessary, for use with `result` lying where `operand` lies; undefined when that is wrong.
 * Both name buffers of the kernel and have equal element counts and element widths.
 */
export function overwriting(
  pool: ExprPool,
  original: Kernel,
  operand: ReadonlySet<Buffer>,
  result: ReadonlySet<Buffer>,
): Kernel | undefined {
  const kernel = withoutSelfCopies(original, operand, result)
  const stores: StoreSite[] = []
  const loads: LoadSite[] = []
  let readsResult = false
  const visit = (
    body: readonly Statement[],
    path: Path,
    loops: readonly Loop[],
    conditional: boolean,
  ): void => {
    body.forEach((statement, at) => {
      const here = [...path, { body, at }]
      for (const expr of expressionsOf(statement))
        eachLoad(expr, (load) => {
          if (operand.has(load.buffer)) loads.push({ load, path: here })
          if (result.has(load.buffer)) readsResult = true
        })
      if (statement.kind === 'store' && result.has(statement.buffer))
        stores.push({ store: statement, path: here, loops, conditional })
      else if (statement.kind === 'loop') visit(statement.body, here, [...loops, statement], conditional)
      else for (const inner of bodiesOf(statement)) visit(inner, here, loops, true)
    })
  }
  visit(kernel.body, [], [], false)
  if (loads.length === 0 || stores.length === 0) return kernel

  const [site] = stores
  if (site === undefined || stores.length > 1 || readsResult || site.conditional) return undefined
  const { store, path, loops } = site
  const place = path.at(-1)
  if (place === undefined || !storesEachElementOnce(store, loops)) return undefined

  let late = false
  for (const { load, path: loadPath } of loads) {
    const inIteration = loadPath.find((candidate) => candidate.body === place.body)
    if (load.index !== store.index || load.lanes !== 1 || inIteration === undefined) return undefined
    if (inIteration.at > place.at) late = true
  }
  return late ? withEarlyLoads(pool, kernel, place.body, new Set(loads.map(({ load }) => load))) : kernel
}

/**
 * The kernel without the statements at its beginning that do nothing but store operand elements at their own place: there
 * they are already.
 */
function withoutSelfCopies(
  kernel: Kernel,
  operand: ReadonlySet<Buffer>,
  result: ReadonlySet<Buffer>,
): Kernel {
  const isSelfCopy = (statement: Statement): boolean => {
    if (statement.kind === 'loop') return statement.body.every(isSelfCopy)
    return (
      statement.kind === 'store' &&
      result.has(statement.buffer) &&
      statement.value.kind === 'load' &&
      operand.has(statement.value.buffer) &&
      statement.value.index === statement.index
    )
  }
  const first = kernel.body.findIndex((statement) => !isSelfCopy(statement))
  if (first === 0) return kernel
  return { ...kernel, body: first < 0 ? [] : kernel.body.slice(first) }
}

/** True when the loops run the store exactly as often as its buffer has elements. */
export function storesEachElementOnce(store: Store, loops: readonly Loop[]): boolean {
  let times: Size = 1
  for (const { from, to, step } of loops) {
    if (from.kind !== 'const' || from.value !== 0 || step !== 1) return false
    if (to.kind === 'const') times = multiplySizes(times, to.value)
    else if (to.kind === 'size') times = multiplySizes(times, to.size)
    else return false
  }
  return store.value.lanes === 1 && sizesEqual(times, store.buffer.elements) === true
}

/** Binds the loads to locals at the beginning of `body`. */
function withEarlyLoads(
  pool: ExprPool,
  kernel: Kernel,
  body: readonly Statement[],
  loads: ReadonlySet<LoadExpr>,
): Kernel {
  const made = new Map<Expr, Expr>()
  const lets = [...loads].map((load): Statement => {
    const local = pool.local(load.dtype)
    made.set(load, pool.localValue(local, load.axes))
    return { kind: 'let', local, value: load }
  })
  const rewriteStatement = (statement: Statement): Statement => {
    const rewrite = (expr: Expr): Expr => replace(pool, expr, made)
    return withBodies(withExpressions(statement, rewrite), (inner) => inner.map(rewriteStatement))
  }
  const rebuild = (statements: readonly Statement[]): readonly Statement[] => {
    if (statements === body) return [...lets, ...statements.map(rewriteStatement)]
    return statements.map((statement) => withBodies(statement, rebuild))
  }
  return { ...kernel, body: rebuild(kernel.body) }
}

/** `expr` with the nodes that are keys of `made` replaced; remembers what it makes there. */
function replace(pool: ExprPool, expr: Expr, made: Map<Expr, Expr>): Expr {
  const known = made.get(expr)
  if (known !== undefined) return known
  const operands = operandsOf(expr)
  const replaced = operands.map((operand) => replace(pool, operand, made))
  const result = replaced.every((operand, i) => operand === operands[i])
    ? expr
    : pool.withOperands(expr, replaced)
  made.set(expr, result)
  return result
}
