/**
 * `tf.debug`: looking inside a traced function, at its stages and at the memory a call of it takes.
 */
import { printKernel } from '../codegen/text/print.ts'
import { disassemble } from '../codegen/wasm/disassemble.ts'
import { TraceError, ValueError } from '../codegen/errors.ts'
import { printGraph } from '../tracer/ir/print.ts'
import type { GraphFunction } from '../tracer/trace/graph-function.ts'
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
  const callee = calleeOf('debug.show', f)
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

/** The memory one call of a traced function takes, in bytes. */
export interface MemoryUse {
  /** Arguments, temporaries and results, sharing one block of memory. */
  readonly arena: number
  /** The most of these that are alive at one step: no arrangement in the arena takes less. */
  readonly lowerBound: number
  /** What they would take if no two shared memory. */
  readonly unshared: number
  /** The Variables the function reads or assigns. */
  readonly variables: number
  readonly constants: number
  /** All of it: arena, Variables and constants. */
  readonly peak: number
  /** The Variables whose new content is computed in place. */
  readonly inPlace: readonly string[]
  /** The values in the arena, from the largest to the smallest. */
  readonly values: readonly MemoryValue[]
}

/** A value in the arena. */
export interface MemoryValue {
  readonly name: string
  /** Dtype and number of elements: `float32 784*n0`. */
  readonly type: string
  readonly bytes: number
  /** Where it lies, in bytes from the start of the arena. */
  readonly offset: number
  /** First and last step at which the memory is in use. */
  readonly live: readonly [first: number, last: number]
}

/**
 * What a call of a traced function needs of memory: for the trace used last and the sizes of its latest call, or of what
 * `f.concrete(…)` returned.
 *
 * @param sizes values for the sizes that a trace leaves open, by name (`{ n0: 128 }`)
 * @throws TraceError when the function has not been called yet, ValueError for a size that is missing or no such size
 * @example
 * const f = tf.function((x: tf.Tensor) => tf.softmax(x))
 * f(tf.ones([64, 10]))
 * const { lowerBound, arena } = tf.debug.memory(f)
 * lowerBound >= 5120 && arena <= 1.3 * lowerBound // true
 */
export function memory(f: object, sizes?: Readonly<Record<string, number>>): MemoryUse {
  const { program } = calleeOf('debug.memory', f).prepare()
  const names = program.spec.sizes
  const report = program.report(sizes === undefined ? latestSizes(program, names) : sizesGiven(names, sizes))
  const { arenaBytes, variableBytes, constantBytes } = report
  const values = report.buffers.flatMap(({ name, elements, bytes, offset, live }) =>
    offset === undefined || live === undefined ? [] : [{ name, type: elements, bytes, offset, live }],
  )
  return {
    arena: arenaBytes,
    lowerBound: report.liveLowerBound,
    unshared: report.unsharedBytes,
    variables: variableBytes,
    constants: constantBytes,
    peak: arenaBytes + variableBytes + constantBytes,
    inPlace: report.inPlaceCommits,
    values: values.sort((x, y) => y.bytes - x.bytes || x.offset - y.offset),
  }
}

function latestSizes(
  program: { readonly latestSizes: readonly number[] | undefined },
  names: readonly string[],
): readonly number[] {
  const { latestSizes: latest } = program
  if (latest !== undefined || names.length === 0) return latest ?? []
  throw new TraceError({
    op: 'debug.memory',
    problem: `the trace leaves ${names.join(', ')} open and has not been called`,
    fix: `call it first, or give the sizes: tf.debug.memory(f, { ${names.map((name) => `${name}: 1`).join(', ')} }).`,
  })
}

function sizesGiven(names: readonly string[], sizes: Readonly<Record<string, number>>): readonly number[] {
  const odd = Object.keys(sizes).find((name) => !names.includes(name))
  const bad = odd ?? names.find((name) => !Number.isInteger(sizes[name] ?? -1) || (sizes[name] ?? -1) < 0)
  if (bad !== undefined)
    throw new ValueError({
      op: 'debug.memory',
      problem:
        odd === undefined
          ? `the size ${bad} is ${sizes[bad] ?? 'missing'}, not a number of elements`
          : `the trace has no open size ${bad}`,
      fix: names.length === 0 ? 'leave the sizes out: all are known.' : `give ${names.join(', ')}.`,
    })
  return names.map((name) => sizes[name] ?? 0)
}

function calleeOf(op: string, f: object): GraphFunction {
  const callee = concreteOf(f)?.callee ?? machineryOf(f)?.current
  if (callee === undefined)
    throw new TraceError({
      op,
      problem: 'the function has no trace',
      fix: `call it first; tf.${op} takes what tf.function returned.`,
    })
  return callee
}
