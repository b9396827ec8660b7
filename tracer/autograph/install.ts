/** Has the tracer rewrite callbacks: what `tracemill/autograph` does when it is loaded. */
import { installConverter } from '../trace/convert-hook.ts'
import { convert } from './convert.ts'
import { isOfLibrary, markLibrary } from './library-functions.ts'

/** Rewrites callbacks from now on; the functions of `library` are left alone. */
export function installAutograph(library: object): void {
  markLibrary(library)
  installConverter((callback, options) => convert(callback, options), isOfLibrary)
}
