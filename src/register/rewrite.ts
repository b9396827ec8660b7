/**
 * What the loader does with a module: rewrites its control flow, when it imports the library, and sees to it that stack
 * traces go on naming the lines the user wrote.
 */
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convertModule, type SourceMapInput, type SourceMapV3 } from '../../tracer/autograph/module.ts'

/** What a `load` hook gives. */
export interface Loaded {
  readonly format?: string | null | undefined
  readonly source?: string | ArrayBuffer | ArrayBufferView | null | undefined
}

/** Where rewritten CommonJS finds its runtime: modules of the library cannot be required. */
export const runtimeKey = 'tracemill/autograph-runtime'

/** Newer than the oldest Node that is supported. */
const { stripTypeScriptTypes } = nodeModule as { readonly stripTypeScriptTypes?: (code: string) => string }

const mapComment = /\n?\/\/[#@] sourceMappingURL=data:application\/json[^,\n]*?(;base64)?,([^\s]*)[ \t]*$/m

/** The module with its control flow rewritten; what was loaded, where there is nothing to do. */
export function rewriteLoaded<L extends Loaded>(url: string, loaded: L): L | (L & { source: string }) {
  const { format, source } = loaded
  if (!isUsers(url) || typeof format !== 'string' || source === null || source === undefined) return loaded
  const kind = /^(module|commonjs)(-typescript)?$/.exec(format)
  if (kind === null) return loaded
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  const isTyped = kind[2] !== undefined
  const rewritten = rewriteText(url, text, kind[1] === 'module' ? 'module' : 'commonjs', isTyped)
  return rewritten === undefined ? loaded : { ...loaded, format: kind[1], source: rewritten }
}

/** The text of a module with its control flow rewritten; undefined where there is nothing to do. */
export function rewriteText(
  url: string,
  text: string,
  format: 'module' | 'commonjs',
  isTyped = false,
): string | undefined {
  // A sign of a module that uses the library: in its text, or in its file where only types are imported.
  const original = text.includes('tracemill') ? text : fileOf(url)
  if (!original.includes('tracemill')) return undefined
  const code = isTyped ? withoutTypes(url, text) : text
  const { body, map } = withoutMap(code)
  try {
    const made = convertModule(body, {
      file: basename(fileURLToPath(url)),
      original,
      format,
      ...(map === undefined ? {} : { map }),
      ...(format === 'module'
        ? {}
        : { prelude: (name) => `const ${name} = globalThis[Symbol.for(${JSON.stringify(runtimeKey)})];` }),
    })
    return made && `${made.code}\n${commentOf(made.map, url, map === undefined)}`
  } catch (error) {
    if (error instanceof SyntaxError && isTypeScript(url))
      throw new Error(
        `tracemill/register got ${fileURLToPath(url)} as TypeScript. Load tsx first: node --import tsx --import tracemill/register …`,
        { cause: error },
      )
    throw error
  }
}

export function isBinaryen(url: string): boolean {
  return url.endsWith('/node_modules/binaryen/index.js')
}

/** binaryen as it stands: compilers that come before take seconds to find nothing to do in its 15 MB. */
export function plainBinaryen(url: string): Loaded & { readonly shortCircuit: true } {
  return { format: 'module', source: readFileSync(fileURLToPath(url), 'utf8'), shortCircuit: true }
}

/** True for files that are no package's. */
function isUsers(url: string): boolean {
  return url.startsWith('file:') && !url.includes('/node_modules/')
}

function isTypeScript(url: string): boolean {
  return /\.[cm]?tsx?$/.test(url.split('?')[0] ?? '')
}

function fileOf(url: string): string {
  if (!isTypeScript(url)) return ''
  try {
    return readFileSync(fileURLToPath(url), 'utf8')
  } catch {
    return ''
  }
}

/** TypeScript without its types, which leaves every position as it is. */
function withoutTypes(url: string, text: string): string {
  if (stripTypeScriptTypes === undefined)
    throw new Error(`this Node cannot strip the types of ${fileURLToPath(url)}: load it with tsx`)
  // oxlint-disable-next-line typescript/unbound-method -- put back as it was
  const emit = process.emitWarning
  // It warns of being experimental, about which Node itself says nothing when it does the same.
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(text)
  } finally {
    process.emitWarning = emit
  }
}

function withoutMap(code: string): { readonly body: string; readonly map: SourceMapInput | undefined } {
  const found = mapComment.exec(code)
  if (found === null) return { body: code, map: undefined }
  const [comment, isBase64, data = ''] = found
  const text = isBase64 === undefined ? decodeURIComponent(data) : Buffer.from(data, 'base64').toString()
  return { body: code.replace(comment, ''), map: JSON.parse(text) as SourceMapInput }
}

function commentOf(map: SourceMapV3, url: string, isFirst: boolean): string {
  const located = isFirst ? { ...map, sources: map.sources.map(() => url.split('?')[0]) } : map
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(located)).toString('base64')}`
}
