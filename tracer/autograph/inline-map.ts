/**
 * The end of code that is evaluated: what the engine is to call it, and a source map that leads to what the user wrote.
 *
 * Node follows the map where source maps are on (tsx and vitest see to that). Everywhere else the positions in this
 * library's own messages are found by a table of what was evaluated.
 */
import { noteEvaluated } from '../trace/source.ts'
import { lineOf, lineStarts } from './lines.ts'
import type { Origin, Place } from './places.ts'
import type { Mark } from './printer.ts'

let count = 0

/** `//# sourceURL=…` and `//# sourceMappingURL=…` for code of which some positions (in order) came from a place. */
export function inlineMap(code: string, marks: readonly Mark[], place: Place, label: string): string {
  const url = `${place.url.split('?')[0]}?tracemill=${label}-${++count}`
  const entries = entriesOf(code, marks, (source) => place.originOf(source))
  note(url, entries)
  const map = { version: 3, names: [], ...encode(entries) }
  return `\n//# sourceURL=${url}\n//# sourceMappingURL=data:application/json;base64,${base64(JSON.stringify(map))}`
}

/** `//# sourceURL=…` for code of which nobody knows where it came from, but how it is called there. */
export function namedCode(
  code: string,
  marks: readonly Mark[],
  originOf: (source: number) => Origin,
  label: string,
): string {
  const url = `tracemill-${label}-${++count}.js`
  note(url, entriesOf(code, marks, originOf))
  return `\n//# sourceURL=${url}`
}

function entriesOf(code: string, marks: readonly Mark[], originOf: (source: number) => Origin): Entry[] {
  const starts = lineStarts(code)
  return marks.map(({ printed, source }) => {
    const line = lineOf(starts, printed)
    return { line, column: printed - (starts[line] ?? 0), origin: originOf(source) }
  })
}

/** Makes positions in evaluated code known. */
function note(url: string, entries: readonly Entry[]): void {
  noteEvaluated(url, (line, column) => {
    const entry = entries.findLast(
      (known) => known.line < line - 1 || (known.line === line - 1 && known.column <= column - 1),
    )
    return entry?.origin
  })
}

interface Entry {
  readonly line: number
  readonly column: number
  readonly origin: Origin
}

/** Mappings as the format has them: differences, in base 64 with 5 bits each. */
function encode(entries: readonly Entry[]): {
  readonly sources: readonly string[]
  readonly mappings: string
} {
  const sources: string[] = []
  const lines: string[][] = []
  const before = { column: 0, source: 0, originLine: 0, originColumn: 0, line: -1 }
  for (const { line, column, origin } of entries) {
    if (line !== before.line) before.column = 0
    let source = sources.indexOf(origin.source)
    if (source < 0) source = sources.push(origin.source) - 1
    while (lines.length <= line) lines.push([])
    lines[line]?.push(
      [
        column - before.column,
        source - before.source,
        origin.line - 1 - before.originLine,
        origin.column - 1 - before.originColumn,
      ]
        .map(encodeNumber)
        .join(''),
    )
    Object.assign(before, {
      line,
      column,
      source,
      originLine: origin.line - 1,
      originColumn: origin.column - 1,
    })
  }
  return { sources, mappings: lines.map((segments) => segments.join(',')).join(';') }
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function encodeNumber(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1
  let text = ''
  do {
    const digit = rest & 31
    rest >>>= 5
    text += digits[rest > 0 ? digit | 32 : digit]
  } while (rest > 0)
  return text
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}
