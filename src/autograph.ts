/**
 * `import 'tracemill/autograph'`: loads a parser, so that functions traced from then on are read from their source.
 *
 * With it, a missing argument whose default is a literal is the same as the default (`f(x)` and `f(x, 2)` share a trace
 * when the parameter is `k = 2`), and destructured parameters are called by their names in messages. Without it
 * everything works, and a missing argument is a trace of its own.
 */
import { readParameters } from '../tracer/autograph/read-parameters.ts'
import { installParameterReader } from '../tracer/trace/parameters.ts'

installParameterReader(readParameters)
