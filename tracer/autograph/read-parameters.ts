/**
 * Parameters from a function's source, by a parser: names, what destructured parameters take apart, literal defaults.
 */
import type { Parameter, ParameterList } from '../trace/parameters.ts'
import { parseText } from './source.ts'
import { type AnyFunction, type AnyNode, children, type Expression, type Pattern } from './syntax.ts'

/** The parameters of a function with this source; undefined when it does not parse. */
export function readParameters(source: string): ParameterList | undefined {
  const parsed = parseText(source)
  if (parsed === undefined) return undefined
  const { fn: node, wrapped: text } = parsed
  const counts = node.type === 'FunctionExpression' && usesArguments(node)
  const parameters = node.params.map((pattern) => parameterOf(pattern, text))
  const names = parameters.flatMap(({ name, parts }) => [
    ...(name === undefined ? [] : [name]),
    ...[...(parts ?? [])].map(([key, part]) => (/^\d+$/.test(key) ? (part.name ?? '') : key)),
  ])
  return {
    parameters,
    beyond: counts || parameters.at(-1)?.rest === true ? 'seen' : 'ignored',
    counts,
    distinct: !names.includes('') && new Set(names).size === names.length,
  }
}

function parameterOf(pattern: Pattern, text: string): Parameter {
  switch (pattern.type) {
    case 'Identifier':
      return { name: pattern.name }
    case 'AssignmentPattern': {
      const literal = literalOf(pattern.right)
      return {
        ...parameterOf(pattern.left, text),
        ...(literal === undefined ? {} : { literal }),
        ...(isComputed(pattern.right)
          ? { computed: text.slice(pattern.right.start, pattern.right.end) }
          : {}),
      }
    }
    case 'RestElement':
      return { ...parameterOf(pattern.argument, text), rest: true }
    case 'ObjectPattern':
      return {
        parts: new Map(
          pattern.properties.flatMap((property) => {
            if (property.type !== 'Property' || property.computed) return []
            const { key } = property
            const name =
              key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : undefined
            return name === undefined ? [] : [[name, parameterOf(property.value, text)] as const]
          }),
        ),
      }
    case 'ArrayPattern':
      return {
        parts: new Map(
          pattern.elements.flatMap((element, i) =>
            element === null || element.type === 'RestElement'
              ? []
              : [[String(i), parameterOf(element, text)] as const],
          ),
        ),
      }
    default:
      return {}
  }
}

/** The value of an expression made of literals only. */
function literalOf(node: Expression): { readonly value: unknown } | undefined {
  switch (node.type) {
    case 'Literal':
      return node.regex === undefined || node.regex === null ? { value: node.value } : undefined
    case 'TemplateLiteral':
      return node.expressions.length === 0 ? { value: node.quasis[0]?.value.cooked } : undefined
    case 'Identifier':
      return constants.has(node.name) ? { value: constants.get(node.name) } : undefined
    case 'UnaryExpression': {
      const argument = literalOf(node.argument)
      if (argument === undefined) return undefined
      const { value } = argument
      if (node.operator === 'void') return { value: undefined }
      if (node.operator === '!') return { value: value === false || value === 0 }
      if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
      if (node.operator === '-') return { value: -value }
      return node.operator === '+' && typeof value === 'number' ? { value } : undefined
    }
    case 'ArrayExpression': {
      const values: unknown[] = []
      for (const element of node.elements) {
        const literal = element === null || element.type === 'SpreadElement' ? undefined : literalOf(element)
        if (literal === undefined) return undefined
        values.push(literal.value)
      }
      return { value: values }
    }
    case 'ObjectExpression': {
      const entries: (readonly [string, unknown])[] = []
      for (const property of node.properties) {
        if (property.type !== 'Property' || property.computed || property.kind !== 'init') return undefined
        const { key } = property
        const name =
          key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : undefined
        const literal = literalOf(property.value)
        if (name === undefined || name === '__proto__' || literal === undefined) return undefined
        entries.push([name, literal.value])
      }
      return { value: Object.fromEntries(entries) }
    }
    default:
      return undefined
  }
}

const constants: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['undefined', undefined],
  ['NaN', NaN],
  ['Infinity', Infinity],
])

/** True for an expression that may give something else each time: it calls, makes or changes something. */
function isComputed(node: AnyNode): boolean {
  return contains(node, ({ type }) =>
    [
      'CallExpression',
      'NewExpression',
      'AssignmentExpression',
      'UpdateExpression',
      'TaggedTemplateExpression',
      'ImportExpression',
    ].includes(type),
  )
}

/** True when a function mentions its own `arguments`. */
function usesArguments(node: AnyFunction): boolean {
  return [...node.params, node.body].some((part) =>
    contains(part, (inner) => inner.type === 'Identifier' && inner.name === 'arguments', true),
  )
}

/** Whether a node or one inside it is asked for; functions inside are left out, arrows too unless `arrows` is set. */
function contains(node: AnyNode, wanted: (node: AnyNode) => boolean, arrows: boolean = false): boolean {
  if (wanted(node)) return true
  if (node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration') return false
  if (node.type === 'ArrowFunctionExpression' && !arrows) return false
  return children(node).some((child) => contains(child, wanted, arrows))
}
