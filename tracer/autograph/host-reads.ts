/**
 * Which JavaScript values from outside a function reads: variables that something else may assign, and properties of
 * objects. What it only calls, what it writes itself, and what `tf.live` and the like read at every call is left out.
 */
import type { CallExpression } from 'acorn'
import { type Bindings, isIn } from './bindings.ts'
import { builtins } from './builtins.ts'
import { type AnyFunction, type AnyNode, children, constantKey, type Expression } from './syntax.ts'

/** A path that is read, the variable it begins with, and where it is read first. */
export interface HostRead {
  readonly path: string
  readonly root: string
  readonly start: number
}

/** Functions whose callbacks run at every call. */
const late = new Set(['live', 'hostCall', 'eagerly'])
const mostReads = 48

export function hostReads(fn: AnyFunction, bindings: Bindings): readonly HostRead[] {
  const found = new Map<string, HostRead>()
  const written = bindings.writtenIn(fn)
  const note = (node: Expression, isCalled: boolean): void => {
    const keys: string[] = []
    let root: AnyNode = node
    while (root.type === 'MemberExpression') {
      const key = constantKey(root)
      // What stands behind an unknown key is unknown too.
      if (key === undefined || root.optional) keys.length = 0
      else keys.unshift(String(key))
      root = root.object
    }
    if (isCalled) keys.pop()
    if (keys.some((key) => key.includes('.') || key.includes(','))) return
    if (root.type === 'ThisExpression') {
      if (keys.length === 0) return
    } else if (root.type === 'Identifier') {
      const binding = bindings.of(root)
      if (binding === undefined || written.has(binding) || isIn(binding.start, fn)) return
      if (binding.kind === 'free' && builtins.has(binding.name)) return
      const isFixed = binding.kind === 'const' || binding.kind === 'function' || binding.kind === 'class'
      if (keys.length === 0 && (isFixed || isCalled)) return
    } else return
    const name = root.type === 'ThisExpression' ? 'this' : root.name
    const path = [name, ...keys].join('.')
    if (!found.has(path) && found.size < mostReads) found.set(path, { path, root: name, start: node.start })
  }
  const visit = (node: AnyNode): void => {
    switch (node.type) {
      case 'Identifier':
      case 'ThisExpression':
        return note(node, false)
      case 'MemberExpression':
        note(node, false)
        if (node.computed) visit(node.property)
        return visitInside(node.object)
      case 'CallExpression':
        return visitCall(node)
      case 'AssignmentExpression':
        if (node.left.type === 'MemberExpression') visitInside(node.left.object)
        return visit(node.right)
      case 'Property':
      case 'PropertyDefinition':
      case 'MethodDefinition':
        if (node.computed) visit(node.key)
        if (node.value) visit(node.value)
        return
      case 'LabeledStatement':
        return visit(node.body)
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return
      default:
        children(node).forEach(visit)
    }
  }
  /** What a chain hangs on, where that is no chain itself. */
  const visitInside = (node: AnyNode): void => {
    if (node.type === 'MemberExpression') {
      if (node.computed) visit(node.property)
      visitInside(node.object)
    } else if (node.type !== 'Identifier' && node.type !== 'ThisExpression') visit(node)
  }
  const visitCall = ({ callee, arguments: args }: CallExpression): void => {
    const name = callee.type === 'MemberExpression' ? constantKey(callee) : callee.type === 'Identifier' ? callee.name : '' // prettier-ignore
    if (typeof name === 'string' && late.has(name)) return
    if (callee.type === 'MemberExpression') {
      note(callee, true)
      if (callee.computed) visit(callee.property)
      visitInside(callee.object)
    } else if (callee.type === 'Identifier') note(callee, true)
    else visit(callee)
    args.forEach(visit)
  }
  for (const param of fn.params) children(param).forEach(visit)
  visit(fn.body)
  return [...found.values()]
}
