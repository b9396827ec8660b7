/**
 * `while` loops. State is in wasm locals, and a loop runs in pieces, because engines do not replace the code of a
 * function while it runs: a function is given the loop's locals, runs some thousand iterations, and returns the locals
 * together with whether the loop is to go on; the code around it calls it until it is not.
 *
 * A `while` inside another runs where it stands for as many iterations, so that short ones cost no call, and goes on in
 * pieces if that was not enough. Its iterations count as iterations of the loop around it. Deeper ones just run.
 */
import { binaryen, type ExpressionRef, type WasmType } from './binaryen.ts'
import type { Local } from '../expr.ts'
import type { Kernel, While } from '../kernel.ts'
import { iterationsOf } from '../schedule/contents.ts'
import { mostParameters, pieceIterations, usesOf } from './chunks.ts'
import { ExpressionEmitter } from './emit-expr.ts'
import { emitBody } from './emit-statements.ts'
import { FunctionContext, wasmType } from './function-context.ts'
import { makeBlock, type Scope } from './scopes.ts'

/** Where a `while` stands. */
export interface WhileSurroundings {
  readonly kernel: Kernel
  /** A name for the function of a piece. */
  readonly nextName: () => string
  /** How many loops of this kind are around it, in this function or those that call it. */
  readonly nesting: number
  /** The local that counts down the iterations left to the piece around it. */
  readonly left?: number
}

/** Loops nested deeper than this are not taken to pieces: each level makes a second copy of the code inside. */
const mostNesting = 2

/** Emits a `while` at the current point. */
export function emitWhile(
  emitter: ExpressionEmitter,
  around: WhileSurroundings,
  loop: While,
): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  // An index of a loop around it is no local that could be handed over.
  const isWhole = around.nesting > mostNesting || emitter.scopes.some(({ axis }) => axis !== undefined)
  if (isWhole) return emitRepeat(emitter, { ...around, nesting: around.nesting + 1 }, loop, undefined)
  if (around.nesting === 0) return emitPieces(emitter, around, loop)

  const [left, more] = [context.local(binaryen.i32), context.local(binaryen.i32)]
  const get = (local: number): ExpressionRef => module.local.get(local, binaryen.i32)
  const most = iterationsPerPiece(loop)
  const inside = { ...around, nesting: around.nesting + 1, left }
  const code = [
    module.local.set(left, i32.const(most)),
    module.local.set(more, i32.const(0)),
    ...emitRepeat(emitter, inside, loop, { left, more }),
    module.if(get(more), module.block(null, emitPieces(emitter, around, loop), binaryen.none)),
  ]
  if (around.left !== undefined) {
    const used = i32.sub(i32.const(most), get(left))
    code.push(module.local.set(around.left, i32.sub(get(around.left), used)))
  }
  return code
}

function iterationsPerPiece(loop: While): number {
  const inner = iterationsOf([...loop.test, ...loop.body])
  return typeof inner === 'number' ? Math.max(1, Math.floor(pieceIterations / Math.max(1, inner))) : 1
}

/** The loop itself. With a budget it ends when `left` has come down to 0, and then sets `more`. */
function emitRepeat(
  emitter: ExpressionEmitter,
  around: WhileSurroundings,
  loop: While,
  budget: { readonly left: number; readonly more: number } | undefined,
): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  const { test, condition, body } = loop
  const outer = emitter.block
  const outerLoop = emitter.whileLoop
  const outside = makeBlock(outer.scope, outer)
  const depth = outer.scope.depth + 1
  const scope: Scope = {
    depth,
    axis: undefined,
    step: 1,
    before: [],
    after: [],
    pointers: new Map(),
    outside,
  }
  emitter.scopes[depth] = scope
  emitter.whileLoop = (inside, inner) => emitWhile(inside, around, inner)
  emitter.block = makeBlock(scope, outside)
  const tested = emitBody(emitter, test)
  const holds = emitter.statement([condition], () => emitter.value(condition))
  emitter.block = makeBlock(scope, emitter.block)
  const run = emitBody(emitter, body)
  emitter.block = outer
  emitter.whileLoop = outerLoop
  emitter.scopes.length = depth

  const [end, again] = [context.label(), context.label()]
  const iteration = [...tested, module.br_if(end, i32.eqz(holds)), ...run, ...scope.after]
  if (budget === undefined) iteration.push(module.br(again))
  else {
    const counted = i32.sub(module.local.get(budget.left, binaryen.i32), i32.const(1))
    iteration.push(
      module.local.set(budget.left, counted),
      module.br_if(again, i32.gt_s(module.local.get(budget.left, binaryen.i32), i32.const(0))),
      module.local.set(budget.more, i32.const(1)),
    )
  }
  const repeat = module.loop(again, module.block(null, iteration, binaryen.none))
  return [module.block(end, [...scope.before, repeat], binaryen.none)]
}

/** What the function of a piece takes and gives back. */
interface Piece {
  readonly name: string
  /** Locals that the loop only reads. */
  readonly captured: readonly Local[]
  /** Locals that it changes. */
  readonly state: readonly Local[]
  /** The types of the state, then of whether to go on. */
  readonly results: readonly WasmType[]
}

function typeOf(local: Local): WasmType {
  return wasmType(local.dtype, local.lanes)
}

/** Calls of a function for pieces of the loop, until it has ended. */
function emitPieces(emitter: ExpressionEmitter, around: WhileSurroundings, loop: While): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { kernel } = around
  const own = usesOf([loop])
  const others = usesOf(kernel.body, loop)
  const captured = [...own.read].filter((local) => !own.assigned.has(local))
  // What nothing else knows is assigned anew in each iteration.
  const state = [...own.assigned].filter(
    (local) => local.mutable && (others.assigned.has(local) || others.read.has(local)),
  )
  if (kernel.buffers.length + kernel.sizes.length + captured.length + state.length > mostParameters)
    return emitRepeat(emitter, { ...around, nesting: around.nesting + 1 }, loop, undefined)
  const results = [...state.map(typeOf), binaryen.i32]
  const piece: Piece = { name: around.nextName(), captured, state, results }
  definePiece(emitter, around, loop, piece)

  const parameters = [...kernel.buffers, ...kernel.sizes].map((_, i) => module.local.get(i, binaryen.i32))
  const locals = [...captured, ...state].map((local) =>
    module.local.get(emitter.localOf(local), typeOf(local)),
  )
  const again = context.label()
  const type = binaryen.createType([...results])
  const call = module.call(piece.name, [...parameters, ...locals], type)
  if (state.length === 0) return [module.loop(again, module.br_if(again, call))]
  const returned = context.local(type)
  const result = (i: number): ExpressionRef => module.tuple.extract(module.local.get(returned, type), i)
  const iteration = [
    module.local.set(returned, call),
    ...state.map((local, i) => module.local.set(emitter.localOf(local), result(i))),
    module.br_if(again, result(state.length)),
  ]
  return [module.loop(again, module.block(null, iteration, binaryen.none))]
}

function definePiece(
  outer: ExpressionEmitter,
  around: WhileSurroundings,
  loop: While,
  { name, captured, state, results }: Piece,
): void {
  const { module, relaxed } = outer.context
  const { kernel, nesting } = around
  const first = kernel.buffers.length + kernel.sizes.length
  const locals = [...captured, ...state]
  const context = new FunctionContext(
    module,
    relaxed,
    kernel.buffers.length,
    kernel.sizes,
    locals.map(typeOf),
  )
  const emitter = new ExpressionEmitter(context, kernel.buffers)
  locals.forEach((local, i) => emitter.bindLocal(local, first + i))
  emitter.ranges.adopt(outer.ranges)
  const [left, more] = [context.local(binaryen.i32), context.local(binaryen.i32)]
  const inside = { kernel, nextName: around.nextName, nesting: nesting + 1, left }
  const going = module.local.get(more, binaryen.i32)
  const values = state.map((local, i) => module.local.get(first + captured.length + i, typeOf(local)))
  const body = [
    module.local.set(left, module.i32.const(iterationsPerPiece(loop))),
    ...emitRepeat(emitter, inside, loop, { left, more }),
    values.length === 0 ? going : module.tuple.make([...values, going]),
  ]
  context.define(name, body, binaryen.createType([...results]))
}
