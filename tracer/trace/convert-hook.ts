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

/** What to do where control flow on tensors has not been rewritten, in the order in which it is worth trying. */
export const waysOut: string =
  "use the build plugin (tracemill/plugin) or the loader (node --import tracemill/register); in Node neither is needed where the inspector may be used; without a build import 'tracemill/autograph' and give the option scope: s => eval(s); or write tf.cond, tf.whileLoop or tf.where"

let converter: Converter | undefined
let release: () => void = () => undefined
const own = new WeakSet<object>()

let isLibrary: (fn: object) => boolean = () => false

/** Uses a converter from now on, which knows the library's functions. Returns the one before. */
export function installConverter(
  next: Converter | undefined,
  knows: (fn: object) => boolean = isLibrary,
): Converter | undefined {
  const before = converter
  converter = next
  isLibrary = knows
  return before
}

/** True for functions of the library, as far as there is anything that rewrites others. */
export function isLibraryFunction(fn: object): boolean {
  return isLibrary(fn)
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
