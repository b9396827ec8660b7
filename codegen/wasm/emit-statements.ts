/**
 * Statements as wasm code. Loops are tested at the bottom, behind one test for not running at all; everything a loop
 * hoists stands between that test and the loop, so that code of an empty loop never runs. The local of an axis keeps
 * its value after the loop.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import type { Expr } from '../expr.ts'
import type { Loop, Statement } from '../kernel.ts'
import { emitAddress } from './emit-address.ts'
import type { ExpressionEmitter } from './emit-expr.ts'
import { emitStore } from './emit-memory.ts'
import { countUses, makeBlock, type Scope } from './scopes.ts'

/** The expressions a statement evaluates itself, as opposed to in its body. */
export function rootsOf(statement: Statement): readonly Expr[] {
  switch (statement.kind) {
    case 'loop':
      return [statement.from, statement.to]
    case 'let':
    case 'set':
      return [statement.value]
    case 'store':
      return statement.index.kind === 'linear'
        ? [...statement.index.terms.map((term) => term.atom), statement.value]
        : [statement.index, statement.value]
    case 'if':
    case 'while':
      return [statement.condition]
    case 'fail':
      return [statement.value]
  }
}

/** Emits statements in the emitter's current block, which has just been made for them. */
export function emitBody(emitter: ExpressionEmitter, statements: readonly Statement[]): ExpressionRef[] {
  prepareBlock(emitter, statements)
  return statements.flatMap((statement) => emitStatement(emitter, statement))
}

/** Counts what the statements of the current block share. */
export function prepareBlock(emitter: ExpressionEmitter, statements: readonly Statement[]): void {
  const { depth } = emitter.block.scope
  // The block's own values count from the start: what is shared between their definitions and later uses is shared here.
  for (const statement of statements)
    if (statement.kind === 'let' && !statement.local.mutable) emitter.depths.define(statement.local, depth)
  const counts = new Map<Expr, number>()
  // What a `while` evaluates, it evaluates in a scope of its own.
  const roots = statements.flatMap((statement) => (statement.kind === 'while' ? [] : rootsOf(statement)))
  countUses(roots, (expr) => emitter.depths.of(expr) === depth, counts)
  emitter.block.counts = counts
}

export function emitStatement(emitter: ExpressionEmitter, statement: Statement): ExpressionRef[] {
  const { module } = emitter.context
  const roots = rootsOf(statement)
  switch (statement.kind) {
    case 'let':
    case 'set': {
      const { local, value } = statement
      const assignment = emitter.statement(roots, () =>
        module.local.set(emitter.localOf(local), emitter.value(value)),
      )
      if (!local.mutable) {
        emitter.depths.define(local, emitter.block.scope.depth)
        emitter.ranges.define(local, value)
      }
      return [assignment]
    }
    case 'store': {
      const { buffer, index, value } = statement
      return [
        emitter.statement(roots, () => {
          const address = emitAddress(emitter, buffer, index)
          return emitStore(emitter.context, buffer.dtype, value.lanes, address, emitter.value(value))
        }),
      ]
    }
    case 'if': {
      const condition = emitter.statement(roots, () => emitter.value(statement.condition))
      const { otherwise } = statement
      const then = module.block(null, emitBranch(emitter, statement.body), binaryen.none)
      if (otherwise === undefined) return [module.if(condition, then)]
      return [module.if(condition, then, module.block(null, emitBranch(emitter, otherwise), binaryen.none))]
    }
    case 'while':
      return emitter.whileLoop(emitter, statement)
    case 'fail': {
      const value = emitter.statement(roots, () => emitter.value(statement.value))
      return [module.call('fail', [module.i32.const(statement.id), value], binaryen.none)]
    }
    case 'loop':
      return emitLoop(emitter, statement, loopBounds(emitter, statement))
  }
}

/** Statements that run under a condition: what they keep in locals is not known outside. */
function emitBranch(emitter: ExpressionEmitter, statements: readonly Statement[]): ExpressionRef[] {
  const outer = emitter.block
  emitter.block = makeBlock(outer.scope, outer)
  const body = emitBody(emitter, statements)
  emitter.block = outer
  return body
}

/** Where a loop starts, and the first index it does not reach: it runs while index < limit. */
export interface LoopBounds {
  readonly start: ExpressionRef
  readonly limit: () => ExpressionRef
  /** Statements that have to come before the limit is read. */
  readonly setup: readonly ExpressionRef[]
  /** True when the loop certainly runs. */
  readonly certain: boolean
}

/** The bounds of a loop: the limit is the first index that leaves fewer than `step`. */
export function loopBounds(emitter: ExpressionEmitter, loop: Loop): LoopBounds {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  const { from, to, step } = loop
  const [start, end] = emitter.statement(
    rootsOf(loop),
    () => [emitter.value(from), emitter.value(to)] as const,
  )
  if (to.kind === 'const') {
    const last = to.value - (step - 1)
    return {
      start,
      limit: () => i32.const(last),
      setup: [],
      certain: from.kind === 'const' && from.value < last,
    }
  }
  const local = context.local(binaryen.i32)
  const setup = [module.local.set(local, step === 1 ? end : i32.sub(end, i32.const(step - 1)))]
  return { start, limit: () => module.local.get(local, binaryen.i32), setup, certain: false }
}

/** A loop from bounds computed in the current block. */
export function emitLoop(emitter: ExpressionEmitter, loop: Loop, bounds: LoopBounds): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  const { axis, step } = loop
  const { limit } = bounds
  const index = emitter.axisLocal(axis)
  const get = (): ExpressionRef => module.local.get(index, binaryen.i32)
  const setup = [module.local.set(index, bounds.start), ...bounds.setup]

  const outer = emitter.block
  const outside = makeBlock(outer.scope, outer)
  const depth = outer.scope.depth + 1
  const scope: Scope = { depth, axis, step, before: [], after: [], pointers: new Map(), outside }
  emitter.scopes[depth] = scope
  emitter.depths.open(axis, depth)
  emitter.ranges.open(axis, step)
  emitter.block = makeBlock(scope, outside)
  const body = emitBody(emitter, loop.body)
  emitter.block = outer
  emitter.scopes.length = depth
  emitter.depths.close(axis)
  emitter.ranges.close(axis)

  const label = context.label()
  const again = module.br_if(label, i32.lt_s(get(), limit()))
  const advance = module.local.set(index, i32.add(get(), i32.const(step)))
  const iteration = module.block(null, [...body, ...scope.after, advance, again], binaryen.none)
  const whole = [...scope.before, module.loop(label, iteration)]
  if (bounds.certain) return [...setup, ...whole]
  return [...setup, module.if(i32.lt_s(get(), limit()), module.block(null, whole, binaryen.none))]
}
