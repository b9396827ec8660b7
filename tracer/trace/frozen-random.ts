/**
 * `Math.random()` in a callback that is being traced: the number becomes a constant of the trace, which is hardly ever
 * meant. While a callback runs, `Math.random` is one that tells of such a call, once per callback. What runs outside the
 * trace meanwhile (a host callback, `tf.live`) may call it as it likes.
 */
import { currentTrace, isTracing } from './bind.ts'
import { showRetraces } from './retrace/output.ts'
import { userSite } from './source.ts'

const told = new WeakSet()

/** Runs `body`, the tracing of `callback`, and tells of calls of `Math.random`. */
export function tellingOfRandom<R>(callback: object, name: string, body: () => R): R {
  const original = Object.getOwnPropertyDescriptor(Math, 'random')
  const draw: unknown = original?.value
  if (told.has(callback) || original?.configurable !== true || typeof draw !== 'function') return body()
  const random = (): number => {
    if (isTracing() && currentTrace().deferred !== true && !told.has(callback)) {
      told.add(callback)
      tell(name)
    }
    return draw.call(Math) as number
  }
  Object.defineProperty(Math, 'random', { ...original, value: random })
  try {
    return body()
  } finally {
    if (Math.random === random) Object.defineProperty(Math, 'random', original)
  }
}

function tell(name: string): void {
  showRetraces({
    title: `tf.function ${name} — Math.random() is called while it is traced: every call will use the same number`,
    place: userSite(),
    lines: [
      '   fix  draw with tf.random.uniform([]), or, for a number of JavaScript, tf.live(() => Math.random())',
      '        a number that is meant to stay is drawn outside the function',
    ],
  })
}
