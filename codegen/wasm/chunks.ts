/**
 * Outermost loops in pieces. The loop becomes a function with two more parameters, the first index and the limit of a
 * piece, and parameters for the locals it uses from outside; the kernel calls it until the loop is done. A piece is a
 * few thousand innermost iterations: long enough to hide the call, short enough that optimized code arrives soon.
 *
 * A loop that assigns locals the rest of the kernel knows (the accumulators of a reduction over everything) stays
 * whole, and so does one that is certainly short, or continues another.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import type { Expr, Local } from '../expr.ts'
import type { Kernel, Loop, Statement } from '../kernel.ts'
import { bodiesOf, iterationsOf } from '../schedule/contents.ts'
import { multiplySizes, type Size } from '../size.ts'
import { ExpressionEmitter } from './emit-expr.ts'
import { emitLoop, type LoopBounds, loopBounds, rootsOf } from './emit-statements.ts'
import { FunctionContext, wasmType } from './function-context.ts'
import { evaluatedOperands } from './scopes.ts'

/** Most parameters of a function: engines take a thousand. */
export const mostParameters = 900

/** Innermost iterations per piece. */
export const pieceIterations = 8192

export interface ChunkPlan {
  readonly loop: Loop
  /** Locals of the kernel that the loop reads. */
  readonly captured: readonly Local[]
  /** Innermost iterations per iteration of the loop. */
  readonly inner: Size
}

/** The locals that statements read and assign. */
export interface Uses {
  readonly read: Set<Local>
  readonly assigned: Set<Local>
}

/** The locals of the statements, but for those in `without`. */
export function usesOf(
  statements: readonly Statement[],
  without?: Statement,
  uses: Uses = { read: new Set(), assigned: new Set() },
): Uses {
  const visited = new Set<Expr>()
  const visit = (expr: Expr): void => {
    if (visited.has(expr)) return
    visited.add(expr)
    if (expr.kind === 'local') uses.read.add(expr.local)
    evaluatedOperands(expr).forEach(visit)
  }
  for (const statement of statements) {
    if (statement === without) continue
    rootsOf(statement).forEach(visit)
    if (statement.kind === 'let' || statement.kind === 'set') uses.assigned.add(statement.local)
    for (const body of bodiesOf(statement)) usesOf(body, without, uses)
  }
  return uses
}

/** How to run an outermost loop of the kernel in pieces, or undefined when it should stay whole. */
export function planChunks(kernel: Kernel, loop: Loop): ChunkPlan | undefined {
  // What does not start at 0 is the rest of a loop before it, and short.
  if (loop.from.kind !== 'const') return undefined
  const inner = iterationsOf(loop.body)
  const all = multiplySizes(loop.axis.extent, inner)
  if (typeof all === 'number' && all < 2 * pieceIterations) return undefined
  const own = usesOf(loop.body)
  const others = usesOf(kernel.body.filter((statement) => statement !== loop))
  for (const local of own.assigned) if (others.assigned.has(local) || others.read.has(local)) return undefined
  const captured = [...own.read].filter((local) => !own.assigned.has(local))
  if (kernel.buffers.length + kernel.sizes.length + captured.length + 2 > mostParameters) return undefined
  return captured.some((local) => local.mutable) ? undefined : { loop, captured, inner }
}

/** Adds the function for pieces as `name`; returns the calls, for the current block of the kernel's function. `part`: bounds to use. */
export function emitChunkedLoop(
  emitter: ExpressionEmitter,
  kernel: Kernel,
  plan: ChunkPlan,
  name: string,
  part?: LoopBounds,
): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  const { loop, captured } = plan
  definePiece(emitter, kernel, plan, name)

  const bounds = part ?? loopBounds(emitter, loop)
  const index = emitter.axisLocal(loop.axis)
  const piece = context.local(binaryen.i32)
  const end = context.local(binaryen.i32)
  const get = (local: number): ExpressionRef => module.local.get(local, binaryen.i32)
  // A multiple of the step, at least one step.
  const whole = (count: ExpressionRef): ExpressionRef =>
    i32.mul(i32.div_s(count, i32.const(loop.step)), i32.const(loop.step))
  const perPiece =
    typeof plan.inner === 'number'
      ? i32.const(Math.max(Math.floor(pieceIterations / plan.inner / loop.step), 1) * loop.step)
      : undefined
  const setup = [module.local.set(index, bounds.start), ...bounds.setup]
  if (perPiece !== undefined) setup.push(module.local.set(piece, perPiece))
  else {
    const inner = context.share(context.size(plan.inner), binaryen.i32)
    const count = i32.div_u(i32.const(pieceIterations), i32.add(inner.first, i32.eqz(inner.again())))
    setup.push(module.local.set(piece, whole(i32.add(count, i32.const(loop.step)))))
  }

  // The last piece ends at the limit; the index then becomes the first multiple of the step that reaches it.
  const left = (): ExpressionRef => i32.sub(bounds.limit(), get(index))
  const last = i32.add(get(index), whole(i32.add(left(), i32.const(loop.step - 1))))
  const next = module.select(i32.gt_s(left(), get(piece)), i32.add(get(index), get(piece)), last)
  const parameters = [...kernel.buffers, ...kernel.sizes].map((_, i) => get(i))
  const locals = captured.map((local) =>
    module.local.get(emitter.localOf(local), wasmType(local.dtype, local.lanes)),
  )
  const label = context.label()
  const iteration = [
    module.local.set(end, next),
    module.call(name, [...parameters, ...locals, get(index), get(end)], binaryen.none),
    module.local.set(index, get(end)),
    module.br_if(label, i32.lt_s(get(index), bounds.limit())),
  ]
  const calls = module.loop(label, module.block(null, iteration, binaryen.none))
  return [...setup, module.if(i32.lt_s(get(index), bounds.limit()), calls)]
}

function definePiece(outer: ExpressionEmitter, kernel: Kernel, plan: ChunkPlan, name: string): void {
  const { module, relaxed } = outer.context
  const first = kernel.buffers.length + kernel.sizes.length
  const types = plan.captured.map((local) => wasmType(local.dtype, local.lanes))
  const bound = first + types.length
  const parameters = [...types, binaryen.i32, binaryen.i32]
  const context = new FunctionContext(module, relaxed, kernel.buffers.length, kernel.sizes, parameters)
  const emitter = new ExpressionEmitter(context, kernel.buffers)
  plan.captured.forEach((local, i) => emitter.bindLocal(local, first + i))
  emitter.ranges.adopt(outer.ranges)
  emitter.whileLoop = outer.whileLoop
  const body = emitLoop(emitter, plan.loop, {
    start: module.local.get(bound, binaryen.i32),
    limit: () => module.local.get(bound + 1, binaryen.i32),
    setup: [],
    certain: false,
  })
  context.define(name, body)
}
