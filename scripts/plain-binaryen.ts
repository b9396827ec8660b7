/**
 * Lets binaryen past tsx: `node --import tsx --import ./scripts/plain-binaryen.ts file.ts`.
 *
 * tsx rewrites dynamic imports in every module it loads. binaryen is one file of 15 MB with one of them, and rewriting
 * it takes six seconds at each start; as it stands, it loads in a third of a second. Node asks the hook registered last
 * first, so this one answers for binaryen and leaves all else to tsx.
 *
 * It has to be a hook of the kind tsx registers: where Node has `registerHooks` (from 22.15 on), a synchronous one in
 * the thread of the program, which comes before the others; elsewhere one that runs in a thread of its own, for which
 * this file is imported a second time.
 */
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { isMainThread } from 'node:worker_threads'

interface Loaded {
  readonly format: 'module'
  readonly source: string
  readonly shortCircuit: true
}

/** Both kinds of hooks have this form; what the next one gives is handed through. */
export function load<Context, Next>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Next,
): Loaded | Next {
  return url.endsWith('/node_modules/binaryen/index.js')
    ? { format: 'module', source: readFileSync(new URL(url), 'utf8'), shortCircuit: true }
    : nextLoad(url, context)
}

/** Newer than the oldest Node that is supported. */
const { registerHooks } = nodeModule as { readonly registerHooks?: (hooks: { load: typeof load }) => void }

if (isMainThread)
  if (registerHooks === undefined) nodeModule.register(import.meta.url)
  else registerHooks({ load })
