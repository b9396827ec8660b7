/**
 * From a function to its tree. `Function.prototype.toString` gives the exact text, but a method's text is no expression:
 * it is parsed inside a class or an object, and becomes a function expression that can be put anywhere its scope is.
 */
import { parse, type Program } from 'acorn'
import type { AnyFunction, Expression } from './syntax.ts'

export interface FunctionSource {
  readonly text: string
  /** What was parsed: the text and what it had to be wrapped in. */
  readonly wrapped: string
  readonly program: Program
  readonly fn: AnyFunction
}

/** The text of a function. */
export function textOf(fn: object): string {
  return Function.prototype.toString.call(fn)
}

function isNative(text: string): boolean {
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
  if (isNative(text) || /^class\b(?!\s*\()/.test(text)) return undefined
  for (const wrapped of [`(${text})`, `(class { ${text} })`, `({ ${text} })`]) {
    const program = tryParse(wrapped)
    const fn = program && functionOf(program)
    if (program !== undefined && fn !== undefined) return { text, wrapped, program, fn }
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
