/** Tests that can be computed again, and when they need not be, without anybody noticing. */
import type { AnyNode } from './syntax.ts'

const pureMethods = new Set([
  'add', 'sub', 'mul', 'div', 'neg', 'abs', 'sqrt', 'square', 'exp', 'log', 'tanh', 'sin', 'cos', 'floor', 'ceil',
  'sum', 'mean', 'max', 'min', 'prod', 'all', 'any', 'maximum', 'minimum', 'mod', 'floorDiv', 'pow', 'cast',
  'equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual',
  'logicalAnd', 'logicalOr', 'logicalXor', 'logicalNot', 'isNaN', 'isInf', 'isFinite', 'squaredDifference',
]) // prettier-ignore

/** True for a test made of operators and ops that neither change anything nor can fail. */
export function isPureTest(node: AnyNode): boolean {
  switch (node.type) {
    case 'Literal':
    case 'Identifier':
    case 'ThisExpression':
      return true
    case 'ParenthesizedExpression':
      return isPureTest(node.expression)
    case 'UnaryExpression':
      return node.operator !== 'delete' && isPureTest(node.argument)
    case 'BinaryExpression':
      return isPureTest(node.left) && isPureTest(node.right)
    case 'LogicalExpression':
      return isPureTest(node.left) && isPureTest(node.right)
    case 'MemberExpression':
      return !node.optional && isPureTest(node.object) && (!node.computed || isPureTest(node.property))
    case 'CallExpression':
      return (
        !node.optional &&
        node.callee.type === 'MemberExpression' &&
        !node.callee.computed &&
        node.callee.property.type === 'Identifier' &&
        pureMethods.has(node.callee.property.name) &&
        isPureTest(node.callee.object) &&
        node.arguments.every(isPureTest)
      )
    default:
      return false
  }
}
