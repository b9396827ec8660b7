/**
 * What is known of functions that were traced again: as a table, as events, and as a check for tests.
 */
import { SignatureError } from '../codegen/errors.ts'
import { allRetraces } from '../tracer/trace/retrace/registry.ts'
import { type Miss, plainText, type Retrace } from '../tracer/trace/retrace/message.ts'
import { listenToRetraces, redirectRetraces } from '../tracer/trace/retrace/output.ts'

/** One cause of retraces of one function, as `console.table` shows it. */
export interface RetraceRow {
  readonly function: string
  /** Paths and what they have been: `batch.x f32[31,4] → … → f32[36,4]`. */
  readonly cause: string
  /** How many retraces it made. */
  readonly count: number
  /** What they cost, in milliseconds. */
  readonly ms: number
  /** What to change. */
  readonly fix: string
}

/**
 * Why functions were traced again: a row per function and cause, the dearest first. Functions that are gone are left out.
 *
 * @example
 * const f = tf.function((x: tf.Tensor, k: number) => x.mul(k), { name: 'scale' })
 * f(tf.ones([2]), 2)
 * f(tf.ones([2]), 3)
 * console.table(tf.retraces())
 */
export function retraces(): RetraceRow[] {
  return allRetraces().map(({ function: name, paths, count, milliseconds, fixes }) => ({
    function: name,
    cause: paths.map(({ path, pattern }) => `${path} ${pattern}`).join(', '),
    count,
    ms: Math.round(milliseconds.total * 10) / 10,
    fix: fixes[0]?.text ?? '',
  }))
}

/**
 * Calls `listener` on every retrace, with its cause so far; `last` is the retrace itself. Returns what ends it. Functions
 * with `onRetrace: 'off'` are listened to as well.
 *
 * @example
 * const seen: string[] = []
 * const end = tf.onRetrace((retrace) => seen.push(retrace.function))
 * const f = tf.function((x: tf.Tensor) => x.sum(), { name: 'total' })
 * f(tf.ones([2]))
 * f(tf.ones([3]))
 * end()
 * seen // ['total']
 */
export function onRetrace(listener: (retrace: Retrace) => void): () => void {
  return listenToRetraces(listener)
}

/**
 * Runs `body` and gives its result; for tests of code that is meant to be warm. A promise is awaited.
 *
 * @throws SignatureError that lists every retrace in it. First traces are none.
 * @example
 * const f = tf.function((x: tf.Tensor) => x.sum())
 * f(tf.ones([2]))
 * tf.expectNoRetrace(() => f(tf.zeros([2])).item()) // 0
 */
export function expectNoRetrace<R>(body: () => R): R {
  const seen: string[][] = []
  const end = listenToRetraces((retrace) => {
    // Those of functions called inside follow from the one of the function around them.
    if (!retrace.nested) seen.push(...rowsOf(retrace.function, retrace.last))
  })
  return whenDone(body, end, (result) => {
    if (seen.length === 0) return result
    throw new SignatureError({
      op: 'tf.expectNoRetrace',
      problem: 'functions were traced again',
      rows: seen,
      fix: 'see tf.retraces() for what to change.',
    })
  })
}

function rowsOf(name: string, { changes, callSite }: Miss): string[][] {
  return changes.map(({ path, before, after }, i) => [
    i === 0 ? name : '',
    path,
    `${before} → ${after}`,
    i === 0 && callSite !== undefined ? `called from ${callSite}` : '',
  ])
}

/**
 * Runs `body` and collects, in place of the console, the messages about retraces that it causes. A promise is awaited.
 *
 * @example
 * const f = tf.function((x: tf.Tensor, k: number) => x.mul(k), { name: 'scale' })
 * const { warnings } = tf.captureWarnings(() => [1, 2, 3, 4].forEach((k) => f(tf.ones([2]), k)))
 * warnings.length // 1
 * warnings[0]?.includes('pass tf.scalar(k)') // true
 */
export function captureWarnings<R>(
  body: () => Promise<R>,
): Promise<{ readonly result: R; readonly warnings: readonly string[] }>
export function captureWarnings<R>(body: () => R): {
  readonly result: R
  readonly warnings: readonly string[]
}
export function captureWarnings(body: () => unknown): unknown {
  const warnings: string[] = []
  const end = redirectRetraces((message) => void warnings.push(plainText(message)))
  return whenDone(body, end, (result) => ({ result, warnings }))
}

/** Runs `body`, then `end` whatever happened, then `then` with the result; after a promise when there is one. */
function whenDone<R, S>(body: () => R, end: () => void, then: (result: R) => S): S {
  let result: R
  try {
    result = body()
  } catch (error) {
    end()
    throw error
  }
  if (result instanceof Promise) return result.finally(end).then((settled: R) => then(settled)) as S
  end()
  return then(result)
}

export type { Retrace }
