/**
 * A cause in the form that is told: to listeners, by `explain()`, and in messages.
 */
import type { Cause } from './cause.ts'
import { missOf, type UnreadMiss } from './finding.ts'
import type { Retrace } from './message.ts'

/** What a cause does not know itself. */
export interface About {
  readonly name: string
  readonly definedAt: string | undefined
  readonly share: number | undefined
  readonly traces: number
  readonly fixes: Retrace['fixes']
  readonly last: UnreadMiss | undefined
}

export function describeCause(cause: Cause, about: About): Retrace {
  const paths = [...cause.paths.values()].map(({ path, kind, pattern, note, dimensions }) => ({
    path,
    kind,
    pattern,
    note,
    dimensions,
    readAt: cause.readAt.get(path),
  }))
  return {
    function: about.name,
    definedAt: about.definedAt,
    kind: paths[0]?.kind ?? 'size assumption',
    paths,
    alsoChanged: [...cause.alsoChanged.values()].map(({ path, kind, pattern, note }) => ({
      path,
      kind,
      pattern,
      note,
      dimensions: [],
    })),
    count: cause.count,
    milliseconds: { ...cause.times, total: cause.total },
    share: about.share,
    wasmBytes: cause.wasmBytes,
    callSites: cause.sites,
    sameGraph: [...cause.likenesses].map(([likeness, count]) => ({ likeness, count })),
    fixes: about.fixes,
    tracesMade: about.traces,
    nested: cause.nested,
    alsoTraced: [...cause.alsoTraced].map(([name, count]) => ({ function: name, count })),
    last:
      about.last === undefined ? { changes: [], callSite: undefined, milliseconds: 0 } : missOf(about.last),
  }
}

/** The dearest first. */
export function byCost(x: Retrace, y: Retrace): number {
  return y.milliseconds.total - x.milliseconds.total || y.count - x.count
}
