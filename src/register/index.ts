/**
 * `node --import tracemill/register app.mjs`, or behind tsx: `node --import tsx --import tracemill/register app.ts`.
 *
 * Every module that imports the library is rewritten before it runs, helpers and methods included, so nothing has to be
 * found out at run time: no inspector, no eval. Modules are rewritten as JavaScript, so what compiles them to that has
 * to be loaded before: Node asks the hook that was registered last first, which gets what the others make of a module.
 *
 * Where Node has synchronous hooks (from 22.15 on) they are used, since those of tsx are synchronous there and come
 * before any others; elsewhere the hook runs in Node's thread for hooks. CommonJS that is not loaded through hooks is
 * rewritten when it is compiled.
 */
import * as nodeModule from 'node:module'
import { pathToFileURL } from 'node:url'
import { $ag } from '../autograph-runtime.ts'
import { isBinaryen, type Loaded, plainBinaryen, rewriteLoaded, rewriteText, runtimeKey } from './rewrite.ts'

type Load = (url: string, context: object, nextLoad: (url: string, context: object) => Loaded) => Loaded

const { registerHooks } = nodeModule as { readonly registerHooks?: (hooks: { load: Load }) => void }

/** Set where this has been registered, also from another copy of the file. */
const done = Symbol.for('tracemill/register')

if (Reflect.get(globalThis, done) === undefined) {
  Reflect.set(globalThis, done, true)
  Reflect.set(globalThis, Symbol.for(runtimeKey), $ag)
  // Stack traces are to name what the user wrote.
  process.setSourceMapsEnabled(true)
  if (registerHooks === undefined) {
    const self: string = import.meta.url
    nodeModule.register(new URL(self.endsWith('.ts') ? './hooks.ts' : './hooks.js', self))
  } else
    registerHooks({
      load: (url, context, nextLoad) =>
        isBinaryen(url) ? plainBinaryen(url) : rewriteLoaded(url, nextLoad(url, context)),
    })
  rewriteCommonJs()
}

interface Compiling {
  _compile(content: string, filename: string, ...rest: unknown[]): unknown
}

/** CommonJS goes past hooks where it is required, or compiled by tsx. */
function rewriteCommonJs(): void {
  const prototype = nodeModule.Module.prototype as object as Compiling
  // oxlint-disable-next-line typescript/unbound-method -- called with the module it is called on
  const compile = prototype._compile
  prototype._compile = function (this: Compiling, content, filename, ...rest): unknown {
    const isUsers = !/[\\/]node_modules[\\/]/.test(filename) && /\.(?:[cm]?[jt]sx?)$/.test(filename)
    const rewritten = isUsers ? rewriteText(pathToFileURL(filename).href, content, 'commonjs') : undefined
    return Reflect.apply(compile, this, [rewritten ?? content, filename, ...rest])
  }
}
