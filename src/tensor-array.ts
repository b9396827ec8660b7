/**
 * `tf.tensorArray`: tensors of one dtype by index, written one after the other, also in loops that depend on tensors.
 *
 * A TensorArray is a value: `write` gives a new one. As long as indices are known it is a JavaScript array, in eager code as
 * while tracing, and `write` copies that. An index that is a tensor of the trace, or a loop that carries it, makes a list
 * of it that the program keeps (tracer/trace/tensor-list.ts).
 */
import type { DType } from '../codegen/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../codegen/errors.ts'
import { type Size, sizesEqual } from '../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../tracer/convert.ts'
import { dependsOnFound } from '../tracer/ir/found-sizes.ts'
import { printType } from '../tracer/ir/type.ts'
import { concat, filled, less, maximum, scalarTensor, sizeOf, sliceAxis, stack } from '../tracer/ops/index.ts'
import type { Tensor } from '../tracer/tensor.ts'
import {
  demand,
  type ElementType,
  ListHolder,
  printElementType,
  TensorList,
} from '../tracer/trace/tensor-list.ts'
import { elementAt, entriesOf, knownIndex, outOfRange } from './array-index.ts'

/** The options of `tf.tensorArray`. */
export interface TensorArrayOptions {
  /** Whether it may grow beyond its size. Without a size it may. */
  readonly dynamicSize?: boolean
  /** The shape of the elements, null for sizes that differ. Without it, that of the first element. */
  readonly elementShape?: readonly (number | null)[]
  /** False when elements may have different shapes although `elementShape` does not say so. */
  readonly inferShape?: boolean
  /**
   * True to refuse a second read of an element whose index is known. Reads at indices that are tensors of a trace are not
   * counted.
   */
  readonly clearAfterRead?: boolean
}

interface Settings {
  readonly dtype: DType
  readonly size: number
  readonly dynamicSize: boolean
  readonly isRagged: boolean
  readonly clearAfterRead: boolean
}

type Content = readonly (Tensor | undefined)[] | TensorList

const op = 'tensorArray'

/** Tensors of one dtype by index; made by `tf.tensorArray`. It never changes: writing gives another one. */
export class TensorArray extends ListHolder {
  readonly dtype: DType
  readonly #settings: Settings
  readonly #content: Content
  /** What is known of the elements. */
  readonly #element: ElementType | undefined
  /** The elements read, where they may be read only once. */
  readonly #cleared = new Set<number>()

  constructor(settings: Settings, content: Content, element: ElementType | undefined) {
    super()
    this.dtype = settings.dtype
    this.#settings = settings
    this.#content = content
    this.#element = element
  }

  /** The shape of the elements, null for sizes that differ; undefined while nothing is known. */
  get elementShape(): readonly (Size | null)[] | undefined {
    return this.#element?.shape
  }

  /** For the library's own use: the list behind it in the trace in progress. */
  override asList(): TensorList {
    if (this.#content instanceof TensorList)
      return this.#content.withHandle(this.#content.handle, this.#element)
    let list = TensorList.empty({ op, element: this.#element, isRagged: this.#settings.isRagged })
    this.#content.forEach((value, i) => {
      if (value !== undefined) list = list.write(i, value)
    })
    return list
  }

  /** For the library's own use: the array with the list that a branch or a loop gives. */
  override withHandle(handle: Tensor): TensorArray {
    const list = TensorList.empty({ op, element: this.#element, isRagged: this.#settings.isRagged })
    return new TensorArray(this.#settings, list.withHandle(handle), this.#element)
  }

  /** For the library's own use: the array that has a list's content. */
  override withList(list: TensorList): TensorArray {
    return new TensorArray(this.#settings, list, list.element ?? this.#element)
  }

  /** For the library's own use: this array where another one may take its place; sizes in which they differ are open. */
  override joinedWith(other: ListHolder | undefined): TensorArray {
    const [x, y] = [this.#element, other instanceof TensorArray ? other.#element : undefined]
    if (y === undefined || x === undefined) return new TensorArray(this.#settings, this.#content, x ?? y)
    if (x.dtype !== y.dtype || x.shape.length !== y.shape.length)
      throw new ShapeError({
        op,
        problem: `the elements are ${printElementType(x)} and ${printElementType(y)}`,
        fix: 'write elements of one dtype and rank.',
      })
    const shape = x.shape.map((size, axis) => {
      const same = y.shape[axis] ?? null
      return size !== null && same !== null && sizesEqual(size, same) !== false ? size : null
    })
    return new TensorArray(this.#settings, this.#content, { dtype: x.dtype, shape })
  }

  /** For the library's own use: whether as much is known of the elements of both. */
  agreesWith(other: TensorArray): boolean {
    const [x, y] = [this.#element, other.#element]
    return x === undefined || y === undefined ? x === y : printElementType(x) === printElementType(y)
  }

  /** How many elements it has: its size, or, when it may grow, at least one more than the last index written. */
  size(): Tensor {
    const { size, dynamicSize } = this.#settings
    const content = this.#content
    if (!dynamicSize) return scalarTensor('int32', size)
    if (!(content instanceof TensorList)) return scalarTensor('int32', Math.max(size, content.length))
    return size === 0 ? content.length() : maximum(content.length(), scalarTensor('int32', size))
  }

  /**
   * The array with `value` at `index`, a number or an int32 scalar. An index may be written again.
   *
   * @throws ValueError, or CheckError when the program runs, for an index out of range; DTypeError for a value of
   *   another dtype; ShapeError for one of another shape
   * @example tf.tensorArray('float32', 2).write(0, 1).write(1, 2).stack() // [1, 2]
   */
  write(index: TensorLike, value: TensorLike): TensorArray {
    const { size, dynamicSize } = this.#settings
    const isNumber = typeof value === 'number' || typeof value === 'boolean'
    const tensor = convertToTensor(value, { op: `${op}.write`, dtype: isNumber ? this.dtype : undefined })
    if (tensor.dtype !== this.dtype)
      throw new DTypeError({
        op: `${op}.write`,
        problem: `the elements are ${this.dtype}, but the value is ${printType(tensor.type)}`,
        fix: `cast it: value.cast('${this.dtype}').`,
      })
    const at = knownIndex(index)
    const content = this.#content
    if (at !== undefined) {
      if (!Number.isInteger(at) || at < 0 || (!dynamicSize && at >= size)) throw outOfRange('write', at, size)
      if (!(content instanceof TensorList)) {
        const element = this.#joined(tensor)
        const values = [...content]
        while (values.length < at) values.push(undefined)
        values[at] = tensor
        return new TensorArray(this.#settings, values, element)
      }
    } else if (!dynamicSize)
      demand(
        less(index, scalarTensor('int32', size)),
        `${op}.write`,
        `the index is out of range: the size is ${size} and it may not grow`,
        [convertToTensor(index)],
        ['index'],
      )
    return this.withList(this.asList().write(index, tensor))
  }

  /** The type of the elements with another one; says what is wrong with that. */
  #joined(value: Tensor): ElementType {
    const known = this.#element
    const { dtype, shape } = value.type
    if (known === undefined)
      return {
        dtype,
        shape: shape.map((size) => (this.#settings.isRagged || dependsOnFound(size) ? null : size)),
      }
    const fits =
      known.shape.length === shape.length &&
      known.shape.every(
        (size, axis) =>
          size === null ||
          typeof size !== 'number' ||
          typeof shape[axis] !== 'number' ||
          size === shape[axis],
      )
    if (fits) return known
    throw new ShapeError({
      op: `${op}.write`,
      problem: `the elements are ${printElementType(known)}, but the value is ${printType(value.type)}`,
      fix: 'write elements of one shape, or make the array with elementShape (null for sizes that differ) or inferShape: false.',
    })
  }

  /**
   * The element at `index`, a number or an int32 scalar.
   *
   * @throws ValueError, or CheckError when the program runs, for an index that was not written
   * @example tf.tensorArray('float32', 2).write(1, 5).read(1) // 5
   */
  read(index: TensorLike): Tensor {
    const at = knownIndex(index)
    const content = this.#content
    if (content instanceof TensorList || at === undefined) return this.asList().read(index)
    const { size, dynamicSize } = this.#settings
    if (!Number.isInteger(at) || at < 0 || at >= (dynamicSize ? Math.max(size, content.length) : size))
      throw outOfRange('read', at, Math.max(size, content.length))
    const value = content[at]
    if (this.#cleared.has(at))
      throw new ValueError({
        op: `${op}.read`,
        problem: `the element at ${at} was cleared by an earlier read`,
        fix: 'make the array without clearAfterRead to read elements twice.',
      })
    if (value !== undefined) {
      if (this.#settings.clearAfterRead) this.#cleared.add(at)
      return value
    }
    throw new ValueError({
      op: `${op}.read`,
      problem: `there is no element at ${at}: it was not written`,
      fix: 'write it first; stack() counts elements that were not written as zeros.',
    })
  }

  /**
   * All elements along a new axis 0; those that were not written count as zeros.
   *
   * @throws ShapeError, or CheckError when the program runs, for elements of different shapes; ValueError when the
   *   shape of the elements is not known, because nothing was written
   * @example tf.tensorArray('float32', 3).write(1, 5).stack() // [0, 5, 0]
   */
  stack(): Tensor {
    const { size, dynamicSize } = this.#settings
    const content = this.#content
    if (content instanceof TensorList)
      return content.stack(dynamicSize ? (size === 0 ? undefined : this.size()) : size)
    const count = dynamicSize ? Math.max(size, content.length) : size
    const zeros = this.#zeros(`${op}.stack`)
    if (count === 0) return filled(this.dtype, [0, ...zeros.type.shape], 0)
    return stack(Array.from({ length: count }, (_, i) => content[i] ?? zeros))
  }

  /**
   * All elements one after the other along their axis 0, in which they may differ; those that were not written count as
   * zeros.
   *
   * @throws ShapeError, or CheckError when the program runs, for elements whose other sizes differ, and for scalars
   * @example tf.tensorArray('float32', 2).write(0, [1, 2]).write(1, [3, 4]).concat() // [1, 2, 3, 4]
   */
  concat(): Tensor {
    const content = this.#content
    if (content instanceof TensorList) return content.concat()
    const parts = content.filter((value) => value !== undefined)
    const missing = (this.#settings.dynamicSize ? content.length : this.#settings.size) - parts.length
    if (missing > 0 || parts.length === 0) {
      const zeros = this.#zeros(`${op}.concat`)
      if (parts.length === 0 && missing === 0) return filled(this.dtype, [0, ...zeros.type.shape.slice(1)], 0)
      return concat(Array.from({ length: parts.length + missing }, (_, i) => content[i] ?? zeros))
    }
    return concat(parts)
  }

  #zeros(what: string): Tensor {
    const content = this.#content as readonly (Tensor | undefined)[]
    const shape = content.find((value) => value !== undefined)?.type.shape ?? this.#element?.shape
    if (shape === undefined || shape.includes(null))
      throw new ValueError({
        op: what,
        problem: 'the shape of the elements is not known: nothing was written',
        fix: 'give elementShape when the array is made, or write an element.',
      })
    return filled(this.dtype, shape as readonly Size[], 0)
  }

  /**
   * The elements at `indices`, stacked.
   *
   * @param indices numbers, or an int32 vector whose length is known
   * @throws as `read`
   * @example tf.tensorArray('float32', 3).unstack([1, 2, 3]).gather([2, 0]) // [3, 1]
   */
  gather(indices: readonly number[] | Tensor): Tensor {
    return stack(entriesOf(indices).map((index) => this.read(index)))
  }

  /**
   * The array with the slices of `value` along axis 0 as its elements, from index 0 on.
   *
   * @throws ShapeError for a scalar; ValueError for more slices than a fixed size
   * @example tf.tensorArray('float32', 2).unstack([[1, 2], [3, 4]]).read(1) // [3, 4]
   */
  unstack(value: TensorLike): TensorArray {
    const tensor = this.#sequence('unstack', value)
    const count = tensor.type.shape[0]
    const { size, dynamicSize } = this.#settings
    if (typeof count === 'number') {
      let array: TensorArray = new TensorArray(this.#settings, [], this.#element)
      for (let i = 0; i < count; i++) array = array.write(i, elementAt(tensor, i))
      return array
    }
    if (!dynamicSize)
      demand(
        less(sizeOf(tensor, 0), scalarTensor('int32', size + 1)),
        `${op}.unstack`,
        `there are more than ${size} elements`,
        [sizeOf(tensor, 0)],
        ['elements'],
      )
    return this.withList(
      TensorList.from(tensor, { op, element: this.#element, isRagged: this.#settings.isRagged }),
    )
  }

  /**
   * The array with the slices of `value` along axis 0 written to `indices`.
   *
   * @param indices numbers, or an int32 vector whose length is known
   * @throws as `write`; ShapeError when there are not as many slices as indices
   * @example tf.tensorArray('float32', 3).scatter([2, 0], [5, 6]).stack() // [6, 0, 5]
   */
  scatter(indices: readonly number[] | Tensor, value: TensorLike): TensorArray {
    const tensor = this.#sequence('scatter', value)
    const entries = entriesOf(indices)
    if (tensor.type.shape[0] !== entries.length)
      throw new ShapeError({
        op: `${op}.scatter`,
        problem: `there are ${entries.length} indices for ${printType(tensor.type)}`,
        fix: 'give one index per slice along axis 0.',
      })
    return entries.reduce<TensorArray>((array, index, i) => array.write(index, elementAt(tensor, i)), this)
  }

  /**
   * The array whose elements are the parts of `value` with the given lengths along axis 0.
   *
   * @throws ShapeError when the lengths do not add up
   * @example tf.tensorArray('float32', 2, { inferShape: false }).split([1, 2, 3], [1, 2]).read(1) // [2, 3]
   */
  split(value: TensorLike, lengths: readonly number[]): TensorArray {
    const tensor = this.#sequence('split', value)
    const total = lengths.reduce((a, b) => a + b, 0)
    if (tensor.type.shape[0] !== total)
      throw new ShapeError({
        op: `${op}.split`,
        problem: `the lengths add up to ${total}, but the value is ${printType(tensor.type)}`,
        fix: 'give lengths that add up to the size of axis 0.',
      })
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
    return lengths.reduce<TensorArray>(
      (array, length, i) => array.write(i, sliceAxis(tensor, 0, starts[i] ?? 0, length)),
      this,
    )
  }

  #sequence(what: string, value: TensorLike): Tensor {
    const tensor = convertToTensor(value, {
      op: `${op}.${what}`,
      dtype: Array.isArray(value) ? this.dtype : undefined,
    })
    if (tensor.rank > 0) return tensor
    throw new ShapeError({
      op: `${op}.${what}`,
      problem: 'the value is a scalar',
      fix: 'give a tensor with at least one axis.',
    })
  }
}

/**
 * An empty TensorArray: tensors of one dtype by index, for loops that produce an element at a time. It is a value:
 * `write` gives a new array, so assign what it gives. It may be a loop variable of `tf.whileLoop` and a result of
 * `tf.cond`, and gradients flow through it.
 *
 * @param size how many elements it has; without it, it grows as it is written
 * @throws ValueError for a size that is no integer of at least 0
 * @example
 * const squares = tf.function((n: tf.Tensor) => {
 *   const array = tf.tensorArray('int32')
 *   const [, last] = tf.whileLoop((i) => i.less(n), (i, a) => [i.add(1), a.write(i, i.mul(i))], [tf.scalar(0, 'int32'), array])
 *   return last.stack()
 * })
 * squares(tf.scalar(4, 'int32')) // [0, 1, 4, 9]
 */
export function tensorArray(dtype: DType, size?: number, options: TensorArrayOptions = {}): TensorArray {
  if (size !== undefined && (!Number.isInteger(size) || size < 0))
    throw new ValueError({ op, problem: `the size is ${size}`, fix: 'give an integer of at least 0.' })
  const {
    dynamicSize = size === undefined,
    elementShape,
    inferShape = true,
    clearAfterRead = false,
  } = options
  const settings = { dtype, size: size ?? 0, dynamicSize, isRagged: !inferShape, clearAfterRead }
  return new TensorArray(settings, [], elementShape && { dtype, shape: elementShape })
}
