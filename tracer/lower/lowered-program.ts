/**
 * What lowering gives: a program, and what its calls of the host are about.
 */
import type { ProgramSpec } from '../../codegen/program.ts'
import type { Node } from '../ir/graph.ts'

/** A node that calls the host, with the buffers of its operands. */
export interface HostCall {
  readonly node: Node
  readonly operands: readonly number[]
}

/** A node that may fail, with the buffers of its operands that are in memory. */
export interface Failure {
  readonly node: Node
  readonly operands: readonly (number | undefined)[]
  /** The buffers that the check step lists for the message. */
  readonly quoted: readonly number[]
}

export interface LoweredProgram {
  readonly spec: ProgramSpec
  /** By step id: what `host(id)` and `fail(id, code)` are about. */
  readonly hostCalls: readonly HostCall[]
  readonly failures: readonly Failure[]
}
