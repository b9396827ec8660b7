/**
 * A kernel as one wasm function: its parameters are the addresses of the buffers, then the sizes, all i32. Engines take
 * functions of a thousand parameters; a kernel with more than that is given the frame table, and reads them from it.
 *
 * Engines do not replace the code of a function while it runs. A long outermost loop therefore stands in a function
 * of its own, called for a piece of the loop at a time (chunks.ts, and emit-while.ts for loops whose length nobody
 * knows): optimized code takes over with the next piece.
 */
import { binaryen, type ExpressionRef, type WasmModule } from './binaryen.ts'
import { InternalError } from '../errors.ts'
import type { Kernel, Loop } from '../kernel.ts'
import { emitChunkedLoop, mostParameters, planChunks } from './chunks.ts'
import { ExpressionEmitter } from './emit-expr.ts'
import { emitLoop, emitStatement, type LoopBounds, loopBounds, prepareBlock } from './emit-statements.ts'
import { emitWhile } from './emit-while.ts'
import { FunctionContext } from './function-context.ts'
import { emitRange } from './parts.ts'
import { makeBlock } from './scopes.ts'

/** What the code is generated for. */
export interface EmitOptions {
  /** Use relaxed SIMD for `madd`; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
  /** Where the frame table has the parameters of the kernel; needed for those that are given the table. */
  readonly fields?: readonly (number | undefined)[]
  /**
   * The kernel takes two more parameters, a part and a number of parts, and runs only the part's share of its outermost
   * loops (see threads/split-kernel.ts).
   */
  readonly split?: boolean
}

/** True for a kernel whose only parameter is the address of the frame table. */
export function readsFrame({ buffers, sizes }: Kernel): boolean {
  return buffers.length + sizes.length > mostParameters
}

/**
 * Adds the kernel to the module as the function `name`, with helper functions named after it. The module must import
 * its memory, and the host math the kernel calls (`importHostMath`).
 */
export function emitKernel(module: WasmModule, name: string, kernel: Kernel, options: EmitOptions): void {
  const isWide = readsFrame(kernel)
  const split = options.split === true
  const { i32 } = binaryen
  const context = isWide
    ? FunctionContext.ofFrame(module, options.relaxed, kernel.buffers.length, kernel.sizes)
    : new FunctionContext(
        module,
        options.relaxed,
        kernel.buffers.length,
        kernel.sizes,
        split ? [i32, i32] : [],
      )
  const emitter = new ExpressionEmitter(context, kernel.buffers)
  let pieces = 0
  const nextName = (): string => `${name}p${pieces++}`
  emitter.whileLoop = (inside, statement) => emitWhile(inside, { kernel, nextName, nesting: 0 }, statement)
  prepareBlock(emitter, kernel.body)
  const body = kernel.body.flatMap((statement) => {
    // What runs in pieces hands all parameters on.
    if (statement.kind === 'loop' && split) return emitPart(emitter, kernel, statement, nextName)
    const plan = statement.kind === 'loop' && !isWide ? planChunks(kernel, statement) : undefined
    if (plan === undefined) return emitStatement(emitter, statement)
    return emitChunkedLoop(emitter, kernel, plan, nextName())
  })
  if (isWide) context.beginWith(readParameters(module, name, options.fields ?? []))
  context.define(name, body)
}

/** A loop's share of the part that the last two parameters say; the rest of a loop belongs to the last part. */
function emitPart(
  emitter: ExpressionEmitter,
  kernel: Kernel,
  loop: Loop,
  nextName: () => string,
): ExpressionRef[] {
  const { context } = emitter
  const { module } = context
  const part = kernel.buffers.length + kernel.sizes.length
  const get = (local: number): ExpressionRef => module.local.get(local, binaryen.i32)
  const isLast = (): ExpressionRef =>
    module.i32.eq(module.i32.add(get(part), module.i32.const(1)), get(part + 1))
  if (loop.from.kind !== 'const') {
    const outer = emitter.block
    emitter.block = makeBlock(outer.scope, outer)
    const body = emitLoop(emitter, loop, loopBounds(emitter, loop))
    emitter.block = outer
    return [module.if(isLast(), module.block(null, body, binaryen.none))]
  }
  const bounds = loopBounds(emitter, loop)
  const limit = context.local(binaryen.i32)
  const { i32 } = module
  // A loop runs while its index is below the limit, so it has this many iterations.
  const above = module.select(i32.gt_s(get(limit), i32.const(0)), get(limit), i32.const(0))
  const iterations = i32.div_u(i32.add(above, i32.const(loop.step - 1)), i32.const(loop.step))
  const local = (): number => context.local(binaryen.i32)
  const range = emitRange(module, iterations, 1, { part, parts: part + 1 }, local)
  const end = i32.mul(i32.add(get(range.first), get(range.count)), i32.const(loop.step))
  const share: LoopBounds = {
    start: i32.mul(get(range.first), i32.const(loop.step)),
    limit: () => get(limit),
    setup: [],
    certain: false,
  }
  const setup = [
    ...bounds.setup,
    module.local.set(limit, bounds.limit()),
    ...range.setup,
    module.if(i32.eqz(isLast()), module.local.set(limit, end)),
  ]
  const plan = planChunks(kernel, loop)
  if (plan === undefined) return [...setup, ...emitLoop(emitter, loop, share)]
  return [...setup, ...emitChunkedLoop(emitter, kernel, plan, nextName(), share)]
}

/** Puts what the frame table has into the locals where parameters would be; the first of them is its address till then. */
function readParameters(
  module: WasmModule,
  name: string,
  fields: readonly (number | undefined)[],
): ExpressionRef[] {
  return fields
    .map((offset, i) => {
      if (offset === undefined)
        throw new InternalError(`the frame has no field for parameter ${i} of ${name}`)
      return module.local.set(i, module.i32.load(offset, 4, module.local.get(0, binaryen.i32)))
    })
    .reverse()
}
