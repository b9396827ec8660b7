/**
 * The rows of a profile: what the steps of programs took, and what they did in that time.
 *
 * Steps that do the same for the same line in the same function are one row, whatever the sizes they ran with: their work
 * is counted with the sizes of each call, so the rates are right all the same.
 */
import type { Step } from '../../codegen/program.ts'
import type { ProfiledCalls } from '../../codegen/run/profiler.ts'
import { type Work, workOf } from '../../codegen/run/work.ts'

/** What a kernel, or another step of a program, did while a profile was taken. */
export interface ProfileRow {
  /** What it computes: the ops that became one kernel, in order. */
  readonly name: string
  /** `kernel` for fused loops, `matmul`, `conv`, `copy`, `check`, `host` for what runs in JavaScript, `list`. */
  readonly kind: 'kernel' | 'matmul' | 'conv' | 'copy' | 'check' | 'host' | 'list'
  /** The traced function, or the op of eager code. */
  readonly function: string
  /** The user's lines it comes from, as `file:line:column`; empty where none is known. */
  readonly sources: readonly string[]
  readonly calls: number
  readonly totalMs: number
  readonly meanMs: number
  /** Of the time of all rows, from 0 to 1. */
  readonly share: number
  /** Operations on floats per call (2mnk for a matrix product); undefined when the data decides how many. */
  readonly flops: number | undefined
  /** Bytes per call that it has to read and write at least. */
  readonly bytes: number | undefined
  /** 10⁹ operations, and bytes, per second. */
  readonly gflops: number | undefined
  readonly gbytes: number | undefined
}

const kinds: Readonly<Record<Exclude<Step['kind'], 'if' | 'loop'>, ProfileRow['kind']>> = {
  kernel: 'kernel',
  gemm: 'matmul',
  conv: 'conv',
  commit: 'copy',
  check: 'check',
  host: 'host',
  push: 'copy',
  pop: 'copy',
  merge: 'list',
  list: 'list',
}

/** The kind of a step's row. */
export function kindOf({ kind }: Step): ProfileRow['kind'] {
  return kind === 'if' || kind === 'loop' ? 'kernel' : kinds[kind]
}

/** Ops that a name leaves out beside others: they cost nothing once fused. */
const silent: ReadonlySet<string> = new Set(['broadcast', 'reshape', 'transpose', 'constant', 'read', 'iota'])

/** What a step does, in words: its ops in order, each once, with how many there are. */
export function nameOfStep(step: Step): string {
  const ops = step.origin?.ops ?? []
  const heard = ops.filter((op) => !silent.has(op))
  const counts = new Map<string, number>()
  for (const op of heard.length > 0 ? heard : ops) counts.set(op, (counts.get(op) ?? 0) + 1)
  if (counts.size === 0) return step.kind === 'commit' ? 'copy' : step.kind
  return [...counts].map(([op, count]) => (count === 1 ? op : `${op}×${count}`)).join(' ')
}

/** The user's lines of a step. */
export function sourcesOf(calls: ProfiledCalls, step: Step): readonly string[] {
  const own = step.origin?.sources ?? []
  return own.length > 0 || calls.site === undefined ? own : [calls.site]
}

/** The work of one run of a step in these calls. */
export function workIn(calls: ProfiledCalls, step: Step): Work | undefined {
  const work = workOf(calls.spec, step, (name) => calls.sizes.get(name) ?? 0)
  return work !== undefined && Number.isFinite(work.flops) && Number.isFinite(work.bytes) ? work : undefined
}

interface Sum {
  readonly name: string
  readonly kind: ProfileRow['kind']
  readonly function: string
  readonly sources: readonly string[]
  calls: number
  totalMs: number
  flops: number
  bytes: number
  isKnown: boolean
}

/** The rows of all calls, the longest time first. */
export function rowsOf(all: readonly ProfiledCalls[]): readonly ProfileRow[] {
  const sums = new Map<string, Sum>()
  for (const calls of all)
    calls.steps.forEach((step, i) => {
      const count = calls.counts[i] ?? 0
      if (count === 0) return
      const [name, sources] = [nameOfStep(step), sourcesOf(calls, step)]
      const key = [calls.spec.name, step.kind, name, ...sources].join('\n')
      const sum: Sum = sums.get(key) ?? {
        name,
        kind: kindOf(step),
        function: calls.spec.name,
        sources,
        calls: 0,
        totalMs: 0,
        flops: 0,
        bytes: 0,
        isKnown: true,
      }
      sums.set(key, sum)
      const work = workIn(calls, step)
      sum.calls += count
      sum.totalMs += calls.milliseconds[i] ?? 0
      sum.flops += count * (work?.flops ?? 0)
      sum.bytes += count * (work?.bytes ?? 0)
      sum.isKnown &&= work !== undefined
    })
  const total = [...sums.values()].reduce((ms, sum) => ms + sum.totalMs, 0)
  return [...sums.values()].sort((x, y) => y.totalMs - x.totalMs).map((sum) => rowOf(sum, total))
}

function rowOf({ isKnown, flops, bytes, ...sum }: Sum, total: number): ProfileRow {
  const { calls, totalMs } = sum
  const rate = (amount: number): number | undefined =>
    isKnown && totalMs > 0 ? amount / totalMs / 1e6 : undefined
  return {
    ...sum,
    meanMs: totalMs / calls,
    share: total > 0 ? totalMs / total : 0,
    flops: isKnown ? flops / calls : undefined,
    bytes: isKnown ? bytes / calls : undefined,
    gflops: rate(flops),
    gbytes: rate(bytes),
  }
}
