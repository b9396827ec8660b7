/**
 * The syntax tree as the rewriting of functions uses it: acorn's nodes, ways to walk them, and short names for making
 * new ones. Nodes that are made have no position; nodes that are kept have the one acorn gave them, by which the
 * analysis asks what happens within a range of the source.
 */
import type {
  AnyNode,
  ArrowFunctionExpression,
  BlockStatement,
  CallExpression,
  Expression,
  ExpressionStatement,
  Function as FunctionNode,
  FunctionDeclaration,
  FunctionExpression,
  Identifier,
  Literal,
  MemberExpression,
  Pattern,
  Statement,
  VariableDeclaration,
} from 'acorn'

export type { AnyNode, Expression, Pattern, Statement }

/** Any function that has a scope of its own. */
export type AnyFunction = FunctionDeclaration | FunctionExpression | ArrowFunctionExpression

/** A loop, of whatever kind. */
export type Loop = Extract<
  AnyNode,
  { type: 'WhileStatement' | 'DoWhileStatement' | 'ForStatement' | 'ForOfStatement' | 'ForInStatement' }
>

/** A stretch of the source. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** What a generated node has for a position. */
export const nowhere: Range = { start: -1, end: -1 }

function isNode(value: unknown): value is AnyNode {
  return (
    value !== null &&
    typeof value === 'object' &&
    typeof (value as { readonly type?: unknown }).type === 'string'
  )
}

/** The nodes directly inside a node. */
export function children(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = []
  const { type } = node
  if (type === 'Identifier' || type === 'Literal') return found
  for (const key in node) {
    const value: unknown = (node as object as Record<string, unknown>)[key]
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      for (const entry of value as unknown[]) if (isNode(entry)) found.push(entry)
    } else if (isNode(value)) found.push(value)
  }
  return found
}

/** A copy of a node with every node directly inside it replaced. */
export function mapChildren<N extends AnyNode>(node: N, replace: (child: AnyNode) => AnyNode): N {
  const copy: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    if (Array.isArray(value))
      copy[key] = (value as unknown[]).map((entry) => (isNode(entry) ? replace(entry) : entry))
    else copy[key] = isNode(value) ? replace(value) : value
  }
  return copy as object as N
}

export function isFunction(node: AnyNode): node is AnyFunction {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  )
}

export function isLoop(node: AnyNode): node is Loop {
  return (
    node.type === 'WhileStatement' ||
    node.type === 'DoWhileStatement' ||
    node.type === 'ForStatement' ||
    node.type === 'ForOfStatement' ||
    node.type === 'ForInStatement'
  )
}

/** True for a function whose body may not be moved into closures. */
export function isSuspending(node: FunctionNode): boolean {
  return node.async || node.generator
}

export function identifier(name: string): Identifier {
  return { start: -1, end: -1, type: 'Identifier', name }
}

export function literal(value: string | number | boolean | null): Literal {
  return { start: -1, end: -1, type: 'Literal', value }
}

export function call(callee: Expression, args: readonly Expression[]): CallExpression {
  return { start: -1, end: -1, type: 'CallExpression', callee, arguments: [...args], optional: false }
}

export function member(object: Expression, name: string): MemberExpression {
  return {
    start: -1,
    end: -1,
    type: 'MemberExpression',
    object,
    property: identifier(name),
    computed: false,
    optional: false,
  }
}

/** `() => expression` or `() => { … }`. */
export function arrow(
  body: Expression | BlockStatement,
  params: readonly Pattern[] = [],
): ArrowFunctionExpression {
  return {
    start: -1,
    end: -1,
    type: 'ArrowFunctionExpression',
    id: null,
    params: [...params],
    body,
    expression: body.type !== 'BlockStatement',
    generator: false,
    async: false,
  }
}

export function block(body: readonly Statement[]): BlockStatement {
  return { start: -1, end: -1, type: 'BlockStatement', body: [...body] }
}

export function statement(expression: Expression): ExpressionStatement {
  return { start: -1, end: -1, type: 'ExpressionStatement', expression }
}

export function assignment(left: Pattern, right: Expression): Expression {
  return { start: -1, end: -1, type: 'AssignmentExpression', operator: '=', left, right }
}

export function array(elements: readonly Expression[]): Expression {
  return { start: -1, end: -1, type: 'ArrayExpression', elements: [...elements] }
}

/** `{ key: value, … }` */
export function object(entries: readonly (readonly [string, Expression])[]): Expression {
  return {
    start: -1,
    end: -1,
    type: 'ObjectExpression',
    properties: entries.map(([key, value]) => ({
      start: -1,
      end: -1,
      type: 'Property',
      key: identifier(key),
      value,
      kind: 'init',
      method: false,
      shorthand: false,
      computed: false,
    })),
  }
}

export function declare(kind: 'let' | 'const', name: string, init?: Expression): VariableDeclaration {
  return {
    start: -1,
    end: -1,
    type: 'VariableDeclaration',
    kind,
    declarations: [
      { start: -1, end: -1, type: 'VariableDeclarator', id: identifier(name), init: init ?? null },
    ],
  }
}

/** The names a pattern binds, as the identifiers that do. */
export function boundIdentifiers(pattern: Pattern): Identifier[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern]
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) =>
        boundIdentifiers(property.type === 'RestElement' ? property.argument : property.value),
      )
    case 'ArrayPattern':
      return pattern.elements.flatMap((entry) => (entry === null ? [] : boundIdentifiers(entry)))
    case 'RestElement':
      return boundIdentifiers(pattern.argument)
    case 'AssignmentPattern':
      return boundIdentifiers(pattern.left)
    case 'MemberExpression':
      return []
  }
}

/** `o.x`, `o['x']`, `o[3]`: the key, when it is known from the text. */
export function constantKey(node: MemberExpression): string | number | undefined {
  if (!node.computed) return node.property.type === 'Identifier' ? node.property.name : undefined
  if (node.property.type !== 'Literal') return undefined
  const { value } = node.property
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

/** The statements of a body that may be a single statement. */
export function statementsOf(node: Statement): Statement[] {
  return node.type === 'BlockStatement' ? node.body : [node]
}
