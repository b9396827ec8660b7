/**
 * A lowered graph, compiled: the program, and what the host does for it when it prints, checks or fails.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { CheckError, InternalError } from '../../codegen/errors.ts'
import { Program } from '../../codegen/run/program.ts'
import type { Slot } from '../../codegen/run/memory.ts'
import type { Graph, Value } from '../ir/graph.ts'
import { substituteType } from '../ir/rewrite.ts'
import type { TensorType } from '../ir/type.ts'
import { opNamed } from '../op.ts'
import { hostEffect } from './host-effects.ts'
import { type Failure, type LoweredProgram, lowerGraph } from './lower.ts'

/** A graph ready to run. */
export class Executable {
  readonly program: Program
  readonly #lowered: LoweredProgram
  /** The inputs and sizes of the calls in progress, innermost last: failures quote them. */
  readonly #calls: { readonly inputs: readonly TypedArray[]; readonly sizes: readonly number[] }[] = []

  /** Compiles a fused graph; see `lowerGraph` for the parameters. */
  constructor(graph: Graph, variables: readonly string[], tensorData: (name: string) => TypedArray) {
    this.#lowered = lowerGraph(graph, variables, tensorData)
    this.program = new Program(this.#lowered.spec, {
      fail: (id, code, read) => this.#fail(id, code, read),
      call: (id, reads) => this.#call(id, reads),
    })
  }

  /** One call; the parameters are those of `Program.run`. */
  run(inputs: readonly TypedArray[], variables: readonly Slot[], sizes: readonly number[]): TypedArray[] {
    if (this.#lowered.failures.length === 0 && this.#lowered.hostCalls.length === 0)
      return this.program.run(inputs, variables, sizes)
    this.#calls.push({ inputs, sizes })
    try {
      return this.program.run(inputs, variables, sizes)
    } finally {
      this.#calls.pop()
    }
  }

  #fail(id: number, code: number, read: (i: number) => TypedArray): never {
    const failure = this.#lowered.failures[id]
    if (failure === undefined) throw new InternalError(`failure ${id} is not known`)
    const { node } = failure
    const { check } = opNamed(node.op)
    if (check === undefined) throw new InternalError(`${node.op} cannot fail`)
    const complaint = check.message(
      node.attrs,
      node.operands.map((operand) => this.#typeOf(operand)),
      code,
      (operand) => this.#operandData(failure, operand, read),
    )
    throw new CheckError({
      op: node.op,
      ...complaint,
      ...(node.source === undefined ? {} : { site: node.source }),
    })
  }

  /** The value of a size in the innermost call. */
  #sizeNamed(name: string): number | undefined {
    return this.#calls.at(-1)?.sizes[this.#lowered.spec.sizes.indexOf(name)]
  }

  /** The type of a value in the innermost call. */
  #typeOf({ type }: Value): TensorType {
    return substituteType(type, (name) => this.#sizeNamed(name))
  }

  /** The elements of an operand that is quoted, a constant or an input of the call; an empty array for others. */
  #operandData(
    { operands, quoted }: Failure,
    operand: number,
    read: (i: number) => TypedArray,
  ): ArrayLike<number> {
    const buffer = operands[operand]
    const at = buffer === undefined ? -1 : quoted.indexOf(buffer)
    if (at >= 0) return read(at)
    const storage = buffer === undefined ? undefined : this.#lowered.spec.buffers[buffer]?.storage
    if (storage?.kind === 'constant') return storage.data
    return storage?.kind === 'input' ? (this.#calls.at(-1)?.inputs[storage.index] ?? []) : []
  }

  #call(id: number, reads: readonly TypedArray[]): readonly (TypedArray | undefined)[] | undefined {
    const call = this.#lowered.hostCalls[id]
    if (call === undefined) throw new InternalError(`host call ${id} is not known`)
    const { node } = call
    return hostEffect(
      node,
      node.operands.map((operand) => this.#typeOf(operand)),
      node.results.map((result) => this.#typeOf(result)),
      reads,
    )
  }
}
