/**
 * Rewriting loops. A loop becomes a call that is given its test, body and update as closures, the flags that end it, and
 * the state that goes from one iteration to the next:
 *
 *     $ag.loop({ test: () => …, body: () => { … }, update: () => { … }, stop: () => [$b0], … }, state, site)
 *     $ag.each(iterable, x => { … }, () => [$b0], state, site)
 */
import type { ForInStatement, ForOfStatement, ForStatement, LabeledStatement } from 'acorn'
import type { Binding } from './bindings.ts'
import type { FunctionContext } from './context.ts'
import { rewritePattern } from './expressions.ts'
import {
  type AnyNode,
  arrow,
  assignment,
  block,
  boundIdentifiers,
  declare,
  type Expression,
  identifier,
  isLoop,
  literal,
  type Loop,
  nowhere,
  object,
  type Pattern,
  type Statement,
  statement,
  statementsOf,
} from './syntax.ts'
import { isPureTest } from './pure.ts'

/** A label on a loop that is rewritten is gone with the jumps to it; on another statement it stays for plain jumps. */
export function rewriteLabeled(context: FunctionContext, node: LabeledStatement): Statement[] {
  const { body } = node
  if (isLoop(body) && context.plan.isConverted(body)) return rewriteLoop(context, body)
  const [inner, ...more] = context.list([body])
  if (inner === undefined) return []
  if (!context.plan.isCarried('break', body))
    return [{ ...node, body: more.length === 0 ? inner : block([inner, ...more]) }]
  return [
    block([declare('let', context.flag({ kind: 'break', target: body }), literal(false)), inner, ...more]),
  ]
}

export function rewriteLoop(context: FunctionContext, node: Loop): Statement[] {
  if (!context.plan.isConverted(node)) return [plainLoop(context, node)]
  const flags: Statement[] = context.plan.isCarried('break', node)
    ? [declare('let', context.flag({ kind: 'break', target: node }), literal(false))]
    : []
  const made =
    node.type === 'ForOfStatement' || node.type === 'ForInStatement'
      ? each(context, node)
      : general(context, node)
  return flags.length === 0 && made.length === 1 ? made : [block([...flags, ...made])]
}

/** A loop that stays: its parts may have something to rewrite. */
function plainLoop(context: FunctionContext, node: Loop): Statement {
  const body = block(bodyOf(context, node))
  switch (node.type) {
    case 'WhileStatement':
    case 'DoWhileStatement':
      return { ...node, test: context.expression(node.test), body }
    case 'ForInStatement':
    case 'ForOfStatement':
      return { ...node, left: leftOf(context, node), right: context.expression(node.right), body }
    case 'ForStatement':
      return {
        ...node,
        init: initOf(context, node),
        test: node.test ? context.expression(node.test) : null,
        update: node.update ? context.expression(node.update) : null,
        body,
      }
  }
}

function leftOf(context: FunctionContext, { left }: ForInStatement | ForOfStatement): ForOfStatement['left'] {
  if (left.type !== 'VariableDeclaration') return rewritePattern(context, left)
  const [first] = left.declarations
  if (first === undefined) return left
  const id = rewritePattern(context, first.id)
  if (left.kind !== 'var') return { ...left, declarations: [{ ...first, id }] }
  for (const { name } of boundIdentifiers(first.id)) context.vars.add(name)
  return id
}

function initOf(context: FunctionContext, { init }: ForStatement): Exclude<ForStatement['init'], undefined> {
  if (!init) return null
  if (init.type !== 'VariableDeclaration') return context.expression(init)
  const declarations = init.declarations.map((entry) => ({
    ...entry,
    id: rewritePattern(context, entry.id),
    init: entry.init ? context.expression(entry.init) : null,
  }))
  if (init.kind !== 'var') return { ...init, declarations }
  for (const { id } of init.declarations) for (const { name } of boundIdentifiers(id)) context.vars.add(name)
  const assigned = declarations.flatMap(({ id, init: value }) => (value ? [assignment(id, value)] : []))
  const [only] = assigned
  if (assigned.length <= 1) return only ?? null
  return { ...nowhere, type: 'SequenceExpression', expressions: assigned }
}

/** The statements of a loop's body, with the flag of its `continue`s. */
function bodyOf(context: FunctionContext, node: Loop): Statement[] {
  const body = context.list(statementsOf(node.body))
  if (!context.plan.isCarried('continue', node)) return body
  return [declare('let', context.flag({ kind: 'continue', target: node }), literal(false)), ...body]
}

/** The flags that end a loop. */
function stopOf(context: FunctionContext, node: Loop): string[] {
  const flags = context.flags(context.plan.escaping([node]))
  if (context.plan.isCarried('break', node)) flags.unshift(context.flag({ kind: 'break', target: node }))
  return flags
}

/** What a loop writes, as its own flag and loop variables tell beyond the analysis. */
function stateOf(
  context: FunctionContext,
  node: Loop,
  nodes: readonly AnyNode[],
  more: readonly string[],
): Expression {
  const own = context.plan.isCarried('break', node) ? [context.flag({ kind: 'break', target: node })] : []
  return context.state({
    nodes,
    jumps: [node],
    wanted: context.liveness.around(node),
    extra: [...own, ...more],
  })
}

function general(
  context: FunctionContext,
  node: Exclude<Loop, ForOfStatement | ForInStatement>,
): Statement[] {
  const isFor = node.type === 'ForStatement'
  const declared =
    isFor && node.init?.type === 'VariableDeclaration' && node.init.kind !== 'var' ? node.init : undefined
  const renamed = declared === undefined ? [] : renameCaptured(context, node as ForStatement)
  const test = node.test ? context.expression(node.test) : null
  const isEndless = !node.test || (node.test.type === 'Literal' && Boolean(node.test.value))
  const update = isFor && node.update ? context.expression(node.update) : null
  const own = bodyOf(context, node)
  const body =
    renamed.length === 0
      ? own
      : [
          ...renamed.map(({ binding, name }) => declare('let', binding.name, identifier(name))),
          block(own),
          ...renamed.map(({ binding, name }) =>
            statement(assignment(identifier(name), identifier(binding.name))),
          ),
        ]
  const nodes = [...(node.test ? [node.test] : []), ...(isFor && node.update ? [node.update] : []), node.body]
  const settings: [string, Expression][] = []
  if (test !== null && !isEndless) settings.push(['test', arrow(test)])
  settings.push(['body', arrow(block(body))])
  if (update !== null) settings.push(['update', arrow(block([statement(update)]))])
  const stop = stopOf(context, node)
  if (stop.length > 0) settings.push(['stop', context.flagReader(stop)])
  if (node.type === 'DoWhileStatement') settings.push(['first', literal(true)])
  if (declared !== undefined) settings.push(['own', literal(true)])
  if (node.test && isPureTest(node.test)) settings.push(['pure', literal(true)])
  const state = stateOf(
    context,
    node,
    nodes,
    renamed.map(({ name }) => name),
  )
  const made = statement(context.runtime('loop', object(settings), state, context.site(node)))
  if (!isFor || !node.init) return [made]
  const init = initOf(context, node)
  if (!init) return [made]
  return [block([init.type === 'VariableDeclaration' ? init : statement(init), made])]
}

/**
 * Loop variables that closures in the body hold on to: each iteration has its own, so the head of the loop gets one of
 * another name, and the body a copy.
 */
function renameCaptured(context: FunctionContext, node: ForStatement): { binding: Binding; name: string }[] {
  if (node.init?.type !== 'VariableDeclaration') return []
  const { bindings } = context.text
  return node.init.declarations
    .flatMap(({ id }) => boundIdentifiers(id))
    .flatMap((id) => {
      const binding = bindings.of(id)
      if (binding === undefined || !binding.captured) return []
      const name = context.fresh('i')
      for (const mention of bindings.mentions(binding))
        if (mention.start < node.body.start || mention.start >= node.body.end)
          context.renamed.set(mention, name)
      return [{ binding, name }]
    })
}

function each(context: FunctionContext, node: ForOfStatement | ForInStatement): Statement[] {
  const { left } = node
  const item = context.fresh('i')
  const body: Statement[] = []
  let param: Pattern = identifier(item)
  if (left.type === 'VariableDeclaration' && left.kind !== 'var') {
    const [first] = left.declarations
    if (first !== undefined) param = rewritePattern(context, first.id)
  } else {
    const target = left.type === 'VariableDeclaration' ? left.declarations[0]?.id : left
    if (left.type === 'VariableDeclaration' && target)
      for (const { name } of boundIdentifiers(target)) context.vars.add(name)
    if (target) body.push(statement(assignment(rewritePattern(context, target), identifier(item))))
  }
  body.push(block(bodyOf(context, node)))
  const items = context.expression(node.right)
  return [
    statement(
      context.runtime(
        'each',
        node.type === 'ForInStatement' ? context.runtime('keys', items, context.site(node)) : items,
        arrow(block(body), [param]),
        context.flagReader(stopOf(context, node)),
        stateOf(context, node, [node.left, node.body], []),
        context.site(node),
      ),
    ),
  ]
}
