// Garbage collection on demand, for tests of what is kept alive.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Lets finalizers and timers run. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/** Collects what is unreachable and runs the finalizers. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    collect()
    await breathe()
  }
}
