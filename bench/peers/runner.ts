// What a library offers the harness for one workload.

/** A workload, ready to run in one library. */
export interface Runner {
  /** One step, or one operation; everything it needs was made before. */
  readonly step: () => void | Promise<void>
  /** Waits for, or computes, whatever `step` has put off; timed with the steps. */
  readonly finish?: () => void | Promise<void>
  /** The loss of the latest step. */
  readonly loss?: () => number
}

/** What each file of a library exports: makes a runner; loading the library is part of importing the file. */
export type Prepare = (workload: string, variant: string) => Promise<Runner>
