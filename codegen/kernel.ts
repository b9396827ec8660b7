/**
 * Kernels: loops around expressions, the unit that becomes one wasm function.
 *
 * A kernel has buffers (addresses come as parameters), size names (integers that come as parameters) and statements.
 * Before vectorisation every expression is scalar and every loop steps by 1; after it, vector loops step by their
 * lanes (times an unroll factor) and are followed by a remainder loop that starts where they ended. Both forms mean
 * something, so the interpreter runs either.
 *
 * `let` binds an immutable local where all that its value varies with is in scope; `set` assigns a mutable local
 * (declaring it the first time); accumulators of reductions are mutable locals.
 */
import type { Axis, Buffer, Expr, Local } from './expr.ts'

/** Runs `body` with `axis` = from, from+step, … while ≥ `step` indices are left below `to`; the axis keeps the value reached. */
export interface Loop {
  readonly kind: 'loop'
  readonly axis: Axis
  /** First index: the constant 0, or a local holding where the vector loop ended. */
  readonly from: Expr
  /** One past the last index. */
  readonly to: Expr
  /** 1, or lanes × unroll. */
  readonly step: number
  readonly body: readonly Statement[]
}

/** Defines an immutable local. */
export interface Let {
  readonly kind: 'let'
  readonly local: Local
  readonly value: Expr
}

/** Assigns a mutable local. */
export interface SetLocal {
  readonly kind: 'set'
  readonly local: Local
  readonly value: Expr
}

/** Stores `value.lanes` consecutive elements from `index` (in elements). */
export interface Store {
  readonly kind: 'store'
  readonly buffer: Buffer
  readonly index: Expr
  readonly value: Expr
}

/** Runs `body` when the scalar bool `condition` holds, and `otherwise` (if there is one) when it does not. */
export interface If {
  readonly kind: 'if'
  readonly condition: Expr
  readonly body: readonly Statement[]
  readonly otherwise?: readonly Statement[]
}

/**
 * Runs `test`, ends when the scalar bool `condition` does not hold, else runs `body` and begins again. What an iteration
 * leaves for the next one is in memory and in mutable locals that were assigned before the loop; locals that `test`
 * assigns are known in `condition` and `body`.
 */
export interface While {
  readonly kind: 'while'
  readonly test: readonly Statement[]
  readonly condition: Expr
  readonly body: readonly Statement[]
}

/** Ends the program: tells the host, which throws, the number of a check and what the check found, an int32 scalar. */
export interface Fail {
  readonly kind: 'fail'
  readonly id: number
  readonly value: Expr
}

export type Statement = Loop | Let | SetLocal | Store | If | While | Fail

export interface Kernel {
  /** For text only; in wasm kernels are numbered. */
  readonly name: string
  /** In parameter order. A buffer may be read, written, or both. */
  readonly buffers: readonly Buffer[]
  /** Names of sizes, passed as int32 after the buffers' addresses. */
  readonly sizes: readonly string[]
  readonly body: readonly Statement[]
}
