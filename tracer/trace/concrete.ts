/**
 * One trace of a function, to look at and to call.
 *
 * A concrete function takes arguments in the structure it was traced with. Constants it was traced with are bound: they
 * may be left out at the end, and giving another value is an error. Types are checked before anything runs: a compiled
 * program does not look at them again.
 *
 * A call is checked path by path: JavaScript values that stand where a tensor is wanted become tensors, then the
 * arguments are taken apart as for any call (argument.ts) and compared with what the trace was made for.
 */
import { SignatureError } from '../../codegen/errors.ts'
import { printSize } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printGraph } from '../ir/print.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { requireEqual } from '../ops/sizes.ts'
import type { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import type { Variable } from '../variable.ts'
import {
  type ArgumentType,
  type Entry,
  isReceiverStructure,
  type Leaf,
  type Signature,
  signatureOf,
} from './argument.ts'
import type { GraphFunction } from './graph-function.ts'
import { constantText, identityOf } from './identity.ts'
import type { ParameterList } from './parameters.ts'
import { printSpec, specAccepts } from './spec.ts'
import { runTrace, type Trace } from './trace.ts'
import { isPlainObject } from './tree.ts'

type TensorArgument = Extract<ArgumentType, { readonly kind: 'tensor' }>
type VariableArgument = Extract<ArgumentType, { readonly kind: 'variable' }>
type BoundArgument = Extract<ArgumentType, { readonly kind: 'constant' | 'object' }>

/** A tensor that a concrete function takes. */
export interface ConcreteInput extends ConcreteOutput {
  /** Path of the argument: `x`, `batch.y`. */
  readonly name: string
}

/** A tensor that a concrete function returns. */
export interface ConcreteOutput {
  readonly dtype: TensorType['dtype']
  /** Sizes; null for those that are open. */
  readonly shape: readonly (number | null)[]
}

/** What a concrete function takes and returns; as a string `(x: f32[null,2], k: 3) → {y: f32[null,2]}`. */
export interface ConcreteSignature {
  readonly inputs: readonly ConcreteInput[]
  readonly outputs: readonly ConcreteOutput[]
  toString(): string
}

export class ConcreteFunction {
  readonly name: string
  readonly #trace: Trace
  readonly #parameters: ParameterList
  /** The tensors it takes, by path. */
  readonly #tensors = new Map<string, TensorArgument>()
  /** The paths of specs that have a name. */
  readonly #named = new Map<string, string>()

  constructor(name: string, trace: Trace, parameters: ParameterList) {
    this.name = name
    this.#trace = trace
    this.#parameters = parameters
    for (const { path, type } of trace.signature.entries)
      if (type.kind === 'tensor') this.#tensors.set(path, type)
  }

  /** From now on whole arguments may be given by the names of their specs in this request. */
  acceptNames({ entries, leaves }: Signature): void {
    const whole = new Set(entries.map((_, i) => this.#nameOf(i)))
    for (const leaf of leaves)
      if (leaf.kind === 'spec' && leaf.spec.name !== undefined && whole.has(leaf.path))
        this.#named.set(leaf.spec.name, leaf.path)
  }

  /** The graph behind it. */
  get callee(): GraphFunction {
    return this.#trace.callee
  }
  /** The tensor arguments, in order. */
  get inputs(): readonly ConcreteInput[] {
    const { params } = this.#trace.callee.traced.graph
    return [...this.#tensors.keys()].flatMap((name, i) => {
      const type = params[i]?.type
      return type === undefined ? [] : [{ name, dtype: type.dtype, shape: openShape(type) }]
    })
  }
  /** The types of the results, in order. */
  get outputs(): readonly ConcreteOutput[] {
    return this.#trace.callee.traced.graph.results.map(({ type }) => ({
      dtype: type.dtype,
      shape: openShape(type),
    }))
  }
  /** What it takes and returns. */
  get signature(): ConcreteSignature {
    return { inputs: this.inputs, outputs: this.outputs, toString: () => this.toString() }
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
    const inputs = argumentTexts(signature.entries.filter(({ path }) => path !== 'this'))
    const results = this.outputs.map(({ dtype, shape }) => printSpec(dtype, shape))
    return `(${inputs.join(', ')}) → ${describe(results)}`
  }

  /**
   * Calls it. Tensors must have the types it was traced for, JavaScript values are converted to them.
   *
   * @param self the object, when it was traced as a structure
   * @throws SignatureError naming the argument, what was given and what is wanted; nothing runs then
   */
  call(args: readonly unknown[], self?: unknown): unknown {
    const { tensors, variables } = this.#arguments(args, self)
    const broken = this.callee.brokenGuard(tensors)
    if (broken !== undefined)
      throw this.#mismatch(`${broken.reason}: ${printSize(broken.x)} is not ${printSize(broken.y)}`)
    return runTrace(this.#trace, tensors, variables)
  }

  /** The tensors and Variables of a call, checked. */
  #arguments(
    args: readonly unknown[],
    self: unknown,
  ): { readonly tensors: readonly Tensor[]; readonly variables: readonly Variable[] } {
    const { entries } = this.#trace.signature
    const receiver = isReceiverStructure(this.#trace.signature) ? { self } : undefined
    const given = signatureOf(this.#byName(args) ?? args, this.#parameters, receiver, (value, path) =>
      this.#fit(value, path),
    )
    const known = new Set(entries.map(({ path }) => path))
    const extra = given.entries.find(({ path }) => !known.has(path))
    if (extra !== undefined) throw this.#mismatch(`${extra.path} is not one of its arguments`)
    const leaves = new Map(given.leaves.map((leaf) => [leaf.path, leaf]))
    const texts = new Map(given.entries.map(({ path, text }) => [path, text]))
    const tensors: Tensor[] = []
    const variables: Variable[] = []
    const aliases: Variable[] = []
    for (const { path, type, text } of entries) {
      const leaf = leaves.get(path)
      if (type.kind === 'tensor') {
        if (leaf?.kind !== 'tensor') throw this.#mismatch(`the argument ${path} is missing`)
        tensors.push(this.#checked(path, type, leaf.tensor))
      } else if (type.kind === 'variable') {
        const variable = this.#variable(path, type, leaf)
        if ((aliases[type.alias] ??= variable) !== variable)
          throw this.#mismatch(`${path} should be a variable it was given before, as when it was traced`)
        variables.push(variable)
      } else if (type.kind === 'structure') {
        const other = texts.get(path)
        if (other !== undefined && other !== text) throw this.#mismatch(`${path} is ${other}, not ${text}`)
      } else if (leaf !== undefined) this.#bound(path, type, leaf)
    }
    return { tensors, variables }
  }

  #nameOf(index: number): string {
    return this.#parameters.parameters[index]?.name ?? `args[${index}]`
  }

  /** Arguments given by the names of the specs it was traced with, as the list they stand for. */
  #byName(args: readonly unknown[]): readonly unknown[] | undefined {
    const [only] = args
    if (this.#named.size === 0 || args.length !== 1 || !isPlainObject(only)) return undefined
    if (!Object.keys(only).every((name) => this.#named.has(name))) return undefined
    const paths = new Map([...this.#named].map(([name, path]) => [path, only[name]]))
    const count = this.#trace.signature.entries.length
    const list = Array.from({ length: count }, (_, i) => paths.get(this.#nameOf(i)))
    return list.slice(0, list.findLastIndex((value) => value !== undefined) + 1)
  }

  /** The value at a path: a tensor where the trace takes a tensor. */
  #fit(value: unknown, path: string): unknown {
    const type = this.#tensors.get(path)
    if (type === undefined || value === undefined) return value
    if (value instanceof TensorMethods) return value.asTensor()
    return convertToTensor(value as TensorLike, { dtype: type.dtype, op: `${this.name}, argument ${path}` })
  }

  #checked(path: string, type: TensorArgument, tensor: Tensor): Tensor {
    const complaint = `${path} is ${printType(tensor.type)}, not ${printSpec(type.dtype, type.shape)}`
    if (!specAccepts(type, tensor.type)) throw this.#mismatch(complaint)
    // Inside another trace a size may not be known yet; then that trace is for calls that fit.
    type.shape?.forEach((size, axis) => {
      if (size !== null) requireEqual(size, tensor.type.shape[axis] ?? -1, `${this.name}: ${complaint}`)
    })
    return tensor
  }

  #variable(path: string, type: VariableArgument, leaf: Leaf | undefined): Variable {
    if (leaf?.kind !== 'variable' || !specAccepts(type, leaf.variable.type))
      throw this.#mismatch(`${path} should be a variable of type ${printSpec(type.dtype, type.shape)}`)
    return leaf.variable
  }

  #bound(path: string, type: BoundArgument, leaf: Leaf): void {
    const value: unknown =
      leaf.kind === 'constant' ? leaf.value : leaf.kind === 'tensor' ? leaf.tensor : leaf.kind
    if (value === undefined) return
    if (type.kind === 'constant' && Object.is(type.value, value)) return
    const isObject = typeof value === 'object' || typeof value === 'function'
    if (type.kind === 'object' && isObject && value !== null && identityOf(value) === type.id) return
    const bound = type.kind === 'constant' ? constantText(type.value) : `the ${type.label} of its trace`
    const other = leaf.kind === 'tensor' ? printType(leaf.tensor.type) : constantText(value)
    throw this.#mismatch(
      `${path} is bound to ${bound}, got ${type.kind === 'object' && isObject ? 'another object' : other}`,
    )
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

/** Arguments as they were passed, with types in the place of values: `x: f32[2]`, `batch: {x: f32[2], n: 3}`. */
function argumentTexts(entries: readonly Entry[]): readonly string[] {
  let next = 0
  const text = (): string => {
    const entry = entries[next++]
    if (entry === undefined) return ''
    if (entry.type.kind !== 'structure') return typeText(entry)
    const inner: string[] = []
    const isObject = entry.text.startsWith('{')
    for (let i = 0; i < (entry.type.inner ?? 0); i++) {
      const path = entries[next]?.path ?? ''
      inner.push(isObject ? `${keyIn(entry.path, path)}: ${text()}` : text())
    }
    if (isObject) return `{${inner.join(', ')}}`
    if (entry.text.startsWith('array of')) return `[${inner.join(', ')}]`
    return inner.length === 0 ? entry.text : `${entry.text} [${inner.join(', ')}]`
  }
  const texts: string[] = []
  while (next < entries.length) texts.push(`${entries[next]?.path}: ${text()}`)
  return texts
}

/** The key of an entry in the object around it. */
function keyIn(outer: string, path: string): string {
  if (!path.startsWith(outer)) return path
  return path.slice(outer.length).replace(/^\.|^\[(.*)\]$/, '$1')
}

function typeText({ type, text }: Entry): string {
  if (type.kind === 'object') return type.label
  if (type.kind !== 'tensor') return text
  return printSpec(type.dtype, type.shape?.map((size) => (typeof size === 'number' ? size : null)) ?? null)
}
