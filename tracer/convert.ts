/**
 * From JavaScript values to tensors.
 *
 * Numbers are float32 unless a dtype is asked for; booleans are bool; typed arrays have their own dtype
 * (`Uint8Array` is uint8). Data is copied on entry. Where a JavaScript value meets a tensor, it takes the tensor's dtype
 * (`dtype` in the options); a number that dtype cannot hold exactly (1.5 or 2³² as int32) is refused, never rounded.
 */
import { allocate, type DType, dtypes, type TypedArray } from '../codegen/dtype.ts'
import { DTypeError, ShapeError, TraceError, ValueError } from '../codegen/errors.ts'
import { SizePolynomial } from '../codegen/size.ts'
import { printType } from './ir/type.ts'
import { type Tensor, tensorOf } from './tensor.ts'
import { TensorMethods } from './tensor-methods.ts'
import type { Variable } from './variable.ts'

/** Whatever an op accepts as an operand. Tensors and variables may also stand inside arrays; they are then stacked. */
export type TensorLike = Tensor | Variable | number | boolean | TypedArray | readonly TensorLike[]

export interface ConvertOptions {
  /** The dtype JavaScript values take. Tensors keep theirs. */
  readonly dtype?: DType | undefined
  /** The API that converts, for messages. */
  readonly op?: string
}

/** Stacks tensors found inside an array; installed by the op library, whose `stack` it is. */
let stackTensors: ((rows: readonly TensorLike[], dtype: DType | undefined) => Tensor) | undefined
export function installStack(stack: (rows: readonly TensorLike[], dtype: DType | undefined) => Tensor): void {
  stackTensors = stack
}

function typedArrayDType(array: TypedArray): DType {
  if (array instanceof Float32Array) return 'float32'
  if (array instanceof Float64Array) return 'float64'
  if (array instanceof Int32Array) return 'int32'
  return 'uint8'
}

export function isTypedArray(value: unknown): value is TypedArray {
  return (
    value instanceof Float32Array ||
    value instanceof Float64Array ||
    value instanceof Int32Array ||
    value instanceof Uint8Array
  )
}

/** Writes one number into `target[at]`, refusing what the dtype cannot hold. */
function store(target: TypedArray, at: number, value: unknown, dtype: DType, op: string, path: string): void {
  if (typeof value !== 'number' && typeof value !== 'boolean')
    throw new ValueError({
      op,
      problem: `${path === '' ? 'the value' : `the element ${path}`} is ${describe(value)}, not a number or boolean`,
      fix: 'pass numbers, booleans, nested arrays of them, or a typed array.',
    })
  const number = Number(value)
  const bad =
    (dtype === 'int32' && (number | 0) !== number) ||
    (dtype === 'uint8' && (number & 255) !== number) ||
    (dtype === 'bool' && number !== 0 && number !== 1)
  if (bad)
    throw new DTypeError({
      op,
      problem: `${path === '' ? 'the value' : `the element ${path} =`} ${number} is not ${dtype === 'bool' ? 'a boolean' : dtype === 'uint8' ? 'an integer from 0 to 255' : 'a 32-bit integer'}`,
      fix: `use float32, or round it first; the target dtype is ${dtype}.`,
    })
  target[at] = number
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return 'a bigint'
  if (typeof value === 'object') return value.constructor?.name ?? 'an object'
  return value === undefined ? 'undefined' : `a ${typeof value}`
}

/** Throws ValueError for a dtype that does not exist. */
export function requireDType(op: string, dtype: DType): void {
  if (!dtypes.includes(dtype))
    throw new ValueError({
      op,
      problem: `${JSON.stringify(dtype)} is not a dtype`,
      fix: `use one of ${dtypes.join(', ')}.`,
    })
}

/** Under this key an array that grew in a staged loop tells how to make one tensor of it. */
export const grown: unique symbol = Symbol('grown in a staged loop')

/** An array whose elements are known only when the program runs. */
export interface GrownList {
  stack(): Tensor
  concat(): Tensor
}

/** The list behind an array that grew in a staged loop; undefined for any other. */
export function grownList(values: readonly unknown[]): GrownList | undefined {
  return Reflect.get(values, grown) as GrownList | undefined
}

/** Turns a JavaScript value, tensor or variable into a tensor of the current trace. Throws ValueError, DTypeError or ShapeError. */
export function convertToTensor(value: TensorLike, options: ConvertOptions = {}): Tensor {
  if (value instanceof TensorMethods) return value.asTensor()
  const op = options.op ?? 'tf.tensor'
  if (options.dtype !== undefined) requireDType(op, options.dtype)
  if (typeof value === 'number' || typeof value === 'boolean') {
    const dtype = options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32')
    const data = allocate(dtype, 1)
    store(data, 0, value, dtype, op, '')
    return tensorOf(dtype, [], data)
  }
  if (isTypedArray(value)) {
    const dtype = options.dtype ?? typedArrayDType(value)
    if (typedArrayDType(value) === dtype) return tensorOf(dtype, [value.length], value.slice())
    const data = allocate(dtype, value.length)
    for (let i = 0; i < value.length; i++) store(data, i, value[i], dtype, op, `[${i}]`)
    return tensorOf(dtype, [value.length], data)
  }
  if (Array.isArray(value)) return grownList(value)?.stack() ?? fromNested(value, options.dtype, op)
  const other: unknown = value
  if (other instanceof SizePolynomial)
    throw new TraceError({
      op,
      problem: `the size ${other.key} is not known until the function is called, so it is not a number`,
      fix: 'use tf.sizeOf(x, axis), which gives it as an int32 tensor.',
    })
  throw new ValueError({
    op,
    problem: `${describe(value)} is not a tensor`,
    fix: 'pass a tensor, a variable, numbers, booleans, nested arrays of them, or a typed array.',
  })
}

function fromNested(value: readonly TensorLike[], wanted: DType | undefined, op: string): Tensor {
  if (containsTensor(value)) {
    if (stackTensors === undefined)
      throw new ValueError({
        op,
        problem: 'arrays with tensors inside cannot be stacked before the op library is loaded',
      })
    return stackTensors(value, wanted)
  }
  const shape: number[] = []
  let level: unknown = value
  while (Array.isArray(level) || isTypedArray(level)) {
    shape.push(level.length)
    level = level[0]
  }
  const dtype = wanted ?? (typeof level === 'boolean' ? 'bool' : 'float32')
  const data = allocate(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  )
  let at = 0
  const fill = (entry: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (Array.isArray(entry) || isTypedArray(entry)) ragged(entry.length, axis, path)
      if (
        wanted === undefined &&
        typeof entry !== 'object' &&
        (typeof entry === 'boolean') !== (dtype === 'bool')
      )
        throw new DTypeError({
          op,
          problem: `numbers and booleans are mixed: the element ${path} is ${describe(entry)}`,
          fix: 'use one kind, or give the dtype.',
        })
      store(data, at++, entry, dtype, op, path)
      return
    }
    if (!Array.isArray(entry) && !isTypedArray(entry)) return ragged(undefined, axis, path)
    if (entry.length !== shape[axis]) ragged(entry.length, axis, path)
    for (let i = 0; i < entry.length; i++) fill(entry[i], axis + 1, `${path}[${i}]`)
  }
  const ragged = (length: number | undefined, axis: number, path: string): never => {
    throw new ShapeError({
      op,
      problem: `the nested arrays are ragged: ${path === '' ? 'the outer array' : path} has ${length === undefined ? 'no length' : `length ${length}`}${axis < shape.length ? `, where the first entry at that depth has ${shape[axis]}` : ', where the first entry at that depth is a number'}`,
      fix: 'pad the rows to one length.',
    })
  }
  fill(value, 0, '')
  return tensorOf(dtype, shape, data)
}

function containsTensor(value: readonly TensorLike[]): boolean {
  return value.some(
    (entry) => entry instanceof TensorMethods || (Array.isArray(entry) && containsTensor(entry)),
  )
}

/**
 * Converts the operands of an op that wants one dtype: JavaScript values take the dtype of the first tensor among them.
 * Throws DTypeError naming both when two tensors differ, since nothing is promoted silently.
 */
export function convertTogether(
  op: string,
  values: readonly (readonly [name: string, value: TensorLike])[],
): Tensor[] {
  let dtype: DType | undefined
  for (const [, value] of values)
    if (value instanceof TensorMethods) {
      dtype = value.dtype
      break
    }
  const tensors = values.map(([, value]) => convertToTensor(value, { dtype, op }))
  const [first] = tensors
  for (const tensor of tensors)
    if (first !== undefined && tensor.dtype !== first.dtype)
      throw new DTypeError({
        op,
        problem: 'operands have different dtypes',
        rows: tensors.map((t, i) => [values[i]?.[0] ?? '', printType(t.type)]),
        fix: `cast one of them, e.g. ${values[1]?.[0] ?? 'y'}.cast('${first.dtype}'); tensors are never promoted.`,
      })
  return tensors
}
