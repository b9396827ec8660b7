/**
 * Rewriting `switch`: a chain of `if`s where no case falls through into the next, and otherwise an entry point, computed
 * first, from which on every case runs until a `break`.
 */
import type { SwitchStatement } from 'acorn'
import type { FunctionContext } from './context.ts'
import { canComplete, declareFlag, moveDeclarations } from './completion.ts'
import {
  array,
  arrow,
  block,
  declare,
  type Expression,
  identifier,
  literal,
  type Statement,
  statement,
} from './syntax.ts'

/** Cases that share their statements; null stands for `default`. */
interface Group {
  readonly tests: readonly (Expression | null)[]
  readonly body: readonly Statement[]
}

export function rewriteSwitch(context: FunctionContext, node: SwitchStatement): Statement[] {
  if (!context.plan.isConverted(node))
    return [
      {
        ...node,
        discriminant: context.expression(node.discriminant),
        cases: node.cases.map((entry) => ({
          ...entry,
          test: entry.test ? context.expression(entry.test) : null,
          consequent: context.list(entry.consequent),
        })),
      },
    ]
  return [block(context.inBlock([], () => rewritten(context, node)))]
}

function rewritten(context: FunctionContext, node: SwitchStatement): Statement[] {
  const groups = groupsOf(node)
  const subject = context.fresh('d')
  const output: Statement[] = [declare('const', subject, context.expression(node.discriminant))]
  if (context.plan.isCarried('break', node))
    output.push(declareFlag(context, { kind: 'break', target: node }))
  for (const group of groups) output.push(...moveDeclarations(context, group.body))
  const defaultAt = groups.findIndex(({ tests }) => tests.includes(null))
  const isChain =
    (defaultAt < 0 || defaultAt === groups.length - 1) &&
    groups.slice(0, -1).every(({ body }) => body.some((entry) => !canComplete(entry)))
  output.push(...(isChain ? chain(context, node, groups, subject) : sequence(context, node, groups, subject)))
  return output
}

function groupsOf(node: SwitchStatement): Group[] {
  const groups: Group[] = []
  let tests: (Expression | null)[] = []
  for (const entry of node.cases) {
    tests.push(entry.test ?? null)
    if (entry.consequent.length === 0) continue
    groups.push({ tests, body: entry.consequent })
    tests = []
  }
  // Cases at the end that do nothing still take their values away from a default before them.
  if (tests.length > 0) groups.push({ tests, body: [] })
  return groups
}

/** Whether the subject is one of these; the default takes what is left. */
function matches(context: FunctionContext, group: Group, subject: string, site: Expression): Expression {
  const [first, ...more] = group.tests.map((test) =>
    test === null
      ? literal(true)
      : context.runtime('op', literal('==='), identifier(subject), context.expression(test), site),
  )
  return more.reduce<Expression>(
    (seen, test) => context.runtime('or', seen, arrow(test), literal(null), site),
    first ?? literal(true),
  )
}

/** A group's statements; a `break` at their end goes without saying. */
function bodyOf(context: FunctionContext, node: SwitchStatement, { body }: Group): readonly Statement[] {
  const last = body.at(-1)
  const jump = last === undefined ? undefined : context.plan.jumpOf(last)
  return jump?.kind === 'break' && jump.target === node ? body.slice(0, -1) : body
}

function chain(
  context: FunctionContext,
  node: SwitchStatement,
  groups: readonly Group[],
  subject: string,
): Statement[] {
  const site = context.site(node)
  const build = (i: number): Statement[] => {
    const group = groups[i]
    if (group === undefined) return []
    const body = context.list(bodyOf(context, node, group))
    if (group.tests.includes(null)) return [block(body)]
    const rest = build(i + 1)
    return [
      statement(
        context.runtime(
          'if',
          matches(context, group, subject, site),
          arrow(block(body)),
          rest.length === 0 ? literal(null) : arrow(block(rest)),
          context.state({
            nodes: groups.slice(i).flatMap((entry) => entry.body),
            wanted: context.liveness.after(node),
          }),
          site,
        ),
      ),
    ]
  }
  return build(0)
}

function sequence(
  context: FunctionContext,
  node: SwitchStatement,
  groups: readonly Group[],
  subject: string,
): Statement[] {
  const site = context.site(node)
  const entry = context.fresh('p')
  const defaultAt = groups.findIndex(({ tests }) => tests.includes(null))
  let start: Expression = literal(defaultAt < 0 ? groups.length : defaultAt)
  for (const [i, group] of [...groups.entries()].toReversed()) {
    const tests = group.tests.filter((test) => test !== null)
    if (tests.length === 0) continue
    const isHere = matches(context, { ...group, tests }, subject, site)
    start = context.runtime('ifExp', isHere, arrow(literal(i)), arrow(start), literal(null), site)
  }
  const own = context.plan.isCarried('break', node) ? [context.flag({ kind: 'break', target: node })] : []
  const stop = [...own, ...context.flags(context.plan.escaping([node]))]
  return [
    declare('const', entry, start),
    ...groups.map((group, i) => {
      const state = context.state({ nodes: group.body, wanted: undefined })
      const reached = context.runtime('op', literal('<='), identifier(entry), literal(i), site)
      const run = statement(
        context.runtime('if', reached, arrow(block(context.list(group.body))), literal(null), state, site),
      )
      if (stop.length === 0 || i === 0) return run
      const flags = array(stop.map((flag) => identifier(flag)))
      return statement(context.runtime('unless', flags, arrow(block([run])), state, site))
    }),
  ]
}
