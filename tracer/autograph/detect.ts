/**
 * Tests that surely are on tensors, found in the tree: a comparison method in an `if`, a loop, `?:`, `&&`, `||` or `!`.
 *
 * `if (this.training)` and `if (mask)` look alike, so names decide nothing by themselves; but a `const` is followed to
 * what it was given.
 */
import { Bindings } from './bindings.ts'
import { type AnyFunction, type AnyNode, children } from './syntax.ts'

/** Methods that give bool tensors, and are no method of anything usual. */
const comparisons = new Set([
  'greater', 'greaterEqual', 'less', 'lessEqual', 'equal', 'notEqual', 'logicalAnd', 'logicalOr', 'logicalXor',
  'logicalNot', 'isNaN', 'isInf', 'isFinite', 'any', 'all',
]) // prettier-ignore

/** Receivers that have methods of these names without being tensors. */
const hosts = new Set(['Number', 'Math', 'Promise', 'assert', 'expect'])

/** The first test in a function that is on a tensor without doubt. */
export function definiteCondition(fn: AnyFunction): AnyNode | undefined {
  const bindings = new Bindings({
    start: fn.start,
    end: fn.end,
    type: 'Program',
    sourceType: 'module',
    body: [
      {
        start: fn.start,
        end: fn.end,
        type: 'ExpressionStatement',
        expression: { ...fn, type: 'FunctionExpression' } as never,
      },
    ],
  })
  const search = (node: AnyNode): AnyNode | undefined => {
    const test = testOf(node)
    if (test !== undefined && isTensor(test, bindings, 0)) return test
    for (const child of children(node)) {
      const found = search(child)
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(fn.body)
}

function testOf(node: AnyNode): AnyNode | undefined {
  switch (node.type) {
    case 'IfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'ConditionalExpression':
      return node.test
    case 'ForStatement':
      return node.test ?? undefined
    case 'LogicalExpression':
      return node.operator === '??' ? undefined : node.left
    case 'UnaryExpression':
      return node.operator === '!' ? node.argument : undefined
    default:
      return undefined
  }
}

function isTensor(node: AnyNode, bindings: Bindings, depth: number): boolean {
  switch (node.type) {
    case 'ParenthesizedExpression':
      return isTensor(node.expression, bindings, depth)
    case 'LogicalExpression':
      return isTensor(node.left, bindings, depth) || isTensor(node.right, bindings, depth)
    case 'ConditionalExpression':
      return isTensor(node.consequent, bindings, depth) || isTensor(node.alternate, bindings, depth)
    case 'SequenceExpression': {
      const last = node.expressions.at(-1)
      return last !== undefined && isTensor(last, bindings, depth)
    }
    case 'UnaryExpression':
      return node.operator === '!' && isTensor(node.argument, bindings, depth)
    case 'CallExpression': {
      const { callee } = node
      if (callee.type !== 'MemberExpression' || callee.computed || callee.property.type !== 'Identifier')
        return false
      if (callee.object.type === 'Identifier' && hosts.has(callee.object.name)) return false
      return comparisons.has(callee.property.name)
    }
    case 'Identifier': {
      const binding = bindings.of(node)
      if (binding?.kind !== 'const' || depth > 8) return false
      return binding.sources.some((source) => source !== undefined && isTensor(source, bindings, depth + 1))
    }
    default:
      return false
  }
}
