/**
 * Variable: state that lives across calls.
 *
 * Its content is in wasm memory, in a storage slot that traced programs read and write in place. Reading it in eager
 * code gives a snapshot: a tensor that borrows the content until the variable is about to change, and is then given a
 * copy of its own. Reading and assigning go through the current trace, so the same code records graph nodes while a
 * function is traced.
 */
import { allocate, type DType, type TypedArray } from '../codegen/dtype.ts'
import { ShapeError, TraceError } from '../codegen/errors.ts'
import { allocateSlot, ownSlot, readSlot, resizeSlot, type Slot, writeSlot } from '../codegen/run/memory.ts'
import { elementCount, isStaticShape, type Size } from '../codegen/size.ts'
import type { TensorLike } from './convert.ts'
import { printType, type TensorType } from './ir/type.ts'
import { opNamed } from './op.ts'
import { normaliseAxis } from './ops/arguments.ts'
import { neg } from './ops/arithmetic.ts'
import { type IndexingOptions, scatterAdd, scatterUpdate } from './ops/indexing.ts'
import { placeOfElement, placeOfSlice } from './ops/slice.ts'
import { Tensor } from './tensor.ts'
import { TensorMethods } from './tensor-methods.ts'
import { currentTrace, eagerTrace, readVariable, withObservers, withTrace } from './trace/bind.ts'
import { fittingTensor, sliceOfVariable, type VariableSlice } from './variable-slice.ts'

export interface VariableOptions {
  /** For messages and saving; `Variable`, `Variable_1`, … when absent. Need not be unique. */
  readonly name?: string
  readonly dtype?: DType
  /** Whether tapes watch it and optimizers change it. Default true. */
  readonly trainable?: boolean
}

let created = 0

/** A mutable tensor. Make one with `tf.variable`. */
export class Variable extends TensorMethods {
  readonly name: string
  readonly type: TensorType
  readonly trainable: boolean
  /** For the library's own use: where the content lies. */
  readonly slot: Slot
  #snapshot: Tensor | undefined

  constructor(given: Tensor, options: { readonly name?: string; readonly trainable?: boolean } = {}) {
    super()
    this.name = options.name ?? (created === 0 ? 'Variable' : `Variable_${created}`)
    const initial = currentTrace().initialValue(given, this.name)
    if (!isStaticShape(initial.type.shape))
      throw new TraceError({
        op: 'tf.variable',
        problem: `the initial value ${printType(initial.type)} has unknown sizes`,
        fix: 'create the variable outside the traced function.',
      })
    this.type = { dtype: initial.dtype, shape: [...initial.type.shape] }
    if (options.name === undefined) created++
    this.trainable = options.trainable ?? true
    this.slot = allocateSlot(this.dtype, elementCount(initial.type.shape) as number)
    ownSlot(this, this.slot)
    writeSlot(this.slot, initial.elements('tf.variable'))
    currentTrace().created(this)
  }

  override asTensor(): Tensor {
    return this.value()
  }
  get dtype(): DType {
    return this.type.dtype
  }
  get shape(): readonly number[] {
    return this.type.shape as readonly number[]
  }
  get rank(): number {
    return this.type.shape.length
  }
  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1)
  }

  /** The current value, as a tensor that later assignments do not change. */
  value(): Tensor {
    return readVariable(this)
  }
  /** The elements as a copy. Throws TraceError while tracing. */
  data(): TypedArray {
    return this.value().data()
  }
  /** The elements as nested arrays. Throws TraceError while tracing. */
  array(): ReturnType<Tensor['array']> {
    return this.value().array()
  }
  /** The only element of a variable of size 1. Throws ValueError for any other size, TraceError while tracing. */
  item(): number {
    return this.value().item()
  }

  /**
   * Replaces the content by `value`, whose shape must be the variable's. JavaScript numbers and arrays take the
   * variable's dtype; a tensor of another dtype is an error. Nothing is written when it throws.
   */
  assign(value: TensorLike): this {
    currentTrace().assign(this, this.#fitting('assign', value))
    return this
  }
  /** Adds `value`, of the variable's shape. */
  assignAdd(value: TensorLike): this {
    currentTrace().update(this, opNamed('add'), this.#fitting('assignAdd', value))
    return this
  }
  /** Subtracts `value`, of the variable's shape. */
  assignSub(value: TensorLike): this {
    currentTrace().update(this, opNamed('sub'), this.#fitting('assignSub', value))
    return this
  }

  #fitting(op: string, value: TensorLike): Tensor {
    const tensor = convertToTensor(value, { dtype: this.dtype, op })
    const rows = [
      ['variable', `${this.name} ${printType(this.type)}`],
      ['value', printType(tensor.type)],
    ]
    if (tensor.dtype !== this.dtype)
      throw new DTypeError({
        op,
        problem: `the value's dtype is not the variable's`,
        rows,
        fix: `cast the value: value.cast('${this.dtype}').`,
      })
    if (!sameShape(tensor.type.shape, this.type.shape))
      throw new ShapeError({
        op,
        problem: `the value's shape is not the variable's`,
        rows,
        fix: 'assignment does not broadcast; use tf.broadcastTo or reshape.',
      })
    return tensor
  }

  /** For the library's own use: a variable of the same type that stands for this one while a function is traced. */
  placeholder(): Variable {
    const zeros = new Tensor(this.type, { kind: 'data', data: allocate(this.dtype, this.size) })
    return withTrace(eagerTrace(), () => new Variable(zeros, { name: this.name, trainable: this.trainable }))
  }

  /** For the library's own use: the snapshot tensor of the present content, made on first use. */
  snapshot(make: () => Tensor): Tensor {
    this.#snapshot ??= make()
    return this.#snapshot
  }
  /** For the library's own use: called before the content changes; a snapshot that was handed out gets a copy. */
  beforeChange(): void {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return
    this.#snapshot = undefined
    if (snapshot.payload.kind === 'snapshot') snapshot.settle(readSlot(this.slot))
  }

  override toString(): string {
    const value = eagerTrace().read(this).toString()
    return `Variable(name=${this.name}, ${value.slice('Tensor('.length)}`
  }
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString()
    throw new TraceError({
      op: 'operator',
      problem: `JavaScript operators such as += do not work on the variable ${this.name} ${printType(this.type)}`,
      fix: 'use v.assignAdd(x), v.assignSub(x), v.assign(x), or v.add(x) for a new tensor; v.item() gives the number of a scalar.',
    })
  }
}
