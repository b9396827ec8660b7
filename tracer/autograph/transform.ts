/**
 * The rewriting of a function as a whole: its statements, and where it jumps out of closures the variables that carry
 * what it returns.
 */
import type { Program } from 'acorn'
import { Bindings } from './bindings.ts'
import { FunctionContext, Names, type TextContext } from './context.ts'
import { rewriteExpression } from './expressions.ts'
import { Liveness } from './liveness.ts'
import { Plan } from './plan.ts'
import { positionsIn } from './source.ts'
import { canComplete } from './completion.ts'
import { rewriteList } from './statements.ts'
import {
  type AnyFunction,
  type AnyNode,
  block,
  children,
  declare,
  identifier,
  isFunction,
  isSuspending,
  literal,
  member,
  nowhere,
  type Statement,
} from './syntax.ts'

export interface Rewriting {
  readonly bindings: Bindings
  /** The name of the runtime in the new text. */
  readonly runtimeName: string
  /** Rewrites one function of the text, inner ones too. */
  rewrite<F extends AnyFunction>(fn: F): F
  /** Whether anything in the function, inner functions included, has to be rewritten. */
  needsRewriting(fn: AnyFunction): boolean
}

/**
 * Prepares the rewriting of functions in a parsed text.
 *
 * @param offset characters of `source` that stand before what the user wrote
 */
export function rewriting(program: Program, source: string, offset = 0): Rewriting {
  const bindings = new Bindings(program)
  const names = new Names(source)
  const positions = positionsIn(source.slice(offset))
  const plans = new Map<AnyFunction, Plan>()
  const planOf = (fn: AnyFunction): Plan => {
    let plan = plans.get(fn)
    if (plan === undefined) plans.set(fn, (plan = new Plan(fn, bindings)))
    return plan
  }
  const text: TextContext = {
    bindings,
    names,
    site: (position) => positions(position - offset),
    rewriteFunction: (fn) => rewriteFunction(text, planOf(fn), fn),
  }
  const needsRewriting = (fn: AnyFunction): boolean => {
    if (isSuspending(fn)) return false
    return planOf(fn).needsRewriting || innerFunctions(fn).some(needsRewriting)
  }
  return {
    bindings,
    runtimeName: names.of('ag'),
    rewrite: (fn) => rewriteFunction(text, planOf(fn), fn),
    needsRewriting,
  }
}

/** The functions directly inside a function. */
function innerFunctions(fn: AnyFunction): AnyFunction[] {
  const found: AnyFunction[] = []
  const visit = (node: AnyNode): void => {
    if (isFunction(node)) found.push(node)
    else children(node).forEach(visit)
  }
  visit(fn.body)
  return found
}

function rewriteFunction<F extends AnyFunction>(text: TextContext, plan: Plan, fn: F): F {
  // A body that is suspended cannot be taken apart into closures.
  if (isSuspending(fn)) return fn
  const liveness = new Liveness(fn, text.bindings)
  const context = new FunctionContext(text, plan, liveness, {
    list: rewriteList,
    expression: rewriteExpression,
  })
  if (fn.body.type !== 'BlockStatement') return { ...fn, body: context.expression(fn.body) }
  const { body } = fn.body
  const directives = body.filter((node) => 'directive' in node && node.directive !== undefined)
  const statements = context.list(body.slice(directives.length))
  const output: Statement[] = [...directives]
  for (const name of context.vars)
    if (!fn.params.some((param) => param.type === 'Identifier' && param.name === name))
      output.push(toVar(declare('let', name)))
  if (plan.isCarried('return', fn)) {
    const [r, v] = [context.name('r'), context.name('v')]
    output.push(declare('let', r, literal(false)))
    output.push(declare('let', v, member(identifier(text.names.of('ag')), 'unset')))
    output.push(...statements)
    const isComplete = !canComplete(fn.body)
    output.push({
      ...nowhere,
      type: 'ReturnStatement',
      argument: context.runtime('done', identifier(r), identifier(v), literal(isComplete), context.site(fn)),
    })
  } else output.push(...statements)
  return { ...fn, body: block(output) }
}

function toVar(node: ReturnType<typeof declare>): Statement {
  return { ...node, kind: 'var' }
}
