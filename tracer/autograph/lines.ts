/**
 * Lines and columns of positions in a text.
 *
 * Files and messages count lines by `\n`. The engine ends a line at other characters too, and says by its own count where
 * a function stands in its script.
 */
import type { Range } from './syntax.ts'

/** Where the lines of a text begin, by the engine's rules. */
export function lineStarts(text: string): number[] {
  const starts = [0]
  for (const { 0: end, index } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(index + end.length)
  return starts
}

/** The line (from 0) that holds a position. */
export function lineOf(starts: readonly number[], position: number): number {
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= position) low = middle
    else high = middle - 1
  }
  return low
}

/** Line and column of positions in a text, both from 0. */
export class Lines {
  readonly #starts: readonly number[]

  constructor(text: string) {
    const starts = [0]
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.#starts = starts
  }

  at(position: number): { readonly line: number; readonly column: number } {
    const line = lineOf(this.#starts, position)
    return { line, column: position - (this.#starts[line] ?? 0) }
  }
}

/** Says the line and column (from 1) of positions in a text. */
export function positionsIn(text: string): (position: number) => string {
  const lines = new Lines(text)
  return (position) => {
    const { line, column } = lines.at(Math.max(position, 0))
    return `${line + 1}:${column + 1}`
  }
}

/** The line of a text that holds a position, trimmed. */
export function lineAt(text: string, node: Range): string {
  const from = text.lastIndexOf('\n', node.start) + 1
  const end = text.indexOf('\n', node.start)
  return text.slice(from, end < 0 ? undefined : end).trim()
}
