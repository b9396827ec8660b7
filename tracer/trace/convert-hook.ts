/**
 * How callbacks are made ready for tracing. `tracemill/autograph` installs a converter that rewrites control flow, so
 * that branches and loops on tensors become part of the graph; without it callbacks are traced as they are.
 */
type Callback = (...args: never[]) => unknown

export interface ConversionOptions {
  /** Evaluates code in the scope of the callback: `s => eval(s)`. */
  readonly scope?: ((code: string) => unknown) | undefined
  /** The function's name in messages. */
  readonly name?: string | undefined
  /** Called from rewritten code: it is tried, not demanded. */
  readonly isCallee?: boolean
}

/** Gives the function to call in the place of a callback; the callback itself when it is fine as it is. */
export type Converter = (callback: Callback, options: ConversionOptions) => Callback

let converter: Converter | undefined
let release: () => void = () => undefined
const own = new WeakSet<object>()

/** Uses a converter from now on. Returns the one before. */
export function installConverter(next: Converter | undefined): Converter | undefined {
  const before = converter
  converter = next
  return before
}

/** Has something called whenever no more functions will be rewritten for the time being. */
export function installRelease(next: () => void): void {
  release = next
}

/** Callbacks have been run: nothing has to be held for rewriting what they call. */
export function releaseConverter(): void {
  release()
}

/** Marks a function that the library made: it needs no rewriting. Returns it. */
export function markOwn<F extends object>(fn: F): F {
  own.add(fn)
  return fn
}

/** True for functions that the library made. */
export function isOwn(fn: object): boolean {
  return own.has(fn)
}

/** The function to trace for a callback. */
export function convertCallback(callback: Callback, options: ConversionOptions): Callback {
  return converter === undefined ? callback : converter(callback, options)
}
