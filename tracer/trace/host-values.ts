/**
 * JavaScript values from outside that a traced function reads.
 *
 * They are constants of its traces: a variable that changes later changes nothing. Rewritten code knows which ones it
 * reads (`watchHostValues`), so what they were is kept with each trace and looked at again on the first few calls and
 * then ever more rarely; a value that has changed is told once, with the line that reads it. What a getter would have to
 * compute is not looked at, and objects count as unchanged as long as what is read of them is.
 */
import { Tensor } from '../tensor.ts'
import { Variable } from '../variable.ts'
import { isTracing } from './bind.ts'
import { constantText } from './identity.ts'
import { showRetraces } from './retrace/output.ts'

/** What a function reads: paths such as `scale`, `config.rate`, `this.k`, and where. */
interface HostReads {
  readonly paths: readonly (readonly string[])[]
  readonly sites: readonly string[]
  /** The variables that the paths begin with, now; undefined in the place of `this`. */
  readonly roots: () => readonly unknown[]
}

const watched = new WeakMap<object, HostReads>()

/** Notes what a function reads. Returns it. */
export function watchHostValues<F extends object>(
  fn: F,
  paths: readonly string[],
  roots: () => readonly unknown[],
  sites: readonly string[],
): F {
  watched.set(fn, { paths: paths.map((path) => path.split('.')), sites, roots })
  return fn
}

/** The values of a function's paths now, or undefined when nothing is known of what it reads. */
export function hostValuesOf(fn: object, self: unknown): readonly unknown[] | undefined {
  const reads = watched.get(fn)
  if (reads === undefined) return undefined
  let roots: readonly unknown[]
  try {
    roots = reads.roots()
  } catch {
    // A variable that has not been initialised yet.
    return undefined
  }
  return reads.paths.map((path, i) => valueAt(path[0] === 'this' ? self : roots[i], path))
}

/** What is not compared: objects, and what a getter computes. */
const unread: unique symbol = Symbol('unread')

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root
  for (const key of path.slice(1)) {
    let holder: unknown = value
    let property: PropertyDescriptor | undefined
    while (
      property === undefined &&
      (typeof holder === 'object' || typeof holder === 'function') &&
      holder !== null
    ) {
      property = Object.getOwnPropertyDescriptor(holder, key)
      holder = Object.getPrototypeOf(holder)
    }
    if (property === undefined || !('value' in property)) return unread
    value = property.value as unknown
  }
  const isCompared =
    value === null || (typeof value !== 'object' && typeof value !== 'function') || value instanceof Tensor || value instanceof Variable // prettier-ignore
  return isCompared ? value : unread
}

/** Looks on the first calls, and then each time their number has grown by a quarter. */
export class HostValueWatch {
  readonly #fn: string
  readonly #isOn: boolean
  readonly #told = new Set<string>()
  readonly #atTrace = new WeakMap<object, { readonly fn: object; readonly values: readonly unknown[] }>()
  #next = 0

  constructor(fn: string, isOn: boolean) {
    this.#fn = fn
    this.#isOn = isOn
  }

  /** The number of calls at which to look again. */
  get next(): number {
    return this.#next
  }

  /** Keeps what the values were when a trace was made by running `fn`. */
  traced(trace: object, fn: object, values: readonly unknown[] | undefined): void {
    if (values !== undefined && this.#isOn) this.#atTrace.set(trace, { fn, values })
  }

  /** Compares them with what they are at a call that used the trace; tells each that differs, once. */
  look(calls: number, trace: object | undefined, self: unknown): void {
    this.#next = calls < 8 ? calls + 1 : calls + (calls >> 2)
    const kept = trace === undefined ? undefined : this.#atTrace.get(trace)
    if (kept === undefined || isTracing()) return
    const now = hostValuesOf(kept.fn, self)
    const reads = watched.get(kept.fn)
    kept.values.forEach((before, i) => {
      const path = reads?.paths[i]?.join('.') ?? ''
      const after = now === undefined ? before : now[i]
      if (before === unread || after === unread || Object.is(before, after) || this.#told.has(path)) return
      this.#told.add(path)
      showRetraces({
        title: `tf.function ${this.#fn} — ${changeText(path, before, after)}`,
        place: reads?.sites[i],
        lines: [
          `   fix  pass ${path} as an argument, keep it in a tf.variable and assign to it, or read it with tf.live(() => ${path})`,
          "   silence: { onRetrace: 'off' }",
        ],
      })
    })
  }
}

function changeText(path: string, before: unknown, after: unknown): string {
  if (before instanceof Tensor || before instanceof Variable)
    return `${path} is not the ${before instanceof Tensor ? 'tensor' : 'variable'} it was when it was traced: results still use the old one`
  const [old, current] = [constantText(before), after instanceof Tensor ? String(after) : constantText(after)]
  return `${path} was ${old} when it was traced, and is ${current} now: results still use ${old}`
}
