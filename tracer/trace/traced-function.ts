/**
 * A function that is traced: the callback, and one trace per signature.
 *
 * A call takes its arguments apart (argument.ts) and asks the cache for a trace that fits (trace-cache.ts); if there is
 * none the callback runs once with symbolic tensors (run-callback.ts). Then the trace's compiled program runs
 * (graph-function.ts). A trace that fails leaves nothing behind: no trace, no assignment, since assignments are only
 * nodes until the program runs.
 */
import { ShapeError, SignatureError, TraceError } from '../../codegen/errors.ts'
import { printSize, type Size } from '../../codegen/size.ts'
import { convertToTensor } from '../convert.ts'
import { Tensor } from '../tensor.ts'
import type { Variable } from '../variable.ts'
import { type ArgumentType, constantText, type Entry, type Signature, signatureOf } from './argument.ts'
import { isTracing } from './bind.ts'
import { ConcreteFunction } from './concrete.ts'
import { VariableCreation } from './creation.ts'
import type { GraphFunction } from './graph-function.ts'
import { functionsRunEagerly } from './modes.ts'
import { reportRetrace } from './retrace.ts'
import { resultStructure, type TracedCallback, traceCallback } from './run-callback.ts'
import { userSite } from './source.ts'
import { checkSpecTree, printSpec, SpecFitting, type SpecTree } from './spec.ts'
import { joinSignatures, TraceCache } from './trace-cache.ts'

export interface FunctionOptions {
  /** Name in graphs and messages; the callback's own when absent. */
  readonly name?: string
  /**
   * One spec (or structure of specs) per parameter. The function then has a single trace, runs for every size given as
   * null, and converts JavaScript values to the specs' dtypes.
   */
  readonly inputSignature?: readonly SpecTree[]
  /** Make the second trace for the same ranks and dtypes open in the sizes that differ, so that it serves all of them. */
  readonly reduceRetracing?: boolean
  /** The most traces to hold; one more is an error. */
  readonly maxTraces?: number
  /** What to do when it is traced again: a line in the console (default), nothing, or an error. */
  readonly onRetrace?: 'warn' | 'off' | 'error'
}

/** A tensor type for the quick check; a size of null stands for any. */
type FlatType = Extract<ArgumentType, { readonly kind: 'tensor' }>

/** A trace, and what selects it. */
export interface Trace extends TracedCallback {
  readonly signature: Signature
  /** Argument types when every argument is a tensor, for the quick check; undefined otherwise. */
  readonly flat: readonly FlatType[] | undefined
  /** How many times the callback ran: twice when it created Variables. */
  readonly count: number
  /** Milliseconds to run the callback, and to compile. */
  readonly traceMilliseconds: number
  readonly compileMilliseconds: number
  /** Made on demand. */
  concrete?: ConcreteFunction
}

/** The machinery behind `tf.function`; src/function.ts wraps it in a callable. */
export class TracedFunction {
  readonly callback: (...args: never[]) => unknown
  readonly name: string
  readonly options: FunctionOptions
  readonly definedAt: string | undefined
  readonly parameterNames: readonly string[]
  readonly #cache = new TraceCache<Trace>()
  /** Whether the callback mentions `this`: then the object it is called on selects a trace. */
  readonly #usesThis: boolean
  /** The types of the input signature's specs. */
  readonly #specs: Signature | undefined
  readonly #fitting: SpecFitting | undefined
  readonly #inProgress = new Set<string>()
  #last: Trace | undefined
  #lastSelf: unknown
  #traceCount = 0

  constructor(callback: (...args: never[]) => unknown, options: FunctionOptions = {}, owner?: object) {
    checkCallback(callback)
    this.callback = callback
    this.name = options.name ?? (callback.name === '' ? 'anonymous' : callback.name)
    this.options = options
    this.definedAt = userSite()
    this.parameterNames = parameterNamesOf(callback)
    this.#usesThis = owner === undefined && /\bthis\b/.test(Function.prototype.toString.call(callback))
    const { inputSignature } = options
    inputSignature?.forEach((spec, i) => checkSpecTree(spec, `inputSignature[${i}]`))
    this.#specs = inputSignature && signatureOf(inputSignature, this.parameterNames)
    this.#fitting = inputSignature && new SpecFitting(inputSignature, this.name, this.parameterNames)
  }

  /** How many times the callback has run to be traced. */
  get traceCount(): number {
    return this.#traceCount
  }
  /** How many traces are held. */
  get cacheSize(): number {
    return this.#cache.size
  }
  /** The traces held, oldest first. */
  get traces(): readonly Trace[] {
    return this.#cache.all
  }
  /** The most recently used trace, or undefined. */
  get current(): GraphFunction | undefined {
    return this.#last?.callee ?? this.#cache.all.at(-1)?.callee
  }

  /** Forgets all traces; Variables may be created again. */
  clearCache(): void {
    this.#cache.clear()
    this.#last = undefined
    this.#traceCount = 0
  }

  /** Calls the function; `self` is the callback's `this`. */
  call(self: unknown, args: readonly unknown[]): unknown {
    const last = this.#last
    if (
      last?.flat !== undefined &&
      (!this.#usesThis || self === this.#lastSelf) &&
      fits(last.flat, args) &&
      last.callee.brokenGuard(args) === undefined &&
      !functionsRunEagerly()
    )
      return last.rebuild(last.callee.call(args))
    const { signature, fitted } = this.#signature(self, args)
    if (functionsRunEagerly() && !isTracing()) return this.#runEagerly(self, fitted)
    const trace = this.#holding(self, fitted, signature)
    this.#last = trace
    if (this.#usesThis) this.#lastSelf = self
    return run(trace, signature)
  }

  /** The trace for arguments or specs, made if need be, not run. */
  concrete(self: unknown, args: readonly unknown[]): ConcreteFunction {
    const { signature, fitted } =
      args.length === 0 && this.options.inputSignature !== undefined
        ? this.#signature(self, this.options.inputSignature)
        : this.#signature(self, args)
    const trace = this.#traceFor(self, fitted, signature)
    this.#last ??= trace
    return (trace.concrete ??= new ConcreteFunction(this.name, trace, this.parameterNames))
  }

  get concreteFunctions(): readonly ConcreteFunction[] {
    return this.#cache.all.map(
      (trace) => (trace.concrete ??= new ConcreteFunction(this.name, trace, this.parameterNames)),
    )
  }

  /** The signature of a call, and its arguments as the input signature wants them. */
  #signature(
    self: unknown,
    args: readonly unknown[],
  ): { readonly signature: Signature; readonly fitted: readonly unknown[] } {
    const fitted = this.#fitting === undefined ? args : this.#fitting.fit(args)
    return {
      signature: signatureOf(fitted, this.parameterNames, this.#usesThis ? { self } : undefined),
      fitted,
    }
  }

  /**
   * The trace whose assumptions about its open sizes this call meets. Where they fail, the sizes in question are pinned
   * to what they are, those that are 1 first, since broadcasting by 1 is what an assumption of equal sizes rules out.
   */
  #holding(self: unknown, args: readonly unknown[], signature: Signature): Trace {
    const tensors = tensorsOf(signature)
    let trace = this.#traceFor(self, args, signature)
    for (;;) {
      const broken = trace.callee.brokenGuard(tensors)
      if (broken === undefined) return trace
      const ones = [...broken.sizes].filter(([, size]) => size === 1)
      const pinned = pinSizes(trace.signature, new Map(ones.length > 0 ? ones : broken.sizes))
      if (pinned === undefined)
        throw new ShapeError({
          op: this.name,
          problem: `${broken.reason}: ${printSize(broken.x)} is not ${printSize(broken.y)}`,
        })
      trace =
        this.#cache.exactly(withTypes(signature, pinned).key) ?? this.#trace(self, args, signature, pinned)
    }
  }

  /** Runs the callback as it is, for debugging; what it returns is converted as in a trace. */
  #runEagerly(self: unknown, args: readonly unknown[]): unknown {
    const results: Tensor[] = []
    const { rebuild } = resultStructure(
      Reflect.apply(this.callback, self, args),
      '',
      this.name,
      (leaf) => results.push(convertToTensor(leaf)) - 1,
    )
    return rebuild(results)
  }

  #traceFor(self: unknown, args: readonly unknown[], signature: Signature): Trace {
    return this.#cache.find(signature) ?? this.#trace(self, args, signature, this.#openTypes(signature))
  }

  /** The types to trace a new signature with, where they should be opener than the call's own. */
  #openTypes(signature: Signature): readonly ArgumentType[] | undefined {
    if (this.#specs !== undefined) {
      const open = new Map(this.#specs.entries.map((entry) => [entry.path, entry.type]))
      return signature.entries.map(({ path, type }) => withRank(open.get(path) ?? type, type))
    }
    if (this.options.reduceRetracing !== true) return undefined
    for (const trace of this.#cache.all.toReversed()) {
      const joined = joinSignatures(trace.signature, signature)
      if (joined !== undefined) return joined
    }
    return undefined
  }

  #trace(
    self: unknown,
    args: readonly unknown[],
    given: Signature,
    types: readonly ArgumentType[] | undefined,
  ): Trace {
    const signature = withTypes(given, types)
    if (this.#inProgress.has(signature.key))
      throw new TraceError({
        op: this.name,
        problem: `it calls itself with the arguments it is being traced for: ${signature.entries.map(({ path, text }) => `${path} ${text}`).join(', ')}`,
        fix: 'recurse on a JavaScript number, or use a loop.',
      })
    const earlier = this.#earlier(signature)
    const mode = this.options.onRetrace ?? 'warn'
    if (earlier.length > 0 && mode === 'error') reportRetrace(this, earlier, signature, 0, mode)
    if (this.options.maxTraces !== undefined && this.#cache.size >= this.options.maxTraces)
      throw new SignatureError({
        op: this.name,
        problem: `it has ${this.#cache.size} traces, which is its maxTraces, and these arguments need another: ${signature.entries.map(({ path, text }) => `${path} ${text}`).join(', ')}`,
        fix: 'make the varying arguments tensors with open sizes (inputSignature with null, or reduceRetracing), or raise maxTraces.',
      })
    this.#inProgress.add(signature.key)
    let made: Trace
    try {
      made = this.#run(self, args, given, signature, types)
    } finally {
      this.#inProgress.delete(signature.key)
    }
    if (earlier.length > 0)
      reportRetrace(this, earlier, signature, made.traceMilliseconds + made.compileMilliseconds, mode)
    this.#traceCount += made.count
    this.#cache.add(made)
    return made
  }

  /** Runs the callback; twice when it created Variables, since what it does without creating them is what counts. */
  #run(
    self: unknown,
    args: readonly unknown[],
    given: Signature,
    signature: Signature,
    types: readonly ArgumentType[] | undefined,
  ): Trace {
    const start = performance.now()
    const request = {
      name: this.name,
      callback: this.callback,
      self,
      args,
      signature: given,
      ...(types === undefined ? {} : { types }),
    }
    const creation = new VariableCreation(this.#cache.size === 0 ? 'first' : 'later')
    let traced = traceCallback({ ...request, creation })
    let count = 1
    if (creation.created.length > 0) {
      traced = traceCallback({ ...request, creation: new VariableCreation('again') })
      count = 2
    }
    const traceMilliseconds = performance.now() - start
    // A function that is only wanted inside another trace is not compiled on its own.
    if (!isTracing()) traced.callee.prepare()
    const isFlat =
      traced.variableNames.length === 0 &&
      given.leaves.length === args.length &&
      args.every((arg) => arg instanceof Tensor)
    return {
      ...traced,
      count,
      // Leaves hold arguments, which a trace must not keep alive.
      signature: {
        entries: signature.entries,
        key: signature.key,
        leaves: signature.leaves.filter((leaf) => leaf.kind === 'spec'),
      },
      flat: isFlat ? flatTypes(signature) : undefined,
      traceMilliseconds,
      compileMilliseconds: traced.callee.compileMilliseconds,
    }
  }

  /** Signatures of earlier traces for the same receiver: a method's first trace for another object is no retrace. */
  #earlier(signature: Signature): readonly Signature[] {
    const receiver = (of: Signature): string | undefined =>
      of.entries.find(({ path }) => path === 'this')?.text
    return this.#cache.all
      .map((trace) => trace.signature)
      .filter((other) => receiver(other) === receiver(signature))
  }
}

/** Runs a trace for the leaves of a call. */
function run(trace: Trace, signature: Signature): unknown {
  const { callee, variableNames } = trace
  if (variableNames.length === 0) return trace.rebuild(callee.call(tensorsOf(signature)))
  const variables = new Map<string, Variable>(callee.traced.variables)
  let next = 0
  for (const leaf of signature.leaves) {
    if (leaf.kind !== 'variable') continue
    const name = variableNames[next++]
    if (name !== undefined) variables.set(name, leaf.variable)
  }
  return trace.rebuild(callee.call(tensorsOf(signature), variables))
}

function tensorsOf(signature: Signature): Tensor[] {
  const tensors: Tensor[] = []
  for (const leaf of signature.leaves) if (leaf.kind === 'tensor') tensors.push(leaf.tensor)
  return tensors
}

/** A spec of unknown rank takes the rank of the argument. */
function withRank(open: ArgumentType, given: ArgumentType): ArgumentType {
  if (open.kind !== 'tensor' || open.shape !== null || given.kind !== 'tensor' || given.shape === null)
    return open
  return { ...open, shape: given.shape.map(() => null) }
}

/** The signature with opener types. */
function withTypes(signature: Signature, types: readonly ArgumentType[] | undefined): Signature {
  if (types === undefined) return signature
  const entries = signature.entries.map((entry, i): Entry => {
    const type = types[i] ?? entry.type
    return type.kind === 'tensor'
      ? { path: entry.path, type, text: printSpec(type.dtype, type.shape) }
      : entry
  })
  return { ...signature, entries, key: entries.map(({ path, text }) => `${path}:${text};`).join('') }
}

/** The types of the tensors of a signature, when it has nothing else. */
function flatTypes(signature: Signature): readonly FlatType[] | undefined {
  const types = signature.entries.filter(({ path }) => path !== 'this').map(({ type }) => type)
  return types.every((type) => type.kind === 'tensor') ? types : undefined
}

/** True when the arguments are tensors of just these types. */
function fits(types: readonly FlatType[], args: readonly unknown[]): args is readonly Tensor[] {
  if (types.length !== args.length) return false
  for (let i = 0; i < types.length; i++) {
    const arg = args[i]
    const type = types[i]
    if (!(arg instanceof Tensor) || type === undefined || type.shape === null) return false
    if (arg.type.dtype !== type.dtype || !sameSizes(type.shape, arg.type.shape)) return false
  }
  return true
}

function sameSizes(wanted: readonly (Size | null)[], shape: readonly Size[]): boolean {
  if (wanted === shape) return true
  if (wanted.length !== shape.length) return false
  for (let i = 0; i < wanted.length; i++) if (wanted[i] !== shape[i] && wanted[i] !== null) return false
  return true
}

/** The types of a trace with some of its open sizes (`n0`, `n1`, … in order) as numbers; undefined when none is open. */
function pinSizes(
  signature: Signature,
  sizes: ReadonlyMap<string, number>,
): readonly ArgumentType[] | undefined {
  let next = 0
  let pinned = 0
  const types = signature.entries.map(({ type }): ArgumentType => {
    if (type.kind !== 'tensor' || type.shape === null) return type
    const shape = type.shape.map((size) => {
      if (size !== null) return size
      const known = sizes.get(`n${next++}`)
      if (known !== undefined) pinned++
      return known ?? null
    })
    return { ...type, shape }
  })
  return pinned === 0 ? undefined : types
}

function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function')
    throw new TraceError({
      op: 'tf.function',
      problem: `${constantText(callback)} is not a function`,
      fix: 'pass the callback to trace.',
    })
  if (['AsyncFunction', 'GeneratorFunction', 'AsyncGeneratorFunction'].includes(callback.constructor.name))
    throw new TraceError({
      op: 'tf.function',
      problem: 'async and generator callbacks cannot be traced',
      fix: 'await outside, and trace synchronous code.',
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
