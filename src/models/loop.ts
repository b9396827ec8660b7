/**
 * Loops that may have to wait, written once for code that can and code that cannot.
 *
 * A loop is a generator that yields whatever may be a promise and is given what it becomes. `runNow` refuses promises;
 * `runAsync` awaits them, and now and then lets others have the thread.
 */
import { ValueError } from '../../codegen/errors.ts'

/** Something to do that may wait. */
export type Loop<R> = Generator<unknown, R, unknown>

const millisecondsBetweenPauses = 40

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Object && 'then' in value && typeof value.then === 'function'
}

/** Within a loop: what a value becomes. */
export function* settled<T>(value: T | PromiseLike<T>): Loop<T> {
  return isPromise(value) ? ((yield value) as T) : value
}

/** Runs a loop that must not wait. Throws ValueError when it does; the loop has cleaned up then. */
export function runNow<R>(op: string, loop: Loop<R>): R {
  for (let next = loop.next(); ;) {
    if (next.done === true) return next.value
    if (isPromise(next.value)) {
      // Nobody will ask how it ends.
      next.value.then(undefined, () => {})
      next = loop.throw(
        new ValueError({
          op,
          problem: 'a dataset or a callback gave a promise, which cannot be awaited here',
          fix: `await model.${op}Async(…) instead.`,
        }),
      )
    } else next = loop.next(next.value)
  }
}

/** Runs a loop, awaiting its promises; timers and events get their turn every few dozen milliseconds. */
export async function runAsync<R>(loop: Loop<R>): Promise<R> {
  let paused = performance.now()
  for (let next = loop.next(); ;) {
    if (next.done === true) return next.value
    try {
      const value = await next.value
      if (performance.now() - paused > millisecondsBetweenPauses) {
        await new Promise((resolve) => setTimeout(resolve, 0))
        paused = performance.now()
      }
      next = loop.next(value)
    } catch (error) {
      next = loop.throw(error)
    }
  }
}
