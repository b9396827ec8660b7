/** The pool of threads there is, if any; run/threads.ts sets it. */
import type { Pool } from './pool.ts'

let current: Pool | undefined

export function currentPool(): Pool | undefined {
  return current
}

export function setCurrentPool(pool: Pool | undefined): void {
  current = pool
}
