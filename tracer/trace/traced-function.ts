/**
 * A function that is traced: the callback, and one trace per signature.
 *
 * A call takes its arguments apart (argument.ts) and asks the cache for a trace that fits (trace-cache.ts); if there is
 * none the callback runs once with symbolic tensors (run-callback.ts). Then the trace's compiled program runs
 * (graph-function.ts). A trace that fails leaves nothing behind: no trace, no assignment, since assignments are only
 * nodes until the program runs.
 */
import { ShapeError } from '../../codegen/errors.ts'
import { printSize } from '../../codegen/size.ts'
import { Tensor } from '../tensor.ts'
import { type ArgumentType, isReceiverStructure, type Signature, signatureOf } from './argument.ts'
import { isTracing } from './bind.ts'
import { checkCallback, ParameterWarnings } from './callback.ts'
import { type FoundLeaves, fitsTemplates, templateOf } from './call-template.ts'
import { ConcreteFunction } from './concrete.ts'
import { VariableCreation } from './creation.ts'
import type { GraphFunction } from './graph-function.ts'
import { convertCallback } from './convert-hook.ts'
import { functionsRunEagerly, tracingModes, tracingModeText } from './modes.ts'
import { HostValueWatch, hostValuesOf } from './host-values.ts'
import { laterParameters, type ParameterList, parametersOf } from './parameters.ts'
import { siteOfOutermostCall, whileTracing } from './progress.ts'
import { RetraceLedger } from './retrace/ledger.ts'
import type { Retrace } from './retrace/message.ts'
import { runCallbackEagerly, traceCallback } from './run-callback.ts'
import { userSite } from './source.ts'
import { fits, flatTypes, pinSizes, withRank, withTypes } from './open-types.ts'
import { SpecFitting, type SpecTree } from './spec.ts'
import { runTrace, tensorsOf, type Trace, variablesOf } from './trace.ts'
import { joinSignatures, TraceCache } from './trace-cache.ts'
import { isObject } from './tree.ts'
import { tooManyTraces } from './trace-limit.ts'

export interface FunctionOptions {
  /** Name in graphs and messages; the callback's own when absent. */
  readonly name?: string
  /**
   * One spec (or structure of specs) for every parameter that has no default. The function then has a single trace (one
   * for each rank, where the shape is null), runs for every size given as null, and converts JavaScript values to the
   * specs' dtypes. Further parameters are bound to their defaults.
   */
  readonly inputSignature?: readonly SpecTree[]
  /**
   * Make the second trace for the same ranks and dtypes open in the sizes that differ, so that it serves all of them.
   * Each rank has traces of its own.
   */
  readonly reduceRetracing?: boolean
  /** The most traces to hold; one more is an error. */
  readonly maxTraces?: number
  /** What to do when it is traced again: a line in the console (default), nothing, or an error. */
  readonly onRetrace?: 'warn' | 'off' | 'error'
  /** False leaves the callback's control flow as it is, also when `tracemill/autograph` is loaded. */
  readonly autograph?: boolean
  /**
   * Evaluates code where the callback is written, so that what it is rewritten to sees the same variables. It is used when
   * `tracemill/autograph` is loaded: `{ scope: (s) => eval(s) }`.
   */
  readonly scope?: (code: string) => unknown
}

/** The machinery behind `tf.function`; src/function.ts wraps it in a callable. */
export class TracedFunction {
  readonly callback: (...args: never[]) => unknown
  readonly name: string
  readonly options: FunctionOptions
  readonly definedAt: string | undefined
  readonly #cache = new TraceCache<Trace>((trace) => {
    if (this.#last === trace) this.#last = undefined
  })
  /** Read from the source when first asked for. */
  #parameters: ParameterList | undefined
  /** Whether the callback mentions `this`: then the object it is called on selects a trace. */
  readonly #usesThis: boolean
  /** How many arguments come before those of the input signature. */
  readonly #leading: number
  /** The types of the input signature's specs. */
  readonly #specs: Signature | undefined
  readonly #fitting: SpecFitting | undefined
  readonly #ledger: RetraceLedger
  readonly #hostValues: HostValueWatch
  #calls = 0
  #last: Trace | undefined
  /** The object of the last call, not to be kept alive. */
  #lastSelf: WeakRef<object> | undefined
  readonly #warnings = new ParameterWarnings()
  #traceCount = 0

  /**
   * @param owner the object that `self` will always be: then it selects nothing
   * @param leading arguments that every call begins with, which the input signature does not speak of
   */
  constructor(
    callback: (...args: never[]) => unknown,
    options: FunctionOptions = {},
    owner?: object,
    leading = 0,
  ) {
    checkCallback(callback)
    this.callback = callback
    this.name = options.name ?? (callback.name === '' ? 'anonymous' : callback.name)
    this.options = options
    this.definedAt = userSite()
    this.#usesThis =
      owner === undefined && /\b(?:this|super)\b/.test(Function.prototype.toString.call(callback))
    const { inputSignature } = options
    this.#leading = leading
    if (inputSignature !== undefined) {
      const parameters = laterParameters(this.parameters, leading)
      this.#fitting = new SpecFitting(inputSignature, this.name, parameters, callback.length - leading)
      this.#specs = signatureOf(inputSignature, parameters)
    }
    this.#hostValues = new HostValueWatch(this.name, options.onRetrace !== 'off')
    this.#ledger = new RetraceLedger({
      name: this.name,
      definedAt: this.definedAt,
      sourceText: Function.prototype.toString.call(callback),
      kind: this.#usesThis || owner !== undefined ? 'method' : 'function',
      onRetrace: options.onRetrace,
      hasInputSignature: inputSignature !== undefined,
      reducesRetracing: options.reduceRetracing,
    })
  }

  /** The callback's parameters, as far as its source tells. */
  get parameters(): ParameterList {
    return (this.#parameters ??= parametersOf(this.callback))
  }
  /** Their names; `args[i]` where there is none. */
  get parameterNames(): readonly string[] {
    return this.parameters.parameters.map(({ name }, i) => name ?? `args[${i}]`)
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
    this.#ledger.cleared()
  }

  /** What its retraces were for. */
  explain(): Retrace[] {
    return this.#ledger.explain()
  }

  /** Calls the function; `self` is the callback's `this`. One call in sixteen is timed, to tell what share tracing has. */
  call(self: unknown, args: readonly unknown[]): unknown {
    if ((this.#calls++ & 15) !== 0) {
      const result = this.#dispatch(self, args)
      this.#ledger.called()
      if (this.#calls >= this.#hostValues.next) this.#hostValues.look(this.#calls, this.#last, self)
      return result
    }
    const start = performance.now()
    const result = this.#dispatch(self, args)
    this.#ledger.called(performance.now() - start)
    return result
  }

  #dispatch(self: unknown, args: readonly unknown[]): unknown {
    const last = this.#last
    if (
      last !== undefined &&
      (!this.#usesThis || this.#isLastSelf(self)) &&
      last.signature.modes === tracingModeText() &&
      !functionsRunEagerly()
    ) {
      if (last.flat !== undefined) {
        if (fits(last.flat, args) && this.#isFirstFor(last, args)) return last.rebuild(last.callee.call(args))
      } else if (last.templates !== undefined) {
        const found: FoundLeaves = { tensors: [], variables: [] }
        if (fitsTemplates(last.templates, args, found) && this.#isFirstFor(last, found.tensors))
          return runTrace(last, found.tensors, found.variables)
      }
    }
    const { signature, fitted } = this.#signature(self, args)
    if (functionsRunEagerly() && !isTracing())
      return runCallbackEagerly({
        name: this.name,
        callback: this.#prepared(),
        self,
        args: fitted,
        signature,
      })
    const trace = this.#holding(self, fitted, signature)
    this.#last = trace
    if (this.#usesThis) this.#lastSelf = isObject(self) ? new WeakRef(self) : undefined
    return runTrace(trace, tensorsOf(signature), variablesOf(signature))
  }

  /** True when no other trace goes before this one, and its assumptions hold, for a call it fits. */
  #isFirstFor(trace: Trace, tensors: readonly Tensor[]): boolean {
    const rivals = this.#cache.rivals(trace)
    for (const rival of rivals) if (fits(rival, tensors)) return false
    return trace.callee.brokenGuard(tensors) === undefined && trace.callee.isCallable
  }

  #isLastSelf(self: unknown): boolean {
    return isObject(self) ? self === this.#lastSelf?.deref() : this.#lastSelf === undefined
  }

  /** The trace for arguments or specs, made if need be, not run. */
  concrete(self: unknown, args: readonly unknown[]): ConcreteFunction {
    const { inputSignature } = this.options
    const { signature, fitted } =
      args.length === this.#leading && inputSignature !== undefined
        ? this.#signature(self, [...args, ...inputSignature])
        : this.#signature(self, args)
    const trace = this.#traceFor(self, fitted, signature)
    this.#last ??= trace
    const concrete = (trace.concrete ??= new ConcreteFunction(this.name, trace, this.parameters))
    concrete.acceptNames(signature)
    return concrete
  }

  get concreteFunctions(): readonly ConcreteFunction[] {
    return this.#cache.all.map(
      (trace) => (trace.concrete ??= new ConcreteFunction(this.name, trace, this.parameters)),
    )
  }

  /** The signature of a call, and its arguments as the input signature wants them. */
  #signature(
    self: unknown,
    args: readonly unknown[],
  ): { readonly signature: Signature; readonly fitted: readonly unknown[] } {
    const leading = this.#leading
    const fitted =
      this.#fitting === undefined
        ? args
        : leading === 0
          ? this.#fitting.fit(args)
          : [...args.slice(0, leading), ...this.#fitting.fit(args.slice(leading))]
    if (this.#fitting === undefined) this.#warnings.ofExtra(this.name, this.parameters, args.length)
    return {
      signature: signatureOf(fitted, this.parameters, this.#usesThis ? { self } : undefined),
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
        this.#cache.exactly(withTypes(signature, pinned).key) ??
        this.#trace(self, args, signature, pinned, broken.reason)
    }
  }

  #traceFor(self: unknown, args: readonly unknown[], signature: Signature): Trace {
    const found = this.#cache.find(signature)
    if (found?.callee.isCallable === true) return found
    // It closed over tensors of an outer trace that has ended; the next one has others.
    if (found !== undefined) this.#cache.delete(found.signature.key)
    return this.#trace(self, args, signature, this.#openTypes(signature))
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
    reason?: string,
  ): Trace {
    const signature = withTypes(given, types)
    const callSite = userSite()
    const outer = isTracing() ? siteOfOutermostCall() : undefined
    const isRetrace = this.#cache.hasTraceFor(signature)
    if (isRetrace) this.#ledger.refuse({ signature, callSite, outer, mode: tracingModes() })
    if (this.options.maxTraces !== undefined && this.#cache.size >= this.options.maxTraces)
      throw tooManyTraces(
        this.name,
        this.#cache.all.map((trace) => trace.signature),
        signature,
        this.definedAt,
      )
    const made = whileTracing(this, signature, isTracing() ? undefined : callSite, () =>
      this.#run(self, args, given, signature, types),
    )
    this.#ledger.traced({
      kind: !isRetrace ? 'first' : reason === undefined ? 'retrace' : 'specialised',
      signature: made.signature,
      callSite,
      outer,
      graph: made.callee.traced.graph,
      milliseconds: { trace: made.traceMilliseconds, compile: made.compileMilliseconds },
      wasmBytes: made.callee.wasmBytes,
      held: this.#cache.size + 1,
      mode: tracingModes(),
      reason,
    })
    this.#traceCount += made.count
    this.#cache.add(made)
    return made
  }

  /** The callback with its control flow rewritten, where a converter is installed and wanted. */
  #prepared(): (...args: never[]) => unknown {
    const { autograph = true, scope } = this.options
    return autograph ? convertCallback(this.callback, { scope, name: this.name }) : this.callback
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
    const callback = this.#prepared()
    const hostValues = hostValuesOf(callback, self)
    const request = {
      name: this.name,
      callback,
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
      !isReceiverStructure(given) &&
      given.leaves.length === args.length &&
      args.every((arg) => arg instanceof Tensor)
    this.#warnings.ofComputed(this.name, this.parameters, args)
    const made: Trace = {
      ...traced,
      count,
      // Leaves hold arguments, which a trace must not keep alive.
      signature: {
        ...signature,
        leaves: signature.leaves.filter((leaf) => leaf.kind === 'spec'),
      },
      flat: isFlat ? flatTypes(signature) : undefined,
      templates: isFlat ? undefined : templateOf(args, signature),
      traceMilliseconds,
      compileMilliseconds: traced.callee.compileMilliseconds,
    }
    this.#hostValues.traced(made, callback, hostValues)
    return made
  }
}
