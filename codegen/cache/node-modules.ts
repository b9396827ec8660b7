/**
 * Node's own modules, got when they are needed: an import would have to be explained to every bundler that builds for
 * browsers.
 */
import type * as Fs from 'node:fs'
import type * as Path from 'node:path'
import type * as Threads from 'node:worker_threads'

interface Modules {
  readonly fs: typeof Fs
  readonly path: typeof Path
  readonly threads: typeof Threads
}

/** The modules, in Node (and what behaves like it); undefined in browsers. */
export const nodeModules: Modules | undefined =
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function'
    ? {
        get fs() {
          return process.getBuiltinModule('node:fs')
        },
        get path() {
          return process.getBuiltinModule('node:path')
        },
        get threads() {
          return process.getBuiltinModule('node:worker_threads')
        },
      }
    : undefined
