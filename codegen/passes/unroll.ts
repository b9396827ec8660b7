/**
 * Unroll: loops that run a known, small number of times become that many copies of their body.
 *
 * This removes the loop around a vector body that runs once, the two or three scalar steps after it, and contracted
 * axes of two or three elements. Only innermost loops whose copies stay small are unrolled.
 */
import type { ExprPool, Local } from '../expr.ts'
import type { Kernel, Loop, Statement } from '../kernel.ts'
import { withBodies } from '../schedule/contents.ts'
import { assignedLocals, copyStatements, nodesOfStatements, withBody } from './rewrite.ts'

/** Most copies made of a body that runs more than once. */
const mostTrips = 4
/** Most expression nodes in all copies of a body together. */
const mostNodes = 160

/** Replaces short constant loops by copies of their bodies. */
export function unrollLoops(pool: ExprPool, kernel: Kernel): Kernel {
  return withBody(kernel, unrollList(pool, kernel.body, new Set()))
}

function unrollList(
  pool: ExprPool,
  statements: readonly Statement[],
  before: ReadonlySet<Local>,
): readonly Statement[] {
  const declared = new Set(before)
  const result: Statement[] = []
  for (const statement of statements) {
    if (statement.kind === 'loop')
      result.push(
        ...unrollLoop(pool, { ...statement, body: unrollList(pool, statement.body, declared) }, declared),
      )
    else result.push(withBodies(statement, (body) => unrollList(pool, body, declared)))
    for (const local of assignedLocals([statement])) declared.add(local)
  }
  return result
}

function unrollLoop(pool: ExprPool, loop: Loop, declared: ReadonlySet<Local>): readonly Statement[] {
  if (loop.from.kind !== 'const' || loop.to.kind !== 'const') return [loop]
  const start = loop.from.value
  const trips = Math.max(0, Math.floor((loop.to.value - start) / loop.step))
  if (trips === 0) return []
  if (trips > 1) {
    const innermost = !loop.body.some(({ kind }) => kind === 'loop' || kind === 'while')
    if (!innermost || trips > mostTrips || trips * nodesOfStatements(loop.body).size > mostNodes)
      return [loop]
  }
  return Array.from({ length: trips }, (_, trip) =>
    copyStatements(
      pool,
      loop.body,
      { axes: new Map([[loop.axis, pool.const('int32', start + trip * loop.step)]]), locals: new Map() },
      declared,
    ),
  ).flat()
}
