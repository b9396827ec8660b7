/**
 * Lets binaryen past tsx: `node --import tsx --import ./scripts/plain-binaryen.ts file.ts`.
 *
 * tsx rewrites dynamic imports in every module it loads. binaryen is one file of 15 MB with one of them, and rewriting
 * it takes six seconds at each start; as it stands, it loads in a third of a second. Node asks the hook registered last
 * first, so this one answers for binaryen and leaves all else to tsx. The file is imported twice: by the main
 * thread, to register itself, and by the thread in which Node runs hooks.
 */
import { readFile } from 'node:fs/promises'
import { type LoadHook, register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

export const load: LoadHook = async (url, context, nextLoad) =>
  url.endsWith('/node_modules/binaryen/index.js')
    ? { format: 'module', source: await readFile(new URL(url)), shortCircuit: true }
    : nextLoad(url, context)

if (isMainThread) register(import.meta.url)
