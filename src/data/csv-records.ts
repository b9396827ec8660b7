/**
 * Records of comma-separated values, as RFC 4180 describes them: fields may be quoted, and then hold delimiters, line
 * breaks and doubled quotes. Lines end with LF or CRLF; a byte order mark and empty lines are passed over.
 */
import { ValueError } from '../../codegen/errors.ts'

/** The fields of a record, and the line on which it begins, counted from 1. */
export interface CsvRecord {
  readonly fields: readonly string[]
  readonly line: number
}

function malformed(line: number, problem: string, fix: string): ValueError {
  return new ValueError({ op: 'data.csv', problem: `line ${line}: ${problem}`, fix })
}

/** Throws ValueError, naming the line, for quotes that do not match. */
export function csvRecords(text: string, delimiter: string): CsvRecord[] {
  const records: CsvRecord[] = []
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  while (at < text.length) {
    const start = line
    const empty = text[at] === '\n' || text[at] === '\r'
    const fields: string[] = []
    let more = true
    while (more) {
      if (text[at] === '"') {
        const quoted = quotedField(text, at, line)
        fields.push(quoted.field)
        at = quoted.end
        line += quoted.breaks
      } else {
        const end = endOfField(text, at, delimiter)
        const field = text.slice(at, end)
        if (field.includes('"'))
          throw malformed(
            line,
            `a quote within the field ${JSON.stringify(field)}`,
            'quote the whole field, and double the quotes in it.',
          )
        fields.push(field)
        at = end
      }
      more = text.startsWith(delimiter, at)
      if (more) at += delimiter.length
      else if (text.startsWith('\r\n', at)) at += 2
      else if (text[at] === '\n' || text[at] === '\r') at += 1
      else if (at < text.length)
        throw malformed(
          line,
          `${JSON.stringify(text[at])} after the closing quote of a field`,
          `end the field with ${JSON.stringify(delimiter)} or a line break, or double the quote.`,
        )
    }
    line += 1
    if (!empty) records.push({ fields, line: start })
  }
  return records
}

/** The first place from `at` on where an unquoted field ends. */
function endOfField(text: string, at: number, delimiter: string): number {
  for (let end = at; end < text.length; end++) {
    const char = text[end]
    if (char === '\n' || char === '\r' || text.startsWith(delimiter, end)) return end
  }
  return text.length
}

function quotedField(
  text: string,
  start: number,
  line: number,
): { readonly field: string; readonly end: number; readonly breaks: number } {
  let field = ''
  let from = start + 1
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote < 0) throw malformed(line, 'a quoted field has no end', 'close it with a quote.')
    field += text.slice(from, quote)
    if (text[quote + 1] !== '"')
      return { field, end: quote + 1, breaks: field.split(/\r\n|\n|\r/).length - 1 }
    field += '"'
    from = quote + 2
  }
}
