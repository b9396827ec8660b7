/**
 * The parameters of the matrix product and the bits of its flags; gemm.ts says what they mean.
 */
import type { FunctionBuilder, Local } from './function-builder.ts'

/** Bit of `flags`: accumulators start from init, not from zero. */
export const initFlag = 1
/** Bit of `flags`: the result is `max(x, 0)`, NaN kept. */
export const reluFlag = 2
/** Bit of `flags`, `gemmBatched` only: init advances by C's batch stride from one product to the next. */
export const initBatchedFlag = 4

/** The parameters of `gemm`, in order. */
export interface GemmParameters {
  readonly a: Local
  readonly b: Local
  readonly c: Local
  readonly init: Local
  readonly rows: Local
  readonly columns: Local
  readonly depth: Local
  readonly aRow: Local
  readonly aColumn: Local
  readonly bRow: Local
  readonly bColumn: Local
  readonly cRow: Local
  readonly initRow: Local
  readonly flags: Local
  readonly scratch: Local
}

/** Declares them. */
export function gemmParameters(f: FunctionBuilder): GemmParameters {
  return {
    a: f.parameter(),
    b: f.parameter(),
    c: f.parameter(),
    init: f.parameter(),
    rows: f.parameter(),
    columns: f.parameter(),
    depth: f.parameter(),
    aRow: f.parameter(),
    aColumn: f.parameter(),
    bRow: f.parameter(),
    bColumn: f.parameter(),
    cRow: f.parameter(),
    initRow: f.parameter(),
    flags: f.parameter(),
    scratch: f.parameter(),
  }
}
