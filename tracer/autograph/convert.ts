/**
 * Rewriting a function that exists, and putting the result into its place.
 *
 * The text of a function says everything but what its free variables are. With `scope: s => eval(s)` the new text is
 * evaluated where the thunk was written, and so has the same variables, `this` of arrows and imports included. A function
 * that mentions only its own variables and names of the language can be rebuilt anywhere. For others Node's inspector is
 * asked to evaluate in their scope, where it is installed. What is left stays as it is, unless a test in it surely is on
 * a tensor: left alone it would always be true, so that is refused, with the line and the ways out.
 */
import { TraceError, TracemillError } from '../../codegen/errors.ts'
import { isOwn, waysOut } from '../trace/convert-hook.ts'
import { builtins } from './builtins.ts'
import { mayCallForRewriting } from './callees.ts'
import { definiteCondition } from './detect.ts'
import { inlineMap, namedCode } from './inline-map.ts'
import { isOfLibrary } from './library-functions.ts'
import { lineAt, positionsIn } from './lines.ts'
import type { Origin, Place } from './places.ts'
import { print, printMarked } from './printer.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { type FunctionSource, parseText, textOf } from './source.ts'
import {
  type AnyNode,
  arrow,
  children,
  type Expression,
  identifier,
  isFunction,
  isSuspending,
} from './syntax.ts'
import { scriptOf } from './thunk.ts'
import { type Rewriting, rewriting } from './transform.ts'

/** A function as it is traced; what it is called with depends on it. */
export type Callback = (...args: never[]) => unknown

/** Evaluates code where it is written: `s => eval(s)`. */
export type Scope = (code: string) => unknown

export interface ConvertOptions {
  readonly scope?: Scope | undefined
  /** Its name in messages. */
  readonly name?: string | undefined
  /** Functions called from it are tried, not demanded. */
  readonly isCallee?: boolean
}

/** A thunk in the scope of a function, and where the function is written. */
export interface ScopeOf {
  readonly scope: Scope
  readonly place: Place | undefined
}

/** The names in a function, by which another scope can be told to serve as well. */
export interface NamesOf {
  readonly free: readonly string[]
  readonly own: readonly string[]
  /** True when it needs nothing of its scope but variables. */
  readonly isIndependent: boolean
}

/** What tells about the scope of functions that exist, and evaluates in it: Node's inspector. */
export interface ScopeFinder {
  /** What names mean in the scope of a function. */
  scopeOf(fn: Callback): (name: string) => { readonly value: unknown } | undefined
  /** Where a function is written; `url` is its script, where that is known. Cheap: it may not be found out. */
  place(fn: Callback, source: FunctionSource, url?: string): Place | undefined
  /** The same, whatever it costs. */
  findPlace(fn: Callback, source: FunctionSource): Place | undefined
  /** A thunk in the scope of a function; throws with the reason where there can be none. */
  thunkOf(fn: Callback, source: FunctionSource, names: NamesOf): ScopeOf
}

let finder: ScopeFinder | undefined

/** Uses an inspector from now on, or none. Returns the one before. */
export function installScopeFinder(next: ScopeFinder | undefined): ScopeFinder | undefined {
  const before = finder
  finder = next
  return before
}

/** What an arrow begins with. */
const arrowHead = /^(?:\([^()]*\)|[\w$]+)\s*=>/

/** What esbuild calls to keep the names of functions. */
const nameHelper = '__name'

const excluded = new WeakSet<object>()
/** What functions were rewritten to, without a scope; themselves where they stay. */
const converted = new WeakMap<object, Callback>()
const withScope = new WeakMap<object, WeakMap<object, Callback>>()

/** Leaves a function alone when it is called from rewritten code. Returns it. */
export function noConvert<F extends Callback>(fn: F): F {
  excluded.add(fn)
  return fn
}

/** The rewritten function, or the function itself where nothing has to be rewritten. Throws TraceError where it must and cannot be. */
export function convert<F extends Callback>(fn: F, options: ConvertOptions = {}): F {
  if (isOfLibrary(fn) || excluded.has(fn) || isOwn(fn)) return fn
  const { scope } = options
  const cache = scope === undefined ? converted : (withScope.get(scope) ?? new WeakMap<object, Callback>())
  if (scope !== undefined) withScope.set(scope, cache)
  const known = cache.get(fn)
  if (known !== undefined) return known as F
  const made = convertNow(fn, options)
  // What it calls may be something else next time, so that nothing was to be done is not kept for long.
  if (made === fn && options.isCallee !== true) return fn
  cache.set(fn, made)
  // A rewritten function is not rewritten again.
  cache.set(made, made)
  converted.set(made, made)
  return made as F
}

/** A function that may have to be rewritten. */
interface Candidate {
  readonly fn: Callback
  readonly name: string
  readonly source: FunctionSource
  readonly made: Rewriting
}

function convertNow(fn: Callback, { scope, name = fn.name, isCallee = false }: ConvertOptions): Callback {
  const text = textOf(fn)
  if (isRewritten(text)) return fn
  // Only a function with one of these can have anything to rewrite.
  if (isCallee && !/[?!]|&&|\|\||\b(?:if|while|for|switch)\b|=>|\(/.test(text.replace(arrowHead, '')))
    return fn
  const source = parseText(text)
  if (source === undefined || isSuspending(source.fn)) return fn
  const at: { place?: Place | undefined } = {}
  const offset = source.wrapped.indexOf(text)
  const positions = positionsIn(text)
  const made = rewriting(source.program, source.wrapped, (position) =>
    at.place === undefined
      ? `${name === '' ? 'anonymous' : name}:${positions(position - offset)}`
      : siteOf(at.place.originOf(position - offset)),
  )
  const candidate: Candidate = { fn, name, source, made }
  const isNeeded = made.needsRewriting(source.fn)
  // What it calls may have to be rewritten, which it must do.
  if (!isNeeded && !(scope === undefined ? leadsToRewriting(candidate) : callsAnything(source.fn))) return fn
  if (scope !== undefined && !made.bindings.usesSuper) {
    at.place = finder?.place(fn, source, scriptOf(scope))
    return evaluateWith(scope, candidate, at.place, isCallee)
  }
  if (isRebuildable(candidate)) {
    at.place = finder?.findPlace(fn, source)
    return finish(globalEval(codeOf(candidate, at.place, false)), candidate)
  }
  let reason = made.bindings.usesSuper ? 'because it uses super' : 'without its scope'
  if (finder !== undefined && !made.bindings.usesSuper)
    try {
      const conflict = shadowed(candidate)
      if (conflict !== undefined) throw new Error(`${conflict} means two things in it`)
      const found = finder.thunkOf(fn, source, namesOf(candidate))
      at.place = found.place
      return finish(found.scope(codeOf(candidate, at.place, true)), candidate)
    } catch (error) {
      if (error instanceof TracemillError) throw error
      const why = error instanceof Error ? error.message : String(error)
      reason += `; the inspector does not reach it: ${error instanceof EvalError ? 'code may not be made from text here' : why}`
    }
  if (isNeeded) demandHarmless(source, name, reason)
  return fn
}

/** Evaluates the code of a function by its thunk. */
function evaluateWith(
  scope: Scope,
  candidate: Candidate,
  place: Place | undefined,
  isCallee: boolean,
): Callback {
  const { fn, name } = candidate
  let make: unknown
  try {
    make = scope(codeOf(candidate, place, true))
  } catch (error) {
    if (isCallee || error instanceof TracemillError) return fn
    throw new TraceError(
      {
        op: 'tf.function',
        problem: `${name} could not be rebuilt in its scope: ${error instanceof Error ? error.message : String(error)}`,
        fix:
          error instanceof EvalError
            ? 'the page forbids eval: use the build plugin, or tf.cond, tf.whileLoop and tf.where.'
            : 'write the option where the function is written: scope: s => eval(s).',
      },
      { cause: error },
    )
  }
  if (typeof make !== 'function')
    throw new TraceError({
      op: 'tf.function',
      problem: `the scope of ${name} did not evaluate the code it was given`,
      fix: 'write scope: s => eval(s).',
    })
  return finish(make, candidate)
}

/** The function that evaluated code makes. */
function finish(make: unknown, { fn }: Candidate): Callback {
  const runtime = createRuntime(convertCallee)
  const result = (make as (runtime: Runtime) => Callback)(runtime)
  Object.defineProperties(result, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
  return result
}

/** True for functions that mean the same wherever they are made: all they mention is their own or the language's. */
function isRebuildable({ source, made }: Candidate): boolean {
  return (
    !made.bindings.usesSuper &&
    !usesReceiver(source) &&
    !mentionsPrivate(source.fn) &&
    [...made.bindings.free].every((free) => builtins.has(free) || free === nameHelper)
  )
}

function namesOf({ source, made: { bindings } }: Candidate): NamesOf {
  const own = new Set<string>(['arguments', '$code'])
  const visit = (node: AnyNode): void => {
    if (node.type === 'Identifier' && !bindings.free.has(node.name)) own.add(node.name)
    children(node).forEach(visit)
  }
  visit(source.fn)
  return {
    free: [...bindings.free],
    own: [...own],
    isIndependent: !usesReceiver(source) && !mentionsPrivate(source.fn),
  }
}

/** A free name of a function that also is a variable in it, where code would be evaluated. */
function shadowed({ source: { fn }, made: { bindings } }: Candidate): string | undefined {
  const find = (node: AnyNode): string | undefined => {
    if (node.type === 'Identifier' && bindings.free.has(node.name)) {
      const kind = bindings.of(node)?.kind
      return kind === undefined || kind === 'free' ? undefined : node.name
    }
    for (const child of isFunction(node) ? [] : children(node)) {
      const found = find(child)
      if (found !== undefined) return found
    }
    return undefined
  }
  return find(fn.body)
}

/** Functions that lead to nothing that must be rewritten, as far as they have been asked about. */
const plain = new WeakSet<object>()

/** Whether a function without anything to rewrite calls one that has, as far as its scope tells. */
function leadsToRewriting({ fn, source, made }: Candidate, onTheWay: readonly Callback[] = []): boolean {
  if (finder === undefined || !callsAnything(source.fn)) return false
  let look: ReturnType<ScopeFinder['scopeOf']> | undefined
  return mayCallForRewriting(source.fn, {
    bindings: made.bindings,
    lookUp: (free) => (look ??= finder?.scopeOf(fn) ?? (() => undefined))(free),
    isPlain: (callee) => isPlain(callee, [...onTheWay, fn]),
  })
}

function isPlain(fn: Callback, onTheWay: readonly Callback[]): boolean {
  if (isOfLibrary(fn) || excluded.has(fn) || isOwn(fn) || plain.has(fn) || onTheWay.includes(fn)) return true
  const text = textOf(fn)
  const source = isRewritten(text) ? undefined : parseText(text)
  if (source !== undefined && !isSuspending(source.fn)) {
    const made = rewriting(source.program, source.wrapped, source.wrapped.indexOf(text))
    if (made.needsRewriting(source.fn)) return false
    if (leadsToRewriting({ fn, name: fn.name, source, made }, onTheWay)) return false
  }
  if (onTheWay.length === 1) plain.add(fn)
  return true
}

/** Functions called from rewritten code. */
function convertCallee(fn: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return convert(fn, { isCallee: true })
}

// oxlint-disable-next-line no-eval -- the only way to make a function from text that keeps its own name and kind
const globalEval = (code: string): unknown => (0, eval)(code) as unknown

function callsAnything(node: AnyNode): boolean {
  return node.type === 'CallExpression' || children(node).some(callsAnything)
}

/** True for text that calls the runtime, by whatever name a minifier gave it: its calls end with a position in a file. */
function isRewritten(text: string): boolean {
  return /\$+ag\.\w+\(|(["'`])[^"'`\n]+:\d+:\d+\1\s*\)/.test(text)
}

function mentionsPrivate(node: AnyNode): boolean {
  return node.type === 'PrivateIdentifier' || children(node).some(mentionsPrivate)
}

/** True for arrows that mention `this`, whose value only their scope knows. */
function usesReceiver({ fn, text }: FunctionSource): boolean {
  return fn.type === 'ArrowFunctionExpression' && /\bthis\b|\bnew\.target\b|\barguments\b/.test(text)
}

/** `$ag => …`, an expression whose value is the function. */
function codeOf(
  { source: { fn, wrapped, text }, made, name }: Candidate,
  place: Place | undefined,
  hasScope: boolean,
): string {
  const rewritten = made.rewrite(fn)
  const expression: Expression =
    rewritten.type === 'FunctionDeclaration'
      ? { ...rewritten, type: 'FunctionExpression', expression: false, body: rewritten.body }
      : rewritten
  const { text: printed, marks } = printMarked(
    arrow(made.watched(fn, expression), [identifier(made.runtimeName)]),
  )
  // Compilers call a helper of this name to keep the names of functions.
  const helper =
    hasScope || !made.bindings.free.has(nameHelper) ? '' : `const ${nameHelper} = f => f; return `
  const before = helper === '' ? '(' : `(() => { ${helper}`
  const code = `${before}${printed}${helper === '' ? ')' : ' })()'}`
  const label = name.replaceAll(/\W/g, '_') || 'anonymous'
  const offset = wrapped.indexOf(text)
  const shifted = marks.map((mark) => ({
    printed: mark.printed + before.length,
    source: mark.source - offset,
  }))
  if (place !== undefined) return code + inlineMap(code, shifted, place, label)
  const positions = positionsIn(text)
  const originOf = (position: number): Origin => {
    const [line, column] = positions(position).split(':').map(Number)
    return { source: name === '' ? 'anonymous' : name, line: line ?? 1, column: column ?? 1 }
  }
  return code + namedCode(code, shifted, originOf, label)
}

/** A place in messages. */
function siteOf({ source, line, column }: { source: string; line: number; column: number }): string {
  return `${source.split('?')[0]?.split(/[\\/]/).at(-1) ?? source}:${line}:${column}`
}

/** The text a function is rewritten to; its own when nothing is. */
export function rewrittenText(fn: Callback): string {
  const text = textOf(fn)
  const source = parseText(text)
  if (source === undefined) return text
  const made = rewriting(source.program, source.wrapped, source.wrapped.indexOf(text))
  return print(made.rewrite(source.fn))
}

/** Throws TraceError when a test of the function surely is on a tensor. */
function demandHarmless(source: FunctionSource, name: string, reason: string): void {
  const node = definiteCondition(source.fn)
  if (node === undefined) return
  const offset = source.wrapped.indexOf(source.text)
  const position = positionsIn(source.text)(node.start - offset)
  throw new TraceError({
    op: 'tf.function',
    problem: `${name === '' ? 'the callback' : name} decides by a tensor, and cannot be rewritten ${reason}; left as it is, the test would always be true`,
    rows: [[`line ${position.split(':')[0]}`, lineAt(source.wrapped, node)]],
    fix: `${waysOut}.`,
  })
}
