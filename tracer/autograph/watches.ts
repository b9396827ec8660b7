/**
 * What a rewritten module tells the runtime of its traced functions: which values from outside they read, so that a change
 * of one without a retrace can be told (`$ag.watch`).
 *
 * A function that is written as the argument of `tf.function` is wrapped where it stands, one that is named there is where
 * its name is. A method with a decorator cannot be wrapped; compilers call a helper with its name, by which it is known
 * here, and a static block of its class hands it over before it is decorated.
 */
import type { CallExpression, Class, MethodDefinition, Program } from 'acorn'
import { print } from './printer.ts'
import type { Edit } from './source-map.ts'
import {
  type AnyFunction,
  type AnyNode,
  children,
  type Expression,
  isFunction,
  isSuspending,
  literal,
  member,
  nowhere,
} from './syntax.ts'
import type { Rewriting } from './transform.ts'

/** The edits that tell of all traced functions of a module, outside of what is rewritten. */
export function watchesIn(program: Program, made: Rewriting): Edit[] {
  const edits: Edit[] = []
  const decorated = decoratedNames(program)
  const visit = (node: AnyNode, isAtTop: boolean): void => {
    if (isFunction(node) && !isSuspending(node) && made.isAffected(node)) return
    if (node.type === 'CallExpression') edits.push(...watchOfCall(node, made, isAtTop))
    if ((node.type === 'ClassDeclaration' || node.type === 'ClassExpression') && decorated.size > 0)
      edits.push(...watchOfClass(node, decorated, made))
    const inside = isAtTop && !isFunction(node)
    for (const child of children(node)) visit(child, inside)
  }
  visit(program, true)
  return edits
}

/** Wraps the argument of `tf.function(…)`. */
function watchOfCall(node: CallExpression, made: Rewriting, isAtTop: boolean): Edit[] {
  const { callee } = node
  const called = callee.type === 'MemberExpression' && !callee.computed ? callee.property : callee
  const [argument] = node.arguments
  const isTracing = called.type === 'Identifier' && (called.name === 'function' || called.name === 'func')
  if (!isTracing || argument === undefined) return []
  if (argument.type === 'FunctionExpression' || argument.type === 'ArrowFunctionExpression')
    return wrapped(argument, argument, made)
  if (argument.type !== 'Identifier' || !isAtTop) return []
  // What the function reads has to mean the same here.
  const binding = made.bindings.of(argument)
  return binding?.value === undefined || binding.owner !== undefined
    ? []
    : wrapped(argument, binding.value, made)
}

function wrapped(argument: Expression, fn: AnyFunction, made: Rewriting): Edit[] {
  const call = isSuspending(fn) ? undefined : watchCall(fn, argument, made)
  if (call === undefined) return []
  const rest = call.arguments.slice(1).map((entry) => `, ${print(entry)}`)
  return [
    { start: argument.start, end: argument.start, text: `${made.runtimeName}.watch(`, marks: [] },
    { start: argument.end, end: argument.end, text: `${rest.join('')})`, marks: [] },
  ]
}

/** `$ag.watch(value, …)`; undefined for a function that reads nothing from outside. */
function watchCall(fn: AnyFunction, value: Expression, made: Rewriting): CallExpression | undefined {
  const call = made.watched(fn, value)
  return call !== value && call.type === 'CallExpression' ? call : undefined
}

/** The strings that helpers of decorators are called with. */
function decoratedNames(program: Program): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (node: AnyNode): void => {
    if (
      node.type === 'CallExpression' &&
      node.callee.type === 'Identifier' &&
      /^_.*dec/i.test(node.callee.name)
    ) {
      const take = (part: AnyNode): void => {
        if (part.type === 'Literal' && typeof part.value === 'string') names.add(part.value)
        else children(part).forEach(take)
      }
      node.arguments.forEach(take)
    }
    children(node).forEach(visit)
  }
  visit(program)
  return names
}

/** `static { $ag.watch(this.prototype.step, …) }` */
function watchOfClass(node: Class, decorated: ReadonlySet<string>, made: Rewriting): Edit[] {
  const calls = node.body.body.flatMap((part) => {
    if (part.type !== 'MethodDefinition' || part.kind !== 'method' || isSuspending(part.value)) return []
    const name = nameOf(part)
    if (name === undefined || !decorated.has(name)) return []
    const self: Expression = { ...nowhere, type: 'ThisExpression' }
    const holder = part.static ? self : member(self, 'prototype')
    const method: Expression = {
      ...nowhere,
      type: 'MemberExpression',
      object: holder,
      property: literal(name),
      computed: true,
      optional: false,
    }
    const call = watchCall(part.value, method, made)
    return call === undefined ? [] : [print(call)]
  })
  const start = node.body.start + 1
  return calls.length === 0 ? [] : [{ start, end: start, text: ` static { ${calls.join('; ')} }`, marks: [] }]
}

function nameOf({ key, computed }: MethodDefinition): string | undefined {
  if (key.type === 'Literal' && typeof key.value === 'string') return key.value
  return !computed && key.type === 'Identifier' ? key.name : undefined
}
