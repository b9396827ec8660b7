/**
 * What is said at the end: for people, or as one line of JSON.
 */
import { imageAt, type Samples } from './data.ts'
import { drawDigit } from './draw-digit.ts'
import { styled, type Terminal } from './terminal.ts'
import type { Mistake, TestResult } from './train.ts'

/** Everything measured in a run. Times are in milliseconds, and medians where there are many. */
export interface Summary {
  readonly test: TestResult
  readonly steps: number
  readonly msPerStep: number
  readonly eagerMsPerStep: number
  /** The first step of all: it traces and compiles. */
  readonly firstStepMs: number
  /** How many times the training step was traced. */
  readonly traces: number
  readonly wallSeconds: number
}

/** One line of JSON, for scripts. */
export function jsonLine(summary: Summary): string {
  const { test, steps, msPerStep, eagerMsPerStep, traces, wallSeconds } = summary
  return `${JSON.stringify({ testAccuracy: test.accuracy, steps, msPerStep, eagerMsPerStep, traces, wallSeconds })}\n`
}

/** The same for people, with a drawing of the mistake the classifier was surest of. */
export function reportLines(summary: Summary, heldBack: Samples, terminal: Terminal): readonly string[] {
  const { test, steps, msPerStep, eagerMsPerStep, firstStepMs, traces } = summary
  const percent = `${(100 * test.accuracy).toFixed(2)} %`
  const correct = test.count - test.mistakes.length
  const rows: readonly (readonly [string, string])[] = [
    ['accuracy', `${styled(terminal, 'green', percent)}: ${correct} of ${test.count} digits it had not seen`],
    ['per step', `${msPerStep.toFixed(2)} ms traced, ${eagerMsPerStep.toFixed(2)} ms run eagerly (medians)`],
    ['speed-up', styled(terminal, 'bold', `${(eagerMsPerStep / msPerStep).toFixed(1)} times`)],
    ['traces', `${traces} for ${steps} steps: the signature f32[n,784] fits the short last batches too`],
    ['first step', `${firstStepMs.toFixed(0)} ms, which includes tracing and compiling`],
    ['in all', `${summary.wallSeconds.toFixed(1)} s`],
  ]
  const table = rows.map(([name, text]) => `${name.padEnd(12)}${text}`)
  return ['', ...table, '', ...mistakeLines(test.mistakes[0], heldBack, terminal)]
}

function mistakeLines(mistake: Mistake | undefined, samples: Samples, terminal: Terminal): readonly string[] {
  if (mistake === undefined) return ['It made no mistake.']
  const { index, label, predicted, probability } = mistake
  const certainty = `${(100 * probability).toFixed(0)} % sure`
  const caption = `Its surest mistake: predicted ${predicted} (${certainty}), the true label is ${label}`
  return [caption, '', ...drawDigit(imageAt(samples, index), terminal.colors)]
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((x, y) => x - y)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle - 1)] ?? NaN)) / 2
}
