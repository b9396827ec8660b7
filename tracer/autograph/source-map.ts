/**
 * Source maps of a text of which some stretches were printed anew.
 *
 * Text that was kept maps word by word, so that a map of an earlier step keeps its columns when both are joined; printed
 * text maps where the printer noted what it came from. Positions of the text go back through the earlier map too, so
 * that messages name the lines the user wrote.
 */
import { addSegment, GenMapping, setSourceContent, toEncodedMap } from '@jridgewell/gen-mapping'
import remapping, { type SourceMapInput } from '@jridgewell/remapping'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'
import { Lines } from './lines.ts'
import type { Mark } from './printer.ts'

export type { SourceMapInput }

/** A source map of version 3. */
export interface SourceMapV3 {
  readonly version: 3
  readonly file?: string | undefined
  readonly names: string[]
  readonly sources: string[]
  readonly sourcesContent?: string[]
  readonly mappings: string
}

/** A stretch of a text and what stands there now. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
  /** Where parts of the new text came from. */
  readonly marks: readonly Mark[]
}

/** The text with all edits made, which must be in order and apart. */
export function applyEdits(code: string, edits: readonly Edit[]): string {
  let output = ''
  let at = 0
  for (const { start, end, text } of edits) {
    output += code.slice(at, start) + text
    at = end
  }
  return output + code.slice(at)
}

/** The source map from the text with the edits made back to the text. */
export function mapOfEdits(code: string, edits: readonly Edit[], source: string): SourceMapV3 {
  const map = new GenMapping({ file: source })
  setSourceContent(map, source, code)
  const from = new Lines(code)
  let [line, column] = [0, 0]
  const write = (text: string, marks: Iterable<Mark>): void => {
    let done = 0
    const advance = (end: number): void => {
      for (let next = text.indexOf('\n', done); next >= 0 && next < end; next = text.indexOf('\n', done)) {
        line++
        column = 0
        done = next + 1
      }
      column += end - done
      done = end
    }
    for (const mark of marks) {
      advance(mark.printed)
      const to = from.at(mark.source)
      addSegment(map, line, column, source, to.line, to.column)
    }
    advance(text.length)
  }
  let at = 0
  for (const { start, end, text, marks } of edits) {
    write(code.slice(at, start), words(code, at, start))
    write(text, marks)
    at = end
  }
  write(code.slice(at), words(code, at, code.length))
  return plain(toEncodedMap(map))
}

/** Marks for text that is kept: where its words and signs begin. */
function* words(code: string, start: number, end: number): Generator<Mark> {
  const word = /[\w$]+|[^\w\s$]/g
  word.lastIndex = start
  for (let found = word.exec(code); found !== null && found.index < end; found = word.exec(code))
    yield { printed: found.index - start, source: found.index }
}

/** A map that leads through this one and then through the one before. */
export function joinMaps(map: SourceMapV3, before: SourceMapInput): SourceMapV3 {
  let isFirst = true
  const joined = remapping(map as never, () => {
    if (!isFirst) return null
    isFirst = false
    return before
  })
  return plain(joined)
}

function plain(map: object): SourceMapV3 {
  return JSON.parse(JSON.stringify(map)) as SourceMapV3
}

/** A place that a user wrote; line and column from 1. */
export interface Origin {
  /** As the map names it; undefined for the text itself. */
  readonly source: string | undefined
  readonly line: number
  readonly column: number
}

/** Says where positions of a text come from: through the map, where it knows. */
export function originsIn(code: string, before: SourceMapInput | undefined): (position: number) => Origin {
  const lines = new Lines(code)
  const trace = before === undefined ? undefined : new TraceMap(before as never)
  return (position) => {
    const { line, column } = lines.at(Math.max(position, 0))
    const known = trace && originalPositionFor(trace, { line: line + 1, column })
    if (known === undefined || known.line === null)
      return { source: undefined, line: line + 1, column: column + 1 }
    return { source: known.source ?? undefined, line: known.line, column: known.column + 1 }
  }
}
