/**
 * Where in the user's program we are: the first stack frame outside the library.
 *
 * Asked only while tracing, on a cache miss and when an error is made, never on a warm call.
 */
import { installSiteDescription } from '../../codegen/errors.ts'
import { currentTrace, isTracing } from './bind.ts'

/** The folder that holds src/, tracer/ and codegen/, as stack frames spell it (a URL or a path). */
const root: string = new URL('../../', import.meta.url).href
const rootPath: string = root.startsWith('file://') ? decodeURIComponent(new URL(root).pathname) : root
const libraryFolders = ['src/', 'tracer/', 'codegen/'].flatMap((folder) => [root + folder, rootPath + folder])

/** `file:line:column` of the innermost frame that is not the library's, or undefined. */
export function userSite(): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 60
  const stack = new Error('site').stack ?? ''
  Error.stackTraceLimit = limit
  for (const line of stack.split('\n').slice(1)) {
    const place = /\(?((?:file|https?):\/\/[^\s)]+|\/[^\s)]+|[A-Za-z]:\\[^\s)]+):(\d+):(\d+)\)?$/.exec(
      line.trim(),
    )
    const file = place?.[1]
    if (file === undefined || line.includes('wasm://')) continue
    if (libraryFolders.some((folder) => file.startsWith(folder)) || file.startsWith('node:')) continue
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
