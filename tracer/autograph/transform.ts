/**
 * The rewriting of a function as a whole: its statements, and where it jumps out of closures the variables that carry
 * what it returns.
 */
import type { Program } from 'acorn'
import { hostReads } from './host-reads.ts'
import { InternalError } from '../../codegen/errors.ts'
import { Bindings } from './bindings.ts'
import { FunctionContext, Names, type TextContext } from './context.ts'
import { rewriteExpression, rewritePattern } from './expressions.ts'
import { Liveness } from './liveness.ts'
import { Plan } from './plan.ts'
import { positionsIn } from './lines.ts'
import { canComplete } from './completion.ts'
import { rewriteList, rewriteUnused } from './statements.ts'
import {
  type AnyFunction,
  type AnyNode,
  array,
  arrow,
  block,
  call,
  children,
  declare,
  type Expression,
  identifier,
  isFunction,
  isSuspending,
  literal,
  mapChildren,
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
  /** `$ag.watch(fn, …)` for a function that reads values from outside; the function itself when it reads none. */
  watched(fn: AnyFunction, rewritten: Expression): Expression
  /** Whether anything in the function, inner functions included, has to be rewritten. */
  needsRewriting(fn: AnyFunction): boolean
  /** Whether anything in the function outside of inner functions has to be rewritten. */
  isAffected(fn: AnyFunction): boolean
}

/**
 * Prepares the rewriting of functions in a parsed text.
 *
 * @param origin how many characters of `source` stand before what the user wrote, or what says where a position of
 * `source` is, as messages say it
 */
export function rewriting(
  program: Program,
  source: string,
  origin: number | ((position: number) => string) = 0,
): Rewriting {
  const bindings = new Bindings(program)
  const names = new Names(source)
  let plans: ReadonlyMap<AnyFunction, Plan> | undefined
  const planOf = (fn: AnyFunction): Plan => {
    plans ??= Plan.of(functionsIn(program), bindings)
    const plan = plans.get(fn)
    if (plan === undefined) throw new InternalError('a function was not planned')
    return plan
  }
  const text: TextContext = {
    bindings,
    names,
    site: typeof origin === 'number' ? sitesFrom(source, origin) : origin,
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
    watched(fn, rewritten) {
      const reads = hostReads(fn, bindings)
      if (reads.length === 0) return rewritten
      const roots = reads.map(({ root }) => identifier(root === 'this' ? 'undefined' : root))
      return call(member(identifier(names.of('ag')), 'watch'), [
        rewritten,
        literal(reads.map(({ path }) => path).join()),
        arrow(array(roots)),
        literal(reads.map(({ start }) => text.site(start)).join()),
      ])
    },
    needsRewriting,
    isAffected: (fn) => planOf(fn).needsRewriting,
  }
}

/** `line:column` in the text behind what it was wrapped in. */
function sitesFrom(source: string, offset: number): (position: number) => string {
  const positions = positionsIn(source.slice(offset))
  return (position) => positions(position - offset)
}

/** The functions of a text, inner ones too, those that are suspended excepted. */
function functionsIn(program: AnyNode): AnyFunction[] {
  const found: AnyFunction[] = []
  const visit = (node: AnyNode): void => {
    if (isFunction(node) && !isSuspending(node)) found.push(node)
    children(node).forEach(visit)
  }
  visit(program)
  return found
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
  // A body that is suspended cannot be taken apart into closures, but functions in it can.
  if (isSuspending(fn)) return { ...fn, body: withFunctionsRewritten(text, fn.body) }
  const liveness = new Liveness(fn, text.bindings)
  const context = new FunctionContext(text, plan, liveness, {
    list: rewriteList,
    expression: rewriteExpression,
    unused: rewriteUnused,
  })
  const params = fn.params.map((param) => rewritePattern(context, param))
  if (fn.body.type !== 'BlockStatement') return { ...fn, params, body: context.expression(fn.body) }
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
  return { ...fn, params, body: block(output) }
}

/** The same tree with the functions in it rewritten. */
function withFunctionsRewritten<N extends AnyNode>(text: TextContext, node: N): N {
  return mapChildren(node, (child) =>
    isFunction(child) ? text.rewriteFunction(child) : withFunctionsRewritten(text, child),
  )
}

function toVar(node: ReturnType<typeof declare>): Statement {
  return { ...node, kind: 'var' }
}
