/**
 * Specs: argument types a user writes down, with null for what is not known until the call.
 */
import { type DType, shortName } from '../../codegen/dtype.ts'
import { SignatureError, ValueError } from '../../codegen/errors.ts'
import { namesOfSize, type Size, sizeName, sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, requireDType, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Parameter, ParameterList } from './parameters.ts'
import { metaText } from './protocol.ts'
import { isPlainObject, propertyPath } from './tree.ts'

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

/** Names `n0`, `n1`, … for open sizes, other than those that sizes of an outer trace have in these shapes already. */
export class SizeNames {
  readonly #taken = new Set<string>()
  #next = 0

  constructor(shapes: readonly (readonly (Size | null)[] | null)[]) {
    for (const shape of shapes)
      for (const size of shape ?? []) if (size !== null) namesOfSize(size, this.#taken)
  }

  /** The next name. */
  next(): string {
    let name: string
    do name = `n${this.#next++}`
    while (this.#taken.has(name))
    return name
  }
  /** The shape with a name for each null. */
  name(shape: readonly (Size | null)[]): readonly Size[] {
    return shape.map((size) => size ?? sizeName(this.next()))
  }
}

/** Converts and checks the arguments of a call by specs. */
export class SpecFitting {
  readonly #specs: readonly SpecTree[]
  readonly #function: string
  readonly #parameters: readonly Parameter[]
  readonly #names: readonly string[]

  /**
   * @param required how many parameters have no default
   * @throws SignatureError for what is no spec, for a parameter without spec or default, and for specs too many
   */
  constructor(specs: readonly SpecTree[], functionName: string, list: ParameterList, required: number) {
    this.#specs = specs
    this.#function = functionName
    this.#parameters = list.parameters
    const nameOf = (i: number): string => list.parameters[i]?.name ?? `args[${i}]`
    this.#names = specs.map((_, i) => nameOf(i))
    specs.forEach((spec, i) => checkSpecTree(spec, `inputSignature[${i}]`))
    if (specs.length < required)
      throw new SignatureError({
        op: functionName,
        problem: `inputSignature has no spec for ${Array.from({ length: required - specs.length }, (_, i) => nameOf(specs.length + i)).join(', ')}`,
        fix: 'add one for every parameter that has no default.',
      })
    const extra = specs.length - list.parameters.length
    if (list.beyond === 'ignored' && extra > 0)
      throw new SignatureError({
        op: functionName,
        problem: `inputSignature has ${extra} spec${extra === 1 ? '' : 's'} more than the function has parameters`,
        fix: `the parameters are (${list.parameters.map((_, i) => nameOf(i)).join(', ')}).`,
      })
  }

  /**
   * The arguments as the specs want them: JavaScript values converted to the specs' dtypes, Variables read, tensors
   * checked. Parameters without a spec are bound to their defaults, which may be given.
   *
   * @throws SignatureError naming the argument, what was given and what is wanted
   */
  fit(args: readonly unknown[]): readonly unknown[] {
    const count = this.#specs.length
    const bound = this.#parameters.slice(count)
    for (const [i, parameter] of bound.entries()) {
      const value = args[count + i]
      if (value === undefined || parameter.rest === true) continue
      const { literal, name } = parameter
      if (literal !== undefined && metaText(literal.value) === metaText(value)) continue
      throw new SignatureError({
        op: this.#function,
        problem: `${name ?? `args[${count + i}]`} is bound to ${literal === undefined ? 'its default' : metaText(literal.value)}, since it has no spec in the inputSignature; got ${describe(value)}`,
        fix: 'leave it out, or make it a tensor with a spec of its own.',
      })
    }
    const seen = bound.some(({ rest }) => rest === true) ? count : count + bound.length
    if (args.length < count || args.slice(seen).some((arg) => arg !== undefined))
      throw new SignatureError({
        op: this.#function,
        problem: `it takes ${count} argument${count === 1 ? '' : 's'} by its inputSignature, ${args.length} ${args.length === 1 ? 'was' : 'were'} given`,
        fix: `call ${this.#function}(${this.#names.join(', ')}).`,
      })
    return this.#specs.map((spec, i) => this.#tree(args[i], spec, this.#names[i] ?? ''))
  }

  #tree(value: unknown, spec: SpecTree, path: string): unknown {
    if (spec instanceof TensorSpec)
      return value instanceof TensorSpec ? this.#spec(value, spec, path) : this.#tensor(value, spec, path)
    if (isSpecList(spec)) {
      if (!Array.isArray(value) || value.length !== spec.length)
        throw this.#structure(path, `an array of ${spec.length}`)
      return spec.map((inner, i) => this.#tree(value[i], inner, `${path}[${i}]`))
    }
    if (!isPlainObject(value)) throw this.#structure(path, 'a plain object')
    const extra = Object.keys(value).find((key) => !(key in spec))
    if (extra !== undefined) throw this.#structure(propertyPath(path, extra), 'absent')
    const fitted = new Map(
      Object.entries(spec).map(([key, inner]) => [
        key,
        this.#tree(value[key], inner as SpecTree, propertyPath(path, key)),
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
    if (!specAccepts(spec, tensor.type)) throw this.#misfit(path, printType(tensor.type), spec)
    return tensor
  }

  /** A spec in the place of an argument must not be wider than the signature's. */
  #spec(value: TensorSpec, spec: TensorSpec, path: string): TensorSpec {
    const wide = spec.shape
    const fits =
      value.dtype === spec.dtype &&
      (wide === null ||
        (value.shape?.length === wide.length &&
          wide.every((size, axis) => size === null || size === value.shape?.[axis])))
    if (!fits) throw this.#misfit(path, value.toString(), spec)
    return value
  }

  #misfit(path: string, given: string, spec: TensorSpec): SignatureError {
    return new SignatureError({
      op: this.#function,
      problem: `the argument ${path} does not fit the inputSignature`,
      rows: [
        [path, given],
        ['wanted', spec.toString()],
      ],
      fix: 'cast or reshape the argument, or widen the inputSignature with null.',
    })
  }

  #structure(path: string, wanted: string): SignatureError {
    return new SignatureError({
      op: this.#function,
      problem: `${path} does not have the structure of the inputSignature, where it is ${wanted}`,
      fix: 'pass the same arrays and objects as the specs.',
    })
  }
}

function describe(value: unknown): string {
  return value instanceof TensorMethods ? value.toString() : metaText(value)
}

function isSpecList(spec: SpecTree): spec is readonly SpecTree[] {
  return Array.isArray(spec)
}

/** Throws SignatureError unless `spec` is a spec or a structure of specs. */
function checkSpecTree(spec: unknown, path: string): void {
  if (spec instanceof TensorSpec) return
  if (Array.isArray(spec)) return spec.forEach((entry: unknown, i) => checkSpecTree(entry, `${path}[${i}]`))
  if (isPlainObject(spec))
    return Object.entries(spec).forEach(([key, entry]) => checkSpecTree(entry, propertyPath(path, key)))
  throw new SignatureError({
    op: 'tf.function',
    problem: `${path} is ${typeof spec === 'string' ? JSON.stringify(spec) : String(spec)}, not a spec`,
    fix: 'use tf.spec(shape, dtype), with null for unknown sizes.',
  })
}
