/**
 * Specs: argument types a user writes down, with null for what is not known until the call.
 */
import { type DType, shortName } from '../../codegen/dtype.ts'
import { SignatureError, ValueError } from '../../codegen/errors.ts'
import { type Size, sizeName, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, requireDType, type TensorLike } from '../convert.ts'
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
    requireDType('tf.spec', dtype)
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
export function specAccepts(
  spec: { readonly dtype: DType; readonly shape: readonly (Size | null)[] | null },
  type: TensorType,
): boolean {
  if (spec.dtype !== type.dtype) return false
  const { shape } = spec
  if (shape === null) return true
  return (
    shape.length === type.shape.length &&
    shape.every((size, axis) => size === null || sizesEqual(size, type.shape[axis] ?? -1) !== false)
  )
}

/** Fresh names `n0`, `n1`, … for open sizes. */
export class SizeNames {
  #next = 0
  /** The shape with a name for each null. */
  name(shape: readonly (Size | null)[]): readonly Size[] {
    return shape.map((size) => size ?? sizeName(`n${this.#next++}`))
  }
}

/** Converts and checks the arguments of a call by specs. */
export class SpecFitting {
  readonly #specs: readonly SpecTree[]
  readonly #function: string
  readonly #names: readonly string[]

  constructor(specs: readonly SpecTree[], functionName: string, parameterNames: readonly string[]) {
    this.#specs = specs
    this.#function = functionName
    this.#names = specs.map((_, i) => parameterNames[i] ?? `args[${i}]`)
  }

  /**
   * The arguments as the specs want them: JavaScript values converted to the specs' dtypes, Variables read, tensors
   * checked.
   *
   * @throws SignatureError naming the argument, what was given and what is wanted
   */
  fit(args: readonly unknown[]): readonly unknown[] {
    const count = this.#specs.length
    if (args.length !== count)
      throw new SignatureError({
        op: this.#function,
        problem: `it takes ${count} argument${count === 1 ? '' : 's'} by its inputSignature, ${args.length} ${args.length === 1 ? 'was' : 'were'} given`,
        fix: `call ${this.#function}(${this.#names.join(', ')}).`,
      })
    return this.#specs.map((spec, i) => this.#tree(args[i], spec, this.#names[i] ?? ''))
  }

  #tree(value: unknown, spec: SpecTree, path: string): unknown {
    if (value instanceof TensorSpec) return value
    if (spec instanceof TensorSpec) return this.#tensor(value, spec, path)
    if (isSpecList(spec)) {
      if (!Array.isArray(value) || value.length !== spec.length)
        throw this.#structure(path, `an array of ${spec.length}`)
      return spec.map((inner, i) => this.#tree(value[i], inner, `${path}[${i}]`))
    }
    if (!isPlainObject(value)) throw this.#structure(path, 'a plain object')
    const extra = Object.keys(value).find((key) => !(key in spec))
    if (extra !== undefined) throw this.#structure(`${path}.${extra}`, 'absent')
    const fitted = new Map(
      Object.entries(spec).map(([key, inner]) => [
        key,
        this.#tree(value[key], inner as SpecTree, `${path}.${key}`),
      ]),
    )
    return Object.fromEntries(Object.keys(value).map((key) => [key, fitted.get(key)]))
  }

  #tensor(value: unknown, spec: TensorSpec, path: string): Tensor {
    const tensor =
      value instanceof TensorMethods
        ? value.asTensor()
        : convertToTensor(value as TensorLike, {
            dtype: spec.dtype,
            op: `${this.#function}, argument ${path}`,
          })
    if (!specAccepts(spec, tensor.type))
      throw new SignatureError({
        op: this.#function,
        problem: `the argument ${path} does not fit the inputSignature`,
        rows: [
          [path, printType(tensor.type)],
          ['wanted', spec.toString()],
        ],
        fix: 'cast or reshape the argument, or widen the inputSignature with null.',
      })
    return tensor
  }

  #structure(path: string, wanted: string): SignatureError {
    return new SignatureError({
      op: this.#function,
      problem: `${path} does not have the structure of the inputSignature, where it is ${wanted}`,
      fix: 'pass the same arrays and objects as the specs.',
    })
  }
}

function isSpecList(spec: SpecTree): spec is readonly SpecTree[] {
  return Array.isArray(spec)
}

/** Throws SignatureError unless `spec` is a spec or a structure of specs. */
export function checkSpecTree(spec: unknown, path: string): void {
  if (spec instanceof TensorSpec) return
  if (Array.isArray(spec)) return spec.forEach((entry: unknown, i) => checkSpecTree(entry, `${path}[${i}]`))
  if (isPlainObject(spec))
    return Object.entries(spec).forEach(([key, entry]) => checkSpecTree(entry, `${path}.${key}`))
  throw new SignatureError({
    op: 'tf.function',
    problem: `${path} is ${typeof spec === 'string' ? JSON.stringify(spec) : String(spec)}, not a spec`,
    fix: 'use tf.spec(shape, dtype), with null for unknown sizes.',
  })
}
