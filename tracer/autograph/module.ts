/**
 * Rewriting a whole module before it runs: what the build plugin and the loader do.
 *
 * Every function that has to be rewritten gets a new body, and new defaults of parameters; names, keys and all the rest of
 * the module stay as they are, byte for byte, with one import in front, before any other so that the runtime is there
 * when modules import each other in a circle. What the new text calls is told positions as `file:line:column`, in the
 * file the user wrote.
 */
import { parse, type Program } from 'acorn'
import { print, printMarked } from './printer.ts'
import {
  applyEdits,
  type Edit,
  joinMaps,
  mapOfEdits,
  originsIn,
  type SourceMapInput,
  type SourceMapV3,
} from './source-map.ts'
import { type AnyFunction, type AnyNode, children, isFunction, isSuspending } from './syntax.ts'
import { type Rewriting, rewriting } from './transform.ts'
import { watchesIn } from './watches.ts'

export type { SourceMapInput, SourceMapV3 }

export interface ModuleOptions {
  /** The file in messages and in the map: a path that means something to the user. */
  readonly file: string
  /** The map of earlier steps, from `code` to what the user wrote, or what makes it when it is needed. */
  readonly map?: SourceMapInput | (() => SourceMapInput | undefined) | undefined
  /** What the user wrote, where it is known: imports of types only are not in `code` any more. */
  readonly original?: string | undefined
  /** Rewrites the module also when it does not import tracemill. */
  readonly isIncluded?: boolean | undefined
  /** The module that has `$ag`. */
  readonly runtimeImport?: string | undefined
  /** The statement that makes the runtime known by a name; an import where it is not given. */
  readonly prelude?: ((name: string) => string) | undefined
  /** How the code is parsed: CommonJS needs a prelude of its own. */
  readonly format?: 'module' | 'commonjs' | undefined
}

/** A rewritten module. */
export interface ConvertedModule {
  readonly code: string
  /** From `code` to what the user wrote, or to what was given where there is no earlier map. */
  readonly map: SourceMapV3
  /** From `code` to what was given. */
  readonly step: SourceMapV3
}

/** Where rewritten modules import their runtime from. */
export const runtimeModule = 'tracemill/autograph-runtime'

const library = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*(["'])tracemill(?:\/[\w-]+)?\1/
const optOut = /\/[*/]\s*@no-autograph\b/

/**
 * Rewrites a module; undefined when it stays as it is: it does not import the library, says `@no-autograph` in a
 * comment, was rewritten before, or has nothing to rewrite. Throws SyntaxError for what is no JavaScript.
 */
export function convertModule(code: string, options: ModuleOptions): ConvertedModule | undefined {
  const { file, original = code, format = 'module' } = options
  const runtimeImport = options.runtimeImport ?? runtimeModule
  if (!options.isIncluded && !library.test(code) && !library.test(original)) return undefined
  if (optOut.test(code) || optOut.test(original)) return undefined
  if (code.includes(runtimeImport) || !/[?!]|&&|\|\||[!=]=|\b(?:if|while|for|switch)\b/.test(code))
    return undefined
  const program = parse(code, {
    ecmaVersion: 'latest',
    sourceType: format === 'module' ? 'module' : 'script',
    allowHashBang: true,
    allowReturnOutsideFunction: format === 'commonjs',
    allowAwaitOutsideFunction: true,
  })
  const before = typeof options.map === 'function' ? options.map() : options.map
  const origins = originsIn(code, before)
  const made = rewriting(program, code, (position) => {
    const { source, line, column } = origins(position)
    return `${nameOf(source, file)}:${line}:${column}`
  })
  const rewritten = functionsToRewrite(program, made).flatMap((fn) => editsOf(fn, made, code))
  if (rewritten.length === 0) return undefined
  const name = made.runtimeName
  const inOrder = [...watchesIn(program, made), ...rewritten].toSorted(
    (a, b) => a.start - b.start || a.end - b.end,
  )
  const binding = name === '$ag' ? name : `$ag as ${name}`
  const prelude = options.prelude?.(name) ?? `import { ${binding} } from ${JSON.stringify(runtimeImport)};`
  const start = startOf(program)
  const edits: Edit[] = [{ start, end: start, text: `${prelude} `, marks: [] }, ...inOrder]
  // A map names its sources as seen from the module's own folder.
  const step = mapOfEdits(code, edits, lastOf(file))
  let joined: SourceMapV3 | undefined
  return {
    code: applyEdits(code, edits),
    step,
    get map(): SourceMapV3 {
      return (joined ??= before === undefined ? step : joinMaps(step, before))
    },
  }
}

/** The file in messages, without its folders as in all messages: the one that was given, unless the map tells of several. */
function nameOf(source: string | undefined, file: string): string {
  const stem = (path: string): string => lastOf(path).replace(/\.[cm]?[jt]sx?$/, '')
  return lastOf(source === undefined || stem(source) === stem(file) ? file : source)
}

/** A path without its folders. */
function lastOf(path: string): string {
  return path.replace(/[?#].*$/, '').replace(/^.*[\\/]/, '')
}

/** Where the import goes: behind `#!` and directives, in the line of the first statement. */
function startOf(program: Program): number {
  const first = program.body.find((node) => !('directive' in node && node.directive !== undefined))
  return first?.start ?? program.end
}

/** The outermost functions whose own body has to be rewritten; what is inside of them is rewritten with them. */
function functionsToRewrite(program: Program, made: Rewriting): AnyFunction[] {
  const found: AnyFunction[] = []
  const visit = (node: AnyNode): void => {
    if (isFunction(node) && !isSuspending(node) && made.isAffected(node)) found.push(node)
    else children(node).forEach(visit)
  }
  for (const node of program.body) if (!isHelper(node)) visit(node)
  return found.toSorted((a, b) => a.start - b.start)
}

/** True for the helpers that compilers put in front of a module: `__decorateClass`, `__name` … */
function isHelper(node: AnyNode): boolean {
  if (node.type === 'FunctionDeclaration') return node.id?.name.startsWith('__') === true
  return (
    node.type === 'VariableDeclaration' &&
    node.declarations.every(({ id }) => id.type === 'Identifier' && id.name.startsWith('__'))
  )
}

/** The new body of a function, and of its parameters those whose defaults changed. */
function editsOf(fn: AnyFunction, made: Rewriting, code: string): Edit[] {
  const { params, body } = made.rewrite(fn)
  const edits: Edit[] = []
  for (const [i, param] of params.entries()) {
    const before = fn.params[i]
    if (before === undefined || before.type === 'Identifier') continue
    if (print(param) !== print(before)) edits.push(editOf(before, param, code))
  }
  return [...edits, editOf(fn.body, body, code)]
}

function editOf(before: AnyNode, after: AnyNode, code: string): Edit {
  const line = code.slice(code.lastIndexOf('\n', before.start - 1) + 1, before.start)
  const indentation = /^[ \t]*/.exec(line)?.[0].replaceAll('\t', '  ').length ?? 0
  const { text, marks } = printMarked(after, indentation >> 1)
  // An arrow's body that would be read as a block.
  const isBare = text.startsWith('{') && !code.startsWith('{', before.start)
  const shift = isBare ? 1 : 0
  return {
    start: before.start,
    end: before.end,
    text: isBare ? `(${text})` : text,
    marks: [
      { printed: 0, source: before.start },
      ...marks.map(({ printed, source }) => ({ printed: printed + shift, source })),
    ],
  }
}
