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
}

/** Gives the function to call in the place of a callback; the callback itself when it is fine as it is. */
export type Converter = (callback: Callback, options: ConversionOptions) => Callback

let converter: Converter | undefined

/** Uses a converter from now on. Returns the one before. */
export function installConverter(next: Converter | undefined): Converter | undefined {
  const before = converter
  converter = next
  return before
}

/** The function to trace for a callback. */
export function convertCallback(callback: Callback, options: ConversionOptions): Callback {
  return converter === undefined ? callback : converter(callback, options)
}
