/**
 * A kernel as one wasm function: its parameters are the addresses of the buffers, then the sizes, all i32.
 *
 * Engines do not replace the code of a function while it runs. A long outermost loop therefore stands in a function
 * of its own, called for a piece of the loop at a time (chunks.ts, and emit-while.ts for loops whose length nobody
 * knows): optimized code takes over with the next piece.
 */
import type { WasmModule } from './binaryen.ts'
import type { Kernel } from '../kernel.ts'
import { emitChunkedLoop, planChunks } from './chunks.ts'
import { ExpressionEmitter } from './emit-expr.ts'
import { emitStatement, prepareBlock } from './emit-statements.ts'
import { emitWhile } from './emit-while.ts'
import { FunctionContext } from './function-context.ts'

/** What the code is generated for. */
export interface EmitOptions {
  /** Use relaxed SIMD for `madd`; the engine must have it (see `features.relaxedSimd`). */
  readonly relaxed: boolean
}

/**
 * Adds the kernel to the module as the function `name`, with helper functions named after it. The module must import
 * its memory, and the host math the kernel calls (`importHostMath`).
 */
export function emitKernel(module: WasmModule, name: string, kernel: Kernel, options: EmitOptions): void {
  const context = new FunctionContext(module, options.relaxed, kernel.buffers.length, kernel.sizes)
  const emitter = new ExpressionEmitter(context, kernel.buffers)
  let pieces = 0
  const nextName = (): string => `${name}p${pieces++}`
  emitter.whileLoop = (inside, statement) => emitWhile(inside, { kernel, nextName, nesting: 0 }, statement)
  prepareBlock(emitter, kernel.body)
  const body = kernel.body.flatMap((statement) => {
    const plan = statement.kind === 'loop' ? planChunks(kernel, statement) : undefined
    if (plan === undefined) return emitStatement(emitter, statement)
    return emitChunkedLoop(emitter, kernel, plan, nextName())
  })
  context.define(name, body)
}
