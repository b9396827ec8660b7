/**
 * Specs: argument types a user writes down, with null for what is not known until the call.
 */
import { type DType, shortName } from '../../codegen/dtype.ts'
import { SignatureError, ValueError } from '../../codegen/errors.ts'
import { type Size, sizeName, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { isPlainObject } from './tree.ts'

/** What `tf.spec` makes: an argument's dtype and sizes; null for a size, or for the whole shape, leaves it open. */
export class TensorSpec {
  readonly shape: readonly (number | null)[] | null
  readonly dtype: DType
  /** The name of the argument in `concrete` calls by name. */
  readonly name: string | undefined

  constructor(shape: readonly (number | null)[] | null, dtype: DType = 'float32', name?: string) {
    for (const size of shape ?? [])
      if (size !== null && !(Number.isInteger(size) && size >= 0))
        throw new ValueError({
          op: 'tf.spec',
          problem: `${String(size)} is not a size`,
          fix: 'use integers ≥ 0, or null for a size that is not known.',
        })
    this.shape = shape === null ? null : [...shape]
    this.dtype = dtype
    this.name = name
  }

  /** `f32[null,784]`; `f32[…]` for unknown rank. */
  toString(): string {
    return printSpec(this.dtype, this.shape)
  }
}

/** A spec, or arrays and plain objects of specs. */
export type SpecTree = TensorSpec | readonly SpecTree[] | { readonly [key: string]: SpecTree }

/** The text of an argument type with open sizes. */
export function printSpec(dtype: DType, shape: readonly (Size | null)[] | null): string {
  return `${shortName(dtype)}[${shape === null ? '…' : shape.map((size) => (size === null ? 'null' : String(size))).join(',')}]`
}

/** True when a tensor of this type may be passed where the spec is asked for. */
export function specAccepts(spec: { readonly dtype: DType; readonly shape: readonly (Size | null)[] | null }, type: TensorType): boolean {
  if (spec.dtype !== type.dtype) return false
  const { shape } = spec
  if (shape === null) return true
  return shape.length === type.shape.length && shape.every((size, axis) => size === null || sizesEqual(size, type.shape[axis] ?? -1) !== false)
}

/** Fresh names `n0`, `n1`, … for open sizes. */
export class SizeNames {
  #next = 0
  /** The shape with a name for each null. */
  name(shape: readonly (Size | null)[]): readonly Size[] {
    return shape.map((size) => size ?? sizeName(`n${this.#next++}`))
  }
}

/**
 * An argument as its spec wants it: JavaScript values converted to the spec's dtype, Variables read, tensors checked.
 *
 * @throws SignatureError naming the path, what was given and what is wanted
 */
export function fitToSpec(value: unknown, spec: SpecTree, path: string, op: string): unknown {
  if (value instanceof TensorSpec) return value
  if (spec instanceof TensorSpec) return fitLeaf(value, spec, path, op)
  if (Array.isArray(spec) && Array.isArray(value) && value.length === spec.length)
    return value.map((entry: unknown, i) => fitToSpec(entry, spec[i] as SpecTree, `${path}[${i}]`, op))
  if (isPlainObject(spec) && isPlainObject(value))
    return Object.fromEntries(Object.entries(spec).map(([key, inner]) => [key, fitToSpec(value[key], inner as SpecTree, `${path}.${key}`, op)]))
  throw new SignatureError({ op, problem: `${path} does not have the structure of the inputSignature`, fix: 'pass the same arrays and objects as the specs.' })
}

function fitLeaf(value: unknown, spec: TensorSpec, path: string, op: string): Tensor {
  if (value === undefined) throw new SignatureError({ op, problem: `the argument ${path} is missing`, fix: `pass a tensor of type ${spec.toString()}.` })
  const tensor = value instanceof TensorMethods ? value.asTensor() : convertToTensor(value as TensorLike, { dtype: spec.dtype, op })
  if (!specAccepts(spec, tensor.type))
    throw new SignatureError({ op, problem: `${path}: ${printType(tensor.type)} is not ${spec.toString()}`, fix: 'cast or reshape the argument, or widen the inputSignature with null.' })
  return tensor
}

/** Throws SignatureError unless `spec` is a spec or a structure of specs. */
export function checkSpecTree(spec: unknown, path: string): void {
  if (spec instanceof TensorSpec) return
  if (Array.isArray(spec)) return spec.forEach((entry: unknown, i) => checkSpecTree(entry, `${path}[${i}]`))
  if (isPlainObject(spec)) return Object.entries(spec).forEach(([key, entry]) => checkSpecTree(entry, `${path}.${key}`))
  throw new SignatureError({ op: 'tf.function', problem: `${path} is ${String(spec)}, not a spec`, fix: 'use tf.spec(shape, dtype), with null for unknown sizes.' })
}
