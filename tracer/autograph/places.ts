/**
 * Where a function's text is: in the script that runs, and through that script's source map in the file that the user
 * wrote.
 */
import { bytesOfBase64 } from '../../codegen/base64.ts'
import { builtinModule } from './inspector-session.ts'
import { lineOf, lineStarts } from './lines.ts'

/** A place in what the user wrote; from 1. */
export interface Origin {
  /** URL or path. */
  readonly source: string
  readonly line: number
  readonly column: number
}

/** Says where positions of a function's text come from. */
export interface Place {
  /** The script. */
  readonly url: string
  originOf(offset: number): Origin
}

interface Entry {
  readonly originalSource?: string
  readonly originalLine?: number
  readonly originalColumn?: number
}

interface SourceMap {
  findEntry(line: number, column: number): Entry
}

interface ModuleOfNode {
  readonly SourceMap?: new (payload: object) => SourceMap
  readonly findSourceMap?: (path: string) => SourceMap | undefined
}

/** Where the engine says that a function begins: at its parameters. */
export function parametersStart(text: string, isArrow: boolean): number {
  if (isArrow) return 0
  const gap = String.raw`(?:\s|/\*[^]*?\*/|//.*)*`
  const head = new RegExp(
    `^(?:static\\b${gap})?(?:(?:get|set)\\b${gap}(?!\\())?(?:function\\b${gap})?(?:[\\w$#\\u0080-\\uffff]+|'[^']*'|"[^"]*")?${gap}\\(`,
  ).exec(text)
  return head === null ? Math.max(text.indexOf('('), 0) : head[0].length - 1
}

/** Positions of a text in the script it is part of, both ways. */
export class TextInScript {
  readonly #starts: readonly number[]
  readonly #anchor: number
  readonly #line: number
  readonly #column: number

  /** @param anchor the position in the text of which the line and column (from 0) in the script are given */
  constructor(text: string, anchor: number, line: number, column: number) {
    this.#starts = lineStarts(text)
    this.#anchor = anchor
    this.#line = line - lineOf(this.#starts, anchor)
    this.#column = column
  }

  inScript(offset: number): { readonly line: number; readonly column: number } {
    const line = lineOf(this.#starts, offset)
    const start = this.#starts[line] ?? 0
    const isOnAnchorLine = line === lineOf(this.#starts, this.#anchor)
    return {
      line: this.#line + line,
      column: isOnAnchorLine ? this.#column + offset - this.#anchor : offset - start,
    }
  }

  inText(line: number, column: number): number {
    const own = line - this.#line
    const isOnAnchorLine = own === lineOf(this.#starts, this.#anchor)
    return isOnAnchorLine ? this.#anchor + column - this.#column : (this.#starts[own] ?? 0) + column
  }
}

const maps = new Map<string, SourceMap | undefined>()

/** The map of a script; undefined where it has none, or Node cannot read it. */
function mapOf(url: string, sourceMapURL: string | undefined): SourceMap | undefined {
  const key = `${url}\n${sourceMapURL?.length ?? ''}`
  if (!maps.has(key)) maps.set(key, readMap(url, sourceMapURL))
  return maps.get(key)
}

function readMap(url: string, sourceMapURL: string | undefined): SourceMap | undefined {
  const node = builtinModule('node:module') as ModuleOfNode | undefined
  try {
    const inline = /^data:application\/json[^,]*?(;base64)?,([^]*)$/.exec(sourceMapURL ?? '')
    if (inline !== null && node?.SourceMap !== undefined) {
      const text =
        inline[1] === undefined ? decodeURIComponent(inline[2] ?? '') : decodeBase64(inline[2] ?? '')
      return new node.SourceMap(JSON.parse(text) as object)
    }
    return node?.findSourceMap?.(url)
  } catch {
    return undefined
  }
}

function decodeBase64(text: string): string {
  return new TextDecoder().decode(bytesOfBase64(text))
}

/** The place of a text in a script. */
export function placeOf(script: TextInScript, url: string, sourceMapURL?: string): Place {
  const map = mapOf(url, sourceMapURL)
  return {
    url,
    originOf(offset) {
      const { line, column } = script.inScript(offset)
      const entry = map?.findEntry(line, column)
      if (entry?.originalSource === undefined || entry.originalLine === undefined)
        return { source: url, line: line + 1, column: column + 1 }
      return {
        source: resolved(entry.originalSource, url),
        line: entry.originalLine + 1,
        column: (entry.originalColumn ?? 0) + 1,
      }
    },
  }
}

/** The sources of a map are relative to the script. */
function resolved(source: string, url: string): string {
  if (/^(?:\w{2,}:|\/)/.test(source) || !URL.canParse(source, url)) return source
  return new URL(source, url).href
}
