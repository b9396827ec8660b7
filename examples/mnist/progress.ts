/**
 * The progress of an epoch: on a terminal a bar that is redrawn as steps finish, elsewhere one line at the end.
 */
import { styled, type Terminal } from './terminal.ts'

/** How an epoch is going: loss and accuracy are means over the samples seen so far. */
export interface EpochState {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly accuracy: number
  readonly stepsPerSecond: number
}

export interface Progress {
  /** After every step; draws only as often as eyes can follow. */
  update(state: EpochState): void
  /** After the last step of an epoch; its line stays. */
  finish(state: EpochState): void
}

const millisecondsBetweenDrawings = 40
const widestBar = 30
const returnAndClear = '\r\u001b[K'

/** Progress on a terminal, or in plain lines where lines cannot be redrawn. */
export function createProgress(terminal: Terminal, now: () => number = () => performance.now()): Progress {
  let drawn = -Infinity
  return {
    update(state) {
      if (!terminal.redraws || now() - drawn < millisecondsBetweenDrawings) return
      drawn = now()
      terminal.write(returnAndClear + line(state, terminal))
    },
    finish(state) {
      drawn = -Infinity
      terminal.write(`${terminal.redraws ? returnAndClear : ''}${line(state, terminal)}\n`)
    },
  }
}

function line(state: EpochState, terminal: Terminal): string {
  const epoch = `epoch ${String(state.epoch).padStart(String(state.epochs).length)}/${state.epochs}`
  const numbers = [
    `loss ${state.loss.toFixed(4)}`,
    `accuracy ${(100 * state.accuracy).toFixed(2).padStart(5)} %`,
    `${state.stepsPerSecond.toFixed(0).padStart(4)} steps/s`,
  ].join('  ')
  if (!terminal.redraws) return `${epoch}  ${numbers}`
  // One column stays free: a full line would wrap, and could not be drawn over.
  const width = Math.min(widestBar, terminal.columns - 1 - epoch.length - numbers.length - 4)
  if (width < 4) return `${epoch}  ${numbers}`.slice(0, terminal.columns - 1)
  return `${epoch}  ${bar(state.step / state.steps, width, terminal)}  ${numbers}`
}

/** A bar that advances by eighths of a character. */
function bar(share: number, width: number, terminal: Terminal): string {
  const eighths = Math.round(share * width * 8)
  const part = eighths % 8 === 0 ? '' : String.fromCodePoint(0x2590 - (eighths % 8))
  const filled = '█'.repeat(Math.floor(eighths / 8)) + part
  const rest = '░'.repeat(width - filled.length)
  return styled(terminal, 'cyan', filled) + styled(terminal, 'dim', rest)
}
