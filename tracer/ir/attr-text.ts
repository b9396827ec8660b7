/**
 * The text of attributes, names and other leaves of graph text, in both directions.
 *
 * Numbers and sizes stand bare (`-0`, `NaN`, `2*n0+1`); so do strings that can only be words (`lt`, `float32`), all
 * others are quoted as JSON. A bare word of letters then digits (`n0`) is a size; a size whose name has another form is
 * written `$batch`. Two attributes are equal exactly when their canonical texts (keys sorted) are equal.
 */
import { dtypes } from '../../codegen/dtype.ts'
import { InternalError } from '../../codegen/errors.ts'
import { parseSize, printSize, type Size, sizeName, SizePolynomial } from '../../codegen/size.ts'
import type { Attrs, AttrValue } from './graph.ts'

const sizeWord = /^[A-Za-z]+\d+$/
const reservedWords = new Set(['true', 'false', 'null', 'NaN', 'Infinity'])
const dtypeWords = new Set<string>(dtypes)

/** True when a bare word stands for a size and not for a string. */
function isSizeWord(word: string): boolean {
  return sizeWord.test(word) && !dtypeWords.has(word)
}

/** A number so that it parses back to the same bits, short of NaN payloads. */
export function printNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function printString(text: string): string {
  const bare = /^[A-Za-z_]\w*$/.test(text) && !reservedWords.has(text) && !isSizeWord(text)
  return bare ? text : JSON.stringify(text)
}

/** `@w`, or `@"a b"` when the name has characters that would end it. */
export function printSymbol(name: string): string {
  return /^[\w$./-]+$/.test(name) && !name.includes('//') && !name.endsWith('.')
    ? `@${name}`
    : `@${JSON.stringify(name)}`
}

function printObject(value: { readonly [key: string]: AttrValue }, sorted: boolean): string {
  const keys = Object.keys(value)
  if (sorted) keys.sort()
  const entries = keys.map((key) => `${printString(key)} = ${printAttrValue(value[key] ?? null, sorted)}`)
  return `{${entries.join(', ')}}`
}

/** True for lists. */
export function isList(value: AttrValue): value is readonly AttrValue[] {
  return Array.isArray(value)
}

/** The text of one attribute value; with `sorted`, keys of objects are sorted, so that equal values have equal text. */
export function printAttrValue(value: AttrValue, sorted = false): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return printNumber(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return printString(value)
  if (value instanceof SizePolynomial) {
    const text = printSize(value)
    return /^[A-Za-z_]\w*$/.test(text) && !isSizeWord(text) ? `$${text}` : text
  }
  if (isList(value)) return `[${value.map((item) => printAttrValue(item, sorted)).join(',')}]`
  return printObject(value as { readonly [key: string]: AttrValue }, sorted)
}

/** `{axis = 1, op = lt}`; the empty text when there are none. */
export function printAttrs(attrs: Attrs): string {
  return Object.keys(attrs).length === 0 ? '' : printObject(attrs, false)
}

/** Text that is equal for equal attributes, whatever the order of their keys. */
export function attrsKey(attrs: Attrs): string {
  return printObject(attrs, true)
}

/** Reads text from left to right; the parsers of graphs and of attributes share one. */
export class Cursor {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  fail(expected: string): never {
    const line = this.text.slice(0, this.at).split('\n').length
    const start = this.text.lastIndexOf('\n', this.at - 1) + 1
    const end = this.text.indexOf('\n', start)
    const shown = this.text.slice(start, end < 0 ? undefined : end)
    throw new InternalError(
      `graph text, line ${line}: expected ${expected}`,
      `${shown}\n${' '.repeat(this.at - start)}^`,
    )
  }

  /** Skips blanks, on this line only. */
  blanks(): void {
    while (this.text[this.at] === ' ') this.at++
  }

  /** Skips blanks and line ends. */
  space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
  }

  /** Takes `token` if it comes next after blanks. */
  accept(token: string): boolean {
    this.blanks()
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  expect(token: string): void {
    if (!this.accept(token)) this.fail(JSON.stringify(token))
  }

  /** Takes what a pattern (sticky) matches here after blanks, if it does. */
  match(pattern: RegExp): string | undefined {
    this.blanks()
    const sticky = new RegExp(pattern.source, 'y')
    sticky.lastIndex = this.at
    const found = sticky.exec(this.text)?.[0]
    if (found === undefined) return undefined
    this.at += found.length
    return found
  }

  take(pattern: RegExp, expected: string): string {
    return this.match(pattern) ?? this.fail(expected)
  }

  /** A JSON string, if one comes next. */
  quoted(): string | undefined {
    const text = this.match(/"(?:[^"\\]|\\.)*"/)
    if (text === undefined) return undefined
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : this.fail('a string')
  }

  /** The name after `@`. */
  symbol(): string {
    this.expect('@')
    return this.quoted() ?? this.take(/[\w$./-]+/, 'a name')
  }

  /** Text up to a comma, closing bracket, blank or line end that stands in no bracket. */
  word(expected: string): string {
    this.blanks()
    const start = this.at
    let depth = 0
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at] ?? ''
      if (character === '(' || character === '[') depth++
      else if (character === ')' || character === ']') {
        if (depth === 0) break
        depth--
      } else if (depth === 0 && /[\s,{}]/.test(character)) break
    }
    if (this.at === start) this.fail(expected)
    return this.text.slice(start, this.at)
  }
}

function parseSizeWord(word: string): Size {
  return word.startsWith('$') ? sizeName(word.slice(1)) : parseSize(word)
}

/** Parses what `printAttrValue` prints. */
export function parseAttrValue(cursor: Cursor): AttrValue {
  if (cursor.accept('[')) {
    const items: AttrValue[] = []
    if (cursor.accept(']')) return items
    do items.push(parseAttrValue(cursor))
    while (cursor.accept(','))
    cursor.expect(']')
    return items
  }
  cursor.blanks()
  if (cursor.text[cursor.at] === '{') return parseAttrs(cursor)
  const text = cursor.quoted()
  if (text !== undefined) return text
  const word = cursor.word('an attribute value')
  if (/^-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)$/.test(word) || word === 'NaN') return Number(word)
  if (word === 'true' || word === 'false') return word === 'true'
  if (word === 'null') return null
  if (/^[A-Za-z_]\w*$/.test(word) && !isSizeWord(word)) return word
  return parseSizeWord(word)
}

/** Parses `{axis = 1, op = lt}`, braces included. */
export function parseAttrs(cursor: Cursor): Attrs {
  cursor.expect('{')
  const attrs: { [key: string]: AttrValue } = {}
  if (cursor.accept('}')) return attrs
  do {
    const key = cursor.quoted() ?? cursor.take(/\w+/, 'an attribute')
    cursor.expect('=')
    attrs[key] = parseAttrValue(cursor)
  } while (cursor.accept(','))
  cursor.expect('}')
  return attrs
}
