// What the digits example prints: flags, progress with and without a terminal, the drawing and the report.
import { expect, test } from 'vitest'

import { pixelsPerImage, type Samples, side } from '../../examples/mnist/data.ts'
import { drawDigit } from '../../examples/mnist/draw-digit.ts'
import { parseOptions, UsageError } from '../../examples/mnist/options.ts'
import { createProgress, type EpochState } from '../../examples/mnist/progress.ts'
import { jsonLine, median, reportLines, type Summary } from '../../examples/mnist/report.ts'
import { type Environment, type Terminal, terminalOf } from '../../examples/mnist/terminal.ts'

test('flags', () => {
  expect(parseOptions([])).toEqual({ epochs: 5, seed: 0, json: false, help: false, show: undefined })
  expect(parseOptions(['--epochs', '2', '--seed=7', '--json'])).toMatchObject({
    epochs: 2,
    seed: 7,
    json: true,
  })
  expect(parseOptions(['--show', 'wasm']).show).toBe('wasm')
  expect(parseOptions(['--help']).help).toBe(true)
})

test.each([
  [['--speed'], "Unknown option '--speed'"],
  [['--epochs', '0'], '--epochs takes a whole number from 1 to 10000, not "0"'],
  [['--epochs', '1.5'], '--epochs takes a whole number from 1 to 10000, not "1.5"'],
  [['--epochs', ''], '--epochs takes a whole number from 1 to 10000, not ""'],
  [['--epochs'], "Option '--epochs <value>' argument missing"],
  [['--seed', 'x'], '--seed takes a whole number from 0 to 2147483647, not "x"'],
  [['--seed=-1'], '--seed takes a whole number from 0 to 2147483647, not "-1"'],
  [['--show', 'bytes'], '--show takes trace, fused, loops or wasm, not "bytes"'],
  [['--json', '--show', 'wasm'], '--json and --show each decide all that is printed: use one of them'],
  [['5'], '"5" is not a flag'],
])('bad flags: %j', (args, message) => {
  expect(() => parseOptions(args)).toThrow(new UsageError(message))
})

test.each<[boolean, Environment, boolean, boolean]>([
  // on a terminal, environment, colors, redraws
  [true, {}, true, true],
  [false, {}, false, false],
  [true, { NO_COLOR: '1' }, false, true],
  [true, { NO_COLOR: '' }, true, true],
  [false, { FORCE_COLOR: '1' }, true, false],
  [false, { FORCE_COLOR: '' }, true, false],
  [true, { FORCE_COLOR: '0' }, false, true],
  [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, true, true],
  [true, { TERM: 'dumb' }, false, false],
])('terminal %j with %j', (isTTY, environment, colors, redraws) => {
  expect(terminalOf({ isTTY, write: () => true }, environment)).toMatchObject({
    colors,
    redraws,
    columns: 80,
  })
})

test('the width is that of the terminal, where it is known', () => {
  const columnsOf = (columns: number): number => terminalOf({ columns, write: () => true }, {}).columns
  expect([columnsOf(120), columnsOf(0)]).toEqual([120, 80])
})

/** A terminal that keeps what is written. */
function recorded(form: Partial<Terminal>): { terminal: Terminal; written: string[] } {
  const written: string[] = []
  const write = (text: string): void => void written.push(text)
  return { written, terminal: { redraws: false, colors: false, columns: 80, ...form, write } }
}

function stateAt(step: number): EpochState {
  return { epoch: 2, epochs: 10, step, steps: 63, loss: 0.25, accuracy: 0.9375, stepsPerSecond: 612.4 }
}

test('without a terminal, an epoch is one line', () => {
  const { terminal, written } = recorded({})
  const progress = createProgress(terminal)
  for (let step = 1; step <= 63; step++) progress.update(stateAt(step))
  progress.finish(stateAt(63))
  expect(written).toEqual(['epoch  2/10  loss 0.2500  accuracy 93.75 %   612 steps/s\n'])
})

test('on a terminal, a bar is redrawn, but not more often than eyes can follow', () => {
  const { terminal, written } = recorded({ redraws: true })
  let clock = 0
  const progress = createProgress(terminal, () => clock)
  for (let step = 1; step <= 63; step++, clock += 10) progress.update(stateAt(step))
  expect(written.length).toBe(16)
  progress.finish(stateAt(63))
  const last = written.at(-1) ?? ''
  expect(last.startsWith('\r\u001b[K')).toBe(true)
  expect(plain(last)).toMatch(/^epoch {2}2\/10 {2}█+ {2}loss 0\.2500 .*steps\/s\n$/)
  const half = written[8] ?? ''
  expect(half).toMatch(/█[▏▎▍▌▋▊▉]?░/)
  for (const line of written) expect(plain(line).trimEnd().length).toBeLessThan(80)
})

test.each([10, 40, 60, 70, 200])('a line fits a terminal of %i columns', (columns) => {
  const { terminal, written } = recorded({ redraws: true, colors: true, columns })
  createProgress(terminal).update(stateAt(20))
  expect(plain(written.join('')).length).toBeLessThan(columns)
})

function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is taken out
  return text.replaceAll(/\u001b\[[\d;]*[mK]|\r/g, '')
}

/** Black but for a white upper left quarter. */
const quarter: Float32Array = Float32Array.from({ length: pixelsPerImage }, (_, i) =>
  Math.floor(i / side) < 13 && i % side < 14 ? 1 : 0,
)

test('a digit in ASCII: a character is the mean of two pixels', () => {
  const lines = drawDigit(quarter, false)
  expect(lines.length).toBe(14)
  expect(lines[0]).toBe('@'.repeat(14) + ' '.repeat(14))
  expect(lines[6]).toBe('+'.repeat(14) + ' '.repeat(14))
  expect(lines[7]).toBe(' '.repeat(28))
})

test('a digit in grey: a half block shows two pixels', () => {
  const lines = drawDigit(quarter, true)
  expect(lines.length).toBe(14)
  expect(lines[6]).toBe(
    `\u001b[38;5;255;48;5;232m${'▀'.repeat(14)}\u001b[38;5;232;48;5;232m${'▀'.repeat(14)}\u001b[0m`,
  )
  expect(lines.every((line) => plain(line) === '▀'.repeat(28))).toBe(true)
})

const heldBack: Samples = { count: 1, images: quarter, labels: Int32Array.of(4) }
const summary: Summary = {
  test: {
    count: 2000,
    accuracy: 0.9615,
    mistakes: [{ index: 0, label: 4, predicted: 9, probability: 0.987 }],
  },
  steps: 315,
  msPerStep: 1.25,
  eagerMsPerStep: 5,
  firstStepMs: 120.4,
  traces: 1,
  wallSeconds: 2.34,
}

test('the report names accuracy, times, traces and a mistake', () => {
  const lines = reportLines(summary, heldBack, recorded({}).terminal)
  const text = lines.join('\n')
  expect(text).toContain('96.15 %')
  expect(text).toContain('1.25 ms traced, 5.00 ms run eagerly')
  expect(text).toContain('4.0 times')
  expect(text).toContain('1 for 315 steps')
  expect(text).toContain('predicted 9 (99 % sure), the true label is 4')
  expect(text).not.toContain('\u001b')
  expect(lines.slice(-14)).toEqual(drawDigit(quarter, false))
  const colored = reportLines(summary, heldBack, recorded({ colors: true }).terminal)
  expect(colored.slice(-14)).toEqual(drawDigit(quarter, true))
  const flawless = { ...summary, test: { count: 1, accuracy: 1, mistakes: [] } }
  expect(reportLines(flawless, heldBack, recorded({}).terminal).at(-1)).toBe('It made no mistake.')
})

test('JSON is one line with six numbers', () => {
  expect(jsonLine(summary)).toBe(
    '{"testAccuracy":0.9615,"steps":315,"msPerStep":1.25,"eagerMsPerStep":5,"traces":1,"wallSeconds":2.34}\n',
  )
})

test('median', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([10, 1, 2, 4])).toBe(3)
  expect(median([7])).toBe(7)
})
