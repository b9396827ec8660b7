/**
 * `import 'tracemill/autograph'`: loads a parser, so that functions traced from then on are read from their source.
 *
 * With it, `if`, `while`, `for` and the like on tensors become part of the graph: a callback is rewritten before it is
 * traced, as are the functions it calls. A callback with variables from outside needs the option
 * `scope: (s) => eval(s)`, written where the callback is.
 *
 * Also, a missing argument whose default is a literal is the same as the default (`f(x)` and `f(x, 2)` share a trace
 * when the parameter is `k = 2`), and destructured parameters are called by their names in messages. Without it
 * everything else works, and a missing argument is a trace of its own.
 */
import { rewrittenText } from '../tracer/autograph/convert.ts'
import { installAutograph } from '../tracer/autograph/install.ts'
import { readParameters } from '../tracer/autograph/read-parameters.ts'
import { installParameterReader } from '../tracer/trace/parameters.ts'
import * as tracemill from './index.ts'

export { noConvert } from '../tracer/autograph/convert.ts'

type Callback = (...args: never[]) => unknown

/**
 * The code that a function is traced with, its control flow rewritten.
 *
 * @example
 * toCode((x: tf.Tensor) => { if (x.greater(0)) x = x.square(); return x }) // contains $ag.if(
 */
export function toCode(fn: Callback | { readonly fn: Callback }): string {
  const callback = 'fn' in fn && typeof fn.fn === 'function' ? fn.fn : fn
  return rewrittenText(callback as Callback)
}

installParameterReader(readParameters)
installAutograph(tracemill)
