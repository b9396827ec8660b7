/**
 * One trace of a function, to look at and to call.
 *
 * A concrete function takes arguments in the structure it was traced with. Constants it was traced with are bound: they
 * may be left out at the end, and giving another value is an error. Types are checked before anything runs.
 */
import { SignatureError } from '../../codegen/errors.ts'
import { printGraph } from '../ir/print.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { Variable } from '../variable.ts'
import { type ArgumentType, constantText, type Entry, identityOf, signatureOf } from './argument.ts'
import type { Trace } from './traced-function.ts'
import { printSpec, specAccepts } from './spec.ts'

/** A param of a concrete function. */
export interface ConcreteInput {
  /** Path of the argument: `x`, `batch.y`. */
  readonly name: string
  readonly dtype: TensorType['dtype']
  /** Sizes; null for those that are open. */
  readonly shape: readonly (number | null)[]
}

export class ConcreteFunction {
  readonly name: string
  readonly #trace: Trace
  readonly #parameterNames: readonly string[]

  constructor(name: string, trace: Trace, parameterNames: readonly string[]) {
    this.name = name
    this.#trace = trace
    this.#parameterNames = parameterNames
  }

  /** The tensor arguments, in order. */
  get inputs(): readonly ConcreteInput[] {
    const paths = this.#trace.signature.entries
      .filter(({ type }) => type.kind === 'tensor')
      .map(({ path }) => path)
    return this.#trace.callee.traced.graph.params.map((param, i) => ({
      name: paths[i] ?? '',
      dtype: param.type.dtype,
      shape: openShape(param.type),
    }))
  }
  /** The types of the results, in order. */
  get outputs(): readonly {
    readonly dtype: TensorType['dtype']
    readonly shape: readonly (number | null)[]
  }[] {
    return this.#trace.callee.traced.graph.results.map(({ type }) => ({
      dtype: type.dtype,
      shape: openShape(type),
    }))
  }
  /** The Variables the callback used from around it, in order of first use. */
  get variables(): readonly Variable[] {
    const own = new Set(this.#trace.variableNames)
    return [...this.#trace.callee.traced.variables]
      .filter(([name]) => !own.has(name))
      .map(([, variable]) => variable)
  }
  get trainableVariables(): readonly Variable[] {
    return this.variables.filter((variable) => variable.trainable)
  }
  /** The tensors the callback used from around it. */
  get captures(): readonly Tensor[] {
    return [...this.#trace.callee.traced.tensors.values()]
  }
  /** The graph as text. */
  get graph(): string {
    return printGraph(this.#trace.callee.traced.graph)
  }

  /** `(x: f32[null,2], k: 3) → {y: f32[null,2]}`. */
  toString(): string {
    const { signature, describe } = this.#trace
    const outer = signature.entries.filter(({ path }) => path !== 'this')
    const inputs = outer.filter(
      ({ type, path }) =>
        type.kind !== 'structure' ||
        !outer.some((other) => other !== undefined && other.path !== path && other.path.startsWith(path)),
    )
    const results = this.outputs.map(({ dtype, shape }) => printSpec(dtype, shape))
    return `(${inputs.map((entry) => `${entry.path}: ${this.#typeText(entry)}`).join(', ')}) → ${describe(results)}`
  }

  /**
   * Calls it. Tensors must have the types it was traced for, JavaScript values are converted to them.
   *
   * @throws SignatureError naming the argument, what was given and what is wanted; nothing runs then
   */
  call(args: readonly unknown[]): unknown {
    const { callee, rebuild, signature, variableNames } = this.#trace
    const byName = this.#byName(args)
    const given = signatureOf(byName ?? args, this.#parameterNames)
    const leaves = new Map(given.leaves.map((leaf) => [leaf.path, leaf]))
    const tensors: Tensor[] = []
    const variables: Variable[] = []
    for (const entry of signature.entries) {
      const { path, type } = entry
      const leaf = leaves.get(path)
      const value =
        leaf === undefined
          ? undefined
          : leaf.kind === 'tensor'
            ? leaf.tensor
            : leaf.kind === 'variable'
              ? leaf.variable
              : leaf.kind === 'constant'
                ? leaf.value
                : leaf.spec
      if (type.kind === 'tensor') tensors.push(this.#tensor(path, type, value))
      else if (type.kind === 'variable') variables.push(this.#variable(path, type, value))
      else if (type.kind === 'constant' || type.kind === 'object') this.#bound(path, type, value)
    }
    const known = new Set(signature.entries.map(({ path }) => path))
    const extra = given.leaves.find(({ path }) => !known.has(path))
    if (extra !== undefined) throw this.#mismatch(`${extra.path} is not an argument of ${String(this)}`)
    const broken = callee.brokenGuard(tensors)
    if (broken !== undefined) throw this.#mismatch(`${broken.reason}: ${broken.x} is not ${broken.y}`)
    const captured = new Map(callee.traced.variables)
    variableNames.forEach((name, i) => {
      const variable = variables[i]
      if (variable !== undefined) captured.set(name, variable)
    })
    return rebuild(callee.call(tensors, variableNames.length === 0 ? callee.traced.variables : captured))
  }

  /** Arguments given by the names of the specs it was traced with, as the list they stand for. */
  #byName(args: readonly unknown[]): readonly unknown[] | undefined {
    const names = this.#trace.signature.leaves.flatMap((leaf) =>
      leaf.kind === 'spec' && leaf.spec.name !== undefined ? [leaf.spec.name] : [],
    )
    const [only] = args
    if (
      names.length === 0 ||
      args.length !== 1 ||
      only === null ||
      typeof only !== 'object' ||
      only instanceof TensorMethods
    )
      return undefined
    const given = new Map(Object.entries(only))
    return names.every((name) => given.has(name)) ? names.map((name) => given.get(name)) : undefined
  }

  #tensor(path: string, type: ArgumentType & { readonly kind: 'tensor' }, value: unknown): Tensor {
    if (value === undefined) throw this.#mismatch(`the argument ${path} is missing`)
    const tensor =
      value instanceof TensorMethods
        ? value.asTensor()
        : convertToTensor(value as TensorLike, { dtype: type.dtype, op: this.name })
    if (!specAccepts(type, tensor.type))
      throw this.#mismatch(`${path} is ${printType(tensor.type)}, not ${printSpec(type.dtype, type.shape)}`)
    return tensor
  }

  #variable(path: string, type: ArgumentType & { readonly kind: 'variable' }, value: unknown): Variable {
    if (!(value instanceof Variable) || !specAccepts(type, value.type))
      throw this.#mismatch(`${path} should be a variable of type ${printSpec(type.dtype, type.shape)}`)
    return value
  }

  #bound(path: string, type: ArgumentType & { readonly kind: 'constant' | 'object' }, value: unknown): void {
    if (value === undefined) return
    const same =
      type.kind === 'constant'
        ? Object.is(type.value, value)
        : typeof value === 'object' && value !== null && identityOf(value) === type.id
    if (!same)
      throw this.#mismatch(
        `${path} is bound to ${type.kind === 'constant' ? constantText(type.value) : `${type.label}#${type.id}`}, got ${constantText(value)}`,
      )
  }

  #typeText({ type, text }: Entry): string {
    return type.kind === 'tensor'
      ? printSpec(type.dtype, type.shape?.map((size) => (typeof size === 'number' ? size : null)) ?? null)
      : text
  }

  #mismatch(problem: string): SignatureError {
    return new SignatureError({
      op: this.name,
      problem,
      fix: `call it as ${String(this)}, or call the function itself, which traces again.`,
    })
  }
}

function openShape(type: TensorType): readonly (number | null)[] {
  return type.shape.map((size) => (typeof size === 'number' ? size : null))
}
