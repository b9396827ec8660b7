/**
 * The command line: `npm start -- --epochs 3 --seed 1`.
 */
import { parseArgs } from 'node:util'

const stages = ['trace', 'fused', 'loops', 'wasm'] as const
export type Stage = (typeof stages)[number]

export interface Options {
  readonly epochs: number
  readonly seed: number
  readonly json: boolean
  readonly help: boolean
  /** Print the training step at this stage, and train nothing. */
  readonly show: Stage | undefined
}

export const helpText = `Trains a 784-128-10 network to read handwritten digits.

  npm start -- [options]

  --epochs N    how often to go through the 8,000 training digits (default 5)
  --seed N      seed of the weights and of the order of the digits (default 0);
                the same seed gives the same losses and accuracy, bit for bit
  --json        print one line of JSON and nothing else
  --show STAGE  print the training step and exit; STAGE is
                  trace   the graph as it was recorded
                  fused   the graph after all passes
                  loops   the loops of its kernels
                  wasm    the WebAssembly text
  --help        print this

Colors follow NO_COLOR and FORCE_COLOR. To keep npm quiet: npm --silent start -- --json
`

/** A command line that cannot be followed; the message is for whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The options of a command line. Throws UsageError for unknown flags and values that do not fit. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = flagsOf(args)
  const extra = positionals[0]
  if (extra !== undefined) throw new UsageError(`"${extra}" is not a flag`)
  if (values.json === true && values.show !== undefined)
    throw new UsageError('--json and --show each decide all that is printed: use one of them')
  return {
    epochs: wholeNumber('--epochs', values.epochs ?? '5', 1, 10_000),
    seed: wholeNumber('--seed', values.seed ?? '0', 0, 2 ** 31 - 1),
    json: values.json ?? false,
    help: values.help ?? false,
    show: values.show === undefined ? undefined : stageOf(values.show),
  }
}

interface Flags {
  readonly values: {
    readonly epochs?: string
    readonly seed?: string
    readonly show?: string
    readonly json?: boolean
    readonly help?: boolean
  }
  readonly positionals: readonly string[]
}

function flagsOf(args: readonly string[]): Flags {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        epochs: { type: 'string' },
        seed: { type: 'string' },
        show: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // The first sentence says what is wrong; the rest is about positional arguments, of which there are none.
    throw new UsageError(error.message.split(/[.\n]/)[0] ?? error.message, { cause: error })
  }
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new UsageError(`${flag} takes a whole number from ${least} to ${most}, not "${text}"`)
}

function stageOf(text: string): Stage {
  const stage = stages.find((known) => known === text)
  if (stage !== undefined) return stage
  throw new UsageError(`--show takes ${stages.slice(0, -1).join(', ')} or ${stages.at(-1)}, not "${text}"`)
}
