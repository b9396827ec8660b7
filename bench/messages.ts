/**
 * What the process that measures and the processes that run a workload say to each other.
 *
 * Every contestant has a process of its own, so that no library's objects, compiled code or garbage are another's
 * burden; the processes stay alive together and run one batch each in turn, so that a slow moment of the machine
 * falls on all of them.
 */

export type Request =
  /** Runs steps for this long, uncounted. Answered by the time per step in its second half. */
  | { readonly kind: 'warm'; readonly milliseconds: number }
  /** Runs this many steps. Answered by the time per step. */
  | { readonly kind: 'batch'; readonly steps: number }
  /** Runs this many steps and watches the memory. */
  | { readonly kind: 'memory'; readonly steps: number }

export interface Ready {
  readonly kind: 'ready'
  /** The first and second step's time; the library was loaded before. */
  readonly firstMs: number
  readonly secondMs: number
  /** The losses after the first steps; empty for workloads without. */
  readonly losses: readonly number[]
}
export interface Timed {
  readonly kind: 'timed'
  readonly nanosecondsPerStep: number
}
export interface Grown {
  readonly kind: 'grown'
  readonly steps: number
  /** By how much each of these is larger after the steps than before, all but the first tenth of them. */
  readonly wasmReserved: number
  readonly wasmInUse: number
  readonly wasmAllocations: number
  readonly arrayBuffers: number
  readonly residentSet: number
}
export interface Failed {
  readonly kind: 'failed'
  readonly message: string
}
export type Reply = Ready | Timed | Grown | Failed
