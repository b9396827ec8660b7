/**
 * What the steps of a program read and write, as indices of program buffers.
 */
import type { Buffer, Expr, LoadExpr } from '../expr.ts'
import type { Kernel } from '../kernel.ts'
import type { ProgramSpec, Step } from '../program.ts'
import { expressionsOf, visitExprs, visitStatements } from '../schedule/contents.ts'
import { listsInside } from '../steps.ts'

/** The buffers a step reads and those it writes. */
export interface Access {
  readonly reads: ReadonlySet<number>
  readonly writes: ReadonlySet<number>
}

/** Calls `found` for each load below `expr`; nodes in `seen` are skipped, and visited ones added. */
export function eachLoad(expr: Expr, found: (load: LoadExpr) => void, seen: Set<Expr> = new Set()): void {
  const visit = (node: Expr): void => {
    if (node.kind === 'load') found(node)
  }
  visitExprs([expr], visit, seen)
}

/** The kernel's own buffers that it loads from and stores to. */
export function kernelAccess(kernel: Kernel): {
  readonly loads: ReadonlySet<Buffer>
  readonly stores: ReadonlySet<Buffer>
} {
  const loads = new Set<Buffer>()
  const stores = new Set<Buffer>()
  const seen = new Set<Expr>()
  visitStatements(kernel.body, (statement) => {
    for (const expr of expressionsOf(statement)) eachLoad(expr, (load) => loads.add(load.buffer), seen)
    if (statement.kind === 'store') stores.add(statement.buffer)
  })
  return { loads, stores }
}

/** Steps do not change, and planning asks for each of them again and again. */
const known = new WeakMap<Step, Access>()

/** The access of one step; that of a control step is all that the steps inside it may touch. */
export function stepAccess(step: Step): Access {
  const before = known.get(step)
  if (before !== undefined) return before
  const access = accessOf(step)
  known.set(step, access)
  return access
}

function accessOf(step: Step): Access {
  switch (step.kind) {
    case 'kernel': {
      const { loads, stores } = kernelAccess(step.kernel)
      const bound = (used: ReadonlySet<Buffer>): Set<number> =>
        new Set(step.buffers.filter((_, i) => used.has(step.kernel.buffers[i] as Buffer)))
      const reads = bound(loads)
      for (const check of step.checks ?? []) for (const quoted of check.reads ?? []) reads.add(quoted)
      return { reads, writes: bound(stores) }
    }
    case 'conv': {
      const reads = new Set([step.input, step.kernel])
      if (step.init !== undefined) reads.add(step.init)
      return { reads, writes: new Set([step.result, step.scratch]) }
    }
    case 'gemm': {
      const reads = new Set([step.a.buffer, step.b.buffer])
      if (step.init !== undefined) reads.add(step.init.buffer)
      return { reads, writes: new Set([step.c]) }
    }
    case 'check':
      return { reads: new Set([step.buffer, ...(step.reads ?? [])]), writes: new Set() }
    case 'host':
      return { reads: new Set(step.reads), writes: new Set(step.writes) }
    case 'commit':
      return { reads: new Set([step.from]), writes: new Set([step.variable]) }
    case 'if':
    case 'loop': {
      const reads = new Set([step.condition])
      const writes = new Set<number>()
      for (const inner of listsInside(step).flat()) {
        const access = stepAccess(inner)
        for (const buffer of access.reads) reads.add(buffer)
        for (const buffer of access.writes) writes.add(buffer)
      }
      return { reads, writes }
    }
    case 'push':
      return { reads: new Set([step.record, ...step.values]), writes: new Set([step.result]) }
    case 'merge':
      return { reads: new Set([step.record, step.other]), writes: new Set([step.result]) }
    case 'list':
      return { reads: new Set(step.reads), writes: new Set([step.write]) }
    case 'pop':
      return { reads: new Set([step.record]), writes: new Set([step.result, ...step.values]) }
  }
}

/** The access of every step, in order. */
export function programAccess(spec: ProgramSpec): readonly Access[] {
  return spec.steps.map(stepAccess)
}
