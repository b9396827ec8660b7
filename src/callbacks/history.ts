/** What a training gives: the logs of its epochs. */
import type { Logs, TrainingParameters } from './callback.ts'

/** The epochs done, and for each name in their logs one number per epoch. */
export class History {
  readonly epoch: number[] = []
  /** NaN stands for an epoch that had no such number. */
  readonly history: Record<string, number[]> = {}
  readonly parameters: TrainingParameters

  constructor(parameters: TrainingParameters) {
    this.parameters = parameters
  }

  /** For the library's own use: adds an epoch. */
  add(epoch: number, logs: Logs): void {
    const before = this.epoch.length
    this.epoch.push(epoch)
    for (const [name, value] of Object.entries(logs)) {
      const values = (this.history[name] ??= Array.from({ length: before }, () => NaN))
      values.push(value)
    }
    for (const values of Object.values(this.history)) if (values.length === before) values.push(NaN)
  }
}
