/**
 * What the process is set to, or busy with, that tracing and eager code have to know.
 */
import { installGuardRecorder } from '../ops/sizes.ts'
import { eagerTrace, withObservers, withTrace } from './bind.ts'

let runEagerly = false
let callbacks = 0

/** True while `tf.config.runFunctionsEagerly(true)` is in force: traced functions just run their callback. */
export function functionsRunEagerly(): boolean {
  return runEagerly
}
export function setFunctionsRunEagerly(on: boolean): void {
  runEagerly = on
}

/** Settings under which the same call is traced differently, as they are at the beginning. */
const initialModes = { checkNumerics: 'off' }
export type TracingModes = Readonly<typeof initialModes>
let modes: TracingModes = initialModes
let modeText = ''

/** The settings that select a trace as the arguments do. */
export function tracingModes(): TracingModes {
  return modes
}
/** Those that are not as at the beginning, as text. */
export function tracingModeText(): string {
  return modeText
}
export function setTracingModes(changed: Partial<TracingModes>): void {
  modes = { ...modes, ...changed }
  const initial = new Map(Object.entries(initialModes))
  modeText = Object.entries(modes)
    .map(([name, value]) => (initial.get(name) === value ? '' : `(${name} ${value})`))
    .join('')
}

/**
 * True while a compiled program waits for a callback of the host. The program may go on to overwrite Variables without
 * telling anybody, so what is read of them meanwhile must be copied at once.
 */
export function programsAreWaiting(): boolean {
  return callbacks > 0
}

/** Runs `body` on behalf of a compiled program: eagerly, and seen by no tape. */
export function whileProgramWaits<R>(body: () => R): R {
  callbacks++
  try {
    return outsideTrace(body)
  } finally {
    callbacks--
  }
}

/** Runs `body` eagerly, whatever is being traced or recorded around it. */
export function outsideTrace<R>(body: () => R): R {
  const recorder = installGuardRecorder(undefined)
  try {
    return withTrace(eagerTrace(), () => withObservers([], body))
  } finally {
    installGuardRecorder(recorder)
  }
}
