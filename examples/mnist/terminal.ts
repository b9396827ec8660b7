/**
 * What the terminal can do: whether lines may be redrawn, how wide they are, and whether colors are welcome.
 *
 * Colors follow the usual conventions: FORCE_COLOR asks for them (0 or false refuses), then NO_COLOR refuses them, and
 * without either they are for terminals only.
 */

export interface Terminal {
  /** Writes text as it is. */
  readonly write: (text: string) => void
  /** Whether a line can be drawn again over itself. */
  readonly redraws: boolean
  readonly colors: boolean
  /** Characters per line. */
  readonly columns: number
}

/** What is known about where the output goes: process.stdout and process.env have this form. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}
export type Environment = Readonly<Record<string, string | undefined>>

export function terminalOf(stream: OutputStream, environment: Environment): Terminal {
  const capable = stream.isTTY === true && environment['TERM'] !== 'dumb'
  return {
    write: (text) => void stream.write(text),
    redraws: capable,
    colors: colorsWanted(environment) ?? capable,
    // A terminal of unknown width says 0.
    columns: stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns,
  }
}

function colorsWanted(environment: Environment): boolean | undefined {
  const forced = environment['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  const refused = environment['NO_COLOR']
  return refused === undefined || refused === '' ? undefined : false
}

const codes = { bold: 1, dim: 2, green: 32, cyan: 36 } as const

/** The text in a style, where colors are welcome. */
export function styled(terminal: Terminal, style: keyof typeof codes, text: string): string {
  return terminal.colors && text !== '' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text
}
