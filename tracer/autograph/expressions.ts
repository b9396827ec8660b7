/**
 * Rewriting expressions: `?:`, `&&`, `||` and `!` on what may be a tensor, arithmetic and comparisons on what may be a
 * counter that became one, and calls of functions that are to be rewritten in their turn.
 */
import type {
  AssignmentExpression,
  CallExpression,
  ChainExpression,
  MemberExpression,
  UpdateExpression,
} from 'acorn'
import { builtins } from './builtins.ts'
import type { FunctionContext } from './context.ts'
import { isArray } from './plan.ts'
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
  '==', '!=', '===', '!==', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '**', '|', '^', '&', '<<', '>>', '>>>',
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
    case 'MemberExpression':
      if (!hasOpenKey(context, node)) break
      return context.runtime(
        'get',
        context.expression(node.object as Expression),
        context.expression(node.property as Expression),
        context.site(node),
      )
    case 'UnaryExpression': {
      const { operator, argument } = node
      if (operator === 'delete' && argument.type === 'MemberExpression')
        return { ...node, argument: mapInside(context, argument) }
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
    case 'SequenceExpression': {
      // Only the last value is asked for; the others may be an `if` in disguise.
      const last = node.expressions.at(-1)
      if (last === undefined) break
      const unused = node.expressions.slice(0, -1).flatMap((entry) => context.unused(entry))
      return { ...node, expressions: [...unused, context.expression(last)] }
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
  switch (node.type) {
    case 'Identifier':
      return context.expression(node) as Pattern
    case 'MemberExpression':
      return mapInside(context, node)
    case 'ArrayPattern':
      return { ...node, elements: node.elements.map((entry) => entry && rewritePattern(context, entry)) }
    case 'RestElement':
      return { ...node, argument: rewritePattern(context, node.argument) }
    case 'AssignmentPattern':
      return { ...node, left: rewritePattern(context, node.left), right: context.expression(node.right) }
    case 'ObjectPattern':
      return {
        ...node,
        properties: node.properties.map((property) => {
          if (property.type === 'RestElement')
            return { ...property, argument: rewritePattern(context, property.argument) }
          const key = property.computed ? context.expression(property.key) : property.key
          const value = rewritePattern(context, property.value)
          return {
            ...property,
            key,
            value,
            shorthand: property.shorthand && !isRenamed(property.value, value),
          }
        }),
      }
  }
}

/** True when the variable of a shorthand goes by another name. */
function isRenamed(before: Pattern, after: Pattern): boolean {
  const name = (node: Pattern): string | undefined =>
    node.type === 'Identifier' ? node.name : node.type === 'AssignmentPattern' ? name(node.left) : undefined
  return name(before) !== name(after)
}

/** A value for a variable: an array that may grow in a staged loop is wrapped. */
export function valueFor(context: FunctionContext, target: Pattern, node: Expression): Expression {
  const value = context.expression(node)
  if (target.type !== 'Identifier' || !isArray(node) || !context.plan.isGrowing(target)) return value
  return context.runtime('array', value, literal(target.name))
}

/** True for `o[k]` where k may turn out to be a tensor. */
function hasOpenKey(context: FunctionContext, node: AnyNode): node is MemberExpression {
  return (
    node.type === 'MemberExpression' &&
    node.computed &&
    !node.optional &&
    node.object.type !== 'Super' &&
    !context.plan.isPlain(node.property)
  )
}

function rewriteAssignment(context: FunctionContext, node: AssignmentExpression): Expression {
  const { left, operator } = node
  const right = operator === '=' ? valueFor(context, left, node.right) : context.expression(node.right)
  if (operator === '=' && hasOpenKey(context, left)) return setElement(context, left, () => right)
  const target = rewritePattern(context, left)
  if (operator === '=' || operator === '??=') return { ...node, left: target, right }
  const isSimple =
    left.type === 'Identifier' ||
    (left.type === 'MemberExpression' &&
      (left.object.type === 'Identifier' || left.object.type === 'ThisExpression') &&
      (!left.computed || left.property.type === 'Literal' || left.property.type === 'Identifier'))
  if (isSimple && hasOpenKey(context, left) && !/^(?:&&|\|\|)=$/.test(operator))
    return setElement(context, left, (old) =>
      context.runtime('op', literal(operator.slice(0, -1)), old, right, context.site(node)),
    )
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

/** `o[k] = value`, given what is there now. */
function setElement(
  context: FunctionContext,
  node: MemberExpression,
  value: (old: Expression) => Expression,
): Expression {
  const object = context.expression(node.object as Expression)
  const key = context.expression(node.property as Expression)
  const site = context.site(node)
  return context.runtime('set', object, key, value(context.runtime('get', object, key, site)), site)
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
  if (
    isSimple &&
    hasOpenKey(context, argument) &&
    argument.property.type === 'Identifier' &&
    (node.prefix || !isUsed)
  )
    return setElement(context, argument, (old) =>
      context.runtime('unary', literal(node.operator), old, context.site(node)),
    )
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
  const ofLibrary = libraryName(context, callee)
  // The library needs no rewriting, and bundlers leave out what nobody mentions of a namespace.
  if (ofLibrary !== undefined)
    return context.runtime('library', callee, array(args), literal(ofLibrary), site)
  if (callee.type === 'MemberExpression') {
    const { object } = callee
    const isNamed = object.type === 'ThisExpression' || object.type === 'Identifier'
    if (callee.property.type === 'PrivateIdentifier' && isNamed)
      return context.runtime(
        'apply',
        context.expression(object),
        context.expression(callee),
        array(args),
        site,
      )
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

/** The name of the library's function that is called, as in `add(…)` or `tf.nn.relu(…)` with what was imported. */
function libraryName(context: FunctionContext, callee: AnyNode): string | undefined {
  let root = callee
  while (root.type === 'MemberExpression' && !root.computed) root = root.object
  if (root.type !== 'Identifier') return undefined
  const imported = context.text.bindings.of(root)?.imported
  if (imported?.from !== 'tracemill' || (imported.name === '*' && root === callee)) return undefined
  // A class wants to be `this` in its static methods.
  if (callee.type === 'MemberExpression' && /^[A-Z]/.test(lastName(callee.object))) return undefined
  return callee.type === 'MemberExpression' ? nameOf(callee.property) : imported.name
}

function lastName(node: AnyNode): string {
  return node.type === 'MemberExpression' ? nameOf(node.property) : nameOf(node)
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
