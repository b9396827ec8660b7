/**
 * Graph text back to a graph: a recursive descent over the form of print.ts, one node per line.
 *
 * Values are typed where they are defined, so parsing needs no type rules and reads graphs that a verifier would
 * refuse. The attributes that print.ts leaves out (`read @w`, `constant 0.5`) are made again from the result's type.
 */
import {
  type Attrs,
  type AttrValue,
  type Capture,
  type Graph,
  type Guard,
  makeValue,
  type Node,
  type Value,
} from './graph.ts'
import { Cursor, parseAttrs, parseAttrValue } from './attr-text.ts'
import { elementCount, parseSize } from '../../codegen/size.ts'
import { parseType, printType, type TensorType } from './type.ts'

const valueName = /%[\w.]+/

function parseTypeAt(cursor: Cursor): TensorType {
  return parseType(cursor.word('a type'))
}

function parseParams(cursor: Cursor, values: Map<string, Value>): Value[] {
  const params: Value[] = []
  cursor.expect('(')
  if (cursor.accept(')')) return params
  do {
    const text = cursor.take(valueName, 'a parameter')
    cursor.expect(':')
    const type = parseTypeAt(cursor)
    const numbered = /^%\d+$/.test(text)
    const value = numbered ? makeValue(type) : makeValue(type, text.slice(1))
    define(cursor, values, text, value)
    params.push(value)
  } while (cursor.accept(','))
  cursor.expect(')')
  return params
}

function define(cursor: Cursor, values: Map<string, Value>, name: string, value: Value): void {
  if (values.has(name)) cursor.fail(`a name not yet in use instead of ${name}`)
  values.set(name, value)
}

function parseResultTypes(cursor: Cursor): TensorType[] {
  cursor.expect('->')
  if (cursor.accept('()')) return []
  const types: TensorType[] = []
  do types.push(parseTypeAt(cursor))
  while (cursor.accept(','))
  return types
}

function parseCaptures(cursor: Cursor): Capture[] {
  const captures: Capture[] = []
  do {
    const name = cursor.symbol()
    cursor.expect(':')
    const type = parseTypeAt(cursor)
    const open = cursor.accept('open')
    const kind = cursor.take(/variable|tensor/, '"variable" or "tensor"') as Capture['kind']
    captures.push({ name, kind, type, ...(open ? { open } : {}) })
  } while (cursor.accept(','))
  return captures
}

function parseGuards(cursor: Cursor): Guard[] {
  const guards: Guard[] = []
  do {
    const x = parseSize(cursor.word('a size'))
    cursor.expect('==')
    const y = parseSize(cursor.word('a size'))
    guards.push({ x, y, reason: cursor.quoted() ?? cursor.fail('the reason of the guard') })
  } while (cursor.accept(','))
  return guards
}

function parseOperand(cursor: Cursor, values: ReadonlyMap<string, Value>): Value {
  const name = cursor.take(valueName, 'a value')
  return values.get(name) ?? cursor.fail(`a value defined above instead of ${name}`)
}

function parseOperands(cursor: Cursor, values: ReadonlyMap<string, Value>): Value[] {
  const operands: Value[] = []
  cursor.blanks()
  if (cursor.text[cursor.at] !== '%') return operands
  do operands.push(parseOperand(cursor, values))
  while (cursor.accept(','))
  return operands
}

/** The elements of a constant: a list, or one number that all elements are. */
function parseElements(cursor: Cursor, type: TensorType): AttrValue {
  const value = parseAttrValue(cursor)
  if (typeof value !== 'number') return value
  const count = elementCount(type.shape)
  return typeof count === 'number'
    ? Array.from({ length: count }, () => value)
    : cursor.fail('one element per value')
}

/** What stands after the op's name: operands and attributes. */
function parseArguments(
  cursor: Cursor,
  op: string,
  results: readonly Value[],
  values: ReadonlyMap<string, Value>,
): { operands: Value[]; attrs: Attrs } {
  const type = results[0]?.type
  cursor.blanks()
  const next = cursor.text[cursor.at]
  if (next === '@') {
    const name = cursor.symbol()
    if ((op === 'read' || op === 'captured') && type !== undefined) {
      const { dtype, shape } = type
      return {
        operands: [],
        attrs: op === 'read' ? { variable: name, dtype, shape } : { name, dtype, shape },
      }
    }
    const operands = cursor.accept(',') ? parseOperands(cursor, values) : []
    return { operands, attrs: { variable: name } }
  }
  if (op === 'constant' && /[^{%/\n]/.test(next ?? '\n') && type !== undefined)
    return {
      operands: [],
      attrs: { dtype: type.dtype, shape: type.shape, values: parseElements(cursor, type) },
    }
  const operands = parseOperands(cursor, values)
  cursor.blanks()
  return { operands, attrs: cursor.text[cursor.at] === '{' ? parseAttrs(cursor) : {} }
}

function parseNode(cursor: Cursor, values: Map<string, Value>): Node {
  const results: Value[] = []
  const names: string[] = []
  cursor.blanks()
  if (cursor.text[cursor.at] === '%') {
    do {
      names.push(cursor.take(valueName, 'a result'))
      cursor.expect(':')
      results.push(makeValue(parseTypeAt(cursor)))
    } while (cursor.accept(','))
    cursor.expect('=')
  }
  const op = cursor.take(/\w+/, 'the name of an op')
  const { operands, attrs } = parseArguments(cursor, op, results, values)
  const source = cursor.accept('//') ? cursor.take(/[^\n]*/, 'a source line').trimEnd() : undefined
  cursor.take(/\n/, 'the end of the line')
  const regions: Graph[] = []
  for (;;) {
    cursor.space()
    if (!cursor.accept('region ')) break
    regions.push(parseGraphAt(cursor))
  }
  results.forEach((result, i) => define(cursor, values, names[i] ?? '', result))
  return source === undefined
    ? { op, operands, attrs, regions, results }
    : { op, operands, attrs, regions, results, source }
}

/** What follows `function` or `region`. */
function parseGraphAt(cursor: Cursor): Graph {
  const values = new Map<string, Value>()
  const name = cursor.symbol()
  const params = parseParams(cursor, values)
  const types = parseResultTypes(cursor)
  cursor.space()
  const captures = cursor.accept('captures ') ? parseCaptures(cursor) : []
  cursor.space()
  const guards = cursor.accept('guards ') ? parseGuards(cursor) : []
  cursor.space()
  cursor.expect('{')
  const nodes: Node[] = []
  for (cursor.space(); cursor.match(/return(?![\w])/) === undefined; cursor.space())
    nodes.push(parseNode(cursor, values))
  const results = parseOperands(cursor, values)
  const declared = types.map(printType).join(', ')
  const returned = results.map((result) => printType(result.type)).join(', ')
  if (declared !== returned) cursor.fail(`results of types ${declared}, not ${returned}`)
  cursor.space()
  cursor.expect('}')
  return { name, params, captures, nodes, results, guards }
}

/** Parses what `printGraph` prints. Throws InternalError with the line and a caret on anything else. */
export function parseGraph(text: string): Graph {
  const cursor = new Cursor(text)
  cursor.space()
  cursor.expect('function ')
  const graph = parseGraphAt(cursor)
  cursor.space()
  if (cursor.at !== text.length) cursor.fail('the end of the text')
  return graph
}
