/**
 * A function that is traced: the callback, and one trace per signature.
 *
 * A call takes its arguments apart into leaves. Tensors and Variables become parameters of the graph, constants are
 * baked in. If a trace for the signature exists its compiled program runs; if not, the callback runs once with symbolic
 * tensors. A trace that fails leaves nothing behind: no trace, no assignment (recorded assignments are only nodes).
 */
import { ShapeError, TraceError } from '../../codegen/errors.ts'
import { isStaticShape, printSize } from '../../codegen/size.ts'
import type { TensorType } from '../ir/type.ts'
import { installGuardRecorder } from '../ops/sizes.ts'
import { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { isTracing, withObservers, withTrace } from './bind.ts'
import { GraphFunction } from './graph-function.ts'
import { GraphTrace } from './graph-trace.ts'
import { InputSignature, type Pins, type SpecTree } from './input-signature.ts'
import { takeApart } from './result-tree.ts'
import { reportRetrace } from './retrace.ts'
import { type Leaf, type Signature, signatureOf, withReceiver } from './signature.ts'
import { userSite } from './source.ts'
import { isPlainObject } from './tree.ts'

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

/** A trace with how to call it. */
interface Trace {
  readonly signature: Signature
  readonly callee: GraphFunction
  /** Rebuilds the callback's result from the graph's results. */
  readonly rebuild: (results: readonly Tensor[]) => unknown
  /** Names of the graph's variable captures that are arguments, by position among the variable leaves. */
  readonly variableNames: readonly string[]
  /**
   * Argument types when every argument is a tensor, for the fast path; undefined otherwise.
   * A size of null stands for any.
   */
  readonly flat: readonly FlatType[] | undefined
  readonly milliseconds: number
}

interface FlatType {
  readonly dtype: TensorType['dtype']
  readonly shape: readonly (TensorType['shape'][number] | null)[]
}

/** A call's arguments as its trace takes them. */
interface Call {
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly signature: Signature
  readonly pins: Pins
}

const noPins: Pins = new Map()

/** The machinery behind `tf.function`; src/function.ts wraps it in a callable. */
export class TracedFunction {
  readonly callback: (...args: never[]) => unknown
  readonly name: string
  readonly options: FunctionOptions
  readonly definedAt: string | undefined
  readonly parameterNames: readonly string[]
  readonly #inputSignature: InputSignature | undefined
  readonly #traces = new Map<string, Trace>()
  /** Keys of the traces being made: a callback may call itself, but not for ever. */
  readonly #inProgress = new Set<string>()
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
    const { inputSignature } = options
    this.#inputSignature =
      inputSignature && new InputSignature(inputSignature, this.name, this.parameterNames)
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
    if (
      last?.flat !== undefined &&
      (!this.#usesThis || self === this.#lastSelf) &&
      fits(last.flat, args) &&
      last.callee.brokenGuard(args) === undefined
    )
      return last.rebuild(last.callee.call(args))
    const call = this.#prepare(self, args)
    const { trace, tensors } = this.#traceFor(call)
    this.#last = trace
    if (this.#usesThis) this.#lastSelf = self
    return this.#run(trace, call.signature, tensors)
  }

  /** The trace for these arguments, made if need be, not run. */
  graphFunctionFor(self: unknown, args: readonly unknown[]): GraphFunction {
    return this.#traceFor(this.#prepare(self, args)).trace.callee
  }

  /** The most recently used trace, or undefined. */
  get current(): GraphFunction | undefined {
    return this.#last?.callee ?? [...this.#traces.values()].at(-1)?.callee
  }

  #run(trace: Trace, signature: Signature, tensors: readonly Tensor[]): unknown {
    const { callee, variableNames } = trace
    if (variableNames.length === 0) return trace.rebuild(callee.call(tensors))
    const variables = new Map(callee.traced.variables)
    const given = signature.leaves.filter((leaf) => leaf.kind === 'variable')
    variableNames.forEach((name, i) => {
      const leaf = given[i]
      if (leaf !== undefined) variables.set(name, leaf.variable)
    })
    return trace.rebuild(callee.call(tensors, variables))
  }

  /** Converts and takes apart the arguments of a call. */
  #prepare(self: unknown, given: readonly unknown[]): Call {
    const fitted = this.#inputSignature?.fit(given)
    const args = fitted?.args ?? given
    const signature =
      this.#inputSignature?.signature(fitted?.leaves ?? [], noPins) ?? signatureOf(args, this.parameterNames)
    return { self, args, signature: this.#usesThis ? withReceiver(signature, self) : signature, pins: noPins }
  }

  /** The trace whose assumptions about sizes this call meets, made if need be. */
  #traceFor(first: Call): { readonly trace: Trace; readonly tensors: readonly Tensor[] } {
    const tensors = tensorsOf(first.signature)
    let call = first
    for (;;) {
      const trace = this.#traces.get(call.signature.key) ?? this.#trace(call)
      const broken = trace.callee.brokenGuard(tensors)
      if (broken === undefined) return { trace, tensors }
      const sizes = [...broken.sizes].filter(([name]) => !call.pins.has(name))
      if (sizes.length === 0 || this.#inputSignature === undefined)
        throw new ShapeError({
          op: this.name,
          problem: `${broken.reason}: ${printSize(broken.x)} is not ${printSize(broken.y)}`,
        })
      const ones = sizes.filter(([, size]) => size === 1)
      const pins = new Map([...call.pins, ...(ones.length > 0 ? ones : sizes)])
      const signature = this.#inputSignature.signature(first.signature.leaves, pins)
      call = { ...first, signature: this.#usesThis ? withReceiver(signature, first.self) : signature, pins }
    }
  }

  #trace(call: Call): Trace {
    const { signature } = call
    if (this.#inProgress.has(signature.key))
      throw new TraceError({
        op: this.name,
        problem: `it calls itself with the arguments it is being traced for: ${signature.entries.map(([path, text]) => `${path} ${text}`).join(', ')}`,
        fix: 'recurse on a JavaScript number, or use a loop.',
      })
    // Methods: the first trace of another object is not a retrace.
    const earlier = [...this.#traces.values()]
      .map((trace) => trace.signature)
      .filter((other) => other.receiver === signature.receiver)
    const onRetrace = this.options.onRetrace ?? 'warn'
    if (earlier.length > 0 && onRetrace === 'error') reportRetrace(this, earlier, signature, 0, 'error')
    const graphTrace = new GraphTrace(this.name)
    const before = installGuardRecorder((x, y, reason) => graphTrace.guard(x, y, reason))
    const nested = isTracing()
    this.#inProgress.add(signature.key)
    let made: Trace
    try {
      // Tapes around the call see it as a whole, not what happens while it is traced.
      made = withObservers([], () => withTrace(graphTrace, () => this.#runCallback(call, graphTrace, nested)))
    } finally {
      installGuardRecorder(before)
      this.#inProgress.delete(signature.key)
    }
    if (earlier.length > 0) reportRetrace(this, earlier, signature, made.milliseconds, onRetrace)
    this.#traceCount++
    this.#traces.set(signature.key, made)
    return made
  }

  /** Runs the callback with symbolic tensors and compiles what it does, unless it is only wanted inside another trace. */
  #runCallback({ self, args, signature, pins }: Call, trace: GraphTrace, nested: boolean): Trace {
    const start = performance.now()
    const types = this.#inputSignature?.types(pins) ?? tensorsOf(signature).map((tensor) => tensor.type)
    const variableNames: string[] = []
    const placeholders = new Map<Variable, { readonly name: string; readonly variable: Variable }>()
    let nextType = 0
    const symbolic = (leaf: Leaf): unknown => {
      switch (leaf.kind) {
        case 'tensor':
          return trace.param(types[nextType++] ?? leaf.tensor.type, plainName(leaf.path))
        case 'variable': {
          let placeholder = placeholders.get(leaf.variable)
          if (placeholder === undefined) {
            const variable = leaf.variable.placeholder()
            placeholder = { variable, name: trace.variableParam(variable, plainName(leaf.path)) }
            placeholders.set(leaf.variable, placeholder)
          }
          variableNames.push(placeholder.name)
          return placeholder.variable
        }
        case 'constant':
          return leaf.value
      }
    }
    let next = 0
    const build = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(build)
      if (isPlainObject(value)) {
        const built = new Map<string, unknown>()
        for (const key of Object.keys(value).sort()) built.set(key, build(value[key]))
        return Object.fromEntries(Object.keys(value).map((key) => [key, built.get(key)]))
      }
      // Trailing arguments that are undefined are no leaves.
      const leaf = signature.leaves[next++]
      return leaf === undefined ? undefined : symbolic(leaf)
    }
    const returned: unknown = Reflect.apply(this.callback, self, args.map(build))
    const { tensors, rebuild } = takeApart(returned, this.name)
    const callee = new GraphFunction(trace.finish(tensors.map((tensor) => trace.lift(tensor))))
    if (!nested) callee.prepare()
    const isFlat = variableNames.length === 0 && pins.size === 0 && args.every((arg) => arg instanceof Tensor)
    return {
      signature: { ...signature, leaves: [] },
      callee,
      rebuild,
      variableNames,
      flat: isFlat ? types.map((type) => this.#flatType(type)) : undefined,
      milliseconds: performance.now() - start,
    }
  }

  /** A type for the fast path: names made by the input signature stand for any size, those of an outer trace do not. */
  #flatType({ dtype, shape }: TensorType): FlatType {
    if (this.#inputSignature === undefined || isStaticShape(shape)) return { dtype, shape }
    return { dtype, shape: shape.map((size) => (typeof size === 'number' ? size : null)) }
  }
}

function tensorsOf(signature: Signature): Tensor[] {
  const tensors: Tensor[] = []
  for (const leaf of signature.leaves) if (leaf.kind === 'tensor') tensors.push(leaf.tensor)
  return tensors
}

/** True when the arguments are tensors of just these types. */
function fits(types: readonly FlatType[], args: readonly unknown[]): args is readonly Tensor[] {
  if (types.length !== args.length) return false
  for (let i = 0; i < types.length; i++) {
    const arg = args[i]
    const type = types[i]
    if (!(arg instanceof Tensor) || type === undefined) return false
    if (arg.type.dtype !== type.dtype || !sameSizes(type.shape, arg.type.shape)) return false
  }
  return true
}

function sameSizes(wanted: FlatType['shape'], shape: TensorType['shape']): boolean {
  if (wanted === shape) return true
  if (wanted.length !== shape.length) return false
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== shape[i] && wanted[i] !== null) return false
  return true
}

function plainName(path: string): string {
  return path.replaceAll(/\W+/g, '_').replace(/_$/, '')
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
