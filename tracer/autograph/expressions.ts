/**
 * Rewriting expressions: `?:`, `&&`, `||` and `!` on what may be a tensor, arithmetic and comparisons on what may be a
 * counter that became one, and calls of functions that are to be rewritten in their turn.
 */
import type { AssignmentExpression, CallExpression, ChainExpression, UpdateExpression } from 'acorn'
import { builtins } from './builtins.ts'
import type { FunctionContext } from './context.ts'
import {
  type AnyNode,
  array,
  arrow,
  assignment,
  type Expression,
  identifier,
  isFunction,
  literal,
  mapChildren,
  type Pattern,
} from './syntax.ts'

/** Operators that are ops when an operand is a tensor. */
const operators = new Set([
  '==', '!=', '===', '!==', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '**', '|', '^', '&', '<<', '>>',
]) // prettier-ignore

export function rewriteExpression(context: FunctionContext, node: Expression): Expression {
  const { plan } = context
  switch (node.type) {
    case 'Identifier': {
      const name = context.renamed.get(node)
      return name === undefined ? node : identifier(name)
    }
    case 'ConditionalExpression':
      if (!plan.isConverted(node)) break
      return context.runtime(
        'ifExp',
        context.expression(node.test),
        arrow(context.expression(node.consequent)),
        arrow(context.expression(node.alternate)),
        context.state({ nodes: [node.consequent, node.alternate], wanted: undefined }),
        context.site(node),
      )
    case 'LogicalExpression':
      if (!plan.isConverted(node)) break
      return context.runtime(
        node.operator === '&&' ? 'and' : 'or',
        context.expression(node.left),
        arrow(context.expression(node.right)),
        context.state({ nodes: [node.right], wanted: undefined }),
        context.site(node),
      )
    case 'UnaryExpression': {
      const { operator, argument } = node
      if (operator === 'typeof' || operator === 'void' || operator === 'delete' || plan.isPlain(argument))
        break
      const value = context.expression(argument)
      if (operator === '!') return context.runtime('not', value, context.site(node))
      return context.runtime('unary', literal(operator), value, context.site(node))
    }
    case 'BinaryExpression': {
      const { operator, left, right } = node
      if (left.type === 'PrivateIdentifier' || !operators.has(operator)) break
      if (plan.isPlain(node) || (plan.isPlain(left) && plan.isPlain(right))) break
      return context.runtime(
        'op',
        literal(operator),
        context.expression(left),
        context.expression(right),
        context.site(node),
      )
    }
    case 'AssignmentExpression':
      return rewriteAssignment(context, node)
    case 'UpdateExpression':
      return rewriteUpdate(context, node, true)
    case 'CallExpression':
      return rewriteCall(context, node)
    case 'ChainExpression':
      return rewriteChain(context, node)
    default:
      break
  }
  return mapInside(context, node)
}

/** The same node with the expressions inside it rewritten. */
function mapInside<N extends AnyNode>(context: FunctionContext, node: N): N {
  if (isFunction(node)) return context.text.rewriteFunction(node)
  return mapChildren(node, (child) => rewriteAny(context, child, node))
}

/** Whatever may stand inside an expression or a pattern. */
function rewriteAny(context: FunctionContext, child: AnyNode, parent: AnyNode): AnyNode {
  if (isFunction(child)) return context.text.rewriteFunction(child)
  if (isName(child, parent)) return child
  switch (child.type) {
    case 'TemplateElement':
    case 'PrivateIdentifier':
    case 'Super':
    case 'MetaProperty':
      return child
    case 'Property': {
      const inner = mapInside(context, child)
      // A shorthand whose variable goes by another name is one no longer.
      return inner.shorthand && inner.value !== child.value
        ? {
            ...inner,
            shorthand:
              inner.value.type === 'Identifier' &&
              child.value.type === 'Identifier' &&
              inner.value.name === child.value.name
                ? inner.shorthand
                : inner.value.type === 'AssignmentPattern',
          }
        : inner
    }
    case 'SpreadElement':
    case 'ClassBody':
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'ObjectPattern':
    case 'ArrayPattern':
    case 'RestElement':
    case 'AssignmentPattern':
      return mapInside(context, child)
    case 'StaticBlock':
      return child
    default:
      return rewriteExpression(context, child as Expression)
  }
}

/** True for identifiers that are not variables. */
function isName(child: AnyNode, parent: AnyNode): boolean {
  if (child.type !== 'Identifier') return false
  if (parent.type === 'MemberExpression') return !parent.computed && parent.property === child
  if (
    parent.type === 'Property' ||
    parent.type === 'MethodDefinition' ||
    parent.type === 'PropertyDefinition'
  )
    return !parent.computed && parent.key === child
  return parent.type === 'ClassExpression' || parent.type === 'ClassDeclaration' ? parent.id === child : false
}

/** A pattern as the target of an assignment. */
export function rewritePattern(context: FunctionContext, node: Pattern): Pattern {
  return rewriteAny(context, node, { ...node, type: 'EmptyStatement' }) as Pattern
}

function rewriteAssignment(context: FunctionContext, node: AssignmentExpression): Expression {
  const { left, operator } = node
  const right = context.expression(node.right)
  const target = rewritePattern(context, left)
  if (operator === '=' || operator === '??=' || operator === '>>>=') return { ...node, left: target, right }
  const isSimple =
    left.type === 'Identifier' ||
    (left.type === 'MemberExpression' &&
      (left.object.type === 'Identifier' || left.object.type === 'ThisExpression') &&
      (!left.computed || left.property.type === 'Literal' || left.property.type === 'Identifier'))
  const old = target as Expression
  if (!isSimple || (context.plan.isPlain(left) && context.plan.isPlain(node.right)))
    return { ...node, left: target, right }
  const site = context.site(node)
  if (operator === '&&=' || operator === '||=') {
    if (left.type !== 'Identifier') return { ...node, left: target, right }
    const state = context.state({ nodes: [node.right], wanted: undefined })
    const name = operator === '&&=' ? 'and' : 'or'
    return assignment(target, context.runtime(name, old, arrow(right), state, site))
  }
  return assignment(target, context.runtime('op', literal(operator.slice(0, -1)), old, right, site))
}

/** `x++`; as a statement of its own nobody asks for the old value. */
export function rewriteUpdate(context: FunctionContext, node: UpdateExpression, isUsed: boolean): Expression {
  const { argument } = node
  if (argument.type !== 'Identifier' && argument.type !== 'MemberExpression') return node
  const target = rewritePattern(context, argument)
  const isSimple =
    argument.type === 'Identifier' ||
    (argument.type === 'MemberExpression' &&
      (argument.object.type === 'Identifier' || argument.object.type === 'ThisExpression') &&
      (!argument.computed || argument.property.type !== 'CallExpression'))
  if (!isSimple || context.plan.isPlain(argument)) return { ...node, argument: target as Expression }
  const old = target as Expression
  const next = assignment(target, context.runtime('unary', literal(node.operator), old, context.site(node)))
  return node.prefix || !isUsed ? next : context.runtime('first', old, next)
}

function rewriteCall(context: FunctionContext, node: CallExpression): Expression {
  const { callee } = node
  const args = node.arguments.map((arg) => rewriteAny(context, arg, node) as Expression)
  if (callee.type === 'Super' || node.optional) return { ...node, arguments: args }
  const site = context.site(node)
  if (callee.type === 'MemberExpression') {
    if (callee.object.type === 'Super' || callee.property.type === 'PrivateIdentifier')
      return { ...node, callee: mapInside(context, callee), arguments: args }
    const isBuiltin =
      callee.object.type === 'Identifier' &&
      builtins.has(callee.object.name) &&
      (context.text.bindings.of(callee.object)?.kind ?? 'free') === 'free'
    if (isBuiltin && !(callee.object.type === 'Identifier' && callee.object.name === 'Math'))
      return { ...node, arguments: args }
    const key = callee.computed ? context.expression(callee.property) : literal(nameOf(callee.property))
    return context.runtime('method', context.expression(callee.object), key, array(args), site)
  }
  if (callee.type === 'Identifier') {
    const binding = context.text.bindings.of(callee)
    const isFree = binding === undefined || binding.kind === 'free'
    // `eval` and the like mean something by their name; a function of this text is rewritten already.
    if ((isFree && builtins.has(callee.name)) || binding?.value !== undefined || callee.name === 'eval')
      return { ...node, callee: context.expression(callee), arguments: args }
    return context.runtime('call', context.expression(callee), array(args), site)
  }
  if (isFunction(callee)) return { ...node, callee: mapInside(context, callee), arguments: args }
  // `(0, module.f)(x)` and calls of what a call gave.
  return context.runtime('call', context.expression(callee), array(args), site)
}

function nameOf(node: AnyNode): string {
  return node.type === 'Identifier' ? node.name : ''
}

/** `a?.b.c(x)`: what it is made of is rewritten, but not its links. */
function rewriteChain(context: FunctionContext, node: ChainExpression): Expression {
  const link = (inner: Expression): Expression => {
    if (inner.type === 'CallExpression')
      return {
        ...inner,
        callee: inner.callee.type === 'Super' ? inner.callee : link(inner.callee),
        arguments: inner.arguments.map((arg) => rewriteAny(context, arg, inner) as Expression),
      }
    if (inner.type === 'MemberExpression')
      return {
        ...inner,
        object: inner.object.type === 'Super' ? inner.object : link(inner.object),
        property: inner.computed ? context.expression(inner.property as Expression) : inner.property,
      }
    return context.expression(inner)
  }
  return { ...node, expression: link(node.expression) as ChainExpression['expression'] }
}
