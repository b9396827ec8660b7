/**
 * Trains a small network on handwritten digits: `npm start`, and `npm start -- --help` for the options.
 *
 * Start reading at model.ts, which holds the network and its training step; train.ts loops over the digits of data.ts.
 * In a project of your own the import reads `import * as tf from 'tracemill'`.
 */
import * as tf from '../../src/index.ts'
import { loadDigits, pixelsPerImage } from './data.ts'
import { createClassifier } from './model.ts'
import { helpText, type Options, parseOptions, type Stage, UsageError } from './options.ts'
import { createProgress } from './progress.ts'
import { jsonLine, median, reportLines, type Summary } from './report.ts'
import { styled, type Terminal, terminalOf } from './terminal.ts'
import { test, timeEagerSteps, train } from './train.ts'

const eagerSteps = 40

function main(args: readonly string[]): void {
  const terminal = terminalOf(process.stdout, process.env)
  const options = parseOptions(args)
  if (options.help) terminal.write(helpText)
  else if (options.show !== undefined) terminal.write(`${stepAt(options.show, options.seed)}\n`)
  else run(options, terminal)
}

function run({ epochs, seed, json }: Options, terminal: Terminal): void {
  const { training, heldBack } = loadDigits(seed)
  const classifier = createClassifier(seed)
  if (!json) {
    const title = styled(terminal, 'bold', 'Reading digits with a 784-128-10 network')
    terminal.write(`${title}\n${training.count} to train on, ${heldBack.count} held back, seed ${seed}\n\n`)
  }
  const progress = json ? undefined : createProgress(terminal)
  const { stepTimes } = train(classifier, training, { epochs, seed, ...(progress && { progress }) })
  const summary: Summary = {
    test: test(classifier, heldBack),
    steps: stepTimes.length,
    msPerStep: median(stepTimes),
    eagerMsPerStep: median(timeEagerSteps(training, seed, eagerSteps)),
    firstStepMs: stepTimes[0] ?? NaN,
    traces: classifier.trainStep.traceCount,
    wallSeconds: performance.now() / 1000, // since the process started
  }
  if (json) terminal.write(jsonLine(summary))
  else terminal.write(`${reportLines(summary, heldBack, terminal).join('\n')}\n`)
}

/** The training step at a stage of its compilation. One call with a blank image traces and compiles it. */
function stepAt(stage: Stage, seed: number): string {
  const { trainStep } = createClassifier(seed)
  trainStep(tf.zeros([1, pixelsPerImage]), tf.zeros([1], 'int32'))
  return tf.debug.show(trainStep, stage)
}

// A reader that stops early, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}. See npm start -- --help\n`)
  process.exitCode = 2
}
