/**
 * A kernel as one wasm function: its parameters are the addresses of the buffers, then the sizes, all i32.
 *
 * Loops are tested at the bottom, behind one test for not running at all; everything a loop hoists stands between
 * that test and the loop, so that code of an empty loop never runs. The local of an axis keeps its value after the
 * loop, which is where a remainder loop starts.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import type { Expr } from '../expr.ts'
import type { Kernel, Loop, Statement } from '../kernel.ts'
import { emitAddress } from './emit-address.ts'
import { ExpressionEmitter } from './emit-expr.ts'
import { emitStore } from './emit-memory.ts'
import { FunctionContext } from './function-context.ts'
import { countUses, makeBlock, type Scope } from './scopes.ts'

/** What the code is generated for. */
export interface EmitOptions {
  /** Use relaxed SIMD for `madd`; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
}

/**
 * Adds the kernel to the module as the function `name`. The module must import its memory, and the host math that
 * `hostFunctionsOf` lists.
 */
export function emitKernel(module: WasmModule, name: string, kernel: Kernel, options: EmitOptions): void {
  const context = new FunctionContext(module, options.relaxed, kernel.buffers.length, kernel.sizes)
  const emitter = new ExpressionEmitter(context, kernel.buffers)
  context.define(name, emitBody(emitter, kernel.body))
}

/** The expressions a statement evaluates itself, as opposed to in its body. */
function rootsOf(statement: Statement): readonly Expr[] {
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
      return [statement.condition]
  }
}

/** Emits statements in the emitter's current block, which has just been made for them. */
function emitBody(emitter: ExpressionEmitter, statements: readonly Statement[]): ExpressionRef[] {
  const { depth } = emitter.block.scope
  const counts = new Map<Expr, number>()
  countUses(statements.flatMap(rootsOf), (expr) => emitter.depths.of(expr) === depth, counts)
  emitter.block.counts = counts
  return statements.flatMap((statement) => emitStatement(emitter, statement))
}

function emitStatement(emitter: ExpressionEmitter, statement: Statement): ExpressionRef[] {
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
      const outer = emitter.block
      emitter.block = makeBlock(outer.scope, outer)
      const body = emitBody(emitter, statement.body)
      emitter.block = outer
      return [module.if(condition, module.block(null, body, binaryen.none))]
    }
    case 'loop':
      return emitLoop(emitter, statement)
  }
}

function emitLoop(emitter: ExpressionEmitter, loop: Loop): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const { i32 } = module
  const { axis, step } = loop
  const index = emitter.axisLocal(axis)
  const get = (): ExpressionRef => module.local.get(index, binaryen.i32)
  const setup: ExpressionRef[] = []

  // The loop runs while index < limit, limit being the first index that leaves fewer than `step`.
  const [start, end] = emitter.statement(
    rootsOf(loop),
    () => [emitter.value(loop.from), emitter.value(loop.to)] as const,
  )
  setup.push(module.local.set(index, start))
  let limit: () => ExpressionRef
  if (loop.to.kind === 'const') {
    const last = loop.to.value - (step - 1)
    limit = () => i32.const(last)
  } else {
    const local = context.local(binaryen.i32)
    setup.push(module.local.set(local, step === 1 ? end : i32.sub(end, i32.const(step - 1))))
    limit = () => module.local.get(local, binaryen.i32)
  }

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
  const certain =
    loop.from.kind === 'const' && loop.to.kind === 'const' && loop.from.value + step <= loop.to.value
  if (certain) return [...setup, ...whole]
  return [...setup, module.if(i32.lt_s(get(), limit()), module.block(null, whole, binaryen.none))]
}
