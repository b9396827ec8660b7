/**
 * The progress of a training in the console: on a terminal a line that is drawn again as steps finish, at most twenty
 * times a second; elsewhere one line at the end of each epoch. Colors are left to those who read the lines.
 */
import type { Logs } from '../callbacks/callback.ts'
import type { Count } from '../data/counts.ts'

const barWidth = 20
const millisecondsBetweenDrawings = 50

/** Where lines go. */
export interface Output {
  /** Writes text as it is; absent where only whole lines can be written. */
  readonly write?: (text: string) => void
  /** Whether a line can be drawn over itself. */
  readonly redraws: boolean
  /** Characters per line. */
  readonly columns: number
}

/** Standard output in Node, the console elsewhere. */
export function standardOutput(): Output {
  const stream = typeof process === 'undefined' ? undefined : process.stdout
  if (stream?.write === undefined) return { redraws: false, columns: 80 }
  return {
    write: (text) => void stream.write(text),
    redraws: stream.isTTY === true && process.env['TERM'] !== 'dumb',
    columns: stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns,
  }
}

/** The progress of epochs, or of one evaluation. */
export class ProgressBar {
  readonly #verbose: 1 | 2
  readonly #output: Output
  readonly #now: () => number
  #started = 0
  #drawn = -Infinity

  constructor(
    verbose: 1 | 2,
    output: Output = standardOutput(),
    now: () => number = () => performance.now(),
  ) {
    this.#verbose = verbose
    this.#output = output
    this.#now = now
  }

  begin(title?: string): void {
    this.#started = this.#now()
    this.#drawn = -Infinity
    if (title !== undefined) this.#line(title)
  }

  /** After a step; `logs` is asked for only when something is drawn. */
  update(step: number, steps: Count, logs: () => Logs): void {
    const { redraws, columns, write } = this.#output
    if (this.#verbose !== 1 || !redraws || this.#now() - this.#drawn < millisecondsBetweenDrawings) return
    this.#drawn = this.#now()
    // One column stays free: a full line would wrap, and could not be drawn over.
    write?.(`\r${this.#text(step, steps, logs(), false).slice(0, columns - 1)}\u001b[K`)
  }

  /** After the last step; its line stays. */
  finish(step: number, steps: Count, logs: Logs): void {
    const text = this.#text(step, steps ?? step, logs, true)
    this.#drawn = -Infinity
    if (this.#verbose === 1 && this.#output.redraws) this.#output.write?.(`\r${text}\u001b[K\n`)
    else this.#line(text)
  }

  /** Ends a line that has been begun, before something else is printed. */
  interrupt(): void {
    if (this.#drawn > -Infinity && this.#output.redraws) this.#output.write?.('\n')
    this.#drawn = -Infinity
  }

  #line(text: string): void {
    if (this.#output.write !== undefined) this.#output.write(`${text}\n`)
    // oxlint-disable-next-line no-console -- where there is no standard output
    else console.log(text)
  }

  #text(step: number, steps: Count, logs: Logs, finished: boolean): string {
    const elapsed = this.#now() - this.#started
    const perStep = elapsed / Math.max(1, step)
    const known = steps !== null && Number.isFinite(steps) ? steps : undefined
    const count =
      known === undefined ? `${step}/?` : `${String(step).padStart(String(known).length)}/${known}`
    const filled = known === undefined ? barWidth : Math.floor((barWidth * step) / Math.max(1, known))
    const bar = this.#verbose === 1 ? ` ${'━'.repeat(filled)}${'─'.repeat(barWidth - filled)}` : ' -'
    const time =
      finished || known === undefined
        ? `${(elapsed / 1000).toFixed(0)}s ${duration(perStep)}/step`
        : `${remaining((perStep * (known - step)) / 1000)} ${duration(perStep)}/step`
    const numbers = Object.entries(logs).map(([name, value]) => ` - ${name}: ${shortNumber(value)}`)
    return `${count}${bar} ${time}${numbers.join('')}`
  }
}

function shortNumber(value: number): string {
  return Math.abs(value) > 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(4)
}

function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(0)}s`
  return milliseconds >= 1 ? `${milliseconds.toFixed(0)}ms` : `${(1000 * milliseconds).toFixed(0)}us`
}

function remaining(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  if (seconds > 3600)
    return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`
  return seconds > 60 ? `${Math.floor(seconds / 60)}:${two(seconds % 60)}` : `${Math.floor(seconds)}s`
}
