/**
 * Where a function can be stopped before it has done anything, and in the scope that its free variables have.
 */
import type { FunctionSource } from './source.ts'
import { type AnyNode, children, type Range, type Statement } from './syntax.ts'

export type { Range }

/**
 * The stretches of a function's text, in order, of which the first that has a position to stop at is the first to do
 * anything; or a clause that says why there are none.
 */
export function stretchesToStopIn(source: FunctionSource): readonly Range[] | string {
  const { fn, wrapped, text } = source
  const shift = wrapped.indexOf(text)
  const inText = ({ start, end }: Range): Range => ({ start: start - shift, end: end - shift })
  if (fn.params.some(computesKeys)) return 'a parameter is taken apart by a computed key'
  if (fn.body.type !== 'BlockStatement') return [inText(fn.body)]
  const found: Range[] = []
  for (const statement of fn.body.body) {
    found.push(inText(statement))
    if (!isIdle(statement)) break
  }
  // A function of nothing ends where its body does.
  if (found.length === fn.body.body.length) found.push(inText({ start: fn.body.end - 1, end: fn.body.end }))
  return found
}

/** True for `{ [f()]: x }` among parameters: it is computed before anything can stop. */
function computesKeys(node: AnyNode): boolean {
  if (node.type === 'Property' && node.computed) return true
  return node.type !== 'AssignmentPattern' ? children(node).some(computesKeys) : computesKeys(node.left)
}

/** True for statements that do nothing and have no position. */
function isIdle(node: Statement): boolean {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'EmptyStatement':
      return true
    case 'ExpressionStatement':
      return 'directive' in node && node.directive !== undefined
    case 'VariableDeclaration':
      return node.declarations.every(({ init }) => init === null || init === undefined)
    default:
      return false
  }
}
