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
import { declareFlag } from './completion.ts'
import { rewritePattern } from './expressions.ts'
import {
  type AnyNode,
  arrow,
  assignment,
  block,
  boundIdentifiers,
  children,
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
import { isNothing } from './plan.ts'
import { isPureTest } from './pure.ts'

/** A label on a loop that is rewritten is gone with the jumps to it; on another statement it stays for plain jumps. */
export function rewriteLabeled(context: FunctionContext, node: LabeledStatement): Statement[] {
  const { body } = node
  if (isLoop(body) && context.plan.isConverted(body)) return rewriteLoop(context, body)
  if (context.plan.isCarried('break', body))
    return [
      block(
        context.inBlock([], () => [
          declareFlag(context, { kind: 'break', target: body }),
          ...context.listInPlace([body]),
        ]),
      ),
    ]
  const [inner, ...more] = context.listInPlace([body])
  if (inner === undefined) return []
  return [{ ...node, body: more.length === 0 ? inner : block([inner, ...more]) }]
}

export function rewriteLoop(context: FunctionContext, node: Loop): Statement[] {
  if (!context.plan.isConverted(node)) return [plainLoop(context, node)]
  const head = node.type === 'ForStatement' && node.init ? [node.init] : []
  const made = context.inBlock(head, () => {
    const flags: Statement[] = []
    if (context.plan.isCarried('break', node))
      flags.push(declareFlag(context, { kind: 'break', target: node }))
    const loop =
      node.type === 'ForOfStatement' || node.type === 'ForInStatement'
        ? each(context, node)
        : general(context, node)
    return [...flags, ...loop]
  })
  return made.length === 1 ? made : [block(made)]
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
  const statements = statementsOf(node.body)
  const head =
    node.type === 'ForOfStatement' || node.type === 'ForInStatement'
      ? [node.left]
      : node.type === 'ForStatement' && node.init
        ? [node.init]
        : []
  if (!context.plan.isCarried('continue', node)) return context.list(statements, head)
  return context.inBlock([...head, ...statements], () => [
    declareFlag(context, { kind: 'continue', target: node }),
    ...context.listInPlace(statements),
  ])
}

/** The flags that end a loop. */
function stopOf(context: FunctionContext, node: Loop): string[] {
  const flags = context.flags(context.plan.escaping([node]))
  if (context.plan.isCarried('break', node)) flags.unshift(context.flag({ kind: 'break', target: node }))
  return flags
}

/** What a loop writes, as its own flag and loop variables tell beyond the analysis. */
function stateOf(context: FunctionContext, node: Loop, nodes: readonly AnyNode[]): Expression {
  const own = context.plan.isCarried('break', node) ? [context.flag({ kind: 'break', target: node })] : []
  return context.state({
    nodes,
    jumps: [node],
    wanted: context.liveness.around(node),
    extra: own,
    compared: comparedIn(context, node),
  })
}

/** The variables that a loop compares with null or undefined, as those do that its first iteration gives a value. */
function comparedIn(context: FunctionContext, node: Loop): ReadonlySet<Binding> {
  const found = new Set<Binding>()
  const note = (operand: AnyNode): void => {
    const binding = operand.type === 'Identifier' ? context.text.bindings.of(operand) : undefined
    if (binding !== undefined) found.add(binding)
  }
  const visit = (inner: AnyNode): void => {
    if (inner.type === 'LogicalExpression' && inner.operator === '??') note(inner.left)
    else if (inner.type === 'AssignmentExpression' && inner.operator === '??=') note(inner.left)
    else if (inner.type === 'UnaryExpression' && inner.operator === 'typeof') note(inner.argument)
    else if (inner.type === 'BinaryExpression' && /^[!=]==?$/.test(inner.operator)) {
      if (isNothing(inner.right)) note(inner.left)
      if (isNothing(inner.left)) note(inner.right)
    }
    children(inner).forEach(visit)
  }
  visit(node)
  return found
}

function general(
  context: FunctionContext,
  node: Exclude<Loop, ForOfStatement | ForInStatement>,
): Statement[] {
  const isFor = node.type === 'ForStatement'
  const declared =
    isFor && node.init?.type === 'VariableDeclaration' && node.init.kind !== 'var' ? node.init : undefined
  const renamed = declared === undefined ? [] : renameCaptured(context, node as ForStatement)
  const inHead = (): void => renamed.forEach(({ binding, name }) => context.headNames.set(binding, name))
  inHead()
  const test = node.test ? context.expression(node.test) : null
  const isEndless = !node.test || (node.test.type === 'Literal' && Boolean(node.test.value))
  const update = isFor && node.update ? context.expression(node.update) : null
  context.headNames.clear()
  const own = bodyOf(context, node)
  inHead()
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
  const state = stateOf(context, node, nodes)
  context.headNames.clear()
  const made = statement(context.runtime('loop', object(settings), state, context.site(node)))
  if (!isFor || !node.init) return [made]
  const init = initOf(context, node)
  if (!init) return [made]
  return [init.type === 'VariableDeclaration' ? init : statement(init), made]
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
      context.declareHere(name)
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
        stateOf(context, node, [node.left, node.body]),
        context.site(node),
      ),
    ),
  ]
}
