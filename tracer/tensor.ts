/**
 * Tensor: the user's handle to a value.
 *
 * A tensor is immutable. In eager code its truth is a garbage-collected typed array, so there is nothing to dispose;
 * it may be *pending*: a view of another tensor (a broadcast, a transpose, a slice's reshape) or a snapshot of a
 * variable, computed or copied only when somebody reads it. While a function is traced a tensor is *symbolic*: it
 * stands for a value of the graph, and reading it throws.
 *
 * The chained methods (`x.add(y)`) live in tensor-methods.ts.
 */
import type { DType, TypedArray } from '../codegen/dtype.ts'
import { TraceError, ValueError } from '../codegen/errors.ts'
import { elementCount, isStaticShape, printShape, printSize } from '../codegen/size.ts'
import type { Attrs, Value } from './ir/graph.ts'
import { printType, type Shape, type TensorType } from './ir/type.ts'
import type { OpDefinition } from './op.ts'
import { TensorMethods } from './tensor-methods.ts'
import { materialiseTensor, type Trace } from './trace/bind.ts'
import type { Variable } from './variable.ts'

/** Nested JavaScript arrays of plain values, as `array()` gives them. */
export type NestedArray = number | boolean | NestedArray[]

/** What stands behind a tensor. */
export type Payload =
  | { readonly kind: 'data'; readonly data: TypedArray }
  /** `op` (broadcast, transpose, reshape) of `base`, not computed yet. */
  | { readonly kind: 'view'; readonly base: Tensor; readonly op: OpDefinition; readonly attrs: Attrs }
  /** The content of a variable as long as it has not been assigned; the variable turns it into data before it changes. */
  | { readonly kind: 'snapshot'; readonly variable: Variable }
  | { readonly kind: 'symbolic'; readonly trace: Trace; readonly value: Value }

/** An immutable array of numbers or booleans with a shape. Made by `tf.tensor` and by ops. */
export class Tensor extends TensorMethods {
  /** dtype and sizes; sizes may be names while tracing. */
  readonly type: TensorType
  #payload: Payload

  constructor(type: TensorType, payload: Payload) {
    super()
    this.type = type
    this.#payload = payload
    if (new.target === Tensor) Object.freeze(this)
  }

  override asTensor(): Tensor {
    return this
  }
  get dtype(): DType {
    return this.type.dtype
  }
  /**
   * The size of each axis. While tracing with an unknown size the entry is a symbolic size that throws when it is used
   * as a number; `tf.sizeOf(x, axis)` gives it as a tensor.
   */
  get shape(): readonly number[] {
    return this.type.shape as readonly number[]
  }
  /** Number of axes. */
  get rank(): number {
    return this.type.shape.length
  }
  /** Number of elements. */
  get size(): number {
    return elementCount(this.type.shape) as number
  }
  /** For the library's own use: what stands behind the tensor. */
  get payload(): Payload {
    return this.#payload
  }
  /** For the library's own use: a pending tensor has been computed. */
  settle(data: TypedArray): void {
    this.#payload = { kind: 'data', data }
  }

  /** The elements in row-major order, as a copy: Float32Array, Float64Array, Int32Array or Uint8Array (uint8, bool). Throws TraceError while tracing. */
  data(): TypedArray {
    return this.elements('data()').slice()
  }
  /** The elements as nested arrays (a plain value for rank 0); bool gives true and false. */
  array(): NestedArray {
    const data = this.elements('array()')
    const shape = this.shape
    const bool = this.dtype === 'bool'
    const build = (axis: number, from: number, count: number): NestedArray => {
      if (axis === shape.length) return bool ? data[from] !== 0 : (data[from] ?? 0)
      const size = shape[axis] ?? 0
      const inner = size === 0 ? 0 : count / size
      return Array.from({ length: size }, (_, i) => build(axis + 1, from + i * inner, inner))
    }
    return build(0, 0, data.length)
  }
  /** The only element of a tensor of size 1. Throws ValueError for any other size. */
  item(): number {
    const data = this.elements('item()')
    const [value] = data
    if (data.length !== 1 || value === undefined)
      throw new ValueError({
        op: 'item',
        problem: `a tensor of shape ${printShape(this.type.shape)} has ${data.length} elements, not one`,
        fix: 'use data() or array(), or reduce it first.',
      })
    return value
  }
  /** For the library's own use: the elements without a copy; never write to them. */
  elements(reader: string): TypedArray {
    const payload = this.#payload
    if (payload.kind === 'data') return payload.data
    if (payload.kind === 'symbolic')
      throw new TraceError({
        op: reader,
        problem: `${printType(this.type)} is symbolic while ${payload.trace.name} is being traced: it has no elements yet`,
        fix:
          payload.trace.howToRead ?? 'return it and read it outside the function, or print it with tf.print.',
      })
    return materialiseTensor(this)
  }

  override toString(): string {
    const { dtype, shape } = this.type
    const payload = this.#payload
    if (payload.kind === 'symbolic')
      return `Tensor(shape=[${shape.map(printSize).join(', ')}], ${dtype}, in ${payload.trace.name})`
    return `Tensor(${formatElements(this.array(), '        ')}, shape=[${shape.map(printSize).join(', ')}], ${dtype})`
  }
  toJSON(): NestedArray {
    return this.array()
  }
  /** An eager scalar converts to its number; anything else throws, because operators do not work on tensors. */
  [Symbol.toPrimitive](hint: string): number | string {
    if (hint === 'string') return this.toString()
    if (this.#payload.kind === 'symbolic' || this.rank !== 0)
      throw new TraceError({
        op: 'operator',
        problem: `JavaScript operators such as + and < do not work on ${printType(this.type)}${this.#payload.kind === 'symbolic' ? ', which is symbolic' : ''}`,
        fix: 'use x.add(y), x.mul(y), x.less(y) … (tf.add, tf.mul, tf.less).',
      })
    if (hint === 'default')
      throw new TraceError({
        op: 'operator',
        problem: `+ and == do not work on tensors (here ${printType(this.type)})`,
        fix: 'use x.add(y) or x.equal(y); x.item() gives the JavaScript number.',
      })
    return this.item()
  }
  /** The rows of an eager tensor, along axis 0. */
  *[Symbol.iterator](): Iterator<Tensor> {
    if (this.rank === 0)
      throw new ValueError({ op: 'for…of', problem: 'a scalar has no rows', fix: 'use item().' })
    if (!isStaticShape(this.type.shape))
      throw new TraceError({
        op: 'for…of',
        problem: `the number of rows of ${printType(this.type)} is not known while tracing`,
        fix: 'give the axis a size in the signature.',
      })
    const [rows = 0] = this.type.shape
    for (let i = 0; i < rows; i++) yield this.at(i)
  }
}

/**
 * What comparisons and logic give, and `all`, `any`, `isNaN` and the like: a tensor of dtype bool.
 *
 * It is a tensor like any other; to the compiler it is a boolean as well, so that in a function whose control flow is
 * rewritten `if (x.greater(0))` is a test that may go either way, while `if (x)` is reported as one that cannot.
 */
export type BoolTensor = Tensor & boolean

/** A bool tensor, which the compiler may take for a test. */
export function asBool(tensor: Tensor): BoolTensor {
  return tensor as BoolTensor
}

/** A tensor holding `data`, which it owns from now on. */
export function tensorOf(dtype: DType, shape: Shape, data: TypedArray): Tensor {
  return new Tensor({ dtype, shape }, { kind: 'data', data })
}

/** Nested arrays as text, long axes cut after three entries at either end. */
function formatElements(value: NestedArray, indent: string): string {
  if (!Array.isArray(value)) return typeof value === 'number' ? formatNumber(value) : String(value)
  const shown = value.length > 8 ? [...value.slice(0, 3), undefined, ...value.slice(-3)] : value
  const texts = shown.map((entry) => (entry === undefined ? '…' : formatElements(entry, `${indent} `)))
  const nested = Array.isArray(value[0])
  return `[${texts.join(nested ? `,\n${indent}` : ', ')}]`
}

/** Shortest decimal that gives back the float32; integers plain. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) || !Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  for (let digits = 6; digits <= 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === Math.fround(value)) return String(Number(text))
  }
  return String(value)
}
