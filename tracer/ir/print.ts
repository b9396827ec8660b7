/**
 * Graphs as text, the form that golden tests, bug reports and `debug.show` use. `parse` reads it back.
 *
 *     function @trainStep(%x: f32[n0,784]) -> f32[]
 *       captures @w: f32[784,10] variable
 *     {
 *       %0: f32[784,10] = read @w            // model.ts:12
 *       %1: f32[n0,10]  = dot %x, %0 {...}   // model.ts:12
 *       ...
 *       return %7
 *     }
 *
 * Parameters keep their names, made unique; all other values are numbered in order of definition. Attributes that the
 * types already say are left out: those of `read`, `captured` and `constant`. A region prints as a graph of its own,
 * indented below its node, with a numbering of its own, so that equal regions have equal text.
 */
import { elementCount, printSize } from '../../codegen/size.ts'
import { isList, printAttrs, printAttrValue, printSymbol } from './attr-text.ts'
import type { AttrValue, Graph, Node, Value } from './graph.ts'
import { printType, type TensorType } from './type.ts'

const widestAlignedResult = 28
const widestAlignedCode = 84

/** The texts of a graph's values: `%x` of parameters, `%3` of results. */
export function valueNames(graph: Graph): Map<Value, string> {
  const names = new Map<Value, string>()
  const taken = new Set<string>()
  let next = 0
  const number = (): string => `%${next++}`
  for (const param of graph.params) {
    if (names.has(param)) continue
    if (param.name === undefined) {
      names.set(param, number())
      continue
    }
    const wanted = param.name.replace(/[^\w.]/g, '_').replace(/^(?=[^A-Za-z_]|$)/, '_')
    let name = wanted
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`
    taken.add(name)
    names.set(param, `%${name}`)
  }
  for (const node of graph.nodes)
    for (const result of node.results) if (!names.has(result)) names.set(result, number())
  return names
}

/** The elements of a constant; one number for all when they are the same. */
function constantText(type: TensorType, values: readonly AttrValue[]): string {
  const [first] = values
  const splat =
    typeof first === 'number' &&
    elementCount(type.shape) === values.length &&
    values.every((value) => Object.is(value, first))
  return printAttrValue(splat ? first : values)
}

/** What stands after the op's name, in place of operands and attributes, for ops with a spelling of their own. */
function specialForm(node: Node, operands: readonly string[]): string | undefined {
  const { attrs } = node
  const type = node.results[0]?.type
  const keys = Object.keys(attrs)
  const sayTheType =
    type !== undefined &&
    keys.length === 3 &&
    attrs['dtype'] === type.dtype &&
    Array.isArray(attrs['shape']) &&
    printAttrValue(attrs['shape'], true) === printAttrValue([...type.shape], true)
  const values = attrs['values'] ?? null
  switch (node.op) {
    case 'read':
      return sayTheType && typeof attrs['variable'] === 'string' && operands.length === 0
        ? printSymbol(attrs['variable'])
        : undefined
    case 'captured':
      return sayTheType && typeof attrs['name'] === 'string' && operands.length === 0
        ? printSymbol(attrs['name'])
        : undefined
    case 'constant':
      return sayTheType && isList(values) && operands.length === 0 ? constantText(type, values) : undefined
    case 'assign':
    case 'commit':
      return keys.length === 1 && typeof attrs['variable'] === 'string'
        ? [printSymbol(attrs['variable']), ...operands].join(', ')
        : undefined
    default:
      return undefined
  }
}

interface Line {
  readonly results: string
  readonly code: string
  readonly source: string | undefined
  readonly below: readonly string[]
}

function lineOf(node: Node, names: ReadonlyMap<Value, string>, sources: boolean): Line {
  const nameOf = (value: Value): string => names.get(value) ?? '%?'
  const operands = node.operands.map(nameOf)
  const results = node.results.map((result) => `${nameOf(result)}: ${printType(result.type)}`).join(', ')
  const special = specialForm(node, operands)
  const code = [
    node.op,
    ...(special === undefined ? [operands.join(', '), printAttrs(node.attrs)] : [special]),
  ]
    .filter((part) => part !== '')
    .join(' ')
  return {
    results,
    code,
    source: sources ? node.source : undefined,
    below: node.regions.flatMap((region) => graphLines(region, 'region', sources).map((line) => `  ${line}`)),
  }
}

function widest(lengths: readonly number[], limit: number): number {
  return lengths.reduce((most, length) => (length <= limit ? Math.max(most, length) : most), 0)
}

function bodyLines(graph: Graph, names: ReadonlyMap<Value, string>, sources: boolean): string[] {
  const lines = graph.nodes.map((node) => lineOf(node, names, sources))
  const resultWidth = widest(
    // Several results stand out to the right rather than push all others there.
    lines.map((line) => (line.results.includes(', ') ? 0 : line.results.length)),
    widestAlignedResult,
  )
  const codes = lines.map((line) =>
    line.results === '' ? line.code : `${line.results.padEnd(resultWidth)} = ${line.code}`,
  )
  const codeWidth = widest(
    codes.filter((_, i) => lines[i]?.source !== undefined).map((code) => code.length),
    widestAlignedCode,
  )
  return lines.flatMap((line, i) => {
    const code = codes[i] ?? ''
    const first =
      line.source === undefined ? code : `${code.padEnd(codeWidth)}  // ${line.source.replace(/\s+/g, ' ')}`
    return [first, ...line.below]
  })
}

function graphLines(graph: Graph, keyword: 'function' | 'region', sources: boolean): string[] {
  const names = valueNames(graph)
  const params = graph.params.map((param) => `${names.get(param) ?? '%?'}: ${printType(param.type)}`)
  const results = graph.results.map((result) => printType(result.type))
  const lines = [
    `${keyword} ${printSymbol(graph.name)}(${params.join(', ')}) -> ${results.length === 0 ? '()' : results.join(', ')}`,
  ]
  if (graph.captures.length > 0)
    lines.push(
      `  captures ${graph.captures.map((capture) => `${printSymbol(capture.name)}: ${printType(capture.type)} ${capture.open === true ? 'open ' : ''}${capture.kind}`).join(', ')}`,
    )
  if (graph.guards.length > 0)
    lines.push(
      `  guards ${graph.guards.map((guard) => `${printSize(guard.x)} == ${printSize(guard.y)} ${JSON.stringify(guard.reason)}`).join(', ')}`,
    )
  const returned = graph.results.map((result) => names.get(result) ?? '%?').join(', ')
  lines.push(
    '{',
    ...bodyLines(graph, names, sources).map((line) => `  ${line}`),
    `  return ${returned}`.trimEnd(),
    '}',
  )
  return lines
}

/** The graph as text. `sources: false` leaves the `// model.ts:12` out. */
export function printGraph(graph: Graph, options: { readonly sources?: boolean } = {}): string {
  return graphLines(graph, 'function', options.sources ?? true).join('\n')
}

/** One node as it stands in its graph, regions below it. */
export function printNode(node: Node, names: ReadonlyMap<Value, string>): string {
  const line = lineOf(node, names, true)
  const code = line.results === '' ? line.code : `${line.results} = ${line.code}`
  return [line.source === undefined ? code : `${code}  // ${line.source}`, ...line.below].join('\n')
}
