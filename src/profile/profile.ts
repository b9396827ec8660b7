/**
 * `tf.profile`: where the time of a callback goes, kernel by kernel.
 *
 * While it runs, every compiled program, traced or eager, is replaced by one that reads the clock between its steps
 * (codegen/run/profiler.ts). The work of each step is counted from the program, so that its rate can stand beside what
 * the machine can do at best (codegen/run/peaks.ts).
 */
import { TraceError, ValueError } from '../../codegen/errors.ts'
import { machinePeaks, type Peaks } from '../../codegen/run/peaks.ts'
import { activeProfile, ProgramProfile, setActiveProfile } from '../../codegen/run/profiler.ts'
import { isTracing } from '../../tracer/trace/bind.ts'
import { userSite } from '../../tracer/trace/source.ts'
import { chromeTraceText, type ProfiledRun } from './chrome-trace.ts'
import { type ProfileRow, rowsOf } from './rows.ts'
import { tableText } from './table.ts'
import { writeText } from './write-text.ts'

/** How a profile is taken. */
export interface ProfileOptions {
  /** Runs of the callback before those that count: for tracing, compiling, and the engine's own optimizing. Default 0. */
  readonly warmup?: number
  /** Runs that count. Default 1. */
  readonly runs?: number
  /** A file for chrome://tracing or Perfetto to write; in Node only (elsewhere `chromeTrace()` gives its text). */
  readonly trace?: string
  /** Whether the table is printed. Default true. */
  readonly print?: boolean
}

/** All rows together. */
export interface ProfileTotal {
  readonly runs: number
  /** From the beginnings of the runs to their ends. */
  readonly ms: number
  /** What the rows add up to. */
  readonly stepMs: number
  /** JavaScript, tracing and compiling if there was any, copying arguments and results; not what the profiler takes. */
  readonly outsideMs: number
  /** Of the rows whose work is known. */
  readonly flops: number
  readonly bytes: number
}

/** What `tf.profile` found. */
export class Profile<Result = unknown> {
  /** What the last run of the callback returned. */
  readonly result: Result
  /** The longest time first. */
  readonly rows: readonly ProfileRow[]
  readonly total: ProfileTotal
  /** The best rates that were measured on this machine. */
  readonly peaks: Peaks
  readonly #runs: readonly ProfiledRun[]
  readonly #collected: ProgramProfile

  /** Made by `tf.profile`. */
  constructor(result: Result, runs: readonly ProfiledRun[], collected: ProgramProfile) {
    this.result = result
    this.rows = rowsOf(collected.calls)
    this.peaks = machinePeaks()
    this.#runs = runs
    this.#collected = collected
    const ms = runs.reduce((sum, run) => sum + run.milliseconds, 0)
    const sum = (of: (row: ProfileRow) => number): number =>
      this.rows.reduce((partial, row) => partial + of(row), 0)
    const stepMs = sum((row) => row.totalMs)
    this.total = {
      runs: runs.length,
      ms,
      stepMs,
      outsideMs: Math.max(0, ms - stepMs - collected.ownMilliseconds),
      flops: sum((row) => row.calls * (row.flops ?? 0)),
      bytes: sum((row) => row.calls * (row.bytes ?? 0)),
    }
  }

  /** The table as text. */
  toString(): string {
    return tableText(this.rows, this.total, this.peaks)
  }

  /** What chrome://tracing and Perfetto load, as text. Of very long profiles it holds the first 200,000 events. */
  chromeTrace(): string {
    return chromeTraceText(this.#runs, this.#collected.events())
  }
}

/**
 * Runs `fn` and says where its time went: a row per kernel with its calls, time, and rates of arithmetic and memory
 * traffic beside the best this machine does, printed as a table and returned. Traced functions, their gradients, calls of
 * each other and eager ops are all in it, loops with every iteration.
 *
 * The first calls of anything trace, compile, and run code the engine has not optimized yet: `warmup` runs keep them out of
 * the picture. Steps take a little longer than unprofiled, for the clock; kernels of less than a microsecond are best
 * compared with each other only.
 *
 * @throws ValueError when `warmup` or `runs` is no count, `fn` is asynchronous, or `trace` names a file and there are none;
 *   TraceError inside a traced function; whatever `fn` throws
 * @example
 * const x = tf.ones([64, 32])
 * const step = tf.function((a: tf.Tensor) => a.matMul(tf.transpose(a)).relu().sum())
 * const profile = tf.profile(() => step(x), { warmup: 2, runs: 3, print: false })
 * profile.rows.map((row) => row.calls) // [3, 3]
 * profile.rows.find((row) => row.kind === 'matmul')?.flops // 262144
 */
export function profile<Result>(fn: () => Result, options: ProfileOptions = {}): Profile<Result> {
  const { warmup = 0, runs = 1, trace, print = true } = options
  for (const [name, count, least] of [
    ['warmup', warmup, 0],
    ['runs', runs, 1],
  ] as const)
    if (!Number.isInteger(count) || count < least)
      throw new ValueError({
        op: 'profile',
        problem: `${name} is ${count}`,
        fix: `give a whole number from ${least} on.`,
      })
  if (typeof fn !== 'function')
    throw new ValueError({
      op: 'profile',
      problem: `it was given ${typeof fn === 'object' ? 'an object' : String(fn)} to run`,
      fix: 'give it a function: tf.profile(() => step(x)).',
    })
  if (isTracing() || activeProfile !== undefined)
    throw new TraceError({
      op: 'profile',
      problem: isTracing()
        ? 'it was called while a function is being traced'
        : 'a profile is being taken already',
      fix: 'call it around everything that is to be in the profile.',
    })
  const collected = new ProgramProfile(userSite)
  const times: ProfiledRun[] = []
  const before = setActiveProfile(collected)
  let result: Result | undefined
  try {
    for (let i = 0; i < warmup; i++) finished(fn())
    collected.clear()
    for (let i = 0; i < runs; i++) {
      const start = performance.now()
      result = fn()
      times.push({ start, milliseconds: performance.now() - start })
      finished(result)
    }
  } finally {
    setActiveProfile(before)
  }
  const found = new Profile(result as Result, times, collected)
  if (trace !== undefined) writeText(trace, found.chromeTrace())
  if (print) console.log(found.toString())
  return found
}

/** Refuses a result that is yet to come: most of the time would be missing. */
function finished(result: unknown): void {
  if (!(result instanceof Promise)) return
  result.catch(() => undefined)
  throw new ValueError({
    op: 'profile',
    problem: 'the function returned a promise, whose work is not done yet',
    fix: 'profile the synchronous part: reading data before, training steps inside.',
  })
}
