/**
 * Where messages about retraces go, and who else is told.
 *
 * In a browser a message is a collapsed group with its title in bold; elsewhere it is one `console.warn` of plain text.
 * Stages of tracing also stand in the profiler's timeline (`performance.measure`), the last few hundred of them. The
 * clock and the sink can be replaced.
 */
import type { StageTimes } from './cause.ts'
import { totalOf } from './cause.ts'
import type { Retrace, RetraceMessage } from './message.ts'
import { plainText } from './message.ts'

export type RetraceSink = (message: RetraceMessage) => void

/** True where consoles have groups and styles. */
function inBrowser(): boolean {
  return typeof document !== 'undefined' || 'WorkerGlobalScope' in globalThis
}

/** The part of a console that messages use. */
export type MessageConsole = Pick<Console, 'warn' | 'log' | 'groupCollapsed' | 'groupEnd'>

/** Writes a message to the console: a collapsed group with styles, or one warning of plain text. */
export function writeToConsole(
  message: RetraceMessage,
  styled: boolean = inBrowser(),
  target: MessageConsole = console,
): void {
  if (!styled) {
    target.warn(plainText(message))
    return
  }
  const { title, place, lines } = message
  target.groupCollapsed(
    `%c${title.replaceAll('%', '%%')}%c${place === undefined ? '' : `     ${place}`}`,
    'font-weight: bold; color: #b36b00',
    'font-weight: normal; color: gray',
  )
  for (const line of lines) {
    // A label, then what it says; the label is told by the spaces after it.
    const [, label = '', rest = ''] = /^(\s*\S.*?\s{2,}|\s+cause \d+ of \d+|\s+)(.*)$/.exec(line) ?? [
      undefined,
      '',
      line,
    ]
    target.log(
      `%c${label.replaceAll('%', '%%')}%c${rest.replaceAll('%', '%%')}`,
      'font-family: monospace; font-weight: bold',
      'font-family: monospace; font-weight: normal',
    )
  }
  target.groupEnd()
}

let sink: RetraceSink = (message) => writeToConsole(message)

/** Sends messages elsewhere; returns what undoes it. */
export function redirectRetraces(to: RetraceSink): () => void {
  const before = sink
  sink = to
  return () => {
    sink = before
  }
}

export function showRetraces(message: RetraceMessage): void {
  sink(message)
}

let now: () => number = () => performance.now()

/** Replaces the clock; returns what undoes it. */
export function replaceClock(clock: () => number): () => void {
  const before = now
  now = clock
  return () => {
    now = before
  }
}

export type RetraceListener = (retrace: Retrace) => void

const listeners = new Set<RetraceListener>()

/** Calls `listener` on every retrace of any function; returns what ends it. */
export function listenToRetraces(listener: RetraceListener): () => void {
  // A wrapper, so that a listener given twice is called twice and each is ended on its own.
  const own: RetraceListener = (retrace) => listener(retrace)
  listeners.add(own)
  return () => void listeners.delete(own)
}

export function hasListeners(): boolean {
  return listeners.size > 0
}

export function tellListeners(retrace: Retrace): void {
  for (const listener of listeners) listener(retrace)
}

/** Traces in the timeline before they are cleared: the timeline itself never forgets. */
const mostMeasured = 200
let measured: string[] = []

/** Puts the stages of a trace that has just been made into the profiler's timeline. */
export function measureStages(name: string, times: StageTimes): void {
  if (typeof performance.measure !== 'function') return
  if (measured.length >= mostMeasured) {
    for (const old of new Set(measured)) performance.clearMeasures(old)
    measured = []
  }
  measured.push(`tf.trace ${name}`)
  let start = Math.max(0, now() - totalOf(times))
  const stage = (label: string, duration: number | undefined): void => {
    if (duration === undefined) return
    performance.measure(`tf.trace ${name}`, { start, duration, detail: { stage: label } })
    start += duration
  }
  stage('trace', times.trace)
  stage('codegen', times.compile)
  stage('WebAssembly.compile', times.assemble)
}
