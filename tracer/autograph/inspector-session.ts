/**
 * Node's inspector, connected to the thread it runs in.
 *
 * Every request is answered before `post` returns. What both sides have to reach (the function, the code, what came out)
 * lies in one object, which stands under a name nobody else has on the global of the realm that the inspector evaluates
 * in and, while it is needed, on that of the function's realm.
 *
 * The debugger is enabled only for as long as functions of one trace are being rewritten: meanwhile V8 runs WebAssembly
 * in a slower form.
 */

/** Why something is out of the inspector's reach, as a clause. */
export class OutOfReach extends Error {}

/** An object in the inspector's words. */
export interface Remote {
  readonly objectId?: string
  readonly value?: unknown
}

export interface Location {
  readonly scriptId: string
  readonly lineNumber: number
  readonly columnNumber: number
}

/** A script, as the debugger tells of it. */
export interface Script {
  readonly url: string
  readonly sourceMapURL: string
}

/** What both sides reach. */
export interface Stash {
  value?: unknown
  scopes?: unknown
  scope?: (code: string) => unknown
  run?: () => void
  abort?: () => void
}

interface Thrown {
  readonly exceptionDetails?: {
    readonly stackTrace?: {
      readonly callFrames: readonly { readonly scriptId: string; readonly url: string }[]
    }
  }
}

interface RawSession {
  connect(): void
  disconnect(): void
  post(method: string, params: object, answer: (error: Error | null, result: unknown) => void): void
  on(event: string, listener: (message: { readonly params: unknown }) => void): void
}

interface Host {
  readonly getBuiltinModule?: ((name: string) => unknown) | undefined
}

/** A module of Node's own; undefined in other places. */
export function builtinModule(name: string): object | undefined {
  const host = Reflect.get(globalThis, 'process') as Host | undefined
  const found: unknown = host?.getBuiltinModule?.(name)
  // The one about modules is a class.
  return (found !== null && typeof found === 'object') || typeof found === 'function' ? found : undefined
}

/** The global object of the realm that a function is of. */
export function globalOf(fn: object): object {
  const make: unknown = Reflect.get(fn, 'constructor')
  if (make === Function || typeof make !== 'function') return globalThis
  // A function that is suspended has another constructor, and is never asked for.
  return (Reflect.construct(make, ['return globalThis']) as () => object)()
}

// Drawn once, here: sessions are opened while functions are traced, where drawing numbers is told of.
const stashName = `tracemill${Math.random().toString(36).slice(2)}`

/** Scripts that functions were in, for the sessions to come. */
const scripts = new Map<string, Script>()

export class InspectorSession {
  readonly stash: Stash = {}
  readonly stashName: string = stashName
  readonly #told = new Map<string, Script>()
  readonly #session: RawSession
  readonly #global: object
  #isDebugging = false

  /** Throws OutOfReach where there is no inspector, or it may not be used. */
  constructor() {
    const Session: unknown = Reflect.get(builtinModule('node:inspector') ?? {}, 'Session')
    if (typeof Session !== 'function') throw new OutOfReach('this place has no inspector')
    try {
      this.#session = new (Session as new () => RawSession)()
      this.#session.connect()
      const host = Reflect.get(globalThis, 'process') as { readonly getBuiltinModule: object }
      this.#global = globalOf(host.getBuiltinModule)
    } catch (error) {
      throw new OutOfReach(reasonOf(error), { cause: error })
    }
    this.#session.on('Debugger.scriptParsed', ({ params }) => {
      const { scriptId, url, sourceMapURL } = params as Script & { readonly scriptId: string }
      this.#told.set(scriptId, { url, sourceMapURL })
    })
    this.expose(this.#global)
  }

  /** Puts what both sides reach on a global object. */
  expose(global: object): void {
    Object.defineProperty(global, this.stashName, { value: this.stash, configurable: true })
  }
  /** Takes it away again. */
  hide(global: object): void {
    if (global !== this.#global) Reflect.deleteProperty(global, this.stashName)
  }

  post<R>(method: string, params: object = {}): R {
    let failure: Error | null = null
    let result: unknown
    this.#session.post(method, params, (error, answer) => {
      failure = error
      result = answer
    })
    if (failure !== null) throw new OutOfReach(`${method}: ${(failure as Error).message}`)
    return result as R
  }

  /** Evaluates in the main realm. */
  evaluate(expression: string): Remote {
    return this.post<{ readonly result: Remote }>('Runtime.evaluate', { expression, silent: true }).result
  }

  /** Evaluates in the main realm what ends its own execution, and fails for that reason. */
  runToTermination(expression: string): void {
    this.#session.post('Runtime.evaluate', { expression, silent: true }, () => {})
  }

  debug(): void {
    if (this.#isDebugging) return
    this.post('Debugger.enable')
    // Without this, `debugger` statements would stop here too.
    this.post('Debugger.setSkipAllPauses', { skip: true })
    this.#isDebugging = true
  }

  /** A script that the debugger told of, or one that is running now. */
  scriptOf(scriptId: string): Script | undefined {
    // What the debugger tells is complete.
    const told = this.#told.get(scriptId)
    const known = told ?? scripts.get(scriptId)
    if (told !== undefined) scripts.set(scriptId, told)
    if (known !== undefined || this.#isDebugging) return known
    // What is thrown is described with the scripts on the stack; nothing else tells of them while not debugging.
    this.post('Runtime.enable')
    const { exceptionDetails } = this.post<Thrown>('Runtime.evaluate', {
      expression: '(() => { throw new Error() })()',
      silent: true,
    })
    for (const frame of exceptionDetails?.stackTrace?.callFrames ?? [])
      if (frame.url !== '') this.#told.set(frame.scriptId, { url: frame.url, sourceMapURL: '' })
    this.post('Runtime.disable')
    return this.#told.get(scriptId)
  }

  close(): void {
    Reflect.deleteProperty(this.#global, this.stashName)
    // Disconnecting disables what was enabled.
    this.#session.disconnect()
  }
}

/** What an error of Node means here. */
export function reasonOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  if (code === 'ERR_ACCESS_DENIED')
    return "Node's permission model forbids the inspector (--allow-inspector allows it)"
  if (error instanceof EvalError) return 'making code from strings is forbidden here'
  return error instanceof Error ? error.message : String(error)
}
