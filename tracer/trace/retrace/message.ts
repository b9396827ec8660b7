/**
 * The message: what is known of a function's retraces, laid out as lines.
 *
 *     ▼ tf.function step — 7 retraces in the last 9 calls, 212 ms lost (38 % of its time)     train.ts:14:23
 *        cause 1 of 2 · 6 retraces · 188 ms
 *          batch.x      f32[31,4] → f32[32,4] → … → f32[36,4]     dim 0 varies, rank and dtype fixed
 *          called from  train.ts:41:7  (6×)
 *          same graph   yes — the 6 traces have identical operations except for this dimension
 *          fix          tf.function(step, { reduceRetracing: true }) — these 7 traces would have been 2
 *        unchanged      batch.y
 *        cost           trace 61 ms · codegen 48 ms · WebAssembly.compile 103 ms · 41 KB · traces held 8, hit rate 22 %
 *
 * Labels share one column. The number of lines is bounded: long lists end in how many more there are.
 */
import type { RetraceKind } from './difference.ts'
import type { Likeness } from './graph-digest.ts'

/** One argument path, setting or circumstance that differed. */
export interface PathChange {
  readonly path: string
  readonly kind: RetraceKind
  /** Its history, compressed: `f32[31,4] → … → f32[36,4]`. */
  readonly pattern: string
  /** What varies, in words. */
  readonly note: string
  /** The range of each dimension of a tensor: `['31…36', '4']`. */
  readonly dimensions: readonly string[]
  /** The line where the value first mattered, where that is known. */
  readonly readAt?: string | undefined
}

/** One miss of the trace cache. */
export interface Miss {
  readonly changes: readonly {
    readonly path: string
    readonly kind: RetraceKind
    readonly before: string
    readonly after: string
  }[]
  readonly callSite: string | undefined
  readonly milliseconds: number
}

/** One cause of retraces of one function: what `explain()` returns and `tf.onRetrace` is given. */
export interface Retrace {
  readonly function: string
  readonly definedAt: string | undefined
  /** The kind of the first path. */
  readonly kind: RetraceKind
  /** Every path that differed from the nearest earlier trace. */
  readonly paths: readonly PathChange[]
  /** Settings that had changed too. */
  readonly alsoChanged: readonly PathChange[]
  readonly count: number
  readonly milliseconds: {
    readonly trace: number
    readonly compile: number
    readonly assemble: number
    readonly total: number
  }
  /** Part of the function's wall time, 0 to 1. */
  readonly share: number | undefined
  readonly wasmBytes: number
  readonly callSites: readonly { readonly site: string; readonly count: number }[]
  /** How each new graph compared with the nearest earlier one, with counts. */
  readonly sameGraph: readonly { readonly likeness: Likeness; readonly count: number }[]
  /** What to change, best first; `traces` is how many would have been made of `tracesMade`. */
  readonly fixes: readonly { readonly text: string; readonly traces?: number | undefined }[]
  readonly tracesMade: number
  /** True when it happened while another function was traced, which answers for it. */
  readonly nested: boolean
  /** Functions that were traced again because of it. */
  readonly alsoTraced: readonly { readonly function: string; readonly count: number }[]
  /** The most recent miss. */
  readonly last: Miss
}

/** What is said of the function as a whole. */
export interface Standing {
  readonly name: string
  readonly definedAt: string | undefined
  readonly retraces: number
  readonly calls: number
  /** Objects made of one definition, for a function that is made again and again. */
  readonly objects?: number
  readonly milliseconds: {
    readonly trace: number
    readonly compile: number
    readonly assemble: number
    readonly total: number
  }
  readonly share: number | undefined
  readonly wasmBytes: number
  readonly tracesHeld: number | undefined
  readonly unchanged: readonly string[]
}

export interface RetraceMessage {
  readonly title: string
  readonly place: string | undefined
  readonly lines: readonly string[]
}

const mostCauses = 4
const mostPaths = 12
const mostSites = 3
const mostUnchanged = 8
/** The narrowest column of labels: that of `called from`. */
const labelWidth = 11

export function milliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ms`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}

function times(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** The message about a function, its dearest causes first. */
export function layOut(standing: Standing, causes: readonly Retrace[]): RetraceMessage {
  const sorted = causes.toSorted((x, y) => y.milliseconds.total - x.milliseconds.total || y.count - x.count)
  const shown = sorted.slice(0, mostCauses)
  const width = Math.max(
    labelWidth,
    ...shown.flatMap(({ paths, alsoChanged }) =>
      [...paths.slice(0, mostPaths), ...alsoChanged].map(({ path }) => path.length),
    ),
  )
  const lines = shown.flatMap((cause, i) => causeLines(cause, `cause ${i + 1} of ${sorted.length}`, width))
  const rest = sorted.slice(mostCauses)
  if (rest.length > 0) {
    const count = rest.reduce((sum, cause) => sum + cause.count, 0)
    const total = rest.reduce((sum, cause) => sum + cause.milliseconds.total, 0)
    lines.push(
      `   and ${times(rest.length, 'more cause')} · ${times(count, 'retrace')} · ${milliseconds(total)}`,
    )
  }
  const row = (label: string, value: string): string => `   ${label.padEnd(width + 2)}  ${value}`
  if (standing.unchanged.length > 0)
    lines.push(row('unchanged', cut(standing.unchanged, mostUnchanged).join(', ')))
  lines.push(row('cost', costText(standing)))
  lines.push(
    "   f.explain() · tf.retraces() · silence: { onRetrace: 'off' } · fail instead: { onRetrace: 'error' }",
  )
  return { title: titleOf(standing), place: standing.definedAt, lines }
}

function titleOf({ name, retraces, calls, objects, share, milliseconds: { total } }: Standing): string {
  const what =
    objects === undefined
      ? `${times(retraces, 'retrace')} in the last ${times(calls, 'call')}`
      : `${times(objects, 'tf.function object')} made of one definition, ${times(calls, 'call')}`
  return `tf.function ${name} — ${what}, ${milliseconds(total)} lost${share === undefined ? '' : ` (${percent(share)} of its wall time)`}`
}

function costText({
  milliseconds: { trace, compile, assemble },
  wasmBytes,
  tracesHeld,
  calls,
  retraces,
}: Standing): string {
  const parts = [`trace ${milliseconds(trace)}`, `codegen ${milliseconds(compile)}`]
  if (assemble > 0) parts.push(`WebAssembly.compile ${milliseconds(assemble)}`)
  if (wasmBytes > 0) parts.push(`${Math.max(1, Math.round(wasmBytes / 1024))} KB`)
  const hitRate = `hit rate ${percent(Math.max(0, calls - retraces) / Math.max(1, calls))}`
  parts.push(tracesHeld === undefined ? hitRate : `traces held ${tracesHeld}, ${hitRate}`)
  return parts.join(' · ')
}

function causeLines(cause: Retrace, heading: string, width: number): string[] {
  const row = (label: string, value: string): string => `     ${label.padEnd(width)}  ${value}`.trimEnd()
  const made = cause.kind === 're-created'
  const lines = [
    `   ${heading} · ${times(cause.count, made ? 're-creation' : 'retrace')} · ${milliseconds(cause.milliseconds.total)}`,
  ]
  const paths = cause.paths.slice(0, mostPaths)
  const patternWidth = Math.max(...paths.map(({ pattern }) => pattern.length))
  for (const { path, pattern, note } of paths)
    lines.push(row(path, `${pattern.padEnd(patternWidth)}     ${note}`))
  if (cause.paths.length > mostPaths)
    lines.push(row('', `and ${times(cause.paths.length - mostPaths, 'more path')}`))
  for (const { path, pattern } of cause.alsoChanged) lines.push(row(path, `${pattern}     changed as well`))
  const isData = cause.sameGraph.every(({ likeness }) => likeness === 'constants')
  const read = cause.paths.flatMap(({ readAt }) =>
    readAt === undefined ? [] : [isData ? `${readAt}  — never used to choose code` : readAt],
  )
  column(lines, row, 'read at', cut(read, mostSites))
  const callers = cause.callSites.map(({ site, count }) => `${site}  (${count}×)`)
  column(lines, row, 'called from', cut(callers, mostSites))
  if (cause.alsoTraced.length > 0)
    lines.push(
      row(
        'also traced',
        cut(
          cause.alsoTraced.map((other) => `${other.function} (${other.count}×)`),
          mostSites,
        ).join(', '),
      ),
    )
  const same = sameGraphText(cause)
  if (same !== undefined) lines.push(row('same graph', same))
  const fixes = cause.fixes.map(({ text, traces }) =>
    traces === undefined || traces >= cause.tracesMade
      ? text
      : `${text} — these ${cause.tracesMade} traces would have been ${traces}`,
  )
  column(lines, row, 'fix', fixes)
  return lines
}

function column(
  lines: string[],
  row: (label: string, value: string) => string,
  label: string,
  values: readonly string[],
): void {
  values.forEach((value, i) => lines.push(row(i === 0 ? label : '', value)))
}

/** A list cut to `most`, with how many were left out. */
function cut(list: readonly string[], most: number): readonly string[] {
  return list.length <= most ? list : [...list.slice(0, most), `and ${list.length - most} more`]
}

function sameGraphText({ sameGraph, paths, alsoChanged }: Retrace): string | undefined {
  const [first, ...others] = sameGraph
  if (first === undefined) return undefined
  const total = sameGraph.reduce((sum, { count }) => sum + count, 0)
  const different = sameGraph.find(({ likeness }) => likeness === 'different')?.count ?? 0
  if (different === total) return 'no — the operations differ'
  if (different > 0) return `${total - different} of ${total} — the others have other operations`
  const subject = total === 1 ? '' : `the ${total} traces have `
  if (others.length > 0) return `yes — ${subject}identical IR except for sizes and constants`
  switch (first.likeness) {
    case 'identical':
      return `yes — ${subject}identical IR`
    case 'sizes': {
      const dimensions = paths.flatMap(({ dimensions: sizes }) =>
        sizes.filter((size) => size.includes('…')),
      ).length
      const sized = paths.some(({ kind }) => kind === 'shape') && alsoChanged.length === 0
      return `yes — ${subject}identical IR except for ${sized ? (dimensions === 1 ? 'this dimension' : 'these dimensions') : 'sizes'}`
    }
    case 'constants':
      return total === 1
        ? 'yes — only a constant differs'
        : `yes — ${subject}identical IR except for a constant`
    case 'sizes and constants':
      return `yes — ${subject}identical IR except for sizes and constants`
    case 'different':
      return undefined
  }
}

/** The message as text; the triangle is the one of a console's open group. */
export function plainText({ title, place, lines }: RetraceMessage): string {
  return [`▼ ${title}${place === undefined ? '' : `     ${place}`}`, ...lines].join('\n')
}
