/**
 * From a function to its tree. `Function.prototype.toString` gives the exact text, but a method's text is no expression:
 * it is parsed inside a class or an object, and becomes a function expression that can be put anywhere its scope is.
 */
import { parse, type Program } from 'acorn'
import type { AnyFunction, AnyNode, Expression } from './syntax.ts'

export interface FunctionSource {
  readonly text: string
  /** What was parsed: the text and what it had to be wrapped in. */
  readonly wrapped: string
  readonly program: Program
  readonly fn: AnyFunction
  readonly kind: 'function' | 'method' | 'native' | 'class'
}

/** The text of a function. */
export function textOf(fn: object): string {
  return Function.prototype.toString.call(fn)
}

export function isNative(text: string): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(text)
}

/** Parses a text as a module, or as a script where it is sloppy code; undefined when it is neither. */
function tryParse(text: string): Program | undefined {
  for (const sourceType of ['module', 'script'] as const)
    try {
      return parse(text, { ecmaVersion: 'latest', sourceType, locations: false, allowSuperOutsideMethod: true, checkPrivateFields: false }) // prettier-ignore
    } catch {
      // Tried in another way next.
    }
  return undefined
}

/** A function's tree from its text; undefined for native functions, classes, and what does not parse. */
export function parseText(text: string): FunctionSource | undefined {
  if (isNative(text) || /^class\b/.test(text)) return undefined
  for (const wrapped of [`(${text})`, `(class { ${text} })`, `({ ${text} })`]) {
    const program = tryParse(wrapped)
    const fn = program && functionOf(program)
    if (program !== undefined && fn !== undefined)
      return { text, wrapped, program, fn, kind: wrapped.startsWith(`(${text}`) ? 'function' : 'method' }
  }
  return undefined
}

function functionOf(program: Program): AnyFunction | undefined {
  const [first] = program.body
  if (first?.type !== 'ExpressionStatement' || program.body.length !== 1) return undefined
  return functionIn(first.expression)
}

function functionIn(node: Expression): AnyFunction | undefined {
  if (node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') return node
  if (node.type === 'ClassExpression') {
    const [only] = node.body.body
    return only?.type === 'MethodDefinition' && node.body.body.length === 1 ? only.value : undefined
  }
  if (node.type === 'ObjectExpression') {
    const [only] = node.properties
    return only?.type === 'Property' && only.method && only.value.type === 'FunctionExpression'
      ? only.value
      : undefined
  }
  return undefined
}

/** Says the line and column (from 1) of positions in a text. */
export function positionsIn(text: string): (position: number) => string {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (position) => {
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= position) low = middle
      else high = middle - 1
    }
    return `${low + 1}:${Math.max(position, 0) - (starts[low] ?? 0) + 1}`
  }
}

/** The line of a text that holds a position, trimmed. */
export function lineAt(text: string, node: AnyNode): string {
  const from = text.lastIndexOf('\n', node.start) + 1
  const end = text.indexOf('\n', node.start)
  return text.slice(from, end < 0 ? undefined : end).trim()
}
