/**
 * Where in the user's program we are: the first stack frame outside the library.
 *
 * Asked only while tracing, on a cache miss and when an error is made, never on a warm call.
 */
import { installSiteDescription } from '../../codegen/errors.ts'
import { currentTrace, isTracing } from './bind.ts'

/** By a name of its own: bundlers take `new URL('…', import.meta.url)` for a file to copy. */
const thisFile: string = import.meta.url
/** The folder of the library's own bundle for Node (scripts/bundle-node.ts), if this is that. */
const ownBundle = /^(.*\/dist\/node\/)tracemill-[0-9a-f]+\.js$/.exec(thisFile)?.[1]
/** The folder that holds src/, tracer/ and codegen/, as stack frames spell it (a URL or a path). */
const root: string = ownBundle ?? new URL('../../', thisFile).href
const rootPath: string = root.startsWith('file://') ? decodeURIComponent(new URL(root).pathname) : root
const libraryFolders = (ownBundle === undefined ? ['src/', 'tracer/', 'codegen/'] : ['']).flatMap(
  (folder) => [root + folder, rootPath + folder],
)

/** Frames to look at: nearly always the user's is among the first; if not, a deep look finds it. */
const fewFrames = 20
const mostFrames = 100

/** True when a bundler has put the library's modules, and perhaps the user's, into other files. */
const isBundled = ownBundle === undefined && !/\/tracer\/trace\/source\.[jt]s$/.test(thisFile)
const thisPath: string = thisFile.startsWith('file://')
  ? decodeURIComponent(new URL(thisFile).pathname)
  : thisFile

/** A file that is the library's; of a bundle the file this ends up in, and what source maps say was in it. */
function isLibrary(file: string): boolean {
  return (
    (isBundled
      ? file === thisFile ||
        file === thisPath ||
        /\/tracemill\/dist\/(?:src|tracer|codegen)\/|\/\.vite\/deps\//.test(file)
      : libraryFolders.some((folder) => file.startsWith(folder))) ||
    file.startsWith('node:') ||
    file.startsWith('wasm:')
  )
}

/** A place that the user wrote; from 1. */
interface Written {
  readonly source: string
  readonly line: number
  readonly column: number
}

type WrittenAt = (line: number, column: number) => Written | undefined

/** Code that was evaluated in the place of the user's, by what the engine calls it. */
const evaluated = new Map<string, WrittenAt>()

/** Makes positions in evaluated code known by where they came from. */
export function noteEvaluated(url: string, writtenAt: WrittenAt): void {
  evaluated.set(url, writtenAt)
}

/** Where rewritten code says it is. */
let located: string | undefined

/** Notes where code that was rewritten in advance is. Returns what was noted before, to be noted again afterwards. */
export function enterSite(site: string | undefined): string | undefined {
  const before = located
  located = site
  return before
}

/** Positions in running code that have been looked up, with what they are in the user's source. */
const known = new Map<string, string | undefined>()

/**
 * `file:line:column` of the innermost frame that is not the library's, or undefined.
 *
 * A stack as text goes through source maps, which is slow; so where the engine gives frames as objects the position
 * in the running code is found first, and the text is asked for once per position.
 *
 * In a bundle the user's code and the library's may be one file, and code that was rewritten in advance knows better.
 */
export function userSite(): string | undefined {
  if (isBundled && located !== undefined) return located
  const limit = Error.stackTraceLimit
  try {
    Error.stackTraceLimit = fewFrames
    let position = runningPosition()
    Error.stackTraceLimit = mostFrames
    position ??= runningPosition()
    if (position === undefined) return siteInText()
    if (!known.has(position)) known.set(position, siteInEvaluated(position) ?? siteInText())
    return known.get(position)
  } finally {
    Error.stackTraceLimit = limit
  }
}

/** What the user wrote, for a position in code that was evaluated in its place. */
function siteInEvaluated(position: string): string | undefined {
  const [, file = '', line, column] = /^(.*):(\d+):(\d+)$/.exec(position) ?? []
  const written = evaluated.get(file)?.(Number(line), Number(column))
  return written && `${shorten(written.source)}:${written.line}:${written.column}`
}

/** A frame as V8 gives it. */
interface Frame {
  getFileName(): string | null | undefined
  /** Also a name that evaluated code has given itself. */
  getScriptNameOrSourceURL(): string | null | undefined
  getLineNumber(): number | null
  getColumnNumber(): number | null
}

function nameOf(frame: Frame): string | null | undefined {
  return frame.getFileName() ?? frame.getScriptNameOrSourceURL()
}

/** The position of the innermost user frame before source maps, where the engine (V8) tells. */
function runningPosition(): string | undefined {
  const holder = Error as { prepareStackTrace?: unknown }
  if (!('captureStackTrace' in Error)) return undefined
  const before = holder.prepareStackTrace
  let position: string | undefined
  holder.prepareStackTrace = (_error: unknown, frames: readonly Frame[]): string => {
    const user = frames.find((frame) => {
      const file = nameOf(frame)
      return typeof file === 'string' && !isLibrary(file)
    })
    const said = user !== undefined ? [user] : isBundled ? frames : []
    if (said.length > 0)
      position = said
        .map((frame) => `${nameOf(frame)}:${frame.getLineNumber()}:${frame.getColumnNumber()}`)
        .join()
    return ''
  }
  try {
    void new Error('site').stack
  } finally {
    holder.prepareStackTrace = before
  }
  return position
}

/** The same from the stack as text, which is in terms of the user's source. */
function siteInText(): string | undefined {
  const stack = new Error('site').stack ?? ''
  for (const line of stack.split('\n').slice(1)) {
    const place = /\(?((?:file|https?):\/\/[^\s)]+|\/[^\s)]+|[A-Za-z]:\\[^\s)]+):(\d+):(\d+)\)?$/.exec(
      line.trim(),
    )
    const file = place?.[1]
    if (file === undefined || line.includes('wasm://') || isLibrary(file)) continue
    const written = evaluated.get(file)?.(Number(place?.[2]), Number(place?.[3]))
    if (written !== undefined) return `${shorten(written.source)}:${written.line}:${written.column}`
    return `${shorten(file)}:${place?.[2]}:${place?.[3]}`
  }
  return undefined
}

/** The file's name without its folders: enough to find it, and the same on every machine. */
function shorten(file: string): string {
  return file.split('?')[0]?.split(/[\\/]/).at(-1) ?? file
}

installSiteDescription(() => {
  const site = userSite()
  const during = isTracing() ? `while tracing ${currentTrace().name}` : undefined
  return site === undefined ? during : during === undefined ? site : `${site}, ${during}`
})
