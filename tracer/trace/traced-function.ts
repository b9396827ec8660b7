/**
 * A function that is traced: the callback, and one trace per signature.
 *
 * A call takes its arguments apart into leaves. Tensors and Variables become parameters of the graph, constants are
 * baked in. If a trace for the signature exists its compiled program runs; if not, the callback runs once with symbolic
 * tensors. A trace that fails leaves nothing behind: no trace, no assignment (recorded assignments are only nodes).
 */
import { ShapeError, SignatureError, TraceError } from '../../codegen/errors.ts'
import { sizesEqual } from '../../codegen/size.ts'
import { convertToTensor, type TensorLike } from '../convert.ts'
import { printType, type TensorType } from '../ir/type.ts'
import { installGuardRecorder } from '../ops/sizes.ts'
import { Tensor } from '../tensor.ts'
import { TensorMethods } from '../tensor-methods.ts'
import { Variable } from '../variable.ts'
import { withTrace } from './bind.ts'
import { GraphFunction } from './graph-function.ts'
import { GraphTrace } from './graph-trace.ts'
import { reportRetrace } from './retrace.ts'
import { type Leaf, type Signature, signatureOf, SizeNames, TensorSpec, withReceiver } from './signature.ts'
import { userSite } from './source.ts'
import { isPlainObject, mapTree } from './tree.ts'

export interface FunctionOptions {
  /** Name in graphs and messages; the callback's own when absent. */
  readonly name?: string
  /**
   * One spec (or structure of specs) per parameter. The function then has a single trace, runs for every size given as
   * null, and converts JavaScript values to the specs' dtypes.
   */
  readonly inputSignature?: readonly SpecTree[]
  /** What to do when it is traced again: a line in the console (default), nothing, or an error. */
  readonly onRetrace?: 'warn' | 'off' | 'error'
}

/** A spec, or arrays and plain objects of specs. */
export type SpecTree = TensorSpec | readonly SpecTree[] | { readonly [key: string]: SpecTree }

/** A trace with how to call it. */
interface Trace {
  readonly signature: Signature
  readonly callee: GraphFunction
  /** Rebuilds the callback's result from the graph's results. */
  readonly rebuild: (results: readonly Tensor[]) => unknown
  /** Names of the graph's variable captures that are arguments, by position among the variable leaves. */
  readonly variableNames: readonly string[]
  /** Argument types when every argument is a tensor, for the fast check; undefined otherwise. */
  readonly flat: readonly TensorType[] | undefined
  readonly milliseconds: number
}

const tracesInProgress = new Set<TracedFunction>()

/** The machinery behind `tf.function`; src/function.ts wraps it in a callable. */
export class TracedFunction {
  readonly callback: (...args: never[]) => unknown
  readonly name: string
  readonly options: FunctionOptions
  readonly definedAt: string | undefined
  readonly parameterNames: readonly string[]
  readonly #traces = new Map<string, Trace>()
  /** Whether the callback mentions `this`: then the object it is called on selects a trace, by identity. */
  readonly #usesThis: boolean
  #lastSelf: unknown
  #last: Trace | undefined
  #traceCount = 0

  constructor(callback: (...args: never[]) => unknown, options: FunctionOptions = {}) {
    if (typeof callback !== 'function')
      throw new TraceError({
        op: 'tf.function',
        problem: `${String(callback)} is not a function`,
        fix: 'pass the callback to trace.',
      })
    if (
      callback.constructor.name === 'AsyncFunction' ||
      callback.constructor.name === 'GeneratorFunction' ||
      callback.constructor.name === 'AsyncGeneratorFunction'
    )
      throw new TraceError({
        op: 'tf.function',
        problem: 'async and generator callbacks cannot be traced',
        fix: 'await outside, and trace synchronous code.',
      })
    this.callback = callback
    this.name = options.name ?? (callback.name === '' ? 'anonymous' : callback.name)
    this.options = options
    this.definedAt = userSite()
    this.parameterNames = parameterNamesOf(callback)
    this.#usesThis = /\bthis\b/.test(Function.prototype.toString.call(callback))
    options.inputSignature?.forEach((spec, i) => checkSpecs(spec, `inputSignature[${i}]`))
  }

  /** How many times the callback has been traced. */
  get traceCount(): number {
    return this.#traceCount
  }
  /** How many traces are held. */
  get cacheSize(): number {
    return this.#traces.size
  }

  /** Calls the function; `self` is the callback's `this`. */
  call(self: unknown, args: readonly unknown[]): unknown {
    const last = this.#last
    if (last?.flat !== undefined && (!this.#usesThis || self === this.#lastSelf) && fits(last.flat, args))
      return last.rebuild(last.callee.call(args as readonly Tensor[]))
    const signature = this.#signature(self, args)
    let trace = this.#traces.get(signature.key)
    trace ??= this.#trace(self, args, signature)
    const broken = trace.callee.brokenGuard(tensorsOf(signature))
    if (broken !== undefined) trace = this.#specialise(self, args, signature, broken.reason)
    this.#last = trace
    if (this.#usesThis) this.#lastSelf = self
    return this.#run(trace, signature)
  }

  /** The trace for these arguments (or specs), made if need be, not run. */
  graphFunctionFor(self: unknown, args: readonly unknown[]): GraphFunction {
    const signature = this.#signature(self, args)
    return (this.#traces.get(signature.key) ?? this.#trace(self, args, signature)).callee
  }

  /** The most recently used trace, or undefined. */
  get current(): GraphFunction | undefined {
    return this.#last?.callee ?? [...this.#traces.values()].at(-1)?.callee
  }

  #run(trace: Trace, signature: Signature): unknown {
    const { callee, variableNames } = trace
    if (variableNames.length === 0) return trace.rebuild(callee.call(tensorsOf(signature)))
    const variables = new Map(callee.traced.variables)
    const given = signature.leaves.filter((leaf) => leaf.kind === 'variable')
    variableNames.forEach((name, i) => {
      const leaf = given[i]
      if (leaf !== undefined) variables.set(name, leaf.variable)
    })
    return trace.rebuild(callee.call(tensorsOf(signature), variables))
  }

  /** The signature of a call: that of its arguments, or of the input signature after they are converted to it. */
  #signature(self: unknown, args: readonly unknown[]): Signature {
    const signature = this.#signatureOfArguments(args)
    return this.#usesThis ? withReceiver(signature, self) : signature
  }

  #signatureOfArguments(args: readonly unknown[]): Signature {
    const specs = this.options.inputSignature
    if (specs === undefined) return signatureOf(args, this.parameterNames)
    if (
      args.length > specs.length ||
      args.some((arg, i) => arg === undefined && specs[i] !== undefined) ||
      args.length < specs.length
    )
      throw new SignatureError({
        op: this.name,
        problem: `it takes ${specs.length} arguments by its inputSignature, ${args.length} were given`,
        fix: `call ${this.name}(${this.parameterNames.join(', ')}).`,
      })
    const converted = args.map((arg, i) =>
      this.#fitTree(arg, specs[i] as SpecTree, this.parameterNames[i] ?? `args[${i}]`),
    )
    return { ...signatureOf(converted, this.parameterNames), key: 'inputSignature' }
  }

  #fitTree(value: unknown, spec: SpecTree, path: string): unknown {
    if (value instanceof TensorSpec) return value
    if (spec instanceof TensorSpec) {
      const tensor =
        value instanceof Variable
          ? value.value()
          : convertToTensor(value as TensorLike, { dtype: spec.dtype, op: this.name })
      const fitsSpec =
        tensor.dtype === spec.dtype &&
        tensor.rank === spec.shape.length &&
        spec.shape.every(
          (size, axis) => size === null || sizesEqual(size, tensor.type.shape[axis] ?? -1) !== false,
        )
      if (!fitsSpec)
        throw new SignatureError({
          op: this.name,
          problem: `${path}: ${printType(tensor.type)} is not ${spec.toString()}`,
          fix: 'cast or reshape the argument, or widen the inputSignature with null.',
        })
      return tensor
    }
    if (Array.isArray(spec) && Array.isArray(value) && value.length === spec.length)
      return value.map((entry, i) => this.#fitTree(entry, spec[i] as SpecTree, `${path}[${i}]`))
    if (isPlainObject(spec) && isPlainObject(value))
      return Object.fromEntries(
        Object.entries(spec).map(([key, inner]) => [
          key,
          this.#fitTree(value[key], inner as SpecTree, `${path}.${key}`),
        ]),
      )
    throw new SignatureError({
      op: this.name,
      problem: `${path} does not have the structure of the inputSignature`,
      fix: 'pass the same arrays and objects as the specs.',
    })
  }

  #specialise(self: unknown, args: readonly unknown[], signature: Signature, reason: string): Trace {
    const key = `${signature.key} sizes ${signature.entries.map(([, text]) => text).join(' ')}`
    const known = this.#traces.get(key)
    if (known !== undefined) return known
    const exact = { ...signature, key }
    const made = this.#trace(self, args, exact, true)
    // With the sizes of this call the assumption is false for certain, or it no longer matters.
    const broken = made.callee.brokenGuard(tensorsOf(signature))
    if (broken !== undefined)
      throw new ShapeError({ op: this.name, problem: `${reason}: ${broken.x} is not ${broken.y}` })
    return made
  }

  #trace(self: unknown, args: readonly unknown[], signature: Signature, exactSizes = false): Trace {
    if (tracesInProgress.has(this) && this.#inProgressKeys.has(signature.key))
      throw new TraceError({
        op: this.name,
        problem: `it calls itself with the arguments it is being traced for: ${signature.entries.map(([path, text]) => `${path} ${text}`).join(', ')}`,
        fix: 'recurse on a JavaScript number, or use a loop.',
      })
    // Methods: the first trace of another object is not a retrace.
    const earlier = [...this.#traces.values()]
      .map((trace) => trace.signature)
      .filter((other) => other.receiver === signature.receiver)
    const retraced = earlier.length > 0
    if (retraced && this.options.onRetrace === 'error') reportRetrace(this, earlier, signature, 0, 'error')
    const start = performance.now()
    const graphTrace = new GraphTrace(this.name)
    const before = installGuardRecorder((x, y, reason) => graphTrace.guard(x, y, reason))
    tracesInProgress.add(this)
    this.#inProgressKeys.add(signature.key)
    let made: Trace
    try {
      made = withTrace(graphTrace, () =>
        this.#runCallback(self, args, signature, graphTrace, exactSizes, start),
      )
    } finally {
      installGuardRecorder(before)
      this.#inProgressKeys.delete(signature.key)
      if (this.#inProgressKeys.size === 0) tracesInProgress.delete(this)
    }
    if (retraced) reportRetrace(this, earlier, signature, made.milliseconds, this.options.onRetrace ?? 'warn')
    this.#traceCount++
    this.#traces.set(signature.key, made)
    return made
  }
  readonly #inProgressKeys = new Set<string>()

  #runCallback(
    self: unknown,
    args: readonly unknown[],
    signature: Signature,
    trace: GraphTrace,
    exactSizes: boolean,
    start: number,
  ): Trace {
    const specs = exactSizes ? undefined : this.options.inputSignature
    const names = new SizeNames()
    const variableNames: string[] = []
    const placeholders = new Map<Variable, Variable>()
    const symbolic = (leaf: Leaf, spec: SpecTree | undefined): unknown => {
      switch (leaf.kind) {
        case 'tensor':
          return trace.param(
            spec instanceof TensorSpec ? names.typeOf(spec) : leaf.tensor.type,
            plainName(leaf.path),
          )
        case 'variable': {
          const known = placeholders.get(leaf.variable)
          const placeholder = known ?? leaf.variable.placeholder()
          placeholders.set(leaf.variable, placeholder)
          if (known === undefined) trace.variableParam(placeholder, plainName(leaf.path))
          variableNames.push(plainName(leaf.path))
          return placeholder
        }
        case 'constant':
          return leaf.value
      }
    }
    let next = 0
    const build = (value: unknown, spec: SpecTree | undefined): unknown => {
      if (Array.isArray(value) && !isLeaf(value))
        return value.map((entry: unknown, i) => build(entry, Array.isArray(spec) ? spec[i] : undefined))
      if (isPlainObject(value)) {
        const built = new Map<string, unknown>()
        for (const key of Object.keys(value).sort())
          built.set(key, build(value[key], isPlainObject(spec) ? (spec[key] as SpecTree) : undefined))
        return Object.fromEntries(Object.keys(value).map((key) => [key, built.get(key)]))
      }
      const leaf = signature.leaves[next++]
      return leaf === undefined ? undefined : symbolic(leaf, spec)
    }
    const trimmed = args.slice(0, signature.entries.length === 0 ? 0 : args.length)
    const tracedArgs = trimmed.map((arg, i) =>
      next < signature.leaves.length || arg !== undefined ? build(arg, specs?.[i]) : undefined,
    )
    const result: unknown = Reflect.apply(this.callback, self, tracedArgs)
    if (result instanceof Promise)
      throw new TraceError({
        op: this.name,
        problem: 'the callback returned a Promise',
        fix: 'async callbacks cannot be traced; await outside.',
      })
    const results: Tensor[] = []
    const slots = mapTree(result, (leaf, path) => {
      if (leaf === null || leaf === undefined) return leaf
      if (
        leaf instanceof TensorMethods ||
        typeof leaf === 'number' ||
        typeof leaf === 'boolean' ||
        ArrayBuffer.isView(leaf)
      ) {
        results.push(trace.lift(convertToTensor(leaf as TensorLike)))
        return new ResultSlot(results.length - 1)
      }
      throw new TraceError({
        op: this.name,
        problem: `it returned a ${describeValue(leaf)}${path === '' ? '' : ` at ${path}`}`,
        fix: 'return tensors, numbers, arrays or plain objects of them, null or undefined.',
      })
    })
    const traced = trace.finish(results)
    const callee = new GraphFunction(traced)
    const flat =
      variableNames.length === 0 &&
      traced.graph.guards.length === 0 &&
      signature.leaves.length === args.length &&
      args.every((arg) => arg instanceof Tensor) &&
      specs === undefined &&
      !exactSizes
        ? args.map((arg) => (arg as Tensor).type)
        : undefined
    callee.prepare(placeholders.size === 0 ? traced.variables : undefined)
    const rebuild =
      slots instanceof ResultSlot
        ? (values: readonly Tensor[]): unknown => values[slots.index]
        : (values: readonly Tensor[]): unknown =>
            mapTree(slots, (leaf) => (leaf instanceof ResultSlot ? values[leaf.index] : leaf))
    return { signature, callee, rebuild, variableNames, flat, milliseconds: performance.now() - start }
  }
}

/** Stands for the i-th result of the graph in the structure a callback returned. */
class ResultSlot {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}

function isLeaf(value: unknown): boolean {
  return value instanceof TensorMethods
}

function tensorsOf(signature: Signature): Tensor[] {
  const tensors: Tensor[] = []
  for (const leaf of signature.leaves) if (leaf.kind === 'tensor') tensors.push(leaf.tensor)
  return tensors
}

/** True when the arguments are tensors of just these types. */
function fits(types: readonly TensorType[], args: readonly unknown[]): boolean {
  if (types.length !== args.length) return false
  for (let i = 0; i < types.length; i++) {
    const arg = args[i]
    const type = types[i]
    if (!(arg instanceof Tensor) || type === undefined) return false
    if (arg.type === type) continue
    if (arg.type.dtype !== type.dtype || !sameNumbers(arg.type.shape, type.shape)) return false
  }
  return true
}

function sameNumbers(x: readonly unknown[], y: readonly unknown[]): boolean {
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}

function plainName(path: string): string {
  return path.replaceAll(/\W+/g, '_').replace(/_$/, '')
}

function describeValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'object'
  return typeof value
}

function checkSpecs(spec: unknown, path: string): void {
  if (spec instanceof TensorSpec) return
  if (Array.isArray(spec)) return spec.forEach((entry: unknown, i) => checkSpecs(entry, `${path}[${i}]`))
  if (isPlainObject(spec))
    return Object.entries(spec).forEach(([key, entry]) => checkSpecs(entry, `${path}.${key}`))
  throw new SignatureError({
    op: 'tf.function',
    problem: `${path} is ${String(spec)}, not a spec`,
    fix: 'use tf.spec(shape, dtype), with null for unknown sizes.',
  })
}

/** The names of a function's parameters where its text shows them plainly; `args[i]` stands in elsewhere. */
function parameterNamesOf(callback: (...args: never[]) => unknown): readonly string[] {
  const text = Function.prototype.toString.call(callback)
  const list =
    /^(?:async\s+)?(?:function\s*\w*\s*)?(?:[\w$]+\s*)?\(([^()]*)\)/.exec(text)?.[1] ??
    /^([\w$]+)\s*=>/.exec(text)?.[1]
  if (list === undefined || /[{[]/.test(list)) return []
  return list
    .split(',')
    .map(
      (part) =>
        part
          .trim()
          .replace(/^\.\.\./, '')
          .split(/[=\s:]/)[0] ?? '',
    )
    .filter((name) => name !== '')
}
