/**
 * Lists of tensors that grow while a program runs: what a JavaScript array becomes in a staged loop, and what
 * TensorArrays are in a trace.
 *
 * A TensorList is a handle and what is known of the elements. The handle is an ordinary symbolic tensor (a float64 scalar
 * that names the list), so a branch or a loop carries a list by carrying `list.handle`, and makes a list of what it
 * gets by `list.withHandle(tensor)`. Lists are values: `push`, `write`, `pop` and `truncate` give a list, in constant
 * time, and the one they were called on stays as it was. All of it can be differentiated, any number of times. A handle
 * must not leave the function that is traced: stack the list, or read its elements.
 *
 * The element type is that of the first element, until then undefined; a list that is empty before a loop and gets its
 * first element in the body is therefore traced once more by whoever stages the loop, with the type that is known by
 * then (`list.element` after the first try). `null` in its shape means a size that differs from element to element.
 */
import { DTypeError, ShapeError, TraceError } from '../../codegen/errors.ts'
import { type Size, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { dependsOnFound } from '../ir/found-sizes.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { noRecord } from '../ops/control.ts'
import { scalarTensor, sizeValue } from '../ops/create.ts'
import { checkOp } from '../ops/effects.ts'
import {
  concatList,
  hasElement,
  isUniform,
  listLength,
  type OpenType,
  readElementAt,
  stackList,
  truncated,
  unstacked,
  writeElement,
} from '../ops/list.ts'
import { less, lessEqual, sub } from '../ops/index.ts'
import { requireEqual } from '../ops/sizes.ts'
import { Tensor } from '../tensor.ts'
import { bind, isTracing } from './bind.ts'
import { graphTraceNow } from './region.ts'

/** The type of the elements; a size of null may differ from element to element. */
export type ElementType = OpenType

/** How a list is spoken of in messages, and what it accepts. */
export interface ListOptions {
  /** The name in messages: `tf.tensorArray`, or that of a variable. */
  readonly op?: string
  /** The type of the elements, if it is known before there are any. */
  readonly element?: ElementType | undefined
  /** Whether sizes may differ from element to element; otherwise a write of another size is an error. */
  readonly isRagged?: boolean
}

/** `f32[2,null]`. */
export function printElementType({ dtype, shape }: ElementType): string {
  return printType({ dtype, shape: shape.map((size) => size ?? -1) }).replaceAll('-1', 'null')
}

function int32(value: TensorLike, op: string): Tensor {
  const tensor = convertToTensor(value, { op, dtype: typeof value === 'number' ? 'int32' : undefined })
  if (tensor.dtype === 'int32' && tensor.rank === 0) return tensor
  throw new DTypeError({
    op,
    problem: `the index is ${printType(tensor.type)}, not an int32 scalar`,
    fix: "cast it: index.cast('int32').",
  })
}

/** Throws a CheckError when the program gets here and the condition is false. */
export function demand(
  condition: Tensor,
  op: string,
  message: string,
  quoted: readonly Tensor[],
  labels: readonly string[],
): void {
  bind(checkOp, [condition, ...quoted], { api: op, message, labels })
}

/** An object of the user's that stands for a list where branches join it or loops carry it. */
export abstract class ListHolder {
  /** The list behind it in the trace in progress. */
  abstract asList(): TensorList
  /** The object with the content of a list. */
  abstract withList(list: TensorList): ListHolder
  /** The object with the list that a branch gives. */
  abstract withHandle(handle: Tensor): ListHolder
  /** The object where another one may take its place. */
  abstract joinedWith(other: ListHolder): ListHolder
}

/** A list in the trace in progress. */
export class TensorList {
  /** A float64 scalar that names the list. */
  readonly handle: Tensor
  readonly element: ElementType | undefined
  readonly op: string
  readonly isRagged: boolean

  private constructor(handle: Tensor, { op = 'list', element, isRagged = false }: ListOptions) {
    this.handle = handle
    this.element = element
    this.op = op
    this.isRagged = isRagged
  }

  /** A list without elements. Throws TraceError where nothing is traced. */
  static empty(options: ListOptions = {}): TensorList {
    if (!isTracing())
      throw new TraceError({
        op: options.op ?? 'list',
        problem: 'no function is being traced',
        fix: 'use an array of tensors in eager code.',
      })
    return new TensorList(noRecord(), options)
  }

  /** A list of these tensors, which may be concrete: what an array holds before a loop. */
  static of(values: readonly TensorLike[], options: ListOptions = {}): TensorList {
    let list = TensorList.empty(options)
    values.forEach((value, i) => (list = list.write(i, value)))
    return list
  }

  /** The list of the slices of a tensor along axis 0. */
  static from(x: Tensor, options: ListOptions = {}): TensorList {
    const { op = 'list' } = options
    const tensor = graphTraceNow().lift(x)
    if (tensor.rank === 0)
      throw new ShapeError({
        op,
        problem: 'a scalar has no elements',
        fix: 'give a tensor with at least one axis.',
      })
    const element = { dtype: tensor.dtype, shape: tensor.type.shape.slice(1) }
    const list = TensorList.empty(options)
    const joined = list.#joinType(element)
    return list.withHandle(unstacked(tensor), joined)
  }

  /** What is known of the elements, with another handle: that of this list where a branch or a loop gives it. */
  withHandle(handle: Tensor, element: ElementType | undefined = this.element): TensorList {
    return new TensorList(handle, { op: this.op, isRagged: this.isRagged, element })
  }

  /** How many there are: one more than the last index written. An int32 scalar. */
  length(): Tensor {
    return listLength(this.handle)
  }

  /** The list with `value` after its last element. */
  push(value: TensorLike): TensorList {
    return this.#write(this.length(), value, 'push')
  }

  /** The list with an element set. Throws CheckError for a negative index when the program runs. */
  write(index: TensorLike, value: TensorLike): TensorList {
    const at = int32(index, `${this.op}.write`)
    if (typeof index !== 'number' || index < 0)
      demand(
        lessEqual(scalarTensor('int32', 0), at),
        `${this.op}.write`,
        'the index is negative',
        [at],
        ['index'],
      )
    return this.#write(at, value, 'write')
  }

  #write(index: Tensor, value: TensorLike, what: string): TensorList {
    const op = `${this.op}.${what}`
    const tensor = convertToTensor(value, {
      op,
      dtype: typeof value === 'number' || typeof value === 'boolean' ? this.element?.dtype : undefined,
    })
    const element = this.#joinType(tensor.type, op)
    return this.withHandle(writeElement(this.handle, index, tensor), element)
  }

  /** The type of the elements with one more of this type. */
  #joinType(type: TensorType | ElementType, op: string = this.op): ElementType {
    const known = this.element
    const rows = known && [
      ['elements', printElementType(known)],
      ['value', printElementType(type)],
    ]
    if (known === undefined) {
      const shape = type.shape.map((size) => (size === null || dependsOnFound(size) ? null : size))
      return type.record === true ? { dtype: type.dtype, shape, record: true } : { dtype: type.dtype, shape }
    }
    if (known.dtype !== type.dtype)
      throw new DTypeError({
        op,
        problem: `the elements are ${known.dtype}, but a ${type.dtype} is written`,
        ...(rows && { rows }),
        fix: `cast it: value.cast('${known.dtype}').`,
      })
    const complaint = {
      op,
      problem: `the elements are ${printElementType(known)}, but a ${printElementType(type)} is written`,
      ...(rows && { rows }),
      fix: 'write elements of one shape, or say that sizes differ: elementShape with null, or inferShape: false.',
    }
    if (known.shape.length !== type.shape.length) throw new ShapeError(complaint)
    const shape = known.shape.map((size, axis): Size | null => {
      const other = type.shape[axis] ?? null
      if (size === null || other === null) return null
      if (this.isRagged) return sizesEqual(size, other) === true ? size : null
      requireEqual(size, other, () => complaint)
      return size
    })
    return { ...known, shape }
  }

  #elementType(op: string): ElementType {
    if (this.element !== undefined) return this.element
    throw new TraceError({
      op,
      problem: 'nothing has been written yet, so what an element is cannot be told',
      fix: 'write an element first, or give the dtype and elementShape when the list is made.',
    })
  }

  /** An element. Throws CheckError when the program runs and there is none at `index`. */
  read(index: TensorLike): Tensor {
    const op = `${this.op}.read`
    const type = this.#elementType(op)
    const at = int32(index, op)
    const message = 'there is no element at this index: it was not written'
    demand(hasElement(this.handle, at), op, message, [at, this.length()], ['index', 'length'])
    return readElementAt(this.handle, at, type)
  }

  /** Whether there is an element at `index`: a bool scalar. */
  has(index: TensorLike): Tensor {
    return hasElement(this.handle, int32(index, this.op))
  }

  /** The list without its last element, and that element. */
  pop(): readonly [TensorList, Tensor] {
    const length = this.length()
    const op = `${this.op}.pop`
    demand(less(scalarTensor('int32', 0), length), op, 'the list is empty', [], [])
    const last = sub(length, scalarTensor('int32', 1))
    return [
      this.withHandle(truncated(this.handle, last)),
      readElementAt(this.handle, last, this.#elementType(op)),
    ]
  }

  /** The list without the elements from `length` on. */
  truncate(length: TensorLike): TensorList {
    return this.withHandle(truncated(this.handle, int32(length, this.op)))
  }

  /**
   * All elements along a new axis 0, with zeros for those never written; `count` of them when that is given. Throws
   * CheckError when the program runs and they are of different sizes.
   */
  stack(count?: Size | Tensor): Tensor {
    const op = `${this.op}.stack`
    const type = this.#elementType(op)
    if (type.shape.includes(null))
      demand(isUniform(this.handle), op, 'the elements have different shapes', [], [])
    const length =
      count === undefined
        ? this.length()
        : count instanceof Tensor
          ? count
          : typeof count === 'number'
            ? scalarTensor('int32', count)
            : sizeValue(count)
    const size = count === undefined || count instanceof Tensor ? null : count
    return stackList(this.handle, length, { dtype: type.dtype, shape: [size, ...type.shape] })
  }

  /**
   * The elements one after the other along axis 0, of which their lengths may differ. Throws CheckError when the program
   * runs and other sizes differ, ShapeError for scalars.
   */
  concat(): Tensor {
    const op = `${this.op}.concat`
    const { dtype, shape } = this.#elementType(op)
    if (shape.length === 0)
      throw new ShapeError({ op, problem: 'the elements are scalars', fix: 'use stack.' })
    if (shape.slice(1).includes(null))
      demand(isUniform(this.handle), op, 'the elements have different shapes', [], [])
    return concatList(this.handle, { dtype, shape: [null, ...shape.slice(1)] })
  }
}
