/**
 * `tf.debug`: looking inside a traced function.
 */
import { printKernel } from '../codegen/text/print.ts'
import { disassemble } from '../codegen/wasm/disassemble.ts'
import { TraceError, ValueError } from '../codegen/errors.ts'
import { printGraph } from '../tracer/ir/print.ts'
import { concreteOf } from './callable.ts'
import { machineryOf } from './function.ts'

/** The stages of a function on its way from callback to machine code. */
export type Stage = 'trace' | 'fused' | 'loops' | 'wasm'

/**
 * The text of a traced function at a stage: the graph as traced, the graph after all passes, the loops of its kernels,
 * or the WebAssembly text. Shows the trace used last; of what `f.concrete(…)` returned, that trace.
 *
 * @throws TraceError when the function has not been called yet, ValueError for another stage
 * @example
 * const f = tf.function((x: tf.Tensor) => x.mul(2).add(1))
 * f(tf.ones([4]))
 * tf.debug.show(f, 'loops').includes('add(mul(load4 a[0], splat4(2.0)), splat4(1.0))') // true
 */
export function show(f: object, stage: Stage): string {
  const callee = concreteOf(f)?.callee ?? machineryOf(f)?.current
  if (callee === undefined)
    throw new TraceError({
      op: 'debug.show',
      problem: 'the function has no trace',
      fix: 'call it first; tf.debug.show takes what tf.function returned.',
    })
  switch (stage) {
    case 'trace':
      return printGraph(callee.traced.graph)
    case 'fused':
      return printGraph(callee.fusedGraph())
    case 'loops':
      return callee.prepare().program.kernels.map(printKernel).join('\n')
    case 'wasm':
      return disassemble(callee.prepare().program.wasmBytes)
  }
  throw new ValueError({
    op: 'debug.show',
    problem: `"${String(stage)}" is not a stage`,
    fix: `use 'trace', 'fused', 'loops' or 'wasm'.`,
  })
}
