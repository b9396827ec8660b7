// The library as a program in Node imports it, for the time of a start: bench/main.ts makes few files of this one, as the
// package's build does.
import '../../src/node.ts'

export { prepare } from './tracemill.ts'
