/** Where control flow goes on after a statement, and what has to be declared further out when statements move into a closure. */
import type { Binding } from './bindings.ts'
import { isIn } from './bindings.ts'
import type { FunctionContext } from './context.ts'
import type { Jump } from './plan.ts'
import { type AnyNode, boundIdentifiers, declare, literal, type Statement } from './syntax.ts'

/** False when a statement always jumps or throws. */
export function canComplete(node: Statement): boolean {
  switch (node.type) {
    case 'ReturnStatement':
    case 'ThrowStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return false
    case 'BlockStatement':
      return node.body.every(canComplete)
    case 'IfStatement':
      return !node.alternate || canComplete(node.consequent) || canComplete(node.alternate)
    default:
      return true
  }
}

/** `let $b0 = false`, in the block that is being written. */
export function declareFlag(context: FunctionContext, jump: Pick<Jump, 'kind' | 'target'>): Statement {
  const name = context.flag(jump)
  context.declareHere(name)
  return declare('let', name, literal(false))
}

/**
 * Declarations in `nodes` of what is mentioned outside of them are made in front: the nodes go into a closure. The
 * declarations themselves become assignments.
 */
export function moveDeclarations(context: FunctionContext, nodes: readonly Statement[]): Statement[] {
  const output: Statement[] = []
  for (const node of nodes) {
    if (node.type !== 'VariableDeclaration' || node.kind === 'var') continue
    const bound = node.declarations
      .flatMap(({ id }) => boundIdentifiers(id))
      .map((name) => context.text.bindings.of(name))
    const isShared = bound.some(
      (binding) => binding !== undefined && isMentionedOutside(context, binding, nodes),
    )
    if (!isShared) continue
    for (const binding of bound)
      if (binding !== undefined && !context.moved.has(binding)) {
        context.moved.add(binding)
        context.declareHere(binding)
        output.push(declare('let', binding.name))
      }
  }
  return output
}

function isMentionedOutside(context: FunctionContext, binding: Binding, nodes: readonly AnyNode[]): boolean {
  return context.text.bindings.mentions(binding).some((name) => !nodes.some((node) => isIn(name.start, node)))
}
