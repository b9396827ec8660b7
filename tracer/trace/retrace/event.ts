/**
 * What a traced function tells its ledger.
 */
import type { Graph } from '../../ir/graph.ts'
import type { Entry } from '../argument.ts'
import type { Place, StageTimes } from './cause.ts'
import type { Mode } from './difference.ts'

export interface LedgerOptions {
  /** `trainStep`, `Trainer.step`. */
  readonly name: string
  readonly definedAt: Place
  /** The callback's source. */
  readonly sourceText: string
  /** Methods have an object's own traces, and are made once per object by right. Variants made for gradients never count. */
  readonly kind?: 'function' | 'method' | 'gradient variant' | undefined
  readonly onRetrace?: 'warn' | 'off' | 'error' | undefined
  readonly hasInputSignature?: boolean | undefined
  readonly reducesRetracing?: boolean | undefined
}

/** A trace that is about to be made. */
export interface TraceAttempt {
  readonly signature: { readonly entries: readonly Entry[] }
  /** Where the user called the function. Read only when it is shown, if it is a function. */
  readonly callSite: Place
  /** Settings that select a trace: `{ device: 'wasm', mode: 'traced' }`. */
  readonly mode?: Mode | undefined
  /** The eager call that led here, when another function is being traced: that function answers for the trace. */
  readonly outer?: Place
}

/** A trace that was made. */
export interface TraceEvent extends TraceAttempt {
  /**
   * `first`: there was none (for this object, of a method). `creation`: the second pass over a callback that created
   * Variables. `specialised`: sizes that a trace took to be equal are not. `retrace`: any other.
   */
  readonly kind: 'first' | 'creation' | 'retrace' | 'specialised'
  /** As traced, before any pass. */
  readonly graph: Graph
  readonly milliseconds: StageTimes
  readonly wasmBytes: number
  /** Traces the function holds now. */
  readonly held: number
  /** What a specialised trace is made for: `the sizes n0 and n1 are not equal`. */
  readonly reason?: string | undefined
  /** Lines where constants first mattered, by path. */
  readonly readAt?: Readonly<Record<string, string>> | undefined
}
