/**
 * Values of variables as the staging of control flow sees them: structures with numbers and tensors at the leaves.
 */
import type { DType } from '../../codegen/dtype.ts'
import { convertToTensor, isTypedArray, type TensorLike } from '../convert.ts'
import { printType, type Shape } from '../ir/type.ts'
import { filled } from '../ops/index.ts'
import { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { isPlainObject } from '../trace/tree.ts'
import { Variable } from '../variable.ts'
import { adopt, isWeak, weakDType } from './operators.ts'
import { absent, unset } from './absent.ts'

/** A tensor that is made when it is asked for, in the region that asks. */
class Deferred extends TensorMethods {
  readonly dtype: DType
  readonly #make: () => Tensor

  constructor(dtype: DType, make: () => Tensor) {
    super()
    this.dtype = dtype
    this.#make = make
  }

  override asTensor(): Tensor {
    return this.#make()
  }
  override toString(): string {
    return `Deferred(${this.dtype})`
  }
}

/** A tensor made on demand, for those who ask an operand for its dtype and then for the tensor, and nothing else. */
export function later(dtype: DType, make: () => Tensor): TensorLike {
  const value: TensorMethods = new Deferred(dtype, make)
  return value as Tensor
}

/** True for what can become a tensor. */
export function isNumeric(value: unknown): value is TensorLike {
  return (
    value instanceof TensorMethods ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    isTypedArray(value)
  )
}

/** True for a number or what came of one: its dtype is open. */
export function isLoose(value: unknown): boolean {
  return typeof value === 'number' || isWeak(value)
}

export function naturalDType(value: TensorLike): DType {
  if (value instanceof TensorMethods) return value.dtype
  if (typeof value === 'number') return weakDType(value)
  return convertToTensor(value).dtype
}

/** The dtype of a variable that holds one or the other; of two tensors that differ, the first's. */
export function commonDType(x: TensorLike, y: TensorLike): DType {
  const [first, second] = [naturalDType(x), naturalDType(y)]
  if (!isLoose(x)) return first
  if (!isLoose(y)) return second
  return first === second ? first : 'float32'
}

/** The value as a tensor of the dtype, made where it is asked for; tensors with a dtype of their own stay. */
export function deferred(value: TensorLike, dtype: DType): TensorLike {
  if (value instanceof Variable) return later(value.dtype, () => value.asTensor())
  if (value instanceof Tensor && !isWeak(value)) return value
  return later(dtype, () => adopt(value, dtype))
}

/** Zeros where a value is needed that nobody will look at. */
export function placeholder(like: TensorLike): TensorLike {
  const tensor = like instanceof Tensor ? like : undefined
  const dtype = naturalDType(like)
  const shape: Shape =
    tensor?.type.shape ??
    (like instanceof Variable ? like.type.shape : isTypedArray(like) ? [like.length] : [])
  return later(dtype, () => filled(dtype, shape, 0))
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === unset) return 'nothing'
  if (value === absent) return 'absent'
  if (value instanceof Tensor || value instanceof Variable) return printType(value.type)
  if (value === null || value === undefined || typeof value === 'boolean' || typeof value === 'number')
    return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(kindOf).join(', ')}]`
  if (isPlainObject(value))
    return `{${Object.entries(value)
      .map(([key, entry]) => `${key}: ${kindOf(entry)}`)
      .join(', ')}}`
  if (typeof value === 'function') return `the function ${value.name}`
  return typeof value === 'object' ? value.constructor.name : typeof value
}

/** The keys of two objects, when they are the same. */
export function sameKeys(x: object, y: object): readonly string[] | undefined {
  const [keys, others] = [Object.keys(x), Object.keys(y)]
  return keys.length === others.length && keys.every((key) => Object.hasOwn(y, key)) ? keys : undefined
}
