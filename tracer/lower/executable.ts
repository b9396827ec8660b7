/**
 * A lowered graph, compiled: the program, and what the host does for it when it prints, checks or fails.
 */
import type { TypedArray } from '../../codegen/dtype.ts'
import { CheckError, InternalError } from '../../codegen/errors.ts'
import { Program } from '../../codegen/run/program.ts'
import type { Slot } from '../../codegen/run/memory.ts'
import { type Graph, textAttribute, type Value } from '../ir/graph.ts'
import { substituteType } from '../ir/rewrite.ts'
import type { TensorType } from '../ir/type.ts'
import { opNamed } from '../op.ts'
import { hostEffect } from './host-effects.ts'
import { lowerGraph } from './lower.ts'
import type { Failure, LoweredProgram } from './lowered-program.ts'

/** Replaces the content of an open Variable: name of the capture, type, elements. */
export type StoreOpen = (variable: string, type: TensorType, elements: TypedArray) => void

interface Call {
  readonly inputs: readonly TypedArray[]
  readonly sizes: readonly number[]
  /** The last content that an open Variable was given. */
  readonly stored?: Map<string, { readonly type: TensorType; readonly elements: TypedArray }>
}

/** A graph ready to run. */
export class Executable {
  #program: Program
  readonly #lowered: LoweredProgram
  /** The inputs and sizes of the calls in progress, innermost last: failures quote them. */
  readonly #calls: Call[] = []

  /** Compiles a fused graph; see `lowerGraph` for the parameters. */
  constructor(graph: Graph, variables: readonly string[], tensorData: (name: string) => TypedArray) {
    this.#lowered = lowerGraph(graph, variables, tensorData)
    this.#program = this.#compile()
  }

  #compile(): Program {
    return new Program(this.#lowered.spec, {
      fail: (id, code, read) => this.#fail(id, code, read),
      call: (id, reads) => this.#call(id, reads),
    })
  }

  /** The program, compiled anew when the memory it was made for is no longer the memory there is. */
  get program(): Program {
    if (!this.#program.isCurrent) {
      this.#program.dispose()
      this.#program = this.#compile()
    }
    return this.#program
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

  /**
   * One call of a program with open Variables. What it assigns to them is stored when it has ended, also when it fails
   * later on: until then it may read their old content where it lies.
   */
  runWithOpen(
    inputs: readonly TypedArray[],
    variables: readonly Slot[],
    sizes: readonly number[],
    store: StoreOpen,
  ): TypedArray[] {
    const stored: NonNullable<Call['stored']> = new Map()
    this.#calls.push({ inputs, sizes, stored })
    try {
      return this.program.run(inputs, variables, sizes)
    } finally {
      this.#calls.pop()
      for (const [name, { type, elements }] of stored) store(name, type, elements)
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
    const { sizes } = this.#lowered.spec
    return this.#calls.at(-1)?.sizes[sizes.indexOf(name)] ?? this.program.foundSize(name, false)
  }

  /** The type of a result of the call that has just ended, given the sizes it came with. */
  foundType({ type }: Pick<Value, 'type'>, sizeNamed: (name: string) => number): TensorType {
    return substituteType(type, (name) => this.program.foundSize(name, true) ?? sizeNamed(name))
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
    const { stored } = this.#calls.at(-1) ?? {}
    const [elements] = reads
    const [value] = node.operands
    if (node.op === 'commit' && stored !== undefined && elements !== undefined && value !== undefined) {
      stored.set(textAttribute(node, 'variable'), { type: this.#typeOf(value), elements })
      return undefined
    }
    return hostEffect(
      node,
      node.operands.map((operand) => this.#typeOf(operand)),
      node.results.map((result) => this.#typeOf(result)),
      reads,
    )
  }
}
