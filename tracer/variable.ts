/**
 * Variable: state that lives across calls.
 *
 * Its content is in wasm memory, in a storage slot that traced programs read and write in place. Reading it in eager
 * code gives a snapshot: a tensor that borrows the content until the variable is about to change, and is then given a
 * copy of its own. Reading and assigning go through the current trace, so the same code records graph nodes while a
 * function is traced.
 *
 * A variable is *open* when some of its sizes were declared as null: assignments may then change them. Its type depends
 * on the place in the program, so the current trace is asked for it.
 */
import { allocate, type DType, shortName, type TypedArray } from '../codegen/dtype.ts'
import { ShapeError, TraceError } from '../codegen/errors.ts'
import { allocateSlot, ownSlot, readSlot, resizeSlot, type Slot, writeSlot } from '../codegen/run/memory.ts'
import { elementCount, isStaticShape, type Size } from '../codegen/size.ts'
import { convertToTensor, type TensorLike } from './convert.ts'
import { printType, type TensorType } from './ir/type.ts'
import { inNameScope, scopedName } from './name-scope.ts'
import { opNamed } from './op.ts'
import { normaliseAxis } from './ops/arguments.ts'
import { neg } from './ops/arithmetic.ts'
import { type IndexingOptions, scatterAdd, scatterUpdate } from './ops/indexing.ts'
import { placeOfElement, placeOfSlice } from './ops/slice.ts'
import { Tensor } from './tensor.ts'
import { TensorMethods } from './tensor-methods.ts'
import {
  currentTrace,
  eagerTrace,
  isActive,
  readVariable,
  type Trace,
  withObservers,
  withTrace,
} from './trace/bind.ts'
import { fittingTensor, sliceOfVariable, type VariableSlice } from './variable-slice.ts'

/** Sizes of a variable as they were declared: null for one that assignments may change, null as a whole for any shape. */
export type DeclaredShape = readonly (number | null)[] | null

export interface VariableSettings {
  readonly name?: string
  readonly trainable?: boolean
  readonly shape?: DeclaredShape
}

let created = 0

/** A mutable tensor. Make one with `tf.variable`. */
export class Variable extends TensorMethods {
  readonly name: string
  readonly trainable: boolean
  /** The shape it was declared with; null stands for what assignments may change. */
  readonly declaredShape: DeclaredShape
  /** For the library's own use: whether assignments may change its sizes. */
  readonly open: boolean
  /** For the library's own use: where the content lies. */
  readonly slot: Slot
  #storedType: TensorType
  #snapshot: Tensor | undefined
  /** The graph that it belongs to, when its contents are in sessions. */
  readonly #home: Trace | undefined

  /** @param given the initial value, or a variable that this is to be another handle of */
  constructor(given: Tensor | Variable, settings: VariableSettings = {}) {
    super()
    if (given instanceof Variable) {
      this.name = given.name
      this.trainable = given.trainable
      this.declaredShape = given.declaredShape
      this.open = given.open
      this.slot = given.slot
      this.#storedType = given.#storedType
      this.#home = given.#home
      return
    }
    this.name = scopedName(settings.name ?? (created === 0 ? 'Variable' : `Variable_${created}`))
    const initial = currentTrace().initialValue(given, this.name)
    const { dtype, shape } = initial.type
    if (!isStaticShape(shape))
      throw new TraceError({
        op: 'tf.variable',
        problem: `the initial value ${printType(initial.type)} has unknown sizes`,
        fix: 'create the variable outside the traced function.',
      })
    this.#storedType = { dtype, shape: [...shape] }
    this.declaredShape =
      settings.shape === undefined ? (this.#storedType.shape as readonly number[]) : settings.shape
    this.open = this.declaredShape === null || this.declaredShape.includes(null)
    if (!fitsDeclared(shape, this.declaredShape))
      throw new ShapeError({
        op: 'tf.variable',
        problem: 'the initial value does not have the declared shape',
        rows: [
          ['value', printType(initial.type)],
          ['declared', declaredText(dtype, this.declaredShape)],
        ],
        fix: 'use null for sizes that assignments may change.',
      })
    if (settings.name === undefined) created++
    this.trainable = settings.trainable ?? true
    this.slot = allocateSlot(dtype, elementCount(shape) as number)
    ownSlot(this, this.slot)
    writeSlot(this.slot, initial.elements('tf.variable'))
    const trace = currentTrace()
    this.#home = trace.deferred === true ? trace : undefined
    trace.created(this)
  }

  override asTensor(): Tensor {
    return this.value()
  }
  /** dtype and sizes at this place of the program: the sizes of an open variable may be names while tracing. */
  get type(): TensorType {
    return this.open ? currentTrace().typeOf(this) : this.#storedType
  }
  /** For the library's own use: dtype and sizes of what is stored now. */
  get storedType(): TensorType {
    return this.#storedType
  }
  get dtype(): DType {
    return this.#storedType.dtype
  }
  get shape(): readonly number[] {
    return this.type.shape as readonly number[]
  }
  get rank(): number {
    return this.type.shape.length
  }
  get size(): number {
    return elementCount(this.type.shape) as number
  }

  /** The current value, as a tensor that later assignments do not change. */
  value(): Tensor {
    if (this.#home !== undefined && !isActive(this.#home)) throw this.#inSessions('value', this.#home)
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
   * Replaces the content by `value`, whose shape must be the variable's; sizes declared as null may change. JavaScript
   * numbers and arrays take the variable's dtype; a tensor of another dtype is an error. Nothing is written when it
   * throws.
   */
  assign(value: TensorLike): Variable {
    const fitted = this.open
      ? this.#compatible(value)
      : fittingTensor('assign', value, this.type, 'variable', this.name)
    return this.#changed('assign', (trace) => trace.assign(this, fitted))
  }
  /** Adds `value`, of the variable's shape. */
  assignAdd(value: TensorLike): Variable {
    const fitted = fittingTensor('assignAdd', value, this.type, 'variable', this.name)
    return this.#changed('assignAdd', (trace) => trace.update(this, opNamed('add'), fitted))
  }
  /** Subtracts `value`, of the variable's shape. */
  assignSub(value: TensorLike): Variable {
    const fitted = fittingTensor('assignSub', value, this.type, 'variable', this.name)
    return this.#changed('assignSub', (trace) => trace.update(this, opNamed('sub'), fitted))
  }

  /**
   * Adds `updates` to the rows at `indices` (int32 or uint8); repeated indices add up. `updates` has the shape that
   * `tf.gather(v, indices, options)` has.
   *
   * @throws CheckError for an index out of range, ShapeError, DTypeError; the variable is then unchanged.
   * @example tf.variable([1, 1]).scatterAdd([1, 1], [5, 6]).array() // [1, 12]
   */
  scatterAdd(indices: TensorLike, updates: TensorLike, options?: IndexingOptions): Variable {
    return this.#assignComputed(() => scatterAdd(this, indices, updates, options))
  }
  /** Subtracts `updates` from the rows at `indices`; otherwise like `scatterAdd`. */
  scatterSub(indices: TensorLike, updates: TensorLike, options?: IndexingOptions): Variable {
    return this.#assignComputed(() =>
      scatterAdd(
        this,
        indices,
        neg(convertToTensor(updates, { op: 'scatterSub', dtype: this.dtype })),
        options,
      ),
    )
  }
  /** Puts `updates` in the place of the rows at `indices`, of repeated indices the last; otherwise like `scatterAdd`. */
  scatterUpdate(indices: TensorLike, updates: TensorLike, options?: IndexingOptions): Variable {
    return this.#assignComputed(() => scatterUpdate(this, indices, updates, options))
  }

  /** Like `tf.slice`: the part of the variable as it is now, which can also be assigned. */
  override slice(begin: number | readonly number[], size: number | readonly number[] = -1): VariableSlice {
    const place = placeOfSlice(this.type, begin, size)
    return sliceOfVariable(this, place, place.sizes)
  }
  /** Like `tf.at`: element `index` along axis 0 as it is now, which can also be assigned. */
  override at(index: number): VariableSlice {
    const { shape } = this.type
    normaliseAxis('at', 0, shape.length)
    const start = placeOfElement(this.type, index, 0)
    const starts: Size[] = shape.map((_, axis) => (axis === 0 ? start : 0))
    const sizes: Size[] = shape.map((size, axis) => (axis === 0 ? 1 : size))
    return sliceOfVariable(this, { starts, sizes }, shape.slice(1))
  }

  /** Has the current trace change the variable; gives what assignments return. */
  #changed(op: string, change: (trace: Trace) => void): Variable {
    if (this.#home !== undefined && !isActive(this.#home)) throw this.#inSessions(op, this.#home)
    const trace = currentTrace()
    change(trace)
    return trace.handleAfterAssignment?.(this) ?? this
  }

  #inSessions(op: string, home: Trace): TraceError {
    return new TraceError({
      op,
      problem: `the variable ${this.name} belongs to ${home.name}: every session has its own content of it`,
      fix: `read it with session.run(v); assign inside ${home.name}.asDefault(() => …) and run what assign returns.`,
    })
  }

  /** Assigns what is computed from the present content; the gradient of later reads is the variable's own. */
  #assignComputed(content: () => Tensor): Variable {
    return this.assign(withObservers([], content))
  }

  /** `value` with the sizes that the declared shape prescribes. */
  #compatible(value: TensorLike): Tensor {
    const tensor = convertToTensor(value, { dtype: this.dtype, op: 'assign' })
    const { shape } = tensor.type
    const declared = this.declaredShape
    if (declared !== null && declared.length !== shape.length)
      throw new ShapeError({
        op: 'assign',
        problem: "the value's rank is not the variable's",
        rows: [
          ['variable', `${this.name} ${declaredText(this.dtype, declared)}`],
          ['value', printType(tensor.type)],
        ],
        fix: 'reshape the value.',
      })
    const wanted = shape.map((size, axis) => declared?.[axis] ?? size)
    return fittingTensor('assign', tensor, { dtype: this.dtype, shape: wanted }, 'variable', this.name)
  }

  /** For the library's own use: a variable of the same type that stands for this one while a function is traced. */
  placeholder(): Variable {
    const zeros = new Tensor(this.#storedType, {
      kind: 'data',
      data: allocate(this.dtype, this.slot.elements),
    })
    const { name, trainable, declaredShape: shape } = this
    return inNameScope('', () =>
      withTrace(eagerTrace(), () => new Variable(zeros, { name, trainable, shape })),
    )
  }

  /** For the library's own use: replaces what is stored; `shape` must fit the declared one. */
  store(elements: TypedArray, shape: readonly Size[]): void {
    this.beforeChange()
    if (this.open) {
      resizeSlot(this.slot, elements.length)
      this.#storedType = { dtype: this.dtype, shape }
    }
    writeSlot(this.slot, elements)
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

function fitsDeclared(shape: readonly number[], declared: DeclaredShape): boolean {
  if (declared === null) return true
  return (
    shape.length === declared.length && declared.every((size, axis) => size === null || size === shape[axis])
  )
}

/** `f32[null,3]`, or `f32[…]` for any shape. */
function declaredText(dtype: DType, declared: DeclaredShape): string {
  return `${shortName(dtype)}[${declared === null ? '…' : declared.map(String).join(',')}]`
}
