/**
 * Rewriting statements: `if`, jumps, and the lists that hold them.
 *
 * A jump that would leave a closure sets a flag instead, and what follows in every list on its way is guarded by that
 * flag. Mostly there is no need for a guard: after `if (c) return a;` the rest of the list can only be reached by the
 * other branch, so it becomes the other branch, and no placeholder stands for a value that was not returned.
 */
import type { CatchClause, IfStatement, TryStatement, VariableDeclaration } from 'acorn'
import { canComplete, moveDeclarations } from './completion.ts'
import type { FunctionContext } from './context.ts'
import { rewritePattern, rewriteUpdate, valueFor } from './expressions.ts'
import { rewriteLabeled, rewriteLoop } from './loops.ts'
import { rewriteSwitch } from './switches.ts'
import {
  type AnyNode,
  array,
  arrow,
  assignment,
  block,
  boundIdentifiers,
  declare,
  type Expression,
  identifier,
  isLoop,
  literal,
  mapChildren,
  type Statement,
  statement,
  statementsOf,
} from './syntax.ts'

/** Rewrites a list of statements, guarding what follows a carried jump. */
export function rewriteList(context: FunctionContext, statements: readonly Statement[]): Statement[] {
  const { plan } = context
  const jumpsAt = statements.findIndex((node) => plan.escaping([node]).length > 0)
  if (jumpsAt < 0 || jumpsAt === statements.length - 1)
    return statements.flatMap((node) => rewriteStatement(context, node))
  // Functions are there from the beginning of the list, wherever they are written.
  const functions = statements.filter((node) => node.type === 'FunctionDeclaration')
  const others = statements.filter((node) => node.type !== 'FunctionDeclaration')
  const output = functions.flatMap((node) => rewriteStatement(context, node))
  for (const [i, node] of others.entries()) {
    const rest = others.slice(i + 1)
    const escaping = plan.escaping([node])
    if (escaping.length === 0 || rest.length === 0) {
      output.push(...rewriteStatement(context, node))
      continue
    }
    if (!canComplete(node)) {
      output.push(...rewriteStatement(context, node))
      return output
    }
    output.push(...moveDeclarations(context, rest))
    if (node.type === 'IfStatement' && plan.isConverted(node)) {
      const { consequent, alternate } = node
      if (!canComplete(consequent)) {
        output.push(emitIf(context, node, [consequent], [...(alternate ? [alternate] : []), ...rest]))
        return output
      }
      if (alternate && !canComplete(alternate)) {
        output.push(emitIf(context, node, [consequent, ...rest], [alternate]))
        return output
      }
    }
    output.push(...rewriteStatement(context, node))
    const last = rest.at(-1) ?? node
    const flags = context.flags(escaping)
    output.push(
      statement(
        context.runtime(
          'unless',
          array(flags.map((flag) => identifier(flag))),
          arrow(block(context.list(rest))),
          context.state({ nodes: rest, wanted: context.liveness.after(last) }),
          context.site(rest[0] ?? node),
        ),
      ),
    )
    return output
  }
  return output
}

/** Rewrites one statement; it may become several, or none. */
export function rewriteStatement(context: FunctionContext, node: Statement): Statement[] {
  const { plan } = context
  if (isLoop(node)) return rewriteLoop(context, node)
  switch (node.type) {
    case 'BlockStatement':
      return [{ ...node, body: context.list(node.body) }]
    case 'IfStatement':
      if (plan.isConverted(node))
        return [emitIf(context, node, [node.consequent], node.alternate ? [node.alternate] : [])]
      return [
        {
          ...node,
          test: context.expression(node.test),
          consequent: asBlock(context, node.consequent),
          alternate: node.alternate ? asBlock(context, node.alternate) : null,
        },
      ]
    case 'ReturnStatement': {
      const value = node.argument ? context.expression(node.argument) : null
      if (!plan.isCarried('return', plan.fn)) return [{ ...node, argument: value }]
      return [
        statement(assignment(identifier(context.name('v')), value ?? identifier('undefined'))),
        statement(assignment(identifier(context.name('r')), literal(true))),
      ]
    }
    case 'BreakStatement':
    case 'ContinueStatement': {
      const jump = plan.jumpOf(node)
      if (jump === undefined || !plan.isCarried(jump.kind, jump.target)) return [node]
      return [statement(assignment(identifier(context.flag(jump)), literal(true)))]
    }
    case 'ThrowStatement':
      return [
        {
          ...node,
          argument: context.runtime(
            'throwing',
            context.expression(node.argument),
            literal(context.isCaught),
            context.site(node),
          ),
        },
      ]
    case 'LabeledStatement':
      return rewriteLabeled(context, node)
    case 'SwitchStatement':
      return rewriteSwitch(context, node)
    case 'TryStatement':
      return [rewriteTry(context, node)]
    case 'VariableDeclaration':
      return rewriteDeclaration(context, node)
    case 'ExpressionStatement':
      return rewriteUnused(context, node.expression).map(statement)
    case 'FunctionDeclaration':
      return [context.text.rewriteFunction(node)]
    case 'ClassDeclaration':
      return [mapChildren(node, (child) => (child.type === 'ClassBody' ? classBody(context, child) : child))]
    default:
      return [node]
  }
}

function classBody(context: FunctionContext, node: AnyNode): AnyNode {
  const holder: Expression = { start: -1, end: -1, type: 'ClassExpression', id: null, body: node as never }
  const rewritten = context.expression(holder)
  return rewritten.type === 'ClassExpression' ? rewritten.body : node
}

/** The body of a construct that stays as it is. */
export function asBlock(context: FunctionContext, node: Statement): Statement {
  return block(context.list(statementsOf(node)))
}

/** `$ag.if(…)`; the branches are lists of statements, whose first may be the block it was written as. */
function emitIf(
  context: FunctionContext,
  node: IfStatement,
  then: readonly Statement[],
  otherwise: readonly Statement[],
): Statement {
  const last = otherwise.at(-1)
  const end = [then.at(-1), last, node].find(
    (entry) => entry !== undefined && entry !== node.consequent && entry !== node.alternate,
  )
  return statement(
    context.runtime(
      'if',
      context.expression(node.test),
      branch(context, then),
      otherwise.length === 0 ? literal(null) : branch(context, otherwise),
      context.state({
        nodes: [...then, ...otherwise],
        wanted: context.liveness.after(end ?? node),
      }),
      context.site(node),
    ),
  )
}

function branch(context: FunctionContext, nodes: readonly Statement[]): Expression {
  const [only] = nodes
  const list = nodes.length === 1 && only !== undefined ? statementsOf(only) : nodes
  return arrow(block(context.list(list)))
}

function rewriteTry(context: FunctionContext, node: TryStatement): TryStatement {
  const { isCaught } = context
  context.isCaught ||= Boolean(node.handler)
  const body = context.list(node.block.body)
  context.isCaught = isCaught
  return {
    ...node,
    block: { ...node.block, body },
    handler: node.handler ? rewriteCatch(context, node.handler) : null,
    finalizer: node.finalizer ? { ...node.finalizer, body: context.list(node.finalizer.body) } : null,
  }
}

/** What only the compiled program can throw must not be caught while tracing. */
function rewriteCatch(context: FunctionContext, node: CatchClause): CatchClause {
  const caught = node.param?.type === 'Identifier' ? node.param.name : context.fresh('e')
  const head: Statement[] = [statement(context.runtime('caught', identifier(caught)))]
  if (node.param && node.param.type !== 'Identifier') {
    const declared = declare('let', caught, identifier(caught))
    const id = rewritePattern(context, node.param)
    head.push({ ...declared, declarations: declared.declarations.map((entry) => ({ ...entry, id })) })
  }
  return {
    ...node,
    param: node.param?.type === 'Identifier' ? rewritePattern(context, node.param) : identifier(caught),
    body: { ...node.body, body: [...head, ...context.list(node.body.body)] },
  }
}

/** Declarations stay, except those that had to be made further out: they assign. */
export function rewriteDeclaration(context: FunctionContext, node: VariableDeclaration): Statement[] {
  const isMoved = node.declarations.some(({ id }) =>
    boundIdentifiers(id).some((name) => {
      const binding = context.text.bindings.of(name)
      return binding !== undefined && context.moved.has(binding)
    }),
  )
  if (node.kind !== 'var' && !isMoved)
    return [
      {
        ...node,
        declarations: node.declarations.map((entry) => ({
          ...entry,
          id: rewritePattern(context, entry.id),
          init: entry.init ? valueFor(context, entry.id, entry.init) : null,
        })),
      },
    ]
  return node.declarations.flatMap(({ id, init }) => {
    if (node.kind === 'var') for (const { name } of boundIdentifiers(id)) context.vars.add(name)
    if (!init && node.kind === 'var') return []
    const value = init ? valueFor(context, id, init) : identifier('undefined')
    return [statement(assignment(rewritePattern(context, id), value))]
  })
}

/** An expression whose value nobody wants: `a && b()` is an `if`. */
export function rewriteUnused(context: FunctionContext, node: Expression): Expression[] {
  const { plan } = context
  if (node.type === 'ParenthesizedExpression') return rewriteUnused(context, node.expression)
  if (node.type === 'SequenceExpression')
    return node.expressions.flatMap((entry) => rewriteUnused(context, entry))
  if (node.type === 'UpdateExpression') return [rewriteUpdate(context, node, false)]
  if (node.type === 'LogicalExpression' && plan.isConverted(node)) {
    const right = unusedBranch(context, node.right)
    const isAnd = node.operator === '&&'
    return [emit(context, node, node.left, isAnd ? right : null, isAnd ? null : right, [node.right])]
  }
  if (node.type === 'ConditionalExpression' && plan.isConverted(node)) {
    const then = unusedBranch(context, node.consequent)
    const otherwise = unusedBranch(context, node.alternate)
    return [emit(context, node, node.test, then, otherwise, [node.consequent, node.alternate])]
  }
  // What JavaScript decides may still lead to what it does not.
  if (node.type === 'LogicalExpression' && node.operator !== '??')
    return [{ ...node, left: context.expression(node.left), right: unusedInOne(context, node.right) }]
  if (node.type === 'ConditionalExpression')
    return [
      {
        ...node,
        test: context.expression(node.test),
        consequent: unusedInOne(context, node.consequent),
        alternate: unusedInOne(context, node.alternate),
      },
    ]
  return [context.expression(node)]
}

function unusedInOne(context: FunctionContext, node: Expression): Expression {
  const expressions = rewriteUnused(context, node)
  const [only] = expressions
  return expressions.length === 1 && only !== undefined
    ? only
    : { start: -1, end: -1, type: 'SequenceExpression', expressions }
}

function unusedBranch(context: FunctionContext, node: Expression): Expression {
  return arrow(block(context.inBlock([], () => rewriteUnused(context, node).map(statement))))
}

function emit(
  context: FunctionContext,
  node: Expression,
  test: Expression,
  then: Expression | null,
  otherwise: Expression | null,
  nodes: readonly AnyNode[],
): Expression {
  return context.runtime(
    'if',
    context.expression(test),
    then ?? literal(null),
    otherwise ?? literal(null),
    context.state({ nodes, wanted: undefined }),
    context.site(node),
  )
}
