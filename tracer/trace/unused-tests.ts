/**
 * Tests that came to nothing: a bool scalar that no op uses and nobody returns was almost surely the condition of an
 * `if` or a loop that JavaScript decided by itself, and a tensor is an object, which is always true.
 *
 * They are told at the end of a trace, and during it when there are very many: a `while` on a tensor never ends.
 */
import { TraceError } from '../../codegen/errors.ts'
import type { Value } from '../ir/graph.ts'
import type { Tensor } from '../tensor.ts'
import type { TensorMethods } from '../tensor-methods.ts'
import { waysOut } from './convert-hook.ts'
import { Unrolled } from './unrolled.ts'

/** Look when so many have been made; that half of them are unused cannot be chance. */
const every = 2000

/** Ops that give what is used as a condition. */
const tests = new Set(['compare', 'not', 'and', 'or', 'xor', 'reduce_and', 'reduce_or'])

/** Values that are known to have been looked at. */
const considered = new WeakSet<Value>()

/** Says that nothing is amiss if this tensor is not used. */
export function consider(tensor: Tensor): void {
  if (tensor.payload.kind === 'symbolic') considered.add(tensor.payload.value)
}

/** The tests of one trace; it also hears of loops that are unrolled. */
export class UnusedTests {
  readonly #unused = new Map<Value, string | undefined>()
  #made = 0
  readonly #unrolled = new Unrolled()

  /** A node has been recorded. */
  record(
    op: string,
    operands: readonly Value[],
    results: readonly Value[],
    source: string | undefined,
    name: string,
  ): void {
    this.#unrolled.record(op, source, name)
    for (const operand of operands) this.#unused.delete(operand)
    const [result] = results
    if (
      result === undefined ||
      result.type.dtype !== 'bool' ||
      result.type.shape.length > 0 ||
      !tests.has(op)
    )
      return
    this.#unused.set(result, source)
    if (++this.#made % every === 0 && this.#unused.size * 2 >= every) this.demand([], name)
  }

  /** Throws TraceError when a test has not been used by the end of the trace. */
  demand(results: readonly Value[], name: string): void {
    for (const result of results) this.#unused.delete(result)
    for (const [value, source] of this.#unused) {
      if (considered.has(value)) continue
      throw new TraceError({
        op: name,
        problem:
          'a bool tensor is computed and then not used by any op: was it the condition of an if or a loop, or what a callback gave filter, find, some or every? A tensor is an object, which JavaScript takes for true',
        fix: `in place of such callbacks write a loop with if, or tf.where; for control flow ${waysOut}. tf.ignore(x) says that it is meant to be unused.`,
        ...(source === undefined ? {} : { site: source }),
      })
    }
  }
}

/** Returns x; a bool tensor given to it may stay unused. */
export function ignore<T extends TensorMethods>(x: T): T {
  consider(x.asTensor())
  return x
}
