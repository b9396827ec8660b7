/**
 * What `import * as tf from 'tracemill'` gives in Node: the same names, with a parser loaded and the inspector at hand, so
 * that `if`, `while` and `for` on tensors become part of the graph without any set-up.
 */
import { closeInspector, inspectorFinder } from '../tracer/autograph/inspector.ts'
import { installScopeFinder } from '../tracer/autograph/convert.ts'
import { installRelease } from '../tracer/trace/convert-hook.ts'
import './autograph.ts'

export * from './index.ts'

installScopeFinder(inspectorFinder)
installRelease(closeInspector)
