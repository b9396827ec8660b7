/**
 * Input signatures: the types a function's arguments are converted to and checked against, with names for the sizes that
 * are known only at a call.
 *
 * A function with an input signature has one trace for all sizes. What that trace takes for granted about its sizes (two
 * of them are equal) is checked at every call. A call that does otherwise gets a trace in which the sizes in question
 * are *pinned* to numbers, and the others stay names: broadcasting by a size of 1 is one more trace, whatever the batch.
 */
import { SignatureError } from '../../codegen/errors.ts'
import { sizeName, sizesEqual, substituteSize } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { type Leaf, type Signature, TensorSpec } from './signature.ts'
import { isPlainObject } from './tree.ts'

/** A spec, or arrays and plain objects of specs. */
export type SpecTree = TensorSpec | readonly SpecTree[] | { readonly [key: string]: SpecTree }

/** Sizes that are taken to be these numbers, by name. */
export type Pins = ReadonlyMap<string, number>

export class InputSignature {
  readonly #specs: readonly SpecTree[]
  readonly #function: string
  readonly #names: readonly string[]
  /** Path and type of every spec, in the order of the leaves. */
  readonly #types: readonly (readonly [path: string, type: TensorType])[]

  /** Throws SignatureError for anything that is not a spec. */
  constructor(specs: readonly SpecTree[], functionName: string, parameterNames: readonly string[]) {
    this.#specs = specs
    this.#function = functionName
    this.#names = specs.map((_, i) => parameterNames[i] ?? `args[${i}]`)
    const types: (readonly [string, TensorType])[] = []
    let unknown = 0
    const visit = (spec: unknown, path: string, place: string): void => {
      if (spec instanceof TensorSpec) {
        const shape = spec.shape.map((size) => size ?? sizeName(`n${unknown++}`))
        types.push([path, { dtype: spec.dtype, shape }])
      } else if (Array.isArray(spec)) {
        spec.forEach((entry: unknown, i) => visit(entry, `${path}[${i}]`, `${place}[${i}]`))
      } else if (isPlainObject(spec)) {
        for (const key of Object.keys(spec).sort()) visit(spec[key], `${path}.${key}`, `${place}.${key}`)
      } else
        throw new SignatureError({
          op: 'tf.function',
          problem: `${place} is ${typeof spec === 'string' ? JSON.stringify(spec) : String(spec)}, not a spec`,
          fix: 'use tf.spec(shape, dtype), with null for unknown sizes.',
        })
    }
    specs.forEach((spec, i) => visit(spec, this.#names[i] ?? '', `inputSignature[${i}]`))
    this.#types = types
  }

  /** The types of the tensors among the arguments, with the pinned sizes in the place of their names. */
  types(pins: Pins): readonly TensorType[] {
    return this.#types.map(([, type]) => ({
      dtype: type.dtype,
      shape: type.shape.map((size) => substituteSize(size, (name) => pins.get(name))),
    }))
  }

  /** The signature of all calls with these pins; `leaves` are those of one call. */
  signature(leaves: readonly Leaf[], pins: Pins): Signature {
    const types = this.types(pins)
    const entries = this.#types.map(([path], i) => [path, printType(types[i] as TensorType)] as const)
    return {
      entries,
      leaves,
      key: [...pins]
        .map(([name, size]) => `${name}=${size}`)
        .sort()
        .join(','),
    }
  }

  /** Converts the arguments of a call. Throws SignatureError, naming the argument, when they do not fit. */
  fit(args: readonly unknown[]): { readonly args: readonly unknown[]; readonly leaves: readonly Leaf[] } {
    const count = this.#specs.length
    if (args.length !== count)
      throw new SignatureError({
        op: this.#function,
        problem: `it takes ${count} argument${count === 1 ? '' : 's'} by its inputSignature, ${args.length} ${args.length === 1 ? 'was' : 'were'} given`,
        fix: `call ${this.#function}(${this.#names.join(', ')}).`,
      })
    const leaves: Leaf[] = []
    const fitted = this.#specs.map((spec, i) => this.#fitTree(args[i], spec, this.#names[i] ?? '', leaves))
    return { args: fitted, leaves }
  }

  #fitTree(value: unknown, spec: SpecTree, path: string, leaves: Leaf[]): unknown {
    if (spec instanceof TensorSpec) {
      const tensor = this.#fitTensor(value, spec, path)
      leaves.push({ kind: 'tensor', path, tensor })
      return tensor
    }
    if (isSpecList(spec)) {
      if (!Array.isArray(value) || value.length !== spec.length)
        throw this.#structure(path, `an array of ${spec.length}`)
      return spec.map((inner, i) => this.#fitTree(value[i], inner, `${path}[${i}]`, leaves))
    }
    if (!isPlainObject(value)) throw this.#structure(path, 'a plain object')
    const extra = Object.keys(value).find((key) => !(key in spec))
    if (extra !== undefined) throw this.#structure(`${path}.${extra}`, 'absent')
    const fitted = new Map<string, unknown>()
    for (const key of Object.keys(spec).sort())
      fitted.set(key, this.#fitTree(value[key], spec[key] as SpecTree, `${path}.${key}`, leaves))
    return Object.fromEntries(Object.keys(value).map((key) => [key, fitted.get(key)]))
  }

  #fitTensor(value: unknown, spec: TensorSpec, path: string): Tensor {
    const tensor =
      value instanceof TensorMethods
        ? value.asTensor()
        : convertToTensor(value as TensorLike, {
            dtype: spec.dtype,
            op: `${this.#function}, argument ${path}`,
          })
    const { shape } = tensor.type
    const fitting =
      tensor.dtype === spec.dtype &&
      shape.length === spec.shape.length &&
      spec.shape.every((size, axis) => size === null || sizesEqual(size, shape[axis] ?? -1) !== false)
    if (!fitting)
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
