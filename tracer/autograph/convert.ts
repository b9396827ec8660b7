/**
 * Rewriting a function that exists, and putting the result into its place.
 *
 * The text of a function says everything but what its free variables are. With `scope: s => eval(s)` the new text is
 * evaluated where the thunk was written, and so has the same variables, `this` of arrows and imports included. Without
 * it a function that mentions only its own variables and names of the language can be rebuilt anywhere. Others stay as
 * they are, unless a test in them surely is on a tensor: left alone it would always be true, so that is refused, with
 * the line and the ways out.
 */
import { TraceError, TracemillError } from '../../codegen/errors.ts'
import { builtins } from './builtins.ts'
import { definiteCondition } from './detect.ts'
import { print } from './printer.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { type FunctionSource, lineAt, parseText, positionsIn, textOf } from './source.ts'
import { type AnyNode, arrow, children, type Expression, identifier } from './syntax.ts'
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

/** What esbuild calls to keep the names of functions. */
const nameHelper = '__name'

const library = new WeakSet<object>()
const excluded = new WeakSet<object>()
/** What functions were rewritten to, without a scope; themselves where they stay. */
const converted = new WeakMap<object, Callback>()
const withScope = new WeakMap<object, WeakMap<object, Callback>>()

/** Functions of the library, which need no rewriting. */
export function markLibrary(namespace: object): void {
  const seen = new Set<object>()
  const visit = (value: unknown): void => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value))
      return
    seen.add(value)
    if (typeof value === 'function') library.add(value)
    const isNamespace = Reflect.get(value, Symbol.toStringTag) === 'Module' || value === namespace
    if (isNamespace) for (const key of Object.keys(value)) visit(Reflect.get(value, key))
  }
  visit(namespace)
}

/** Leaves a function alone when it is called from rewritten code. Returns it. */
export function noConvert<F extends Callback>(fn: F): F {
  excluded.add(fn)
  return fn
}

/** The rewritten function, or the function itself where nothing has to be rewritten. Throws TraceError where it must and cannot be. */
export function convert<F extends Callback>(fn: F, options: ConvertOptions = {}): F {
  if (library.has(fn) || excluded.has(fn)) return fn
  const { scope } = options
  const cache = scope === undefined ? converted : (withScope.get(scope) ?? new WeakMap<object, Callback>())
  if (scope !== undefined) withScope.set(scope, cache)
  const known = cache.get(fn)
  if (known !== undefined) return known as F
  const made = convertNow(fn, options)
  cache.set(fn, made)
  // A rewritten function is not rewritten again.
  cache.set(made, made)
  converted.set(made, made)
  return made as F
}

function convertNow(fn: Callback, { scope, name = fn.name, isCallee = false }: ConvertOptions): Callback {
  const text = textOf(fn)
  if (isRewritten(text)) return fn
  // Only a function with one of these can have anything to rewrite.
  if (isCallee && !/[?!]|&&|\|\||\b(?:if|while|for|switch)\b|=>|\(/.test(text)) return fn
  const source = parseText(text)
  if (source === undefined) return fn
  const offset = source.wrapped.indexOf(text)
  const made = rewriting(source.program, source.wrapped, offset)
  // What it calls may have to be rewritten, which it must do; without a scope all it can call are its own functions.
  if (!made.needsRewriting(source.fn) && (scope === undefined || !callsAnything(source.fn))) return fn
  const isRebuildable =
    [...made.bindings.free].every((free) => builtins.has(free) || free === nameHelper) &&
    !usesReceiver(source)
  if (made.bindings.usesSuper || (scope === undefined && !isRebuildable)) {
    if (made.needsRewriting(source.fn)) demandHarmless(source, name, made.bindings.usesSuper)
    return fn
  }
  const code = codeOf(source, made, name, scope !== undefined)
  const runtime = createRuntime({ name: name === '' ? 'anonymous' : name, convert: convertCallee })
  let make: unknown
  try {
    make = scope === undefined ? globalEval(code) : scope(code)
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
  const result = (make as (runtime: Runtime) => Callback)(runtime)
  Object.defineProperties(result, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  })
  return result
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

/** True for text that calls the runtime. */
function isRewritten(text: string): boolean {
  return /\$+ag\.\w+\(/.test(text)
}

/** True for arrows that mention `this`, whose value only their scope knows. */
function usesReceiver({ fn, text }: FunctionSource): boolean {
  return fn.type === 'ArrowFunctionExpression' && /\bthis\b|\bnew\.target\b|\barguments\b/.test(text)
}

/** `$ag => …`, an expression whose value is the function. */
function codeOf({ fn }: FunctionSource, made: Rewriting, name: string, hasScope: boolean): string {
  const rewritten = made.rewrite(fn)
  const expression: Expression =
    rewritten.type === 'FunctionDeclaration'
      ? { ...rewritten, type: 'FunctionExpression', expression: false, body: rewritten.body }
      : rewritten
  const output = arrow(expression, [identifier(made.runtimeName)])
  // Compilers call a helper of this name to keep the names of functions.
  const helper =
    hasScope || !made.bindings.free.has(nameHelper) ? '' : `const ${nameHelper} = f => f; return `
  const text = print(output)
  return `${helper === '' ? `(${text})` : `(() => { ${helper}${text} })()`}\n//# sourceURL=tracemill-${name.replaceAll(/\W/g, '_') || 'anonymous'}.js`
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
function demandHarmless(source: FunctionSource, name: string, usesSuper: boolean): void {
  const node = definiteCondition(source.fn)
  if (node === undefined) return
  const offset = source.wrapped.indexOf(source.text)
  const position = positionsIn(source.text)(node.start - offset)
  throw new TraceError({
    op: 'tf.function',
    problem: `${name === '' ? 'the callback' : name} decides by a tensor, and cannot be rewritten${usesSuper ? ' because it uses super' : ' without its scope'}; left as it is, the test would always be true`,
    rows: [[`line ${position.split(':')[0]}`, lineAt(source.wrapped, node)]],
    fix: 'give the option scope: s => eval(s), or use the build plugin, or write tf.cond, tf.whileLoop or tf.where.',
  })
}
