/**
 * A profile as the JSON that chrome://tracing and Perfetto load: a complete event per step, nested in one per call of a
 * program, nested in one per run. Times are in microseconds since the first run began.
 */
import type { ProfiledCalls, ProfiledEvent } from '../../codegen/run/profiler.ts'
import type { Step } from '../../codegen/program.ts'
import { kindOf, nameOfStep, sourcesOf, workIn } from './rows.ts'

/** A run of the callback, on the clock of the events. */
export interface ProfiledRun {
  readonly start: number
  readonly milliseconds: number
}

interface ChromeEvent {
  readonly name: string
  readonly cat: string
  readonly ph: 'X'
  readonly ts: number
  readonly dur: number
  readonly pid: 1
  readonly tid: 1
  readonly args: Readonly<Record<string, string | number>>
}

/** The text of the file. */
export function chromeTraceText(runs: readonly ProfiledRun[], events: Iterable<ProfiledEvent>): string {
  const origin = runs[0]?.start ?? 0
  const complete = (
    name: string,
    category: string,
    { start, milliseconds }: ProfiledRun,
    args: ChromeEvent['args'],
  ): ChromeEvent => ({
    name,
    cat: category,
    ph: 'X',
    ts: 1000 * (start - origin),
    dur: 1000 * milliseconds,
    pid: 1,
    tid: 1,
    args,
  })
  const described = new Map<ProfiledCalls, readonly ReturnType<typeof describe>[]>()
  const traceEvents: object[] = [
    { name: 'process_name', ph: 'M', pid: 1, tid: 1, args: { name: 'tracemill' } },
    { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: 'main' } },
    ...runs.map((run, i) => complete(`run ${i + 1}`, 'run', run, {})),
  ]
  for (const event of events) {
    const { of, step, milliseconds } = event
    if (step < 0) {
      traceEvents.push(complete(of.spec.name, 'call', event, Object.fromEntries(of.sizes)))
      continue
    }
    if (!described.has(of))
      described.set(
        of,
        of.steps.map((each) => describe(of, each)),
      )
    const { name, kind, args, flops } = described.get(of)?.[step] ?? nothing
    const rate = flops > 0 && milliseconds > 0 ? { 'GFLOP/s': flops / milliseconds / 1e6 } : {}
    traceEvents.push(complete(name, kind, event, { ...args, ...rate }))
  }
  return JSON.stringify({ displayTimeUnit: 'ns', traceEvents })
}

const nothing: ReturnType<typeof describe> = { name: 'step', kind: 'kernel', flops: 0, args: {} }

function describe(
  calls: ProfiledCalls,
  step: Step,
): {
  readonly name: string
  readonly kind: string
  readonly flops: number
  readonly args: Readonly<Record<string, string | number>>
} {
  const work = workIn(calls, step)
  const sources = sourcesOf(calls, step)
  return {
    name: nameOfStep(step),
    kind: kindOf(step),
    flops: work?.flops ?? 0,
    args: {
      ...(step.origin === undefined ? {} : { ops: step.origin.ops.join(' ') }),
      ...(sources.length === 0 ? {} : { source: sources.join(' ') }),
      ...(work === undefined ? {} : { flops: work.flops, bytes: work.bytes }),
    },
  }
}
